//! From the first `up` to `destroy`: what is shown, what is done, and what is done again when somebody edits by hand.

use crate::session::Session;

const TWO_PAGES: &str = "
[file.page]
content = '''
welcome
come in
'''
[file.sign]
reads = 'page'
content = 'this way'
";

#[test]
fn a_program_comes_up_and_is_left_alone() {
    let session = Session::with(TWO_PAGES);
    insta::assert_snapshot!(session.run("up --yes"), @r#"
    shop / dev · state in [root]/state · 2 resources in the program

      + page   local:File   path: [root]/files/page, content: "welcome\ncome in\n"
        sign   the same

      2 to create. Longest chain: 2 steps.

      page   [root]/files/page
      sign   [root]/files/sign

    done: 2 created in [t].
    --- stderr
    [time]  up        shop / dev: 2 steps
    [time]  create    page (local:File)
    [time]  created   page (local:File)  [t]
    [time]  create    sign (local:File)
    [time]  created   sign (local:File)  [t]
    [time]  ended     done after [t]
    "#);
    assert_eq!(session.read("files/page"), "welcome\ncome in\n");
    insta::assert_snapshot!(session.run("up --yes --color never"), @"shop / dev: no changes. 2 resources, checked in [t].");
}

#[test]
fn a_change_is_shown_line_by_line() {
    let session = Session::with(TWO_PAGES);
    session.data("up --yes");
    session.config(&TWO_PAGES.replace("come in", "we are closed"));
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      ~ page   local:File
          content:
              welcome
            - come in
            + we are closed

      1 to update, 1 unchanged.

      page   [root]/files/page
      sign   [root]/files/sign

    done: 1 updated in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  update    page (local:File)
    [time]  updated   page (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert_eq!(session.read("files/page"), "welcome\nwe are closed\n");
    session.config("[file.page]\ncontent = 'welcome'\n");
    insta::assert_snapshot!(session.run("preview --diff"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      ~ page   local:File
          content:
            - welcome
            - we are closed
            + welcome
          mode: 420
          path: [root]/files/page

      - sign   local:File   no longer in the program (was tests/program/main.rs:[line])

      1 to update, 1 to delete (sign).
    ");
}

#[test]
fn what_cannot_be_changed_is_replaced_with_what_depends_on_it() {
    let session = Session::with(TWO_PAGES);
    session.data("up --yes");
    session.config(&TWO_PAGES.replace("[file.page]", "[file.page]\nat = 'index'"));
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      ~? sign   local:File   content: after [root]/files/page⏎this way -> known after page.path
           because sign.content  <-  page.path   tests/program/main.rs:[line]

      ±  page   local:File   path: [root]/files/page -> [root]/files/index (the API can't change it)
           declared at tests/program/main.rs:[line]

      A `?` after a symbol: may turn out to be less, once the values that it waits for are known.
      1 to update, 1 to replace (page). Longest chain: 2 steps.

      page   [root]/files/index
      sign   [root]/files/sign

    done: 1 updated, 1 replaced in [t].
    --- stderr
    [time]  up        shop / dev: 2 steps
    [time]  create    page (local:File)
    [time]  created   page (local:File)  [t]
    [time]  update    sign (local:File)
    [time]  updated   sign (local:File)  [t]
    [time]  delete    page (local:File)
    [time]  deleted   page (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert!(!session.path("files/page").exists(), "the old object is gone");
    let sign = session.read("files/sign");
    assert_eq!(sign.lines().next(), Some(format!("after {}", session.path("files/index").display()).as_str()));
}

#[test]
fn what_leaves_the_program_is_deleted() {
    let session = Session::with(TWO_PAGES);
    session.data("up --yes");
    session.config(TWO_PAGES.split("[file.sign]").next().unwrap());
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      - sign   local:File   no longer in the program (was tests/program/main.rs:[line])

      1 to delete (sign), 1 unchanged.

      page   [root]/files/page

    done: 1 deleted in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  delete    sign (local:File)
    [time]  deleted   sign (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert!(!session.path("files/sign").exists());
    insta::assert_snapshot!(session.run("destroy --yes"), @r"
    shop / dev · state in [root]/state · 1 resource in state

      - page   local:File

      1 to delete (page).

    done: 1 deleted in [t].
    --- stderr
    [time]  destroy   shop / dev: 1 step
    [time]  delete    page (local:File)
    [time]  deleted   page (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert!(!session.path("files/page").exists());
    insta::assert_snapshot!(session.run("destroy --yes"), @"shop / dev: nothing to destroy. 0 resources, checked in [t].");
}

#[test]
fn what_is_protected_stays() {
    let session = Session::with("[file.ledger]\ncontent = 'all we have'\nprotected = true\n");
    session.data("up --yes");
    session.config("");
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 0 resources in the program

      ! ledger   local:File   protected: would be deleted; refused

      Refused: 1.

    --- stderr
    error: `ledger` (local:File) is protected and would be deleted (tests/program/main.rs:[line]) [T0301]
      try: take `.protected()` out of the program, or run `state unprotect`, then try again

    nothing was changed: there is an error.
    --- exit 5
    ");
    insta::assert_snapshot!(session.run("destroy --yes"), @r"
    shop / dev · state in [root]/state · 1 resource in state

      ! ledger   local:File   protected: would be deleted; refused

      Refused: 1.

    --- stderr
    error: `ledger` (local:File) is protected and would be deleted (tests/program/main.rs:[line]) [T0301]
      try: take `.protected()` out of the program, or run `state unprotect`, then try again

    nothing was changed: there is an error.
    --- exit 5
    ");
    assert_eq!(session.read("files/ledger"), "all we have");
}

#[test]
fn an_edit_by_hand_is_seen_and_undone() {
    let session = Session::with(TWO_PAGES);
    session.data("up --yes");
    session.write("files/page", "welcome\nsold out\n");
    let preview = session.run("preview --expect-no-changes");
    insta::assert_snapshot!(preview, @r"
    shop / dev · state in [root]/state · 2 resources in the program

      changed outside the program:
      ~ page   local:File
          content:
              welcome
            - come in
            + sold out

      ~ page   local:File   was changed outside the program
          content:
              welcome
            - sold out
            + come in

      1 to update, 1 unchanged.

    --- stderr
    changes, and none were expected
    --- exit 3
    ");
    let (plan, _) = preview.split_once("--- stderr").unwrap();
    let up = session.run("up --yes");
    insta::assert_snapshot!(up.strip_prefix(plan).unwrap(), @r"
      page   [root]/files/page
      sign   [root]/files/sign

    done: 1 updated in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  update    page (local:File)
    [time]  updated   page (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert_eq!(session.read("files/page"), "welcome\ncome in\n");
    assert_eq!(session.output("preview --expect-no-changes").status.code(), Some(0));
}

#[test]
fn what_was_removed_by_hand_is_seen_and_made_again() {
    let session = Session::with(TWO_PAGES);
    session.data("up --yes");
    std::fs::remove_file(session.path("files/sign")).unwrap();
    insta::assert_snapshot!(session.run("refresh --expect-no-changes"), @r"
      changed outside the program:
      - sign   local:File   gone

    --- exit 3
    ");
    insta::assert_snapshot!(session.run("refresh --yes"), @r"
      changed outside the program:
      - sign   local:File   gone

    shop / dev: state follows 1 change. 2 resources, looked at in [t].
    ");
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      + sign   local:File   path: [root]/files/sign

      1 to create, 1 unchanged.

      page   [root]/files/page
      sign   [root]/files/sign

    done: 1 created in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  create    sign (local:File)
    [time]  created   sign (local:File)  [t]
    [time]  ended     done after [t]
    ");
    assert!(session.path("files/sign").exists());
}

#[test]
fn without_a_person_a_question_is_an_error() {
    let session = Session::with("[file.page]\n");
    insta::assert_snapshot!(session.run("up"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page

      1 to create.

    --- stderr
    error: `Apply?` needs an answer, and nobody is there to give it
      try: pass --yes (or set TERRANE_YES=1) to go ahead without being asked
    --- exit 2
    ");
    assert!(!session.path("files/page").exists());
}

#[test]
fn a_file_that_is_there_is_adopted() {
    let session = Session::with("[file.page]\ncontent = 'by hand'\n[file.sign]\n");
    session.write("files/page", "by hand");
    let path = session.path("files/page");
    insta::assert_snapshot!(session.run(&format!("import page {} --yes", path.display())), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      < page   local:File   adopts [root]/files/page
          path: (none) -> [root]/files/page
          content: (none) -> by hand

      1 to import.

      page   [root]/files/page

    done: 1 imported in [t].
    --- stderr
    [time]  import    shop / dev: 1 step
    [time]  import    page (local:File)
    [time]  imported  page (local:File)  [t]
    [time]  ended     done after [t]
    ");
    insta::assert_snapshot!(session.run("import page /nowhere/page --yes"), @r"
    error: page has an object in state already
      try: `state rm page` forgets it, and leaves it where it is
    --- exit 5
    ");
    insta::assert_snapshot!(session.run("import sign /nowhere/sign --yes"), @r#"
    shop / dev · state in [root]/state · 1 resource in the program

      < sign   local:File   adopts /nowhere/sign
          path: (none) -> [root]/files/sign
          content: (none) -> ""

      1 to import.

    --- stderr
    [time]  import    shop / dev: 1 step
    [time]  import    sign (local:File)
    [time]  failed    to import sign (local:File): there is no local:File `/nowhere/sign` to import
    [time]  ended     failed after [t]

    error: could not import local:File `sign` (tests/program/main.rs:[line]) [T0305]
      there is no local:File `/nowhere/sign` to import

    stopped here: nothing changed, 1 failed after [t]. `import` goes on from here.
    --- exit 1
    "#);
    insta::assert_snapshot!(session.run("import sing /nowhere/sign --yes"), @r"
    error: `sing` names no resource of the stack
      try: did you mean `sign`?
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("state ls"), @r"
    resource   kind         changed
    page       local:File   [time]
    ");
}

#[test]
fn an_import_touches_nothing_else() {
    let session = Session::with(TWO_PAGES);
    session.write("files/page", "precious");
    let path = session.path("files/sign");
    insta::assert_snapshot!(session.run(&format!("import sign {} --yes", path.display())), @r#"
    shop / dev · state in [root]/state · 2 resources in the program

      + page   local:File   path: [root]/files/page, content: "welcome\ncome in\n"
      < sign   local:File   adopts [root]/files/sign
          path: (none) -> [root]/files/sign
          content: (none) -> known after page.path

      1 to create, 1 to import. Longest chain: 2 steps.

    --- stderr
    error: what is to be imported needs page, which has to be made or changed first
      try: `up --target page` does that
    --- exit 5
    "#);
    assert_eq!(session.read("files/page"), "precious");
}
