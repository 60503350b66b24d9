//! Secrets: a value that nobody prints by accident, and texts from elsewhere without the secrets that this process knows.

mod known;

pub use known::{redact, remember};

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;
use std::{cell::RefCell, fmt};
use zeroize::Zeroize;

/// A secret in memory: no `Display`, no `Serialize`, `Debug` prints `[secret]`, and it is wiped when it is dropped.
///
/// As a field of a configuration struct it takes a value that `config set --secret` has encrypted, and a plain one, too.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The one way out.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret<String> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Secret<String> {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

impl<T: Zeroize + Clone> From<&Self> for Secret<T> {
    fn from(secret: &Self) -> Self {
        secret.clone()
    }
}

/// The key of the object that stands for a secret while a configuration is read into a struct.
const TICKET: &str = "$terrane-secret";

thread_local! {
    /// The secrets of the configuration that is being read; a ticket is a place in it.
    static COUNTER: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// Reads with secrets behind tickets: what isn't a [`Secret`] sees the ticket only, and a field of another type refuses it.
pub(crate) fn behind_tickets<R>(secrets: Vec<Value>, read: impl FnOnce() -> R) -> R {
    let before = COUNTER.replace(secrets);
    let result = read();
    COUNTER.set(before);
    result
}

/// What stands for the secret at a place.
pub(crate) fn ticket(place: usize) -> Value {
    serde_json::json!({ TICKET: place })
}

impl<'de, T: Zeroize + DeserializeOwned> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Value::deserialize(deserializer)?;
        let place =
            given.as_object().filter(|object| object.len() == 1).and_then(|object| object.get(TICKET)?.as_u64());
        let value = match place.and_then(|place| usize::try_from(place).ok()) {
            Some(place) => COUNTER.with_borrow(|secrets| secrets.get(place).cloned()).unwrap_or(Value::Null),
            None => given,
        };
        remember(&value);
        // The reason would quote the value.
        T::deserialize(value).map(Self).map_err(|_| D::Error::custom("the secret value is of another type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_and_goes_where_it_is_asked_for() {
        let secret: Secret<String> = "hunter2".into();
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
        assert_eq!(Secret::from(&secret).expose(), "hunter2");
        let from_plain: Secret<u32> = serde_json::from_value(7.into()).unwrap();
        assert_eq!(*from_plain.expose(), 7);
        let refused = serde_json::from_value::<Secret<u32>>("hunter2".into()).unwrap_err().to_string();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
