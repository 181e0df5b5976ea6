//! The verdict of a check, with its remedy, and why there is none.

use std::time::Duration;

use serde::Serialize;

/// The status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something will not work.
    Fail,
    /// Something may need attention.
    Warn,
    /// The check crashed, timed out or lacked permission: no verdict.
    Unknown,
    /// A prerequisite has failed.
    Skipped,
    /// Worth knowing, but not a problem.
    Info,
    /// In order.
    Pass,
}

impl Status {
    /// By severity.
    pub const ALL: [Status; 6] = [
        Status::Fail,
        Status::Warn,
        Status::Unknown,
        Status::Skipped,
        Status::Info,
        Status::Pass,
    ];

    /// Returns its name, as printed and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Fail => "fail",
            Status::Warn => "warn",
            Status::Unknown => "unknown",
            Status::Skipped => "skipped",
            Status::Info => "info",
            Status::Pass => "pass",
        }
    }
}

/// The verdict of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status.
    pub status: Status,
    /// What was found: a lower-case sentence without a full stop.
    pub found: String,
    /// How to fix it.
    pub remedy: Remedy,
    /// For a skipped check: the check that failed.
    pub because: Option<String>,
    /// What `--fix` does about it, if that is safe.
    pub fix: Option<Fix>,
}

/// What `fitout doctor --fix` can do: none of it can lose anything, or needs root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fix {
    /// Clone the repo of that name.
    Clone(String),
    /// Write the generated files; a hand edit is never overwritten.
    Generate,
    /// Create an env file from its example; both relative to the workspace.
    Create {
        /// The file to create; never an existing one.
        file: String,
        /// The file to copy.
        from: String,
    },
}

/// How to fix what a check has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Commands to paste, in this order.
    pub run: Vec<String>,
    /// What to do in addition or instead; a sentence without a full stop.
    pub note: Option<String>,
}

impl Remedy {
    /// A command to paste.
    pub fn run(command: impl Into<String>) -> Self {
        Remedy {
            run: vec![command.into()],
            note: None,
        }
    }

    /// Something that can't be done with a command.
    pub fn note(note: impl Into<String>) -> Self {
        Remedy::default().and_note(note)
    }

    /// Appends a command.
    #[must_use]
    pub fn and_run(mut self, command: impl Into<String>) -> Self {
        self.run.push(command.into());
        self
    }

    /// Sets what to do in addition to the commands.
    #[must_use]
    pub fn and_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

impl Outcome {
    /// In order.
    pub fn pass(found: impl Into<String>) -> Self {
        Outcome::new(Status::Pass, found, Remedy::default())
    }

    /// Worth knowing, but not a problem.
    pub fn info(found: impl Into<String>) -> Self {
        Outcome::new(Status::Info, found, Remedy::default())
    }

    /// Something may need attention.
    pub fn warn(found: impl Into<String>, remedy: Remedy) -> Self {
        Outcome::new(Status::Warn, found, remedy)
    }

    /// Something will not work.
    pub fn fail(found: impl Into<String>, remedy: Remedy) -> Self {
        Outcome::new(Status::Fail, found, remedy)
    }

    /// No verdict.
    pub fn unknown(found: impl Into<String>) -> Self {
        Outcome::new(Status::Unknown, found, Remedy::default())
    }

    /// Skipped because the check with that id failed.
    pub fn skipped(because: impl Into<String>) -> Self {
        let because = because.into();
        Outcome {
            found: format!("needs `{because}`"),
            because: Some(because),
            ..Outcome::new(Status::Skipped, "", Remedy::default())
        }
    }

    /// Adds what `--fix` can do about it.
    #[must_use]
    pub fn fixed_by(self, fix: Fix) -> Self {
        Outcome {
            fix: Some(fix),
            ..self
        }
    }

    fn new(status: Status, found: impl Into<String>, remedy: Remedy) -> Self {
        Outcome {
            status,
            found: found.into(),
            remedy,
            because: None,
            fix: None,
        }
    }
}

/// Why there is no observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `look` panicked, with this message.
    Crashed(String),
    /// It exceeded its timeout.
    TimedOut(Duration),
    /// It could not observe, for this reason.
    Blocked(String),
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Crashed(words) => Outcome::unknown(format!("the check crashed: {words}")),
            Fault::TimedOut(limit) => {
                Outcome::unknown(format!("no answer within {} s", limit.as_secs_f32()))
            }
            Fault::Blocked(why) => Outcome::unknown(why),
        }
    }
}

/// Truncates long command lines and error messages.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > MOST {
        let cut: String = line.chars().take(MOST).collect();
        format!("{cut}…")
    } else {
        line
    }
}

/// Formats names for a sentence: in backticks, separated by commas.
pub(super) fn quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names = names.into_iter();
    let quoted: Vec<String> = names.map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kept_a_check_from_looking_is_no_verdict() {
        let cases = [
            (
                Fault::Crashed("index out of bounds".to_owned()),
                "the check crashed: index out of bounds",
            ),
            (
                Fault::TimedOut(Duration::from_secs(5)),
                "no answer within 5 s",
            ),
            (
                Fault::Blocked("permission denied".to_owned()),
                "permission denied",
            ),
        ];
        for (fault, found) in cases {
            assert_eq!(Outcome::from(fault), Outcome::unknown(found));
        }
    }
}
