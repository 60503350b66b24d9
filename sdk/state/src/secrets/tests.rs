//! Secrets open in their place, with their key, and nowhere else; and the reasons why not are told apart.

use std::{env, fs, os::unix::fs::PermissionsExt, path::PathBuf, thread};

use super::{
    Ask, Attempt, Error, Guard, KeyChange, Keyring, Means, Passphrase, Place, Recipient, Result, Wrap, WrappedKey,
    age::Identities,
    is_sealed,
    passphrase::{Cost, PassphraseWrap},
};
use age::secrecy::ExposeSecret;
use futures_util::FutureExt;
use std::{
    future::ready,
    sync::{Arc, LazyLock, Mutex},
};
use zeroize::Zeroizing;

const PLACE: Place<'_> = Place { lineage: "f00d", urn: "dev/shop/db/main", property: "inputs.password" };
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
/// An age recipient and its identity.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| {
    let identity = age::x25519::Identity::generate();
    (identity.to_public().to_string(), identity.to_string().expose_secret().to_owned())
});

fn recipient() -> &'static str {
    &PAIR.0
}

fn identity() -> &'static str {
    &PAIR.1
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("terrane-secrets-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    folder
}

/// Of futures that wait for nothing.
fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().unwrap()
}

fn unlock(wrapped: &WrappedKey, means: &Means) -> Result<Keyring> {
    now(Keyring::unlock(wrapped, means))
}

fn change(change: &KeyChange, keyring: &Keyring, wrapped: &WrappedKey, means: &Means) -> Result<(Keyring, WrappedKey)> {
    now(change.apply(Some((keyring, wrapped)), means))
}

fn with_passphrase(text: &str) -> Means {
    Means { passphrase: Some(passphrase(text)), ..Means::default() }
}

fn with_identity(text: &str) -> Means {
    Means { identities: Identities::Given(Zeroizing::new(text.to_owned())), ..Means::default() }
}

/// A key under the passphrase `first`, cheaply, and for an age recipient.
fn keyring() -> (Keyring, WrappedKey) {
    let (keyring, mut wrapped) = Keyring::create_here(&Guard::recipient(recipient()).unwrap()).unwrap();
    let wrap = PassphraseWrap::new(&keyring.key, &passphrase("first"), CHEAP).unwrap();
    wrapped.wraps.insert(0, Wrap::Passphrase { wrap });
    (keyring, wrapped)
}

#[test]
fn a_secret_opens_by_each_way_to_its_key_and_after_a_trip_through_json() {
    let (keyring, wrapped) = keyring();
    let sealed = keyring.seal(&PLACE, b"hunter2").unwrap();
    assert!(is_sealed(&sealed) && !sealed.contains("hunter2"));
    assert_ne!(sealed, keyring.seal(&PLACE, b"hunter2").unwrap(), "equal secrets don't show as equal");
    let wrapped = serde_json::from_str(&serde_json::to_string(&wrapped).unwrap()).unwrap();
    for means in [with_passphrase("first"), with_identity(&format!("# ada\n{}\n", identity()))] {
        let again = unlock(&wrapped, &means).unwrap();
        assert_eq!(again.open_value(&PLACE, &sealed).unwrap().as_slice(), b"hunter2");
    }
}

#[test]
fn the_first_form_of_a_wrapped_key_still_reads() {
    let (_, wrapped) = keyring();
    let Wrap::Passphrase { wrap } = &wrapped.wraps[0] else { panic!("a passphrase comes first") };
    let first = serde_json::json!({"kept_by": "passphrase", "key_id": wrapped.key_id(), "wrap": wrap});
    let read: WrappedKey = serde_json::from_value(first).unwrap();
    assert_eq!((read.key_id(), read.wraps()), (wrapped.key_id(), &wrapped.wraps[..1]));
    let first = serde_json::json!({"kept_by": "key-file", "key_id": "0123"});
    assert_eq!(serde_json::from_value::<WrappedKey>(first).unwrap().wraps(), [Wrap::KeyFile]);
    assert!(serde_json::from_value::<WrappedKey>(serde_json::json!({"key_id": "0123"})).is_err());
}

