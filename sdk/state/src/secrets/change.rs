//! Changes of what keeps a data key, and of the key itself.

use super::{
    error::{Error, Result},
    guard::Guard,
    key::Key,
    keyring::Keyring,
    kms::KmsKey,
    means::Means,
    passphrase::{Cost, Passphrase, PassphraseWrap},
    wrapped::{OlderKey, Wrap, WrappedKey},
};

/// A change of a state's keys.
#[derive(Debug, Clone)]
pub enum KeyChange {
    /// The key can be had in one more way. A state without a key gets one.
    Add(Recipient),
    /// The key can't be had any more in the way of this name.
    Remove(String),
    /// The passphrase is another one from now on; who changes it has to know the present one.
    ChangePassphrase(Passphrase),
    /// A new data key takes the place of the present one, kept in the same ways. Values under the former one still open.
    Rotate,
}

/// What a key may be wrapped for, before the place of a key file is known.
#[derive(Debug, Clone)]
pub enum Recipient {
    /// A passphrase.
    Passphrase(Passphrase),
    /// The store's own key file for the stack.
    KeyFile,
    /// An age recipient or a KMS key.
    Other(Guard),
}

impl Recipient {
    fn guard(&self, means: &Means) -> Result<Guard> {
        Ok(match self {
            Self::Passphrase(passphrase) => Guard::Passphrase(passphrase.clone()),
            Self::KeyFile => Guard::KeyFile(means.key_file()?.clone()),
            Self::Other(guard) => guard.clone(),
        })
    }
}

impl KeyChange {
    /// The keys after the change, to be made durable before anything is sealed with them.
    ///
    /// # Errors
    /// Why the change can't be made; nothing has changed then.
    pub(crate) async fn apply(
        &self,
        known: Option<(&Keyring, &WrappedKey)>,
        means: &Means,
    ) -> Result<(Keyring, WrappedKey)> {
        let Some((keyring, wrapped)) = known else {
            let Self::Add(recipient) = self else { return Err(Error::NoKeyYet) };
            return Keyring::create(&recipient.guard(means)?).await;
        };
        let mut wrapped = wrapped.clone();
        match self {
            Self::Add(recipient) => {
                let guard = recipient.guard(means)?;
                if wrapped.find(&guard.name()).is_some() {
                    return Err(Error::AlreadyKept { name: guard.name() });
                }
                wrapped.wraps.push(guard.wrap(&keyring.key).await?);
            }
            Self::Remove(name) => remove(&mut wrapped, name)?,
            Self::ChangePassphrase(new) => change_passphrase(&mut wrapped, &keyring.key, new, means).await?,
            Self::Rotate => return rotate(keyring, &wrapped, means).await,
        }
        Ok((keyring.clone(), wrapped))
    }
}

fn remove(wrapped: &mut WrappedKey, name: &str) -> Result<()> {
    let Some(index) = wrapped.find(name) else {
        return Err(Error::NotKeptBy { name: name.to_owned(), kept: wrapped.names() });
    };
    if wrapped.wraps.len() == 1 {
        return Err(Error::LastWay { name: name.to_owned() });
    }
    wrapped.wraps.remove(index);
    Ok(())
}

async fn change_passphrase(wrapped: &mut WrappedKey, key: &Key, new: &Passphrase, means: &Means) -> Result<()> {
    let id = wrapped.key_id.clone();
    let found = wrapped.wraps.iter_mut().find_map(|wrap| match wrap {
        Wrap::Passphrase { wrap } => Some(wrap),
        _ => None,
    });
    let wrap = found.ok_or(Error::NoPassphrase)?;
    means.passphrase_of(&id, wrap).await?;
    *wrap = PassphraseWrap::new(key, new, Cost::default())?;
    Ok(())
}

/// A new key in all ways of the former one. Whoever can have the former one by its way must show that first for a passphrase, since a
/// mistyped one would lock everybody out.
async fn rotate(keyring: &Keyring, wrapped: &WrappedKey, means: &Means) -> Result<(Keyring, WrappedKey)> {
    let key = Key::random()?;
    let mut wraps = Vec::with_capacity(wrapped.wraps.len());
    for wrap in &wrapped.wraps {
        let guard = match wrap {
            Wrap::Passphrase { wrap } => {
                let (passphrase, _) = means.passphrase_of(&wrapped.key_id, wrap).await?;
                Guard::Passphrase(passphrase)
            }
            Wrap::KeyFile => Guard::KeyFile(means.key_file()?.clone()),
            Wrap::Age { wrap } => Guard::Age(wrap.recipient().to_owned()),
            Wrap::AwsKms { wrap } => Guard::AwsKms(KmsKey::parse(&wrap.name())?),
        };
        wraps.push(guard.wrap(&key).await?);
    }
    let older = OlderKey::all(&key, &keyring.key, &keyring.older)?;
    let rotated = WrappedKey { key_id: key.id(), wraps, older };
    let older = rotated.open_older(&key)?;
    Ok((Keyring::of(key, older), rotated))
}
