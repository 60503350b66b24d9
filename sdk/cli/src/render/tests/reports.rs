//! Ends of runs.

use super::{
    super::{drift, report},
    *,
};
use serde_json::json;
use terrane_core::plan::Counts;
use terrane_engine::{Drift, Ending, Failure, Report};

fn ended(ending: Ending) -> Report {
    Report {
        ending,
        counts: Counts { create: 7, ..Counts::default() },
        failures: Vec::new(),
        not_started: Vec::new(),
        open: Vec::new(),
        unapproved: Vec::new(),
        recovered: Vec::new(),
        exports: properties(json!({"ingress": ["http://127.1.0.1:8080"], "zone": "eu"})),
        took_ms: 14_200,
        critical_path: vec![(urn("", "a:B", "node"), 6_000), (urn("", "a:B", "demo"), 8_100)],
    }
}

fn failure(name: &str, message: &str) -> Failure {
    Failure {
        urn: urn("", "aws:s3:Bucket", name),
        verb: "create".to_owned(),
        site: "src/main.rs:14".to_owned(),
        message: message.to_owned(),
        help: Some("allow s3:CreateBucket".to_owned()),
        code: None,
    }
}

#[test]
fn a_run_that_did_it_all() {
    insta::assert_snapshot!(report::success(&ended(Ending::Done)).unstyled(), @r#"
      ingress   [http://127.1.0.1:8080]
      zone      eu

    done: 7 created in 14.2 s.
    the time went into: node 6.0 s -> demo 8.1 s
    "#);
}

#[test]
fn one_error_for_each_cause_and_what_to_type_next() {
    let denied = "AccessDenied: not authorized to perform s3:CreateBucket";
    let failures = vec![failure("snapshots", denied), failure("other", "timed out"), failure("logs", denied)];
    let not_started = vec![urn("", "a:B", "x"), urn("", "a:B", "y")];
    let failed = Report { failures, not_started, ..ended(Ending::Failed) };
    insta::assert_snapshot!(report::failed(&failed, "up").unstyled(), @r#"
    error: could not create aws:s3:Bucket `snapshots` (src/main.rs:14)
      AccessDenied: not authorized to perform s3:CreateBucket
      the same for logs
      try: allow s3:CreateBucket

    error: could not create aws:s3:Bucket `other` (src/main.rs:14)
      timed out
      try: allow s3:CreateBucket

    stopped here: 7 created, 3 failed, 2 never started after 14.2 s. `up` goes on from here.
    "#);
}

#[test]
fn a_run_that_could_not_write_any_more_says_what_is_open() {
    let (not_started, open) = (vec![urn("", "a:B", "x")], vec![urn("", "a:B", "y"), urn("net", "a:B", "z")]);
    let failed = Report { not_started, open, ..ended(Ending::Failed) };
    insta::assert_snapshot!(report::failed(&failed, "up").unstyled(), @"
    stopped here: 7 created, 1 never started, 2 open after 14.2 s. `up` goes on from here.
    open: y, net/z; what has become of it could not be written down, and `up` finds out first.
    ");
}

#[test]
fn what_others_changed() {
    let changes = vec![change("tags.owner", json!("ann"), json!("bob"))];
    let drift = drift::drift(&[
        Drift { urn: urn("net", "aws:ec2:Vpc", "main"), gone: false, changes },
        Drift { urn: urn("", "aws:s3:Bucket", "logs"), gone: true, changes: Vec::new() },
    ]);
    insta::assert_snapshot!(drift.unstyled(), @r#"
    changed outside the program:
    ~ net/main   aws:ec2:Vpc
        tags.owner: ann -> bob
    - logs   aws:s3:Bucket   gone
    "#);
}
