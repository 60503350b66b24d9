//! What a program or provider wants a person to see with the plan: warnings, tables, refusals and claims.

use crate::secret::redact;
use serde::{Deserialize, Serialize};

/// Something to show with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A sentence that should make one think.
    Warning {
        /// What it is about, such as a node's name.
        subject: String,
        /// What is odd, and what would be better.
        text: String,
    },
    /// A small table.
    Table {
        /// The headings of its columns.
        headings: Vec<String>,
        /// Its rows, each as long as the headings.
        rows: Vec<Vec<String>>,
    },
}

/// Something that makes the program wrong: nothing is planned until it is mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The page that explains it, such as `T0101`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The declarations that it is about.
    pub sites: Vec<String>,
}

impl Fault {
    /// A fault with its code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let message = redact(&message.into()).into_owned();
        Self { code: code.to_owned(), message, help: None, sites: Vec::new() }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(redact(&help.into()).into_owned());
        self
    }

    /// Adds a declaration.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a site is a copy, a text is at hand")]
    pub fn at(mut self, site: impl ToString) -> Self {
        self.sites.push(site.to_string());
        self
    }
}

/// A yes or no about the program that CI can insist on: `--check survives=region`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `topic=value`, such as `survives=region`.
    pub name: String,
    /// Whose claim it is, such as a cluster's name.
    pub subject: String,
    /// The answer.
    pub holds: bool,
    /// Why.
    pub why: String,
}
