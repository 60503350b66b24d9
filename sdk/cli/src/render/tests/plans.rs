//! Plans: the tree, the symbols, what changes and why.

use super::{super::View, *};
use serde_json::json;
use terrane_core::{Note, plan::Waiting};

const VIEW: View = View { columns: 110, diff: false, unchanged: false };

fn drawn(plan: &Plan, view: View) -> String {
    super::super::plan::plan(plan, view).unstyled()
}

fn region(name: &str, subnet: &str) -> Vec<Step> {
    let head = create("", "local:Region", name, json!({"subnet": subnet}));
    let mut steps = vec![create(name, "local:Bucket", "snapshots", json!({}))];
    for index in 0..3 {
        let mut node = create(name, "restate:Node", &format!("restate-{index}"), json!({"port": 5122 + index}));
        node.unknown.insert("address".to_owned(), format!("known after {name}.subnet"));
        node.dependencies.insert(head.urn.clone());
        steps.push(node);
    }
    steps.insert(0, head);
    steps
}

#[test]
fn a_first_up_is_a_tree_by_scope_with_the_like_folded() {
    let mut steps = [region("us-east-1", "127.1.0.0/24"), region("eu-central-1", "127.2.0.0/24")].concat();
    let mut cluster = create("", "restate:Cluster", "demo", json!({"partitions": 6, "replication": {"region": 2}}));
    cluster.dependencies = steps.iter().map(|step| step.urn.clone()).collect();
    steps.push(cluster);
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let headings = row(["If this fails", "writes", "what you do"]);
    let rows = vec![row(["one node", "stop <= 3 s", "nothing"]), row(["one region", "stop", "bring it back"])];
    let mut plan = plan(steps);
    plan.notes.push(Note::Table { headings, rows });
    plan.notes.push(Note::Warning { subject: "demo".to_owned(), text: "metadata lives in one region only".to_owned() });
    insta::assert_snapshot!(drawn(&plan, VIEW), @r#"
    + us-east-1                local:Region      subnet: 127.1.0.0/24
      + snapshots              local:Bucket
      + restate-0              restate:Node      port: 5122
        restate-1, restate-2   the same
      eu-central-1             the same, 5 resources each
    + demo                     restate:Cluster   partitions: 6

    If this fails   writes        what you do
    one node        stop <= 3 s   nothing
    one region      stop          bring it back

    warning: demo: metadata lives in one region only

    11 to create. Longest chain: 3 steps.
    "#);
}

/// A step of each sort, and a part that waits.
fn of_every_sort() -> Plan {
    let region = urn("", "aws:Region", "use1");
    let bucket = urn("", "aws:s3:Bucket", "snapshots");
    let mut moved_region = step(Op::Update, region.clone(), input("name", &[]));
    moved_region.changes = vec![change("name", json!("us-east-1"), json!("us-west-2"))];
    let mut replaced = step(Op::Replace { delete_first: false }, bucket.clone(), input("region", &[&region]));
    replaced.changes = vec![Change { replaces: true, ..change("region", json!("us-east-1"), json!("us-west-2")) }];
    let mut first = step(Op::Replace { delete_first: true }, urn("net", "aws:ec2:Subnet", "a"), input("cidr", &[]));
    first.changes = vec![Change { replaces: true, ..change("cidr", json!("10.0.0.0/24"), json!("10.0.1.0/24")) }];
    let awaits = Why::Awaits { name: "value".to_owned(), on: bucket, field: "domain".to_owned() };
    let mut dns = step(Op::Update, urn("", "aws:route53:Record", "dns"), awaits.clone());
    dns.uncertain = true;
    let after = Shown::Unknown("known after snapshots is replaced".to_owned());
    dns.changes = vec![Change { after, ..change("value", json!("a.example"), json!(null)) }];
    let mut maybe = step(Op::Replace { delete_first: false }, urn("", "aws:acm:Certificate", "tls"), awaits);
    maybe.uncertain = true;
    let secret = Change { before: Shown::Secret, after: Shown::Secret, ..change("password", json!(0), json!(0)) };
    let mut user = step(Op::Update, urn("", "aws:iam:User", "ci"), input("password", &[]));
    user.changes = vec![secret, Change { before: Shown::Absent, ..change("tags.team", json!(0), json!("infra")) }];
    let mut moved = step(Op::Same, urn("net", "aws:ec2:Vpc", "main"), Why::New);
    moved.moved_from = Some(urn("", "aws:ec2:Vpc", "vpc"));
    let mut import = step(Op::Import, urn("", "aws:s3:Bucket", "legacy"), Why::New);
    import.import = Some("acme-legacy".to_owned());
    let mut kept = step(Op::Delete, urn("", "aws:s3:Bucket", "ledger"), Why::LeftProgram);
    kept.kept.protected = true;
    let gone = step(Op::Delete, urn("", "aws:iam:Policy", "old-policy"), Why::LeftProgram);
    let forgotten = step(Op::Forget, urn("", "aws:s3:Bucket", "archive"), Why::LeftProgram);
    let drifted = step(Op::Update, urn("", "aws:sqs:Queue", "jobs"), Why::Drifted);
    let same = step(Op::Same, urn("", "aws:sqs:Queue", "dead"), Why::New);
    let steps =
        vec![moved_region, replaced, first, dns, maybe, user, moved, import, forgotten, drifted, same, kept, gone];
    let mut plan = plan(steps);
    plan.waiting.push(Waiting {
        scope: "delegation".to_owned(),
        on: vec![urn("", "aws:route53:Zone", "shop")],
        held: vec![urn("delegation", "aws:route53:Record", "ns")],
        site: "src/main.rs:30".to_owned(),
    });
    plan
}

#[test]
fn every_symbol_with_its_reason() {
    insta::assert_snapshot!(drawn(&of_every_sort(), View { unchanged: true, ..VIEW }), @r#"
    ~  use1         aws:Region            name: us-east-1 -> us-west-2
    ~? dns          aws:route53:Record    value: a.example -> known after snapshots is replaced
         because dns.value  <-  snapshots.domain  <-  use1.name   src/main.rs:14
    ~  ci           aws:iam:User
         password: [secret] -> [secret] (changed)
         tags.team: (none) -> infra
       net/
      →  main       aws:ec2:Vpc           was vpc
    <  legacy       aws:s3:Bucket         adopts acme-legacy
    -  archive      aws:s3:Bucket         leaves the state; the object stays where it is
    ~  jobs         aws:sqs:Queue         was changed outside the program
    ·  dead         aws:sqs:Queue

    ? delegation  waits for aws:route53:Zone/shop   src/main.rs:30
        held until then: delegation/ns

    ±  snapshots    aws:s3:Bucket         region: us-east-1 -> us-west-2 (the API can't change it)
         because snapshots.region  <-  use1.name   src/main.rs:14
       net/
      ∓  a          aws:ec2:Subnet        cidr: 10.0.0.0/24 -> 10.0.1.0/24 (the API can't change it)
           declared at src/main.rs:14
    ±? tls          aws:acm:Certificate   value: known after snapshots.domain
         because tls.value  <-  snapshots.domain  <-  use1.name   src/main.rs:14
    -  old-policy   aws:iam:Policy        no longer in the program (was src/main.rs:14)

    !  ledger       aws:s3:Bucket         protected: would be deleted; refused

    A `?` after a symbol: may turn out to be less, once the values that it waits for are known.
    1 to import, 4 to update, 1 to move, 1 to forget, 3 to replace (snapshots, net/a, tls),
    1 to delete (old-policy), 1 unchanged, 1 part of the program waiting for values. Refused: 1.
    "#);
}

#[test]
fn long_values_are_compared_by_line_and_by_structure() {
    let lines = |mode: &str| format!("[server]\nport = 1\nhost = x\n[log]\nmode = {mode}\nlevel = 3\n");
    let policy = |action: &str| json!(format!(r#"{{"Statement": [{{"Action": "{action}", "Effect": "Allow"}}]}}"#));
    let mut node = step(Op::Update, urn("", "local:Process", "web"), input("config", &[]));
    node.inputs = properties(json!({"program": "/bin/web", "config": "x"}));
    node.changes = vec![
        change("config", json!(lines("plain")), json!(lines("json"))),
        change("policy", policy("s3:Get"), policy("s3:*")),
        change("note", json!("short"), json!("x".repeat(100))),
    ];
    let plan = plan(vec![node]);
    insta::assert_snapshot!(drawn(&plan, VIEW), @r#"
    ~ web   local:Process
        config:
            host = x
            [log]
          - mode = plain
          + mode = json
            level = 3
        policy.Statement[0].Action: s3:Get -> s3:*
        note: short -> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

    1 to update.
    "#);
    let whole = drawn(&plan, View { diff: true, ..VIEW });
    assert!(whole.contains(&"x".repeat(100)) && whole.contains("program: /bin/web"), "{whole}");
}

#[test]
fn a_comment_for_a_pull_request_shows_what_is_lost_first() {
    let lost = step(Op::Delete, urn("net", "aws:s3:Bucket", "a_b"), Why::LeftProgram);
    let plan = plan(vec![create("", "demo:Thing", "new", json!({"text": "```"})), lost]);
    insta::assert_snapshot!(super::super::markdown::plan_summary(&plan), @r#"
    ### shop / dev: `up`

    1 to create, 1 to delete (net/a\_b).

    | | resource | kind |
    |---|---|---|
    | - **delete** | net/a\_b | `aws:s3:Bucket` |

    <details><summary>The plan</summary>

    ````text
      + new     demo:Thing      text: ```

        net/
        - a_b   aws:s3:Bucket   no longer in the program (was src/main.rs:14)

      1 to create, 1 to delete (net/a_b).
    ````

    </details>
    "#);
}
