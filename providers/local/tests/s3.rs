//! A small S3 client: signed requests over one connection each.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use terrane_local::spec::EndpointSpec;

use crate::support::{Region, free_address};

#[derive(Clone)]
pub(crate) struct S3 {
    address: SocketAddr,
    secret_key: String,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl S3 {
    /// Gives a region an endpoint, and a client of it.
    pub(crate) async fn of(region: &Region) -> Self {
        let (address, secret_key) = (free_address(), "secret".to_owned());
        let spec = EndpointSpec { listen: address, access_key: "key".to_owned(), secret_key: secret_key.clone() };
        region.client().await.put_endpoint(spec).await.unwrap();
        Self { address, secret_key }
    }

    pub(crate) fn with_secret(&self, secret_key: &str) -> Self {
        Self { secret_key: secret_key.to_owned(), ..self.clone() }
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> Response {
        self.send("PUT", path, &[], body.as_bytes())
    }

    pub(crate) fn put_if(&self, path: &str, (condition, value): (&str, &str), body: &str) -> Response {
        self.send("PUT", path, &[(condition, value)], body.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// Sends one request. The path is encoded already and begins with the bucket; a query is sorted.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// As [`S3::send`], where the server may go away.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Response> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let time = timestamp();
        let host = self.address.to_string();
        let hash = hex(&Sha256::digest(body));
        let mut signed: Vec<(&str, &str)> =
            [("host", host.as_str()), ("x-amz-content-sha256", hash.as_str()), ("x-amz-date", time.as_str())].into();
        signed.extend(headers);
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines = signed.iter().fold(String::new(), |lines, (name, value)| format!("{lines}{name}:{value}\n"));
        let canonical = format!("{method}\n/{path}\n{query}\n{lines}\n{names}\n{hash}");
        let signature = self.sign(&time, &canonical);
        let scope = format!("{}/us-east-1/s3/aws4_request", &time[..8]);
        let mut request =
            format!("{method} /{path}?{query} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in &signed {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        let credential = format!("Credential=key/{scope}, SignedHeaders={names}, Signature={signature}");
        write!(request, "authorization: AWS4-HMAC-SHA256 {credential}\r\n\r\n").unwrap();
        self.exchange(request.as_bytes(), body)
    }

    fn sign(&self, time: &str, canonical: &str) -> String {
        let day = &time[..8];
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{day}/us-east-1/s3/aws4_request\n{}",
            hex(&Sha256::digest(canonical.as_bytes()))
        );
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [day, "us-east-1", "s3", "aws4_request"] {
            key = mac(&key, part);
        }
        hex(&mac(&key, &text))
    }

    fn exchange(&self, request: &[u8], body: &[u8]) -> std::io::Result<Response> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(request)?;
        // A server that refuses early may not read the body.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end =
            answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer[end + 4..].to_vec();
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { dechunk(&body) } else { body };
        Ok(Response { status, head, body })
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Now, as `20261121T035149Z`.
fn timestamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (day, time) = (i64::try_from(seconds / 86_400).unwrap(), seconds % 86_400);
    // Days to a date of the Gregorian calendar, in years that begin in March.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{date:02}T{:02}{:02}{:02}Z", time / 3_600, time / 60 % 60, time % 60)
}
