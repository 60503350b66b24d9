//! Plans as things to choose from, to save, to insist on and to send around.

use crate::session::Session;

const FOUR_PAGES: &str = "
[file.a]
content = 'first'
[file.b]
reads = 'a'
[file.c]
reads = 'b'
[file.d]
content = 'alone'
";

#[test]
fn a_part_of_the_program_can_be_chosen() {
    let session = Session::with(FOUR_PAGES);
    insta::assert_snapshot!(session.run("up --yes --target b"), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      + a   local:File   path: [root]/files/a, content: first
        b   the same

      2 to create. Longest chain: 2 steps.

      a   [root]/files/a
      b   [root]/files/b

    done: 2 created in [t].
    --- stderr
    [time]  up        shop / dev: 2 steps
    [time]  create    a (local:File)
    [time]  created   a (local:File)  [t]
    [time]  create    b (local:File)
    [time]  created   b (local:File)  [t]
    [time]  ended     done after [t]
    ");
    insta::assert_snapshot!(session.run("preview --exclude c"), @r"
    shop / dev · state in [root]/state · 3 resources in the program

      + d   local:File   path: [root]/files/d, content: alone

      1 to create, 2 unchanged.
    ");
    insta::assert_snapshot!(session.run("preview --target bb"), @r"
    error: `bb` names no resource of the stack
      try: did you mean `b`?
    --- exit 2
    ");
}

#[test]
fn a_saved_plan_is_carried_out_exactly_or_refused() {
    let session = Session::with(FOUR_PAGES);
    insta::assert_snapshot!(session.run("preview --save plan.json --target a"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + a   local:File   path: [root]/files/a, content: first

      1 to create.

    --- stderr
    saved to plan.json; `up --plan plan.json` carries out exactly this
    ");
    insta::assert_snapshot!(session.run("up --plan plan.json --target a"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + a   local:File   path: [root]/files/a, content: first

      1 to create.

      a   [root]/files/a

    done: 1 created in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  create    a (local:File)
    [time]  created   a (local:File)  [t]
    [time]  ended     done after [t]
    ");
    insta::assert_snapshot!(session.run("up --plan plan.json"), @r#"
    shop / dev · state in [root]/state · 4 resources in the program

      + b      local:File   path: [root]/files/b, content: "after [root]/files/a\n"
        c, d   the same

      3 to create, 1 unchanged. Longest chain: 2 steps.

    --- stderr
    error: the saved plan is no longer what would happen
      it is for a stack that doesn't exist yet, and by now it does
      a: the plan would create it, and there is no need to any more
      b: not in the plan, and now there is a need to create it
      c: not in the plan, and now there is a need to create it
      d: not in the plan, and now there is a need to create it
      try: make a new one with `preview --save` (and the same --target, --exclude and --replace), and look at it
    --- exit 5
    "#);

    session.data("preview --save plan.json");
    session.config(&FOUR_PAGES.replace("alone", "not alone"));
    insta::assert_snapshot!(session.run("up --plan plan.json"), @r#"
    shop / dev · state in [root]/state · 4 resources in the program

      + b      local:File   path: [root]/files/b, content: "after [root]/files/a\n"
        c, d   the same

      3 to create, 1 unchanged. Longest chain: 2 steps.

    --- stderr
    error: the saved plan is no longer what would happen
      d: input `content` has another value
      try: make a new one with `preview --save` (and the same --target, --exclude and --replace), and look at it
    --- exit 5
    "#);
    assert!(!session.path("files/d").exists());
    session.write("desk/plan.json", "{}");
    insta::assert_snapshot!(session.run("up --plan plan.json"), @r"
    error: plan.json is not a plan that can be used: missing field `format` at line 1 column 2
    --- exit 2
    ");
}

#[test]
fn a_plan_is_summed_up_for_a_pull_request() {
    let session = Session::with(FOUR_PAGES);
    session.data("up --yes");
    session.config("[file.a]\nat = 'elsewhere'\n[file.b]\nreads = 'a'\n");
    session.data("preview --summary plan.md");
    insta::assert_snapshot!(session.redacted(&session.read("desk/plan.md")), @r#"
    ### shop / dev: `up`

    1 to update, 1 to replace (a), 2 to delete (c, d). Longest chain: 2 steps.

    | | resource | kind |
    |---|---|---|
    | ± **replace** | a | `local:File` |
    | - **delete** | c | `local:File` |
    | - **delete** | d | `local:File` |

    <details><summary>The plan</summary>

    ```text
      ~? b   local:File   content: "after [root]/files/a\n" -> known after a.path
           because b.content  <-  a.path   tests/program/main.rs:[line]

      ±  a   local:File
           content: first -> ""
           path: [root]/files/a -> [root]/files/elsewhere (the API can't change it)
           declared at tests/program/main.rs:[line]
      -  c   local:File   no longer in the program (was tests/program/main.rs:[line])
      -  d   local:File   no longer in the program (was tests/program/main.rs:[line])

      A `?` after a symbol: may turn out to be less, once the values that it waits for are known.
      1 to update, 1 to replace (a), 2 to delete (c, d). Longest chain: 2 steps.
    ```

    </details>
    "#);
}

#[test]
fn a_claim_of_the_program_can_be_insisted_on() {
    let session = Session::with("small = true\n");
    insta::assert_snapshot!(session.run("preview --check size=small"), @"shop / dev: no changes. 0 resources, checked in [t].");
    insta::assert_snapshot!(session.run("preview --check size=smal"), @r"
    shop / dev: no changes. 0 resources, checked in [t].
    --- stderr
    error: the program makes no claim `size=smal`
      try: did you mean `size=small`?
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("preview --check small"), @r"
    error: --check small: a claim reads NAME=VALUE, such as survives=region
    --- exit 2
    ");
    session.config("small = false\n[file.page]\n");
    insta::assert_snapshot!(session.run("up --yes --check size=small"), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page

      1 to create.

    --- stderr
    error: shop: `size=small` does not hold
      the configuration says so
    --- exit 5
    ");
    assert!(!session.path("files/page").exists());
}
