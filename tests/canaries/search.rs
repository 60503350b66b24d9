//! Looking for canaries, however they are written.

use super::words::STEM;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use std::{collections::BTreeSet, fs, path::Path};

/// What every canary begins with, in each form that it may have.
pub(super) fn forms() -> BTreeSet<Vec<u8>> {
    let hex: String = STEM.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = serde_json::to_string(STEM).unwrap();
    let debug = format!("{STEM:?}");
    let url = |upper: bool| -> String {
        let escaped = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        STEM.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { escaped(byte) }).collect()
    };
    // The first and last digits hold bits of their neighbours, too.
    let base64 = (0..3).flat_map(|before| {
        let text = format!("{}{STEM}", " ".repeat(before));
        [STANDARD.encode(&text), URL_SAFE.encode(&text)].map(|text| text[4..text.len() - 4].to_owned())
    });
    let quoted = [json, debug].map(|quoted| quoted.trim_matches('"').to_owned());
    let whole = [STEM.to_owned(), hex.to_uppercase(), hex, url(true), url(false)];
    whole.into_iter().chain(quoted).chain(base64).map(String::into_bytes).collect()
}

fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// What stands around each canary in the bytes.
pub(super) fn found(forms: &BTreeSet<Vec<u8>>, bytes: &[u8]) -> Vec<String> {
    let around = |at: usize| {
        let (from, to) = (at.saturating_sub(80), (at + 80).min(bytes.len()));
        String::from_utf8_lossy(&bytes[from..to]).into_owned()
    };
    let first: BTreeSet<u8> = forms.iter().map(|form| form[0]).collect();
    let places = (0..bytes.len()).filter(|at| first.contains(&bytes[*at]));
    places.filter(|at| forms.iter().any(|form| bytes[*at..].starts_with(form))).map(around).collect()
}

/// The same for a file; programs are left out, since they name what to look for.
pub(super) fn found_in_file(forms: &BTreeSet<Vec<u8>>, path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    if bytes.starts_with(b"\x7fELF") { Vec::new() } else { found(forms, &bytes) }
}

#[test]
fn a_canary_is_found_in_each_form() {
    let canary = super::words::canary(7);
    let hex: String = canary.bytes().map(|byte| format!("{byte:02X}")).collect();
    let mut planted = vec![canary.clone(), serde_json::json!([&canary]).to_string(), format!("{canary:?}"), hex];
    planted.extend((0..3).map(|before| STANDARD.encode(format!("{}{canary}", "x".repeat(before)))));
    for text in planted {
        assert_eq!(found(&forms(), format!("before {text} after").as_bytes()).len(), 1, "{text}");
    }
    assert!(found(&forms(), b"a canary").is_empty());
}
