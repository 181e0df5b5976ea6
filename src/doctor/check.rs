//! The words of doctor: what a check is, what it says of itself, and the verdict on what it has seen.

use std::time::Duration;

use serde::Serialize;

use super::machine::Machine;
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
    /// What its remedies do. What stands in backticks is in one of them; `--fix` means a [`Fix`].
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

/// Why nothing was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The look panicked, with these words.
    Crashed(String),
    /// It took longer than it may.
    TimedOut(Duration),
    /// It was not able to look, for this reason.
    Blocked(String),
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Crashed(words) => Outcome::unknown(format!("the probe crashed: {words}")),
            Fault::TimedOut(limit) => {
                Outcome::unknown(format!("no answer within {} s", limit.as_secs_f32()))
            }
            Fault::Blocked(why) => Outcome::unknown(why),
        }
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

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Something will not work.
    Fail,
    /// Something may need a look.
    Warn,
    /// The probe crashed, took too long or was not let in: no verdict.
    Unknown,
    /// A check that this one needs has failed.
    Skipped,
    /// Worth knowing, and no problem.
    Info,
    /// In order.
    Pass,
}

impl Status {
    /// In order of weight.
    pub const ALL: [Status; 6] = [
        Status::Fail,
        Status::Warn,
        Status::Unknown,
        Status::Skipped,
        Status::Info,
        Status::Pass,
    ];

    /// As it is printed and as JSON has it.
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

/// The verdict on one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub status: Status,
    /// What was found: a lower-case sentence without a full stop.
    pub found: String,
    /// How to fix it.
    pub remedy: Remedy,
    /// For a skipped check: the check that failed.
    pub because: Option<String>,
    /// What `--fix` does about it, where that is safe.
    pub fix: Option<Fix>,
}

/// What `fitout doctor --fix` may do: nothing of it can lose anything, or needs another user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fix {
    /// Clone the repo of that name.
    Clone(String),
    /// Write the generated files; a hand edit is never overwritten.
    Generate,
    /// Create an env file from its example; both relative to the workspace.
    Create {
        /// What is created; never one that is there.
        file: String,
        /// What it is a copy of.
        from: String,
    },
}

/// How to fix what a check has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Commands to paste, in this order.
    pub run: Vec<String>,
    /// What to do beside them or instead; a sentence without a full stop.
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

    /// Something that no command does.
    pub fn note(note: impl Into<String>) -> Self {
        Remedy::default().and_note(note)
    }

    /// Adds a command that comes after the others.
    #[must_use]
    pub fn and_run(mut self, command: impl Into<String>) -> Self {
        self.run.push(command.into());
        self
    }

    /// Sets what to do beside the commands.
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

    /// Worth knowing, and no problem.
    pub fn info(found: impl Into<String>) -> Self {
        Outcome::new(Status::Info, found, Remedy::default())
    }

    /// Something may need a look.
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

    /// Not looked at because the check of that id failed.
    pub fn skipped(because: impl Into<String>) -> Self {
        let because = because.into();
        Outcome {
            found: format!("needs `{because}`"),
            because: Some(because),
            ..Outcome::new(Status::Skipped, "", Remedy::default())
        }
    }

    /// The same verdict, which `--fix` can do something about.
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

/// A check with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The check.
    pub check: About,
    /// The verdict.
    pub outcome: Outcome,
}

/// Long command lines and error texts, cut to what a person reads.
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

/// Names as they stand in a sentence: each in backticks, with commas between them.
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
                "the probe crashed: index out of bounds",
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
