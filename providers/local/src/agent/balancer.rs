//! TCP balancers: pass-through of each connection to one target, with added latency and cuts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::error::Result;
use super::listener::{self, Listener, Serve, reset};
use super::partition::Partition;
use crate::spec::{BalancerFault, BalancerSpec};
use crate::status::BalancerStatus;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks under way in one direction: the window of a connection with latency.
const CHUNKS_MAX: usize = 64;

/// How long the target may take to accept.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A running balancer.
pub(crate) struct Balancer {
    spec: BalancerSpec,
    fault: watch::Sender<BalancerFault>,
    listener: Listener,
}

impl Balancer {
    /// Starts a balancer; an address in use is an error.
    pub(crate) async fn start(spec: BalancerSpec, fault: BalancerFault, partition: Arc<Partition>) -> Result<Self> {
        let bound = listener::bind(spec.listen).await?;
        Ok(Self::run(spec, fault, partition, Some(bound)))
    }

    /// Brings a balancer back; an address in use is waited for.
    pub(crate) async fn restore(spec: BalancerSpec, fault: BalancerFault, partition: Arc<Partition>) -> Self {
        let bound = listener::bind(spec.listen).await.ok();
        Self::run(spec, fault, partition, bound)
    }

    fn run(
        spec: BalancerSpec,
        fault: BalancerFault,
        partition: Arc<Partition>,
        bound: Option<tokio::net::TcpListener>,
    ) -> Self {
        let (sender, receiver) = watch::channel(fault);
        let server = Arc::new(PassThrough { spec: spec.clone(), fault: receiver });
        let listener = Listener::start(spec.listen, bound, partition, server);
        Self { spec, fault: sender, listener }
    }

    /// Changes the fault, also for open connections.
    pub(crate) fn set_fault(&self, fault: BalancerFault) {
        self.fault.send_replace(fault);
    }

    pub(crate) async fn stop(&self) {
        self.listener.stop().await;
    }

    pub(crate) fn status(&self) -> BalancerStatus {
        let fault = *self.fault.borrow();
        let counters = &self.listener.counters;
        BalancerStatus {
            listen: self.spec.listen,
            target: self.spec.target,
            connections_open: counters.open(),
            connections_total: counters.total(),
            latency_ms: fault.latency_ms,
            cut: fault.cut,
            error: counters.error(),
        }
    }
}

struct PassThrough {
    spec: BalancerSpec,
    fault: watch::Receiver<BalancerFault>,
}

impl Serve for PassThrough {
    async fn serve(&self, mut near: TcpStream) {
        let mut fault = self.fault.clone();
        let connect = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(self.spec.target));
        let is_cut = fault.borrow().cut;
        let far = if is_cut { None } else { connect.await.ok().and_then(io::Result::ok) };
        let Some(mut far) = far else {
            reset(&near);
            return;
        };
        let _ = far.set_nodelay(true);
        let was_cut = {
            let (near_reader, near_writer) = near.split();
            let (far_reader, far_writer) = far.split();
            let forth = pump(near_reader, far_writer, self.fault.clone());
            let back = pump(far_reader, near_writer, self.fault.clone());
            tokio::select! {
                _ = async { tokio::join!(forth, back) } => false,
                _ = fault.wait_for(|fault| fault.cut) => true,
            }
        };
        if was_cut {
            reset(&near);
            reset(&far);
        }
    }
}

/// One direction: reads, holds each chunk for the latency, writes. Ends with the reader's end, which is passed on.
async fn pump(
    reader: ReadHalf<'_>,
    mut writer: WriteHalf<'_>,
    fault: watch::Receiver<BalancerFault>,
) -> io::Result<()> {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(CHUNKS_MAX);
    let write = async move {
        while let Some((due, chunk)) = receiver.recv().await {
            sleep_until(due).await;
            writer.write_all(&chunk).await?;
        }
        writer.shutdown().await
    };
    // If the writer fails, the reader notices at its next chunk: its channel is closed.
    let (read, written) = tokio::join!(read_all(reader, sender, fault), write);
    read.and(written)
}

async fn read_all(
    mut reader: ReadHalf<'_>,
    chunks: mpsc::Sender<(Instant, Bytes)>,
    fault: watch::Receiver<BalancerFault>,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK_BYTES);
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let due = Instant::now() + Duration::from_millis(fault.borrow().latency_ms);
        if chunks.send((due, buffer.split().freeze())).await.is_err() {
            return Ok(());
        }
    }
}
