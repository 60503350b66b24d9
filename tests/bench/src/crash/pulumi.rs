//! Pulumi with a program in its own YAML language, its provider of commands, and its state on the disk.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::place::Place;
use super::{CHAINS, PARALLEL, Tool};

/// Pulumi.
pub(super) struct Pulumi {
    pub(super) binary: PathBuf,
}

impl Pulumi {
    fn command(&self, place: &Place, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).args(["--non-interactive", "--stack", "dev"]).current_dir(place.work());
        command.env("PULUMI_BACKEND_URL", format!("file://{}", place.work().display()));
        command.env("PULUMI_CONFIG_PASSPHRASE", "bench").env("PULUMI_SKIP_UPDATE_CHECK", "true");
        command
    }
}

impl Tool for Pulumi {
    fn name(&self) -> &'static str {
        "pulumi"
    }

    fn prepare(&self, place: &Place, resources: usize) -> Result<()> {
        fs::write(place.work().join("Pulumi.yaml"), program(place, resources)?)?;
        for words in [["stack", "init"].as_slice(), &["preview"]] {
            let done = self.command(place, words).output()?;
            let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            ensure!(done.status.success(), "`pulumi {}` failed: {out}{err}", words.join(" "));
        }
        Ok(())
    }

    fn apply(&self, place: &Place, _: usize) -> Result<Command> {
        Ok(self.command(place, &["up", "--yes", "--skip-preview", "--parallel", &PARALLEL.to_string()]))
    }

    /// The ids that its commands have printed.
    fn known(&self, place: &Place) -> Result<BTreeSet<String>> {
        let export = self.command(place, &["stack", "export"]).output()?;
        let state: Value = serde_json::from_slice(&export.stdout).context("reading Pulumi's state")?;
        let resources = state["deployment"]["resources"].as_array().into_iter().flatten();
        Ok(resources.filter_map(|resource| resource["outputs"]["stdout"].as_str()).map(str::to_owned).collect())
    }

    /// A lock that is left behind.
    fn repairs(&self, place: &Place) -> Result<Vec<Command>> {
        let mut locks = fs::read_dir(place.work().join(".pulumi/locks")).into_iter().flatten();
        Ok(locks.next().map(|_| self.command(place, &["cancel", "--yes"])).into_iter().collect())
    }
}

/// The program in Pulumi's YAML.
fn program(place: &Place, resources: usize) -> Result<String> {
    let script = place.script();
    let mut text = "name: crash\nruntime: yaml\nresources:\n".to_owned();
    for number in 0..resources {
        writeln!(text, "  item-{number}:\n    type: command:local:Command\n    properties:")?;
        writeln!(text, "      interpreter: [/bin/sh, '{}', item-{number}]", script.display())?;
        writeln!(text, "      create: item-{number}")?;
        if let Some(before) = number.checked_sub(CHAINS) {
            writeln!(text, "    options:\n      dependsOn: ['${{item-{before}}}']")?;
        }
    }
    Ok(text)
}
