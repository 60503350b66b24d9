//! What derived code calls. Not for people: it changes without notice.

pub use serde_json::Value;
pub use terrane_core::input::{Given, Set, Unset};

/// A default as state keeps it.
pub fn default_value<T: serde::Serialize>(value: T) -> Value {
    // A default that can't be written is reported like one that is missing: when the inputs are decoded.
    serde_json::to_value(value).unwrap_or_default()
}

/// Whether a kind's name begins with the name of its provider.
pub const fn is_kind_of(kind: &str, provider: &str) -> bool {
    match kind.as_bytes().split_at_checked(provider.len()) {
        Some((head, [b':', ..])) => is_same(head, provider.as_bytes()),
        _ => false,
    }
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
