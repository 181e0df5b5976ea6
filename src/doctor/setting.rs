//! What a verdict depends on beside what was seen: the system, and where the user stands.

use super::system::System;
use crate::shell;

/// What a remedy depends on beside what was seen.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The system that the remedy is for.
    pub system: System,
    /// How to get from the user's folder to the workspace: empty, or `../..`.
    pub workspace: String,
}

impl Setting {
    /// A path of the workspace, from where the user is.
    pub fn shown(&self, path: &str) -> String {
        match self.workspace.as_str() {
            "" => path.to_owned(),
            workspace => format!("{workspace}/{path}"),
        }
    }

    /// The same, as a word of a command.
    pub fn typed(&self, path: &str) -> String {
        shell::path(self.shown(path))
    }

    /// A command that sets a variable: later lines of `.env` win over earlier ones.
    pub fn set_variable(&self, name: &str, value: &str) -> String {
        self.add_line(&format!("{name}={value}"))
    }

    /// A command that adds a line to `.env`.
    pub fn add_line(&self, line: &str) -> String {
        format!("echo '{line}' >> {}", self.typed(".env"))
    }
}
