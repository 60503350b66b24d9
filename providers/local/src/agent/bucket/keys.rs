//! Object keys as file paths. Any key becomes one path and back; none leaves its folder, and none is in another's way.
//!
//! A key is percent-encoded into one file name; a name too long for a file system is cut into folders whose names end in `+`,
//! a character that is always encoded. So `a` and `a/b` can both be objects, as in S3.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Longest file name used, in bytes. Most file systems allow 255.
const NAME_BYTES_MAX: usize = 240;

/// The path of a key inside its bucket's folder.
pub(crate) fn path_of(folder: &Path, key: &str) -> PathBuf {
    let name = encode(key);
    let mut path = folder.to_owned();
    let mut rest = name.as_str();
    while rest.len() > NAME_BYTES_MAX {
        let (part, after) = rest.split_at(NAME_BYTES_MAX);
        path.push(format!("{part}+"));
        rest = after;
    }
    path.push(rest);
    path
}

/// The key of a path inside its bucket's folder; `None` for a path that no key has.
pub(crate) fn key_of(folder: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(folder).ok()?;
    let parts: Option<Vec<&str>> = relative.components().map(|part| part.as_os_str().to_str()).collect();
    let (name, folders) = parts?.split_last().map(|(name, folders)| ((*name).to_owned(), folders.to_vec()))?;
    let mut encoded = String::new();
    for folder in folders {
        encoded.push_str(folder.strip_suffix('+')?);
    }
    encoded.push_str(&name);
    decode(&encoded)
}

fn encode(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for (index, byte) in key.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.');
        // A leading dot is encoded, so that no key is `.`, `..` or a hidden file.
        if plain && !(index == 0 && byte == b'.') {
            name.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

fn decode(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_has_a_path_of_its_own_inside_the_folder() {
        let folder = Path::new("/bucket");
        let long = "x/".repeat(512);
        let almost_as_long = format!("{}y", &long[..1023]);
        let keys =
            ["a", "a/b", "a/b/", "a//b", "..", "../a", "/a", ".tmp", "ü ?", "a+", "a%2Fb", &long, &almost_as_long];
        let mut paths = BTreeSet::new();
        for key in keys {
            let path = path_of(folder, key);
            assert_eq!(key_of(folder, &path).as_deref(), Some(key));
            assert!(path.components().all(|part| part.as_os_str() != ".." && part.as_os_str().len() < 255), "{path:?}");
            assert!(paths.insert(path), "{key}");
        }
        for path in &paths {
            assert!(!paths.iter().any(|other| other != path && other.starts_with(path)), "{path:?} is in the way");
        }
    }
}
