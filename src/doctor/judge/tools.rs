//! Verdicts on the machine: git, Docker, Compose, disk and memory.

use super::{Setting, one_line};
use crate::doctor::check::{Outcome, Remedy};
use crate::doctor::finding::{
    ClientSeen, ComposeSeen, EngineSeen, InotifySeen, LfsSeen, RootlessSeen, WslSeen,
};
use crate::doctor::remedy;
use crate::doctor::system::System;

/// `git switch`, which our own advice uses, came with this version.
const GIT: [u64; 3] = [2, 23, 0];

/// The first with `develop.watch`, `depends_on.restart`, `!override` and `env_file.required` all in
/// order.
const COMPOSE: [u64; 3] = [2, 24, 4];

const GIB: u64 = 1 << 30;
/// A few images and a build cache fill this in a day.
const ROOMY_DISK: u64 = 5 * GIB;
/// Not even a clone can be trusted to fit.
const FULL_DISK: u64 = GIB / 4;
/// Less than this, and a database beside a compiler gets killed.
const ROOMY_MEMORY: u64 = 2 * GIB;

/// The kernel's default until 5.11 was 8192; since then it grows with the memory, to 1048576. A
/// Node project alone watches tens of thousands.
const WATCHES: u64 = 65_536;
/// The kernel's default. All containers of a user share it.
const INSTANCES: u64 = 128;

pub(super) fn git(version: Option<&str>, system: &System) -> Outcome {
    match version {
        None => Outcome::fail("git is not installed", remedy::install_git(system)),
        Some(version) if is_older(version, GIT) => Outcome::warn(
            format!(
                "git {version} has no `git switch`, which came with {}",
                dotted(GIT)
            ),
            remedy::install_git(system),
        ),
        Some(version) => Outcome::pass(format!("git {version}")),
    }
}

pub(super) fn docker_client(client: ClientSeen, system: &System) -> Outcome {
    match client {
        ClientSeen::Missing => {
            Outcome::fail("Docker is not installed", remedy::install_docker(system))
        }
        ClientSeen::Docker(version) => Outcome::pass(format!("docker {version}")),
        ClientSeen::Podman(version) => Outcome::info(format!("`docker` is Podman {version}")),
    }
}

pub(super) fn engine(engine: EngineSeen, system: &System) -> Outcome {
    match engine {
        EngineSeen::Running {
            version,
            system,
            is_rootless,
        } => {
            let rootless = if is_rootless { ", rootless" } else { "" };
            Outcome::pass(format!("engine {version} on {system}{rootless}"))
        }
        EngineSeen::NotRunning(endpoint) => {
            let at = match endpoint.address.as_str() {
                "" => String::new(),
                address => format!(" (nothing answers at {address})"),
            };
            Outcome::fail(
                format!("the Docker engine is not running{at}"),
                remedy::start_engine(system, &endpoint),
            )
        }
        EngineSeen::PermissionDenied(endpoint) => Outcome::fail(
            format!(
                "you may not use the Docker engine's socket, {}",
                endpoint.address
            ),
            remedy::allow_socket(system),
        ),
        EngineSeen::Unreachable(endpoint, words) => {
            let chosen_by = match (&endpoint.context, endpoint.is_docker_host) {
                (_, true) => "DOCKER_HOST names".to_owned(),
                (Some(context), _) => format!("the context `{context}` names"),
                (None, _) => "the client uses".to_owned(),
            };
            let cause = short_cause(&words);
            Outcome::fail(
                format!(
                    "no Docker engine answers at {}, which {chosen_by}{cause}",
                    endpoint.address
                ),
                remedy::other_engine(&endpoint),
            )
        }
        EngineSeen::TimedOut(endpoint) => {
            let at = match endpoint.address.as_str() {
                "" => String::new(),
                address => format!(" at {address}"),
            };
            Outcome::unknown(format!("the Docker engine{at} takes too long to answer"))
        }
        EngineSeen::Other(words) => Outcome::fail(
            format!("the Docker engine refuses: {}", one_line(&words)),
            Remedy::run("docker info"),
        ),
    }
}

/// The end of Go's chain of causes, where it says more than that nothing answers.
fn short_cause(words: &str) -> String {
    let last = words.rsplit(": ").next().unwrap_or_default().trim();
    let is_known = [
        "refused",
        "no such host",
        "timeout",
        "no route",
        "denied",
        "certificate",
    ]
    .iter()
    .any(|cause| last.contains(cause));
    if is_known {
        format!(" ({})", one_line(last))
    } else {
        String::new()
    }
}

pub(super) fn compose(compose: ComposeSeen, system: &System) -> Outcome {
    match compose {
        ComposeSeen::Missing => Outcome::fail(
            format!(
                "Docker Compose is not installed; {} or newer is needed",
                dotted(COMPOSE)
            ),
            remedy::install_compose(system),
        ),
        ComposeSeen::Standalone(version) if is_older(&version, [2, 0, 0]) => Outcome::fail(
            format!(
                "only Compose {version} is installed, and the old `docker-compose` can't read this file; {} or newer is needed",
                dotted(COMPOSE)
            ),
            remedy::install_compose(system),
        ),
        ComposeSeen::Standalone(version) if is_older(&version, COMPOSE) => Outcome::fail(
            format!(
                "only `docker-compose` {version} is installed; {} or newer is needed",
                dotted(COMPOSE)
            ),
            remedy::install_compose(system),
        ),
        ComposeSeen::Standalone(version) => Outcome::fail(
            format!(
                "`docker-compose` {version} is not installed as a plugin, so `docker compose` does not find it"
            ),
            remedy::link_compose(),
        ),
        ComposeSeen::Plugin(version) if numbers(&version).is_none() => Outcome::warn(
            format!(
                "can't tell how old Compose `{version}` is; {} or newer is needed",
                dotted(COMPOSE)
            ),
            Remedy::run("docker compose version"),
        ),
        ComposeSeen::Plugin(version) if is_older(&version, COMPOSE) => Outcome::fail(
            format!(
                "Docker Compose {version} is too old; {} or newer is needed",
                dotted(COMPOSE)
            ),
            remedy::download_compose(system),
        ),
        ComposeSeen::Plugin(version) => Outcome::pass(format!("compose {version}")),
    }
}

