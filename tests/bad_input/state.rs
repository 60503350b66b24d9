//! State that was damaged, or written by a newer Terrane.

use super::refused;
use crate::session::{Session, files};
use std::{fs, path::Path};

#[test]
fn a_flipped_byte_is_found_and_nothing_is_written() {
    let session = Session::with("[file.page]\ncontent = 'one'\n[file.sign]\n");
    session.data("up --yes");
    session.config("[file.page]\ncontent = 'two'\n");
    // The log after the run is its header; the state is in the snapshot that it names.
    let snapshot = files(&session.path("state/shop/dev/snapshots")).pop().unwrap();
    for file in [session.path("state/shop/dev/log"), snapshot] {
        let good = fs::read(&file).unwrap();
        for position in [3, 40, 90, good.len() / 2, good.len() - 5] {
            let mut bad = good.clone();
            bad[position] ^= 0x10;
            fs::write(&file, bad).unwrap();
            let before = content(&session.path("state"));
            for words in ["up --yes", "preview", "destroy --yes", "state ls", "stack history"] {
                let shown = refused(&session, words, 1);
                let place = session.redacted(&file.display().to_string());
                assert!(shown.contains(&format!("{place} is damaged")), "byte {position}, {words}: {shown}");
            }
            assert!(before == content(&session.path("state")), "byte {position}: something was written");
        }
        fs::write(&file, &good).unwrap();
    }
    assert_eq!(session.read("files/page"), "one");
    session.data("up --yes");
    assert_eq!(session.read("files/page"), "two");
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let session = Session::with("[file.page]\n");
    session.data("up --yes");
    let log = session.path("state/shop/dev/log");
    let mut bytes = fs::read(&log).unwrap();
    // The oldest format that a reader must know.
    bytes[12..16].copy_from_slice(&9_u32.to_le_bytes());
    fs::write(&log, &bytes).unwrap();
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: [root]/state/shop/dev/log needs a Terrane that reads state format 9; this one reads up to 1: upgrade
    --- exit 1
    ");
}

#[test]
fn a_lost_key_is_told_from_damage() {
    let session = Session::with("[file.till]\nsecret = 'hunter2'\n");
    session.data("up --yes");
    let key = session.path("state/keys/shop/dev.key");
    let aside = session.path("aside.key");
    fs::rename(&key, &aside).unwrap();
    insta::assert_snapshot!(refused(&session, "up --yes", 1), @r"
    error: the key file [root]/state/keys/shop/dev.key is missing: put it back; without it this state's secrets can't be read
    --- exit 1
    ");
    assert!(!key.exists(), "a new key would not open what the old one has sealed");
    fs::rename(&aside, &key).unwrap();
    session.data("up --yes");
}

/// Every file with its bytes; the lock's holder may change.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let named = files(folder).into_iter().filter(|path| !path.ends_with("lock"));
    named.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}
