//! Changes of a stack's keys, as runs of their own.

use crate::{Error, Events, Session, lock::release};
use terrane_core::Record;
use terrane_state::secrets::{KeyChange, WrappedKey};

impl Session {
    /// Changes what keeps the stack's data key, or the key itself; after a rotation every secret in state is encrypted anew. Wherever
    /// this is cut off, the state opens: it remembers the former key as long as something may need it.
    ///
    /// # Errors
    /// When the key can't be had or changed, or the state can't be locked, read or written.
    pub async fn change_keys(&self, command: &str, change: &KeyChange, events: &Events) -> Result<WrappedKey, Error> {
        let journal = self.open(command, events).await?;
        let changed = async {
            let keys = journal.change_keys(change).await?;
            let mut records = vec![Record::KeyRotate { key: keys.key_id().to_owned() }];
            if matches!(change, KeyChange::Rotate) {
                records.push(Record::Restored { state: Box::new(journal.state()) });
            }
            self.write(&journal, command, records).await?;
            Ok(keys)
        };
        release(&journal, changed.await).await
    }
}