pub(super) fn disk(free: u64) -> Outcome {
    let found = format!("{} free", gigabytes(free));
    let fix =
        || Remedy::run("docker system df").and_note("`docker builder prune` frees the build cache");
    if free < FULL_DISK {
        Outcome::fail(format!("the disk is full: {found}"), fix())
    } else if free < ROOMY_DISK {
        Outcome::warn(format!("the disk is nearly full: {found}"), fix())
    } else {
        Outcome::pass(found)
    }
}

pub(super) fn memory(total: u64, available: Option<u64>) -> Outcome {
    let available = available
        .map(|bytes| format!(", {} free", gigabytes(bytes)))
        .unwrap_or_default();
    let found = format!("{} of memory{available}", gigabytes(total));
    if total < ROOMY_MEMORY {
        Outcome::warn(
            format!("only {found}"),
            Remedy::note("give the engine more memory, or start fewer services"),
        )
    } else {
        Outcome::pass(found)
    }
}

pub(super) fn git_lfs(seen: &LfsSeen, setting: &Setting) -> Outcome {
    let names = |names: &[String]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        one_line(&quoted.join(", "))
    };
    let pull = |remedy: Remedy| {
        seen.pointers.iter().fold(remedy, |remedy, path| {
            remedy.and_run(format!("git -C {} lfs pull", setting.typed(path)))
        })
    };
    match &seen.version {
        _ if seen.users.is_empty() => Outcome::pass("no repo uses Git LFS"),
        None => {
            let install = remedy::install_git_lfs(&setting.system);
            let note = install.note.clone();
            let remedy = pull(install.and_run("git lfs install"));
            Outcome::fail(
                format!(
                    "git-lfs is not installed, and {} needs it",
                    names(&seen.users)
                ),
                Remedy { note, ..remedy },
            )
        }
        Some(_) if !seen.pointers.is_empty() => Outcome::warn(
            format!(
                "{} holds Git LFS pointers in place of files",
                names(&seen.pointers)
            ),
            pull(Remedy::run("git lfs install")),
        ),
        Some(version) => Outcome::pass(format!("git-lfs {version}")),
    }
}

pub(super) fn inotify(limits: Option<InotifySeen>, system: &System) -> Outcome {
    let Some(InotifySeen { watches, instances }) = limits else {
        return Outcome::pass("this system has no such limit");
    };
    let found = format!("{watches} files, {instances} watchers");
    if watches < WATCHES || instances < INSTANCES {
        Outcome::warn(
            format!("few files can be watched, so hot reload may miss changes: {found}"),
            remedy::raise_inotify(system),
        )
    } else {
        Outcome::pass(found)
    }
}

pub(super) fn wsl(seen: Option<WslSeen>) -> Outcome {
    match seen {
        None => Outcome::pass("this is not WSL"),
        Some(WslSeen {
            is_version_1: true, ..
        }) => Outcome::fail(
            "this is WSL 1, in which no Docker engine runs",
            Remedy::run("wsl.exe --set-version \"$WSL_DISTRO_NAME\" 2")
                .and_note("in PowerShell, while this distribution is stopped"),
        ),
        Some(WslSeen {
            is_on_windows: true,
            ..
        }) => Outcome::warn(
            "the workspace is on a drive of Windows: slow, and without events for hot reload",
            Remedy::note("clone the workspace into your Linux home: cd ~ && git clone …"),
        ),
        Some(_) => Outcome::pass("WSL 2, and the workspace is in Linux"),
    }
}

pub(super) fn rootless(seen: &RootlessSeen) -> Outcome {
    match (seen.is_rootless, seen.cgroup_driver.as_str()) {
        (false, _) => Outcome::pass("the engine is not rootless"),
        (true, "none") => Outcome::warn(
            "the rootless engine has no cgroup driver: `limits` have no effect",
            Remedy::note(
                "let systemd delegate cgroups: https://rootlesscontaine.rs/getting-started/common/cgroup2/",
            ),
        ),
        (true, driver) => Outcome::pass(format!("rootless, cgroup driver {driver}")),
    }
}

/// Whether a Compose of this version knows all that the compose file uses.
pub fn is_new_enough(compose: &str) -> bool {
    numbers(compose).is_some_and(|version| version >= COMPOSE)
}

/// With one decimal, cut off rather than rounded up.
fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
}

fn dotted(version: [u64; 3]) -> String {
    version.map(|number| number.to_string()).join(".")
}

fn is_older(version: &str, than: [u64; 3]) -> bool {
    numbers(version).is_some_and(|version| version < than)
}

/// The numbers of `2.40.3-desktop.1`, `20.10.24+dfsg1` or `2.51`.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split(['.', '-', '+', ' ']);
    let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
    Some([next()?, next()?, next().unwrap_or(0)])
}
