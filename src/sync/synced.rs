//! The result of `fitout sync` for all repos, as text and JSON.

use serde::Serialize;

use super::report::RepoReport;
use crate::error::Exit;

/// The results, in the order of the manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Synced {
    /// Incremented when a field is removed or its meaning changes.
    pub schema_version: u32,
    /// Whether it was interrupted by Ctrl-C.
    pub interrupted: bool,
    /// One per repo.
    pub repos: Vec<RepoReport>,
    /// Clones below `repos_dir` that are not in the manifest. They are never touched.
    pub not_in_manifest: Vec<Unnamed>,
}

/// A clone that is not in the manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Unnamed {
    /// Relative to the workspace.
    pub path: String,
    /// Its remote, without a password.
    pub url: Option<String>,
}

impl Synced {
    /// Version of the JSON output.
    pub const SCHEMA_VERSION: u32 = 1;

    /// Replaces the results of these repos.
    pub fn replace(&mut self, later: Synced) {
        self.interrupted |= later.interrupted;
        for report in later.repos {
            if let Some(first) = self.repos.iter_mut().find(|it| it.name == report.name) {
                *first = report;
            }
        }
    }

    /// Returns the exit status.
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.repos.iter().all(|report| report.outcome.is_fine()) {
            Exit::Done
        } else {
            Exit::Findings
        }
    }
}
