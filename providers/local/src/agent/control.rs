//! The control socket: one JSON line for each request and answer.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use tokio::io::{AsyncWrite, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::error::{Error, Result};
use super::folder::remove_if_there;
use super::region::Region;
use crate::wire::{Answer, Envelope, RefusalKind, Request, VERSION, read_line, write_line};

/// Most control connections open at once. Others wait to be accepted.
const CONNECTIONS_MAX: usize = 256;

/// Binds the socket. The caller holds the folder's lock, so a socket that is there is a dead agent's.
pub(crate) fn bind(path: &Path) -> Result<UnixListener> {
    remove_if_there(path)?;
    let listener = UnixListener::bind(path).map_err(Error::file("listen on", path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(Error::file("protect", path))?;
    Ok(listener)
}

/// Answers requests until dropped.
pub(crate) async fn serve(listener: UnixListener, region: Arc<Region>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let region = Arc::clone(&region);
                tokio::spawn(async move {
                    // A client that goes away in the middle needs no answer.
                    let _ = converse(stream, &region).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
}

async fn converse(stream: UnixStream, region: &Region) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let line = match read_line(&mut reader).await {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            // The rest of a line that is too long can't be told from the next request.
            Err(error) => return refuse(&mut writer, RefusalKind::Invalid, error.to_string()).await,
        };
        match parse(&line) {
            Err(message) => refuse(&mut writer, RefusalKind::Invalid, message).await?,
            Ok(request) => match region.handle(request).await {
                Ok(answer) => write_line(&mut writer, answer).await?,
                Err(error) => refuse(&mut writer, error.refusal_kind(), error.to_string()).await?,
            },
        }
    }
}

async fn refuse(writer: &mut (impl AsyncWrite + Unpin), kind: RefusalKind, message: String) -> std::io::Result<()> {
    write_line(writer, Answer::Refused { kind, message }).await
}

fn parse(line: &[u8]) -> Result<Request, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let version = env!("CARGO_PKG_VERSION");
    let asked: Version = serde_json::from_slice(line).map_err(|error| format!("the request can't be read: {error}"))?;
    if asked.version != VERSION {
        return Err(format!(
            "the request speaks version {} of the protocol, this agent ({version}) version {VERSION}: shut the region down and \
             bring it up again with the program that is to control it",
            asked.version
        ));
    }
    let envelope: Envelope<Request> = serde_json::from_slice(line)
        .map_err(|error| format!("this agent ({version}) does not understand the request: {error}"))?;
    Ok(envelope.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_other_versions_and_unknown_ones_are_refused_with_a_reason() {
        assert!(parse(br#"{"version":1,"body":"status"}"#).is_ok());
        let error = parse(br#"{"version":2,"body":{"fly":{}}}"#).err().unwrap();
        assert!(error.contains("version 2 of the protocol"), "{error}");
        let error = parse(br#"{"version":1,"body":{"fly":{}}}"#).err().unwrap();
        assert!(error.contains("unknown variant `fly`"), "{error}");
        assert!(parse(b"hello").is_err());
    }
}
