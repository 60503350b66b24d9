//! The client of a region agent: typed requests over its control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Folder;
use crate::spec::{BalancerFault, BalancerSpec, BucketSpec, Change, Data, EndpointSpec, ProcessSpec, ReplicationFault};
use crate::status::{ProcessState, ProcessStatus, Status};
use crate::wire::{Answer, Envelope, RefusalKind, Replica, Request, VERSION, read_line, write_line};

/// How often a process that isn't ready is asked about.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long an agent may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(2);

/// How long an agent that has stopped everything may take to be gone.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No agent answers in the folder.
    #[error("no region agent answers in {folder}: {source}")]
    Unreachable {
        /// The folder.
        folder: String,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke, or carried something else than answers.
    #[error("the region agent in {folder} broke off: {source}")]
    Broken {
        /// The agent's folder.
        folder: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The agent refused the request.
    #[error("{message}")]
    Refused {
        /// Why, for programs.
        kind: RefusalKind,
        /// Why, for people.
        message: String,
    },
    /// A process did not become ready in time.
    #[error("process `{name}` is not ready after {waited_ms} ms: {progress}; its log is {}", log.display())]
    NotReady {
        /// The process.
        name: String,
        /// How long it was waited for, in milliseconds.
        waited_ms: u128,
        /// What it was doing last.
        progress: String,
        /// The file of its output.
        log: PathBuf,
    },
}

/// Result with this module's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A connection to a region agent.
#[derive(Debug)]
pub struct Client {
    folder: Folder,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    /// Connects to the agent that serves a folder.
    ///
    /// # Errors
    /// If none answers there.
    pub async fn connect(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = Folder::new(folder.as_ref());
        let connect = async {
            let socket = folder.socket().map_err(io::Error::other)?;
            UnixStream::connect(socket).await
        };
        let unreachable = |source| Error::Unreachable { folder: folder.path().display().to_string(), source };
        let (reader, writer) = connect.await.map_err(unreachable)?.into_split();
        Ok(Self { folder, reader: BufReader::new(reader), writer })
    }

    /// The folder of a process: where its files are written, and where it runs unless it says otherwise.
    pub fn process_folder(&self, name: &str) -> PathBuf {
        self.folder.process(name)
    }

    /// Everything the agent knows about itself and what it runs.
    ///
    /// # Errors
    /// As of every request: the connection broke, or the agent refused.
    pub async fn status(&mut self) -> Result<Status> {
        match self.ask(Request::Status).await? {
            Answer::Status(status) => Ok(*status),
            _ => Err(self.unexpected()),
        }
    }

    /// Starts a process; one that runs with the same specification is left alone, one with another is replaced.
    ///
    /// # Errors
    /// If the specification can't work, or another process holds one of its addresses.
    pub async fn put_process(&mut self, name: &str, spec: ProcessSpec) -> Result<Change> {
        self.change(Request::PutProcess { name: name.to_owned(), spec }).await
    }

    /// Stops a process and forgets it; returns when it is gone with all that it started.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn remove_process(&mut self, name: &str, data: Data) -> Result<Change> {
        self.change(Request::RemoveProcess { name: name.to_owned(), data }).await
    }

    /// Stops a process gracefully and starts it again at once.
    ///
    /// # Errors
    /// If there is no such process.
    pub async fn restart_process(&mut self, name: &str) -> Result<()> {
        self.done(Request::RestartProcess { name: name.to_owned() }).await
    }

    /// The status of one process.
    ///
    /// # Errors
    /// If there is no such process.
    pub async fn process(&mut self, name: &str) -> Result<ProcessStatus> {
        match self.ask(Request::Process { name: name.to_owned() }).await? {
            Answer::Process(status) => Ok(*status),
            _ => Err(self.unexpected()),
        }
    }

    /// Waits until a process is ready, telling what it is doing whenever that changes.
    ///
    /// # Errors
    /// If it isn't ready within `limit`, or isn't there.
    pub async fn wait_ready(&mut self, name: &str, limit: Duration, mut tell: impl FnMut(&str)) -> Result<()> {
        let began = Instant::now();
        let mut told = String::new();
        loop {
            let process = self.process(name).await?;
            if process.progress != told {
                tell(&process.progress);
                told.clone_from(&process.progress);
            }
            if process.state == ProcessState::Ready {
                return Ok(());
            }
            if began.elapsed() >= limit {
                let waited_ms = began.elapsed().as_millis();
                return Err(Error::NotReady { name: name.to_owned(), waited_ms, progress: told, log: process.log });
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Starts a balancer; idempotent as [`Client::put_process`].
    ///
    /// # Errors
    /// If its address is in use, with the process that holds it.
    pub async fn put_balancer(&mut self, name: &str, spec: BalancerSpec) -> Result<Change> {
        self.change(Request::PutBalancer { name: name.to_owned(), spec }).await
    }

    /// Stops a balancer with its connections and forgets it and its faults.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn remove_balancer(&mut self, name: &str) -> Result<Change> {
        self.change(Request::RemoveBalancer { name: name.to_owned() }).await
    }

    /// Sets the latency and the cut of a balancer, at once and also for open connections.
    ///
    /// # Errors
    /// If there is no such balancer.
    pub async fn set_balancer_fault(&mut self, name: &str, fault: BalancerFault) -> Result<()> {
        self.done(Request::SetBalancerFault { name: name.to_owned(), fault }).await
    }

    /// Starts the region's S3 endpoint; idempotent as [`Client::put_process`].
    ///
    /// # Errors
    /// If its address is in use, with the process that holds it.
    pub async fn put_endpoint(&mut self, spec: EndpointSpec) -> Result<Change> {
        self.change(Request::PutEndpoint { spec }).await
    }

    /// Stops the S3 endpoint. The buckets stay.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn remove_endpoint(&mut self) -> Result<Change> {
        self.change(Request::RemoveEndpoint).await
    }

    /// Makes a bucket, or changes its replication rules.
    ///
    /// # Errors
    /// If S3 would not take its name.
    pub async fn put_bucket(&mut self, name: &str, spec: BucketSpec) -> Result<Change> {
        self.change(Request::PutBucket { name: name.to_owned(), spec }).await
    }

    /// Removes a bucket.
    ///
    /// # Errors
    /// If it holds objects and its data is to be kept.
    pub async fn remove_bucket(&mut self, name: &str, data: Data) -> Result<Change> {
        self.change(Request::RemoveBucket { name: name.to_owned(), data }).await
    }

    /// Sets the lag, cut and order of a bucket's replication to a peer.
    ///
    /// # Errors
    /// If the bucket has no rule to that peer.
    pub async fn set_replication_fault(&mut self, bucket: &str, peer: &str, fault: ReplicationFault) -> Result<()> {
        self.done(Request::SetReplicationFault { bucket: bucket.to_owned(), peer: peer.to_owned(), fault }).await
    }

    /// Cuts this region from a peer: open connections from there are dropped, new ones and replicas refused, and nothing is
    /// replicated to it. A partition in both directions needs the same on the peer.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn cut(&mut self, peer: &str, peer_folder: impl Into<PathBuf>) -> Result<()> {
        self.done(Request::Cut { peer: peer.to_owned(), peer_folder: peer_folder.into() }).await
    }

    /// Heals the cut from a peer. No cut is no error.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn heal(&mut self, peer: &str) -> Result<()> {
        self.done(Request::Heal { peer: peer.to_owned() }).await
    }

    /// Stops everything gracefully and ends the agent; returns when its socket is gone. What it ran comes back with the next agent
    /// in the folder.
    ///
    /// # Errors
    /// As [`Client::status`].
    pub async fn shutdown(mut self) -> Result<()> {
        self.done(Request::Shutdown).await?;
        let gone = async { while matches!(read_line(&mut self.reader).await, Ok(Some(_))) {} };
        // The connection ends with the agent; if it lingers, it does so without anything running.
        let _ = timeout(SHUTDOWN_LIMIT, gone).await;
        Ok(())
    }

    /// Whether an agent serves a folder and answers. A socket that takes a connection is not enough: an agent that is just dying
    /// still has one.
    pub(crate) async fn answers(folder: &Path) -> bool {
        let ping = async { Self::connect(folder).await?.done(Request::Ping).await };
        timeout(PING_LIMIT, ping).await.is_ok_and(|answer| answer.is_ok())
    }

    pub(crate) async fn replicate(&mut self, replica: Replica) -> Result<()> {
        self.done(Request::Replicate(replica)).await
    }

    async fn change(&mut self, request: Request) -> Result<Change> {
        match self.ask(request).await? {
            Answer::Change(change) => Ok(change),
            _ => Err(self.unexpected()),
        }
    }

    async fn done(&mut self, request: Request) -> Result<()> {
        match self.ask(request).await? {
            Answer::Done => Ok(()),
            _ => Err(self.unexpected()),
        }
    }

    async fn ask(&mut self, request: Request) -> Result<Answer> {
        match self.exchange(request).await.map_err(|source| self.broken(source))? {
            Answer::Refused { kind, message } => Err(Error::Refused { kind, message }),
            answer => Ok(answer),
        }
    }

    async fn exchange(&mut self, request: Request) -> io::Result<Answer> {
        write_line(&mut self.writer, request).await?;
        let line = read_line(&mut self.reader).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let envelope: Envelope<Answer> = serde_json::from_slice(&line)?;
        if envelope.version != VERSION {
            return Err(io::Error::other(format!("it speaks version {} of the protocol", envelope.version)));
        }
        Ok(envelope.body)
    }

    fn broken(&self, source: io::Error) -> Error {
        Error::Broken { folder: self.folder.path().display().to_string(), source }
    }

    fn unexpected(&self) -> Error {
        self.broken(io::Error::other("the answer does not fit the request"))
    }
}
