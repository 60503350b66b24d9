//! The bucket itself: made by the command line as state wants it, and what is said of one that is set up otherwise.

use super::{faults::Conduct, moto, proxy::Proxy};
use crate::session::Session;

/// A session whose state is to be in a bucket that there may not be yet. Its address comes from the environment, as an address of AWS's own
/// would: over that, a bucket is set up as on AWS.
fn before(bucket: &str) -> (Session, Proxy) {
    let proxy = Proxy::before(moto::address());
    let mut session = Session::with("[file.page]\n");
    session.set("TERRANE_STATE", format!("s3://{bucket}/team?region=eu-central-1"));
    session.set("AWS_ENDPOINT_URL_S3", format!("http://{}", proxy.address()));
    session.set("AWS_ACCESS_KEY_ID", "terrane");
    session.set("AWS_SECRET_ACCESS_KEY", "terrane-local");
    (session, proxy)
}

#[test]
fn a_bucket_is_made_as_state_wants_it() {
    let (session, _proxy) = before("made-for-state");
    insta::assert_snapshot!(session.run("up --yes"), @r"
    error: s3://made-for-state/team: there is no such bucket; create it, or let `stack init --create-bucket` do it
    --- exit 1
    ");
    let made = session.run("stack init dev --create-bucket");
    assert!(made.starts_with("Made the bucket: private, encrypted, with versions, over TLS only."), "{made}");
    let setting = |name: &str| moto::setting("made-for-state", name);
    assert!(setting("location").contains("eu-central-1"));
    assert!(setting("versioning").contains("<Status>Enabled</Status>"));
    assert!(setting("encryption").contains("AES256"));
    assert_eq!(setting("publicAccessBlock").matches("true").count(), 4);
    assert!(setting("lifecycle").contains("<NoncurrentDays>30</NoncurrentDays>"));
    let policy = setting("policy");
    assert!(policy.contains("aws:SecureTransport") && policy.contains("Deny"), "{policy}");

    moto::forget_policy("made-for-state");
    insta::assert_snapshot!(session.run("stack init prod --create-bucket"), @r"
    The bucket is there already, and was left as it is.
    Made stack `prod`, and selected it.
    ");
    session.data("up --yes");
    let doctor = session.run("state doctor");
    assert!(!doctor.contains('!'), "{doctor}");
}

#[test]
fn a_bucket_that_is_there_is_left_as_it_is_and_said_what_it_lacks() {
    let (session, _proxy) = before("bare");
    moto::bucket("bare");
    moto::set_versions("bare", "Suspended");
    insta::assert_snapshot!(session.run("stack init dev --create-bucket"), @r"
    The bucket is there already, and was left as it is.
    warning: the bucket of s3://bare/team keeps no versions of its objects: what is overwritten or deleted by mistake can't be brought back. Turn versioning on, with a lifecycle rule that lets old versions go
    warning: the bucket of s3://bare/team does not block public access: turn on all four settings of its public access block
    Made stack `dev`, and selected it.
    ");
    assert!(!moto::setting("bare", "versioning").contains("Enabled"));
    session.data("up --yes");
    let doctor = session.run("state doctor");
    assert!(doctor.contains("! the bucket of s3://bare/team keeps no versions"), "{doctor}");
    moto::set_versions("bare", "Enabled");
    let doctor = session.run("state doctor");
    assert!(doctor.contains("! the bucket of s3://bare/team keeps all versions of its objects for ever"), "{doctor}");
}

#[test]
fn a_bucket_of_somebody_else_is_refused() {
    let (session, proxy) = before("theirs");
    proxy.conduct(Conduct::Denying { what: "HEAD" });
    insta::assert_snapshot!(session.run("stack init dev --create-bucket"), @r"
    error: bucket theirs exists, and is not yours or not open to these credentials (the store refuses: status 403): bucket names are shared by everybody, so choose another one, or ask its owner to let you list, read and write it
    --- exit 1
    ");
    let place = session.run("stack init dev --create-bucket --state state");
    assert!(place.contains("is not in a bucket"), "{place}");
}
