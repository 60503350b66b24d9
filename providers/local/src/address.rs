//! Address plans: which loopback address and port each node, balancer and S3 endpoint of a region gets.
//!
//! Pure arithmetic, apart from [`AddressPlan::of_this_host`], which asks whether the host has the loopback subnets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

/// Most nodes of one region: beyond it the addresses of nodes and balancers would overlap.
pub const NODES_PER_REGION_MAX: u8 = 10;

/// How far the port of a node's balancer lies above the node's own, where both share one address.
const BALANCER_PORT_OFFSET: u16 = 500;

/// A node's place: the region's number, from 1, and the node's index in it, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The region's number, from 1.
    pub region: u8,
    /// The node's index in its region, from 0.
    pub node: u8,
}

/// How regions and nodes are told apart on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressPlan {
    /// Region `n` is `127.n.0.0/24`; each node has an address of its own and the ports are the same on all of them.
    Subnets,
    /// Everything is on `127.0.0.1`; the first node has the plain ports, the others a leading digit: 8080, 28080, 38080.
    PortOffsets {
        /// Nodes in each region, so that the nodes of all regions can be counted through.
        nodes_per_region: u8,
    },
}

/// An address that the plan can't give.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Regions are numbered from 1 to 254 and may hold ten nodes.
    #[error("region {region}, node {node} is outside the plan: regions count from 1 to 254, nodes from 0 to {}", NODES_PER_REGION_MAX - 1)]
    Place {
        /// The region asked for.
        region: u8,
        /// The node asked for.
        node: u8,
    },
    /// The port with its offset would be above 65535.
    #[error(
        "port {port} of node number {ordinal} would be {wanted}, above 65535: use fewer nodes, a lower port, or the plan with subnets (Linux)"
    )]
    Port {
        /// The plain port.
        port: u16,
        /// The node's number over all regions, from 1.
        ordinal: u32,
        /// The port it would need.
        wanted: u32,
    },
}

impl AddressPlan {
    /// The plan this host can carry: subnets where `127.1.0.1` can be bound (Linux), else port offsets (macOS).
    pub fn of_this_host(nodes_per_region: u8) -> Self {
        match TcpListener::bind((Ipv4Addr::new(127, 1, 0, 1), 0)) {
            Ok(_) => Self::Subnets,
            Err(_) => Self::PortOffsets { nodes_per_region },
        }
    }

    /// The address where the node itself listens for the service of the plain `port`.
    pub fn node(self, place: Place, port: u16) -> Result<SocketAddr, Error> {
        place.check()?;
        match self {
            Self::Subnets => Ok(subnet(place.region, place.node + 1, port)),
            Self::PortOffsets { nodes_per_region } => prefixed(place, nodes_per_region, port),
        }
    }

    /// The address of the node's own balancer in front of the service of the plain `port`.
    pub fn balancer(self, place: Place, port: u16) -> Result<SocketAddr, Error> {
        place.check()?;
        match self {
            Self::Subnets => Ok(subnet(place.region, place.node + 1 + NODES_PER_REGION_MAX, port)),
            Self::PortOffsets { nodes_per_region } => {
                let shifted = sum(port, u32::from(BALANCER_PORT_OFFSET), place.ordinal(nodes_per_region))?;
                prefixed(place, nodes_per_region, shifted)
            }
        }
    }

    /// The address of the region's S3 endpoint.
    pub fn endpoint(self, region: u8, port: u16) -> Result<SocketAddr, Error> {
        Place { region, node: 0 }.check()?;
        match self {
            Self::Subnets => Ok(subnet(region, 254, port)),
            Self::PortOffsets { .. } => {
                let offset = u32::from(region) - 1;
                Ok(localhost(sum(port, offset, offset)?))
            }
        }
    }
}

impl Place {
    fn check(self) -> Result<(), Error> {
        let Self { region, node } = self;
        if region == 0 || region == u8::MAX || node >= NODES_PER_REGION_MAX {
            return Err(Error::Place { region, node });
        }
        Ok(())
    }

    /// The node's number over all regions, from 0.
    fn ordinal(self, nodes_per_region: u8) -> u32 {
        (u32::from(self.region) - 1) * u32::from(nodes_per_region) + u32::from(self.node)
    }
}

fn subnet(region: u8, host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, region, 0, host)), port)
}

fn localhost(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn prefixed(place: Place, nodes_per_region: u8, port: u16) -> Result<SocketAddr, Error> {
    if place.node >= nodes_per_region {
        return Err(Error::Place { region: place.region, node: place.node });
    }
    let ordinal = place.ordinal(nodes_per_region);
    let offset = if ordinal == 0 { 0 } else { (ordinal + 1) * 10_000 };
    Ok(localhost(sum(port, offset, ordinal)?))
}

fn sum(port: u16, offset: u32, ordinal: u32) -> Result<u16, Error> {
    let wanted = u32::from(port) + offset;
    u16::try_from(wanted).map_err(|_| Error::Port { port, ordinal: ordinal + 1, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_keep_the_ports() {
        let place = Place { region: 2, node: 2 };
        assert_eq!(AddressPlan::Subnets.node(place, 8080), Ok("127.2.0.3:8080".parse().unwrap()));
        assert_eq!(AddressPlan::Subnets.balancer(place, 5122), Ok("127.2.0.13:5122".parse().unwrap()));
        assert_eq!(AddressPlan::Subnets.endpoint(2, 9000), Ok("127.2.0.254:9000".parse().unwrap()));
        let outside = Place { region: 1, node: NODES_PER_REGION_MAX };
        assert!(AddressPlan::Subnets.node(outside, 8080).is_err());
    }

    #[test]
    fn offsets_put_a_digit_in_front() {
        let plan = AddressPlan::PortOffsets { nodes_per_region: 3 };
        let ports = |port| [0, 1, 2].map(|node| plan.node(Place { region: 1, node }, port).unwrap().port());
        assert_eq!(ports(8080), [8080, 28080, 38080]);
        assert_eq!(ports(9070), [9070, 29070, 39070]);
        assert_eq!(ports(5122), [5122, 25122, 35122]);
        assert_eq!(plan.node(Place { region: 2, node: 0 }, 8080).unwrap().port(), 48080);
        assert_eq!(plan.endpoint(2, 9000).unwrap().port(), 9001);
    }

    #[test]
    fn a_port_beyond_the_range_is_refused() {
        let plan = AddressPlan::PortOffsets { nodes_per_region: 3 };
        let refused = plan.node(Place { region: 2, node: 2 }, 8080);
        assert_eq!(refused, Err(Error::Port { port: 8080, ordinal: 6, wanted: 68080 }));
    }

    #[test]
    fn no_two_places_share_an_address() {
        for plan in [AddressPlan::Subnets, AddressPlan::PortOffsets { nodes_per_region: 2 }] {
            let mut seen = std::collections::BTreeSet::new();
            for region in 1..=2 {
                for node in 0..2 {
                    for port in [8080, 9070, 5122] {
                        let place = Place { region, node };
                        assert!(seen.insert(plan.node(place, port).unwrap()));
                        assert!(seen.insert(plan.balancer(place, port).unwrap()));
                    }
                }
                assert!(seen.insert(plan.endpoint(region, 9000).unwrap()));
            }
        }
    }
}
