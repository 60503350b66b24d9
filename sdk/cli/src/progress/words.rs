//! The words for what happens.

use crate::render::units::{duration, time_of_day};
use terrane_engine::What;

/// A holder shows itself at least every ten seconds; one that was silent for longer may be dead.
const ALIVE_MS: u64 = 15_000;

/// `create` -> `created`.
pub(super) fn past(verb: &str) -> String {
    match verb.strip_suffix('e') {
        Some(stem) => format!("{stem}ed"),
        None => format!("{verb}ed"),
    }
}

/// `waiting for ann@build-7 (`up`, since 14:02:11): 41 s of 10 min 0 s`, and what is known of the holder's silence; of other events nothing.
pub(super) fn lock(what: &What) -> Option<String> {
    let What::LockWaiting { holder, command, since_ms, waited_ms, limit_ms, silent_ms, takeover_in_ms, .. } = what
    else {
        return None;
    };
    let who = holder.as_deref().unwrap_or("another process");
    let doing = command.as_ref().zip(*since_ms);
    let doing = doing.map(|(command, ms)| format!(" (`{command}`, since {})", time_of_day(ms))).unwrap_or_default();
    let waited = format!("waiting for {who}{doing}: {} of {}", duration(*waited_ms), duration(*limit_ms));
    let silence = silent_ms.zip(*takeover_in_ms).map(|(silent_ms, left_ms)| match silent_ms {
        0..ALIVE_MS => format!("; alive {} ago", duration(silent_ms)),
        _ => format!("; silent for {}, taken over in {} if it stays so", duration(silent_ms), duration(left_ms)),
    });
    Some(waited + &silence.unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_says_for_whom_how_long_and_what_comes() {
        let waiting = |silent_ms, takeover_in_ms| What::LockWaiting {
            stack: "dev".to_owned(),
            holder: Some("ann@build-7".to_owned()),
            command: None,
            since_ms: None,
            waited_ms: 72_000,
            limit_ms: 600_000,
            silent_ms,
            takeover_in_ms,
        };
        let told = [(Some(0), None), (Some(2_000), Some(88_000)), (Some(40_000), Some(50_000))];
        let told = told.map(|(silent_ms, left_ms)| lock(&waiting(silent_ms, left_ms)).unwrap_or_default());
        assert_eq!(
            told,
            [
                "waiting for ann@build-7: 1 min 12 s of 10 min 0 s",
                "waiting for ann@build-7: 1 min 12 s of 10 min 0 s; alive 2.0 s ago",
                "waiting for ann@build-7: 1 min 12 s of 10 min 0 s; silent for 40.0 s, taken over in 50.0 s if it stays so",
            ]
        );
    }
}
