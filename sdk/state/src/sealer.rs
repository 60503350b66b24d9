//! Sealing and opening the secrets of a stack's records, snapshots and plans.

use crate::{
    Error,
    secrets::{Guard, Keyring, PASSPHRASE_VARIABLE, Passphrase, Place, WrappedKey, is_sealed},
};
use serde_json::Value;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use terrane_core::Properties;

/// The keys of one stack. The data key is made with the stack's first secret, and unwrapped once a process.
pub(crate) struct Sealer {
    /// What the state remembers of its key.
    wrapped: PathBuf,
    /// Where the key is when no passphrase guards it.
    key_file: PathBuf,
    keyring: Mutex<Option<Keyring>>,
}

impl Sealer {
    pub(crate) fn new(folder: &Path, key_file: PathBuf) -> Self {
        Self { wrapped: folder.join("key.json"), key_file, keyring: Mutex::default() }
    }

    /// Replaces each secret value by its sealed form.
    pub(crate) fn seal(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |keyring, name, value| {
            let place = Place { lineage, urn: path, property: name };
            let text = serde_json::to_vec(value).unwrap_or_default();
            *value = Value::String(keyring.seal(&place, &text)?);
            Ok(())
        })
    }

    /// Replaces each sealed value by the secret.
    pub(crate) fn open(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |keyring, name, value| {
            if let Value::String(text) = &*value
                && is_sealed(text)
            {
                let place = Place { lineage, urn: path, property: name };
                let plain = keyring.open_value(&place, text)?;
                *value = serde_json::from_slice(&plain).map_err(|source| Error::Unreadable {
                    place: path.to_owned(),
                    seq: 0,
                    source,
                })?;
            }
            Ok(())
        })
    }

    fn each(
        &self,
        properties: &mut Properties,
        mut change: impl FnMut(&Keyring, &str, &mut Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if properties.secret.is_empty() {
            return Ok(());
        }
        let keyring = self.keyring()?;
        let values = Arc::make_mut(&mut properties.values);
        for name in &properties.secret {
            if let Some(value) = values.get_mut(name) {
                change(&keyring, name, value)?;
            }
        }
        Ok(())
    }

    fn keyring(&self) -> Result<Keyring, Error> {
        let mut keyring = self.keyring.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keyring) = &*keyring {
            return Ok(keyring.clone());
        }
        let made = self.load()?;
        *keyring = Some(made.clone());
        Ok(made)
    }

    fn load(&self) -> Result<Keyring, Error> {
        let passphrase = std::env::var_os(PASSPHRASE_VARIABLE).map(|_| Passphrase::from_env()).transpose()?;
        let guard = passphrase.map_or_else(|| Guard::KeyFile(self.key_file.clone()), Guard::Passphrase);
        let io = |source| Error::Disk(crate::disk::Error::Io { action: "write", path: self.wrapped.clone(), source });
        match fs::read(&self.wrapped) {
            Ok(bytes) => {
                let unreadable =
                    |source| Error::Unreadable { place: self.wrapped.display().to_string(), seq: 0, source };
                let wrapped: WrappedKey = serde_json::from_slice(&bytes).map_err(unreadable)?;
                Ok(Keyring::open(&wrapped, &guard)?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if let (Guard::KeyFile(path), Some(folder)) = (&guard, self.key_file.parent()) {
                    fs::create_dir_all(folder).map_err(|source| {
                        Error::Disk(crate::disk::Error::Io {
                            action: "create the folder of",
                            path: path.clone(),
                            source,
                        })
                    })?;
                }
                let (keyring, wrapped) = Keyring::create(&guard)?;
                self.remember(&wrapped).map_err(io)?;
                Ok(keyring)
            }
            Err(error) => Err(io(error)),
        }
    }

    /// Writes what the state remembers of its key; durable before the first value that is sealed with it.
    fn remember(&self, wrapped: &WrappedKey) -> std::io::Result<()> {
        let folder = self.wrapped.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let temporary = self.wrapped.with_extension("json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(wrapped)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.wrapped)?;
        fs::File::open(folder)?.sync_all()
    }
}
