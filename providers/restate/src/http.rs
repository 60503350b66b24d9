//! A small HTTP client for admin APIs: one request, one connection, a bounded answer.

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;
use terrane::{Context, Error, Result};
use tokio::{net::TcpStream, time::timeout};

/// The largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// An answer.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).context("reading the answer")
    }
}

/// Asks an `http://` URL.
pub(crate) async fn ask(method: Method, url: &str, body: Option<&Value>) -> Result<Answer> {
    let limited = timeout(ANSWER_WITHIN, exchange(method, url, body)).await;
    limited.unwrap_or_else(|_| Err(Error::new(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))).context(url)
}

async fn exchange(method: Method, url: &str, body: Option<&Value>) -> Result<Answer> {
    let uri: hyper::Uri = url.parse()?;
    let authority = uri.authority().ok_or_else(|| Error::new("the URL has no host"))?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let bytes = limited.collect().await.map_err(|error| Error::new(error.to_string()))?.to_bytes();
        Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned() })
    };
    tokio::select! {
        answer = answer => answer,
        result = connection => match result {
            Ok(()) => Err(Error::new("the connection was closed")),
            Err(error) => Err(error.into()),
        },
    }
}
