//! A state on its way: to a file and back, to its past, to another stack, another name or another place.

use crate::session::Session;
use serde_json::Value;
use std::fs;

/// Two versions of a program, the second carried out.
fn changed() -> Session {
    let session = Session::with("[file.page]\ncontent = 'one'\n[file.till]\nsecret = 'hunter2'\nreads = 'page'\n");
    session.data("up --yes --message opening");
    session.config("[file.page]\ncontent = 'two'\n[file.sign]\n");
    session.data("up --yes");
    session
}

#[test]
fn an_export_loses_nothing_and_keeps_secrets_encrypted() {
    let session = Session::with("[file.page]\n[file.till]\nsecret = 'hunter2'\nreads = 'page'\n");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("state export saved.json"), @"Exported 2 resources of stack `dev` to saved.json; secrets in it are encrypted.");
    let saved = session.read("desk/saved.json");
    assert!(!saved.contains("hunter2"), "{saved}");
    let before: Value = serde_json::from_str(&session.data("stack export --show-secrets")).unwrap();
    session.data("state rm till --yes");
    session.data("state import saved.json --yes");
    let after: Value = serde_json::from_str(&session.data("stack export --show-secrets")).unwrap();
    for part in ["live", "providers", "exports", "lineage"] {
        assert_eq!(before[part], after[part], "{part}");
    }
}

