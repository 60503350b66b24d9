//! What `#[resource(..)]` says about a kind.

use crate::{
    attributes,
    faults::{Faults, both},
};
use syn::{DeriveInput, Error, Expr, LitStr, Result, Type};

const KNOWN: &[&str] = &["kind", "provider", "outputs", "delete_first", "always_read", "recovery"];

/// The options of a kind.
pub(crate) struct Header {
    /// `provider:Noun`.
    pub(crate) kind: LitStr,
    /// Where its objects live.
    pub(crate) provider: Type,
    /// What its objects tell.
    pub(crate) outputs: Type,
    /// Whether two objects can't exist at once.
    pub(crate) delete_first: bool,
    /// Whether each plan reads it.
    pub(crate) always_read: bool,
    /// How a create is recognised; the kind need not say.
    pub(crate) recovery: Option<Expr>,
}

impl Header {
    /// Reads the options, and reports all that are missing or wrong.
    pub(crate) fn read(item: &DeriveInput) -> Result<Self> {
        let mut faults = Faults::default();
        let (mut kind, mut provider, mut outputs) = (None::<LitStr>, None::<Type>, None::<Type>);
        let (mut delete_first, mut always_read, mut recovery) = (false, false, None::<Expr>);
        attributes::read(&item.attrs, "resource", KNOWN, &mut faults, |option, meta| {
            match option {
                "kind" => kind = Some(meta.value()?.parse()?),
                "provider" => provider = Some(meta.value()?.parse()?),
                "outputs" => outputs = Some(meta.value()?.parse()?),
                "delete_first" => delete_first = true,
                "always_read" => always_read = true,
                "recovery" => recovery = Some(meta.value()?.parse()?),
                _ => return Ok(false),
            }
            Ok(true)
        });
        let missing = |what: &str| Error::new_spanned(&item.ident, format!("missing `#[resource({what})]`"));
        let kind = kind.ok_or_else(|| missing("kind = \"provider:Noun\"")).and_then(well_formed);
        let provider = provider.ok_or_else(|| missing("provider = Provider"));
        let outputs = outputs.ok_or_else(|| missing("outputs = Outputs"));
        let types = both(provider, outputs);
        let ((kind, (provider, outputs)), ()) = both(both(kind, types), faults.or(()))?;
        Ok(Self { kind, provider, outputs, delete_first, always_read, recovery })
    }
}

/// A kind is part of a URN and of its provider's documentation, so its form is fixed.
fn well_formed(kind: LitStr) -> Result<LitStr> {
    let text = kind.value();
    let parts: Vec<&str> = text.split(':').collect();
    let is_lower = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let is_noun = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    match parts.as_slice() {
        [services @ .., noun] if matches!(services.len(), 1 | 2) && services.iter().all(is_lower) && is_noun(noun) => {
            Ok(kind)
        }
        _ => Err(Error::new_spanned(kind, "a kind reads `provider:Noun` or `provider:service:Noun`")),
    }
}
