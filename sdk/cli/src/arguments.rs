//! The command line's grammar: the flags of every command, and how words are read. What a command takes stands with the command; each flag
//! is also an environment variable.

use crate::{commands::Command, exit, terminal::Color};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, builder::FalseyValueParser};
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
        assert!(up.running.consent.yes && up.planning.no_refresh && !up.planning.refresh);
        assert_eq!(line.globals.stack.as_deref(), Some("prod"));
        let [good, bad] = ["1m30s", "2d"].map(wait);
        assert_eq!((good, bad.is_err(), wait("-5s").is_err()), (Ok(Duration::from_secs(90)), true, true));
        assert!(grammar("shop", "1.0").try_get_matches_from(["shop", "up", "--parallel", "0"]).is_err());
    }
}
