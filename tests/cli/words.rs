//! Words: help, versions, completions, and what is said to somebody who mistypes.

use crate::session::Session;

#[test]
fn mistakes_of_typing_are_answered_with_what_was_meant() {
    let session = Session::with("[file.page]\n");
    for words in ["pu", "up --targte page", "stack sel", "local stat", "lokal status", "local"] {
        assert_eq!(session.output(words).status.code(), Some(2), "{words}");
    }
    insta::assert_snapshot!(session.run("pu"), @r"
    error: there is no command `pu`
      try: one of up, preview, destroy, refresh, import, stack, state, config, secrets, about, completions, local
      try: `help` lists all
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("up --targte page"), @r"
    error: unexpected argument '--targte' found

      tip: a similar argument exists: '--target'

    Usage: terrane-test-program up --target <RESOURCE>

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("stack sel"), @r"
    error: unrecognized subcommand 'sel'

      tip: some similar subcommands exist: 'help', 'select'

    Usage: terrane-test-program stack [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("local stat"), @r"
    error: `local` has no command `stat`
      try: did you mean `status`?
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("lokal status"), @r"
    error: there is no command `lokal`
      try: did you mean `local`?
      try: `help` lists all
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("local"), @r"
    error: `local` needs a command
      local status  What runs where: processes, balancers, buckets, cuts
      local logs    The log of a process: NAME [--follow]
      local cut     Cut two regions from each other: REGION REGION
      local heal    Heal the cut between two regions: REGION REGION
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("up --parallel 0"), @r"
    error: invalid value '0' for '--parallel <NUMBER>': a number from 1 to 10000 is needed

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("state show"), @r"
    error: the following required arguments were not provided:
      <RESOURCE>

    Usage: terrane-test-program state show --state <URL> <RESOURCE>

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn the_program_tells_about_itself() {
    let session = Session::with("[file.page]\n");
    insta::assert_snapshot!(session.run("about"), @r"
    program         shop 0.1.0
    terrane         0.1.0
    stack           dev
    state           file://[root]/state
    folder
    configuration   [root]/desk/terrane.toml
    provider local  local:Region, local:Process, local:TcpBalancer, local:Bucket, local:Replication, local:NpmPackage, local:File
    ");
    insta::assert_snapshot!(session.run("--help"), @r"
    shop: infrastructure as a program, with Terrane

    Usage: terrane-test-program [OPTIONS] <COMMAND>

    Commands:
      up           Make the stack what the program says
      preview      Show what `up` would do
      destroy      Delete everything in the stack
      refresh      Look at every real object, and let state follow
      import       Adopt an existing object for a resource of the program
      stack        Stacks: list, make, select, remove; outputs, history, graph
      state        What is in state, resource by resource
      config       The configuration of the stack
      secrets      Who can read the stack's secrets
      about        Versions, places, providers and their kinds
      completions  A completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Everywhere:
      -s, --stack <NAME>      The stack; without it the selected one, at first `dev`
          --state <URL>       Where state is kept, such as file:///srv/state
      -C, --folder <DIR>      Search terrane.toml from this folder upward, instead of from the working
                              folder
          --color <WHEN>      When to use colour: auto, always or never
          --json              Write JSON to standard output, one value a line
      -v, --verbose           Tell more: unchanged resources, every finished step
          --non-interactive   Never ask; where an answer is needed, fail
          --wait-lock <TIME>  Wait so long, such as 90s or 10m, for a stack that somebody else works on

    Commands of providers:
      local cut     Cut two regions from each other: REGION REGION
      local heal    Heal the cut between two regions: REGION REGION
      local logs    The log of a process: NAME [--follow]
      local status  What runs where: processes, balancers, buckets, cuts

    Exit status:
      0  done      2  wrong usage                             4  state is locked
      1  failed    3  changes, where none were expected     130  interrupted
      5  refused: protected, the plan has changed, or a check failed
    ");
    let script = session.data("completions bash");
    assert!(script.contains("terrane-test-program") && script.contains("preview"));
    assert_eq!(session.run(""), session.run("help"), "a program that is called without a word explains itself");
}

#[test]
fn colour_is_for_those_who_want_it() {
    let session = Session::with("[file.page]\n");
    let coloured = |words: &str, no_color: bool| {
        let mut program = session.program(words);
        if no_color {
            program.env("NO_COLOR", "1");
        }
        let output = program.output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    assert!(coloured("preview --color always", false));
    assert!(!coloured("preview", false), "a pipe is no terminal");
    assert!(!coloured("preview --color never", false));
    assert!(!coloured("preview --color auto", true));
}

#[test]
fn two_programs_of_one_name_do_not_share_state() {
    let session = Session::with("[file.page]\n");
    let as_of = |folder: &str, words: &str| {
        let output = session.program(words).env("CARGO_MANIFEST_DIR", session.path(folder)).output().unwrap();
        session.shown(&output)
    };
    assert!(as_of("desk", "up --yes").contains("done: 1 created"));
    insta::assert_snapshot!(as_of("home", "preview"), @r"
    error: project `shop` has state already, and it belongs to another program
      that program: [root]/desk
      this program: [root]/home
      the state:    file://[root]/state
      try: give this program another name, or another place for its state with --state
      try: if the program has only moved, remove [root]/state/shop/project.json
    --- exit 5
    ");
    // A program that cargo didn't start can't tell whose it is.
    assert_eq!(session.output("preview").status.code(), Some(0));
}
