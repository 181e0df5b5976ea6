//! Git: the only module that uses gix or git2, or runs the `git` program.
//!
//! Two halves. [`network`] uses gix: it clones and fetches fast, and uses the user's own ssh,
//! credential helpers and `insteadOf`. [`local`] uses git2: it reads what is on disk and
//! fast-forwards branches without losing anything. [`cli`] runs the user's `git` for everything
//! that neither can do. This module executes and never decides: the decisions are in `crate::sync`.

pub mod cache;
pub mod cli;
pub mod create;
mod error;
mod filter;
pub mod identity;
pub mod local;
mod meter;
pub mod network;
pub mod sizes;
pub mod staging;
pub mod survey;
mod tracked;
pub mod url;
mod values;

pub use cli::{lfs_version, version};
pub use error::{Cause, GitError};
pub use meter::{Gate, Meter, Phase, Reading};
pub use tracked::is_tracked;
