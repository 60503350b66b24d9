//! The secrets that this process has met, to be taken out of texts whose authors know nothing of secrecy: a provider's error, a line of
//! progress, a panic. Values of resources need none of this: they are masked by name.

use crate::properties::MASK;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{LazyLock, PoisonError, RwLock},
};
use zeroize::Zeroizing;

/// A shorter text is no secret that could be told from a word by chance.
const BYTES_MIN: usize = 6;
/// Of a longer one, only what it is in itself is looked for.
const ENCODED_BYTES_MAX: usize = 1 << 16;
/// Secrets are looked up by their first bytes.
const HEAD: usize = 4;

#[derive(Default)]
struct Known {
    seen: HashSet<u64>,
    /// Each form of each secret by its first bytes, the longest first.
    forms: HashMap<[u8; HEAD], Vec<Zeroizing<String>>>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Remembers a secret: every text and long number in it.
pub fn remember(secret: &Value) {
    match secret {
        Value::String(text) => remember_text(text),
        Value::Number(number) => remember_text(&number.to_string()),
        Value::Array(items) => items.iter().for_each(remember),
        Value::Object(fields) => fields.values().for_each(remember),
        Value::Null | Value::Bool(_) => {}
    }
}

fn remember_text(text: &str) {
    if text.len() < BYTES_MIN || text == MASK {
        return;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let hash = hasher.finish();
    if KNOWN.read().unwrap_or_else(PoisonError::into_inner).seen.contains(&hash) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.seen.insert(hash) {
        for form in forms(text) {
            known.add(form);
        }
    }
}

impl Known {
    fn add(&mut self, form: String) {
        let form = Zeroizing::new(form);
        let Some(head) = head_of(form.as_bytes()).filter(|_| form.len() >= BYTES_MIN) else { return };
        let alike = self.forms.entry(head).or_default();
        if let Err(at) = alike.binary_search_by(|other| form.len().cmp(&other.len()).then_with(|| other.cmp(&form))) {
            alike.insert(at, form);
        }
    }

    /// The length of the longest secret that the bytes begin with.
    fn begins(&self, bytes: &[u8]) -> Option<usize> {
        let alike = self.forms.get(&head_of(bytes)?)?;
        alike.iter().find(|form| bytes.starts_with(form.as_bytes())).map(|form| form.len())
    }
}

fn head_of(bytes: &[u8]) -> Option<[u8; HEAD]> {
    bytes.first_chunk().copied()
}

/// The text with every secret that this process knows replaced, also where it is quoted or encoded.
pub fn redact(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.forms.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut clean, mut rest, mut at) = (String::new(), text, 0);
    while at < rest.len() {
        match known.begins(&rest.as_bytes()[at..]) {
            Some(length) => {
                clean += &rest[..at];
                clean += MASK;
                (rest, at) = (&rest[at + length..], 0);
            }
            None => at += 1,
        }
    }
    if rest.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(clean + rest) }
}

/// How a text may look in other texts: itself, its lines, quoted as in JSON and in Rust, for a URL, in hexadecimal digits and in base64,
/// wherever in a longer text it stands.
fn forms(text: &str) -> Vec<String> {
    let unquoted = |quoted: String| quoted.trim_matches('"').to_owned();
    let json = unquoted(Value::from(text).to_string());
    let mut forms = vec![text.to_owned(), json, unquoted(format!("{text:?}"))];
    forms.extend(text.lines().map(str::trim).filter(|line| line.len() >= 2 * BYTES_MIN).map(str::to_owned));
    if text.len() <= ENCODED_BYTES_MAX {
        forms.extend([in_url(text, true), in_url(text, false)]);
        let hex = text.bytes().fold(String::new(), |hex, byte| written(hex, format_args!("{byte:02x}")));
        forms.extend([hex.to_uppercase(), hex]);
        forms.extend((0..3).flat_map(|shift| in_base64(text.as_bytes(), shift)));
    }
    forms
}

fn written(mut text: String, more: std::fmt::Arguments<'_>) -> String {
    // Writing to memory can't fail.
    let _ = text.write_fmt(more);
    text
}

fn in_url(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            encoded.push(char::from(byte));
            encoded
        }
        _ if upper => written(encoded, format_args!("%{byte:02X}")),
        _ => written(encoded, format_args!("%{byte:02x}")),
    })
}

/// The digits that are the text's alone when so many bytes stand before it.
fn in_base64(text: &[u8], shift: usize) -> [String; 2] {
    let padded: Zeroizing<Vec<u8>> =
        Zeroizing::new(std::iter::repeat_n(0, shift).chain(text.iter().copied()).collect());
    let (from, to) = ((shift * 8).div_ceil(6), padded.len() * 8 / 6);
    [STANDARD.encode(&padded), URL_SAFE.encode(&padded)].map(|digits| digits[from.min(to)..to].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_found_however_it_is_written_and_nothing_else_is_touched() {
        let secret = "pa\"ss wörd/7731+=";
        remember(&json!({"nested": [{"deep": secret}, true, "short"], "pin": 77_318_842}));
        let user = STANDARD.encode(format!("ada:{secret}"));
        let texts = [
            format!("login with {secret} failed"),
            format!("login with {secret:?} failed"),
            format!("{{\"password\":{}}}", Value::from(secret)),
            format!("https://x/?p={}", in_url(secret, false)),
            format!("Authorization: Basic {user}"),
            format!("{secret}{secret}"),
            "pin 77318842".to_owned(),
        ];
        for text in &texts {
            let clean = redact(text);
            assert!(clean.contains(MASK), "{clean}");
            assert!(!clean.contains("7731") && !clean.contains(&user), "{clean}");
        }
        assert_eq!(redact("a short word"), "a short word");
    }
}
