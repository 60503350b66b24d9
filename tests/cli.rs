//! The command line as a person uses it: the real program, told as sessions. Each shows stdout, then stderr, then the exit status if
//! it isn't 0.

mod changes;
mod config;
mod doctor;
mod events;
mod interrupts;
mod local;
mod locks;
mod plans;
mod safety;
mod secrets;
mod stacks;
mod state;
mod terminal;
mod transfer;
mod words;
