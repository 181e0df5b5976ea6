//! The only place that runs `docker`.
//!
//! [`Docker`] is a typed client of the user's own `docker` program: it asks, reads the answer and
//! says in types why there is none. What an answer means for the user is not decided here. Every
//! captured call has a limit on its time and no terminal.

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

/// A check of a Dockerfile may have to fetch the frontend that it names.
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

/// Which program answers to the name `docker`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// As the program says it: `28.2.2`.
    pub version: String,
    /// `docker` is Podman under another name.
    pub is_podman: bool,
}

/// A volume of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// As the engine knows it.
    pub name: String,
    /// Where it is mounted.
    pub target: String,
}

impl Volume {
    /// Whether the engine gave it its name, which is 64 hexadecimal digits then.
    pub fn is_anonymous(&self) -> bool {
        self.name.len() == 64 && self.name.chars().all(|c| c.is_ascii_hexdigit())
    }
}

impl Docker {
    /// The same client with another limit for each captured call.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The client's version. Asks no engine.
    pub fn client_version(&self) -> Result<Client, RunError> {
        let output = self.run(&["--version"])?;
        Ok(parse_client(&output.stdout))
    }

    /// What the engine says of itself, or why it says nothing.
    pub fn engine(&self) -> Result<Engine, EngineProblem> {
        engine::ask(self)
    }

    /// Whether Compose can work: an engine answers, and the client has the plugin. A client can be wrong about
    /// an engine's health in words that Compose does not mind.
    pub fn can_compose(&self) -> Result<(), ComposeProblem> {
        match self.engine() {
            Ok(_) | Err(EngineProblem::Other(..)) => self.has_compose(),
            Err(problem) => Err(ComposeProblem::Engine(problem)),
        }
    }

    /// The same where an engine has answered.
    pub fn has_compose(&self) -> Result<(), ComposeProblem> {
        if compose::is_missing(self) {
            return Err(ComposeProblem::NoPlugin);
        }
        Ok(())
    }

    /// Where this client looks for an engine. Asks no engine.
    pub fn endpoint(&self) -> Endpoint {
        engine::endpoint(self)
    }

    /// Which Compose this machine has. Asks no engine.
    pub fn compose_version(&self) -> Result<ComposeFound, RunError> {
        compose::find(self)
    }

    /// The version of the buildx plugin, where there is one. Asks no engine.
    pub fn buildx_version(&self) -> Result<Option<String>, RunError> {
        let output = self.run(&["buildx", "version"])?;
        // `github.com/docker/buildx v0.19.3 48d6a39`
        let version = output.stdout.split_whitespace().nth(1);
        Ok(version
            .filter(|_| output.status.success())
            .map(|version| version.trim_start_matches('v').to_owned()))
    }

    /// Compose for what was selected of the workspace in this folder.
    pub fn compose(&self, folder: &Path, selection: &Selection) -> Compose {
        Compose::new(self.limit, folder, selection.clone())
    }

    /// All containers, also those that have ended, and what they publish; none where no engine answers.
    pub fn containers(&self) -> Result<Vec<Container>, RunError> {
        let output = self.run(&["ps", "--all", "--no-trunc", "--format", containers::FORMAT])?;
        Ok(containers::parse(&output.stdout))
    }

    /// The containers of a Compose project, also those that have ended. None where no engine answers.
    pub fn containers_of(&self, project: &str) -> Option<Vec<Container>> {
        let filter = format!("label=com.docker.compose.project={project}");
        let list = ["ps", "--all", "--no-trunc", "--filter", &filter, "--format"];
        let output = self
            .run(&[&list[..], &[containers::FORMAT]].concat())
            .ok()?;
        let containers = containers::parse(&output.stdout);
        output.status.success().then_some(containers)
    }

    /// The containers and volumes that the engine has of a Compose project, running or not:
    /// `container vera-2-web-1`. None where no engine answers.
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

    /// Docker's own checks of a Dockerfile, as JSON on stdout (buildx 0.15 and newer). Builds nothing.
    /// Paths are relative to `folder`. Ends with 1 when it has something to say.
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

    /// What the health check of a container said when it last ran; nothing where it has none.
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

    /// Runs a line for `sh` in a container, and captures what it prints.
    pub fn run_in(&self, container: &str, line: &str) -> Result<Output, RunError> {
        self.run(&["exec", container, "sh", "-c", line])
    }

    /// When the engine made a volume, as it writes it (RFC 3339); none where there is no such volume.
    pub fn volume_created(&self, name: &str) -> Option<String> {
        let format = "{{.CreatedAt}}";
        let output = self
            .run(&["volume", "inspect", "--format", format, name])
            .ok()?;
        let created = output.stdout.trim().to_owned();
        (output.status.success() && !created.is_empty()).then_some(created)
    }

    /// Removes a volume that no container uses. Says nothing where it can't.
    pub fn remove_volume(&self, name: &str) {
        // The engine refuses to remove one that is in use.
        let _ = self.run(&["volume", "rm", name]);
    }

    /// Who runs the engine, by its own answers; none without an engine.
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
