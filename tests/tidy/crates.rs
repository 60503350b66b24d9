//! Checks of how files make crates: none forgotten, and one test binary each.

use std::collections::BTreeSet;

use super::repository::{Finding, Package, Repository};

/// Every Rust file is a module of something that cargo builds, or is named by a test that reads it (as trybuild does).
pub(crate) fn forgotten_files(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, ..) in repository.rust() {
        let inside = |package: &&Package| path.strip_prefix(&package.folder).is_some_and(|rest| rest.starts_with('/'));
        // The innermost: a crate's folder may hold the folder of another.
        let Some(package) = repository.packages.iter().filter(inside).max_by_key(|package| package.folder.len()) else {
            findings.push(Finding::new(path, 1, "belongs to no crate of the workspace"));
            continue;
        };
        let compiled = compiled_files(repository, package);
        if !compiled.contains(path) && !is_named(repository, package, &compiled, path) {
            let message = format!("is part of nothing that `{}` builds: declare it as a `mod`", package.name);
            findings.push(Finding::new(path, 1, message));
        }
    }
    findings
}

/// One link for a crate's tests, instead of one for each file.
pub(crate) fn test_binaries(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &repository.packages {
        let tests = package.targets.iter().filter(|target| target.kind == "test");
        let tests = tests.map(|target| target.path.as_str()).collect::<Vec<_>>();
        if tests.len() > 1 {
            let message =
                format!("has {} test binaries, make them modules of one main.rs: {}", tests.len(), tests.join(", "));
            findings.push(Finding::new(&format!("{}/Cargo.toml", package.folder), 1, message));
        }
    }
    findings
}

/// The files reached from the package's targets by `mod` declarations.
fn compiled_files(repository: &Repository, package: &Package) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = package.targets.iter().map(|target| (target.path.clone(), true)).collect::<Vec<_>>();
    while let Some((path, is_root)) = waiting.pop() {
        if reached.insert(path.clone()) {
            waiting.extend(modules(repository, &path, is_root).into_iter().map(|path| (path, false)));
        }
    }
    reached
}

/// The files that `path` declares as modules. Declarations inside an inline module are not followed: we have none.
fn modules(repository: &Repository, path: &str, is_root: bool) -> Vec<String> {
    let Some(file) = repository.files.get(path) else { return Vec::new() };
    let Some(lexed) = &file.rust else { return Vec::new() };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let own_folder = if is_root || name == "mod.rs" { folder } else { path.trim_end_matches(".rs") };
    let mut found = Vec::new();
    let mut chosen_path = None;
    for (code, text) in lexed.code.lines().zip(file.text.lines()) {
        if code.trim_start().starts_with("#[path") {
            chosen_path = text.split('"').nth(1);
        }
        if let Some(module) = declared_module(code) {
            found.push(format!("{own_folder}/{module}.rs"));
            found.push(format!("{own_folder}/{module}/mod.rs"));
            found.extend(chosen_path.take().map(|chosen| format!("{folder}/{chosen}")));
        }
    }
    found.retain(|path| repository.files.contains_key(path));
    found
}

/// `name` of a line such as `pub(crate) mod name;`.
fn declared_module(line: &str) -> Option<&str> {
    let (before, name) = line.trim_end().strip_suffix(';')?.rsplit_once("mod ")?;
    let stands_alone = before.is_empty() || before.ends_with(char::is_whitespace);
    (stands_alone && !name.contains(|character: char| !character.is_alphanumeric() && character != '_')).then_some(name)
}

/// Whether a string in the package's compiled files begins with the path, or with a folder of it such as `tests/ui`.
fn is_named(repository: &Repository, package: &Package, compiled: &BTreeSet<String>, path: &str) -> bool {
    let prefix = format!("{}/", package.folder);
    let inside = path.trim_start_matches(&prefix);
    let is_targets_folder = |folder: &str| {
        package
            .targets
            .iter()
            .any(|target| target.path.rsplit_once('/').is_some_and(|(parent, _)| parent == format!("{prefix}{folder}")))
    };
    let ends = inside.match_indices('/').map(|(end, _)| end);
    let folders = ends.map(|end| &inside[..end]).filter(|folder| !is_targets_folder(folder)).collect::<Vec<_>>();
    let names = |literal: &String| {
        let literal = literal.trim_start_matches("./").trim_start_matches('/');
        literal == inside
            || folders
                .iter()
                .any(|folder| literal.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let lexed = compiled.iter().filter_map(|path| repository.files.get(path)?.rust.as_ref());
    lexed.flat_map(|lexed| &lexed.literals).any(names)
}

#[cfg(test)]
mod tests {
    use super::super::repository::Target;
    use super::*;

    /// A crate `a` with a library and, below it, a crate `a/b`.
    fn sample(tests: &[&str]) -> Repository {
        let mut repository = Repository::sample(&[
            ("a/src/lib.rs", "//! mod gone;\npub mod one;\n#[path = \"chosen.rs\"]\nmod other;\n"),
            ("a/src/one.rs", "#[cfg(test)]\nmod two;\n"),
            ("a/src/one/two.rs", ""),
            ("a/src/chosen.rs", ""),
            ("a/src/gone.rs", ""),
            ("a/tests/main.rs", "mod told;\nconst CASES: &str = \"tests/ui/*.rs\";\nconst TESTS: &str = \"tests/\";\n"),
            ("a/tests/told.rs", ""),
            ("a/tests/forgotten.rs", ""),
            ("a/tests/ui/case.rs", ""),
            ("a/b/src/main.rs", ""),
            ("c/src/lib.rs", ""),
        ]);
        let target = |kind: &str, path: &str| Target { kind: kind.to_owned(), path: path.to_owned() };
        let mut targets = vec![target("lib", "a/src/lib.rs")];
        targets.extend(tests.iter().map(|path| target("test", path)));
        let package = |folder: &str, targets| Package { name: folder.to_owned(), folder: folder.to_owned(), targets };
        repository.packages = vec![package("a", targets), package("a/b", vec![target("bin", "a/b/src/main.rs")])];
        repository
    }

    #[test]
    fn forgotten_files_are_found() {
        let findings =
            forgotten_files(&sample(&["a/tests/main.rs"])).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            findings,
            [
                "a/src/gone.rs:1: is part of nothing that `a` builds: declare it as a `mod`",
                "a/tests/forgotten.rs:1: is part of nothing that `a` builds: declare it as a `mod`",
                "c/src/lib.rs:1: belongs to no crate of the workspace",
            ]
        );
    }

    #[test]
    fn a_second_test_binary_is_found() {
        assert!(test_binaries(&sample(&["a/tests/main.rs"])).is_empty());
        assert_eq!(test_binaries(&sample(&["a/tests/main.rs", "a/tests/told.rs"])).len(), 1);
    }
}
