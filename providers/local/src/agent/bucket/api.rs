//! The S3 operations, in terms of the store.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CommonPrefix, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, ETag, ETagCondition, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, Metadata, MetadataDirective, Object, Part, PutObjectInput, PutObjectOutput,
    StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::listing::{self, Page, Query};
use super::multipart::{PartName, Upload, s3_code};
use super::object::{Attributes, Checksums, Headers};
use super::staging::{Claims, receive};
use super::store::{Condition, Store, Version, open_version};

/// Bytes read from a file at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Most entries of one page of a listing, as in S3.
const ENTRIES_MAX: i32 = 1000;

/// S3 over a store.
pub(super) struct Api {
    pub(super) store: Arc<Store>,
}

impl Api {
    /// Runs an operation of the store on a thread that may block.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static) -> S3Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store)).await.map_err(S3Error::internal_error)?
    }

    async fn open(&self, bucket: String, key: String, conditions: ReadConditions) -> S3Result<Version> {
        let version = self.run(move |store| store.version(&bucket, &key).map_err(s3_code)).await?;
        conditions.check(&version.attributes)?;
        Ok(version)
    }

    async fn list(
        &self,
        bucket: String,
        (prefix, delimiter): (String, String),
        after: String,
        entries_max: i32,
    ) -> S3Result<Page<Attributes>> {
        self.run(move |store| {
            let keys = store.keys(&bucket).map_err(s3_code)?;
            let entries_max = usize::try_from(entries_max).unwrap_or(0);
            let query = Query { prefix: &prefix, delimiter: &delimiter, after: &after, entries_max };
            let page = listing::page(keys, &query);
            // An object deleted since the folder was read is left out.
            let open = |(key, path): (String, std::path::PathBuf)| Some((key, open_version(&path).ok()?.attributes));
            let keys = page.keys.into_iter().filter_map(open).collect();
            Ok(Page { keys, common_prefixes: page.common_prefixes, next: page.next })
        })
        .await
    }
}

/// Conditions of a read.
struct ReadConditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl ReadConditions {
    fn check(&self, attributes: &Attributes) -> S3Result<()> {
        let matches = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(tag) => tag.value() == attributes.e_tag,
        };
        if self.if_match.as_ref().is_some_and(|condition| !matches(condition)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(matches) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

/// The condition of a write. S3 knows `If-None-Match` with a star only.
fn write_condition(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Always),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(tag)), None) => Ok(Condition::Tag(tag.into_value())),
        _ => Err(s3_error!(NotImplemented, "a write takes If-Match, or If-None-Match: *, and not both")),
    }
}

fn metadata_of(metadata: Option<Metadata>) -> std::collections::BTreeMap<String, String> {
    metadata.into_iter().flatten().collect()
}

fn metadata_to(attributes: &Attributes) -> Option<Metadata> {
    let metadata: Metadata = attributes.metadata.clone().into_iter().collect();
    (!metadata.is_empty()).then_some(metadata)
}

fn signed(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}

/// The part of a file that was asked for.
fn body_of(version: Version, range: Range<u64>) -> StreamingBlob {
    let file = tokio::fs::File::from_std(version.file);
    StreamingBlob::wrap(chunks(file, range))
}

fn chunks(
    file: tokio::fs::File,
    range: Range<u64>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static {
    stream::try_unfold((file, range, false), |(mut file, range, sought)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        if !sought {
            file.seek(std::io::SeekFrom::Start(range.start)).await?;
        }
        let wanted = (range.end - range.start).min(CHUNK_BYTES);
        let mut chunk = Vec::new();
        (&mut file).take(wanted).read_to_end(&mut chunk).await?;
        if chunk.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let rest = range.start + chunk.len() as u64..range.end;
        Ok(Some((Bytes::from(chunk), (file, rest, true))))
    })
}

fn object_of((key, attributes): (String, Attributes)) -> Object {
    Object {
        e_tag: Some(attributes.tag()),
        last_modified: Some(attributes.modified()),
        size: signed(attributes.size_bytes),
        key: Some(key),
        ..Object::default()
    }
}

fn prefixes_of(prefixes: Vec<String>) -> Option<Vec<CommonPrefix>> {
    let prefixes: Vec<CommonPrefix> =
        prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect();
    (!prefixes.is_empty()).then_some(prefixes)
}

