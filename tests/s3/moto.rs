//! Moto's S3, one server for all tests: each has a bucket of its own.

use super::http::Message;
use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

/// Where `cargo xtask install` puts it, in the cache folder.
const PYTHON: &str = "python/moto-5.2.5/bin/python";

/// A running server. It ends when its standard input does, which is when the tests end, however they do.
struct Moto {
    address: SocketAddr,
    _child: Child,
}

static MOTO: LazyLock<Moto> = LazyLock::new(start);

/// Makes a new bucket, and gives the address of its server.
pub(crate) fn bucket(name: &str) -> SocketAddr {
    let made = Message::request("PUT", &format!("/{name}"), b"").exchange(MOTO.address).unwrap();
    assert_eq!(made.status(), 200, "{}", String::from_utf8_lossy(made.body()));
    MOTO.address
}

fn start() -> Moto {
    let python = cache().join(PYTHON);
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
