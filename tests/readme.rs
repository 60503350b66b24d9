//! Runs what README.md shows, word for word and in its order, against servers, state and folders of its own.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

/// A command of README.md and what its output must hold.
type Shown = (&'static str, &'static str);

const FIRST_STEPS: [Shown; 5] = [
    ("cargo run -p first-steps -- preview", "3 to create"),
    ("cargo run -p first-steps -- up --yes", "done: 3 created"),
    ("cargo run -p first-steps -- up --yes", "no changes"),
    ("cargo run -p first-steps -- local status", "ready"),
    ("cargo run -p first-steps -- destroy --yes", "done: 3 deleted"),
];

const TWO_REGIONS: [Shown; 7] = [
    ("cargo run -p restate-two-region -- preview", "us-east-1 (metadata)"),
    ("cargo run -p restate-two-region -- up --yes", "done: 34 created"),
    ("cargo run -p restate-two-region -- local status", " -> 127.91.0.3:5122"),
    ("cargo run -p restate-two-region -- local cut us-east-1 eu-central-1", "are cut from each other"),
    ("cargo run -p restate-two-region -- local heal us-east-1 eu-central-1", "reach each other again"),
    ("cargo run -p restate-two-region -- up --yes", "no changes"),
    ("cargo run -p restate-two-region -- destroy --yes", "22 deleted, 12 forgotten"),
];

/// Regions of the tests have their own loopback subnets, so that a cluster which somebody looks at stays as it is.
const CONFIGURATION: &str = "[platform]\nfirst-subnet = 91\n";

#[test]
fn the_first_steps_do_what_the_readme_says() {
    tell(&Stage::new("a", ""), &FIRST_STEPS);
}

#[test]
fn two_regions_do_what_the_readme_says() {
    tell(&Stage::new("b", CONFIGURATION), &TWO_REGIONS);
}

fn tell(stage: &Stage, story: &[Shown]) {
    let (destroy, _) = story[story.len() - 1];
    let _guard = Guard { stage, destroy };
    for (command, telling) in story {
        let output = stage.run(command);
        assert!(output.contains(telling), "`{command}` does not say `{telling}`:\n{output}");
    }
}

/// A folder with the configuration, state and servers of one story.
struct Stage(PathBuf);

impl Stage {
    /// The name is short, for sockets have short paths.
    fn new(name: &str, configuration: &str) -> Self {
        let folder = env::temp_dir().join(format!("terrane-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("terrane.toml"), configuration).unwrap();
        Self(folder)
    }

    fn command(&self, words: &str) -> Command {
        let (program, arguments) = words.split_once(' ').unwrap();
        assert_eq!(program, "cargo");
        let root = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("..");
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        command.args(arguments.split(' ')).current_dir(root);
        command.env("TERRANE_FOLDER", &self.0);
        command.env("TERRANE_STATE", self.0.join("state")).env("TERRANE_LOCAL", self.0.join("local"));
        command
    }

    /// Both outputs of a command that must end well.
    fn run(&self, words: &str) -> String {
        let output = self.command(words).output().unwrap();
        let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        let text = texts.join("\n");
        assert!(output.status.success(), "`{words}` ended with {}:\n{text}", output.status);
        text
    }
}

/// Takes down what a story has brought up, also when the story fails.
struct Guard<'a> {
    stage: &'a Stage,
    destroy: &'static str,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // Again, when the story has come to its end: there is nothing left then.
        let destroyed = self.stage.command(self.destroy).output().is_ok_and(|output| output.status.success());
        if destroyed {
            let _ = fs::remove_dir_all(&self.stage.0);
        } else {
            eprintln!("what runs in {} could not be destroyed: run `{}` on it", self.stage.0.display(), self.destroy);
        }
    }
}
