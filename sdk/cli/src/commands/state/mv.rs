//! `state mv`: give a resource another name or scope, or another stack.

use super::{edit, known_state, named, settled};
use crate::{
    commands::apply::{recover, until_free},
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{Line, Tone, units::some_of},
};
use terrane_core::{Record, State, Urn};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its label or URN
    from: String,
    /// Its new label, such as eu/logs, or URN
    to: String,
    /// The stack that it moves to
    #[arg(long, value_name = "STACK")]
    to_stack: Option<String>,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let Args { from, to, to_stack } = arguments;
    if let Some(stack) = to_stack {
        return to_another(context, project, from, to, stack).await;
    }
    let state = known_state(project).await?;
    let from = named(&state, from)?.0.clone();
    let to = target(project, &project.stack, &from, to)?;
    rename(context, project, "state mv", &from, &to).await?;
    context.terminal.say(format_args!("Moved {} to {}.\n", from.label(), to.label()));
    Ok(())
}

/// Gives a resource another URN in the same stack.
pub(super) async fn rename(context: &Context, project: &Project, command: &str, from: &Urn, to: &Urn) -> Result<()> {
    let moved = |state: &State| {
        settled(state, from)?;
        if state.live.contains_key(to) {
            return Err(terrane_core::Error::new(format!("there is a resource {to} already")));
        }
        Ok(vec![Record::Moved { from: from.clone(), to: to.clone() }])
    };
    edit(context, project.session(), command, moved).await?;
    Ok(())
}

/// Gives a resource to another stack of the project. The real object stays as it is, and so does the program.
async fn to_another(context: &Context, project: &Project, from: &str, to: &str, stack: &str) -> Result<()> {
    let stacks = project.stacks().await?;
    if stack == project.stack {
        return Err(Error::usage(format!("stack `{stack}` is where it is now")).hint("leave --to-stack away"));
    }
    if !stacks.iter().any(|known| known == stack) {
        return Err(Error::no_stack(stack, &stacks).hint(format!("`stack init {stack}` makes it")));
    }
    let session = project.session();
    until_free(context, &session).await?;
    recover(context, &session, "state mv").await?;
    let state = known_state(project).await?;
    let from = named(&state, from)?.0.clone();
    let to = target(project, stack, &from, to)?;
    let urns = [(from.clone(), to.clone())].into();
    context.writing(async |events| session.move_to(stack, urns, events).await).await?;
    tell(context, &state, &from, stack);
    Ok(())
}

fn tell(context: &Context, state: &State, from: &Urn, stack: &str) {
    let label = from.label();
    let warn = |what: &str, urns: Vec<String>| {
        if !urns.is_empty() {
            let names = some_of(&urns, 5);
            let line = Line::new()
                .with(Tone::Warning, "note: ")
                .add(format!("{what} {names}, which stack `{stack}` doesn't know"));
            context.terminal.say(format_args!("{line}\n"));
        }
    };
    let labels = |urns: &mut dyn Iterator<Item = &Urn>| urns.map(Urn::label).collect::<Vec<_>>();
    let needs = state.live.get(from).map(|it| labels(&mut it.dependencies.iter())).unwrap_or_default();
    warn(&format!("{label} depended on"), needs);
    if let Some(dependents) = state.dependents().get(from) {
        let names = some_of(&labels(&mut dependents.iter().copied()), 5);
        let line = Line::new().with(Tone::Warning, "note: ").add(format!("it was needed by {names}, which stayed"));
        context.terminal.say(format_args!("{line}\n"));
    }
    context.terminal.say(format_args!(
        "Moved {label} to stack `{stack}`. The object stays as it is; its tags follow with its next change.\n"
    ));
}

/// A label means the same kind in the same stack.
fn target(project: &Project, stack: &str, from: &Urn, to: &str) -> Result<Urn> {
    let prefix = format!("{stack}/{}/", project.name);
    let to = if to.starts_with(&prefix) {
        Urn::parse(to)?
    } else {
        let (scope, name) = to.rsplit_once('/').unwrap_or(("", to));
        Urn::parse(Urn::new(stack, &project.name, scope, from.kind(), name).as_str())?
    };
    if to.kind() != from.kind() {
        return Err(Error::usage(format!("a {} can't become a {}", from.kind(), to.kind())));
    }
    Ok(to)
}
