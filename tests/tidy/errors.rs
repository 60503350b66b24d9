//! Checks of `docs/errors`: every code that the source can show has its page and stands in the index, and every page has a code.

use std::collections::BTreeMap;

use super::repository::{Finding, Repository};

const FOLDER: &str = "docs/errors";
const INDEX: &str = "docs/errors/README.md";
/// The only files with kebab-case strings that are codes.
const CHECKS: &str = "providers/restate/src/checks/";

/// Every code of the source has a line in the index, and the page that it links to names the code.
pub(crate) fn every_code_has_its_page(repository: &Repository) -> Vec<Finding> {
    let pages = index(repository);
    let mut findings = Vec::new();
    for (code, path) in codes(repository) {
        let Some((_, page)) = pages.get(&code) else {
            findings.push(Finding::new(&path, 1, format!("`{code}` has no line in {INDEX}")));
            continue;
        };
        let own = code.starts_with("restate/") || *page == format!("{code}.md");
        let text = repository.files.get(&format!("{FOLDER}/{page}")).map_or("", |file| &file.text);
        if !own || !text.lines().any(|line| is_heading_of(line, &code)) {
            findings.push(Finding::new(INDEX, 1, format!("`{code}` is not explained by {page}")));
        }
    }
    findings
}

/// Every line of the index is about a code of the source, every page stands in the index, and no page explains a code that is gone.
pub(crate) fn every_page_has_a_code(repository: &Repository) -> Vec<Finding> {
    let (pages, known) = (index(repository), codes(repository));
    let mut findings = Vec::new();
    for (code, (line, _)) in &pages {
        if !known.contains_key(code) {
            findings.push(Finding::new(INDEX, *line, format!("nothing in the source has the code `{code}`")));
        }
    }
    let inside = |path: &&String| path.starts_with(FOLDER) && path.as_str() != INDEX;
    for path in repository.files.keys().filter(inside) {
        let name = path.trim_start_matches(FOLDER).trim_start_matches('/');
        if !pages.values().any(|(_, page)| page == name) {
            findings.push(Finding::new(path, 1, format!("no line of {INDEX} links here")));
        }
        for (at, line) in repository.files[path].text.lines().enumerate().filter(|(_, line)| line.starts_with("## `")) {
            if let Some(code) = line.split('`').nth(1).filter(|code| !pages.contains_key(*code)) {
                findings.push(Finding::new(path, at + 1, format!("`{code}` does not stand in {INDEX}")));
            }
        }
    }
    findings
}

/// By code, the line of the index and the page that it links to: ``| `T0101` | [title](T0101.md) |``.
fn index(repository: &Repository) -> BTreeMap<String, (usize, String)> {
    let text = repository.files.get(INDEX).map_or("", |file| &file.text);
    let row = |(at, line): (usize, &str)| {
        let code = line.strip_prefix("| `")?.split('`').next()?.to_owned();
        let page = line.rsplit_once("](")?.1.split(')').next()?.to_owned();
        Some((code, (at + 1, page)))
    };
    text.lines().enumerate().filter_map(row).collect()
}

/// The codes that stand as strings in the crates' own source, tests left out, each with a file that has it.
fn codes(repository: &Repository) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for (path, text, _) in repository.rust().filter(|(path, ..)| path.contains("/src/") && !path.starts_with("tests/"))
    {
        let own = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for literal in super::lexer::lex(own).literals {
            if is_code(&literal) {
                codes.insert(literal, path.to_owned());
            } else if path.starts_with(CHECKS) && is_kebab(&literal) {
                codes.insert(format!("restate/{literal}"), path.to_owned());
            }
        }
    }
    codes
}

/// `T` and four digits.
fn is_code(text: &str) -> bool {
    text.strip_prefix('T').is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Words of lower-case letters joined by hyphens, at least two.
fn is_kebab(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.contains('-') && text.split('-').all(word)
}

/// A page of one code begins `# T0101: …`; a page of several has ``## `restate/no-nodes` `` for each.
fn is_heading_of(line: &str, code: &str) -> bool {
    line.starts_with(&format!("# {code}: ")) || line == format!("## `{code}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(index: &str, page: &str) -> Repository {
        Repository::sample(&[
            ("a/src/lib.rs", "fn a() { b(\"T0101\"); }\n#[cfg(test)]\nmod tests { const C: &str = \"T0999\"; }\n"),
            ("providers/restate/src/checks/nodes.rs", "fn a() { refused(\"no-nodes\", \"a sentence-like text\"); }\n"),
            ("docs/errors/T0101.md", "# T0101: A page\n"),
            ("docs/errors/restate-nodes.md", page),
            (INDEX, index),
        ])
    }

    fn told(check: fn(&Repository) -> Vec<Finding>, index: &str, page: &str) -> Vec<String> {
        check(&sample(index, page)).iter().map(ToString::to_string).collect()
    }

    const WHOLE: &str = "| `T0101` | [A page](T0101.md) |\n| `restate/no-nodes` | [Nodes](restate-nodes.md) |\n";

    #[test]
    fn what_is_explained_passes() {
        let page = "# Nodes\n## `restate/no-nodes`\n";
        assert!(told(every_code_has_its_page, WHOLE, page).is_empty());
        assert!(told(every_page_has_a_code, WHOLE, page).is_empty());
    }

    #[test]
    fn a_code_without_its_page_is_found() {
        assert_eq!(
            told(every_code_has_its_page, WHOLE, "# Nodes\n"),
            ["docs/errors/README.md:1: `restate/no-nodes` is not explained by restate-nodes.md"]
        );
        assert_eq!(told(every_code_has_its_page, "", "# Nodes\n").len(), 2);
    }

    #[test]
    fn a_page_without_a_code_is_found() {
        let index = format!("{WHOLE}| `T0102` | [Gone](T0102.md) |\n");
        assert_eq!(
            told(every_page_has_a_code, &index, "## `restate/gone`\n"),
            [
                "docs/errors/README.md:3: nothing in the source has the code `T0102`",
                "docs/errors/restate-nodes.md:1: `restate/gone` does not stand in docs/errors/README.md",
            ]
        );
    }
}
