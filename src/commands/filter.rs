//! `--changed`, `--on` and `--behind`: select clones by their state.

use crate::sync::{Head, Place, RepoState, Target};

/// Selects clones by state; if several options are given, all must match.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only clones with uncommitted changes, including untracked files
    #[arg(long)]
    changed: bool,
    /// Only clones with this branch checked out; can be repeated
    #[arg(long, value_name = "BRANCH", value_delimiter = ',')]
    on: Vec<String>,
    /// Only clones that are behind the manifest's branch, as of the last fetch
    #[arg(long)]
    behind: bool,
}

impl Filter {
    /// Whether any filter is set.
    pub(crate) fn is_set(&self) -> bool {
        self.changed || self.behind || !self.on.is_empty()
    }

    /// Whether the repo is selected. A repo whose state is unknown always is: the command then
    /// reports why.
    pub(crate) fn includes(&self, state: &RepoState) -> bool {
        let clone = match &state.place {
            Place::Clone(clone) => clone,
            Place::Missing => return !self.is_set(),
            Place::Occupied(_)
            | Place::Astray(_)
            | Place::OtherRemote(_)
            | Place::OtherOwner(_)
            | Place::Unreadable(_) => {
                return true;
            }
        };
        let is_changed = !clone.changes.is_empty();
        let is_behind = matches!(clone.target, Target::Branch { behind: 1.., .. });
        let is_on = match &clone.head {
            Head::Branch(name) | Head::Unborn(name) => self.on.contains(name),
            Head::Detached(_) => false,
        };
        (!self.changed || is_changed)
            && (!self.behind || is_behind)
            && (self.on.is_empty() || is_on)
    }

    /// The message if no clone matches.
    pub(crate) fn none_left(&self) -> String {
        let changed = self.changed.then(|| "--changed".to_owned());
        let on = self.on.iter().map(|branch| format!("--on {branch}"));
        let behind = self.behind.then(|| "--behind".to_owned());
        let words: Vec<String> = changed.into_iter().chain(on).chain(behind).collect();
        format!("no clone matches `{}`", words.join(" "))
    }
}
