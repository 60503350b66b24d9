//! Lengths of time, written as Restate reads them: `500ms`, `10m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds. Prints in the largest unit that divides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(u64);

/// A text that isn't a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a length of time: write whole numbers with a unit of ms, s, m, h or d, such as `500ms`, \
        `15m` or `1h 30m`"
)]
pub struct Error {
    /// What was read.
    pub text: String,
}

/// Units in milliseconds, largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Days are read but never printed: not every parser of durations agrees that a day has 24 hours.
const PRINTED_FROM: usize = 1;

impl Interval {
    /// `count` milliseconds.
    #[must_use]
    pub const fn from_millis(count: u64) -> Self {
        Self(count)
    }

    /// `count` seconds, at most what fits.
    #[must_use]
    pub const fn from_secs(count: u64) -> Self {
        Self(count.saturating_mul(1_000))
    }

    /// The same as a [`Duration`].
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, size): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS[PRINTED_FROM..].iter().find(divides).unwrap_or(&("s", 1_000));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error = || Error { text: text.to_owned() };
        let (mut rest, mut total) = (text.trim(), 0_u64);
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
            let (number, after) = rest.split_at(digits);
            let after = after.trim_start();
            let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, remaining) = after.split_at(letters);
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
            let count: u64 = number.parse().map_err(|_| error())?;
            total = count.checked_mul(*size).and_then(|part| total.checked_add(part)).ok_or_else(error)?;
            rest = remaining.trim_start();
        }
        Ok(Self(total))
    }
}

impl TryFrom<String> for Interval {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_and_print() {
        for (text, millis, printed) in [
            ("500ms", 500, "500ms"),
            ("10m", 600_000, "10m"),
            ("90s", 90_000, "90s"),
            ("120 s", 120_000, "2m"),
            ("1h 30m", 5_400_000, "90m"),
            ("1d", 86_400_000, "24h"),
            ("0s", 0, "0s"),
        ] {
            let parsed: Interval = text.parse().unwrap();
            assert_eq!(parsed.as_duration(), Duration::from_millis(millis), "{text}");
            assert_eq!(parsed.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(parsed), "{printed}");
        }
        for text in ["", "10", "ms", "1.5s", "-1s", "10 parsecs", "999999999999999d", "1h x"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
