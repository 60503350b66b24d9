//! Secrets open in their place, with their key, and nowhere else; and the reasons why not are told apart.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
};

use super::{
    Error, Guard, Keyring, Passphrase, Place, WrappedKey, is_sealed,
    passphrase::{Cost, PassphraseWrap},
};

const PLACE: Place<'_> = Place { lineage: "f00d", urn: "dev/shop/db/main", property: "inputs.password" };
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn passphrase(text: &str) -> Guard {
    Guard::Passphrase(Passphrase::new(text).unwrap())
}

fn scratch(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("terrane-secrets-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// A key that was made with a passphrase at full cost, and the same key wrapped by a second one cheaply.
fn keyring() -> (Keyring, WrappedKey, WrappedKey) {
    let (keyring, wrapped) = Keyring::create(&passphrase("first")).unwrap();
    let cheap = keyring.wrap_at(&passphrase("second"), CHEAP).unwrap();
    (keyring, wrapped, cheap)
}

#[test]
fn a_secret_opens_with_either_passphrase_and_after_a_trip_through_json() {
    let (keyring, first, second) = keyring();
    let sealed = keyring.seal(&PLACE, b"hunter2").unwrap();
    assert!(is_sealed(&sealed) && !sealed.contains("hunter2"));
    assert_ne!(sealed, keyring.seal(&PLACE, b"hunter2").unwrap(), "equal secrets don't show as equal");
    for (wrapped, text) in [(first, "first"), (second, "second")] {
        let wrapped = serde_json::from_str(&serde_json::to_string(&wrapped).unwrap()).unwrap();
        let again = Keyring::open(&wrapped, &passphrase(text)).unwrap();
        assert_eq!(again.open_value(&PLACE, &sealed).unwrap().as_slice(), b"hunter2");
    }
}

#[test]
fn a_wrong_passphrase_and_a_damaged_key_are_told_apart() {
    let (_, _, wrapped) = keyring();
    assert!(matches!(Keyring::open(&wrapped, &passphrase("third")), Err(Error::WrongPassphrase)));
    assert!(matches!(Passphrase::new(""), Err(Error::MissingPassphrase { variable: "TERRANE_PASSPHRASE" })));
    let guard = Guard::KeyFile("key".into());
    assert!(matches!(Keyring::open(&wrapped, &guard), Err(Error::OtherGuard { .. })));

    let WrappedKey::Passphrase { key_id, wrap } = wrapped else { panic!("a passphrase was given") };
    let text = serde_json::to_string(&wrap).unwrap();
    for at in 0..text.len() {
        let mut damaged = text.clone().into_bytes();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        let Ok(wrap) = serde_json::from_slice::<PassphraseWrap>(&damaged) else { continue };
        let wrapped = WrappedKey::Passphrase { key_id: key_id.clone(), wrap };
        let outcome = Keyring::open(&wrapped, &passphrase("second"));
        assert!(matches!(outcome, Err(Error::CorruptWrap { .. })), "byte {at}: {outcome:?}");
    }
}

#[test]
fn a_secret_opens_in_its_place_only_and_not_when_a_byte_of_it_differs() {
    let (keyring, ..) = keyring();
    let sealed = keyring.seal(&PLACE, b"hunter2").unwrap();
    let elsewhere = [
        Place { lineage: "beef", ..PLACE },
        Place { urn: "dev/shop/db/other", ..PLACE },
        Place { property: "inputs.name", ..PLACE },
        // The same bytes in all, split in another place.
        Place { urn: "dev/shop/db/main.inputs", property: "password", ..PLACE },
    ];
    for place in elsewhere {
        assert!(matches!(keyring.open_value(&place, &sealed), Err(Error::CorruptValue { .. })));
    }
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone().into_bytes();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        let damaged = String::from_utf8(damaged).unwrap();
        let error = keyring.open_value(&PLACE, &damaged).unwrap_err();
        assert!(matches!(error, Error::CorruptValue { .. } | Error::OtherKey { .. }), "byte {at}");
        assert!(error.to_string().contains("inputs.password of dev/shop/db/main"));
        assert!(keyring.open_value(&PLACE, &sealed[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_key_file_is_made_once_for_this_user_only() {
    let folder = scratch("made");
    let guard = Guard::KeyFile(folder.join("key"));
    let made: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Keyring::create(&guard).unwrap().1)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(made.iter().all(|wrapped| *wrapped == made[0]), "all got the same key");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");
    assert_eq!(fs::metadata(folder.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_key_file_that_is_missing_open_to_others_damaged_or_anothers_is_refused() {
    let folder = scratch("refused");
    let path = folder.join("key");
    let guard = Guard::KeyFile(path.clone());
    let (_, wrapped) = Keyring::create(&guard).unwrap();
    let outcome = || Keyring::open(&wrapped, &guard);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(outcome(), Err(Error::LooseKeyFile { mode: 0o640, .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let text = fs::read(&path).unwrap();
    for at in 0..text.len() - 1 {
        let mut damaged = text.clone();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        fs::write(&path, damaged).unwrap();
        assert!(matches!(outcome(), Err(Error::CorruptKeyFile { .. })), "byte {at}");
        fs::write(&path, &text[..at]).unwrap();
        assert!(matches!(outcome(), Err(Error::CorruptKeyFile { .. })), "cut at {at}");
    }

    fs::remove_file(&path).unwrap();
    assert!(matches!(outcome(), Err(Error::MissingKeyFile { .. })));
    let (other, _) = Keyring::create(&guard).unwrap();
    assert!(matches!(outcome(), Err(Error::OtherKeyFile { .. })));
    let missing = Guard::KeyFile(Path::new("/nonexistent/key").into());
    assert!(matches!(other.wrap(&missing), Err(Error::MissingKeyFile { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_debug_output_shows_a_key_or_a_passphrase() {
    let (keyring, ..) = keyring();
    let shown = format!("{keyring:?} {:?}", passphrase("correct horse"));
    assert!(shown.contains("[secret]") && !shown.contains("horse"));
    assert!(shown.len() < 200, "{shown}");
}
