//! The draft of a struct of inputs: a builder whose type knows which required inputs are set.
//!
//! Each required input has a type parameter. It begins as a marker named after the input, so that the compiler's message about a
//! missing one reads "required input `queue_inputs::name` is not set", and its setter turns it into `Set`. The bounds that ask for
//! it stand on `Complete` alone: only there do they point at the draft in the program. What such messages show is spanned with the
//! author's own fields, not with the derive.

use crate::{
    attributes::docs_or,
    fields::{Form, Input, conversion},
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Ident, Visibility};

struct Builder<'a> {
    struct_name: &'a Ident,
    visibility: &'a Visibility,
    draft: Ident,
    markers: Ident,
    states: Vec<Ident>,
    inputs: &'a [Input<'a>],
    form: Form,
}

/// The draft, its setters, and what it can be used for.
pub(crate) fn expand(item: &DeriveInput, inputs: &[Input<'_>], form: Form) -> TokenStream {
    let required = inputs.iter().filter(|input| input.required).count();
    let builder = Builder {
        struct_name: &item.ident,
        visibility: &item.vis,
        draft: format_ident!("{}Draft", item.ident),
        markers: format_ident!("{}_inputs", snake_case(&item.ident.to_string())),
        states: (0..required).map(|position| format_ident!("S{position}")).collect(),
        inputs,
        form,
    };
    let (declaration, start, setters) = (builder.declaration(), builder.start(), builder.setters());
    let purpose = match form {
        Form::Resource => builder.resource(),
        Form::Nested => builder.nested(),
    };
    quote!(#declaration #start #setters #purpose)
}

impl Builder<'_> {
    fn required(&self) -> impl Iterator<Item = &Ident> {
        self.inputs.iter().filter(|input| input.required).map(|input| input.ident)
    }

    fn declaration(&self) -> TokenStream {
        let Self { struct_name, visibility, draft, markers, states, form, .. } = self;
        let inside = self.required().map(|name| quote_spanned!(name.span()=> pub enum #name {}));
        let defaults = self.required().map(|name| quote!(#markers::#name));
        let docs = format!("A [`{struct_name}`] under construction.");
        let unused = match form {
            Form::Resource => "a draft does nothing until it is added to a stack",
            Form::Nested => "a draft does nothing until an input takes it",
        };
        quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types, unreachable_pub, reason = "derived")]
            #visibility mod #markers {
                #(#inside)*
            }

            #[doc = #docs]
            #[must_use = #unused]
            #visibility struct #draft<#(#states = #defaults),*> {
                draft: ::terrane::Draft,
                state: ::std::marker::PhantomData<(#(#states,)*)>,
            }
        }
    }

    fn start(&self) -> TokenStream {
        let Self { struct_name, visibility, draft, form, .. } = self;
        let (parameter, name, docs) = match form {
            Form::Resource => (
                quote!(logical_name: impl ::std::convert::Into<::std::string::String>),
                quote!(logical_name),
                "Starts a draft; the logical name is the last part of the resource's URN.",
            ),
            Form::Nested => (quote!(), quote!(""), "Starts a draft."),
        };
        let logical =
            self.inputs.iter().enumerate().filter(|(_, input)| input.options.logical).map(|(index, input)| {
                let value = input.value;
                quote! {
                    let name = ::terrane::IntoInput::<#value>::into_input(draft.name.clone());
                    draft.set(&<#struct_name as ::terrane::kind::Inputs>::FIELDS[#index], name);
                }
            });
        quote! {
            #[allow(dead_code, clippy::new_ret_no_self, unused_mut, reason = "derived")]
            impl #struct_name {
                #[doc = #docs]
                #visibility fn new(#parameter) -> #draft {
                    let mut draft = ::terrane::Draft::new(#name);
                    #(#logical)*
                    #draft { draft, state: ::std::marker::PhantomData }
                }
            }
        }
    }

    fn setters(&self) -> TokenStream {
        let Self { draft, states, .. } = self;
        let mut position = 0;
        let setters = self.inputs.iter().enumerate().map(|(index, input)| {
            let state = input.required.then_some(position);
            position += usize::from(input.required);
            self.setter(index, input, state)
        });
        quote! {
            #[allow(dead_code, clippy::wrong_self_convention, reason = "derived")]
            impl<#(#states),*> #draft<#(#states),*> {
                #(#setters)*
            }
        }
    }

    /// The setter of the input at `index`; `state` is the position of a required input's type parameter.
    fn setter(&self, index: usize, input: &Input<'_>, state: Option<usize>) -> TokenStream {
        let Self { struct_name, visibility, draft, markers, states, .. } = self;
        let ident = input.ident;
        let docs = docs_or(input.attributes, &format!("Sets `{}`.", input.name));
        let (accepted, convert) = conversion(input);
        let (returned, bound, result) = match state.map(|position| &states[position]) {
            None => (quote!(Self), quote!(), quote!(self)),
            Some(own) => {
                let after =
                    states.iter().map(|s| if s == own { quote!(::terrane::__private::Set) } else { quote!(#s) });
                (
                    quote!(#draft<#(#after),*>),
                    quote_spanned!(ident.span()=> where #own: ::terrane::__private::Unset<#markers::#ident>),
                    quote!(#draft { draft: self.draft, state: ::std::marker::PhantomData }),
                )
            }
        };
        quote! {
            #docs
            #visibility fn #ident(mut self, value: impl #accepted) -> #returned #bound {
                self.draft.set(&<#struct_name as ::terrane::kind::Inputs>::FIELDS[#index], #convert(value));
                #result
            }
        }
    }

    fn resource(&self) -> TokenStream {
        let Self { struct_name, draft, states, .. } = self;
        let complete = quote_spanned! {struct_name.span()=>
            impl<#(#states: ::terrane::__private::Given),*> ::terrane::Complete for #draft<#(#states),*> {}
        };
        quote! {
            impl<#(#states),*> ::terrane::Options for #draft<#(#states),*> {
                fn edit(&mut self) -> &mut ::terrane::Draft {
                    &mut self.draft
                }
            }
            impl<#(#states),*> ::terrane::DraftOf for #draft<#(#states),*> {
                type Resource = #struct_name;
                fn into_draft(self) -> ::terrane::Draft {
                    self.draft
                }
            }
            #complete
        }
    }

    fn nested(&self) -> TokenStream {
        let Self { struct_name, draft, states, .. } = self;
        quote_spanned! {struct_name.span()=>
            impl<#(#states: ::terrane::__private::Given),*> ::terrane::IntoInput<#struct_name> for #draft<#(#states),*> {
                fn into_input(self) -> ::terrane::Output<#struct_name> {
                    self.draft.nested()
                }
            }
        }
    }
}

/// `MetadataStore` as `metadata_store`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = !letter.is_uppercase();
        snake.extend(letter.to_lowercase());
    }
    snake
}
