//! Sockets of the host: which process holds an address, and which one is at the other end of a connection.
//!
//! Read from `/proc/net/tcp` on Linux; elsewhere the answers are "unknown".

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::{Error, Result};
use super::process_table;

/// State of a listening socket in the kernel's table.
const LISTEN: &str = "0A";

struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: String,
    inode: String,
}

/// Refuses an address that a process outside `own` listens on, and names that process.
pub(crate) fn check_free(address: SocketAddr, own: &BTreeSet<u32>) -> Result<()> {
    let Some(inode) = listener(address) else { return Ok(()) };
    match owner(&inode) {
        Some(pid) if own.contains(&pid) => Ok(()),
        Some(pid) => Err(Error::AddressInUse { address, holder: process_table::describe(pid) }),
        None => Err(unknown_holder(address)),
    }
}

/// The error of a bind that failed: if the address is taken, with the process that has it.
pub(crate) fn bind_error(address: SocketAddr, error: std::io::Error) -> Error {
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return Error::io("listen on", address)(error);
    }
    check_free(address, &BTreeSet::new()).err().unwrap_or_else(|| unknown_holder(address))
}

fn unknown_holder(address: SocketAddr) -> Error {
    Error::AddressInUse { address, holder: "a process that could not be found".to_owned() }
}

fn listener(address: SocketAddr) -> Option<String> {
    let collides = |socket: &Socket| {
        let same_host =
            socket.local.ip() == address.ip() || socket.local.ip().is_unspecified() || address.ip().is_unspecified();
        socket.state == LISTEN && socket.local.port() == address.port() && same_host
    };
    sockets().into_iter().find(collides).map(|socket| socket.inode)
}

/// Whether one of these processes holds the far end of a connection that arrived at `local` from `peer`.
pub(crate) fn is_dialled_by(peer: SocketAddr, local: SocketAddr, pids: &BTreeSet<u32>) -> bool {
    let (peer, local) = (canonical(peer), canonical(local));
    let far_end = sockets().into_iter().find(|socket| socket.local == peer && socket.remote == local);
    far_end.is_some_and(|socket| pids.iter().any(|pid| holds(*pid, &socket.inode)))
}

fn owner(inode: &str) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    let mut pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| holds(*pid, inode))
}

fn holds(pid: u32, inode: &str) -> bool {
    let link = format!("socket:[{inode}]");
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == link.as_str()))
}

fn sockets() -> Vec<Socket> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(Socket {
        local: parse_address(fields.get(1)?)?,
        remote: parse_address(fields.get(2)?)?,
        state: (*fields.get(3)?).to_owned(),
        inode: (*fields.get(9)?).to_owned(),
    })
}

/// `0100007F:1F90`: each 32-bit group in the host's byte order, the port in network order.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::with_capacity(16);
    for start in (0..host.len()).step_by(8) {
        octets.extend(u32::from_str_radix(host.get(start..start + 8)?, 16).ok()?.to_ne_bytes());
    }
    let host = match <[u8; 4]>::try_from(octets.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets.as_slice()).ok()?)),
    };
    Some(canonical(SocketAddr::new(host, port)))
}

/// Programs with dual-stack sockets show IPv4 peers as mapped IPv6 addresses.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_are_read() {
        assert_eq!(parse_address("0100007F:1F90"), Some("127.0.0.1:8080".parse().unwrap()));
        let mapped = "0000000000000000FFFF00000100007F:1F90";
        assert_eq!(parse_address(mapped), Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(parse_address("00000000:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_is_found_with_its_holder() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let message = check_free(address, &BTreeSet::new()).unwrap_err().to_string();
        assert!(message.contains(&format!("{address} is in use by pid {}", std::process::id())), "{message}");
        assert!(check_free(address, &BTreeSet::from([std::process::id()])).is_ok());
    }
}