#[test]
fn an_import_into_another_stack_begins_a_lineage_of_its_own() {
    let session = Session::with("[file.page]\n[file.till]\nsecret = 'hunter2'\nreads = 'page'\n");
    session.data("up --yes");
    session.data("state export saved.json");
    session.data("stack init prod");
    insta::assert_snapshot!(session.run("state import saved.json --yes"), @r"
    warning: the file is of shop / dev: as long as that stack keeps its state, both claim the same real objects
    error: stack `dev` has page, till by now, and two stacks can't have one object
      try: `state mv RESOURCE NAME --to-stack prod --stack dev` brings one back
      try: `state rm RESOURCE --stack dev` lets that stack forget one
    --- exit 5
    ");
    session.data("state rm page --stack dev --yes");
    session.data("state rm till --stack dev --yes");
    insta::assert_snapshot!(session.run("state import saved.json --yes"), @r"
    warning: the file is of shop / dev: as long as that stack keeps its state, both claim the same real objects
      + page, till: will be in state; whether their real objects still exist shows with `refresh`
      Only the state is replaced: no real object is touched until the next `up`.
    Stack `prod` has 2 resources in state now.
    ");
    let state = |stack: &str| -> Value {
        serde_json::from_str(&session.data(&format!("stack export -s {stack} --show-secrets"))).unwrap()
    };
    assert_ne!(state("dev")["lineage"], state("prod")["lineage"]);
    let content = &state("prod")["live"]["prod/shop/local:File/till"]["inputs"]["values"]["content"];
    assert!(content.as_str().unwrap().ends_with("hunter2"), "{content}");
    // Over resources that are not its own it is refused.
    session.data("stack init test");
    session.data("up --yes");
    let refused = session.run("state import saved.json --yes");
    assert!(refused.contains("stack `test` has resources, and saved.json is not a state of its own"), "{refused}");
    assert!(refused.ends_with("--- exit 5"), "{refused}");
    session.data("stack rm prod --yes --force");
    session.data("state import saved.json --yes --replace");
    assert_eq!(session.data("state ls").lines().count(), 3);
}

#[test]
fn a_rollback_changes_state_and_up_with_rollback_changes_objects() {
    let session = changed();
    let points = session.data("stack history --json");
    let points: Vec<u64> = points
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["restore_point"].as_u64())
        .collect();
    let [opening, _] = points.as_slice() else { panic!("{points:?}") };
    insta::assert_snapshot!(session.run(&format!("stack rollback {opening} --yes")), @r"
      - sign: will not be in state any more; their real objects stay, and nobody knows of them
      + till: will be in state; whether their real objects still exist shows with `refresh`
      ~ page: will have other inputs in state than their real objects have
      Only the state is replaced: no real object is touched until the next `up`.
    Stack `dev` has 2 resources in state now.
    ");
    assert_eq!(session.read("files/page"), "two", "objects are not touched");
    assert!(session.data("state ls").contains("till"));
    session.data("up --yes");

    session.data(&format!("up --yes --rollback-to {opening}"));
    assert_eq!((session.read("files/page").as_str(), session.path("files/sign").exists()), ("one", false));
    assert!(session.read("files/till").contains("hunter2"));
    insta::assert_snapshot!(session.run("up --rollback-to 3"), @r"
    error: stack `dev` keeps no restore point 3
      try: it keeps 8 ([time]), 17 ([time]), 20 ([time]), 27 ([time]), 36 ([time])
    --- exit 2
    ");
}

#[test]
fn resources_move_to_another_stack() {
    let session = Session::with("[file.page]\n[file.sign]\nreads = 'page'\n");
    session.data("up --yes");
    session.data("stack init prod");
    session.data("stack select dev");
    let refused = session.run("state mv page front/page --to-stack prd");
    assert!(refused.contains("did you mean `prod`?") && refused.ends_with("--- exit 2"), "{refused}");
    insta::assert_snapshot!(session.run("state mv page front/page --to-stack prod"), @r"
    note: it was needed by sign, which stayed
    Moved page to stack `prod`. The object stays as it is; its tags follow with its next change.
    ");
    insta::assert_snapshot!(session.run("state ls -s prod"), @r"
    resource     kind         changed
    front/page   local:File   [time]
    ");
    insta::assert_snapshot!(session.run("state rename sign poster"), @"Renamed sign to poster.");
    insta::assert_snapshot!(session.run("state ls"), @r"
    resource   kind         changed
    poster     local:File   [time]
    ");
    insta::assert_snapshot!(session.run("state rename poster a/b"), @r"
    error: `a/b` can't be a name: a name has a slash or a control character
      try: `state mv` gives a resource another scope
    --- exit 2
    ");
}

#[test]
fn a_stack_gets_another_name_with_all_that_belongs_to_it() {
    let session = Session::with("[file.page]\n");
    session.write("desk/terrane.dev.toml", "small = true\n");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("stack rename dev live --yes"), @r"
    Renamed [root]/desk/terrane.dev.toml to [root]/desk/terrane.live.toml.
    Renamed stack `dev` to `live`. Objects stay as they are; their tags follow with their next change.
    Who still uses `dev` is told; `stack rm dev` frees the name.
    ");
    assert!(session.data("stack history").contains("up"));
    session.data("stack rm dev --yes");
    insta::assert_snapshot!(session.run("stack ls"), @r"
        stack   resources   last run
    *   live    1           [time]
    ");
    insta::assert_snapshot!(session.run("stack rename dev live"), @r"
    error: there is no stack `dev`
      try: one of live
    --- exit 2
    ");
    session.data("stack init dev");
    insta::assert_snapshot!(session.run("stack rename dev live"), @r"
    error: there is a stack `live` already
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack rename dev a/b"), @r"
    error: `a/b` can't be a stack: a name has a slash or a control character
    --- exit 2
    ");
}

#[test]
fn a_lost_place_is_recovered_from_a_copy() {
    let session = changed();
    fs::rename(session.path("state"), session.path("copy")).unwrap();
    let copy = format!("file://{}", session.path("copy").display());
    insta::assert_snapshot!(session.run(&format!("state recover --from {copy}")), @r"
      · the copy ends with record 17, of [time] ([t] ago)
      · what was made after that is not in it: `up` would make it again. Look for objects with the tag terrane:stack first
      · it begins a new lineage here: no id is used again. Should the old place come back, nobody may go on with it there
      Only the state is replaced: no real object is touched until the next `up`.
    error: `Make this the state of shop / dev (2 resources)?` needs an answer, and nobody is there to give it
      try: pass --yes (or set TERRANE_YES=1) to go ahead without being asked
    --- exit 2
    ");
    session.data(&format!("state recover --from {copy} --yes"));
    assert!(session.data("preview").contains("no changes. 2 resources"));
    insta::assert_snapshot!(session.run(&format!("state recover --from {copy} --stack prod")), @r"
    error: there is no stack `prod` of shop in file://[root]/copy
      try: one of dev
    --- exit 2
    ");
}
