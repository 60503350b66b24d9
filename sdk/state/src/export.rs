//! A state as a file that people keep and carry to another stack: whole, with a version, its secrets sealed.

use crate::{Error, sealer::Sealer, secrets::WrappedKey};
use serde::{Deserialize, Serialize};
use terrane_core::State;

/// The version of the file's form that is written here, and the newest that is read.
pub const FORMAT: u32 = 1;
/// No exported state is larger.
pub const BYTES_MAX: u64 = 1 << 30;

/// A state outside of its store. What is secret in it is sealed; `keys` holds the data key in its wrapped form, so that whoever can unwrap it
/// can open the file, wherever it lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    /// The version of this form.
    pub format: u32,
    /// The project that the state is of.
    pub project: String,
    /// The stack that the state is of.
    pub stack: String,
    /// What opens the secrets in it; none where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<WrappedKey>,
    /// The state.
    pub state: State,
}

/// As much of the form as all versions share.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Export {
    /// Reads an export; `place` is the file's name, for errors.
    ///
    /// # Errors
    /// When it is no export, is damaged, or a newer version wrote it.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self, Error> {
        let damaged = |source| Error::NotAnExport { place: place.to_owned(), source };
        let Head { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(Error::NewerExport { place: place.to_owned(), format, supported: FORMAT });
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Puts an export together.
    pub(crate) fn seal(project: &str, stack: &str, mut state: State, sealer: &Sealer) -> Result<Self, Error> {
        let lineage = state.lineage.as_str().to_owned();
        state.visit_secrets(&mut |path, properties| sealer.seal(&lineage, path, properties))?;
        Ok(Self { format: FORMAT, project: project.to_owned(), stack: stack.to_owned(), keys: sealer.wrapped(), state })
    }

    /// The state, with its secrets opened.
    pub(crate) fn open(mut self, sealer: &Sealer) -> Result<State, Error> {
        let lineage = self.state.lineage.as_str().to_owned();
        self.state.visit_secrets(&mut |path, properties| sealer.open(&lineage, path, properties))?;
        Ok(self.state)
    }
}
