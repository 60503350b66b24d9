//! The one error type of programs and providers: what failed, what kind of failure it is, what to do.

use crate::secret::redact;
use std::{borrow::Cow, fmt, time::Duration};

/// A result whose error a person can act on.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the engine answers a failed provider call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// Trying again changes nothing.
    #[default]
    Fatal,
    /// The service asks for fewer calls; `after` is its own wish.
    Throttled {
        /// How long the service asked to wait.
        after: Option<Duration>,
    },
    /// A dependency that was just made isn't visible everywhere yet.
    NotVisibleYet,
    /// Somebody else changes the same object at the moment.
    Conflict,
}

/// What is known about the object after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// The call may have changed something; the next run looks.
    #[default]
    Unknown,
    /// The call changed nothing.
    NotApplied,
}

/// An error with its class and a hint. Anything that implements `std::error::Error` converts into one with `?`.
#[derive(Default)]
pub struct Error {
    message: String,
    help: Option<String>,
    code: Option<&'static str>,
    class: Class,
    outcome: Outcome,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that says what failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(clean(help.into()));
        self
    }

    /// Adds the code under which the documentation explains it, such as `T0101`.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Says how the engine should answer.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Says that the failed call changed nothing.
    #[must_use]
    pub fn not_applied(mut self) -> Self {
        self.outcome = Outcome::NotApplied;
        self
    }

    /// Says that something may have been changed after all.
    #[must_use]
    pub fn may_be_applied(mut self) -> Self {
        self.outcome = Outcome::Unknown;
        self
    }

    /// Puts what was attempted in front: `could not start restate-0: no such file`.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What to do about it, if the error knows.
    pub fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The code of its page in the documentation.
    pub fn documented_as(&self) -> Option<&'static str> {
        self.code
    }

    /// How the engine answers.
    pub fn kind(&self) -> Class {
        self.class
    }

    /// What is known of the object.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The error below this one.
    pub fn source(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        let mut message = source.to_string();
        let mut below = source.source();
        while let Some(cause) = below {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            below = cause.source();
        }
        Self { message, source: Some(Box::new(source)), ..Self::default() }
    }
}

/// Without the secrets that are known by now.
fn clean(text: String) -> String {
    match redact(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(clean) => clean,
    }
}

/// A provider's words may quote a secret that it was given: it is taken out when they are shown or stored.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.message))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.message))?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  try: {help}"))
    }
}

/// Adds what was attempted to the error of a result.
pub trait Context<T> {
    /// Puts `what` in front of the error's message.
    ///
    /// # Errors
    /// The error it was called on, with the context.
    fn context(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().context(what))
    }
}
