//! fitout takes a developer from a fresh laptop to every service of the company running.
//!
//! A functional core in an imperative shell. In reading order:
//!
//! - [`manifest`] parses `workspace.toml` and reports all errors in it; [`workspace`] is the result
//!   with all defaults filled in.
//! - [`compose`], [`dotenv`], [`sync`] and [`doctor`] turn a workspace into a compose file, an
//!   `.env` block, a plan for git and a list of checks; [`running`] is the state of its containers,
//!   [`runtime`] the address at which they reach this machine. In the other direction, [`stack`]
//!   and [`draft`] turn the contents of a repo into manifest tables. They are pure: data in, data
//!   out. So is [`dockerfile`], which parses and lints Dockerfiles.
//! - [`git`], [`docker`], [`host`] and [`ui`] touch the world. They execute and never decide.
//! - `ops` has the operations, which use both sides; `commands` has one file per command, which
//!   parses arguments, calls an operation and prints; [`cli`] is the command line; [`error`] the
//!   exit codes.
//!
//! ARCHITECTURE.md has the data flow and the invariants.

pub mod cli;
mod commands;
pub mod compose;
pub mod copies;
pub mod docker;
pub mod dockerfile;
pub mod doctor;
pub mod dotenv;
pub mod draft;
pub mod error;
pub mod git;
pub mod host;
pub mod manifest;
pub mod markup;
mod ops;
pub mod plural;
pub mod running;
pub mod runtime;
pub mod shell;
pub mod stack;
pub mod sync;
pub mod ui;
pub mod workspace;
