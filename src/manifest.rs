//! Reads `workspace.toml` and `workspace.local.toml`: text in, tables with spans out.
//!
//! [`model`] is what may stand in the files, [`decode`] reads it and reports every key or value
//! that does not fit, and [`report`] is how problems look. What the values mean together (names
//! that must exist, ports that must differ) is checked where they are resolved, in
//! [`crate::workspace`]. Pure: the text has been read before.

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
