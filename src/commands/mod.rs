//! One file a command: an `Args` struct, whose doc comment is the help text, and `run`.
//!
//! A command parses, calls an operation of `ops`, and prints what came of it.

pub mod add;
pub mod cache;
pub mod completions;
pub mod copies;
pub mod copy;
pub mod day_two;
pub mod db;
pub mod demo;
pub mod dockerfile;
pub mod doctor;
mod filter;
pub mod foreach;
pub mod generate;
pub mod init;
pub mod lint;
pub mod lock;
pub mod man;
pub mod remove;
mod renew;
pub mod schema;
pub mod status;
pub mod sync;
pub mod test;
pub mod up;
pub mod use_service;

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs, with a `schema_version`
    Json,
}
