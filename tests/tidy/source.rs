//! Checks of one file at a time: its header, its length, its functions, and what must not stand in it.

use super::repository::{Finding, Repository};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// In pieces, so that this file isn't found by its own check.
const WORDS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("../sha", "red"),
    concat!("../.lib", "rary"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];

/// Every Rust file begins by saying what lives in it.
pub(crate) fn headers(repository: &Repository) -> Vec<Finding> {
    let without = repository.rust().filter(|(_, text, _)| !text.starts_with("//!"));
    without.map(|(path, ..)| Finding::new(path, 1, "begins without `//!`: say what lives here")).collect()
}

/// No Rust file is longer than a reader can hold.
pub(crate) fn file_lengths(repository: &Repository) -> Vec<Finding> {
    let lines = repository.rust().map(|(path, text, _)| (path, text.lines().count()));
    lines
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| {
            Finding::new(path, lines, format!("{lines} lines, and at most {FILE_LINES_MAX} are allowed"))
        })
        .collect()
}

/// No function is longer than a screen.
pub(crate) fn function_lengths(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _, lexed) in repository.rust() {
        for (at, name) in functions(&lexed.code) {
            let lines = body_end(&lexed.code[at..]).map_or(0, |end| lexed.code[at..at + end].lines().count());
            if lines > FUNCTION_LINES_MAX {
                let message = format!("`fn {name}` has {lines} lines, and at most {FUNCTION_LINES_MAX} are allowed");
                findings.push(Finding::new(path, line_at(&lexed.code, at), message));
            }
        }
    }
    findings
}

/// No macro that stands for work not done or for a debugging session.
pub(crate) fn leftover_macros(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _, lexed) in repository.rust() {
        for name in ["todo!", "unimplemented!", "dbg!"] {
            findings.extend(
                occurrences(&lexed.code, name)
                    .map(|at| Finding::new(path, line_at(&lexed.code, at), format!("`{name}` is left over"))),
            );
        }
    }
    findings
}

/// Whoever silences a lint says why.
pub(crate) fn lint_reasons(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _, lexed) in repository.rust() {
        for (opening, advice) in [("allow(", "use `#[expect(…, reason = \"…\")]`"), ("expect(", "add `reason = \"…\"`")]
        {
            for at in occurrences(&lexed.code, opening).filter(|at| in_attribute(&lexed.code, *at)) {
                let end = lexed.code[at..].find(']').map_or(lexed.code.len(), |end| at + end);
                if !lexed.code[at..end].contains("reason =") {
                    let message = format!("`{opening}…)` without a reason: {advice}");
                    findings.push(Finding::new(path, line_at(&lexed.code, at), message));
                }
            }
        }
    }
    findings
}

/// No path of one machine and no note to oneself, in any text file.
pub(crate) fn words(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in &repository.files {
        for word in WORDS {
            let found = occurrences(&file.text, word);
            findings.extend(
                found.map(|at| Finding::new(path, line_at(&file.text, at), format!("`{word}` doesn't belong here"))),
            );
        }
    }
    findings
}

/// Where `word` stands by itself: not inside a longer word, and if it is a path, not inside a longer path.
pub(crate) fn occurrences(text: &str, word: &str) -> impl Iterator<Item = usize> {
    let part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let begins = !before.is_some_and(|before| part(before) || matches!(before, '.' | '}'));
        begins && !(word.ends_with(char::is_alphanumeric) && after.is_some_and(part))
    })
}

/// Counted from 1.
pub(crate) fn line_at(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// Where each function begins, and its name; types such as `fn(u8)` have no name and are left out.
fn functions(code: &str) -> impl Iterator<Item = (usize, &str)> {
    occurrences(code, "fn ").filter_map(|at| {
        let name = &code[at + "fn ".len()..];
        let length = name.find(|character: char| !character.is_alphanumeric() && character != '_')?;
        (length > 0).then_some((at, &name[..length]))
    })
}

/// The length of a function up to the end of its body; nothing if it is only declared.
fn body_end(function: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in function.char_indices() {
        match character {
            ';' if depth == 0 => return None,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if character == '}' && depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether the place is inside of `#[…]` or `#![…]`.
fn in_attribute(code: &str, at: usize) -> bool {
    let opening = code[..at].rfind("#[").max(code[..at].rfind("#!["));
    opening.is_some_and(|opening| !code[opening..at].contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: fn(&Repository) -> Vec<Finding>, text: &str) -> Vec<String> {
        check(&Repository::sample(&[("a.rs", text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_without_header_is_found() {
        assert_eq!(found(headers, "use std::fs;\n//! late\n").len(), 1);
        assert!(found(headers, "//! What lives here.\n").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(found(file_lengths, &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
        assert!(found(file_lengths, &"\n".repeat(FILE_LINES_MAX)).is_empty());
    }

    #[test]
    fn a_long_function_is_found() {
        let function = |lines: usize| {
            let body = "        let brace = '}'; // }\n".repeat(lines - 2);
            format!(
                "trait T {{\n    fn declared(self, size: [u8; 4]);\n    fn long<F: Fn(fn(u8))>(f: F) {{\n{body}    }}\n}}\n"
            )
        };
        assert_eq!(
            found(function_lengths, &function(71)),
            ["a.rs:3: `fn long` has 71 lines, and at most 70 are allowed"]
        );
        assert!(found(function_lengths, &function(70)).is_empty());
    }

    #[test]
    fn what_is_left_undone_is_found() {
        let lines = found(
            leftover_macros,
            "//! dbg!\nfn a() { todo!() }\nfn b() { \"todo!\"; std::dbg!(1); unimplemented!() }\n",
        );
        assert_eq!(
            lines,
            ["a.rs:2: `todo!` is left over", "a.rs:3: `unimplemented!` is left over", "a.rs:3: `dbg!` is left over"]
        );
    }

    #[test]
    fn a_silenced_lint_is_found() {
        let bare = "#![allow(a)]\n#[cfg_attr(test, expect(b))]\n#[expect(\n    c,\n)]\n";
        assert_eq!(found(lint_reasons, bare).len(), 3);
        let reasoned = "#[expect(a, reason = \"b\")]\nfn c() { d.expect(\"e\"); allow(f); }\n";
        assert!(found(lint_reasons, reasoned).is_empty());
    }

    #[test]
    fn words_are_found_where_they_stand_alone() {
        for word in WORDS {
            assert_eq!(found(words, &format!("a\nsee `{word}`\n")).len(), 1, "{word}");
        }
        assert!(found(words, &format!("https://a.b{}c\nx{}\n{}S", WORDS[0], WORDS[1], WORDS[4])).is_empty());
    }
}
