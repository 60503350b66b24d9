//! The words for what happens.

/// `create` -> `created`.
pub(super) fn past(verb: &str) -> String {
    match verb.strip_suffix('e') {
        Some(stem) => format!("{stem}ed"),
        None => format!("{verb}ed"),
    }
}

/// What Ctrl-C has led to, the first time and after that.
pub(super) fn draining(running: usize, times: usize) -> String {
    let steps = crate::render::units::count(running, "running step");
    match times {
        0 | 1 => format!(
            "finishing {steps}; press again to stop at once (as safe as a crash: the next run picks up from there)"
        ),
        _ => format!("stopping at once, in the middle of {steps}; the next run picks up from there"),
    }
}
