//! A state that is damaged, looked at and mended.

use crate::session::{Session, files};
use std::fs;

#[test]
fn a_whole_state_is_well() {
    let session = Session::with("[file.page]\n");
    insta::assert_snapshot!(session.run("state doctor"), @r"
    shop / dev · state in [root]/state
      ✓ stack `dev` has no state yet
    ");
    session.data("up --yes");
    let shown = session.run("state doctor");
    assert!(shown.contains("it loads: ") && shown.contains("1 restore point") && !shown.contains("exit"), "{shown}");
    insta::assert_snapshot!(session.run("state repair"), @"There is nothing to repair in stack `dev`.");
}

#[test]
fn a_damaged_state_is_explained_and_begun_anew_from_a_restore_point() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    session.config("[file.page]\n[file.sign]\n");
    session.data("up --yes");
    let log = session.path("state/shop/dev/log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[60] ^= 1;
    fs::write(&log, bytes).unwrap();
    let shown = session.run("state doctor");
    insta::assert_snapshot!(shown, @r"
    shop / dev · state in [root]/state
      ✗ it does not load: the state file [root]/state/shop/dev/log is damaged at byte 0 (record 0): its header doesn't match its checksum; nothing was changed: restore the folder from a backup, or start from one of its snapshots
          nothing was changed, and nothing will be: no command writes to a state that doesn't load
          restore point 11 of [time] is whole (2 resources); what came after it is lost
          1. `state export --at 11 saved.json` writes it to a file
          2. `state repair --set-aside` puts the damaged state out of the way, whole
          3. `state import saved.json` begins the stack anew from it
          4. `refresh` lets it follow what has changed since; look for objects with the tag terrane:stack that it doesn't know
      ✓ 2 restore points, the newest is record 11 of [time]
    --- exit 1
    ");
    let point = shown.split("--at ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    session.data(&format!("state export --at {point} saved.json"));
    let asked = session.run("state repair --set-aside");
    assert!(asked.contains("✗ the state file") && asked.ends_with("--- exit 2"), "{asked}");
    let aside = session.run("state repair --set-aside --yes");
    assert!(aside.contains("The damaged state is [root]/state/damaged/shop/dev-1 now."), "{aside}");
    assert!(session.path("state/damaged/shop/dev-1/log").exists());
    assert!(session.run("state repair --set-aside --yes").contains("loads: nothing of it is to be set aside"));
    session.data("state import saved.json --yes");
    assert!(session.data("preview").contains("no changes. 2 resources"));
    assert_eq!(session.output("state doctor").status.code(), Some(0));
}

#[test]
fn edges_to_what_is_gone_are_dropped() {
    let session = Session::with("[file.page]\n[file.sign]\nreads = 'page'\n");
    session.data("up --yes");
    // Only by hand can such a state come about.
    let saved = session.data("state export").replace("\"dev/shop/local:File/page\"\n", "\"dev/shop/local:File/pge\"\n");
    session.write("desk/saved.json", saved);
    session.data("state import saved.json --yes");
    insta::assert_snapshot!(session.run("state doctor").lines().skip(2).take(2).collect::<Vec<_>>().join("\n"), @r"
    ✗ dev/shop/local:File/sign depends on dev/shop/local:File/pge, which is not in the state
        `state repair` drops the edge; nothing is lost
    ");
    insta::assert_snapshot!(session.run("state repair --yes"), @r"
      ~ dev/shop/local:File/sign depends on dev/shop/local:File/pge, which is not in the state
    Dropped 1 edge.
    ");
    assert_eq!(session.output("state doctor").status.code(), Some(0));
}

#[test]
fn a_broken_state_file_is_refused_whatever_is_wrong_with_it() {
    let session = Session::with("[file.page]\n[file.sign]\nreads = 'page'\n");
    session.data("up --yes");
    let good = session.data("state export");
    let content = || {
        files(&session.path("state"))
            .into_iter()
            .filter(|path| !path.ends_with("lock"))
            .map(|path| fs::read(path).unwrap())
            .collect::<Vec<_>>()
    };
    let before = content();
    let circle = good.replace("\"site\":", "\"dependencies\": [\"dev/shop/local:File/sign\"], \"site\":");
    let cases = [
        ("cut short", good[..good.len() / 2].to_owned()),
        ("not JSON", "\u{0}\u{1}".to_owned()),
        ("nothing", String::new()),
        ("another kind of JSON", "[1, 2]".to_owned()),
        ("a newer form", good.replacen("\"format\": 1", "\"format\": 2", 1)),
        ("a newer state", good.replace("\"state\": {\n    \"format\": 1", "\"state\": {\n    \"format\": 9")),
        ("a circle", circle),
        ("no provider", good.replace("\"provider\": \"local:", "\"provider\": \"other:")),
        ("a stack that can't be", good.replace("\"stack\": \"dev\"", "\"stack\": \"../x\"")),
        ("a long name", good.replace("File/page", &format!("File/{}", "p".repeat(300)))),
        ("deep nesting", format!("{{\"format\": 1, \"x\": {}", "[".repeat(100_000))),
    ];
    for (what, text) in cases {
        session.write("desk/bad.json", &text);
        let output = session.output("state import bad.json --yes --replace");
        let shown = session.shown(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{what}: {shown}");
        assert!(shown.starts_with("error: ") && !shown.contains("panicked"), "{what}: {shown}");
        assert!(content() == before, "{what}: something was written");
    }
    for words in
        ["state import none.json", "state import --from pulumi bad.json", "state import --from terraform bad.json"]
    {
        assert!(matches!(session.output(words).status.code(), Some(1 | 2)), "{words}");
    }
}

#[test]
fn objects_of_another_tool_are_told_as_imports() {
    let session = Session::with("[file.page]\n");
    session.write(
        "desk/other.tfstate",
        r#"{"version": 4, "resources": [
            {"mode": "managed", "type": "local_file", "name": "page", "instances": [{"attributes": {"filename": "/srv/page"}}]},
            {"mode": "managed", "type": "aws_vpc", "name": "main", "instances": [{"attributes": {"id": "vpc-1"}}]},
            {"mode": "managed", "type": "odd_thing", "name": "odd", "instances": [{"attributes": {"id": "1"}}]}]}"#,
    );
    insta::assert_snapshot!(session.run("state import --from terraform other.tfstate"), @r#"
      kind          resource   option                   was
      local:File    page       .imported("/srv/page")   // local_file.page
      aws:ec2:Vpc   main       .imported("vpc-1")       // aws_vpc.main
    --- stderr
    No provider of this program has the kinds aws:ec2:Vpc: add it first.
    No kind stands for odd_thing (1).
    2 objects to adopt: declare each with its option, look at `preview`, and `up` adopts it; or `import RESOURCE ID`, one by one.
    The other tool must forget them afterwards: two tools on one object undo each other's work.
    "#);
    insta::assert_snapshot!(session.data("state import --from terraform other.tfstate --json"), @r#"
    {"from":"local_file.page","id":"/srv/page","kind":"local:File","name":"page"}
    {"from":"aws_vpc.main","id":"vpc-1","kind":"aws:ec2:Vpc","name":"main"}
    "#);
}
