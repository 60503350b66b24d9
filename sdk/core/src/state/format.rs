//! The version of the form in which a state is written.

use serde::{Deserialize, Deserializer, Serialize, de};

/// A version of the written form. What has none is of the first; a newer one than this build knows is refused when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Format(u32);

impl Format {
    /// The newest that this build reads, and the one that it writes.
    pub const NEWEST: Self = Self(1);
}

impl Default for Format {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            0 => Err(de::Error::custom("there is no state format 0")),
            version if version <= Self::NEWEST.0 => Ok(Self(version)),
            version => {
                let newest = Self::NEWEST.0;
                Err(de::Error::custom(format!(
                    "it has state format {version}, and this program reads up to {newest}: upgrade"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::State;

    #[test]
    fn a_state_without_a_format_is_read_and_a_newer_one_is_refused() {
        let written = serde_json::to_value(State::default()).unwrap();
        assert_eq!(written["format"], 1);
        let mut old = written.clone();
        old.as_object_mut().unwrap().remove("format");
        assert_eq!(serde_json::from_value::<State>(old).unwrap(), State::default());
        let mut newer = written;
        newer["format"] = 7.into();
        let refused = serde_json::from_value::<State>(newer).unwrap_err().to_string();
        assert_eq!(refused, "it has state format 7, and this program reads up to 1: upgrade");
    }
}
