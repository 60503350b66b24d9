//! The fields of a struct, as the derives see them.

use crate::{attributes, faults::Faults};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, GenericArgument, Ident, LitStr, PathArguments, Result,
    Type, ext::IdentExt,
};

/// Names that drafts use for methods of their own.
const RESERVED: &[&str] = &[
    "new",
    "protected",
    "retained",
    "after",
    "renamed_from",
    "ignoring",
    "replacing_on",
    "timeout",
    "delete_before_replace",
    "imported",
    "deleted_with",
    "replaced_when",
    "replaced_with",
    "secret_outputs",
    "hiding_diff",
    "hook",
];

/// What a struct of inputs is used as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The inputs of a resource.
    Resource,
    /// A part of the inputs of a resource.
    Nested,
}

/// One input field.
pub(crate) struct Input<'a> {
    /// Its name in code.
    pub(crate) ident: &'a Ident,
    /// Its name in state.
    pub(crate) name: String,
    /// Its type, without the `Option` around it.
    pub(crate) value: &'a Type,
    /// Everything that is written above it.
    pub(crate) attributes: &'a [Attribute],
    /// What `#[input(..)]` says.
    pub(crate) options: Options,
    /// Whether a program must set it.
    pub(crate) required: bool,
}

/// What `#[input(..)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) replace: bool,
    pub(crate) immutable: Option<LitStr>,
    pub(crate) name: bool,
    /// Whether the logical name stands in for a physical name that the program doesn't give.
    pub(crate) logical: bool,
    pub(crate) secret: bool,
    pub(crate) default: Option<Expr>,
}

impl<'a> Input<'a> {
    /// The inputs of a struct, in order.
    pub(crate) fn all(item: &'a DeriveInput, form: Form) -> Result<Vec<Self>> {
        let mut faults = Faults::default();
        attributes::refuse_renames(&item.attrs, &mut faults);
        let inputs = named(item)?.map(|(ident, field)| Self::read(ident, field, form, &mut faults)).collect();
        faults.or(inputs)
    }

    fn read(ident: &'a Ident, field: &'a Field, form: Form, faults: &mut Faults) -> Self {
        let name = ident.unraw().to_string();
        if form == Form::Resource && RESERVED.contains(&name.as_str()) {
            faults.at(ident, format!("an input can't be called `{name}`: every draft has a method of this name"));
        }
        for serde in field.attrs.iter().filter(|found| found.path().is_ident("serde")) {
            let message = "an input is stored under its own name and as it is: remove `#[serde(..)]`\n\
                           a default is written `#[input(default = ..)]`";
            faults.at(serde, message);
        }
        let options = Options::read(&field.attrs, form, faults);
        let inner = argument(&field.ty, "Option");
        if let (Some(default), Some(_)) = (&options.default, inner) {
            faults.at(default, "an input with a default is always set: take the `Option` off its type");
        }
        if options.logical && (inner.is_some() || options.default.is_some()) {
            faults.at(ident, "the logical name always stands in: take the `Option` or the default away");
        }
        let required = inner.is_none() && options.default.is_none() && !options.logical;
        Self { ident, name, value: inner.unwrap_or(&field.ty), attributes: &field.attrs, options, required }
    }
}

impl Options {
    fn read(attributes: &[Attribute], form: Form, faults: &mut Faults) -> Self {
        let mut options = Self::default();
        let known: &[&str] = match form {
            Form::Resource => &["replace", "immutable", "name", "logical", "secret", "default"],
            Form::Nested => &["secret", "default"],
        };
        attributes::read(attributes, "input", known, faults, |option, meta| {
            match option {
                "replace" | "immutable" | "name" | "logical" if form == Form::Nested => {
                    let message = format!("`{option}` stands on the field of the resource that holds this struct");
                    return Err(meta.error(message));
                }
                "replace" => options.replace = true,
                "immutable" => options.immutable = Some(meta.value()?.parse()?),
                "name" => options.name = true,
                "logical" => options.logical = true,
                "secret" => options.secret = true,
                "default" => options.default = Some(meta.value()?.parse()?),
                _ => return Ok(false),
            }
            Ok(true)
        });
        if let (Some(reason), true) = (&options.immutable, options.replace) {
            faults.at(reason, "an immutable input is never replaced: choose `replace` or `immutable`");
        }
        options
    }
}

/// What the setter of an input takes, and the function that makes it an output.
pub(crate) fn conversion(input: &Input<'_>) -> (TokenStream, TokenStream) {
    let (value, span) = (input.value, input.ident.span());
    if let Some(item) = argument(value, "Vec") {
        return (quote_spanned!(span=> ::terrane::IntoList<#item>), quote!(::terrane::IntoList::into_list));
    }
    match arguments(value, "BTreeMap").as_deref() {
        Some([key, item]) if is_string(key) => {
            (quote_spanned!(span=> ::terrane::IntoMap<#item>), quote!(::terrane::IntoMap::into_map))
        }
        _ => (quote_spanned!(span=> ::terrane::IntoInput<#value>), quote!(::terrane::IntoInput::into_input)),
    }
}

/// The named fields of a struct without type parameters.
pub(crate) fn named(item: &DeriveInput) -> Result<impl Iterator<Item = (&Ident, &Field)>> {
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, "what is stored in state has one type: remove the parameters"));
    }
    match &item.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => {
            Ok(data.fields.iter().filter_map(|field| Some((field.ident.as_ref()?, field))))
        }
        _ => {
            Err(Error::new_spanned(&item.ident, "expected a struct with named fields: each field has a name in state"))
        }
    }
}

/// The argument of `outer<argument>`.
fn argument<'a>(outer_type: &'a Type, outer: &str) -> Option<&'a Type> {
    match arguments(outer_type, outer)?[..] {
        [only] => Some(only),
        _ => None,
    }
}

fn arguments<'a>(outer_type: &'a Type, outer: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = outer_type else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    });
    (last.ident == outer).then(|| types.collect())
}

fn is_string(key: &Type) -> bool {
    matches!(key, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "String"))
}
