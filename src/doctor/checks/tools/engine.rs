//! `tools.engine`: the engine that the client is configured to use.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Endpoint, EndpointSource, Engine, EngineProblem, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, one_line};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;
use crate::doctor::system::{Platform, System};

/// The engine responds.
pub struct DockerEngine;

impl Check for DockerEngine {
    /// Its information, or why there is none.
    type Seen = Result<Engine, EngineProblem>;

    const PAGE: &'static Page = &Page {
        id: "tools.engine",
        in_order: "the engine responds",
        otherwise: &[
            (
                Status::Fail,
                "not running, no permission, nothing at `DOCKER_HOST`",
            ),
            (Status::Unknown, "it takes too long to respond"),
        ],
        fixed_by: "starting it the way it was installed; the group `docker`; `unset DOCKER_HOST`",
    };

    fn about(&self) -> About {
        About::new("tools.engine", "the Docker engine responds").needs(["tools.docker"])
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(match machine.engine() {
            Ok(engine) => Ok(engine.clone()),
            Err(problem) => Err(problem.clone()),
        })
    }

    fn judge(&self, engine: Self::Seen, setting: &Setting) -> Outcome {
        let system = &setting.system;
        let problem = match engine {
            Ok(engine) => {
                let rootless = if engine.is_rootless { ", rootless" } else { "" };
                return Outcome::pass(format!(
                    "engine {} on {}{rootless}",
                    engine.version, engine.operating_system
                ));
            }
            Err(problem) => problem,
        };
        match problem {
            EngineProblem::NotRunning(endpoint) => {
                let at = match endpoint.address.as_str() {
                    "" => String::new(),
                    address => format!(" (nothing responds at {address})"),
                };
                Outcome::fail(
                    format!("the Docker engine is not running{at}"),
                    start(system, &endpoint),
                )
            }
            EngineProblem::PermissionDenied(endpoint) => Outcome::fail(
                format!(
                    "no permission to use the Docker engine's socket, {}",
                    endpoint.address
                ),
                allow_socket(system),
            ),
            EngineProblem::Unreachable(endpoint, words) => {
                let chosen_by = match &endpoint.source {
                    EndpointSource::DockerHost => "DOCKER_HOST is set to".to_owned(),
                    EndpointSource::Context(context) => format!("the context `{context}` uses"),
                    EndpointSource::Default => "the client uses".to_owned(),
                };
                let cause = short_cause(&words);
                Outcome::fail(
                    format!(
                        "no Docker engine responds at {}, which {chosen_by}{cause}",
                        endpoint.address
                    ),
                    other_engine(&endpoint),
                )
            }
            EngineProblem::TimedOut(endpoint) => {
                let at = match endpoint.address.as_str() {
                    "" => String::new(),
                    address => format!(" at {address}"),
                };
                Outcome::unknown(format!("the Docker engine{at} takes too long to respond"))
            }
            EngineProblem::NoClient => refuses("no `docker` program"),
            EngineProblem::Other(_, words) => refuses(&words),
        }
    }
}

fn refuses(words: &str) -> Outcome {
    Outcome::fail(
        format!("the Docker engine refuses: {}", one_line(words)),
        Remedy::run("docker info"),
    )
}

/// Returns the last of Go's causes, if it says more than that nothing responds.
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

fn context(endpoint: &Endpoint) -> Option<&str> {
    match &endpoint.source {
        EndpointSource::Context(name) => Some(name),
        EndpointSource::Default | EndpointSource::DockerHost => None,
    }
}

/// Starts the engine at a local socket.
fn start(system: &System, endpoint: &Endpoint) -> Remedy {
    match context(endpoint) {
        Some("colima") => return Remedy::run("colima start"),
        Some(context) if context.starts_with("colima-") => {
            let profile = context.trim_start_matches("colima-");
            return Remedy::run(format!("colima start {profile}"));
        }
        Some("orbstack") => return Remedy::run("orb start"),
        Some("rancher-desktop") => return Remedy::run("rdctl start"),
        Some("rootless") => return Remedy::run("systemctl --user enable --now docker"),
        Some("desktop-linux") if system.platform != Platform::MacOs => {
            return Remedy::run("systemctl --user start docker-desktop");
        }
        _ => {}
    }
    if endpoint.address.contains("/run/user/") {
        return Remedy::run("systemctl --user enable --now docker");
    }
    if system.platform == Platform::MacOs {
        return if system.has("colima") {
            Remedy::run("colima start")
        } else if system.has("orb") {
            Remedy::run("orb start")
        } else {
            Remedy::run("open -a Docker")
        };
    }
    if !system.has("dockerd") {
        return if system.is_wsl {
            Remedy::note(
                "start Docker Desktop on Windows, and enable this distribution in Settings, Resources, WSL integration",
            )
        } else {
            let install = remedy::DOCKER.on(system);
            Remedy {
                note: install.note.or(Some(
                    "there is a `docker` client, but no engine on this machine".to_owned(),
                )),
                ..install
            }
        };
    }
    if !system.has_systemd && !system.has("service") {
        return Remedy::run(system.as_root("dockerd"));
    }
    Remedy::run(remedy::start_engine(system))
}

/// Lets the user use the engine's socket.
fn allow_socket(system: &System) -> Remedy {
    if system.platform == Platform::MacOs {
        return Remedy::run("open -a Docker")
            .and_note("or choose another engine with `docker context use`");
    }
    if system.docker_group_at_next_login {
        return Remedy::run("newgrp docker")
            .and_note("your next login will be in the group `docker`");
    }
    Remedy::run("sudo usermod -aG docker \"$USER\"")
        .and_run("newgrp docker")
        .and_note("members of the group `docker` can become root on this machine")
}

