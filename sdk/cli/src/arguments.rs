//! The command line's grammar: every word and flag, each flag also an environment variable.

use crate::{exit, terminal::Color};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, builder::FalseyValueParser};
use clap_complete::Shell;
use std::{ffi::OsString, path::PathBuf};

/// Everything that was typed.
#[derive(Debug, Parser)]
#[command(subcommand_required = true, after_help = exit::HELP)]
pub(crate) struct Line {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// The stack; without it the selected one, at first `dev`
    #[arg(long, short, global = true, env = "TERRANE_STACK", hide_env = true, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// Where state is kept, such as file:///srv/state
    #[arg(long, global = true, env = "TERRANE_STATE", hide_env = true, value_name = "URL")]
    pub(crate) state: Option<String>,
    /// Search terrane.toml from this folder upward, instead of from the working folder
    #[arg(long, short = 'C', global = true, env = "TERRANE_FOLDER", hide_env = true, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// When to use colour: auto, always or never
    #[arg(
        long,
        global = true,
        env = "TERRANE_COLOR",
        hide_env = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) color: Color,
    /// Write JSON to standard output, one value a line
    #[arg(long, global = true, env = "TERRANE_JSON", hide_env = true)]
    pub(crate) json: bool,
    /// Tell more: unchanged resources, every finished step
    #[arg(long, short, global = true, env = "TERRANE_VERBOSE", hide_env = true)]
    pub(crate) verbose: bool,
    /// Never ask; where an answer is needed, fail
    #[arg(long, global = true, env = "TERRANE_NON_INTERACTIVE", hide_env = true)]
    pub(crate) non_interactive: bool,
}

/// The commands of every program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the stack what the program says
    Up(Up),
    /// Show what `up` would do
    Preview(Preview),
    /// Delete everything in the stack
    Destroy(Destroy),
    /// Look at every real object, and let state follow
    Refresh(Refresh),
    /// Adopt an existing object for a resource of the program
    Import(Import),
    /// Stacks: list, make, select, remove; outputs, history, graph
    #[command(subcommand)]
    Stack(Stack),
    /// What is in state, resource by resource
    #[command(subcommand)]
    State(State),
    /// The configuration of the stack
    #[command(subcommand)]
    Config(Config),
    /// Versions, places, providers and their kinds
    About,
    /// A completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// A provider's own command: `<provider> <command> …`
    #[command(external_subcommand)]
    Provider(Vec<String>),
}

/// What a plan is made of.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Planning")]
pub(crate) struct Planning {
    /// Show every input, and fold nothing
    #[arg(long, env = "TERRANE_DIFF", hide_env = true)]
    pub(crate) diff: bool,
    /// Only these resources and what they need; `*` stands for any text
    #[arg(long, short, env = "TERRANE_TARGET", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) target: Vec<String>,
    /// Not these resources, nor what needs them
    #[arg(long, short = 'x', env = "TERRANE_EXCLUDE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) exclude: Vec<String>,
    /// Look at every real object before planning
    #[arg(long, env = "TERRANE_REFRESH", hide_env = true, overrides_with = "no_refresh")]
    pub(crate) refresh: bool,
    /// Look at no real object before planning
    #[arg(long, env = "TERRANE_NO_REFRESH", hide_env = true)]
    pub(crate) no_refresh: bool,
    /// Exit with 3 when there is anything to do, or when something was changed outside the program
    #[arg(long, env = "TERRANE_EXPECT_NO_CHANGES", hide_env = true)]
    pub(crate) expect_no_changes: bool,
    /// Insist on what the program claims, such as survives=region; exit with 5 when it doesn't hold
    #[arg(long, env = "TERRANE_CHECK", hide_env = true, value_delimiter = ',', value_name = "NAME=VALUE")]
    pub(crate) check: Vec<String>,
    /// Write the plan as Markdown, for a comment on a pull request
    #[arg(long, env = "TERRANE_SUMMARY", hide_env = true, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
}

