//! A machine that is not as a program needs it.

use super::refused;
use crate::session::Session;
use std::{net::TcpListener, os::unix::fs::PermissionsExt, process::Command};

#[test]
fn a_port_in_use_names_who_has_it() {
    let session = Session::new();
    let address = session.address(1, 8000);
    session.config(&format!(
        "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'python3'\naddress = '{address}'\n\
         arguments = ['-m', 'http.server', '--bind', '{}', '8000']\n",
        address.ip()
    ));
    let taken = TcpListener::bind(address).unwrap();
    let shown = refused(&session, "up --yes", 1);
    // The holder is this very test.
    assert!(shown.contains("127.x.y.1:8000 is in use by pid [pid] (main-"), "{shown}");
    drop(taken);
    session.data("up --yes");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let session = Session::with("[region.east]\n[process.till]\nregion = 'east'\nprogram = 'no-such-till'\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      + east   local:Region
      + till   local:Process   program: no-such-till, stop_limit_ms: 2000

      2 to create. Longest chain: 2 steps.

    --- stderr
    [time]  up        shop / dev: 2 steps
    [time]  create    east (local:Region)
    [time]  created   east (local:Region)  [t]
    [time]  create    till (local:Process)
    [time]  failed    to create till (local:Process): there is no program `no-such-till`
    [time]  ended     failed after [t]

    error: could not create local:Process `till` (tests/program/main.rs:[line])
      there is no program `no-such-till`
      try: install it and see that PATH leads to it, or give its absolute path

    stopped here: 1 created, 1 failed after [t]. `up` goes on from here.
    --- exit 1
    ");
    session.config("[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n");
    session.data("up --yes");
}

#[test]
fn npm_that_is_not_there_is_named() {
    let session = Session::with("[package.ctl]\npackage = 'no-such-package'\nversion = '1.0.0'\nprogram = 'ctl'\n");
    let output = session.program("up --yes").env("PATH", session.path("home")).output().unwrap();
    insta::assert_snapshot!(session.shown(&output), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + ctl   local:NpmPackage   package: no-such-package, version: 1.0.0, program: ctl

      1 to create.

    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  create    ctl (local:NpmPackage)
    [time]  failed    to create ctl (local:NpmPackage): running npm: No such file or directory (os error 2)
    [time]  ended     failed after [t]

    error: could not create local:NpmPackage `ctl` (tests/program/main.rs:[line])
      running npm: No such file or directory (os error 2)
      try: install Node.js, which brings npm, or put it into PATH

    stopped here: nothing changed, 1 failed after [t]. `up` goes on from here.
    --- exit 1
    ");
    session.config("[package.ctl]\npackage = 'no-such-package'\nversion = 'latest'\nprogram = 'ctl'\n");
    insta::assert_snapshot!(refused(&session, "up --yes", 5), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + ctl   local:NpmPackage   package: no-such-package, version: latest, program: ctl

      1 to create.

    --- stderr
    error: local:NpmPackage `ctl`: `version` must be an exact version such as 1.7.12, not `latest` (tests/program/main.rs:[line]) [T0201]

    nothing was changed: there is an error.
    --- exit 5
    ");
}

#[test]
fn a_state_folder_that_cannot_be_one_is_named() {
    let session = Session::with("[file.page]\n");
    session.write("state", "not a folder");
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: [root]/state/shop/dev is not a folder: choose another place for the state, or move what stands there
    --- exit 1
    ");
    assert_eq!(session.read("state"), "not a folder");
    assert!(!session.path("files/page").exists());
    insta::assert_snapshot!(refused(&session, "up --yes --state gopher://x", 2), @r"
    error: `gopher://x` is not a place for state: it is neither of the form file:///path nor s3://bucket/prefix
    --- exit 2
    ");
}

#[test]
fn a_state_folder_that_may_not_be_written_is_named() {
    let session = Session::with("[file.page]\n");
    let folder = session.path("state");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    let output = as_nobody_special(&session, "up --yes").output().unwrap();
    insta::assert_snapshot!(session.shown(&output), @r"
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page

      1 to create.

    --- stderr
    error: the state folder [root]/state/shop can't be written: Permission denied (os error 13); correct its owner or mode, or choose another
    --- exit 1
    ");
    assert!(!session.path("files/page").exists());
}

/// The program without the rights by which the superuser passes every check of permissions.
fn as_nobody_special(session: &Session, words: &str) -> Command {
    let program = session.program(words);
    if !rustix::process::geteuid().is_root() {
        return program;
    }
    let mut wrapped = Command::new("setpriv");
    wrapped.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(program.get_program()).args(program.get_args());
    wrapped.current_dir(session.path("desk")).env_clear();
    wrapped.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}

#[test]
fn a_full_disk_loses_nothing() {
    let session = Session::with("[file.page]\ncontent = 'one'\n");
    // A small file system of its own, that goes with the shell that made it.
    let script = "set -u; mount -t tmpfs -o size=4m tmpfs $TERRANE_STATE || exit 99
        $1 up --yes >&2 || exit 98
        dd if=/dev/zero of=$TERRANE_STATE/full bs=4k 2>/dev/null
        sed -i s/one/two/ terrane.toml
        echo full; $1 up --yes 2>&1; echo exit $?; cat ../files/page; echo
        echo read; $1 state ls 2>&1; echo exit $?
        rm $TERRANE_STATE/full
        echo freed; $1 up --yes 2>&1; echo exit $?; cat ../files/page; echo
        $1 up --yes";
    std::fs::create_dir_all(session.path("state")).unwrap();
    let program = session.program("");
    let mut shell = Command::new("unshare");
    shell.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(program.get_program());
    shell.current_dir(session.path("desk")).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    insta::assert_snapshot!(session.shown(&output), @r"
    full
    shop / dev · state in [root]/state · 1 resource in the program

      ~ page   local:File   content: one -> two

      1 to update.

    [time]  up        shop / dev: 1 step
    [time]  update    page (local:File)
    [time]  updated   page (local:File)  [t]
    [time]  ended     failed after [t]

    stopped here: 1 updated after [t]. `up` goes on from here.
    error: no space left at [root]/state/shop/dev: what was in flight has been recorded; free at least 2 MiB and run again
    exit 1
    two
    read
      resource   kind         changed
      page       local:File   [time]
    exit 0
    freed
    shop / dev: no changes. 1 resource, checked in [t].
    exit 0
    two
    shop / dev: no changes. 1 resource, checked in [t].
    --- stderr
    shop / dev · state in [root]/state · 1 resource in the program

      + page   local:File   path: [root]/files/page, content: one

      1 to create.

    [time]  up        shop / dev: 1 step
    [time]  create    page (local:File)
    [time]  created   page (local:File)  [t]
    [time]  ended     done after [t]
      page   [root]/files/page

    done: 1 created in [t].
    ");
}