/// Reverts the choice of an engine that doesn't respond.
fn other_engine(endpoint: &Endpoint) -> Remedy {
    if endpoint.source == EndpointSource::DockerHost {
        Remedy::run("unset DOCKER_HOST").and_note("or start that engine")
    } else {
        Remedy::run("docker context use default").and_note("or start that engine")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;
    use crate::doctor::remedy::tests::{lines, system};

    const SOCKET: &str = "unix:///var/run/docker.sock";

    fn at(address: &str, source: EndpointSource) -> Endpoint {
        Endpoint {
            address: address.to_owned(),
            source,
        }
    }

    fn context(name: &str, address: &str) -> Endpoint {
        at(address, EndpointSource::Context(name.to_owned()))
    }

    #[test]
    fn every_reason_has_its_own_words_and_remedy() {
        let socket = || at(SOCKET, EndpointSource::Default);
        let engine = |is_rootless| Engine {
            version: "28.2.2".to_owned(),
            operating_system: "Docker Desktop".to_owned(),
            is_rootless,
            cgroup_driver: String::new(),
            cpus: 4,
            memory: 0,
        };
        let seen = [
            Ok(engine(false)),
            Ok(engine(true)),
            Err(EngineProblem::NotRunning(socket())),
            Err(EngineProblem::NotRunning(context(
                "colima",
                "unix:///home/ann/.colima/docker.sock",
            ))),
            Err(EngineProblem::PermissionDenied(socket())),
            Err(EngineProblem::Unreachable(
                at("tcp://10.9.9.9:2375", EndpointSource::DockerHost),
                "error during connect: Get \"http://10.9.9.9:2375/info\": dial tcp 10.9.9.9:2375: i/o timeout".to_owned(),
            )),
            Err(EngineProblem::Unreachable(
                context("box", "ssh://ann@box"),
                "error during connect: ssh: no such host".to_owned(),
            )),
            Err(EngineProblem::TimedOut(socket())),
            Err(EngineProblem::Other(
                socket(),
                "client version 1.22 is too old".to_owned(),
            )),
            Err(EngineProblem::NoClient),
        ];
        insta::assert_snapshot!(examples(&DockerEngine, seen), @r#"
        pass     tools.engine  engine 28.2.2 on Docker Desktop
        pass     tools.engine  engine 28.2.2 on Docker Desktop, rootless
        fail     tools.engine  the Docker engine is not running (nothing responds at unix:///var/run/docker.sock)
                 $ sudo systemctl enable --now docker
        fail     tools.engine  the Docker engine is not running (nothing responds at unix:///home/ann/.colima/docker.sock)
                 $ colima start
        fail     tools.engine  no permission to use the Docker engine's socket, unix:///var/run/docker.sock
                 $ sudo usermod -aG docker "$USER"
                 $ newgrp docker
                 members of the group `docker` can become root on this machine
        fail     tools.engine  no Docker engine responds at tcp://10.9.9.9:2375, which DOCKER_HOST is set to (i/o timeout)
                 $ unset DOCKER_HOST
                 or start that engine
        fail     tools.engine  no Docker engine responds at ssh://ann@box, which the context `box` uses (no such host)
                 $ docker context use default
                 or start that engine
        unknown  tools.engine  the Docker engine at unix:///var/run/docker.sock takes too long to respond
        fail     tools.engine  the Docker engine refuses: client version 1.22 is too old
                 $ docker info
        fail     tools.engine  the Docker engine refuses: no `docker` program
                 $ docker info
        "#);
    }

    #[test]
    fn the_engine_is_started_the_way_it_was_installed() {
        let context = |name: &str| context(name, "");
        let plain = || at("", EndpointSource::Default);
        let rootless = at("unix:///run/user/1000/docker.sock", EndpointSource::Default);
        let debian = System {
            programs: vec!["dockerd".to_owned(), "service".to_owned()],
            ..system(Platform::Debian(Some(13)))
        };
        let without_systemd = System {
            has_systemd: false,
            ..debian.clone()
        };
        let as_root = System {
            is_root: true,
            ..without_systemd.clone()
        };
        let wsl = System {
            is_wsl: true,
            ..system(Platform::Ubuntu)
        };
        let colima = System {
            programs: vec!["colima".to_owned()],
            ..system(Platform::MacOs)
        };
        let cases = [
            (&debian, plain(), "sudo systemctl enable --now docker"),
            (&without_systemd, plain(), "sudo service docker start"),
            (&as_root, plain(), "service docker start"),
            (&debian, rootless, "systemctl --user enable --now docker"),
            (
                &debian,
                context("desktop-linux"),
                "systemctl --user start docker-desktop",
            ),
            (&debian, context("colima-work"), "colima start work"),
            (&colima, plain(), "colima start"),
            (&system(Platform::MacOs), plain(), "open -a Docker"),
            (
                &wsl,
                plain(),
                "(start Docker Desktop on Windows, and enable this distribution in Settings, Resources, WSL integration)",
            ),
            (
                &system(Platform::Ubuntu),
                plain(),
                "sudo apt install docker.io docker-compose-v2\n(there is a `docker` client, but no engine on this machine)",
            ),
        ];
        for (system, endpoint, expected) in cases {
            assert_eq!(lines(&start(system, &endpoint)), expected);
        }
    }

    #[test]
    fn a_member_of_the_group_needs_only_a_new_session() {
        let member = System {
            docker_group_at_next_login: true,
            ..system(Platform::Ubuntu)
        };
        assert_eq!(allow_socket(&member).run, ["newgrp docker"]);
        assert_eq!(
            allow_socket(&system(Platform::Ubuntu)).run,
            ["sudo usermod -aG docker \"$USER\"", "newgrp docker"]
        );
    }
}
