//! The derives behind Terrane's typed resources.
//!
//! Each derive reads one struct, reports everything that is wrong with it at once, and writes plain impls of the traits in
//! `terrane::kind`. Nothing here knows the engine; what the generated code calls is re-exported by the facade.

mod attributes;
mod builder;
mod faults;
mod fields;
mod header;
mod inputs;
mod outputs;

use syn::{DeriveInput, Error, Result, parse_macro_input};

/// Makes a struct of resolved inputs a kind of resource: its constants, and the draft that a program fills in.
///
/// The struct also derives `Serialize`, `Deserialize` and `Clone`, and its author implements `terrane::Resource`.
///
/// ```text
/// /// A queue that keeps messages until a worker takes them.
/// #[derive(Resource, Serialize, Deserialize, Clone)]
/// #[resource(kind = "aws:sqs:Queue", provider = Aws, outputs = QueueOutputs)]
/// pub struct Queue {
///     /// The queue's name in its region.
///     #[input(name, replace)]
///     name: String,
///     /// Seconds that a taken message stays hidden.
///     #[input(default = 30)]
///     visibility: u32,
///     tags: Option<BTreeMap<String, String>>,
/// }
/// ```
///
/// # The struct: `#[resource(..)]`
/// - `kind = "provider:Noun"` or `"provider:service:Noun"`: the kind's name, beginning with its provider's `NAME`.
/// - `provider = Type`: where objects of this kind live.
/// - `outputs = Type`: what the real object tells; derives [`Outputs`](macro@Outputs).
/// - `delete_first`: a replacement deletes the old object before it makes the new one, because both can't exist at once.
/// - `always_read`: reads are so cheap that every plan looks at the real object.
/// - `recovery = Recovery::..`: how a create is recognised whose reply nobody heard; without it, `find` is asked once.
///
/// # A field: `#[input(..)]`
/// - `replace`: another value means another object.
/// - `immutable = "reason"`: the value can never change, not even by a replacement.
/// - `name`: the physical name: two objects can't have the same at once.
/// - `logical`: beside `name`: the logical name stands in where the program gives no physical one.
/// - `secret`: never printed, never stored in the clear.
/// - `default = expr`: the value where the program sets none.
///
/// A field is required unless it is an `Option` or has a default.
///
/// # What it makes
/// `Queue::new("logical name")` starts a `QueueDraft`, with one setter for each field and those of `terrane::Options`. A setter takes
/// a value or an output of one; for a `Vec` or `BTreeMap` also a list or map of outputs. These types, and `Option`, are told by their
/// spelling, so an alias hides them. A draft that lacks a required input can't be added to a stack.
#[proc_macro_derive(Resource, attributes(resource, input))]
pub fn resource(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    finish(inputs::resource(&item))
}

/// Gives a struct that is nested in the inputs of a resource a draft of its own, so that its fields can be outputs.
///
/// `Redrive::new().to(&dead).after(3)` is accepted wherever an input of type `Redrive` is. Fields take `#[input(secret)]` and
/// `#[input(default = expr)]`; what decides about replacement stands on the resource's own field.
#[proc_macro_derive(Inputs, attributes(input))]
pub fn inputs(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    finish(inputs::nested(&item))
}

/// Makes a struct the outputs of a kind, and writes its handle: the same fields, each a `terrane::Output`.
///
/// A field may say `#[output(stable)]`: an update never changes it, so what reads it stays known in a plan; and `#[output(secret)]`:
/// never printed, never stored in the clear. The struct also derives `Serialize`, `Deserialize` and `Clone`.
#[proc_macro_derive(Outputs, attributes(output))]
pub fn outputs(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    finish(outputs::expand(&item))
}

fn finish(code: Result<proc_macro2::TokenStream>) -> proc_macro::TokenStream {
    code.unwrap_or_else(Error::into_compile_error).into()
}
