//! The engine: its information, or the typed reason why it can't be reached.

use serde::Deserialize;

use super::Docker;
use crate::error::{Classified, Kind};
use crate::host::process::RunError;

/// Information about the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// `28.2.2`.
    pub version: String,
    /// `Docker Desktop`, `Debian GNU/Linux 12 (bookworm)`, …
    pub operating_system: String,
    /// Whether the engine is rootless.
    pub is_rootless: bool,
    /// `systemd`, `cgroupfs`, or `none` if it can't limit containers.
    pub cgroup_driver: String,
    /// Cores that containers can use.
    pub cpus: u64,
    /// Memory that containers can use, in bytes.
    pub memory: u64,
}

/// The client's endpoint, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://…`, `ssh://…`; empty if unknown.
    pub address: String,
    /// Its origin.
    pub source: EndpointSource,
}

/// The origin of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointSource {
    /// The client's default.
    Default,
    /// The variable `DOCKER_HOST`.
    DockerHost,
    /// A context with that name (`docker context use`, or `DOCKER_CONTEXT`).
    Context(String),
}

impl Endpoint {
    /// Whether the engine runs on another machine, and publishes ports there.
    pub fn is_remote(&self) -> bool {
        let Some((scheme, rest)) = self.address.split_once("://") else {
            return false;
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        match scheme {
            "unix" | "npipe" => false,
            _ => !["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .any(|local| host == *local || host.starts_with(&format!("{local}:"))),
        }
    }
}

/// Why Compose can't work.
#[derive(Debug, thiserror::Error)]
pub enum ComposeProblem {
    /// No engine responds.
    #[error(transparent)]
    Engine(EngineProblem),
    /// The Compose plugin is not installed.
    #[error("Docker Compose is not installed as a plugin of `docker`")]
    NoPlugin,
}

impl Classified for ComposeProblem {
    fn kind(&self) -> Kind {
        Kind::Failed
    }
}

/// Why no engine responds.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineProblem {
    /// No `docker` program on PATH.
    #[error("Docker is not installed")]
    NoClient,
    /// Nothing listens on the engine's local socket.
    #[error("the Docker engine is not running")]
    NotRunning(Endpoint),
    /// This user has no permission to use the socket.
    #[error("no permission to use the Docker engine's socket, {}", .0.address)]
    PermissionDenied(Endpoint),
    /// The address in `DOCKER_HOST` or a context doesn't respond.
    #[error("no Docker engine answers at {}", .0.address)]
    Unreachable(Endpoint, String),
    /// The engine took too long.
    #[error("the Docker engine takes too long to answer")]
    TimedOut(Endpoint),
    /// Anything else, with the client's message.
    #[error("{1}")]
    Other(Endpoint, String),
}

impl Classified for EngineProblem {
    fn kind(&self) -> Kind {
        Kind::Failed
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Info {
    server_version: String,
    operating_system: String,
    security_options: Option<Vec<String>>,
    cgroup_driver: String,
    #[serde(rename = "NCPU")]
    cpus: u64,
    mem_total: u64,
    server_errors: Option<Vec<String>>,
}

/// Runs `docker info`. All clients and engines since 19.03 return these fields.
pub(super) fn ask(docker: &Docker) -> Result<Engine, EngineProblem> {
    let output = match docker.run(&["info", "--format", "{{json .}}"]) {
        Ok(output) => output,
        Err(RunError::NotFound(_)) => return Err(EngineProblem::NoClient),
        Err(RunError::TimedOut { .. }) => return Err(EngineProblem::TimedOut(docker.endpoint())),
        Err(error) => {
            return Err(EngineProblem::Other(docker.endpoint(), error.to_string()));
        }
    };
    let info: Info = serde_json::from_str(&output.stdout).unwrap_or_default();
    if !info.server_version.is_empty() {
        let options = info.security_options.unwrap_or_default();
        return Ok(Engine {
            version: info.server_version,
            operating_system: info.operating_system,
            cgroup_driver: info.cgroup_driver,
            is_rootless: options.iter().any(|option| option == "name=rootless"),
            cpus: info.cpus,
            memory: info.mem_total,
        });
    }
    let errors = info.server_errors.unwrap_or_default().join("; ");
    let words = if errors.is_empty() {
        output.stderr.trim()
    } else {
        errors.trim()
    };
    Err(classify(words, docker.endpoint()))
}

/// Asks the client for its endpoint. `DOCKER_HOST` takes precedence over contexts.
pub(super) fn endpoint(docker: &Docker) -> Endpoint {
    if let Ok(address) = std::env::var("DOCKER_HOST")
        && !address.is_empty()
    {
        return Endpoint {
            address,
            source: EndpointSource::DockerHost,
        };
    }
    let format = "{{.Name}}\t{{.Endpoints.docker.Host}}";
    let answer = docker
        .run(&["context", "inspect", "--format", format])
        .map(|output| output.stdout)
        .unwrap_or_default();
    let (name, address) = answer.trim().split_once('\t').unwrap_or_default();
    Endpoint {
        address: address.to_owned(),
        source: match name {
            "" | "default" => EndpointSource::Default,
            name => EndpointSource::Context(name.to_owned()),
        },
    }
}

/// Classifies the client's messages, which differ between versions.
fn classify(words: &str, endpoint: Endpoint) -> EngineProblem {
    let lower = words.to_lowercase();
    let is_socket = endpoint.address.is_empty() || endpoint.address.starts_with("unix://");
    if lower.contains("permission denied") && is_socket {
        EngineProblem::PermissionDenied(endpoint)
    } else if is_socket && endpoint.source != EndpointSource::DockerHost && is_silence(&lower) {
        EngineProblem::NotRunning(endpoint)
    } else if is_silence(&lower) || endpoint.source != EndpointSource::Default {
        EngineProblem::Unreachable(endpoint, words.to_owned())
    } else {
        EngineProblem::Other(endpoint, words.to_owned())
    }
}

fn is_silence(words: &str) -> bool {
    [
        "cannot connect to the docker daemon",
        "failed to connect to the docker api",
        "is the docker daemon running",
        "connection refused",
        "no such file or directory",
        "no such host",
        "i/o timeout",
        "no route to host",
        "error during connect",
    ]
    .iter()
    .any(|silence| words.contains(silence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str, source: EndpointSource) -> Endpoint {
        Endpoint {
            address: address.to_owned(),
            source,
        }
    }

    #[test]
    fn tells_the_reasons_apart() {
        let socket = "unix:///var/run/docker.sock";
        let colima = || EndpointSource::Context("colima".to_owned());
        let cases = [
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                endpoint(socket, EndpointSource::Default),
                "NotRunning",
            ),
            (
                "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
                endpoint(socket, EndpointSource::Default),
                "NotRunning",
            ),
            (
                "Cannot connect to the Docker daemon at unix:///home/ann/.colima/docker.sock. Is the docker daemon running?",
                endpoint("unix:///home/ann/.colima/docker.sock", colima()),
                "NotRunning",
            ),
            (
                "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info\": dial unix /var/run/docker.sock: connect: permission denied",
                endpoint(socket, EndpointSource::Default),
                "PermissionDenied",
            ),
            (
                "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
                endpoint(socket, EndpointSource::Default),
                "PermissionDenied",
            ),
            (
                "Cannot connect to the Docker daemon at unix:///tmp/none.sock. Is the docker daemon running?",
                endpoint("unix:///tmp/none.sock", EndpointSource::DockerHost),
                "Unreachable",
            ),
            (
                "error during connect: Get \"http://10.9.9.9:2375/v1.24/info\": dial tcp 10.9.9.9:2375: i/o timeout",
                endpoint("tcp://10.9.9.9:2375", EndpointSource::DockerHost),
                "Unreachable",
            ),
            (
                "error during connect: ssh: permission denied (publickey)",
                endpoint("ssh://build@box", EndpointSource::Context("box".to_owned())),
                "Unreachable",
            ),
            (
                "Error response from daemon: client version 1.22 is too old",
                endpoint(socket, EndpointSource::Default),
                "Other",
            ),
        ];
        for (words, endpoint, expected) in cases {
            let problem = format!("{:?}", classify(words, endpoint));
            assert!(problem.starts_with(expected), "{words}: {problem}");
        }
    }

    #[test]
    fn an_engine_elsewhere_is_remote() {
        let cases = [
            ("", false),
            ("unix:///var/run/docker.sock", false),
            ("npipe:////./pipe/docker_engine", false),
            ("tcp://localhost:2375", false),
            ("tcp://127.0.0.1:2375", false),
            ("tcp://10.0.0.7:2376", true),
            ("ssh://ann@build-box", true),
            ("ssh://ann@localhost", false),
        ];
        for (address, expected) in cases {
            let endpoint = endpoint(address, EndpointSource::DockerHost);
            assert_eq!(endpoint.is_remote(), expected, "{address}");
        }
    }
}
