//! Readiness probes: whether a process that runs also serves.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::{Error, Result};
use crate::spec::Readiness;

/// How often a process that isn't ready is probed.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// How long one probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Longest status line that a probe reads, in bytes.
const STATUS_LINE_BYTES_MAX: usize = 256;

/// Refuses a probe that could never succeed.
pub(crate) fn check(readiness: &Readiness) -> Result<()> {
    match readiness {
        Readiness::Http { url, .. } => split_url(url).map(drop),
        Readiness::Started | Readiness::Tcp { .. } => Ok(()),
    }
}

/// Probes once; an error says what is missing.
pub(crate) async fn probe(readiness: &Readiness) -> Result<(), String> {
    let attempt = async {
        match readiness {
            Readiness::Started => Ok(()),
            Readiness::Tcp { address } => connect(*address).await.map(drop),
            Readiness::Http { url, status } => probe_http(url, *status).await,
        }
    };
    timeout(PROBE_LIMIT, attempt).await.unwrap_or_else(|_| Err(format!("no answer within {} s", PROBE_LIMIT.as_secs())))
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(address).await.map_err(|_| format!("port {address} not open yet"))
}

async fn probe_http(url: &str, expected: u16) -> Result<(), String> {
    let (address, path) = split_url(url).map_err(|error| error.to_string())?;
    let mut stream = connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        let mut line = Vec::new();
        while line.len() < STATUS_LINE_BYTES_MAX && !line.contains(&b'\n') && stream.read_buf(&mut line).await? > 0 {}
        std::io::Result::Ok(line)
    };
    let line = exchange.await.map_err(|error| format!("{url} does not answer yet: {error}"))?;
    match status_of(&line) {
        Some(status) if status == expected => Ok(()),
        Some(status) => Err(format!("{url} answers {status}, not {expected} yet")),
        None => Err(format!("{url} does not answer with HTTP")),
    }
}

/// The status of `HTTP/1.1 200 OK`.
fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let text = std::str::from_utf8(line).ok()?;
    text.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()
}

/// Splits `http://127.1.0.1:8080/health` into address and path.
fn split_url(url: &str) -> Result<(SocketAddr, &str)> {
    let wrong = || {
        let text = format!(
            "the readiness URL `{url}` must look like http://127.1.0.1:8080/health: plain HTTP, IP address, port"
        );
        Error::Invalid(text)
    };
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(wrong());
    }
    Ok((host.parse().map_err(|_| wrong())?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_or_refused() {
        let address = "127.1.0.1:8080".parse().unwrap();
        assert_eq!(split_url("http://127.1.0.1:8080/health?x=1").unwrap(), (address, "/health?x=1"));
        assert_eq!(split_url("http://127.1.0.1:8080").unwrap(), (address, "/"));
        for wrong in ["https://127.1.0.1:1/", "http://localhost/", "http://127.1.0.1/", "http://127.1.0.1:1/a b"] {
            assert!(split_url(wrong).is_err(), "{wrong}");
        }
        assert_eq!(status_of(b"HTTP/1.1 204 No Content\r\n"), Some(204));
        assert_eq!(status_of(b"SSH-2.0"), None);
    }
}
