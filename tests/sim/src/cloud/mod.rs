//! A cloud in memory, with the habits of real ones.
