//! What the cloud keeps: objects, and the marks that say who made them.

use std::sync::Arc;
use terrane::Creation;

/// How a kind's creates can be recognised. There is one kind for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Habit {
    /// A client token that the service remembers for a while: `sky:Server`.
    Token,
    /// A unique name: `sky:Bucket`.
    Name,
    /// A create of what exists with the same settings returns it, whoever made it: `sky:Queue`.
    Returns,
    /// Tags that are given in the create, and a list that lags behind: `sky:Network`.
    Tags,
    /// What it connects, which can't be connected twice: `sky:Route`.
    Key,
    /// Nothing: `sky:AccessKey`.
    Unmarked,
}

impl Habit {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Token, Self::Name, Self::Returns, Self::Tags, Self::Key, Self::Unmarked];

    /// The kind that has it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Token => "sky:Server",
            Self::Name => "sky:Bucket",
            Self::Returns => "sky:Queue",
            Self::Tags => "sky:Network",
            Self::Key => "sky:Route",
            Self::Unmarked => "sky:AccessKey",
        }
    }

    /// What the ids of its objects begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Token => "server",
            Self::Name => "bucket",
            Self::Returns => "queue",
            Self::Tags => "network",
            Self::Key => "route",
            Self::Unmarked => "key",
        }
    }

    /// The id of the object with this number.
    pub(super) fn id(self, number: u64) -> String {
        format!("{}-{number}", self.prefix())
    }

    /// The key under which no second object can exist; `None` where any number can.
    pub(super) fn place(self, fields: &Fields) -> Option<String> {
        match self {
            Self::Name | Self::Returns => Some(fields.name.clone()),
            Self::Key => Some(format!("{}@{}", fields.name, fields.upstream.join("+"))),
            Self::Token | Self::Tags | Self::Unmarked => None,
        }
    }
}

/// What a customer says about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// The ids of the objects that it needs.
    pub upstream: Vec<String>,
    /// What can't be changed.
    pub shape: Option<String>,
    /// What nobody may see.
    pub password: Option<String>,
}

/// Who made an object: the tags of its create.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// `terrane:stack`.
    pub stack: String,
    /// `terrane:urn`.
    pub urn: String,
    /// `terrane:op`.
    pub op: String,
}

impl Mark {
    /// The mark of a create, from the tags that the engine hands out.
    pub(super) fn of(creation: &Creation) -> Arc<Self> {
        let mut tags = creation.tags();
        let mut tag = |key: &str| tags.remove(key).unwrap_or_default();
        Arc::new(Self { stack: tag("terrane:stack"), urn: tag("terrane:urn"), op: tag("terrane:op") })
    }
}

/// One object.
#[derive(Debug, Clone)]
pub struct Object {
    /// The cloud's own id for it.
    pub id: String,
    /// Its kind.
    pub habit: Habit,
    /// What was said about it.
    pub fields: Fields,
    /// Its tags; none on an object of a kind that has nothing to be recognised by, and on a stranger's.
    pub tags: Option<Arc<Mark>>,
    /// Who made it in truth, which no customer sees; `None` for a stranger's.
    pub maker: Option<Arc<Mark>>,
    /// Counted up with each change.
    pub revision: u64,
    /// From when on lists show it, in milliseconds of Unix time.
    pub(super) listed_ms: i64,
    /// From when on other services see it.
    pub(super) visible_ms: i64,
}
