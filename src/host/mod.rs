//! This machine: its addresses, ports, user, limits and signals.
//!
//! Reads and reports; never decides and never prints.

pub mod interrupt;
