//! The facade as programs and provider authors meet it.

mod demo;
mod derive;
mod ui;
