//! Terraform with its own resource, whose provisioner is a call of the cloud's script, and its state on the disk.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::place::Place;
use super::{CHAINS, PARALLEL, Tool};

/// Terraform.
pub(super) struct Terraform {
    pub(super) binary: PathBuf,
}

impl Terraform {
    fn command(&self, place: &Place, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(place.work()).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        // Empty settings instead of the user's, which may name mirrors and plugins.
        command.env("TF_CLI_CONFIG_FILE", place.work().join("settings.tfrc"));
        command
    }
}

impl Tool for Terraform {
    fn name(&self) -> &'static str {
        "terraform"
    }

    fn prepare(&self, place: &Place, resources: usize) -> Result<()> {
        fs::write(place.work().join("settings.tfrc"), "")?;
        fs::write(place.work().join("main.tf"), program(place, resources)?)?;
        let made = self.command(place, &["init", "-input=false", "-no-color"]).output()?;
        ensure!(made.status.success(), "`terraform init` failed: {}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    fn apply(&self, place: &Place, _: usize) -> Result<Command> {
        let parallel = format!("-parallelism={PARALLEL}");
        Ok(self.command(place, &["apply", "-auto-approve", "-input=false", "-no-color", &parallel]))
    }

    /// The ids of its resources, with which their objects are tagged.
    fn known(&self, place: &Place) -> Result<BTreeSet<String>> {
        let text = fs::read(place.work().join("terraform.tfstate")).context("reading Terraform's state")?;
        let state: Value = serde_json::from_slice(&text)?;
        let instances = state["resources"].as_array().into_iter().flatten().flat_map(|resource| {
            resource["instances"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|instance| instance["attributes"]["id"].as_str())
        });
        Ok(instances.map(str::to_owned).collect())
    }

    /// A lock that is left behind.
    fn repairs(&self, place: &Place) -> Result<Vec<Command>> {
        let Ok(text) = fs::read(place.work().join(".terraform.tfstate.lock.info")) else { return Ok(Vec::new()) };
        let lock: Value = serde_json::from_slice(&text)?;
        let id = lock["ID"].as_str().context("the lock has no id")?;
        Ok(vec![self.command(place, &["force-unlock", "-force", id])])
    }
}

/// The program in Terraform's language. The tag of an object is the id of its resource, which is all that Terraform keeps of it.
fn program(place: &Place, resources: usize) -> Result<String> {
    let script = serde_json::to_string(&place.script())?;
    let mut text = String::new();
    for number in 0..resources {
        writeln!(text, "resource \"terraform_data\" \"item-{number}\" {{")?;
        if let Some(before) = number.checked_sub(CHAINS) {
            writeln!(text, "  depends_on = [terraform_data.item-{before}]")?;
        }
        writeln!(text, "  provisioner \"local-exec\" {{")?;
        writeln!(text, "    interpreter = [\"/bin/sh\", {script}, \"item-{number}\"]")?;
        writeln!(text, "    command = self.id\n  }}")?;
        writeln!(text, "  provisioner \"local-exec\" {{\n    when = destroy")?;
        writeln!(text, "    command = \"grep -lx -e ${{self.id}} \\\"$PLACE\\\"/cloud/* | xargs -r rm\"\n  }}\n}}")?;
    }
    Ok(text)
}
