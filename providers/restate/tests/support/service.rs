//! A service with state: counters, served by this process on a free port.

use restate_sdk::prelude::*;
use std::{net::TcpListener, thread};

struct Counter;

#[restate_sdk::object]
impl Counter {
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, value: u64) -> Result<u64, TerminalError> {
        let sum = ctx.get::<u64>("count").await?.unwrap_or(0) + value;
        ctx.set("count", sum);
        Ok(sum)
    }
}

/// Serves counters until this process ends; gives back the URL.
pub(crate) fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let server = HttpServer::new(Endpoint::builder().bind(Counter).build());
            server.serve_with_cancel(listener, std::future::pending::<()>()).await;
        });
    });
    url
}
