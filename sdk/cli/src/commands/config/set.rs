//! `config set`: a value in the stack's file.

use crate::{
    context::Context,
    error::{Error, Result},
    hidden,
    project::{Project, edit, files::STATE},
};
use terrane_state::secrets::is_sealed;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key, with dots between its parts
    key: String,
    /// The value as in TOML; anything else is text
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    /// Encrypt the value, which is asked for or comes from standard input
    #[arg(long)]
    secret: bool,
}

pub(super) async fn run(context: &Context, project: &Project, Args { key, value, secret }: &Args) -> Result<()> {
    refuse_state(key)?;
    match secret {
        false => plain(context, project, key, value.as_deref()),
        true if value.is_none() => encrypted(context, project, key).await,
        true => Err(Error::usage(
            "a secret is never an argument: every process on this machine can read it, and the shell keeps it",
        )
        .hint(format!("`config set --secret {key}` asks for it"))
        .hint(format!("`config set --secret {key} < FILE` reads it from a file"))),
    }
}

fn plain(context: &Context, project: &Project, key: &str, value: Option<&str>) -> Result<()> {
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

/// The value is asked for or piped in.
async fn encrypted(context: &Context, project: &Project, key: &str) -> Result<()> {
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
