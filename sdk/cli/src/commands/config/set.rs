//! `config set`: a value in the stack's file.

use crate::{
    context::Context,
    error::{Error, Result},
    hidden,
    project::{Project, edit, files::STATE},
};
use terrane_state::secrets::is_sealed;

pub(super) fn run(context: &Context, project: &Project, key: &str, value: Option<&str>) -> Result<()> {
    refuse_state(key)?;
    let Some(value) = value else {
        return Err(Error::usage(format!("`{key}` needs a value")).hint(format!(
            "`config set {key} VALUE`, or `config set --secret {key}` to be asked for one that is encrypted"
        )));
    };
    if is_sealed(value) {
        return Err(Error::usage("an encrypted value belongs to the one stack and key that it was set for")
            .hint(format!("`config set --secret {key}` encrypts the value itself")));
    }
    let path = project.files.stack_file(&project.stack);
    edit::set(&path, key, value)?;
    context.terminal.say(format_args!("Set `{key}` in {}.\n", path.display()));
    Ok(())
}

/// The same, encrypted. The value is asked for or piped in.
pub(super) async fn secret(context: &Context, project: &Project, key: &str, is_argument: bool) -> Result<()> {
    refuse_state(key)?;
    if is_argument {
        return Err(Error::usage(
            "a secret is never an argument: every process on this machine can read it, and the shell keeps it",
        )
        .hint(format!("`config set --secret {key}` asks for it"))
        .hint(format!("`config set --secret {key} < FILE` reads it from a file")));
    }
    let value = hidden::read(context, &format!("Value of `{key}`:")).await?;
    project.claim()?;
    project.set_secret(key, &value).await?;
    let path = project.files.stack_file(&project.stack);
    context.terminal.say(format_args!("Set `{key}` in {}, encrypted.\n", path.display()));
    Ok(())
}

fn refuse_state(key: &str) -> Result<()> {
    if key != STATE {
        return Ok(());
    }
    Err(Error::usage(format!("`{STATE}` is not the program's configuration: it says where state is kept"))
        .hint("write it into terrane.toml by hand: it is the same for every stack"))
}
