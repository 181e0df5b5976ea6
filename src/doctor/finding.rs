//! What a probe can find: observations without a verdict.

use std::time::Duration;

use super::data::DataSeen;
use crate::compose::overrides::AddedPort;
use crate::compose::owner::Owner;
use crate::compose::selection::Difference;
use crate::compose::yaml::Excess;
use crate::running::Condition;
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
    /// The Git LFS extension, and who needs it.
    GitLfs(LfsSeen),
    /// How many files this user may watch; none where the system has no such limit.
    Inotify(Option<InotifySeen>),
    /// Linux inside of Windows; none where it is not.
    Wsl(Option<WslSeen>),
    /// Who runs the engine.
    Rootless(RootlessSeen),
    /// What the server says.
    Access(AccessSeen),
    /// Clones that the manifest does not name: where each is, and where it comes from.
    Extra(Vec<(String, Option<String>)>),
    /// What is where a clone should be.
    Repo(Box<RepoState>),
    /// Whether the file is there.
    File(FileSeen),
    /// Whether git would commit the file.
    Tracked(bool),
    /// An env file beside its example.
    EnvKeys(EnvKeysSeen),
    /// Where the variable is set; none when nowhere, or to nothing.
    Variable(Option<Origin>),
    /// The compose file against the manifest.
    Drift(DriftSeen),
    /// Whether fitout's block of `.env` is what it would write now.
    EnvBlock(bool),
    /// What Compose says of the file.
    ComposeConfig(ConfigSeen),
    /// Ports that the override publishes a second time.
    Override(Result<Vec<AddedPort>, Excess>),
    /// What the shell and `.env` say otherwise.
    Selection(Vec<Difference>),
    /// Whose the Compose project is.
    Owner(ProjectSeen),
    /// The port.
    Port(PortSeen),
    /// The containers of a service.
    Running(RunningSeen),
    /// What is in a volume.
    Data(DataSeen),
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
    /// Who listens for a service that runs on this machine.
    HostListener(ListenerSeen),
    /// This machine, from a container.
    HostAddress(AddressSeen),
    /// A service on this machine, from a container.
    HostReach(AddressSeen, ListenerSeen),
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

/// The Compose project of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSeen {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// Another one, which nobody has.
    pub own_name: String,
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

/// The Git LFS extension, and who needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LfsSeen {
    /// Its version; none when there is no such program. Not asked for where nobody needs it.
    pub version: Option<String>,
    /// The repos whose `.gitattributes` name it.
    pub users: Vec<String>,
    /// Of those, the paths of the clones that hold pointers in place of files.
    pub pointers: Vec<String>,
}

/// The kernel's limits on watching files, for one user (inotify(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InotifySeen {
    /// Files and folders watched at once.
    pub watches: u64,
    /// Programs' watchers at once.
    pub instances: u64,
}

/// Linux inside of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WslSeen {
    /// The first version, which has no Linux kernel of its own.
    pub is_version_1: bool,
    /// The workspace is on a drive of Windows.
    pub is_on_windows: bool,
}

/// Who runs the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootlessSeen {
    /// A user does.
    pub is_rootless: bool,
    /// `systemd`, `cgroupfs`, or `none`: then limits of memory and CPU have no effect.
    pub cgroup_driver: String,
}

/// What came of asking a server for a repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSeen {
    /// It answers.
    Open,
    /// It answers to a login that others on the way can read.
    InTheClear,
    /// It does not.
    Closed {
        /// Why.
        why: Closed,
        /// The same in words.
        reason: String,
        /// A command that shows or fixes it.
        command: Option<String>,
    },
}

/// Why a server does not give a repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It wants other keys or another login.
    Login,
    /// ssh does not know the host's key.
    HostKey,
    /// ssh knows another key of that host.
    HostKeyChanged,
    /// It has no such repo, or not for this user.
    NoAccess,
    /// It does not answer now: the network, a VPN, the server.
    Unreachable,
    /// Anything else.
    Other,
}