#[test]
fn each_reason_why_a_key_cannot_be_had_is_told_apart() {
    let (_, both) = keyring();
    let only = |index: usize| WrappedKey { wraps: vec![both.wraps[index].clone()], ..both.clone() };
    let (under_passphrase, for_age) = (only(0), only(1));
    let refused = |wrapped: &WrappedKey, means: &Means| unlock(wrapped, means).unwrap_err();

    assert!(matches!(refused(&under_passphrase, &with_passphrase("third")), Error::WrongPassphrase));
    assert!(matches!(refused(&under_passphrase, &Means::default()), Error::MissingPassphrase { .. }));
    assert!(matches!(Passphrase::new(""), Err(Error::MissingPassphrase { variable: "TERRANE_PASSPHRASE" })));
    assert!(matches!(refused(&for_age, &with_passphrase("first")), Error::MissingAgeIdentity { .. }));
    let other = age::x25519::Identity::generate();
    let other = other.to_string().expose_secret().to_owned();
    assert!(matches!(refused(&for_age, &with_identity(&other)), Error::OtherAgeIdentity { .. }));
    let nonsense = refused(&for_age, &with_identity("AGE-SECRET-KEY-1NONSENSE"));
    assert!(matches!(nonsense, Error::NoAgeIdentity { .. }) && !nonsense.to_string().contains("NONSENSE"));
    let several = refused(&both, &with_passphrase("third")).to_string();
    assert!(several.contains("passphrase is wrong") && several.contains(recipient()), "{several}");
}

#[test]
fn a_wrapped_key_of_which_a_byte_differs_is_damaged_not_wrong() {
    let (_, wrapped) = keyring();
    for (index, means) in [with_passphrase("first"), with_identity(identity())].iter().enumerate() {
        let one = WrappedKey { wraps: vec![wrapped.wraps[index].clone()], ..wrapped.clone() };
        let text = serde_json::to_string(&one).unwrap();
        let from = text.find("sealed_key").unwrap() + "sealed_key\":\"".len();
        for at in from..from + 40 {
            let mut damaged = text.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let Ok(damaged) = serde_json::from_slice::<WrappedKey>(&damaged) else { continue };
            let outcome = unlock(&damaged, means);
            assert!(matches!(outcome, Err(Error::CorruptWrap { .. })), "byte {at}: {outcome:?}");
        }
    }
}

