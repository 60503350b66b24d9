//! Ids that never repeat: lineages and operations.

use crate::Urn;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Which stack a state belongs to, whatever the stack is called now.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(String);

impl Lineage {
    /// A lineage by the id that a store gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One operation on one object: the idempotency token of its create, 26 characters that are fit for names and tags.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(String);

impl OpId {
    /// The id of the operation that drew this generation; the same inputs give the same id in every process.
    pub fn mint(lineage: &Lineage, urn: &Urn, generation: u64) -> Self {
        let mut hash = Sha256::new();
        for part in [lineage.as_str().as_bytes(), urn.as_str().as_bytes(), &generation.to_be_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(base32(&hash.finalize(), 26))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case base32, the first `characters` of it.
fn base32(bytes: &[u8], characters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut buffer, mut bits, mut text) = (0u32, 0, String::with_capacity(characters));
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 && text.len() < characters {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 && text.len() < characters {
        text.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_by_each_of_their_parts_and_are_stable() {
        let lineage = Lineage::new("one");
        let urn = Urn::new("dev", "shop", "", "demo:Thing", "a");
        let id = OpId::mint(&lineage, &urn, 1);
        assert_eq!(id, OpId::mint(&lineage, &urn, 1));
        assert_ne!(id, OpId::mint(&lineage, &urn, 2));
        assert_ne!(id, OpId::mint(&lineage, &urn.renamed("b"), 1));
        assert_ne!(id, OpId::mint(&Lineage::new("two"), &urn, 1));
        assert_eq!(id.as_str().len(), 26);
    }
}
