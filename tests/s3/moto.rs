//! Moto's S3 and KMS, one server for all tests: each has a bucket or a key of its own.

use super::http::Message;
use serde_json::Value;
use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

/// What `cargo xtask install` installs.
const REQUIREMENTS: &str = include_str!("../xtask/tools/moto/requirements.txt");

/// A running server. It ends when its standard input does, which is when the tests end, however they do.
struct Moto {
    address: SocketAddr,
    _child: Child,
}

static MOTO: LazyLock<Moto> = LazyLock::new(start);

/// Makes a new bucket, and gives the address of its server.
pub(crate) fn bucket(name: &str) -> SocketAddr {
    ask(Message::request("s3", "PUT", &format!("/{name}"), b""));
    MOTO.address
}

/// Makes a new key, and gives its ARN.
pub(crate) fn key() -> String {
    let mut request = Message::request("kms", "POST", "/", b"{}");
    request.set("Content-Type", "application/x-amz-json-1.1");
    request.set("X-Amz-Target", "TrentService.CreateKey");
    let made: Value = serde_json::from_str(&ask(request)).unwrap();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// What a bucket says of one of its settings, such as `versioning`.
pub(crate) fn setting(bucket: &str, name: &str) -> String {
    ask(Message::request("s3", "GET", &format!("/{bucket}?{name}"), b""))
}

/// Turns the versions of a bucket on or off: `Enabled` or `Suspended`.
pub(crate) fn set_versions(bucket: &str, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    ask(Message::request("s3", "PUT", &format!("/{bucket}?versioning"), body.as_bytes()));
}

/// Takes the policy of a bucket away. Moto knows no conditions, so that one that refuses plain HTTP refuses everything.
pub(crate) fn forget_policy(bucket: &str) {
    let reply = Message::request("s3", "DELETE", &format!("/{bucket}?policy"), b"").exchange(MOTO.address).unwrap();
    assert_eq!(reply.status(), 204);
}

/// The address of the server.
pub(crate) fn address() -> SocketAddr {
    MOTO.address
}

/// A request that has to succeed.
fn ask(request: Message) -> String {
    let reply = request.exchange(MOTO.address).unwrap();
    let text = String::from_utf8_lossy(reply.body()).into_owned();
    assert_eq!(reply.status(), 200, "{text}");
    text
}

fn start() -> Moto {
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("moto==")?.split(' ').next()).unwrap();
    let python = cache().join(format!("python/moto-{version}/bin/python"));
    let mut command = Command::new(&python);
    command.args(["-c", include_str!("moto.py")]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let started = command.spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask install`", python.display()));
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let port = port.trim().parse().unwrap_or_else(|_| panic!("moto did not start"));
    Moto { address: SocketAddr::from(([127, 0, 0, 1], port)), _child: child }
}

/// The cache folder, found as `cargo xtask` finds it.
fn cache() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user_cache = || set("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let of_user = || user_cache().or_else(|| Some(set("HOME")?.join(".cache")));
    set("TERRANE_CACHE").or_else(|| Some(of_user()?.join("terrane"))).unwrap()
}
