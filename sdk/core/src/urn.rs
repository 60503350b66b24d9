//! Names: what identifies a resource across runs.

use crate::Error;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::HashMap, fmt, sync::Arc};

/// Values by resource. URNs come from a person's own program, so a hash that an adversary could foresee is good enough, and quicker.
pub type UrnMap<V> = HashMap<Urn, V, FxBuildHasher>;

/// The longest logical name of a stack, project, scope or resource, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// The identity of a resource: `stack/project/scope…/kind/name`.
///
/// Cheap to clone. Two resources of one stack never share a URN; a resource that changes its URN is another resource, unless
/// the program says `.renamed_from(..)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Urn(Arc<str>);

impl Urn {
    /// Puts a URN together; `scope` is empty or names joined by `/`.
    pub fn new(stack: &str, project: &str, scope: &str, kind: &str, name: &str) -> Self {
        let separator = if scope.is_empty() { "" } else { "/" };
        let parts = [stack, "/", project, "/", scope, separator, kind, "/", name];
        Self(parts.concat().into())
    }

    /// Reads a URN as a person or a state file gives it.
    ///
    /// # Errors
    /// When a part is missing or isn't a name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = text.split('/').count();
        if parts < 4 {
            return Err(Error::new(format!("`{text}` is not a URN")).help("a URN reads stack/project/scope…/kind/name"));
        }
        for part in text.split('/') {
            name_fault(part).map_or(Ok(()), |fault| Err(Error::new(format!("`{text}` is not a URN: {fault}"))))?;
        }
        Ok(Self(text.into()))
    }

    /// The whole URN.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The logical name: the last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The kind, such as `local:Bucket`.
    pub fn kind(&self) -> &str {
        self.0.rsplit('/').nth(1).unwrap_or_default()
    }

    /// The name of the kind's provider.
    pub fn provider(&self) -> &str {
        self.kind().split(':').next().unwrap_or_default()
    }

    /// The scopes between project and kind, joined by `/`; empty at the top.
    pub fn scope(&self) -> &str {
        let mut from = self.0.match_indices('/').skip(1);
        let mut to = self.0.rmatch_indices('/').skip(1);
        match (from.next(), to.next()) {
            (Some((start, _)), Some((end, _))) if start < end => &self.0[start + 1..end],
            _ => "",
        }
    }

    /// What a person calls the resource: scope and name, without stack, project and kind.
    pub fn label(&self) -> String {
        match self.scope() {
            "" => self.name().to_owned(),
            scope => format!("{scope}/{}", self.name()),
        }
    }

    /// Whether this resource was declared in `scope` or below it.
    pub fn is_within(&self, scope: &str) -> bool {
        self.scope().strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The same resource in another stack, or in another project.
    #[must_use]
    pub fn in_stack(&self, stack: &str, project: &str) -> Self {
        let rest = self.0.splitn(3, '/').nth(2).unwrap_or_default();
        Self(format!("{stack}/{project}/{rest}").into())
    }

    /// Whether the resource belongs to a stack.
    pub fn is_of(&self, stack: &str, project: &str) -> bool {
        let mut parts = self.0.splitn(3, '/');
        (parts.next(), parts.next()) == (Some(stack), Some(project))
    }

    /// The same resource under another logical name.
    pub fn renamed(&self, name: &str) -> Self {
        let end = self.0.len() - self.name().len();
        Self(format!("{}{name}", &self.0[..end]).into())
    }
}

/// Says what is wrong with a logical name, if anything is.
pub fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("a name is empty")
    } else if name.len() > NAME_BYTES_MAX {
        Some("a name is longer than 200 bytes")
    } else if name == "." || name == ".." {
        Some("`.` and `..` are not names")
    } else if name.chars().any(|c| c == '/' || c == '\\' || c.is_control()) {
        Some("a name has a slash or a control character")
    } else {
        None
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Urn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Urn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_urn() {
        let top = Urn::new("dev", "shop", "", "aws:s3:Bucket", "logs");
        assert_eq!(
            (top.scope(), top.kind(), top.name(), top.label()),
            ("", "aws:s3:Bucket", "logs", "logs".to_owned())
        );
        let deep = Urn::new("dev", "shop", "eu/inner", "aws:s3:Bucket", "logs");
        assert_eq!((deep.scope(), deep.label().as_str()), ("eu/inner", "eu/inner/logs"));
        assert!(deep.is_within("eu") && deep.is_within("eu/inner") && !deep.is_within("e"));
        assert_eq!(deep.renamed("records").as_str(), "dev/shop/eu/inner/aws:s3:Bucket/records");
        assert_eq!(deep.in_stack("prod", "mall").as_str(), "prod/mall/eu/inner/aws:s3:Bucket/logs");
        assert!(deep.is_of("dev", "shop") && !deep.is_of("dev", "mall"));
    }

    #[test]
    fn what_is_not_a_urn() {
        for text in ["", "a/b/c", "a/b//d", "a/b/c/..", "a/b/c/\0"] {
            assert!(Urn::parse(text).is_err(), "{text:?}");
        }
    }
}