/// How a plan is carried out.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct Running {
    /// Don't ask
    #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
    pub(crate) yes: bool,
    /// How many steps run at the same time
    #[arg(long, short, env = "TERRANE_PARALLEL", hide_env = true, default_value_t = terrane_engine::PARALLEL,
        value_parser = parallel, value_name = "NUMBER")]
    pub(crate) parallel: usize,
    /// When a step fails, still run those that don't depend on it
    #[arg(long, env = "TERRANE_CONTINUE_ON_ERROR", hide_env = true)]
    pub(crate) continue_on_error: bool,
    /// What the run is about; kept in the history
    #[arg(
        long,
        short,
        env = "TERRANE_MESSAGE",
        hide_env = true,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    pub(crate) message: String,
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=10_000) => Ok(number),
        _ => Err("a number from 1 to 10000 is needed".to_owned()),
    }
}

/// `up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) planning: Planning,
    #[command(flatten)]
    pub(crate) running: Running,
    /// Replace these although nothing about them has changed
    #[arg(long, env = "TERRANE_REPLACE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) replace: Vec<String>,
    /// Carry out a plan saved by `preview --save`, exactly, or refuse with the difference
    #[arg(long, env = "TERRANE_PLAN", hide_env = true, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
}

/// `preview`.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    pub(crate) planning: Planning,
    /// Replace these although nothing about them has changed
    #[arg(long, env = "TERRANE_REPLACE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) replace: Vec<String>,
    /// Write the plan to a file, for `up --plan`
    #[arg(long, env = "TERRANE_SAVE", hide_env = true, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
}

/// `destroy`.
#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) planning: Planning,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// `refresh`.
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// Only these resources; `*` stands for any text
    #[arg(long, short, env = "TERRANE_TARGET", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) target: Vec<String>,
    /// Only look: exit with 3 when something was changed outside the program
    #[arg(long, env = "TERRANE_EXPECT_NO_CHANGES", hide_env = true)]
    pub(crate) expect_no_changes: bool,
    /// Don't ask
    #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
    pub(crate) yes: bool,
}

/// `import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The resource, as the program declares it
    pub(crate) resource: String,
    /// The object's id in its own system
    pub(crate) id: String,
    /// Show every input
    #[arg(long, env = "TERRANE_DIFF", hide_env = true)]
    pub(crate) diff: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// `stack …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Stack {
    /// List the project's stacks
    Ls,
    /// Make a stack, and select it
    Init {
        /// Its name
        name: String,
    },
    /// Select the stack that commands work on
    Select {
        /// Its name
        name: String,
    },
    /// Remove a stack's state and history
    Rm {
        /// Its name
        name: String,
        /// Even when it has resources: the real objects stay, and nobody knows of them any more
        #[arg(long)]
        force: bool,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// Print what the stack exports, or one export
    Output {
        /// One export
        name: Option<String>,
        /// Print secrets
        #[arg(long)]
        show_secrets: bool,
    },
    /// Print the whole state as JSON
    Export {
        /// Print secrets
        #[arg(long)]
        show_secrets: bool,
    },
    /// List the runs
    History,
    /// Print the resources and their dependencies, for Graphviz
    Graph,
}

/// `state …`.
#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// List the resources in state
    Ls,
    /// Print one resource as state has it
    Show {
        /// Its label or URN
        resource: String,
        /// Print secrets
        #[arg(long)]
        show_secrets: bool,
    },
    /// Forget a resource; the real object stays
    Rm {
        /// Its label or URN
        resource: String,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// Give a resource another name or scope
    Mv {
        /// Its label or URN
        from: String,
        /// Its new label, such as eu/logs, or URN
        to: String,
    },
    /// Refuse to delete or replace a resource
    Protect {
        /// Its label or URN
        resource: String,
    },
    /// Allow to delete and replace a resource again
    Unprotect {
        /// Its label or URN
        resource: String,
    },
}

/// `config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// List every key with its value and place
    Ls,
    /// Print one value
    Get {
        /// The key, with dots between its parts
        key: String,
    },
    /// Set a value in the stack's file
    Set {
        /// The key, with dots between its parts
        key: String,
        /// The value as in TOML; anything else is text
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a value from the stack's file
    Rm {
        /// The key, with dots between its parts
        key: String,
    },
}

