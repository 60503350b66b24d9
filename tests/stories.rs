//! What the engine promises, told as stories: a program, then another version of it, and what happens to the cloud.

mod changes;
mod crashes;
mod drift;
mod expansions;
mod failures;
mod journal;
mod mistakes;
mod moves;
mod options;
mod orders;
mod outputs;
mod random;
mod recovery;
mod rollouts;
mod secrets;
mod selections;
mod stacks;
