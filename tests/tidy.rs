//! Holds the project's own source to its habits. Each test reports all that it finds, with file and line; each check
//! is also given a bad sample, so that it is known that it can fail.

mod crates;
mod errors;
mod lexer;
mod readme;
mod repository;
mod source;

use repository::{Finding, Repository};

type Check = fn(&Repository) -> Vec<Finding>;

/// Fails with every finding of the check.
fn hold(check: Check) {
    let repository = Repository::load().unwrap_or_else(|error| panic!("the repository can't be read: {error}"));
    let findings = check(&repository).iter().map(|finding| format!("\n  {finding}")).collect::<Vec<_>>();
    assert!(findings.is_empty(), "{} findings:{}", findings.len(), findings.concat());
}

#[test]
fn files_say_what_lives_in_them() {
    hold(source::headers);
}

#[test]
fn files_are_not_long() {
    hold(source::file_lengths);
}

#[test]
fn functions_are_not_long() {
    hold(source::function_lengths);
}

#[test]
fn nothing_is_left_undone() {
    hold(source::leftover_macros);
}

#[test]
fn lints_are_not_silenced_without_a_reason() {
    hold(source::lint_reasons);
}

#[test]
fn words_that_do_not_belong_are_absent() {
    hold(source::words);
}

#[test]
fn every_source_file_is_compiled() {
    hold(crates::forgotten_files);
}

#[test]
fn a_crate_has_one_test_binary() {
    hold(crates::test_binaries);
}

#[test]
fn the_readme_names_every_example() {
    hold(readme::examples);
}

#[test]
fn the_readme_commands_are_run() {
    hold(readme::commands);
}

#[test]
fn every_error_code_has_its_page() {
    hold(errors::every_code_has_its_page);
}

#[test]
fn every_error_page_has_a_code() {
    hold(errors::every_page_has_a_code);
}
