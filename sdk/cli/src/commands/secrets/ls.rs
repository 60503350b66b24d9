//! `secrets ls`: the ways to the key.

use super::known_keys;
use crate::{context::Context, error::Result, project::Project, render::units::count};
use serde_json::json;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let keys = known_keys(project).await?;
    let names: Vec<String> = keys.wraps().iter().map(terrane_state::secrets::Wrap::name).collect();
    if context.globals.json {
        let line = json!({"key": keys.key_id(), "recipients": names, "older_keys": keys.older_keys()});
        return context.terminal.out_line(line);
    }
    for name in names {
        context.terminal.out_line(name)?;
    }
    let older = match keys.older_keys() {
        0 => String::new(),
        number => format!("; {} still opened", count(number, "older key")),
    };
    context.terminal.say(format_args!("Key {}{older}.\n", keys.key_id()));
    Ok(())
}
