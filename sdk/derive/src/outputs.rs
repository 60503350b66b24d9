//! `#[derive(Outputs)]`: the handle of a struct of outputs.

use crate::{
    attributes::{self, docs_or},
    faults::Faults,
    fields::named,
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Field, Ident, Result, ext::IdentExt};

/// One output field.
struct Output<'a> {
    ident: &'a Ident,
    name: String,
    field: &'a Field,
    stable: bool,
    secret: bool,
}

impl<'a> Output<'a> {
    fn read(ident: &'a Ident, field: &'a Field, faults: &mut Faults) -> Self {
        let (mut stable, mut secret) = (false, false);
        attributes::refuse_renames(&field.attrs, faults);
        attributes::read(&field.attrs, "output", &["stable", "secret"], faults, |option, _| {
            match option {
                "stable" => stable = true,
                "secret" => secret = true,
                _ => return Ok(false),
            }
            Ok(true)
        });
        Self { ident, name: ident.unraw().to_string(), field, stable, secret }
    }

    fn constant(&self) -> TokenStream {
        let Self { name, stable, secret, .. } = self;
        quote!(::terrane::kind::OutputField { name: #name, stable: #stable, secret: #secret })
    }

    fn member(&self) -> TokenStream {
        let Self { ident, name, field, .. } = self;
        let docs = docs_or(&field.attrs, &format!("The output `{name}`."));
        let (visibility, value) = (&field.vis, &field.ty);
        quote!(#docs #visibility #ident: ::terrane::Output<#value>)
    }

    fn initial(&self) -> TokenStream {
        let Self { ident, name, secret, .. } = self;
        quote!(#ident: ::terrane::Output::field(urn, #name, #secret || secret.iter().any(|name| name == #name)))
    }
}

/// The impl of `Outputs` and the handle.
pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let mut faults = Faults::default();
    attributes::refuse_renames(&item.attrs, &mut faults);
    let outputs: Vec<_> = named(item)?.map(|(ident, field)| Output::read(ident, field, &mut faults)).collect();
    let outputs = faults.or(outputs)?;
    let (struct_name, visibility) = (&item.ident, &item.vis);
    let handle = format_ident!("{struct_name}Handle");
    let docs = format!("The fields of [`{struct_name}`], as outputs.");
    let (constants, members) = (outputs.iter().map(Output::constant), outputs.iter().map(Output::member));
    let initial = outputs.iter().map(Output::initial);
    Ok(quote! {
        #[doc = #docs]
        #[allow(dead_code, reason = "derived")]
        #[derive(::std::clone::Clone)]
        #visibility struct #handle {
            #(#members),*
        }
        impl ::terrane::kind::Outputs for #struct_name {
            type Handle = #handle;
            const FIELDS: &'static [::terrane::kind::OutputField] = &[#(#constants),*];
            #[allow(unused_variables, reason = "derived")]
            fn handle(urn: &::terrane::Urn, secret: &[::std::string::String]) -> #handle {
                #handle { #(#initial),* }
            }
        }
    })
}
