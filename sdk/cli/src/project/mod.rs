//! Where a program runs: its configuration files, its stack and the place of its state.

pub(crate) mod edit;
pub(crate) mod files;
mod home;
mod identity;
mod places;
pub(crate) mod sealed;
mod selection;

use crate::{
    App,
    arguments::Globals,
    environment,
    error::{Error, Result},
};
use files::Files;
use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use terrane_core::Config;
use terrane_engine::{ConfigSource, Session};
use terrane_state::Store;

/// A program with its configuration, stack and state.
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) stack: String,
    /// Where state is kept, as a URL.
    pub(crate) state: String,
    pub(crate) files: Files,
    pub(crate) store: Arc<dyn Store>,
    manifest: PathBuf,
    program: Arc<terrane_engine::Project>,
    /// How long to wait for a stack that somebody else works on.
    wait: Duration,
}

impl Project {
    /// Finds the files, decides on state and stack, and opens the store. Nothing is written.
    pub(crate) fn open(app: &App, globals: &Globals) -> Result<Self> {
        let working = env::current_dir().unwrap_or_default();
        let manifest = PathBuf::from(&app.manifest_dir);
        let from = searched_from(globals.folder.as_deref(), &working)?;
        let folder = files::find(&from, &manifest);
        let mut files = Files::read(&folder, &working)?;
        let state = match (&globals.state, files.state()) {
            (Some(asked), _) => places::url(asked, &working),
            (None, Some(configured)) => places::url(configured, &folder),
            (None, None) => places::url(&home::state_folder()?.to_string_lossy(), &working),
        };
        let stack = match &globals.stack {
            Some(stack) => selection::checked(stack)?,
            None => selection::read(&state, &app.project)?,
        };
        files.read_stack(&stack)?;
        identity::check(&state, &app.project, &manifest)?;
        let store = terrane_state::open(&state)?;
        environment::set(&from, &stack, &state);
        let (name, providers) = (app.project.clone(), app.providers.clone());
        let program = terrane_engine::Project { name: name.clone(), program: app.program.clone(), providers };
        let (program, wait) = (Arc::new(program), globals.wait_lock.unwrap_or_default());
        Ok(Self { name, stack, state, files, store, manifest, program, wait })
    }

    /// The stack as the engine sees it.
    pub(crate) fn session(&self) -> Session {
        Session::new(self.program.clone(), &self.stack, self.store.clone(), self.config_source()).waiting(self.wait)
    }

    /// How long to wait for a stack that somebody else works on.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// Another stack of the same project.
    pub(crate) fn on_stack(&self, stack: &str) -> Result<Session> {
        let stack = selection::checked(stack)?;
        let config: ConfigSource = Arc::new(|| Ok(Config::default()));
        Ok(Session::new(self.program.clone(), &stack, self.store.clone(), config).waiting(self.wait))
    }

    /// Where state is kept, as a plan's heading says it.
    pub(crate) fn place(&self) -> String {
        let home = env::home_dir().map(|home| home.display().to_string()).filter(|home| home.len() > 1);
        let path = match (self.state.strip_prefix("file://"), self.state.split_once('?')) {
            (Some(path), _) => path,
            // How a bucket is reached is no part of where it is.
            (None, Some((place, _))) => place,
            (None, None) => &self.state,
        };
        match home.and_then(|home| path.strip_prefix(&home).map(str::to_owned)) {
            Some(rest) => format!("state in ~{rest}"),
            None => format!("state in {path}"),
        }
    }

    /// The region that the state would be lost with.
    pub(crate) fn state_region(&self) -> Option<String> {
        places::region(&self.state)
    }

    /// The stacks there are.
    pub(crate) async fn stacks(&self) -> Result<Vec<String>> {
        Ok(self.store.stacks(&self.name).await?)
    }

    /// Notes that this program's folder is the project's, before its first stack is made.
    pub(crate) fn claim(&self) -> Result<()> {
        identity::claim(&self.state, &self.name, &self.manifest)
    }

    /// Whether the stack is the one that nobody has to make or to select.
    pub(crate) fn is_default(&self) -> bool {
        self.stack == selection::DEFAULT
    }

    /// Forgets that a stack was selected, when it was.
    pub(crate) fn unselect(&self, stack: &str) -> Result<()> {
        if selection::read(&self.state, &self.name)? == stack { self.select(selection::DEFAULT) } else { Ok(()) }
    }

    /// Remembers the selected stack.
    pub(crate) fn select(&self, stack: &str) -> Result<()> {
        selection::write(&self.state, &self.name, stack)
    }
}

/// The folder from which upward the configuration is searched.
fn searched_from(asked: Option<&Path>, working: &Path) -> Result<PathBuf> {
    let folder = working.join(asked.unwrap_or(Path::new("")));
    match (asked, folder.is_dir()) {
        (None, _) => Ok(working.to_owned()),
        (Some(_), true) => Ok(folder),
        (Some(asked), false) => Err(Error::usage(format!("there is no folder {}", asked.display()))
            .hint("--folder (or TERRANE_FOLDER) says where terrane.toml is searched from")),
    }
}
