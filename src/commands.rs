//! One file per command: an `Args` struct, whose doc comment is the help text, and `run`.
//!
//! A command parses its arguments, calls an operation in `ops`, and prints the result.

pub(crate) mod add;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod copies;
pub(crate) mod copy;
pub(crate) mod day_two;
pub(crate) mod db;
pub(crate) mod demo;
pub(crate) mod dockerfile;
pub(crate) mod doctor;
mod filter;
pub(crate) mod foreach;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod lint;
pub(crate) mod lock;
pub(crate) mod man;
pub(crate) mod remove;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod test;
pub(crate) mod up;
pub(crate) mod use_service;

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Human-readable text
    #[default]
    Text,
    /// JSON with a `schema_version`
    Json,
}