/// An env file beside its example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvKeysSeen {
    /// The repo has no example for it.
    NoExample,
    /// The example is there, the file is not.
    Missing,
    /// Keys that are in the example only.
    Lacks(Vec<String>),
}

/// The containers of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningSeen {
    /// How the worst of them is.
    pub condition: Condition,
    /// The same in words: `running, healthy`.
    pub state: String,
    /// What its health check said last, where it is unhealthy.
    pub health: Option<String>,
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

/// Who listens on a port of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerSeen {
    /// Somebody, on these addresses.
    On(Vec<String>),
    /// Nobody by this system's table, and its address takes connections all the same: Windows
    /// around WSL, or another machine.
    Elsewhere,
    /// Nobody in this WSL, and somebody on the Windows around it, which has this address.
    OnWindows(String),
    /// Nobody.
    Nothing,
}

/// What a container could see of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSeen {
    /// No image that is here can look.
    NoImage,
    /// What it saw.
    Probed(ReachSeen),
}

/// What a container saw of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachSeen {
    /// The listener that only this machine can have; open when its word came back.
    pub word: Reached,
    /// The port of each service, in their order.
    pub ports: Vec<Reached>,
    /// Another address at which the word came back.
    pub better: Option<String>,
    /// Where the container comes from: `172.18.0.0/16`.
    pub subnet: Option<String>,
    /// The project's own network is not made yet.
    pub subnet_is_temporary: bool,
}

/// What came of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was made.
    Open,
    /// Nobody listens there, or a firewall says so.
    Refused,
    /// No answer.
    TimedOut,
    /// A router or a firewall says that there is no way.
    NoRoute,
    /// The name is not known.
    NoName,
    /// The tool's words on anything else.
    Other(String),
}

impl Reached {
    /// By the exit status and the words of bash or busybox's nc, and of the C libraries below them.
    pub fn of(status: i32, words: &str) -> Self {
        /// What GNU's and busybox's `timeout` end with.
        const TIMED_OUT: [i32; 2] = [124, 143];
        let lower = words.to_lowercase();
        let says = |causes: &[&str]| causes.iter().any(|cause| lower.contains(cause));
        if status == 0 {
            Reached::Open
        } else if says(&[
            "bad address",
            "not known",
            "name resolution",
            "does not resolve",
        ]) {
            Reached::NoName
        } else if says(&["refused"]) {
            Reached::Refused
        } else if TIMED_OUT.contains(&status) || says(&["timed out"]) {
            Reached::TimedOut
        } else if says(&["no route", "unreachable", "prohibited", "not permitted"]) {
            Reached::NoRoute
        } else {
            Reached::Other(words.to_owned())
        }
    }
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
    /// A container of another workspace of this machine.
    Workspace {
        /// The workspace's folder.
        folder: String,
        /// Whether it is a copy of some workspace.
        is_copy: bool,
        /// The container's name.
        container: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_its_own_words_for_the_same() {
        let cases = [
            (0, "", Reached::Open),
            (
                1,
                "nc: can't connect to remote host (172.17.0.1): Connection refused",
                Reached::Refused,
            ),
            (1, "nc: bad address 'nosuch.name'", Reached::NoName),
            (
                1,
                "nc: can't connect to remote host (10.0.2.2): No route to host",
                Reached::NoRoute,
            ),
            (1, "nc: timed out", Reached::TimedOut),
            (143, "Terminated", Reached::TimedOut),
            (124, "", Reached::TimedOut),
            (
                1,
                "bash: connect: Connection refused bash: line 1: /dev/tcp/172.17.0.1/1: Connection refused",
                Reached::Refused,
            ),
            (
                1,
                "bash: nosuch.name: Name or service not known bash: line 1: /dev/tcp/nosuch.name/1: Invalid argument",
                Reached::NoName,
            ),
            (
                1,
                "bash: x: Temporary failure in name resolution",
                Reached::NoName,
            ),
            (1, "bash: connect: Network is unreachable", Reached::NoRoute),
            (-1, "", Reached::Other(String::new())),
        ];
        for (status, words, expected) in cases {
            assert_eq!(Reached::of(status, words), expected, "{words}");
        }
    }
}
