//! Stacks: making, choosing and removing them; what they export and what happened in them.

use crate::session::Session;
use serde_json::Value;

#[test]
fn stacks_are_made_chosen_and_removed() {
    let session = Session::with("[file.page]\n");
    insta::assert_snapshot!(session.run("stack ls"), @"There is no stack of shop yet; the first `up` makes `dev`.");
    insta::assert_snapshot!(session.run("stack init prod"), @"Made stack `prod`, and selected it.");
    insta::assert_snapshot!(session.run("stack init prod"), @r"
    error: there is a stack `prod` already
      try: `stack select prod` selects it
    --- exit 2
    ");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("stack ls"), @r"
        stack   resources   last run
    *   prod    1           [time]
    ");
    insta::assert_snapshot!(session.run("stack select prd"), @r"
    error: there is no stack `prd`
      try: did you mean `prod`?
      try: `stack init prd` makes it
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack select dev"), @r"
    error: there is no stack `dev`
      try: one of prod
      try: `stack init dev` makes it
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("up --stack prdo --yes"), @r"
    error: there is no stack `prdo`
      try: did you mean `prod`?
      try: `stack init prdo` makes it
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack rm prod --yes"), @r"
    error: stack `prod` still has 1 resource
      try: `destroy --stack prod` deletes them
      try: --force forgets them: the real objects stay, and nobody knows of them any more
    --- exit 5
    ");
    insta::assert_snapshot!(session.run("stack rm prod --yes --force"), @"Removed stack `prod`.");
    insta::assert_snapshot!(session.run("stack rm prod --yes"), @r"
    error: there is no stack `prod`
    --- exit 2
    ");
}

#[test]
fn a_stack_tells_what_it_has_and_what_happened() {
    let session =
        Session::with("[file.page]\ncontent = 'x'\n[file.sign]\nreads = 'page'\n[file.till]\nsecret = 'hunter2'\n");
    insta::assert_snapshot!(session.run("stack history"), @r"
    error: stack `dev` has no state yet
    --- exit 2
    ");
    session.data("up --yes --message opening");
    insta::assert_snapshot!(session.run("stack output"), @r"
    page   [root]/files/page
    sign   [root]/files/sign
    till   [root]/files/till
    ");
    insta::assert_snapshot!(session.run("stack output sign"), @"[root]/files/sign");
    insta::assert_snapshot!(session.run("stack output sing"), @r"
    error: stack `dev` exports no `sing`
      try: did you mean `sign`?
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack graph"), @r#"
    digraph "dev" {
      rankdir = LR;
      node [shape = box];
      "dev/shop/local:File/page" [label = "page\nlocal:File"];
      "dev/shop/local:File/sign" [label = "sign\nlocal:File"];
      "dev/shop/local:File/sign" -> "dev/shop/local:File/page";
      "dev/shop/local:File/till" [label = "till\nlocal:File"];
    }
    "#);
    session.data("destroy --yes --message closing");
    // How wide its columns are depends on how long the runs took; restore points have sizes.
    let history = session.run("stack history");
    let (runs, points) = history.split_once("restore point").unwrap();
    let squeezed = runs.split_whitespace().collect::<Vec<_>>().join(" ");
    insta::assert_snapshot!(squeezed, @"when command who result changes message [time] up ada@[host] done in [t] +3 ~0 -0 opening [time] destroy ada@[host] done in [t] +0 ~0 -3 closing");
    assert_eq!(points.lines().filter(|line| line.contains(" KiB")).count(), 2, "one after each run: {points}");
}

#[test]
fn an_export_has_everything_and_secrets_only_when_asked() {
    let session = Session::with("[file.till]\nsecret = 'hunter2'\n");
    session.data("up --yes");
    let masked = session.data("stack export");
    let open = session.data("stack export --show-secrets");
    assert!(!masked.contains("hunter2") && open.contains("hunter2"), "{masked}");
    let state: Value = serde_json::from_str(&open).unwrap();
    assert_eq!(state["live"].as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(session.data("stack export --json").lines().count(), 1);
}
