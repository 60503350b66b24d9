//! `local:File`.

use crate::session::Session;
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn content_and_permissions_are_put_right() {
    let session = Session::with("[file.key]\ncontent = 'x'\nmode = 384\n");
    session.data("up --yes");
    let path = session.path("files/key");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let planned = session.data("preview");
    assert!(planned.contains("mode: 438 -> 384"), "{planned}");
    session.data("up --yes");
    assert_eq!(mode(), 0o600);

    fs::remove_file(&path).unwrap();
    let planned = session.data("up --yes");
    assert!(planned.contains("+ key"), "{planned}");
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("x", 0o600));
}

#[test]
fn what_is_not_a_file_is_refused_and_left_alone() {
    let session = Session::with("[file.page]\ncontent = 'x'\n");
    fs::create_dir(session.path("files/page")).unwrap();
    session.write("files/page/inside", "precious");
    let shown = session.run("up --yes");
    assert!(shown.contains("could not create local:File `page`") && shown.ends_with("--- exit 1"), "{shown}");
    assert_eq!(session.read("files/page/inside"), "precious");
    assert_eq!(fs::read_dir(session.path("files")).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn two_files_of_one_stem_do_not_meet() {
    let pages = (0..40).map(|n| format!("[file.p{n}]\nat = 'page.{n}'\ncontent = '{n}'\n"));
    let session = Session::with(&pages.collect::<String>());
    let output = session.program("up --yes").env("TERRANE_PARALLEL", "40").output().unwrap();
    assert!(output.status.success(), "{}", session.shown(&output));
    (0..40).for_each(|n| assert_eq!(session.read(&format!("files/page.{n}")), n.to_string()));
}
