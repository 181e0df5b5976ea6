//! This machine: its files, addresses, ports, user, limits, programs and signals.
//!
//! Reads and executes; never decides and never prints.

pub mod address;
pub mod browser;
pub mod files;
pub mod here;
pub mod interrupt;
pub mod linters;
pub mod nonce;
pub mod os;
pub mod place;
pub mod ports;
pub mod process;
pub mod resources;
pub mod state;
pub mod surroundings;
pub mod tree;
pub mod user;
pub mod workspaces;
