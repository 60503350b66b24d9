//! Reading `#[resource(..)]`, `#[input(..)]` and `#[output(..)]`: known options, unknown ones, and serde's own.

use crate::faults::Faults;
use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Result, Token, ext::IdentExt, meta::ParseNestedMeta, parenthesized, token};

/// What serde may do to a struct without changing the names under which its fields are stored.
const SERDE_RENAMES: &[&str] = &["rename", "rename_all", "transparent", "tag", "from", "try_from", "into", "flatten"];

/// Offers each option of the attributes called `attribute` to `accept`, which says whether it knows the option.
pub(crate) fn read(
    attributes: &[Attribute],
    attribute: &str,
    known: &[&str],
    faults: &mut Faults,
    mut accept: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<bool>,
) {
    for found in attributes.iter().filter(|found| found.path().is_ident(attribute)) {
        let read = found.parse_nested_meta(|meta| {
            let option = option_name(&meta);
            if !accept(&option, &meta)? {
                faults.push(meta.error(unknown(&option, attribute, known)));
                return skip(&meta);
            }
            // An option that has a value has read it by now.
            if meta.input.peek(Token![=]) {
                faults.push(meta.error(format!("`{option}` takes no value")));
            }
            skip(&meta)
        });
        if let Err(fault) = read {
            faults.push(fault);
        }
    }
}

/// Refuses serde options that store a field under another name than the planner knows it by.
pub(crate) fn refuse_renames(attributes: &[Attribute], faults: &mut Faults) {
    for found in attributes.iter().filter(|found| found.path().is_ident("serde")) {
        // What can't be read here is serde's to complain about.
        let _ = found.parse_nested_meta(|meta| {
            let option = option_name(&meta);
            if SERDE_RENAMES.contains(&option.as_str()) {
                faults.push(meta.error(format!("fields are stored under their own names: remove `{option}`")));
            }
            skip(&meta)
        });
    }
}

/// The documentation of a field, or a line that stands in for it.
pub(crate) fn docs_or(attributes: &[Attribute], stand_in: &str) -> TokenStream {
    let docs: Vec<_> = attributes.iter().filter(|found| found.path().is_ident("doc")).collect();
    if docs.is_empty() { quote::quote!(#[doc = #stand_in]) } else { quote::quote!(#(#docs)*) }
}

fn option_name(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map(|ident| ident.unraw().to_string()).unwrap_or_default()
}

/// Passes over what follows an option, so that the options after it are read too.
fn skip(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(token::Paren) {
        let inner;
        parenthesized!(inner in meta.input);
        inner.parse::<TokenStream>()?;
    }
    Ok(())
}

fn unknown(option: &str, attribute: &str, known: &[&str]) -> String {
    let listed = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let nearest = known.iter().max_by(|a, b| strsim::jaro(a, option).total_cmp(&strsim::jaro(b, option)));
    let hint = match nearest {
        Some(name) if strsim::jaro(name, option) > 0.7 => format!(", did you mean `{name}`?"),
        _ => String::new(),
    };
    format!("unknown option `{option}`{hint}\n`#[{attribute}(..)]` takes {listed}")
}
