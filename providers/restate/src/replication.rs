//! How many copies a record has, and over how many regions, zones and nodes they are spread.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many distinct regions, zones and nodes must hold a record before its write counts.
///
/// A scope that isn't mentioned needs no more than the next larger one: `{region: 2}` means two regions, hence two
/// zones and two nodes. The value is kept in that form, so that `{region: 2}` and `{node: 2, region: 2}` are equal.
///
/// ```
/// use terrane_restate::Replication;
/// assert_eq!(Replication::regions(2).nodes(3).to_string(), "{region: 2, node: 3}");
/// assert_eq!("{node: 3, region: 2}".parse(), Ok(Replication::regions(2).nodes(3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Replication {
    region: u8,
    zone: u8,
    node: u8,
}

/// A replication whose larger scopes are set: refine it with `zones` and `nodes`, or use it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread(Replication);

/// Where copies can lie: a failure domain of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A region.
    Region,
    /// A zone of a region.
    Zone,
    /// A single node.
    Node,
}

/// How many distinct domains of each scope a set of nodes touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Domains {
    /// Distinct regions.
    pub regions: usize,
    /// Distinct zones; nodes of one region without a zone share one.
    pub zones: usize,
    /// Nodes.
    pub nodes: usize,
}

/// Why a replication can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is neither a number nor a set of scopes.
    #[error("`{text}` is not a replication: write a number such as `2`, or scopes such as `{{region: 2, node: 3}}`")]
    Syntax {
        /// What was read.
        text: String,
    },
    /// A scope with no copies.
    #[error("replication over 0 {scope}s keeps no copy of anything: write 1 or more")]
    Zero {
        /// The scope.
        scope: Scope,
    },
    /// A smaller scope with fewer copies than a larger one.
    #[error("{small} {smaller}s can't span {large} {larger}s: {smaller} must be at least {large}")]
    Order {
        /// The larger scope.
        larger: Scope,
        /// Its copies.
        large: u8,
        /// The smaller scope.
        smaller: Scope,
        /// Its copies, too few.
        small: u8,
    },
}

impl Replication {
    /// Copies on `count` nodes, wherever they are.
    #[must_use]
    pub const fn nodes(count: u8) -> Self {
        Self { region: 1, zone: 1, node: count }
    }

    /// Copies in `count` zones.
    #[must_use]
    pub const fn zones(count: u8) -> Spread {
        Spread(Self { region: 1, zone: count, node: count })
    }

    /// Copies in `count` regions.
    #[must_use]
    pub const fn regions(count: u8) -> Spread {
        Spread(Self { region: count, zone: count, node: count })
    }

    /// The distinct domains of `scope` that must hold a record.
    #[must_use]
    pub const fn copies(self, scope: Scope) -> u8 {
        match scope {
            Scope::Region => self.region,
            Scope::Zone => self.zone,
            Scope::Node => self.node,
        }
    }

    /// The scopes that ask for more than the next larger one does, largest first: those that decide anything.
    pub fn deciding(self) -> impl Iterator<Item = (Scope, u8)> {
        let above = [1, self.region, self.zone];
        Scope::ALL.into_iter().zip(above).map(move |(scope, above)| (scope, self.copies(scope), above)).filter_map(
            |(scope, copies, above)| {
                (copies > above || (scope == Scope::Node && copies != above)).then_some((scope, copies))
            },
        )
    }

    /// Whether nodes that touch these domains include a set which holds a record as asked: a write quorum.
    #[must_use]
    pub fn is_met_by(self, domains: Domains) -> bool {
        Scope::ALL.into_iter().all(|scope| domains.count(scope) >= usize::from(self.copies(scope)))
    }

    /// Refuses zero copies, and a smaller scope with fewer copies than a larger one.
    ///
    /// # Errors
    /// [`Error::Zero`] and [`Error::Order`].
    pub fn validate(self) -> Result<(), Error> {
        if let Some(scope) = Scope::ALL.into_iter().find(|scope| self.copies(*scope) == 0) {
            return Err(Error::Zero { scope });
        }
        for (larger, smaller) in [(Scope::Region, Scope::Zone), (Scope::Zone, Scope::Node)] {
            let (large, small) = (self.copies(larger), self.copies(smaller));
            if small < large {
                // The implied zone says nothing to a person who wrote `{region: 2, node: 1}`.
                let larger = if large == self.region { Scope::Region } else { larger };
                return Err(Error::Order { larger, large, smaller, small });
            }
        }
        Ok(())
    }

