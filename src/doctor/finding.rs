//! What a probe can find: observations without a verdict.

use std::time::Duration;

use crate::compose::overrides::AddedPort;
use crate::sync::RepoState;

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// The version of `git`; none when there is no such program.
    Git(Option<String>),
    /// The program `docker`.
    DockerClient(ClientSeen),
    /// The engine.
    Engine(EngineSeen),
    /// Docker Compose.
    Compose(ComposeSeen),
    /// The version of buildx; none when there is no such plugin.
    Buildx(Option<String>),
    /// Bytes that are free.
    Disk(u64),
    /// Bytes that containers can have, and bytes that are free now where that is known.
    Memory {
        /// In all.
        total: u64,
        /// Now.
        available: Option<u64>,
    },
    /// What is where a clone should be.
    Repo(Box<RepoState>),
    /// Whether the file is there.
    File(FileSeen),
    /// Whether git would commit the file.
    Tracked(bool),
    /// Where the variable is set; none when nowhere, or to nothing.
    Variable(Option<Origin>),
    /// The compose file against the manifest.
    Drift(DriftSeen),
    /// Whether fitout's block of `.env` is what it would write now.
    EnvBlock(bool),
    /// What Compose says of the file.
    ComposeConfig(ConfigSeen),
    /// Ports that the override publishes a second time.
    Override(Vec<AddedPort>),
    /// The port.
    Port(PortSeen),
    /// The port's variable holds something that is no port.
    PortValue {
        /// The variable.
        variable: String,
        /// What it holds.
        value: String,
        /// Who sets it.
        origin: Origin,
    },
    /// Another service publishes the same port on this machine.
    PortClash {
        /// The port.
        published: u16,
        /// The other service.
        with: String,
        /// The variable that changes it for this service.
        variable: String,
    },
    /// Compose or the engine chooses the port.
    PortChosen,
    /// `.env` is there and can't be read, for this reason.
    EnvFileUnreadable(String),
}

/// Why there is no finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The probe panicked, with these words.
    Crashed(String),
    /// It took longer than it may.
    TimedOut(Duration),
    /// It was not able to look, for this reason.
    Blocked(String),
}

/// The program `docker`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientSeen {
    /// There is none.
    Missing,
    /// Docker's own client of this version.
    Docker(String),
    /// Podman of this version, under that name.
    Podman(String),
}

/// The engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineSeen {
    /// It answers.
    Running {
        /// `28.2.2`.
        version: String,
        /// `Docker Desktop`, `Debian GNU/Linux 12 (bookworm)`, …
        system: String,
        /// It runs as a user.
        is_rootless: bool,
    },
    /// Nothing listens on the local socket.
    NotRunning(Endpoint),
    /// This user may not use the socket.
    PermissionDenied(Endpoint),
    /// `DOCKER_HOST` or a context names an address that does not answer; the client's words.
    Unreachable(Endpoint, String),
    /// It took too long to answer.
    TimedOut(Endpoint),
    /// The client's words on anything else.
    Other(String),
}

/// Where the client looks for an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`.
    pub address: String,
    /// The variable `DOCKER_HOST` says so.
    pub is_docker_host: bool,
    /// The context that says so.
    pub context: Option<String>,
}

/// Docker Compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComposeSeen {
    /// There is none.
    Missing,
    /// `docker compose` of this version.
    Plugin(String),
    /// Only a `docker-compose` of this version.
    Standalone(String),
}

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSeen {
    /// A file.
    Present,
    /// Nothing.
    Missing,
    /// A folder or something stranger.
    NotAFile,
}

/// Who sets a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The shell that started fitout.
    Shell,
    /// The file `.env`.
    EnvFile,
}

/// The compose file against the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriftSeen {
    /// The file is what `generate` would write.
    Same,
    /// There is no file.
    Missing,
    /// The manifest has changed since; which parts differ.
    Outdated(Vec<String>),
    /// The file was changed by hand.
    EditedByHand,
    /// The file is not one that fitout wrote.
    Foreign,
}

/// What Compose says of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSeen {
    /// Compose accepts it.
    pub is_valid: bool,
    /// Compose's words, one message each.
    pub messages: Vec<String>,
}

/// A port of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortSeen {
    /// It can be had.
    Free,
    /// This project's own container holds it.
    Own(String),
    /// Someone else holds it.
    Taken {
        /// Who, where the system says so.
        holder: Option<Holder>,
        /// A port near it that is free.
        next_free: Option<u16>,
    },
    /// This machine has no such address.
    NoSuchAddress,
    /// The engine, and so the port, is on another machine.
    Elsewhere(String),
}

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A process.
    Process {
        /// Its id.
        pid: u32,
        /// Its program's name.
        program: String,
        /// Its command line.
        command: String,
    },
    /// A container.
    Container {
        /// Its name.
        name: String,
        /// The folder of its Compose project, where it belongs to one.
        folder: Option<String>,
    },
}
