//! Why a clone stays where it is, and the command that the user may run instead, which loses nothing.

use super::state::{CloneState, Head};

/// A reason, and the git command that resolves it: its arguments after `git -C PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Lower case, no full stop.
    pub why: String,
    /// For the user to run.
    pub command: Option<String>,
    /// A command to run first, so that nothing is lost.
    pub(super) before: Option<String>,
    /// Whether to stash staged changes around it.
    pub(super) stashes: bool,
    /// What the command checks out, if anything.
    pub(super) goal: Option<Goal>,
}

/// What to check out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The remote's branch, as of the last fetch.
    Upstream,
    /// The local branch with the same name, which tracks it.
    Branch,
    /// The tag or commit of the manifest.
    Pin,
}

impl Note {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Note {
            why: why.into(),
            ..Note::default()
        }
    }

    pub(super) fn with_command(why: impl Into<String>, command: impl Into<String>) -> Self {
        Note {
            command: Some(command.into()),
            ..Note::new(why)
        }
    }

    /// Sets what the command checks out.
    pub(super) fn to(self, goal: Goal) -> Self {
        Note {
            goal: Some(goal),
            ..self
        }
    }

    /// Adds a command that keeps the commit which the suggested command would leave behind, if no
    /// ref contains it.
    pub(super) fn keeping(self, clone: &CloneState) -> Self {
        match &clone.head {
            Head::Detached(commit) if !clone.kept && self.goal.is_some() => Note {
                before: Some(rescue(commit)),
                ..self
            },
            _ => self,
        }
    }

    /// Staged content may exist nowhere else, and git replaces it with that of the work tree.
    pub(super) fn stashing(self, clone: &CloneState) -> Self {
        Note {
            stashes: clone.changes.staged > 0,
            ..self
        }
    }

    /// git silently overwrites ignored files, so no command is suggested that would do so.
    pub(super) fn unless(self, obstacle: Option<&str>) -> Self {
        match obstacle.filter(|_| self.goal.is_some()) {
            Some(obstacle) => self.blocked_by(obstacle),
            None => self,
        }
    }

    /// Adds what its command would overwrite, and removes the command.
    #[must_use]
    pub fn blocked_by(self, obstacle: &str) -> Self {
        Note::new(format!("{}; {obstacle}", self.why))
    }

    /// Returns the command to type for the clone at `shown_path`, which is already quoted.
    pub fn typed(&self, shown_path: &str) -> Option<String> {
        let command = self.command.as_ref()?;
        let around = self.stashes.then_some(("stash", "stash pop --index"));
        let (stash, pop) = around.unzip();
        let commands = self.before.as_deref().into_iter().chain(stash);
        let typed: Vec<String> = commands
            .chain([command.as_str()])
            .chain(pop)
            .map(|command| format!("git -C {shown_path} {command}"))
            .collect();
        Some(typed.join(" && "))
    }
}

/// Returns a command that keeps a commit on a branch; running it again gives the same branch.
pub fn rescue(commit: &str) -> String {
    format!("branch --force rescue-{commit} {commit}")
}