    fn from_scopes(region: Option<u8>, zone: Option<u8>, node: Option<u8>) -> Self {
        let region = region.unwrap_or(1);
        let zone = zone.unwrap_or(region);
        Self { region, zone, node: node.unwrap_or(zone) }
    }
}

impl Spread {
    /// Copies in `count` zones, over the regions asked for before.
    #[must_use]
    pub const fn zones(self, count: u8) -> Self {
        Self(Replication { region: self.0.region, zone: count, node: count })
    }

    /// Copies on `count` nodes, over the regions and zones asked for before.
    #[must_use]
    pub const fn nodes(self, count: u8) -> Replication {
        Replication { region: self.0.region, zone: self.0.zone, node: count }
    }
}

impl From<Spread> for Replication {
    fn from(spread: Spread) -> Self {
        spread.0
    }
}

impl Scope {
    /// All scopes, largest first.
    pub const ALL: [Self; 3] = [Self::Region, Self::Zone, Self::Node];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Region => "region",
            Self::Zone => "zone",
            Self::Node => "node",
        })
    }
}

impl Domains {
    /// The distinct domains of one scope.
    #[must_use]
    pub const fn count(self, scope: Scope) -> usize {
        match scope {
            Scope::Region => self.regions,
            Scope::Zone => self.zones,
            Scope::Node => self.nodes,
        }
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scopes: Vec<String> = self.deciding().map(|(scope, copies)| format!("{scope}: {copies}")).collect();
        if scopes.is_empty() {
            scopes.push(format!("node: {}", self.node));
        }
        write!(f, "{{{}}}", scopes.join(", "))
    }
}

impl FromStr for Replication {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let syntax = || Error::Syntax { text: text.to_owned() };
        let trimmed = text.trim();
        let replication = match trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Self::nodes(trimmed.parse().map_err(|_| syntax())?),
            Some(scopes) => {
                let (mut region, mut zone, mut node) = (None, None, None);
                for entry in scopes.split(',') {
                    let (scope, copies) = entry.split_once(':').ok_or_else(syntax)?;
                    let slot = match scope.trim() {
                        "region" => &mut region,
                        "zone" => &mut zone,
                        "node" => &mut node,
                        _ => return Err(syntax()),
                    };
                    let copies = copies.trim().parse().map_err(|_| syntax())?;
                    if slot.replace(copies).is_some() {
                        return Err(syntax());
                    }
                }
                Self::from_scopes(region, zone, node)
            }
        };
        replication.validate()?;
        Ok(replication)
    }
}

impl TryFrom<String> for Replication {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Replication> for String {
    fn from(replication: Replication) -> Self {
        replication.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printed_form_reads_back_as_the_same_value() {
        let two_regions: Replication = Replication::regions(2).into();
        for (text, expected, printed) in [
            ("2", Replication::nodes(2), "{node: 2}"),
            ("{node: 1}", Replication::nodes(1), "{node: 1}"),
            ("{region: 2}", two_regions, "{region: 2}"),
            ("{node: 2, region: 2}", two_regions, "{region: 2}"),
            ("{node: 3, region: 2}", Replication::regions(2).nodes(3), "{region: 2, node: 3}"),
            (
                " {region:2,zone:3 , node:4} ",
                Replication::regions(2).zones(3).nodes(4),
                "{region: 2, zone: 3, node: 4}",
            ),
            ("{zone: 2}", Replication::zones(2).into(), "{zone: 2}"),
        ] {
            let parsed: Replication = text.parse().unwrap();
            assert_eq!(parsed, expected, "{text}");
            assert_eq!(parsed.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(expected), "{printed}");
        }
        assert_ne!(two_regions, Replication::nodes(2));
    }

    #[test]
    fn what_restate_would_refuse_is_refused() {
        for text in ["", "{}", "two", "-1", "300", "{rack: 2}", "{node: 2", "{node: 2, node: 3}", "{node 2}"] {
            assert!(matches!(text.parse::<Replication>(), Err(Error::Syntax { .. })), "{text}");
        }
        assert_eq!("0".parse::<Replication>(), Err(Error::Zero { scope: Scope::Node }));
        let error = "{region: 3, node: 2}".parse::<Replication>().unwrap_err();
        assert_eq!(error.to_string(), "2 nodes can't span 3 regions: node must be at least 3");
        assert!(Replication::regions(3).zones(2).nodes(5).validate().is_err());
    }
}
