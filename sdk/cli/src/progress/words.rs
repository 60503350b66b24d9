//! The words for what happens.

/// `create` -> `created`.
pub(super) fn past(verb: &str) -> String {
    match verb.strip_suffix('e') {
        Some(stem) => format!("{stem}ed"),
        None => format!("{verb}ed"),
    }
}

/// What Ctrl-C has led to.
pub(super) fn draining(running: usize) -> String {
    let steps = crate::render::units::count(running, "running step");
    format!("finishing {steps}; press again to stop at once (as safe as a crash: the next run picks up from there)")
}