#[test]
fn a_rotated_key_reads_what_the_former_ones_sealed_and_is_kept_in_the_same_ways() {
    let folder = scratch("rotated");
    let means = Means { key_file: Some(folder.join("key")), ..with_identity(identity()) };
    let (first, kept) = Keyring::create_here(&Guard::KeyFile(folder.join("key"))).unwrap();
    let old = first.seal(&PLACE, b"hunter2").unwrap();
    let to_age = KeyChange::Add(Recipient::Other(Guard::recipient(recipient()).unwrap()));
    let (keyring, kept) = change(&to_age, &first, &kept, &means).unwrap();
    assert!(matches!(change(&to_age, &keyring, &kept, &means), Err(Error::AlreadyKept { .. })));
    let (second, kept) = change(&KeyChange::Rotate, &keyring, &kept, &means).unwrap();
    let (third, kept) = change(&KeyChange::Rotate, &second, &kept, &means).unwrap();
    assert_eq!((kept.names(), kept.older_keys()), (vec!["keyfile".to_owned(), recipient().to_owned()], 2));
    assert_ne!(first.key_id(), third.key_id());
    let new = third.seal(&PLACE, b"hunter3").unwrap();
    assert!(matches!(first.open_value(&PLACE, &new), Err(Error::OtherKey { .. })));
    let kept: WrappedKey = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
    for name in ["keyfile", recipient()] {
        let (_, without) = change(&KeyChange::Remove(name.to_owned()), &third, &kept, &means).unwrap();
        let again = unlock(&without, &means).unwrap();
        assert_eq!(again.open_value(&PLACE, &old).unwrap().as_slice(), b"hunter2");
        assert_eq!(again.open_value(&PLACE, &new).unwrap().as_slice(), b"hunter3");
        let last = KeyChange::Remove(without.names()[0].clone());
        assert!(matches!(change(&last, &third, &without, &means), Err(Error::LastWay { .. })));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_passphrase_is_changed_by_who_knows_the_old_one() {
    let (keyring, wrapped) = keyring();
    let to_second = KeyChange::ChangePassphrase(passphrase("second"));
    let changed = |means: &Means| change(&to_second, &keyring, &wrapped, means);
    assert!(matches!(changed(&Means::default()), Err(Error::MissingPassphrase { .. })));
    assert!(matches!(changed(&with_passphrase("third")), Err(Error::WrongPassphrase)));
    let (_, wrapped) = changed(&with_passphrase("first")).unwrap();
    assert!(unlock(&wrapped, &with_passphrase("second")).is_ok());
    assert!(unlock(&wrapped, &with_passphrase("first")).is_err());
    let rotated = change(&KeyChange::Rotate, &keyring, &wrapped, &with_passphrase("first"));
    assert!(matches!(rotated, Err(Error::WrongPassphrase)), "a mistyped passphrase can't lock anybody out");
}

#[test]
fn a_passphrase_that_is_none_matters_only_where_one_is_used() {
    let (_, both) = keyring();
    let only = WrappedKey { wraps: vec![both.wraps[0].clone()], ..both.clone() };
    let means = Means { has_unusable: true, ..with_identity(identity()) };
    assert!(unlock(&both, &means).is_ok());
    assert!(matches!(unlock(&only, &means), Err(Error::MissingPassphrase { .. })));
    assert!(matches!(means.guard(), Err(Error::MissingPassphrase { .. })), "no other guard takes its place");
}

#[test]
fn a_person_is_asked_when_nothing_else_gives_the_key_and_may_err_twice() {
    let (_, both) = keyring();
    let only = WrappedKey { wraps: vec![both.wraps[0].clone()], ..both.clone() };
    let asked = |answers: &[&str], means: Means| {
        let answers: Vec<_> = answers.iter().rev().map(|answer| passphrase(answer)).collect();
        let (answers, attempts) = (Arc::new(Mutex::new(answers)), Arc::new(Mutex::new(Vec::new())));
        let (left, seen) = (answers, attempts.clone());
        let ask: Arc<Ask> = Arc::new(move |attempt| {
            seen.lock().unwrap().push(attempt);
            Box::pin(ready(left.lock().unwrap().pop()))
        });
        (Means { ask: Some(ask), ..means }, attempts)
    };
    let (means, attempts) = asked(&["first"], with_identity(identity()));
    assert!(unlock(&both, &means).is_ok() && attempts.lock().unwrap().is_empty(), "the identity is enough");
    let (means, attempts) = asked(&[], Means::default());
    assert!(matches!(unlock(&only, &means), Err(Error::NotAnswered)));
    assert_eq!(*attempts.lock().unwrap(), [Attempt::First]);
    let (means, attempts) = asked(&["third", "fourth", "fifth", "first"], Means::default());
    assert!(matches!(unlock(&only, &means), Err(Error::WrongPassphrase)));
    assert_eq!(attempts.lock().unwrap().len(), 3);
    let (means, attempts) = asked(&["third", "first"], Means::default());
    assert!(unlock(&only, &means).is_ok());
    assert_eq!(*attempts.lock().unwrap(), [Attempt::First, Attempt::Again]);
    let (means, attempts) = asked(&[], Means::default());
    assert!(unlock(&only, &means).is_ok() && attempts.lock().unwrap().is_empty(), "what was answered is remembered");
}

#[test]
fn a_secret_opens_in_its_place_only_and_not_when_a_byte_of_it_differs() {
    let (keyring, _) = keyring();
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
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Keyring::create_here(&guard).unwrap().1)).collect();
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
    let (_, wrapped) = Keyring::create_here(&guard).unwrap();
    let means = Means { key_file: Some(path.clone()), ..Means::default() };
    let outcome = || unlock(&wrapped, &means);

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
    Keyring::create_here(&guard).unwrap();
    assert!(matches!(outcome(), Err(Error::OtherKeyFile { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_debug_output_shows_a_key_or_a_passphrase() {
    let (keyring, _) = keyring();
    let shown = format!("{keyring:?} {:?}", with_passphrase("correct horse"));
    assert!(shown.contains("[secret]") && !shown.contains("horse"));
    assert!(shown.len() < 200, "{shown}");
}
