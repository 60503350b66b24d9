//! Commands that providers add: `<program> <provider> <command> …`.

use crate::{
    context::Context,
    error::{Error, Result},
    render,
};
use clap::CommandFactory;
use serde_json::Value;
use std::process::ExitCode;
use terrane_core::{Command, CommandLine, Facts, ProviderSpec};

/// A provider's command with its arguments.
pub(crate) struct Call {
    command: &'static Command,
    line: CommandLine,
}

/// Runs it.
pub(crate) fn call(call: &Call) -> ExitCode {
    match (call.command.run)(&call.line) {
        Ok(code) => code,
        Err(error) => {
            let error = Error::from(error);
            anstream::eprint!("{}", error.text());
            error.exit.into()
        }
    }
}

/// The commands that help shows; a provider's own background processes begin with an underscore.
pub(crate) fn shown(spec: &ProviderSpec) -> impl Iterator<Item = &'static Command> + use<> {
    (spec.commands)().iter().filter(|command| !command.name.starts_with('_'))
}

/// A provider and the settings of its handles.
struct Provider {
    spec: &'static ProviderSpec,
    settings: Vec<Value>,
}

/// Finds the provider and the command that the words name.
pub(crate) async fn find(context: &Context, words: &[String]) -> Result<Call> {
    let [name, words @ ..] = words else { return Err(Error::usage("a command is needed")) };
    let providers = providers(context, name).await?;
    let Some(provider) = providers.into_iter().find(|provider| provider.spec.name == name) else {
        return Err(unknown_word(name, context).await);
    };
    let commands: Vec<String> = shown(provider.spec).map(|command| command.name.to_owned()).collect();
    let [word, arguments @ ..] = words else {
        let column = commands.iter().map(String::len).max().unwrap_or(0) + 2;
        let listed = |error: Error, command: &Command| {
            error.detail(format!("{name} {:<column$}{}", command.name, command.about))
        };
        return Err(shown(provider.spec).fold(Error::usage(format!("`{name}` needs a command")), listed));
    };
    let command = (provider.spec.commands)()
        .iter()
        .find(|command| command.name == word)
        .ok_or_else(|| Error::usage(format!("`{name}` has no command `{word}`")).nearest(word, &commands))?;
    Ok(Call { command, line: CommandLine { settings: provider.settings, arguments: arguments.to_vec() } })
}

/// The providers that the program names, with what is known of their settings, and those that it links.
async fn providers(context: &Context, wanted: &str) -> Result<Vec<Provider>> {
    let linked = context.app.providers.iter().map(|spec| Provider { spec, settings: Vec::new() });
    let mut all: Vec<Provider> = match named(context).await {
        Ok(named) => named,
        // A program that fails must not stand between a person and a running system.
        Err(error) if context.app.providers.iter().any(|spec| spec.name == wanted) => {
            context
                .terminal
                .say(render::Line::plain(format!("warning: the program can't be evaluated: {}\n", error.message)));
            context.terminal.say("\n");
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    all.extend(linked);
    Ok(all)
}

async fn named(context: &Context) -> Result<Vec<Provider>> {
    let project = context.project()?;
    let session = project.session();
    let stack = session.evaluate().await?;
    let mut facts = Facts::default();
    for instance in session.state().await?.iter().flat_map(|state| state.live.values()) {
        facts.know(instance.urn.clone(), instance.outputs.values.clone());
    }
    let mut all: Vec<Provider> = Vec::new();
    for handle in &stack.graph().handles {
        // Settings that wait for a resource are left out: there is nothing to talk to yet.
        let settings = handle.settings.resolve(&facts).ok();
        match all.iter_mut().find(|provider| provider.spec.name == handle.spec.name) {
            Some(provider) => provider.settings.extend(settings),
            None => all.push(Provider { spec: handle.spec, settings: settings.into_iter().collect() }),
        }
    }
    Ok(all)
}

async fn unknown_word(word: &str, context: &Context) -> Error {
    let grammar = crate::arguments::Line::command();
    let commands = grammar.get_subcommands().map(|command| command.get_name().to_owned());
    let named = named(context).await.unwrap_or_default();
    let providers = named.iter().map(|provider| provider.spec).chain(context.app.providers.iter().copied());
    let mut known: Vec<String> = commands.chain(providers.map(|spec| spec.name.to_owned())).collect();
    known.dedup();
    Error::usage(format!("there is no command `{word}`")).nearest(word, &known).hint("`help` lists all")
}
