//! A key and what is done with it: XChaCha20-Poly1305, whose nonces are long enough to be drawn at random.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::{Error, Result};

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const CHECK_BYTES: usize = 16;

/// A 256-bit key, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(&mut *bytes)?;
        Ok(Self { bytes })
    }

    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self { bytes: key })
    }

    /// The key's name, and its check value: a hash, so that a key can be told from any other without giving it away.
    pub(crate) fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"terrane data key").chain_update(*self.bytes).finalize();
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Nonce and ciphertext of `plaintext`, which opens with the same `context` only.
    pub(crate) fn seal(&self, context: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = vec![0; NONCE_BYTES];
        fill(&mut sealed)?;
        let (nonce, aad) = (nonce(&sealed), joined(context));
        let payload = Payload { msg: plaintext, aad: &aad };
        // The cipher refuses only what is longer than 256 GiB.
        let ciphertext = self.cipher().encrypt(&nonce.into(), payload).unwrap_or_default();
        assert!(ciphertext.len() > plaintext.len(), "the ciphertext carries a tag");
        sealed.extend(ciphertext);
        Ok(sealed)
    }

    /// The plaintext of what [`Key::seal`] made, unless key, context or a byte of it differ.
    pub(crate) fn open(&self, context: &[&[u8]], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce_read, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: ciphertext, aad: &joined(context) };
        self.cipher().decrypt(&nonce(nonce_read).into(), payload).ok().map(Zeroizing::new)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &*self.bytes
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

fn nonce(bytes: &[u8]) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(bytes);
    nonce
}

/// Each part with its length before it, so that no two lists of parts give the same bytes.
pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let with_length = |part: &&[u8]| [&(part.len() as u64).to_le_bytes(), *part].concat();
    parts.iter().flat_map(with_length).collect()
}

/// A short hash that tells damage to any of the parts.
pub(crate) fn checksum(parts: &[&str]) -> String {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    STANDARD_NO_PAD.encode(&Sha256::digest(joined(&parts))[..CHECK_BYTES])
}

/// Fills `bytes` from the system's source of randomness.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(Error::NoRandomness)
}
