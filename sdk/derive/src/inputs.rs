//! `#[derive(Resource)]` and `#[derive(Inputs)]`: the constants of a struct of inputs.

use crate::{
    builder,
    faults::both,
    fields::{Form, Input},
    header::Header,
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Expr, ExprLit, Ident, Lit, Result};

/// A kind of resource.
pub(crate) fn resource(item: &DeriveInput) -> Result<TokenStream> {
    let (header, inputs) = both(Header::read(item), Input::all(item, Form::Resource))?;
    let constants = constants(&item.ident, &inputs);
    let described = described(&item.ident, &header);
    let builder = builder::expand(item, &inputs, Form::Resource);
    Ok(quote!(#constants #described #builder))
}

/// A struct that is nested in the inputs of a resource.
pub(crate) fn nested(item: &DeriveInput) -> Result<TokenStream> {
    let inputs = Input::all(item, Form::Nested)?;
    let constants = constants(&item.ident, &inputs);
    let builder = builder::expand(item, &inputs, Form::Nested);
    Ok(quote!(#constants #builder))
}

fn constants(struct_name: &Ident, inputs: &[Input<'_>]) -> TokenStream {
    let fields = inputs.iter().map(field);
    let defaults = inputs.iter().filter_map(default);
    quote! {
        impl ::terrane::kind::Inputs for #struct_name {
            const FIELDS: &'static [::terrane::kind::InputField] = &[#(#fields),*];
            fn defaults() -> ::std::vec::Vec<(&'static str, ::terrane::__private::Value)> {
                ::std::vec![#(#defaults),*]
            }
        }
    }
}

fn field(input: &Input<'_>) -> TokenStream {
    let Input { name, required, options, .. } = input;
    let (replace, secret, physical_name) = (options.replace, options.secret, options.name);
    let immutable = match &options.immutable {
        Some(reason) => quote!(::std::option::Option::Some(#reason)),
        None => quote!(::std::option::Option::None),
    };
    quote! {
        ::terrane::kind::InputField {
            name: #name,
            required: #required,
            replace: #replace,
            immutable: #immutable,
            secret: #secret,
            physical_name: #physical_name,
        }
    }
}

fn default(input: &Input<'_>) -> Option<TokenStream> {
    let Input { name, value, options, .. } = input;
    let default = options.default.as_ref()?;
    // A text literal stands for whatever can be made from it, so that a `String` needs no `.to_owned()`.
    let default = match default {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => quote!(::std::convert::From::from(#text)),
        other => quote!(#other),
    };
    Some(quote!((#name, ::terrane::__private::default_value::<#value>(#default))))
}

fn described(struct_name: &Ident, header: &Header) -> TokenStream {
    let Header { kind, provider, outputs, delete_first, always_read, recovery } = header;
    let recovery = match recovery {
        Some(recovery) => quote!(#recovery),
        None => quote!(::terrane::kind::Recovery::Find),
    };
    let foreign = format!("the kind `{}` does not begin with its provider's NAME", kind.value());
    let belongs = quote_spanned! {kind.span()=>
        const _: () = ::std::assert!(
            ::terrane::__private::is_kind_of(#kind, <#provider as ::terrane::kind::Provider>::NAME),
            #foreign
        );
    };
    quote! {
        impl ::terrane::kind::Described for #struct_name {
            const KIND: &'static str = #kind;
            const DELETE_FIRST: bool = #delete_first;
            const ALWAYS_READ: bool = #always_read;
            const RECOVERY: ::terrane::kind::Recovery = #recovery;
            type Provider = #provider;
            type Outputs = #outputs;
        }
        #belongs
    }
}
