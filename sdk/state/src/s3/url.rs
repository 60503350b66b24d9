//! The URL of a place in a bucket: `s3://bucket/prefix?region=…&endpoint=…&profile=…`.

use crate::Error;
use std::fmt;

const PREFIX_BYTES_MAX: usize = 512;

/// Where state is in S3, or in a store that speaks its language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// The bucket.
    pub bucket: String,
    /// What the keys in it begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The bucket's region; that of the environment or the profile, where absent.
    pub region: Option<String>,
    /// Who answers, where that is not AWS: `http://127.0.0.1:9000`.
    pub endpoint: Option<String>,
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
}

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Place { url: text.to_owned(), why: why.to_owned() };
        let rest = text.strip_prefix("s3://").ok_or_else(|| refuse("it is not of the form s3://bucket/prefix"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if let Some(fault) = bucket_fault(bucket) {
            return Err(refuse(fault));
        }
        let prefix = decode(prefix.trim_matches('/')).ok_or_else(|| refuse("its prefix has a broken %-escape"))?;
        if let Some(fault) = prefix_fault(&prefix) {
            return Err(refuse(fault));
        }
        let mut url = Self { bucket: bucket.to_owned(), prefix, region: None, endpoint: None, profile: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).filter(|value| !value.is_empty() && !value.contains(char::is_control));
            let Some(value) = value else { return Err(refuse(&format!("`{name}` has no value"))) };
            match name {
                "region" => url.region = Some(value),
                "endpoint" if value.starts_with("http://") || value.starts_with("https://") => {
                    url.endpoint = Some(value);
                }
                "endpoint" => return Err(refuse("its endpoint doesn't begin with http:// or https://")),
                "profile" => url.profile = Some(value),
                _ => return Err(refuse(&format!("`{name}` is none of region, endpoint and profile"))),
            }
        }
        Ok(url)
    }
}

impl fmt::Display for Url {
    /// What tells the place from others: credentials and region don't.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        self.endpoint.as_ref().map_or(Ok(()), |endpoint| write!(f, "?endpoint={endpoint}"))
    }
}

fn bucket_fault(bucket: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    if !(3..=63).contains(&bucket.len()) {
        Some("a bucket's name has 3 to 63 characters")
    } else if !bucket.chars().all(is_plain) {
        Some("a bucket's name has only small letters, digits, dots and hyphens")
    } else {
        None
    }
}

fn prefix_fault(prefix: &str) -> Option<&'static str> {
    if prefix.len() > PREFIX_BYTES_MAX {
        Some("its prefix is longer than 512 bytes")
    } else if prefix.contains(|c: char| c.is_control() || c == '\\') {
        Some("its prefix has a control character or a backslash")
    } else if !prefix.is_empty() && prefix.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("its prefix has an empty part, `.` or `..`")
    } else {
        None
    }
}

/// Resolves %-escapes.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_bucket_prefix_region_endpoint_and_profile() {
        let text = "s3://states/team/a%20b/?region=eu-central-1&endpoint=http://127.0.0.1:9000&profile=ops";
        let url = Url::parse(text).unwrap();
        assert_eq!((url.bucket.as_str(), url.prefix.as_str()), ("states", "team/a b"));
        assert_eq!(url.region.as_deref(), Some("eu-central-1"));
        assert_eq!(url.profile.as_deref(), Some("ops"));
        assert_eq!(url.to_string(), "s3://states/team/a b?endpoint=http://127.0.0.1:9000");
        assert_eq!(Url::parse("s3://states").unwrap().to_string(), "s3://states");
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let bad = [
            "s3://",
            "s3://ab",
            "s3://Upper",
            "s3://key:secret@bucket",
            "s3://bucket/../x",
            "s3://bucket/a//b",
            "s3://bucket/%zz",
            "s3://bucket?endpoint=ftp://x",
            "s3://bucket?region=",
            "s3://bucket?regoin=x",
        ];
        for text in bad {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
