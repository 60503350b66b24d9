//! Secrets whose key AWS KMS keeps: on moto's KMS, which encrypts for real, behind a proxy that can deny.

use super::{faults::Conduct, moto, proxy::Proxy};
use crate::session::Session;

const TILL: &str = "[file.till]\nsecret = 'hunter2'\n";

/// A session that reaches a KMS through a proxy, and the ARN of a key there.
fn vault() -> (Session, Proxy, String) {
    let proxy = Proxy::before(moto::address());
    let mut session = Session::with(TILL);
    session.set("AWS_ENDPOINT_URL_KMS", format!("http://{}", proxy.address()));
    session.set("AWS_ACCESS_KEY_ID", "terrane");
    session.set("AWS_SECRET_ACCESS_KEY", "terrane-local");
    (session, proxy, moto::key())
}

fn till(session: &Session) -> String {
    session.run("state show till --show-secrets")
}

#[test]
fn a_key_is_kept_by_kms_changed_and_left() {
    let (mut session, proxy, key) = vault();
    session.data(&format!("stack init dev --secrets awskms:{key}"));
    session.data("up --yes");
    assert_eq!(session.data("secrets ls"), format!("awskms:{key}\n"));
    assert!(till(&session).contains("hunter2"), "{}", till(&session));
    let former = session.read("state/shop/dev/key.json");
    assert!(former.contains("aws-kms") && !session.path("state/keys").exists(), "{former}");

    session.data("secrets rotate");
    assert_ne!(session.read("state/shop/dev/key.json"), former);
    assert!(till(&session).contains("hunter2"), "{}", till(&session));

    // Another key of KMS, and a passphrase: each is enough.
    let other = moto::key();
    session.data(&format!("secrets add-recipient awskms:{other}"));
    session.data(&format!("secrets rm-recipient awskms:{key}"));
    session.set("TERRANE_PASSPHRASE", "correct horse");
    session.data("secrets add-recipient passphrase");
    session.data(&format!("secrets rm-recipient awskms:{other}"));
    proxy.conduct(Conduct::Denying { what: "Decrypt" });
    assert!(till(&session).contains("hunter2"), "the passphrase alone opens it: {}", till(&session));
    assert_eq!(proxy.requests(), 0, "KMS is not asked any more");
}

#[test]
fn a_wrong_passphrase_a_damaged_key_and_a_missing_permission_are_told_apart() {
    let (session, proxy, key) = vault();
    session.data(&format!("stack init dev --secrets awskms:{key}"));
    session.data("up --yes");
    let whole = session.read("state/shop/dev/key.json");

    proxy.conduct(Conduct::Denying { what: "Decrypt" });
    let denied = till(&session);
    assert!(denied.contains(&format!("does not let you use awskms:{key}: ask for kms:Decrypt on it")), "{denied}");
    proxy.conduct(Conduct::Denying { what: "Encrypt" });
    let denied = session.run(&format!("secrets add-recipient awskms:{}", moto::key()));
    assert!(denied.contains("ask for kms:Encrypt on it"), "{denied}");
    assert_eq!(session.read("state/shop/dev/key.json"), whole, "nothing was changed");
    proxy.conduct(Conduct::Faithful);

    let at = whole.find("\"sealed_key\":").unwrap() + 30;
    let mut damaged = whole.clone().into_bytes();
    damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
    session.write("state/shop/dev/key.json", damaged);
    let damaged = till(&session);
    assert!(damaged.contains("the wrapped data key") && damaged.contains("is damaged"), "{damaged}");

    let mut session = Session::with(TILL);
    session.set("TERRANE_PASSPHRASE", "correct horse");
    session.data("up --yes");
    session.set("TERRANE_PASSPHRASE", "battery staple");
    let wrong = till(&session);
    assert!(wrong.contains("the passphrase is wrong"), "{wrong}");
}
