//! What goes wrong outside of Terrane: each case is told clearly, no trace of a panic is shown, and nothing is lost.

mod config;
mod machine;
mod program;
mod state;

use crate::session::Session;

/// What a person sees of a command that has to fail with a status, and not by a panic of Terrane's own.
fn refused(session: &Session, words: &str, status: i32) -> String {
    let shown = session.run(words);
    assert!(shown.trim_end().ends_with(&format!("--- exit {status}")), "{shown}");
    assert!(!shown.contains("stack backtrace") && !shown.contains("RUST_BACKTRACE"), "{shown}");
    shown
}
