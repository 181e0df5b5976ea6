//! What a check is, and what it says of itself.

use std::time::Duration;

use serde::Serialize;

use super::machine::Machine;
use super::outcome::{Fault, Outcome, Status};
use super::setting::Setting;

/// A check, or one of a family of checks: one per repo, service or port.
///
/// A check is a file in `checks`. The type of its observation is private to it: the runner uses
/// [`super::run::AnyCheck`].
pub trait Check: Send + Sync + 'static {
    /// The observation, without a verdict.
    type Seen;

    /// Its row in docs/doctor.md.
    const PAGE: &'static Page;

    /// Describes this check of the family, and its prerequisites.
    fn about(&self) -> About;

    /// Observes the machine, and nothing else. Must not prompt or write anything.
    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault>;

    /// Returns the verdict on the observation: pure.
    fn judge(&self, seen: Self::Seen, setting: &Setting) -> Outcome;

    /// The timeout of `look`, if longer than usual.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// The row of a check in docs/doctor.md. A test compares the two, and this with the check's
/// examples.
#[derive(Debug)]
pub struct Page {
    /// Its id; an upper-case part is a placeholder for a name in the workspace:
    /// `repos.REPO.cloned`.
    pub id: &'static str,
    /// What is true when it passes.
    pub in_order: &'static str,
    /// All other possible verdicts, and when.
    pub otherwise: &'static [(Status, &'static str)],
    /// What its remedies do. What stands in backticks is in one of them; `--fix` means a [`super::outcome::Fix`].
    pub fixed_by: &'static str,
}

/// The description of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Unique, and stable from one version to the next: `tools.engine`, `repos.api.branch`.
    pub id: String,
    /// Its group; always the first part of the id.
    pub group: Group,
    /// What it verifies, as a short phrase.
    pub subject: String,
    /// Ids of its prerequisites.
    pub needs: Vec<String>,
    /// Whether it is unknown if `.env` can't be read.
    pub reads_env_file: bool,
}

impl About {
    /// A check without prerequisites. The id starts with the name of a group.
    pub fn new(id: impl Into<String>, subject: impl Into<String>) -> Self {
        let id = id.into();
        About {
            group: Group::of(&id),
            id,
            subject: subject.into(),
            needs: Vec::new(),
            reads_env_file: false,
        }
    }

    /// Adds prerequisites.
    #[must_use]
    pub fn needs<S: Into<String>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        self.needs.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Makes the check unknown if `.env` can't be read.
    #[must_use]
    pub fn reads_env_file(mut self) -> Self {
        self.reads_env_file = true;
        self
    }
}

/// The group of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Programs and limits of this machine.
    Tools,
    /// The servers that repos come from.
    Access,
    /// The clones.
    Repos,
    /// Files that services need.
    Files,
    /// Variables that the user must set.
    Env,
    /// The compose file.
    Compose,
    /// Ports that are published on this machine.
    Ports,
    /// Services that run on this machine.
    Host,
    /// Containers of this workspace.
    Running,
    /// The contents of volumes.
    Data,
}

impl Group {
    const ALL: [Group; 10] = [
        Group::Tools,
        Group::Access,
        Group::Repos,
        Group::Files,
        Group::Env,
        Group::Compose,
        Group::Ports,
        Group::Host,
        Group::Running,
        Group::Data,
    ];

    fn of(id: &str) -> Self {
        let name = id.split('.').next();
        let of_name = Group::ALL
            .into_iter()
            .find(|group| Some(group.name()) == name);
        of_name.unwrap_or_else(|| panic!("`{id}` begins with no group"))
    }

    /// Returns the first part of the ids of its checks.
    pub fn name(self) -> &'static str {
        match self {
            Group::Tools => "tools",
            Group::Access => "access",
            Group::Repos => "repos",
            Group::Files => "files",
            Group::Env => "env",
            Group::Compose => "compose",
            Group::Ports => "ports",
            Group::Host => "host",
            Group::Running => "running",
            Group::Data => "data",
        }
    }
}

/// A check with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The check.
    pub check: About,
    /// The verdict.
    pub outcome: Outcome,
}
