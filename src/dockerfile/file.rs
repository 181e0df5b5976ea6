//! A Dockerfile with what is known of its use: how it is built, for what, and from which files.

use std::collections::BTreeMap;

use super::ignore_file::IgnoreFile;
use super::variables::Variables;

/// A Dockerfile with what is known of its use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    /// Its text.
    pub source: String,
    /// How it is built.
    pub builds: Vec<Build>,
    /// What it is built from.
    pub context: Context,
}

/// One way in which a Dockerfile is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// What the image is for.
    pub purpose: Purpose,
    /// The stage that is built; the last one where not set.
    pub target: Option<String>,
    /// Values that the manifest gives.
    pub build_args: Variables,
    /// Whether the manifest has a health check for it.
    pub has_healthcheck: bool,
}

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Runs on a developer's machine.
    Development,
    /// Runs for customers.
    Production,
}

/// What is known of a build context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Relative to the workspace.
    pub folder: String,
    /// The ignore file that Docker would read, relative to the workspace.
    pub ignore_path: String,
    /// Its text; `None` where there is none.
    pub ignore_text: Option<String>,
    /// The manifests at its top, by name, with their text.
    pub manifests: BTreeMap<String, String>,
}

impl Context {
    /// What Docker leaves out.
    pub fn ignore_file(&self) -> IgnoreFile {
        IgnoreFile::parse(self.ignore_text.as_deref().unwrap_or_default())
    }
}
