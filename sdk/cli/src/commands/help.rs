//! The end of the help text: exit status, and the commands of the program's providers.

use super::provider;
use crate::{App, arguments::Globals, exit, project::Project, terminal::Color};
use std::{collections::BTreeMap, ffi::OsString};
use terrane_core::ProviderSpec;

/// Whether the whole program's help is asked for, and not one command's.
pub(crate) fn is_asked_for(words: &[OsString]) -> bool {
    match words {
        [_, word] => word == "help" || word == "--help" || word == "-h",
        _ => false,
    }
}

/// The text. A program that can't be evaluated here, for want of configuration say, still has its help.
pub(crate) async fn ending(app: &App) -> String {
    let (stack, state, folder, wait_lock) = (None, None, None, None);
    let (color, json, verbose, non_interactive) = (Color::Auto, false, false, true);
    let globals = Globals { stack, state, folder, color, json, verbose, non_interactive, wait_lock };
    let mut providers: Vec<&'static ProviderSpec> = app.providers.clone();
    if let Ok(project) = Project::open(app, &globals)
        && let Ok(stack) = project.session().evaluate().await
    {
        providers.extend(stack.graph().handles.iter().map(|handle| handle.spec));
    }
    let commands = listed(&providers);
    if commands.is_empty() { exit::HELP.to_owned() } else { format!("{commands}\n{}", exit::HELP) }
}

fn listed(providers: &[&'static ProviderSpec]) -> String {
    let commands: BTreeMap<String, &str> = providers
        .iter()
        .flat_map(|spec| {
            provider::shown(spec).map(|command| (format!("{} {}", spec.name, command.name), command.about))
        })
        .collect();
    let column = commands.keys().map(String::len).max().unwrap_or(0) + 2;
    let lines = commands.iter().map(|(name, about)| format!("  {name:<column$}{about}\n"));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("Commands of providers:\n{lines}") }
}