#[async_trait::async_trait]
impl S3 for Api {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let condition = write_condition(input.if_match, input.if_none_match)?;
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        // Before the body is taken in: a bucket that isn't there, a key that can't be.
        self.store.file(&input.bucket, &input.key).map_err(s3_code)?;
        let claims = Claims {
            length_bytes: input.content_length,
            content_md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksums: Checksums {
                crc32: input.checksum_crc32,
                crc32c: input.checksum_crc32c,
                crc64nvme: input.checksum_crc64nvme,
                sha1: input.checksum_sha1,
                sha256: input.checksum_sha256,
            },
            trailers: request.trailing_headers,
        };
        let received = receive(&self.store, body, claims).await?;
        let attributes = Attributes {
            size_bytes: received.size_bytes,
            e_tag: received.md5,
            headers: Headers {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
            },
            metadata: metadata_of(input.metadata),
            checksums: received.checksums,
            ..Attributes::default()
        };
        let (bucket, key, staged) = (input.bucket, input.key, received.staged);
        let commit =
            move |store: &Store| store.commit((&bucket, &key), &staged, attributes, &condition).map_err(s3_code);
        let attributes = self.run(commit).await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(attributes.tag()),
            checksum_crc32: attributes.checksums.crc32,
            checksum_crc32c: attributes.checksums.crc32c,
            checksum_crc64nvme: attributes.checksums.crc64nvme,
            checksum_sha1: attributes.checksums.sha1,
            checksum_sha256: attributes.checksums.sha256,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let conditions = ReadConditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let version = self.open(input.bucket, input.key, conditions).await?;
        let attributes = version.attributes.clone();
        let (range, content_range) = match input.range {
            None => (0..attributes.size_bytes, None),
            Some(asked) => {
                let range = asked.check(attributes.size_bytes).map_err(|_| s3_error!(InvalidRange))?;
                let text = format!("bytes {}-{}/{}", range.start, range.end - 1, attributes.size_bytes);
                (range, Some(text))
            }
        };
        let is_whole = content_range.is_none();
        let checksums = if is_whole { attributes.checksums.clone() } else { Checksums::default() };
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: signed(range.end - range.start),
            content_range,
            body: Some(body_of(version, range)),
            e_tag: Some(attributes.tag()),
            last_modified: Some(attributes.modified()),
            metadata: metadata_to(&attributes),
            content_type: attributes.headers.content_type,
            content_encoding: attributes.headers.content_encoding,
            content_disposition: attributes.headers.content_disposition,
            content_language: attributes.headers.content_language,
            cache_control: attributes.headers.cache_control,
            checksum_crc32: checksums.crc32,
            checksum_crc32c: checksums.crc32c,
            checksum_crc64nvme: checksums.crc64nvme,
            checksum_sha1: checksums.sha1,
            checksum_sha256: checksums.sha256,
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let conditions = ReadConditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let attributes = self.open(input.bucket, input.key, conditions).await?.attributes;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: signed(attributes.size_bytes),
            e_tag: Some(attributes.tag()),
            last_modified: Some(attributes.modified()),
            metadata: metadata_to(&attributes),
            content_type: attributes.headers.content_type,
            content_encoding: attributes.headers.content_encoding,
            content_disposition: attributes.headers.content_disposition,
            content_language: attributes.headers.content_language,
            cache_control: attributes.headers.cache_control,
            checksum_crc32: attributes.checksums.crc32,
            checksum_crc32c: attributes.checksums.crc32c,
            checksum_crc64nvme: attributes.checksums.crc64nvme,
            checksum_sha1: attributes.checksums.sha1,
            checksum_sha256: attributes.checksums.sha256,
            ..HeadObjectOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
            return Err(s3_error!(NotImplemented, "a copy's source must be a bucket and a key"));
        };
        let conditions =
            ReadConditions { if_match: input.copy_source_if_match, if_none_match: input.copy_source_if_none_match };
        let mut version = self.open(bucket.into(), key.into(), conditions).await?;
        let mut attributes = Attributes { replica_of: None, ..version.attributes };
        if input.metadata_directive.is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE) {
            attributes.metadata = metadata_of(input.metadata);
            attributes.headers = Headers {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
            };
        }
        let copy = move |store: &Store| {
            let staged = store.stage();
            let mut body = std::io::Read::take(&mut version.file, attributes.size_bytes);
            let target = std::fs::File::create(&staged.path);
            target.and_then(|mut target| std::io::copy(&mut body, &mut target)).map_err(S3Error::internal_error)?;
            store.commit((&input.bucket, &input.key), &staged, attributes, &Condition::Always).map_err(s3_code)
        };
        let attributes = self.run(copy).await?;
        let result = CopyObjectResult {
            e_tag: Some(attributes.tag()),
            last_modified: Some(attributes.modified()),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        let condition = write_condition(input.if_match, None)?;
        self.run(move |store| store.delete(&input.bucket, &input.key, &condition).map_err(s3_code)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let delete = move |store: &Store| {
            let mut seen = HashSet::new();
            let mut deleted = Vec::new();
            for object in input.delete.objects {
                if seen.insert(object.key.clone()) {
                    store.delete(&input.bucket, &object.key, &Condition::Always).map_err(s3_code)?;
                    deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
                }
            }
            Ok(deleted)
        };
        let deleted = Some(self.run(delete).await?);
        Ok(S3Response::new(DeleteObjectsOutput { deleted, ..DeleteObjectsOutput::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
        let max_keys = input.max_keys.unwrap_or(ENTRIES_MAX).clamp(0, ENTRIES_MAX);
        let within = (input.prefix.clone().unwrap_or_default(), input.delimiter.clone().unwrap_or_default());
        let page = self.list(input.bucket.clone(), within, after, max_keys).await?;
        let count = page.keys.len() + page.common_prefixes.len();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            max_keys: Some(max_keys),
            key_count: i32::try_from(count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(page.keys.into_iter().map(object_of).collect()),
            common_prefixes: prefixes_of(page.common_prefixes),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let max_keys = input.max_keys.unwrap_or(ENTRIES_MAX).clamp(0, ENTRIES_MAX);
        let within = (input.prefix.clone().unwrap_or_default(), input.delimiter.clone().unwrap_or_default());
        let after = input.marker.clone().unwrap_or_default();
        let page = self.list(input.bucket.clone(), within, after, max_keys).await?;
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(max_keys),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            contents: Some(page.keys.into_iter().map(object_of).collect()),
            common_prefixes: prefixes_of(page.common_prefixes),
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.run(|store| store.buckets().map_err(S3Error::internal_error)).await?;
        let bucket = |(name, made): (String, std::time::SystemTime)| Bucket {
            name: Some(name),
            creation_date: Some(Timestamp::from(made)),
            ..Bucket::default()
        };
        let buckets = Some(buckets.into_iter().map(bucket).collect());
        Ok(S3Response::new(ListBucketsOutput { buckets, ..ListBucketsOutput::default() }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store.bucket(&request.input.bucket).map_err(s3_code)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.store.bucket(&request.input.bucket).map_err(s3_code)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let attributes = Attributes {
            headers: Headers {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
            },
            metadata: metadata_of(input.metadata),
            ..Attributes::default()
        };
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let upload_id = self.run(move |store| Upload::begin(store, (&bucket, &key), attributes)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let claims = Claims {
            length_bytes: input.content_length,
            content_md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksums: Checksums {
                crc32: input.checksum_crc32,
                crc32c: input.checksum_crc32c,
                crc64nvme: input.checksum_crc64nvme,
                sha1: input.checksum_sha1,
                sha256: input.checksum_sha256,
            },
            trailers: request.trailing_headers,
        };
        let received = receive(&self.store, body, claims).await?;
        let add = move |store: &Store| {
            Upload::find(store, (&input.bucket, &input.key), &input.upload_id)?.add(input.part_number, &received)
        };
        let e_tag = Some(ETag::Strong(self.run(add).await?));
        Ok(S3Response::new(UploadPartOutput { e_tag, ..UploadPartOutput::default() }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
        let parts = self.run(move |store| Upload::find(store, (&bucket, &key), &id)?.parts()).await?;
        let part = |(number, attributes): (i32, Attributes)| Part {
            part_number: Some(number),
            e_tag: Some(attributes.tag()),
            size: signed(attributes.size_bytes),
            last_modified: Some(attributes.modified()),
            ..Part::default()
        };
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(false),
            parts: Some(parts.into_iter().map(part).collect()),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let condition = write_condition(input.if_match, input.if_none_match)?;
        let mut parts = Vec::new();
        for part in input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default() {
            let number = part.part_number.ok_or_else(|| s3_error!(InvalidRequest, "a part has no number"))?;
            parts.push(PartName { number, e_tag: part.e_tag.map(ETag::into_value) });
        }
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id);
        let complete = move |store: &Store| Upload::find(store, (&bucket, &key), &id)?.complete(&parts, &condition);
        let attributes = self.run(complete).await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(attributes.tag()),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.run(move |store| Upload::find(store, (&input.bucket, &input.key), &input.upload_id)?.abort()).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
