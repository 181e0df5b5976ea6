//! Why a clone stays where it is, and the command that the user may run instead, which loses nothing.

use super::state::{CloneState, Head};

/// Why, and the git command that settles it: its arguments after `git -C PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Lower case, no full stop.
    pub why: String,
    /// For the user to run.
    pub command: Option<String>,
    /// To run before it, so that it loses nothing.
    pub(super) before: Option<String>,
    /// Put what is staged aside for it, and back again.
    pub(super) stashes: bool,
    /// What the command checks out, if it does.
    pub(super) goal: Option<Goal>,
}

/// What is to be checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The remote's branch, as the last fetch saw it.
    Upstream,
    /// The branch of the same name, which follows it.
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

    /// The command checks something out.
    pub(super) fn to(self, goal: Goal) -> Self {
        Note {
            goal: Some(goal),
            ..self
        }
    }

    /// With what keeps the commit that its command would leave, where nothing else holds that.
    pub(super) fn keeping(self, clone: &CloneState) -> Self {
        match &clone.head {
            Head::Detached(commit) if !clone.kept && self.goal.is_some() => Note {
                before: Some(rescue(commit)),
                ..self
            },
            _ => self,
        }
    }

    /// What is staged may be nowhere else, and git drops it for what the work tree has.
    pub(super) fn stashing(self, clone: &CloneState) -> Self {
        Note {
            stashes: clone.changes.staged > 0,
            ..self
        }
    }

    /// git overwrites ignored files without a word, so no command is offered that would.
    pub(super) fn unless(self, obstacle: Option<&str>) -> Self {
        match obstacle.filter(|_| self.goal.is_some()) {
            Some(obstacle) => self.blocked_by(obstacle),
            None => self,
        }
    }

    /// With what its command would overwrite, and without the command.
    #[must_use]
    pub fn blocked_by(self, obstacle: &str) -> Self {
        Note::new(format!("{}; {obstacle}", self.why))
    }

    /// What to type, for the clone at `shown_path`, a word of a command.
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

/// Keeps a commit on a branch of its own; the same branch however often it is typed.
pub fn rescue(commit: &str) -> String {
    format!("branch --force rescue-{commit} {commit}")
}
