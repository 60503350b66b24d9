//! For unit tests of a user's own programs: the plan as a value, without state, files or calls.

use crate::{Plan, Result, Stack, automation::Project};

/// The plan of a program in an empty stack named `test`.
///
/// # Errors
/// When the program fails.
pub fn plan(program: impl Fn(&Stack) -> Result<()> + Send + Sync + 'static) -> Result<Plan> {
    plan_with(&Project::new("test", program))
}

/// The plan of a project, with its configuration, in an empty stack named `test`.
///
/// # Errors
/// When the program fails.
pub fn plan_with(project: &Project) -> Result<Plan> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(project.stack("test").preview())?)
}
