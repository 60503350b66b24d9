//! Where a port listens, and the address under which others find it. The same keys at the top level, in `[admin]` and
//! in `[ingress]`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A listening port. `[admin]` and `[ingress]` inherit all but the port and the advertised address from the top level.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Listener {
    /// TCP, Unix sockets, or both (the default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen_mode: Option<ListenMode>,
    /// The interface, `::` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_ip: Option<IpAddr>,
    /// The port: 5122 at the top level, 9070 for `[admin]`, 8080 for `[ingress]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_port: Option<u16>,
    /// The host in advertised addresses that aren't given whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertised_host: Option<String>,
    /// The whole address that others dial. For the top level: unique over all regions, and only ever this node's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertised_address: Option<String>,
}

/// What is listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenMode {
    /// TCP only.
    Tcp,
    /// Unix sockets in the base folder only.
    Unix,
    /// Both.
    All,
}
