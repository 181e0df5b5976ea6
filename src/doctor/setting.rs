//! What a verdict depends on besides the observation: the system, and the user's folder.

use super::system::System;
use crate::shell;

/// What a remedy depends on besides the observation.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The system that the remedy is for.
    pub system: System,
    /// The relative path from the user's folder to the workspace: empty, or `../..`.
    pub workspace: String,
}

impl Setting {
    /// Returns a path in the workspace, relative to the user's folder.
    pub fn shown(&self, path: &str) -> String {
        match self.workspace.as_str() {
            "" => path.to_owned(),
            workspace => format!("{workspace}/{path}"),
        }
    }

    /// Returns the path, quoted for a command.
    pub fn typed(&self, path: &str) -> String {
        shell::path(self.shown(path))
    }

    /// Returns a command that sets a variable: later lines of `.env` override earlier ones.
    pub fn set_variable(&self, name: &str, value: &str) -> String {
        self.add_line(&format!("{name}={value}"))
    }

    /// Returns a command that appends a line to `.env`.
    pub fn add_line(&self, line: &str) -> String {
        format!("echo '{line}' >> {}", self.typed(".env"))
    }
}
