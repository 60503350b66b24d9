//! `state ls`: the resources in state.

use super::known_state;
use crate::{
    context::Context,
    error::Result,
    project::Project,
    render::{table::table, units},
};
use serde_json::json;
use terrane_core::state::Instance;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let state = known_state(project).await?;
    let condemned = |instance: &Instance| state.condemned.contains_key(&instance.op);
    if context.globals.json {
        return state.instances().try_for_each(|it| {
            context.terminal.out_line(json!({
                "urn": it.urn, "op": it.op, "kind": it.urn.kind(), "label": it.urn.label(), "protected": it.kept.protected,
                "unsettled": it.unsettled, "condemned": condemned(it), "modified_ms": it.modified_ms,
            }))
        });
    }
    let row = |it: &std::sync::Arc<Instance>| {
        // It shares its name with what has replaced it.
        let replaced = format!("replaced by another, to be deleted: {}", it.op);
        let words = [(it.kept.protected, "protected"), (it.unsettled, "unsettled"), (condemned(it), replaced.as_str())];
        let words: Vec<&str> = words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect();
        vec![it.urn.label(), it.urn.kind().to_owned(), units::moment(it.modified_ms), words.join(", ")]
    };
    let mut rows: Vec<Vec<String>> = state.instances().map(row).collect();
    rows.sort();
    if rows.is_empty() {
        context.terminal.say(format_args!("Stack `{}` has no resources.\n", project.stack));
        return Ok(());
    }
    context.terminal.out(table(&["resource", "kind", "changed", ""], &rows, context.terminal.columns()))
}
