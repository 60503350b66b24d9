//! What a command did, step by step, and its summary. All of it goes to stderr: stdout belongs to the tools run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// The steps run so far. After a failure the later steps are named, but not run.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: String,
    outcome: Outcome,
    took: Duration,
}

enum Outcome {
    /// With what is to be said of it, such as "already installed".
    Passed(String),
    Failed(String),
    NotRun,
}

impl Report {
    /// Runs `work`, unless an earlier step failed; its text is what the summary says of it.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String>) {
        let start = Instant::now();
        let outcome = if self.failed() {
            Outcome::NotRun
        } else {
            eprintln!("==> {name}");
            match work() {
                Ok(text) => Outcome::Passed(text),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            }
        };
        self.steps.push(Step { name: name.to_owned(), outcome, took: start.elapsed() });
    }

    /// Prints the summary; the exit code tells whether every step passed.
    pub(crate) fn finish(self) -> ExitCode {
        eprint!("\n{}", self.summary());
        if self.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    fn failed(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    fn summary(&self) -> String {
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or(0);
        let line = |step: &Step| {
            let (word, text) = match &step.outcome {
                Outcome::Passed(text) => ("ok", text.as_str()),
                Outcome::Failed(text) => ("FAILED", text.as_str()),
                Outcome::NotRun => ("not run", "an earlier step failed"),
            };
            format!("{word:<8} {:<width$}  {:>4}s  {text}\n", step.name, step.took.as_secs())
        };
        self.steps.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_the_later_steps_and_is_named() {
        let mut report = Report::default();
        report.step("first", || Ok("done".to_owned()));
        report.step("second", || anyhow::bail!("the reason"));
        report.step("third", || unreachable!("runs after a failure"));
        assert!(report.failed());
        let summary = report.summary();
        assert_eq!(
            summary.lines().collect::<Vec<_>>(),
            [
                "ok       first      0s  done",
                "FAILED   second     0s  the reason",
                "not run  third      0s  an earlier step failed"
            ]
        );
    }
}
