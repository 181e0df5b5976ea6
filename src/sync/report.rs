//! The result for a repo: a row of the final table, an object of the JSON output.

use serde::Serialize;

use super::note::Note;
use super::state::Seen;
use crate::plural::count;
use crate::workspace::{Checkout, Repo};

/// The result for a repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepoReport {
    /// The repo's name.
    pub name: String,
    /// Relative to the workspace.
    pub path: String,
    /// The wanted branch, tag or commit; unknown for a remote's default branch that was never
    /// fetched.
    pub reference: Option<String>,
    /// Results.
    pub outcome: Outcome,
    /// The reason, or additional information.
    pub note: Option<String>,
    /// The command that resolves it.
    pub command: Option<String>,
    /// Whether a clone with another URL is at its path.
    #[serde(skip)]
    pub has_other_url: bool,
    /// Technical details of a failure, for `-v`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What was done to a repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was missing.
    Cloned,
    /// It was behind, or not at its pinned commit.
    Updated,
    /// Nothing to do.
    UpToDate,
    /// It is up to the user, and nothing is wrong.
    Left,
    /// It is behind, but updating could have lost or mixed up work.
    HeldBack,
    /// Something else is at its path, or git is in the middle of an operation.
    Refused,
    /// It could not be cloned, fetched or updated.
    Failed,
    /// Skipped on this machine.
    Skipped,
    /// Interrupted by Ctrl-C.
    Interrupted,
}

impl Outcome {
    /// As the table prints it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Cloned => "cloned",
            Outcome::Updated => "updated",
            Outcome::UpToDate => "up to date",
            Outcome::Left => "left as is",
            Outcome::HeldBack => "held back",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
            Outcome::Interrupted => "interrupted",
        }
    }

    /// Whether the repo is as the manifest wants it, or as the user chose.
    pub fn is_fine(self) -> bool {
        match self {
            Outcome::Cloned
            | Outcome::Updated
            | Outcome::UpToDate
            | Outcome::Left
            | Outcome::Skipped => true,
            Outcome::HeldBack | Outcome::Refused | Outcome::Failed | Outcome::Interrupted => false,
        }
    }
}

impl RepoReport {
    /// A report without a note.
    pub fn new(repo: &Repo, outcome: Outcome) -> Self {
        RepoReport {
            name: repo.name.clone(),
            path: repo.path.clone(),
            reference: match &repo.checkout {
                Checkout::RemoteDefault => None,
                Checkout::Branch(name) | Checkout::Tag(name) | Checkout::Rev(name) => {
                    Some(name.clone())
                }
            },
            outcome,
            note: None,
            command: None,
            has_other_url: false,
            detail: None,
        }
    }

    /// Adds a reason and the git command that resolves it, in the clone at `shown_path`, which is
    /// already quoted.
    #[must_use]
    pub fn noted(mut self, note: Note, shown_path: &str) -> Self {
        self.command = note.typed(shown_path);
        self.note = Some(note.why);
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn told(mut self, note: impl Into<Option<String>>) -> Self {
        self.note = note.into();
        self
    }

    /// Appends a note.
    #[must_use]
    pub fn also(mut self, more: Option<String>) -> Self {
        self.note = match (self.note, more) {
            (Some(note), Some(more)) => Some(format!("{note}; {more}")),
            (note, more) => note.or(more),
        };
        self
    }

    /// Appends a note, and the git command that resolves it, unless there already is one.
    #[must_use]
    pub fn also_noted(mut self, note: Note, shown_path: &str) -> Self {
        self.command = self.command.or_else(|| note.typed(shown_path));
        self.also(Some(note.why))
    }

    /// Sets the outcome, and keeps the existing notes.
    #[must_use]
    pub fn but(self, end: RepoReport) -> Self {
        RepoReport {
            reference: self.reference.clone(),
            note: self.also(end.note).note,
            ..end
        }
    }

    /// Adds the notes of a fetch. A clone at a moved tag differs from a new clone.
    #[must_use]
    pub fn with_seen(mut self, note: Note, seen: &Seen, shown_path: &str) -> Self {
        if self.outcome == Outcome::UpToDate && seen.moved_tag.is_some() {
            self.outcome = Outcome::HeldBack;
        }
        self.also_noted(note, shown_path)
    }

    /// Sets the branch that is checked out, if the manifest has none.
    #[must_use]
    pub fn on(mut self, reference: Option<String>) -> Self {
        self.reference = self.reference.or(reference);
        self
    }
}

/// `12 repos: 10 cloned, 1 up to date, 1 failed`, in the order of [`Outcome`].
pub fn summary(reports: &[RepoReport]) -> String {
    const ORDER: [Outcome; 9] = [
        Outcome::Cloned,
        Outcome::Updated,
        Outcome::UpToDate,
        Outcome::Left,
        Outcome::HeldBack,
        Outcome::Refused,
        Outcome::Failed,
        Outcome::Skipped,
        Outcome::Interrupted,
    ];
    let parts: Vec<String> = ORDER
        .iter()
        .filter_map(|&outcome| {
            let number = reports
                .iter()
                .filter(|report| report.outcome == outcome)
                .count();
            (number > 0).then(|| format!("{number} {}", outcome.word()))
        })
        .collect();
    format!("{}: {}", count(reports.len(), "repo"), parts.join(", "))
}
