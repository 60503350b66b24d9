//! Configuration: reading and writing it, and where it is found.

use crate::session::{Session, eventually};
use std::fs;

#[test]
fn values_are_read_and_written() {
    let session = Session::with("[file.page]\ncontent = 'for everyone'\n");
    insta::assert_snapshot!(session.run("config ls"), @r"
    place              key                 value
    terrane.toml:3:1   file.page.content   for everyone
    terrane.toml:1:1   folder              [root]/files
    ");
    insta::assert_snapshot!(session.run("config set file.page.content dev"), @"Set `file.page.content` in [root]/desk/terrane.dev.toml.");
    insta::assert_snapshot!(session.run("config get file.page.content"), @"dev");
    insta::assert_snapshot!(session.run("config ls"), @r"
    place                  key                 value
    terrane.dev.toml:2:1   file.page.content   dev
    terrane.toml:1:1       folder              [root]/files
    ");
    session.data("up --yes");
    assert_eq!(session.read("files/page"), "dev");
    insta::assert_snapshot!(session.run("config rm file.page.content"), @"Removed `file.page.content` from [root]/desk/terrane.dev.toml.");
    insta::assert_snapshot!(session.run("config rm file.page.content"), @r"
    error: `file.page.content` does not stand in [root]/desk/terrane.dev.toml
      try: it stands at terrane.toml:3:1, for every stack: change it there
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("config get file.page.contents"), @r"
    error: the configuration of stack `dev` has no `file.page.contents`
      try: did you mean `file.page.content`?
    --- exit 2
    ");
    insta::assert_snapshot!(session.run("config set state x"), @r"
    error: `state` is not the program's configuration: it says where state is kept
      try: write it into terrane.toml by hand: it is the same for every stack
    --- exit 2
    ");
}

#[test]
fn the_folder_with_the_configuration_can_be_named() {
    let session = Session::with(
        "[file.page]\n[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n",
    );
    let from = |folder: &str, words: &str| {
        let output = session.program(words).current_dir(session.path(folder)).output().unwrap();
        session.shown(&output)
    };
    insta::assert_snapshot!(from("home", "preview"), @r"
    error: the configuration lacks `folder` [T0107]
      try: set it with `config set folder VALUE`
    --- exit 1
    ");
    insta::assert_snapshot!(from("home", "preview --folder ../nowhere"), @r"
    error: there is no folder ../nowhere
      try: --folder (or TERRANE_FOLDER) says where terrane.toml is searched from
    --- exit 2
    ");
    // A folder below will do: the search goes upward. The region's agent evaluates the program, too, and needs its configuration.
    fs::create_dir(session.path("desk/below")).unwrap();
    let up = from("home", "up --yes -C ../desk/below");
    assert!(up.contains("done: 3 created"), "{up}");
    let listed = from("home", "-C ../desk local status");
    assert!(listed.contains("till             ready"), "{listed}");
}

#[test]
fn the_agent_of_a_region_belongs_to_the_stack_that_made_it() {
    let session =
        Session::with("[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n");
    session.write("desk/terrane.prod.toml", "file.page.content = 'prod'\n");
    // Only `prod` can be evaluated: an agent that took itself for one of `dev` would not come up.
    session.write("desk/terrane.dev.toml", "ends = 'failing'\n");
    session.data("up --yes --stack prod");
    let agent = session.path("l/shop/prod/east/agent.pid");
    eventually("the agent of prod runs", || agent.exists());
    let shown = session.data("local status --stack prod");
    assert!(shown.contains("till             ready"), "{shown}");
    session.data("destroy --yes --stack prod");
}
