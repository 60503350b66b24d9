//! The control protocol: one JSON line each way over a Unix socket, with the protocol's version in each line.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::spec::{BalancerFault, BalancerSpec, BucketSpec, Change, Data, EndpointSpec, ProcessSpec, ReplicationFault};
use crate::status::{ProcessStatus, Status};

/// Version of the protocol. An agent refuses lines of any other.
pub(crate) const VERSION: u32 = 1;

/// Longest line, in bytes.
pub(crate) const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    Ping,
    Process { name: String },
    Status,
    Shutdown,
    PutProcess { name: String, spec: ProcessSpec },
    RemoveProcess { name: String, data: Data },
    RestartProcess { name: String },
    PutBalancer { name: String, spec: BalancerSpec },
    RemoveBalancer { name: String },
    SetBalancerFault { name: String, fault: BalancerFault },
    PutEndpoint { spec: EndpointSpec },
    RemoveEndpoint,
    PutBucket { name: String, spec: BucketSpec },
    RemoveBucket { name: String, data: Data },
    SetReplicationFault { bucket: String, peer: String, fault: ReplicationFault },
    Cut { peer: String, peer_folder: PathBuf },
    Heal { peer: String },
    Replicate(Replica),
}

/// An object version offered by another region's agent: both run on one machine, so the file itself is named.
#[derive(Serialize, Deserialize)]
pub(crate) struct Replica {
    pub(crate) origin: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) file: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    Change(Change),
    Process(Box<ProcessStatus>),
    Status(Box<Status>),
    Refused { kind: RefusalKind, message: String },
}

/// Why a request was refused, as far as a program can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The request itself is wrong, or unknown to this agent.
    Invalid,
    /// It names something that does not exist.
    NotFound,
    /// Something stands in the way: an address in use, a bucket with objects, a cut.
    Conflict,
    /// The agent tried and failed.
    Failed,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope<T> {
    pub(crate) version: u32,
    pub(crate) body: T,
}

/// Reads one line, or `None` at the end of the stream.
pub(crate) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let text = format!("the line did not end within {LINE_BYTES_MAX} bytes, or the connection was cut");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Some(line))
}

/// Writes one line.
pub(crate) async fn write_line(writer: &mut (impl AsyncWrite + Unpin), body: impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Envelope { version: VERSION, body })?;
    line.push(b'\n');
    if line.len() as u64 > LINE_BYTES_MAX {
        let text = format!("the message has {} bytes, more than the {LINE_BYTES_MAX} allowed", line.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    writer.write_all(&line).await?;
    writer.flush().await
}
