//! The only module that runs `docker`.
//!
//! [`Docker`] is a typed client of the user's own `docker` program: it parses the output, or
//! returns a typed error. It doesn't decide what the result means for the user. Every captured call
//! has a timeout and no terminal.

pub mod compose;
pub mod containers;
pub mod engine;
mod owner;
pub mod probe;
mod volume;

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub use compose::{Compose, ComposeError, ComposeFound};
pub use containers::Container;
pub use engine::{ComposeProblem, Endpoint, EndpointSource, Engine, EngineProblem};

pub use volume::{Asked, VolumeError};

use crate::compose::selection::Selection;
use crate::host::process::{self, Output, RunError};

/// A check of a Dockerfile may have to fetch its frontend.
const BUILD_LIMIT: Duration = Duration::from_secs(120);

/// A client of the user's `docker` program.
#[derive(Clone, Debug)]
pub struct Docker {
    limit: Duration,
}

impl Default for Docker {
    fn default() -> Self {
        Docker {
            limit: Duration::from_secs(10),
        }
    }
}

/// The program named `docker`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// As printed by the program: `28.2.2`.
    pub version: String,
    /// `docker` is Podman under another name.
    pub is_podman: bool,
}

/// A volume of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the engine.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
}

impl Volume {
    /// Whether it is anonymous: its name is then 64 hexadecimal digits.
    pub fn is_anonymous(&self) -> bool {
        self.name.len() == 64 && self.name.chars().all(|c| c.is_ascii_hexdigit())
    }
}

impl Docker {
    /// Returns the same client with a different timeout for captured calls.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the client's version. Doesn't contact the engine.
    pub fn client_version(&self) -> Result<Client, RunError> {
        let output = self.run(&["--version"])?;
        Ok(parse_client(&output.stdout))
    }

    /// Returns information about the engine, or why there is none.
    pub fn engine(&self) -> Result<Engine, EngineProblem> {
        engine::ask(self)
    }

    /// Checks that Compose can work: an engine responds, and the client has the plugin. A client
    /// can report a problem with an engine that Compose doesn't care about.
    pub fn can_compose(&self) -> Result<(), ComposeProblem> {
        match self.engine() {
            Ok(_) | Err(EngineProblem::Other(..)) => self.has_compose(),
            Err(problem) => Err(ComposeProblem::Engine(problem)),
        }
    }

    /// Like the above, if an engine is known to respond.
    pub fn has_compose(&self) -> Result<(), ComposeProblem> {
        if compose::is_missing(self) {
            return Err(ComposeProblem::NoPlugin);
        }
        Ok(())
    }

    /// Returns this client's endpoint. Doesn't contact the engine.
    pub fn endpoint(&self) -> Endpoint {
        engine::endpoint(self)
    }

    /// Returns the installed Compose. Doesn't contact the engine.
    pub fn compose_version(&self) -> Result<ComposeFound, RunError> {
        compose::find(self)
    }

    /// Returns the version of the buildx plugin, if installed. Doesn't contact the engine.
    pub fn buildx_version(&self) -> Result<Option<String>, RunError> {
        let output = self.run(&["buildx", "version"])?;
        // `github.com/docker/buildx v0.19.3 48d6a39`
        let version = output.stdout.split_whitespace().nth(1);
        Ok(version
            .filter(|_| output.status.success())
            .map(|version| version.trim_start_matches('v').to_owned()))
    }

    /// Returns Compose for the selected files and project in this workspace folder.
    pub fn compose(&self, folder: &Path, selection: &Selection) -> Compose {
        Compose::new(self.limit, folder, selection.clone())
    }

    /// Returns all containers, including stopped ones, with their published ports; none if no
    /// engine responds.
    pub fn containers(&self) -> Result<Vec<Container>, RunError> {
        let output = self.run(&["ps", "--all", "--no-trunc", "--format", containers::FORMAT])?;
        Ok(containers::parse(&output.stdout))
    }

    /// Returns the containers of a Compose project, including stopped ones. None if no engine
    /// responds.
    pub fn containers_of(&self, project: &str) -> Option<Vec<Container>> {
        let filter = format!("label=com.docker.compose.project={project}");
        let list = ["ps", "--all", "--no-trunc", "--filter", &filter, "--format"];
        let output = self
            .run(&[&list[..], &[containers::FORMAT]].concat())
            .ok()?;
        let containers = containers::parse(&output.stdout);
        output.status.success().then_some(containers)
    }

