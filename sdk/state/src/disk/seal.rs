//! The seal: which record was the last durable one when a run ended, kept apart from the log, so that a log that lost
//! its end is found out.

use std::path::Path;

use super::{
    error::{Error, Result},
    files::{self, Files},
    folder,
    header::{HEADER_BYTES, Header, Kind, Lineage, Point},
};

/// The seal of a state folder, if a run has ended there.
pub(crate) fn read(folder: &Path) -> Result<Option<Header>> {
    let path = folder::seal(folder);
    let Some(bytes) = files::read(&path)? else { return Ok(None) };
    let header = Header::decode(Kind::Seal, &path, &bytes)?;
    if bytes.len() > HEADER_BYTES {
        let problem = "more follows than a seal has".to_owned();
        return Err(Error::Corrupt { path, offset: HEADER_BYTES as u64, seq: 0, problem });
    }
    Ok(Some(header))
}

/// Seals the log up to `point`, which must be durable.
pub(crate) fn write(files: &mut Files, folder: &Path, lineage: Lineage, point: Point) -> Result<()> {
    let path = folder::seal(folder);
    let staged = files.stage(&path, &[&Header { kind: Kind::Seal, lineage, point }.encode()])?;
    files.publish(staged, &path)?;
    Ok(())
}
