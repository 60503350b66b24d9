//! What keeps a person from making, taking or losing objects by accident: old names, copies of the past, lost keys, odd keys.

use crate::session::Session;
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};
use terrane_core::failpoint::{Point, VARIABLE};

/// Runs a command that is killed at a point, which it must come to.
fn kill_at(session: &Session, words: &str, point: Point, times: u32) {
    let mut program = session.program(words);
    program.env(VARIABLE, format!("{point:?}:{times}")).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(program.status().unwrap().code().is_none(), "{words} does not come to {point:?} so often as {times} times");
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// A stack with two files, and a stack `prod` without any.
fn two_stacks() -> Session {
    let session = Session::with("[file.page]\n[file.sign]\n");
    session.data("up --yes");
    session.data("stack init prod");
    session.data("stack select dev");
    session
}

#[test]
fn the_old_name_of_a_stack_says_the_new_one_until_it_is_removed() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    session.data("stack rename dev live --yes");
    insta::assert_snapshot!(session.run("up --yes --stack dev"), @r"
    error: stack `dev` is called `live` now: everything of it is there, and nothing is made under the old name
      try: `--stack live` works on it; `stack rename dev live` lets the selection and the stack's file follow
    --- exit 1
    ");
    for words in ["refresh --yes --stack dev", "state ls --stack dev", "state export --stack dev", "stack select dev"] {
        let refused = session.run(words);
        assert!(refused.contains("stack `dev` is called `live` now"), "{words}: {refused}");
    }
    insta::assert_snapshot!(session.run("stack init dev"), @r"
    error: there is a stack `dev` already
      try: it only says that it is called `live` now: `stack rm dev` frees the name
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack ls"), @r"
        stack   resources   last run
        dev     0           [time]   called `live` now
    *   live    1           [time]
    ");
    session.data("stack rm dev --yes");
    assert_eq!(session.data("stack ls").lines().count(), 2);
    assert!(session.data("state ls").contains("page"));
}

#[test]
fn a_selected_stack_that_somebody_has_removed_is_not_made_anew() {
    let session = Session::with("[file.page]\n");
    session.data("stack init prod");
    session.data("stack rm prod --yes");
    // A colleague's selection knows nothing of it.
    session.write("state/shop/selected-stack", "prod\n");
    for words in ["up --yes", "preview", "refresh --yes", "destroy --yes"] {
        let refused = session.run(words);
        assert!(refused.contains("there is no stack `prod`") && refused.ends_with("--- exit 2"), "{words}: {refused}");
    }
    assert!(!session.path("files/page").exists());
}

#[test]
fn what_has_moved_to_another_stack_is_not_taken_back_by_a_state_of_the_past() {
    let session = two_stacks();
    let points = session.data("stack history --json");
    let points: Vec<Value> = points.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let point = points.iter().find_map(|line| line["restore_point"].as_u64()).unwrap();
    session.data("state export saved.json");
    copy(&session.path("state"), &session.path("copy"));
    session.data("state mv page page --to-stack prod");
    insta::assert_snapshot!(session.run(&format!("stack rollback {point} --yes")), @r"
    error: stack `prod` has page by now, and two stacks can't have one object
      try: `state mv RESOURCE NAME --to-stack dev --stack prod` brings one back
      try: `state rm RESOURCE --stack prod` lets that stack forget one
    --- exit 5
    ");
    let from = session.path("copy").display().to_string();
    for words in ["state import saved.json --yes".to_owned(), format!("state recover --from file://{from} --yes")] {
        let refused = session.run(&words);
        assert!(
            refused.contains("stack `prod` has page by now") && refused.ends_with("--- exit 5"),
            "{words}: {refused}"
        );
    }
    session.data("state rm page --stack prod --yes");
    session.data(&format!("stack rollback {point} --yes"));
    assert!(session.data("preview").contains("no changes. 2 resources"));
}

#[test]
fn of_a_copy_of_the_middle_of_a_move_each_stack_gets_what_is_its_own() {
    for (commits, dev, prod) in [(1, "page sign", ""), (2, "sign", "page"), (3, "sign", "page")] {
        let session = two_stacks();
        kill_at(&session, "state mv page page --to-stack prod", Point::AfterMoveCommit, commits);
        fs::rename(session.path("state"), session.path("copy")).unwrap();
        let from = session.path("copy").display().to_string();
        let told = session.run(&format!("state recover --from file://{from} --yes"));
        let says = ["which has not adopted it, and kept: page", "which has adopted it, and left out: page", ""];
        assert!(told.contains(says[commits as usize - 1]), "{commits}: {told}");
        session.data(&format!("state recover --from file://{from} --yes --stack prod"));
        for (stack, names) in [("dev", dev), ("prod", prod)] {
            let listed = session.data(&format!("state ls --json --stack {stack}"));
            let labels = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["label"].clone());
            let labels: Vec<String> = labels.map(|label| label.as_str().unwrap().to_owned()).collect();
            assert_eq!(labels.join(" "), names, "{commits}: {stack}");
        }
    }
}

#[test]
fn an_object_that_was_replaced_can_be_forgotten_by_the_operation_that_made_it() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    session.config("[file.page]\nat = 'other'\n");
    kill_at(&session, "up --yes", Point::AfterDoneCommit, 1);
    session.data("refresh --yes");
    let listed = session.data("state ls --json");
    let condemned = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let condemned = condemned.filter(|line| line["condemned"] == true).collect::<Vec<_>>();
    let [condemned] = condemned.as_slice() else { panic!("{listed}") };
    let op = condemned["op"].as_str().unwrap();
    assert!(session.data("state ls").contains(op));
    assert!(session.data(&format!("state show {op}")).contains(op));
    session.data(&format!("state rm {op} --yes"));
    assert!(session.data("preview").contains("no changes. 1 resource"));
    assert!(session.path("files/page").exists(), "it stays where it is");
}

#[test]
fn a_stack_whose_key_is_lost_can_begin_anew_or_be_removed() {
    for words in ["state repair --set-aside --yes", "stack rm dev --yes --force"] {
        let session = Session::with("[file.page]\nsecret = 'hunter2'\n");
        session.data("up --yes");
        fs::remove_dir_all(session.path("state/keys")).unwrap();
        let doctor = session.run("state doctor");
        assert!(doctor.contains("`state repair --set-aside`") && doctor.ends_with("--- exit 1"), "{doctor}");
        let refused = session.run("stack rm dev --yes");
        assert!(refused.contains("is missing: put it back") && refused.contains("--force"), "{refused}");
        session.data(words);
        fs::remove_file(session.path("files/page")).unwrap();
        session.data("up --yes");
        assert!(session.data("state show page --show-secrets").contains("hunter2"));
    }
}

#[test]
fn a_stack_that_can_not_be_read_hides_no_other() {
    let session = two_stacks();
    fs::write(session.path("state/shop/prod/log"), "odd").unwrap();
    let listed = session.run("stack ls");
    assert!(listed.contains("warning: stack `prod`: the state file"), "{listed}");
    assert!(listed.contains("can't be read") && listed.contains("dev"), "{listed}");
    let told = session.data("stack ls --json");
    assert!(told.lines().count() == 2 && told.contains(r#""error":"the state file"#), "{told}");
    session.data("up --yes");
}

#[test]
fn secrets_of_the_configuration_may_have_any_key() {
    let session = Session::with("");
    let keys = [(r#"db."the word""#, "one"), ("db.'a.b'", "two"), ("db.a.b", "three")];
    for (key, value) in keys {
        let mut program = session.program("config set --secret");
        let mut child = program.arg(key).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{key}");
    }
    let open = |after: &str| {
        for (key, value) in keys {
            let output = session.program("config get --show-secrets").arg(key).output().unwrap();
            assert_eq!(session.shown(&output), value, "{key}, {after}");
        }
    };
    open("as they were set");
    session.data("secrets rotate");
    open("after a rotation");
    assert!(session.data("config ls").contains(r#"db."the word""#));
}

#[test]
fn a_resource_of_another_stack_in_a_file_becomes_one_of_this_stack() {
    let session = Session::with("[file.page]\n[file.sign]\n");
    session.data("up --yes");
    let saved = session.data("state export");
    session.write("desk/bad.json", saved.replace("dev/shop/local:File/page", "prod/shop/local:File/page"));
    session.data("state import bad.json --yes");
    assert!(session.data("preview").contains("no changes. 2 resources"));
    let twice = saved.replace("dev/shop/local:File/page", "prod/shop/local:File/sign");
    session.write("desk/bad.json", twice);
    let refused = session.run("state import bad.json --yes");
    assert!(refused.contains("two resources of the file would be dev/shop/local:File/sign"), "{refused}");
}

#[test]
fn as_many_as_like_may_change_a_stack_at_the_same_time_when_they_wait() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    let desks: Vec<String> = (0..8).map(|number| format!("desk-{number}")).collect();
    let running: Vec<_> = desks
        .iter()
        .map(|desk| {
            fs::create_dir(session.path(desk)).unwrap();
            let (folder, file) = (session.path("files"), format!("{desk}/terrane.toml"));
            session.write(&file, format!("folder = '{}'\n[file.page]\ncontent = '{desk}'\n", folder.display()));
            let mut program = session.program("up --yes --wait-lock 1m");
            program.current_dir(session.path(desk)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", session.shown(&output));
    }
}
