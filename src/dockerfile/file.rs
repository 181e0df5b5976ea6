//! A Dockerfile with what is known of its use: how it is built, for what, and from which files.

use std::collections::BTreeMap;

use super::ignore_file::IgnoreFile;
use super::variables::Variables;

/// A Dockerfile and its uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    /// Its text.
    pub source: String,
    /// How it is built.
    pub builds: Vec<Build>,
    /// Its build context.
    pub context: Context,
}

/// A build of a Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The purpose of the image.
    pub purpose: Purpose,
    /// The stage to build; the last one by default.
    pub target: Option<String>,
    /// Build arguments in the manifest.
    pub build_args: Variables,
    /// Whether the manifest has a health check for it.
    pub has_healthcheck: bool,
}

/// The purpose of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Runs on a developer's machine.
    Development,
    /// Runs in production.
    Production,
}

/// A build context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Relative to the workspace.
    pub folder: String,
    /// The ignore file that Docker would use, relative to the workspace.
    pub ignore_path: String,
    /// Its text; `None` if it doesn't exist.
    pub ignore_text: Option<String>,
    /// Package manifests at its root, by name, with their text.
    pub manifests: BTreeMap<String, String>,
}

impl Context {
    /// The files that Docker excludes.
    pub fn ignore_file(&self) -> IgnoreFile {
        IgnoreFile::parse(self.ignore_text.as_deref().unwrap_or_default())
    }
}
