//! State, looked at and mended by hand.

use crate::session::Session;

#[test]
fn state_is_shown_without_its_secrets() {
    let session = Session::with("[file.page]\n[file.till]\nsecret = 'hunter2'\nreads = 'page'\n");
    insta::assert_snapshot!(session.run("state ls"), @r"
    error: stack `dev` has no state yet
    --- exit 2
    ");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("state ls"), @r"
    resource   kind         changed
    page       local:File   [time]
    till       local:File   [time]
    ");
    let operation = |shown: String| -> String {
        let lines = shown.lines().map(|line| if line.contains("operation") { "  operation     [op]" } else { line });
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(operation(session.run("state show till")), @r"
    till   local:File
      urn           dev/shop/local:File/till
      operation     [op]
      declared      tests/program/main.rs:[line]
      made          [time]
      changed       [time]
      depends on    page
      inputs
        content: [secret]
        mode: 420
        path: [root]/files/till
      outputs
        path: [root]/files/till
    ");
    assert!(session.data("state show till --show-secrets").contains("hunter2"));
    insta::assert_snapshot!(session.run("state show tll"), @r"
    error: there is no resource `tll` in state
      try: did you mean `till`?
    --- exit 2
    ");
}

#[test]
fn state_is_mended_by_hand() {
    let session = Session::with("[file.page]\n[file.sign]\nreads = 'page'\n");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("state mv page front/page"), @"Moved page to front/page.");
    insta::assert_snapshot!(session.run("state mv front/page sign"), @r"
    error: there is a resource dev/shop/local:File/sign already
    --- exit 1
    ");
    insta::assert_snapshot!(session.run("state mv front/page page"), @"Moved front/page to page.");
    insta::assert_snapshot!(session.run("state protect sign"), @"sign is protected until the next `up`: what the program says counts then.");
    insta::assert_snapshot!(session.run("state ls"), @r"
    resource   kind         changed
    page       local:File   [time]
    sign       local:File   [time]   protected
    ");
    insta::assert_snapshot!(session.run("destroy --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in state

      - page   local:File

      ! sign   local:File   protected: would be deleted; refused

      1 to delete (page). Refused: 1.

    --- stderr
    error: `sign` (local:File) is protected and would be deleted (tests/program/main.rs:[line]) [T0301]
      try: take `.protected()` out of the program, or run `state unprotect`, then try again

    nothing was changed: there is an error.
    --- exit 5
    ");
    insta::assert_snapshot!(session.run("state unprotect sign"), @"sign is no longer protected until the next `up`: what the program says counts then.");
    insta::assert_snapshot!(session.run("state rm page"), @r"
    warning: needed by sign
    error: `Forget page? The real object stays.` needs an answer, and nobody is there to give it
      try: pass --yes (or set TERRANE_YES=1) to go ahead without being asked
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("state rm page --yes"), @r"
    warning: needed by sign
    Forgot page.
    ");
    session.data("destroy --yes");
    assert!(session.path("files/page").exists(), "what was forgotten stays");
    assert!(!session.path("files/sign").exists());
}
