//! Checks of README.md: it names every example, and the commands it shows are run.

use std::collections::BTreeSet;

use super::repository::{Finding, Repository};
use super::source::occurrences;

const README: &str = "README.md";

/// A reader of README.md learns of every folder in `examples/`.
pub(crate) fn examples(repository: &Repository) -> Vec<Finding> {
    let Some(readme) = repository.files.get(README) else {
        return vec![Finding::new(README, 1, "is missing")];
    };
    let inside = repository.files.keys().filter_map(|path| path.strip_prefix("examples/")?.split_once('/'));
    let names = inside.map(|(name, _)| name).collect::<BTreeSet<_>>();
    let unnamed = names.into_iter().filter(|name| occurrences(&readme.text, name).next().is_none());
    unnamed.map(|name| Finding::new(README, 1, format!("doesn't name the example `{name}`"))).collect()
}

/// Every command in a `sh` block stands as it is in a string of a test, or is a step of `.ci/run`.
pub(crate) fn commands(repository: &Repository) -> Vec<Finding> {
    let Some(readme) = repository.files.get(README) else { return Vec::new() };
    let tests = repository.rust().filter(|(path, ..)| path.starts_with("tests/"));
    let literals = tests.flat_map(|(.., lexed)| &lexed.literals).map(|literal| literal.replace("\\\"", "\""));
    let literals = literals.collect::<Vec<_>>();
    let run = literals.iter().flat_map(|literal| literal.lines()).map(str::trim).collect::<BTreeSet<_>>();
    let steps = repository.files.get(".ci/run").map_or("", |file| &file.text);
    let is_step =
        |command: &str| steps.lines().any(|line| line.strip_suffix(command).is_some_and(|rest| rest.ends_with(' ')));

    let shown = shell_commands(&readme.text).into_iter();
    let untested = shown.filter(|(_, command)| !run.contains(command.as_str()) && !is_step(command));
    untested.map(|(line, command)| Finding::new(README, line, format!("no test runs `{command}`"))).collect()
}

/// The commands in the `sh` blocks, each with its line; continued lines are joined, comments and prompts left out.
fn shell_commands(text: &str) -> Vec<(usize, String)> {
    let mut commands = Vec::<(usize, String)>::new();
    let mut language = None;
    let mut continued = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if let Some(opened) = line.strip_prefix("```") {
            language = if language.is_none() { Some(opened) } else { None };
            continue;
        }
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let line = line.split_once(" #").map_or(line, |(command, _)| command).trim_end();
        if language != Some("sh") || line.is_empty() || line.starts_with('#') {
            continue;
        }
        let part = line.trim_end_matches('\\').trim_end();
        match commands.last_mut() {
            Some((_, command)) if continued => *command = format!("{command} {part}"),
            _ => commands.push((index + 1, part.to_owned())),
        }
        continued = line.ends_with('\\');
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: fn(&Repository) -> Vec<Finding>, readme: &str) -> Vec<String> {
        let repository = Repository::sample(&[
            (README, readme),
            ("examples/one/src/main.rs", ""),
            ("examples/two/src/main.rs", ""),
            ("tests/stories.rs", "const SHOWN: &str = \"\n    greet \\\"a\\\"\n    greet b --loud\n\";\n// greet c\n"),
            (".ci/run", "step greet d\n"),
        ]);
        check(&repository).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unnamed_example_is_found() {
        assert_eq!(
            found(examples, "See `examples/one/` and two-fold."),
            ["README.md:1: doesn't name the example `two`"]
        );
        assert_eq!(examples(&Repository::sample(&[])).len(), 1);
    }

    #[test]
    fn an_untested_command_is_found() {
        let tested =
            "```sh\n$ greet \"a\"   # politely\ngreet b \\\n  --loud\n# greet c\ngreet d\n```\n```rust\ngreet()\n```\n";
        assert!(found(commands, tested).is_empty());
        assert_eq!(found(commands, "```sh\ngreet c\n```\n"), ["README.md:2: no test runs `greet c`"]);
    }
}
