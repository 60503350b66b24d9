//! Sizes, written as Restate writes them: `192MiB`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of bytes. Prints in the largest binary unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(u64);

/// A text that isn't a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a size: write a whole number and a unit, such as `192MiB`, `3GiB` or `1024MB`")]
pub struct Error {
    /// What was read.
    pub text: String,
}

/// Units by name, largest first; the binary ones are printed.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

/// How many of `UNITS` are used for printing.
const PRINTED: usize = 5;

impl Bytes {
    /// `count` bytes.
    #[must_use]
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// `count` times 1,048,576 bytes, at most what fits.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// `count` times 1,073,741,824 bytes, at most what fits.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 30))
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, size): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS[..PRINTED].iter().find(divides).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error = || Error { text: text.to_owned() };
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let unit = unit.trim();
        let size = if unit.is_empty() {
            1
        } else {
            UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(error)?.1
        };
        let count: u64 = number.parse().map_err(|_| error())?;
        count.checked_mul(size).map(Self).ok_or_else(error)
    }
}

impl TryFrom<String> for Bytes {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        bytes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("192MiB", 192 << 20, "192MiB"),
            ("3 GiB", 3 << 30, "3GiB"),
            ("1024mib", 1 << 30, "1GiB"),
            ("1024MB", 1_024_000_000, "1000000KiB"),
            ("17", 17, "17B"),
            ("0", 0, "0B"),
        ] {
            let parsed: Bytes = text.parse().unwrap();
            assert_eq!(parsed.get(), bytes, "{text}");
            assert_eq!(parsed.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(parsed), "{printed}");
        }
        for text in ["", "MiB", "1.5GiB", "-1", "3 parsecs", "99999999999TiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}
