//! The S3 endpoint: what a client that keeps its truth in it relies on.

use std::thread;

use terrane_local::RefusalKind;
use terrane_local::client::Error;
use terrane_local::spec::{BucketSpec, Change, Data};

use crate::s3::S3;
use crate::support::Region;

/// Writers that race for one key.
const RACERS: usize = 32;

async fn endpoint(region: &Region) -> S3 {
    let s3 = S3::of(region).await;
    region.client().await.put_bucket("meta", BucketSpec::default()).await.unwrap();
    s3
}

/// Statuses of racing conditional writes: how many won, and how many were told that they lost.
fn race(s3: &S3, path: &str, condition: (&str, &str)) -> (usize, usize) {
    let statuses: Vec<u16> = thread::scope(|scope| {
        // Each body is written once: an entity tag is a digest of the body, so a body written again makes an old tag valid again.
        let write = |racer: usize| s3.put_if(path, condition, &format!("{racer} if {condition:?}")).status;
        let racers: Vec<_> = (0..RACERS).map(|racer| scope.spawn(move || write(racer))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    (count(200), count(412))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_conditional_writes_one_wins() {
    let region = Region::start("race").await;
    let s3 = endpoint(&region).await;
    for round in 0..10 {
        let path = format!("meta/key-{round}");
        assert_eq!(race(&s3, &path, ("if-none-match", "*")), (1, RACERS - 1));
        let tag = s3.get(&path).header("etag").unwrap().to_owned();
        assert_eq!(race(&s3, &path, ("if-match", &tag)), (1, RACERS - 1));
    }
}

#[tokio::test]
async fn conditions_answer_as_s3_does() {
    let region = Region::start("conditions").await;
    let s3 = endpoint(&region).await;
    assert_eq!(s3.put_if("meta/a", ("if-match", "\"00\""), "x").status, 404);
    assert_eq!(s3.put_if("meta/a", ("if-none-match", "*"), "one").status, 200);
    let tag = s3.get("meta/a").header("etag").unwrap().to_owned();
    assert_eq!(s3.put_if("meta/a", ("if-match", "\"00\""), "x").status, 412);
    assert_eq!(s3.put_if("meta/a", ("if-match", &tag), "two").status, 200);
    assert_eq!(s3.get("meta/a").text(), "two");
    assert_eq!(s3.send("GET", "meta/a", &[("if-match", &tag)], b"").status, 412);
    let tag = s3.get("meta/a").header("etag").unwrap().to_owned();
    assert_eq!(s3.send("GET", "meta/a", &[("if-none-match", &tag)], b"").status, 304);

    let refused = s3.send("PUT", "meta/a", &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], b"damaged");
    assert_eq!(refused.status, 400);
    assert_eq!(s3.get("meta/a").text(), "two");
    assert_eq!(s3.with_secret("guessed").get("meta/a").status, 403);
    assert_eq!(s3.get("nowhere/a").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_whole_versions_also_after_a_kill() {
    let region = Region::start("whole").await;
    let s3 = endpoint(&region).await;
    let body = |version: u32| format!("{version:04} ").repeat(40_000);
    let tags: Vec<String> =
        (0..2).map(|version| s3.put("meta/a", &body(version)).header("etag").unwrap().to_owned()).collect();
    let check = |read: &crate::s3::Response| {
        let version: usize = read.text()[..4].parse().unwrap();
        assert_eq!(read.text(), body(u32::try_from(version).unwrap()));
        assert_eq!(read.header("etag").unwrap(), tags[version]);
    };
    let writing = {
        let (s3, bodies) = (s3.clone(), [body(0), body(1)]);
        // Until the agent is killed in the middle of a write.
        let write = move |version: usize| s3.try_send("PUT", "meta/a", &[], bodies[version].as_bytes()).is_ok();
        thread::spawn(move || (0..2).cycle().take_while(|version| write(*version)).count())
    };
    (0..40).for_each(|_| check(&s3.get("meta/a")));
    region.kill_agent().await;
    assert!(writing.join().unwrap() > 0);
    region.start_agent().await;
    check(&s3.get("meta/a"));
}

#[tokio::test]
async fn objects_are_listed_copied_joined_and_deleted() {
    let region = Region::start("objects").await;
    let s3 = endpoint(&region).await;
    for key in ["a", "a/b", "a/c%20d", "z"] {
        assert_eq!(s3.put(&format!("meta/{key}"), key).status, 200, "{key}");
    }
    let listing = s3.get("meta?delimiter=%2F&list-type=2").text();
    assert!(listing.contains("<Key>a</Key>") && listing.contains("<Prefix>a/</Prefix>"), "{listing}");
    assert!(!listing.contains("a/b"), "{listing}");
    let listing = s3.get("meta?list-type=2&prefix=a%2F").text();
    assert!(listing.contains("<Key>a/c d</Key>") && listing.contains("ETag"), "{listing}");

    assert_eq!(s3.send("PUT", "meta/copy", &[("x-amz-copy-source", "/meta/a")], b"").status, 200);
    assert_eq!(s3.send("GET", "meta/copy", &[("range", "bytes=0-0")], b"").text(), "a");

    let begun = s3.send("POST", "meta/joined?uploads=", &[], b"").text();
    let id = begun.split("<UploadId>").nth(1).unwrap().split('<').next().unwrap();
    let first = "x".repeat(5 * 1024 * 1024);
    let mut parts = String::new();
    for (number, body) in [(1, first.as_str()), (2, "end")] {
        let tag = s3.put(&format!("meta/joined?partNumber={number}&uploadId={id}"), body);
        let tag = tag.header("etag").unwrap().to_owned();
        parts.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"));
    }
    let complete = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let joined = s3.send("POST", &format!("meta/joined?uploadId={id}"), &[("if-none-match", "*")], complete.as_bytes());
    assert_eq!(joined.status, 200, "{}", joined.text());
    assert_eq!(s3.get("meta/joined").text(), format!("{first}end"));

    assert_eq!(s3.send("DELETE", "meta/a", &[], b"").status, 204);
    assert_eq!(s3.get("meta/a").status, 404);
    assert_eq!(s3.get("meta/a/b").text(), "a/b");
}

#[tokio::test]
async fn a_bucket_with_objects_is_removed_only_with_its_data() {
    let region = Region::start("buckets").await;
    let s3 = endpoint(&region).await;
    let mut client = region.client().await;
    assert_eq!(client.put_bucket("meta", BucketSpec::default()).await.unwrap(), Change::Unchanged);
    s3.put("meta/a", "12345");
    let bucket = client.status().await.unwrap().buckets.remove("meta").unwrap();
    assert_eq!((bucket.objects, bucket.size_bytes), (1, 5));
    let refused = client.remove_bucket("meta", Data::Kept).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { kind: RefusalKind::Conflict, .. }), "{refused}");
    assert_eq!(client.remove_bucket("meta", Data::Deleted).await.unwrap(), Change::Removed);
    assert_eq!(client.remove_bucket("meta", Data::Kept).await.unwrap(), Change::Absent);
    assert_eq!(s3.get("meta/a").status, 404);
}
