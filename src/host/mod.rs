//! This machine: its files, addresses, ports, user, limits and signals.
//!
//! Reads and reports; never decides and never prints.

pub mod address;
pub mod files;
pub mod interrupt;
