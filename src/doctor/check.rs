//! The words of doctor: a check, what it asks of the machine, and the verdict on the answer.

use std::time::Duration;

use serde::Serialize;

use super::data::DataProbe;
use super::finding::Finding;
use crate::workspace::{Protocol, Repo, Workspace};

/// One thing that has to be right.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Unique, and stable from one version to the next: `tools.engine`, `repos.api.branch`.
    pub id: String,
    /// Where it is counted; always the first part of the id.
    pub group: Group,
    /// What it verifies, in a few words.
    pub subject: String,
    /// Ids of the checks without which this one makes no sense.
    pub needs: Vec<String>,
    /// What to look at.
    pub probe: Probe,
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

/// What to look at: plain data, carried out by `probes`.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// The user's `git`.
    Git,
    /// The program `docker`.
    DockerClient,
    /// The engine that `docker` talks to.
    Engine,
    /// Docker Compose.
    Compose,
    /// The buildx plugin.
    Buildx,
    /// Free space on the workspace's disk.
    Disk,
    /// Memory for containers.
    Memory,
    /// The Git LFS extension, for those of these repos that use it.
    GitLfs(Vec<Repo>),
    /// How many files this user may watch for changes.
    Inotify,
    /// Linux inside of Windows, and the workspace's place in it.
    Wsl,
    /// An engine that runs as a user, and what it can't do.
    Rootless,
    /// A server that repos are cloned from, by asking it for this one of them.
    Access(Box<Server>),
    /// The clone of a repo, and which side of it the check is about.
    Repo(Box<Repo>, Aspect),
    /// Clones that the manifest does not name.
    Extra,
    /// Whether a file is there; relative to the workspace.
    File(String),
    /// Whether git would commit this file; relative to the workspace.
    Tracked(String),
    /// An env file beside its example.
    EnvKeys(EnvKeysProbe),
    /// A variable, as Compose would look it up.
    Variable(String),
    /// The compose file against what the manifest says.
    Drift,
    /// This machine's block of `.env` against what it should hold.
    EnvBlock,
    /// Compose's own opinion of the compose file, with a value made up for each of these variables.
    ComposeConfig(Vec<String>),
    /// What the shell and `.env` make of the files and the project.
    Selection,
    /// Whose the Compose project is.
    Owner,
    /// Whether the override adds ports that this workspace publishes already.
    Override(Box<Workspace>),
    /// Whether the host's port can be had.
    Port(PortProbe),
    /// Whether a service that runs on this machine listens.
    HostListener(HostService),
    /// Whether a container reaches this machine. It starts one.
    HostAddress(Box<Reach>),
    /// Whether a container reaches a service on this machine, by the same container.
    HostReach(Box<Reach>, HostService),
    /// The containers of a service.
    Running(RunningProbe),
    /// Data that the manifest may no longer match.
    Data(Box<DataProbe>),
    /// Nothing: the answer follows from the manifest and the variables.
    Known(Box<Finding>),
}

/// What is asked of a clone. All of it comes from one look at the clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// A clone is there.
    Cloned,
    /// It is a clone of the manifest's repo.
    Remote,
    /// `sync` can bring it to where the manifest wants it.
    Branch,
}

impl Probe {
    /// How long it may take, where that is longer than usual: its connections have 5 s each, the
    /// container around them takes its own time, and it has to be taken away again.
    pub fn patience(&self) -> Option<Duration> {
        match self {
            Probe::HostAddress(_) | Probe::HostReach(..) => Some(Duration::from_secs(60)),
            _ => None,
        }
    }
}

/// A service that runs on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostService {
    /// Its name in the manifest.
    pub name: String,
    /// What it is.
    pub preset: String,
    /// Where containers look for it.
    pub address: String,
    /// Its port on this machine.
    pub port: u16,
}

/// What a container has to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// `DOCKER_HOST_IP`.
    pub address: String,
    /// `DOCKER_HOST_GATEWAY`.
    pub gateway: String,
    /// The services that run on this machine.
    pub services: Vec<HostService>,
    /// Variables that Compose must find to read the file.
    pub made_up: Vec<String>,
}

/// A server that repos are cloned from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `git.example`, with the port where the URL has one.
    pub host: String,
    /// `ssh`, `https`, …
    pub transport: String,
    /// The repo that is asked for.
    pub repo: String,
    /// Its URL.
    pub url: String,
}

/// An env file of a repo, and the example that the repo has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvKeysProbe {
    /// Relative to the workspace: `api/.env`.
    pub file: String,
    /// Relative to the workspace: `api/.env.example`.
    pub example: String,
    /// Variables that the service gets from elsewhere.
    pub given: Vec<String>,
}

/// A service that may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningProbe {
    /// Its name.
    pub service: String,
    /// Variables that Compose must find to read the file.
    pub made_up: Vec<String>,
}

/// A port of the host that a service publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortProbe {
    /// Who publishes it.
    pub service: String,
    /// The host's address, as the compose file says it.
    pub address: String,
    /// The host's port on this machine.
    pub published: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The Compose variable that changes it.
    pub variable: String,
    /// The shell sets that variable, which beats `.env`.
    pub set_in_shell: bool,
    /// Ports that other services publish: no alternatives to this one.
    pub avoid: Vec<u16>,
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
    pub check: Check,
    /// The verdict.
    pub outcome: Outcome,
}
