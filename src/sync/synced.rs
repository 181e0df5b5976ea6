//! What came of all repos: the result of `fitout sync`, for people and programs.

use serde::Serialize;

use super::report::RepoReport;
use crate::error::Exit;

/// What came of it, in the order of the manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Synced {
    /// Grows when a field changes its meaning or goes away.
    pub schema_version: u32,
    /// Whether Ctrl-C came first.
    pub interrupted: bool,
    /// One a repo.
    pub repos: Vec<RepoReport>,
    /// Clones below the manifest's `repos_dir` that it does not name. They are never touched.
    pub not_in_manifest: Vec<Unnamed>,
}

/// A clone that the manifest does not name.
#[derive(Clone, Debug, Serialize)]
pub struct Unnamed {
    /// Relative to the workspace.
    pub path: String,
    /// Where it comes from, without a password.
    pub url: Option<String>,
}

impl Synced {
    /// Version of the JSON output.
    pub const SCHEMA_VERSION: u32 = 1;

    /// Takes the place of what came of some of the repos before.
    pub fn replace(&mut self, later: Synced) {
        self.interrupted |= later.interrupted;
        for report in later.repos {
            if let Some(first) = self.repos.iter_mut().find(|it| it.name == report.name) {
                *first = report;
            }
        }
    }

    /// The exit status that says so.
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
