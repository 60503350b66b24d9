//! Programs that are wrong.

use super::refused;
use crate::session::Session;

#[test]
fn two_resources_of_one_name_are_both_shown() {
    let session = Session::with("twice = ['page']\n[file.page]\n");
    let plain = String::from_utf8(session.output("up --yes").stderr).unwrap();
    let lines: Vec<&str> = plain.split("tests/program/main.rs:").skip(1).map(|rest| &rest[..2]).collect();
    assert!(matches!(lines[..], [one, other] if one != other), "{plain}");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page

      1 to create.

    --- stderr
    error: local:File `page` is declared twice (tests/program/main.rs:[line] and tests/program/main.rs:[line]) [T0101]
      try: give one of them another name, or put it into a scope

    nothing was changed: there is an error.
    --- exit 1
    ");
}

#[test]
fn a_cycle_is_shown_with_its_way() {
    let session = Session::with("[file.a]\nafter = ['c']\n[file.b]\nafter = ['a']\n[file.c]\nafter = ['b']\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: resources depend on each other in a circle: b -> c -> a -> b (tests/program/main.rs:[line] and tests/program/main.rs:[line] and tests/program/main.rs:[line]) [T0104]
      try: take out one of the `.after(..)` that close the circle

    nothing was changed: there is an error.
    --- exit 1
    ");
}

#[test]
fn a_resource_that_waits_for_nothing_there_is_refused() {
    let session = Session::with("[file.a]\nafter = ['nowhere']\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: `a` depends on dev/shop/local:File/nowhere, which the program does not declare (tests/program/main.rs:[line]) [T0105]

    nothing was changed: there is an error.
    --- exit 1
    ");
}

#[test]
fn a_program_that_fails_changes_nothing() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    session.config("ends = 'failing'\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: the till is locked
      try: ask the manager for the key
    --- exit 1
    ");
    session.config("ends = 'panicking'\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: a panic at tests/program/main.rs:[line]: the till is on fire
    --- exit 1
    ");
    assert!(session.path("files/page").exists());
    assert_eq!(session.data("state ls").lines().count(), 2);
}

#[test]
fn values_that_a_kind_refuses_are_all_named() {
    let session = Session::with("[file.page]\nmode = 99999\n[region.'..']\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      + page   local:File     path: [root]/files/page, mode: 99999
      + ..     local:Region

      2 to create.

    --- stderr
    error: resource `..`: `.` and `..` are not names (tests/program/main.rs:[line]) [T0103]

    error: local:File `page`: `mode` must be between 0o000 and 0o777, not 0o303237 (tests/program/main.rs:[line]) [T0201]

    error: local:Region `..`: `region` `..`: `.` and `..` are not names (tests/program/main.rs:[line]) [T0201]

    nothing was changed: there are 3 errors.
    --- exit 1
    ");
}

#[test]
fn objects_of_a_provider_that_has_left_are_kept() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    session.config("empty = true\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 5), @r"
    shop / dev · state in [root]/state · 0 resources in the program

      - page   local:File   no longer in the program (was tests/program/main.rs:[line])

      1 to delete (page).

    --- stderr
    error: state has resources of provider `local`, which the program does not name (tests/program/main.rs:[line]) [T0302]
      try: name it with `App::provider`, or put the `local` provider back into the program until they are deleted

    nothing was changed: there is an error.
    --- exit 5
    ");
    insta::assert_snapshot!(refused(&session, "destroy --yes", 5), @r"
    shop / dev · state in [root]/state · 1 resource in state

      - page   local:File

      1 to delete (page).

    --- stderr
    error: state has resources of provider `local`, which the program does not name (tests/program/main.rs:[line]) [T0302]
      try: name it with `App::provider`, or put the `local` provider back into the program until they are deleted

    nothing was changed: there is an error.
    --- exit 5
    ");
    assert!(session.path("files/page").exists());
    session.config("");
    session.data("destroy --yes");
    assert!(!session.path("files/page").exists());
}
