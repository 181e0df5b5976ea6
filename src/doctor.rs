//! What on this machine is not ready, and the command that fixes it.
//!
//! A check is one file of [`checks`], which says what it is about, what it sees, the verdict on that and
//! the remedy; its [`check::Check`] is a small trait. [`run`] decides in which order and for how long the
//! checks look, and [`report`] is the one result that both people and programs read.
//!
//! All of it is pure but [`machine`], through which checks look at the world. CONTRIBUTING.md shows how a
//! check is added.

pub mod check;
pub mod checks;
mod firewall;
pub mod host;
pub mod machine;
pub mod outcome;
pub mod ports;
pub mod remedy;
pub mod report;
pub mod required;
pub mod run;
pub mod select;
pub mod setting;
pub mod started;
pub mod system;
pub mod variables;
