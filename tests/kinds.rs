//! The local platform's kinds as programs use them: what a change does, and what is put right when somebody meddles.

mod buckets;
mod files;
mod processes;
mod regions;
