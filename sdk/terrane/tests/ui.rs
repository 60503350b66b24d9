//! Programs that must not compile, and what the compiler says about them.

#[test]
fn mistakes_are_compile_errors_that_help() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
