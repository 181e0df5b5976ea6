//! What a check is, and what it says of itself.

use std::time::Duration;

use serde::Serialize;

use super::machine::Machine;
use super::outcome::{Fault, Outcome, Status};
use super::setting::Setting;

/// One thing that has to be right, or one of a family of them: one per repo, service or port.
///
/// A check is one file of `checks`, and what it sees is nobody else's business: the runner knows it as
/// [`super::run::AnyCheck`].
pub trait Check: Send + Sync + 'static {
    /// What can be seen: observations without a verdict.
    type Seen;

    /// Its row in docs/doctor.md.
    const PAGE: &'static Page;

    /// Which check of its family this is, and what it needs.
    fn about(&self) -> About;

    /// Looks at the machine, and at nothing beside it. It asks no question and writes nothing.
    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault>;

    /// The verdict on what was seen: pure.
    fn judge(&self, seen: Self::Seen, setting: &Setting) -> Outcome;

    /// How long a look may take, where that is longer than usual.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// What docs/doctor.md says of a check. A test compares the two, and this with the check's examples.
#[derive(Debug)]
pub struct Page {
    /// Its id; a part in capitals stands for a name of the workspace: `repos.REPO.cloned`.
    pub id: &'static str,
    /// What is true when it passes.
    pub in_order: &'static str,
    /// Every other verdict that it can give, and when.
    pub otherwise: &'static [(Status, &'static str)],
    /// What its remedies do. What stands in backticks is in one of them; `--fix` means a [`super::outcome::Fix`].
    pub fixed_by: &'static str,
}

/// What a check says of itself before it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Unique, and stable from one version to the next: `tools.engine`, `repos.api.branch`.
    pub id: String,
    /// Where it is counted; always the first part of the id.
    pub group: Group,
    /// What it verifies, in a few words.
    pub subject: String,
    /// Ids of the checks without which this one makes no sense.
    pub needs: Vec<String>,
    /// It can't tell where `.env` can't be read.
    pub reads_env_file: bool,
}

impl About {
    /// A check without needs. The id begins with the name of a group.
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

    /// The same check, which makes no sense without these.
    #[must_use]
    pub fn needs<S: Into<String>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        self.needs.extend(ids.into_iter().map(Into::into));
        self
    }

    /// The same check, which can't tell where `.env` can't be read.
    #[must_use]
    pub fn reads_env_file(mut self) -> Self {
        self.reads_env_file = true;
        self
    }
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Programs and limits of this machine.
    Tools,
    /// The servers that repos come from.
    Access,
    /// The clones.
    Repos,
    /// Files that the stack needs.
    Files,
    /// Variables that people must set.
    Env,
    /// The compose file.
    Compose,
    /// Ports that are published on this machine.
    Ports,
    /// Services that run on this machine.
    Host,
    /// Containers of this workspace.
    Running,
    /// What is in the volumes.
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

    /// The first part of the ids of its checks.
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
