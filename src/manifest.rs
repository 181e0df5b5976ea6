//! Parses `workspace.toml` and `workspace.local.toml`: text in, tables with spans out.
//!
//! [`model`] defines the tables, [`decode`] parses them and reports all invalid keys and values,
//! and [`report`] formats errors. What the values mean together (names that must exist, ports that
//! must differ) is checked in [`crate::workspace`]. Pure: the caller reads the files.

pub mod copied;
pub mod decode;
pub mod edit;
pub mod lock;
pub mod model;
pub mod report;
pub mod schema;
mod section;

pub use model::{Manifest, PersonalFile, Spanned};
pub use report::{Diagnostic, Report};

/// The manifest's file name.
pub const FILE: &str = "workspace.toml";
/// The personal file's name.
pub const PERSONAL_FILE: &str = "workspace.local.toml";
