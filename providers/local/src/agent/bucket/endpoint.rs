//! The S3 endpoint: HTTP over a listener, with signed requests only.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};

use super::api::Api;
use super::store::Store;
use crate::agent::error::Result;
use crate::agent::listener::{self, Listener, Serve};
use crate::agent::partition::Partition;
use crate::spec::EndpointSpec;
use crate::status::EndpointStatus;

/// How long a client may take to send the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// The running endpoint.
pub(crate) struct Endpoint {
    spec: EndpointSpec,
    listener: Listener,
}

impl Endpoint {
    /// Starts the endpoint; an address in use is an error.
    pub(crate) async fn start(spec: EndpointSpec, store: Arc<Store>, partition: Arc<Partition>) -> Result<Self> {
        let bound = listener::bind(spec.listen).await?;
        Ok(Self::run(spec, store, partition, Some(bound)))
    }

    /// Brings the endpoint back; an address in use is waited for.
    pub(crate) async fn restore(spec: EndpointSpec, store: Arc<Store>, partition: Arc<Partition>) -> Self {
        let bound = listener::bind(spec.listen).await.ok();
        Self::run(spec, store, partition, bound)
    }

    fn run(spec: EndpointSpec, store: Arc<Store>, partition: Arc<Partition>, bound: Option<TcpListener>) -> Self {
        let mut builder = S3ServiceBuilder::new(Api { store });
        builder.set_auth(SimpleAuth::from_single(spec.access_key.clone(), spec.secret_key.clone()));
        let server = Arc::new(Http { service: builder.build() });
        Self { listener: Listener::start(spec.listen, bound, partition, server), spec }
    }

    pub(crate) async fn stop(&self) {
        self.listener.stop().await;
    }

    pub(crate) fn status(&self) -> EndpointStatus {
        let counters = &self.listener.counters;
        EndpointStatus { listen: self.spec.listen, connections_open: counters.open(), error: counters.error() }
    }
}

struct Http {
    service: S3Service,
}

impl Serve for Http {
    async fn serve(&self, stream: TcpStream) {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
        // A connection that breaks off is the client's affair.
        let _ = builder.serve_connection(TokioIo::new(stream), self.service.clone()).await;
    }
}
