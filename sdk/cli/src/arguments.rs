//! The command line's grammar: every word and flag, each flag also an environment variable.

use crate::{exit, terminal::Color};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, builder::FalseyValueParser};
use clap_complete::Shell;
use std::{ffi::OsString, path::PathBuf, time::Duration};

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
    /// Wait so long, such as 90s or 10m, for a stack that somebody else works on
    #[arg(long, global = true, env = "TERRANE_WAIT_LOCK", hide_env = true, value_parser = wait, value_name = "TIME")]
    pub(crate) wait_lock: Option<Duration>,
}

/// The longest wait for a lock: a day.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// `90s`, `10m`, `1h30m`.
fn wait(text: &str) -> Result<Duration, String> {
    let refused = || "a time such as 90s, 10m or 1h30m is needed, at most 24h".to_owned();
    let signed: jiff::SignedDuration = text.parse().map_err(|_| refused())?;
    Duration::try_from(signed).ok().filter(|time| *time <= WAIT_MAX).ok_or_else(refused)
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
    /// Who can read the stack's secrets
    #[command(subcommand)]
    Secrets(Secrets),
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
    /// Bring the real objects back to what they were at a restore point of `stack history`, whatever the program says
    #[arg(long, conflicts_with = "plan", value_name = "NUMBER")]
    pub(crate) rollback_to: Option<u64>,
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
        /// Who can read its secrets: age1…, awskms:<key ARN>, `passphrase` or `keyfile`
        #[arg(long, value_name = "RECIPIENT")]
        secrets: Option<String>,
        /// Make the bucket that keeps its state as well: private, encrypted, with versions, over TLS only
        #[arg(long)]
        create_bucket: bool,
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
    /// List the runs, and the restore points that are kept
    History,
    /// Put state back to a restore point; no real object is touched until the next `up`
    Rollback {
        /// The restore point's number, as `stack history` lists it
        to: u64,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// Give a stack another name
    Rename {
        /// Its name
        from: String,
        /// Its new name
        to: String,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
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
    /// Give a resource another name or scope, or to another stack
    Mv {
        /// Its label or URN
        from: String,
        /// Its new label, such as eu/logs, or URN
        to: String,
        /// The stack that it moves to
        #[arg(long, value_name = "STACK")]
        to_stack: Option<String>,
    },
    /// Give a resource another name in the same scope
    Rename {
        /// Its label or URN
        from: String,
        /// Its new name
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
    /// Write the whole state to a file, or print it, with its secrets encrypted
    Export {
        /// The file; standard output without it
        file: Option<PathBuf>,
        /// A restore point of `stack history` instead of the present
        #[arg(long, value_name = "NUMBER")]
        at: Option<u64>,
    },
    /// Put an exported state into the stack, or read what another tool manages
    Import {
        /// The file
        file: PathBuf,
        /// The file is another tool's: print what to write into the program to adopt its objects; state stays as it is
        #[arg(long, value_enum, value_name = "TOOL")]
        from: Option<Tool>,
        /// Replace a state that is not an earlier or later one of the same stack
        #[arg(long)]
        replace: bool,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// Say what is wrong with the state, and what is safe to do
    Doctor,
    /// Mend what can be mended without losing anything
    Repair {
        /// Put a state that doesn't load out of the way, whole, so that the stack can begin anew
        #[arg(long)]
        set_aside: bool,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// End another process's hold on the stack for good
    Unlock {
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
    /// Take the state over from a copy, such as a bucket's replica in another region
    Recover {
        /// Where the copy is, such as s3://replica or file:///backup
        #[arg(long, value_name = "URL")]
        from: String,
        /// Replace the state that the stack has
        #[arg(long)]
        replace: bool,
        /// Don't ask
        #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
        yes: bool,
    },
}

/// A tool whose state can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tool {
    /// What `pulumi stack export` writes.
    Pulumi,
    /// A Terraform or OpenTofu state, version 4.
    Terraform,
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
        /// Print a secret
        #[arg(long)]
        show_secrets: bool,
    },
    /// Set a value in the stack's file
    Set {
        /// The key, with dots between its parts
        key: String,
        /// The value as in TOML; anything else is text
        #[arg(allow_hyphen_values = true)]
        value: Option<String>,
        /// Encrypt the value, which is asked for or comes from standard input
        #[arg(long)]
        secret: bool,
    },
    /// Remove a value from the stack's file
    Rm {
        /// The key, with dots between its parts
        key: String,
    },
}

/// `secrets …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// List the ways to the key of the stack's secrets
    Ls,
    /// Let one more read the stack's secrets
    AddRecipient {
        /// age1…, awskms:<key ARN>, `passphrase` or `keyfile`
        recipient: String,
    },
    /// Don't let one read the stack's secrets any more; `rotate` then makes a key that it never had
    RmRecipient {
        /// As `secrets ls` lists it
        recipient: String,
    },
    /// Make a new key, and encrypt every secret anew
    Rotate,
    /// Put another passphrase in the place of the present one
    ChangePassphrase,
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
        let [good, bad] = ["1m30s", "2d"].map(wait);
        assert_eq!((good, bad.is_err(), wait("-5s").is_err()), (Ok(Duration::from_secs(90)), true, true));
        assert!(grammar("shop", "1.0").try_get_matches_from(["shop", "up", "--parallel", "0"]).is_err());
    }
}
