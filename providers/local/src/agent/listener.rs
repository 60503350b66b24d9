//! A listening socket with its connections: the common part of balancers and the S3 endpoint.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::backoff::Backoff;
use super::error::Result;
use super::logs;
use super::partition::{Ends, Partition, Ticket};
use super::ports;
use super::slots::lock;

/// Most connections open on one listener. More are closed at once.
const CONNECTIONS_MAX: usize = 4096;

/// How long to rest after an accept failed, as when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) counters: Arc<Counters>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What is counted at a listener.
#[derive(Default)]
pub(crate) struct Counters {
    open: AtomicU64,
    total: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Counters {
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    pub(crate) fn error(&self) -> Option<String> {
        lock(&self.error).clone()
    }
}

/// What is done with a connection; its future is dropped when the listener stops.
pub(crate) trait Serve: Send + Sync + 'static {
    fn serve(&self, stream: TcpStream) -> impl Future<Output = ()> + Send;
}

/// Binds an address; an error names the process that holds it.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| ports::bind_error(address, error))
}

impl Listener {
    /// Serves an address that is bound already, or is bound as soon as it is free.
    pub(crate) fn start(
        address: SocketAddr,
        bound: Option<TcpListener>,
        partition: Arc<Partition>,
        server: Arc<impl Serve>,
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let task = tokio::spawn(async move {
            let socket = match bound {
                Some(socket) => socket,
                None => bind_when_free(address, &shared).await,
            };
            accept(&socket, &shared, &partition, &server).await;
        });
        Self { counters, task: Mutex::new(Some(task)) }
    }

    /// Closes the socket and all connections; returns when that is done.
    pub(crate) async fn stop(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }
}

async fn bind_when_free(address: SocketAddr, counters: &Counters) -> TcpListener {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    loop {
        match bind(address).await {
            Ok(socket) => {
                *lock(&counters.error) = None;
                return socket;
            }
            Err(error) => {
                logs::note(&error.to_string());
                *lock(&counters.error) = Some(error.to_string());
            }
        }
        sleep(backoff.next()).await;
    }
}

async fn accept(socket: &TcpListener, counters: &Arc<Counters>, partition: &Arc<Partition>, server: &Arc<impl Serve>) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) if connections.len() < CONNECTIONS_MAX => {
                counters.total.fetch_add(1, Ordering::Relaxed);
                let connection = OpenConnection::of(counters);
                connections.spawn(admit(stream, peer, connection, Arc::clone(partition), Arc::clone(server)));
            }
            Ok(_) => logs::note(&format!("a connection was closed: {CONNECTIONS_MAX} are open")),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    _open: OpenConnection,
    partition: Arc<Partition>,
    server: Arc<impl Serve>,
) {
    let Ok(local) = stream.local_addr() else { return };
    let ticket: Option<Ticket> = partition.admit(Ends { peer, local }).await;
    let Some(ticket) = ticket else {
        reset(&stream);
        return;
    };
    // Small requests and answers shall not wait for each other.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        () = server.serve(stream) => {}
        () = ticket.dropped() => {}
    }
}

/// Makes the close of a connection abrupt, as when the path to the peer is gone.
pub(crate) fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Counts a connection as open until dropped.
struct OpenConnection(Arc<Counters>);

impl OpenConnection {
    fn of(counters: &Arc<Counters>) -> Self {
        counters.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
