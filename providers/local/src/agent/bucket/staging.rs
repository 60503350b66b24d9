//! Receiving a body: into a staged file, with its digests verified before it can become anything.

use futures_util::StreamExt;
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Result, s3_error};
use tokio::io::AsyncWriteExt;

use super::object::Checksums;
use super::store::{Staged, Store};

/// What the writer says about the body, to be held against it.
#[derive(Default)]
pub(super) struct Claims {
    pub(super) length_bytes: Option<i64>,
    pub(super) content_md5: Option<String>,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) checksums: Checksums,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// A body that has arrived whole.
pub(super) struct Received {
    pub(super) staged: Staged,
    pub(super) size_bytes: u64,
    pub(super) md5: String,
    pub(super) checksums: Checksums,
}

/// Receives a body and verifies what was claimed of it.
pub(super) async fn receive(store: &Store, mut body: StreamingBlob, mut claims: Claims) -> S3Result<Received> {
    let staged = store.stage();
    let mut file = tokio::fs::File::create(&staged.path).await.map_err(s3s::S3Error::internal_error)?;
    let mut md5 = Md5::new();
    let mut hasher = claims.hasher()?;
    let mut size_bytes = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| s3_error!(IncompleteBody, "the body did not arrive whole: {error}"))?;
        md5.update(&chunk);
        hasher.update(&chunk);
        size_bytes += chunk.len() as u64;
        file.write_all(&chunk).await.map_err(s3s::S3Error::internal_error)?;
    }
    file.flush().await.map_err(s3s::S3Error::internal_error)?;
    let digest = md5.finalize();
    claims.take_trailers()?;
    claims.verify(size_bytes, &digest, &hasher.finalize().into())?;
    Ok(Received { staged, size_bytes, md5: hex(&digest), checksums: claims.checksums })
}

impl Claims {
    fn hasher(&self) -> S3Result<ChecksumHasher> {
        let asked = |name: &str| self.algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == name);
        if let Some(algorithm) = &self.algorithm
            && !["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].contains(&algorithm.as_str())
        {
            return Err(s3_error!(InvalidArgument, "the checksum algorithm {} is not known", algorithm.as_str()));
        }
        let claimed = &self.checksums;
        Ok(ChecksumHasher {
            crc32: (claimed.crc32.is_some() || asked("CRC32")).then(Default::default),
            crc32c: (claimed.crc32c.is_some() || asked("CRC32C")).then(Default::default),
            crc64nvme: (claimed.crc64nvme.is_some() || asked("CRC64NVME")).then(Default::default),
            sha1: (claimed.sha1.is_some() || asked("SHA1")).then(Default::default),
            sha256: (claimed.sha256.is_some() || asked("SHA256")).then(Default::default),
        })
    }

    /// Checksums may come after the body.
    fn take_trailers(&mut self) -> S3Result<()> {
        let Some(trailers) = self.trailers.take().and_then(|trailers| trailers.take()) else { return Ok(()) };
        let claimed = &mut self.checksums;
        for (name, place) in [
            ("x-amz-checksum-crc32", &mut claimed.crc32),
            ("x-amz-checksum-crc32c", &mut claimed.crc32c),
            ("x-amz-checksum-crc64nvme", &mut claimed.crc64nvme),
            ("x-amz-checksum-sha1", &mut claimed.sha1),
            ("x-amz-checksum-sha256", &mut claimed.sha256),
        ] {
            if let Some(value) = trailers.get(name) {
                let text = value.to_str().map_err(|_| s3_error!(InvalidArgument, "{name} is not text"))?;
                *place = Some(text.to_owned());
            }
        }
        Ok(())
    }

    /// Holds the claims against the body. A checksum that was only announced is kept as it was computed.
    fn verify(&mut self, size_bytes: u64, md5: &[u8], computed: &Checksums) -> S3Result<()> {
        if self.length_bytes.is_some_and(|claimed| u64::try_from(claimed) != Ok(size_bytes)) {
            return Err(s3_error!(IncompleteBody, "the body has {size_bytes} bytes, not as many as announced"));
        }
        if self.content_md5.as_ref().is_some_and(|claimed| *claimed != base64(md5)) {
            return Err(s3_error!(BadDigest, "the body does not match its Content-MD5"));
        }
        let claimed = &mut self.checksums;
        for (place, computed) in [
            (&mut claimed.crc32, &computed.crc32),
            (&mut claimed.crc32c, &computed.crc32c),
            (&mut claimed.crc64nvme, &computed.crc64nvme),
            (&mut claimed.sha1, &computed.sha1),
            (&mut claimed.sha256, &computed.sha256),
        ] {
            if computed.is_some() && place.is_some() && *place != *computed {
                return Err(s3_error!(BadDigest, "the body does not match its checksum"));
            }
            place.clone_from(computed);
        }
        Ok(())
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = (word >> (18 - 6 * position)) & 63;
            text.push(if position <= group.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_pads() {
        let cases: [(&[u8], &str); 4] = [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foob", "Zm9vYg==")];
        for (bytes, text) in cases {
            assert_eq!(super::base64(bytes), text);
        }
    }
}