/// The grammar under a program's own name.
pub(crate) fn grammar(project: &str, version: &str) -> clap::Command {
    let named = Line::command().name(project.to_owned()).version(version.to_owned());
    switches(named.about(format!("{project}: infrastructure as a program, with Terrane")))
}

/// Reads what was typed. The flags of every command may also stand behind a provider's own command, which clap leaves unread.
pub(crate) fn read(grammar: &clap::Command, words: &[OsString]) -> clap::error::Result<Line> {
    let parse = |words: &[OsString]| Line::from_arg_matches(&grammar.clone().try_get_matches_from(words)?);
    let line = parse(words)?;
    let Command::Provider(own) = &line.command else { return Ok(line) };
    let (flags, rest) = separate(own);
    let before = &words[..words.len().saturating_sub(own.len())];
    let sorted: Vec<OsString> = before.iter().cloned().chain(flags).chain(rest).collect();
    parse(&sorted)
}

/// The flags of every command among a provider's words, each with its value, and what is left.
fn separate(words: &[String]) -> (Vec<OsString>, Vec<OsString>) {
    let globals = Globals::augment_args(clap::Command::new(""));
    let flag_of = |word: &str| {
        let name = word.split('=').next().unwrap_or(word);
        globals.get_arguments().find(|flag| {
            flag.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))
                || flag.get_short().is_some_and(|short| word == format!("-{short}"))
        })
    };
    let (mut flags, mut rest) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match flag_of(word) {
            _ if word == "--" => {
                rest.extend(words.by_ref().map(OsString::from));
            }
            Some(flag) => {
                flags.push(word.into());
                let takes_next = !matches!(flag.get_action(), ArgAction::SetTrue) && !word.contains('=');
                flags.extend(takes_next.then(|| words.next()).flatten().map(OsString::from));
            }
            None => rest.push(word.into()),
        }
    }
    (flags, rest)
}

/// Lets switches be set by environment variables the usual way: `0`, `false`, `no` and nothing mean off, all else on.
fn switches(command: clap::Command) -> clap::Command {
    let switch = |arg: clap::Arg| match arg.get_action() {
        ArgAction::SetTrue => arg.value_parser(FalseyValueParser::new()),
        _ => arg,
    };
    command.mut_args(switch).mut_subcommands(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_every_command_may_stand_behind_a_providers_own() {
        let words =
            ["shop", "-v", "local", "logs", "--follow", "--stack", "prod", "-C", "/x", "--state=/y", "--", "--json"];
        let line = read(&grammar("shop", "1.0"), &words.map(OsString::from)).unwrap();
        let Command::Provider(own) = line.command else { panic!("not a provider's command") };
        assert_eq!(own, ["local", "logs", "--follow", "--json"]);
        let Globals { stack, state, folder, verbose, json, .. } = line.globals;
        assert_eq!((stack.as_deref(), state.as_deref()), (Some("prod"), Some("/y")));
        assert_eq!((folder, verbose, json), (Some(PathBuf::from("/x")), true, false));
    }

    #[test]
    fn the_grammar_holds_and_reads_what_people_type() {
        grammar("shop", "1.0").debug_assert();
        let words =
            ["shop", "up", "-y", "-t", "a,b", "--check", "survives=region", "-s", "prod", "--no-refresh", "-p", "8"];
        let line = Line::from_arg_matches(&grammar("shop", "1.0").try_get_matches_from(words).unwrap()).unwrap();
        let Command::Up(up) = line.command else { panic!("not up") };
        assert_eq!((up.planning.target, up.running.parallel), (vec!["a".to_owned(), "b".to_owned()], 8));
        assert!(up.running.yes && up.planning.no_refresh && !up.planning.refresh);
        assert_eq!(line.globals.stack.as_deref(), Some("prod"));
        assert!(grammar("shop", "1.0").try_get_matches_from(["shop", "up", "--parallel", "0"]).is_err());
    }
}
