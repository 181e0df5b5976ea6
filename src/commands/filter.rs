//! `--changed`, `--on` and `--behind`: which clones a command is about, by their state.

use crate::sync::{Head, Place, RepoState, Target};

/// Only clones in a certain state; where several are given, all must hold.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only clones with changes that are not committed, untracked files included
    #[arg(long)]
    changed: bool,
    /// Only clones with this branch checked out; may be given several times
    #[arg(long, value_name = "BRANCH", value_delimiter = ',')]
    on: Vec<String>,
    /// Only clones that lack commits of the manifest's branch, as of the last fetch
    #[arg(long)]
    behind: bool,
}

impl Filter {
    /// Whether any repo could be left out.
    pub(crate) fn is_set(&self) -> bool {
        self.changed || self.behind || !self.on.is_empty()
    }

    /// Whether the command is about this repo. One whose state can't be told is never left out: the command
    /// says what is in its place.
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

    /// What is said where it leaves no clone.
    pub(crate) fn none_left(&self) -> String {
        let changed = self.changed.then(|| "--changed".to_owned());
        let on = self.on.iter().map(|branch| format!("--on {branch}"));
        let behind = self.behind.then(|| "--behind".to_owned());
        let words: Vec<String> = changed.into_iter().chain(on).chain(behind).collect();
        format!("no clone matches `{}`", words.join(" "))
    }
}
