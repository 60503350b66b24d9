//! Configuration and names that can't be right.

use super::refused;
use crate::session::Session;

#[test]
fn a_mistyped_key_is_named_with_its_line_and_the_nearest() {
    let session = Session::with("fil = 1\n[file.page]\n[proces.till]\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page

      1 to create.

    --- stderr
    error: terrane.toml:2:1: unknown configuration key `fil` [T0108]
      try: did you mean `file`?

    error: terrane.toml:4:2: unknown configuration key `proces` [T0108]
      try: did you mean `process`?

    nothing was changed: there are 2 errors.
    --- exit 1
    ");
    assert!(!session.path("files/page").exists() && !session.path("state").exists());
}

#[test]
fn a_wrong_value_and_a_broken_file_are_named_with_their_line() {
    let session = Session::with("[file.page]\ncontent = 7\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: terrane.toml:3:1: configuration `file.page.content`: invalid type: integer `7`, expected a string [T0107]
    --- exit 1
    ");
    session.config("[file.page\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 2), @r"
    error: terrane.toml:2:11: unclosed table, expected `]`
    --- exit 2
    ");
    session.config("[file.page]\ncontent = 'a'\ncontent = 'b'\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 2), @r"
    error: terrane.toml:4:1: duplicate key
    --- exit 2
    ");
    session.write("desk/terrane.toml", [b'a', 0xff, b'=']);
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: could not read [root]/desk/terrane.toml: stream did not contain valid UTF-8
    --- exit 1
    ");
}

#[test]
fn a_stack_has_a_name_that_can_be_one() {
    let session = Session::with("[file.page]\n");
    insta::assert_snapshot!(refused(&session, "up --yes --stack ../x", 2), @r"
    error: `../x` can't be a stack: a name has a slash or a control character
    --- exit 2
    ");
    insta::assert_snapshot!(refused(&session, "stack init ..", 2), @r"
    error: `..` can't be a stack: `.` and `..` are not names
    --- exit 2
    ");
    let long = "x".repeat(300);
    let shown = refused(&session, &format!("stack init {long}"), 2);
    insta::assert_snapshot!(shown.replace(&long, "[300 bytes]"), @r"
    error: `[300 bytes]` can't be a stack: a name is longer than 200 bytes
    --- exit 2
    ");
    // No argument can hold a NUL; the file that remembers the selected stack can.
    std::fs::create_dir_all(session.path("state/shop")).unwrap();
    session.write("state/shop/selected-stack", "a\0b\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 2), @r"
    error: `a\0b` can't be a stack: a name has a slash or a control character
    --- exit 2
    ");
}

#[test]
fn a_resource_has_a_name_that_can_be_one() {
    let session = Session::with("[file.'../page']\n[file.'a/b']\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    shop / dev · state in [root]/state · 2 resources in the program

        local:File/
        + page       ..   path: [root]/files/../page
        + b          a    path: [root]/files/a/b

      2 to create.

    --- stderr
    error: resource `../page`: a name has a slash or a control character (tests/program/main.rs:[line]) [T0103]

    error: resource `a/b`: a name has a slash or a control character (tests/program/main.rs:[line]) [T0103]

    nothing was changed: there are 2 errors.
    --- exit 1
    ");
}
