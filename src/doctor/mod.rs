//! What on this machine is not ready, and the command that fixes it.
//!
//! Checks are data ([`catalogue`] makes them from a workspace, with the modules of larger groups), [`run`] decides in which order and
//! for how long they are probed, [`judge`] turns what a probe found into a verdict with a remedy
//! for this very [`system`], and [`report`] is the one result that both people and programs read.
//!
//! Everything here is pure but [`probes`], the one file that looks at the machine: for each kind of
//! [`check::Probe`] it has one function that gives a [`finding::Finding`].
//!
//! To add a check: an entry in [`catalogue`]; where no probe sees it yet, a variant of
//! [`check::Probe`] and of [`finding::Finding`] with its line in [`probes`]; its verdict in [`judge`],
//! with a row in the tables of its tests; and a test in `tests/it/doctor.rs` that makes the real
//! cause.

pub mod access;
pub mod catalogue;
pub mod check;
pub mod data;
pub mod files;
pub mod finding;
pub mod host;
pub mod judge;
pub mod ports;
pub mod probes;
pub mod remedy;
pub mod report;
pub mod required;
pub mod run;
pub mod select;
pub mod started;
pub mod system;
pub mod variables;
