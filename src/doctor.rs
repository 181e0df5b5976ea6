//! Finds what isn't ready on this machine, and the command that fixes it.
//!
//! A check is a file in [`checks`], with its description, observation, verdict and remedy; it
//! implements the small trait [`check::Check`]. [`run`] determines the order and the timeouts of
//! checks, and [`report`] is the result, as text and JSON.
//!
//! Everything is pure except [`machine`], through which checks access the world. CONTRIBUTING.md
//! shows how to add a check.

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