    /// Returns the containers and volumes of a Compose project, running or not: `container
    /// vera-2-web-1`. None if no engine responds.
    pub fn of_project(&self, project: &str) -> Option<Vec<String>> {
        let filter = format!("label=com.docker.compose.project={project}");
        let lists: [&[&str]; 2] = [
            &["ps", "--all", "--format", "container {{.Names}}"],
            &["volume", "ls", "--format", "volume {{.Name}}"],
        ];
        let mut found = Vec::new();
        for list in lists {
            let output = self.run(&[list, &["--filter", &filter]].concat()).ok()?;
            if !output.status.success() {
                return None;
            }
            found.extend(output.stdout.lines().map(str::to_owned));
        }
        Some(found)
    }

    /// Runs Docker's own checks of a Dockerfile, with JSON on stdout (buildx 0.15 and newer).
    /// Builds nothing. Paths are relative to `folder`. Exits with status 1 if there are findings.
    pub fn check_dockerfile(
        &self,
        folder: &Path,
        file: &str,
        context: &str,
        target: Option<&str>,
    ) -> Result<Output, RunError> {
        let mut command = Command::new("docker");
        command
            .current_dir(folder)
            .args(["buildx", "build", "--call=check,format=json"])
            .args(target.map(|target| format!("--target={target}")))
            .arg(format!("--file={file}"))
            .args(["--", context]);
        process::run(&mut command, BUILD_LIMIT)
    }

    /// Returns the last output of a container's health check; nothing if it has none.
    pub fn health_output(&self, container: &str) -> Option<String> {
        let format = "{{if .State.Health}}{{json .State.Health.Log}}{{end}}";
        let output = self.run(&["inspect", "--format", format, container]).ok()?;
        containers::last_health_output(&output.stdout)
    }

    /// The volumes of a container.
    pub fn volumes_of(&self, container: &str) -> Result<Vec<Volume>, RunError> {
        let format =
            "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}} {{.Destination}}\n{{end}}{{end}}";
        let output = self.run(&["inspect", "--format", format, container])?;
        let lines = output.stdout.lines();
        let volumes = lines.filter_map(|line| line.split_once(' '));
        Ok(volumes
            .map(|(name, target)| Volume {
                name: name.to_owned(),
                target: target.to_owned(),
            })
            .collect())
    }

    /// Runs an `sh` command line in a container, and captures its output.
    pub fn run_in(&self, container: &str, line: &str) -> Result<Output, RunError> {
        self.run(&["exec", container, "sh", "-c", line])
    }

    /// Returns when the engine created a volume (RFC 3339); none if it doesn't exist.
    pub fn volume_created(&self, name: &str) -> Option<String> {
        let format = "{{.CreatedAt}}";
        let output = self
            .run(&["volume", "inspect", "--format", format, name])
            .ok()?;
        let created = output.stdout.trim().to_owned();
        (output.status.success() && !created.is_empty()).then_some(created)
    }

    /// Removes a volume that no container uses. Ignores failures.
    pub fn remove_volume(&self, name: &str) {
        // The engine refuses to remove one that is in use.
        let _ = self.run(&["volume", "rm", name]);
    }

    /// Returns the runtime of the engine, by its own answers; none without an engine.
    pub fn runtime(&self) -> Option<crate::runtime::Runtime> {
        let info = self.run(&["info", "--format", "{{json .}}"]).ok()?;
        let version = self
            .run(&["version", "--format", "{{json .Server}}"])
            .ok()?;
        crate::runtime::Runtime::of_answers(&info.stdout, &version.stdout)
    }

    /// The addresses of the host in the default bridge network; none without an engine.
    pub fn bridge_gateways(&self) -> Vec<IpAddr> {
        let format = "{{range .IPAM.Config}}{{println .Gateway}}{{end}}";
        self.run(&["network", "inspect", "bridge", "--format", format])
            .map(|output| {
                output
                    .stdout
                    .lines()
                    .filter_map(|line| line.trim().parse().ok())
                    .collect()
            })
            .unwrap_or_default()
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, RunError> {
        process::run(Command::new("docker").args(arguments), self.limit)
    }
}

/// `Docker version 28.2.2, build e6534b4` or `podman version 4.9.3`.
fn parse_client(text: &str) -> Client {
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_default();
    Client {
        version: version.trim_end_matches(',').to_owned(),
        is_podman: text.to_lowercase().contains("podman"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_clients_version() {
        let cases = [
            ("Docker version 28.2.2, build e6534b4\n", "28.2.2", false),
            (
                "Docker version 20.10.24+dfsg1, build 297e128\n",
                "20.10.24+dfsg1",
                false,
            ),
            ("podman version 4.9.3\n", "4.9.3", true),
        ];
        for (text, version, is_podman) in cases {
            assert_eq!(
                parse_client(text),
                Client {
                    version: version.to_owned(),
                    is_podman
                }
            );
        }
    }
}
