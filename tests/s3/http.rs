//! HTTP as far as a proxy needs it: whole messages, with their heads as they came.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The longest head that is read.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest body of a request that is read.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long a peer may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(60);

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request or a reply.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The first line and the headers, without the empty line after them.
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// A request to a server of AWS's services that looks at the form of signatures only.
    pub(crate) fn request(service: &str, method: &str, path: &str, body: &[u8]) -> Self {
        let scope =
            format!("Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=none");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: AWS4-HMAC-SHA256 {scope}\r\n\
             Content-Length: {}",
            body.len()
        );
        Self { head, body: body.to_owned() }
    }

    /// A reply of the proxy's own, as S3 words it.
    pub(crate) fn reply(status: &str, code: &str) -> Self {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>a fault</Message></Error>");
        Self::reply_of("application/xml", status, body)
    }

    /// The same, as services word it that speak JSON.
    pub(crate) fn reply_in_json(status: &str, code: &str) -> Self {
        let body = format!("{{\"__type\": \"{code}\", \"message\": \"a fault\"}}");
        Self::reply_of("application/x-amz-json-1.1", status, body)
    }

    fn reply_of(form: &str, status: &str, body: String) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {form}\r\nContent-Length: {}", body.len());
        Self { head, body: body.into_bytes() }
    }

    /// Reads a request; `None` when the client has nothing more to say.
    pub(crate) fn receive(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let Some((head, mut body)) = read_head(stream)? else { return Ok(None) };
        let mut message = Self { head, body: Vec::new() };
        if message.header("expect").is_some() {
            message.remove("expect");
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > BODY_BYTES_MAX || message.header("transfer-encoding").is_some() {
            return Err(io::Error::other("the body is too long, or of unknown length"));
        }
        let had = body.len();
        body.resize(length, 0);
        stream.read_exact(&mut body[had.min(length)..])?;
        message.body = body;
        Ok(Some(message))
    }

    /// Sends a request to a server and reads its whole reply.
    pub(crate) fn exchange(mut self, server: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        // The end of the connection is the end of the reply.
        self.set("Connection", "close");
        stream.write_all(&self.bytes())?;
        let (head, mut body) = read_head(&mut stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        stream.read_to_end(&mut body)?;
        Ok(Self { head, body })
    }

    /// All of it, as it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), END_OF_HEAD, &self.body].concat()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// One of the words of the first line.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.head.split_whitespace().nth(index).unwrap_or_default()
    }

    /// The status of a reply.
    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }

    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        let is_other = |line: &&str| line.split_once(':').is_none_or(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.head = self.head.split("\r\n").filter(is_other).collect::<Vec<_>>().join("\r\n");
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.head += &format!("\r\n{name}: {value}");
    }
}

/// Reads to the end of the head; gives what came after it, too.
fn read_head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD) {
            let rest = bytes.split_off(end + END_OF_HEAD.len());
            return Ok(Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), rest)));
        }
        let read = stream.read(&mut chunk)?;
        if read == 0 && bytes.is_empty() {
            return Ok(None);
        }
        if read == 0 || bytes.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}
