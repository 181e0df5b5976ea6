//! A short-lived container on a project's network that tries to reach addresses and ports.
//!
//! Nothing is left behind: the container, and the network if one had to be created, are removed
//! however the probe ends.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::Docker;
use crate::compose::selection::Selection;
use crate::host::nonce::random_word;
use crate::host::process::RunError;

/// Suitable, and available to teams that use the demo.
pub const IMAGE: &str = "busybox:1.37";
/// The timeout of a connection, in seconds.
pub const CONNECTION_LIMIT: u64 = 5;
/// Enough for all connections, which run in parallel, and the start of a container on a busy
/// engine.
const RUN_LIMIT: Duration = Duration::from_secs(25);
/// The script's exit status if the image can't run it; the exit status if there is no shell.
const UNFIT: [i32; 3] = [90, 126, 127];
const SCRIPT: &str = include_str!("probe.sh");

/// An attempt from a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// Read the nonce of a listener.
    Word(&'a str, u16),
    /// Open a connection.
    Open(&'a str, u16),
}

/// The result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The tool's exit status.
    pub status: i32,
    /// Its output: the nonce, or an error message.
    pub words: String,
}

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// One per attempt.
    pub answers: Vec<Answer>,
    /// The network's first subnet: `172.18.0.0/16`.
    pub subnet: Option<String>,
    /// Whether the project has no network yet, and this one was created for the probe.
    pub network_is_temporary: bool,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No local image can run the probe, and none is pulled without asking.
    #[error("no image on this machine can run the probe")]
    NoImage,
    /// The program `docker` failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The engine's error.
    #[error("{0}")]
    Refused(String),
}

/// The properties of a project that a probe depends on.
#[derive(Clone, Copy, Debug)]
pub struct Project<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Its files and its name.
    pub selection: &'a Selection,
    /// What `host.docker.internal` maps to.
    pub gateway: &'a str,
    /// Variables that Compose requires to read the file.
    pub made_up: &'a [String],
}

impl Docker {
    /// Runs all attempts from one container on the project's default network.
    pub fn probe(&self, project: &Project, attempts: &[Attempt]) -> Result<Probed, ProbeError> {
        let config = self.project_config(project);
        let images = self.probe_images(project, &config)?;
        if images.is_empty() {
            return Err(ProbeError::NoImage);
        }
        let word = random_word();
        let mut made = Made {
            docker: self,
            container: format!("fitout-probe-{word}"),
            network: None,
            container_may_follow: false,
        };
        let own = config.networks.default.name.clone();
        let own = own.unwrap_or_else(|| format!("{}_default", project.selection.project));
        let network = if self.succeeds(&["network", "inspect", &own])? {
            own
        } else {
            let name = format!("fitout-probe-{word}");
            made.network = Some(name.clone());
            self.create_network(&name, &config.networks.default)?;
            name
        };
        let subnet = self.subnet(&network)?;
        for image in images {
            if let Some(answers) = made.run(&network, &image, project.gateway, attempts)? {
                return Ok(Probed {
                    answers,
                    subnet,
                    network_is_temporary: made.network.is_some(),
                });
            }
        }
        Err(ProbeError::NoImage)
    }

    /// Returns the project according to Compose; nothing if Compose can't read the file.
    fn project_config(&self, project: &Project) -> Config {
        self.compose(project.folder, project.selection)
            .with_made_up(project.made_up)
            .args(["config", "--format", "json"])
            .capture()
            .ok()
            .and_then(|output| serde_json::from_str(&output.stdout).ok())
            .unwrap_or_default()
    }

    /// Returns local images that may be suitable, the most likely first. None is pulled.
    fn probe_images(&self, project: &Project, config: &Config) -> Result<Vec<String>, RunError> {
        const MOST: usize = 5;
        let output = self.run(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"])?;
        let here: Vec<&str> = output.stdout.lines().collect();
        let of_stack = config.services.iter().map(|(name, service)| {
            let image = service.image.clone();
            let image = image.unwrap_or_else(|| format!("{}-{name}", project.selection.project));
            if image.rsplit('/').next().unwrap_or_default().contains(':') {
                image
            } else {
                format!("{image}:latest")
            }
        });
        let small = here
            .iter()
            .filter(|image| image.starts_with("busybox:") || image.starts_with("alpine:"));
        let mut images = vec![IMAGE.to_owned()];
        images.extend(small.map(ToString::to_string));
        images.extend(of_stack);
        let mut chosen: Vec<String> = Vec::new();
        for image in images {
            if here.contains(&image.as_str()) && !chosen.contains(&image) {
                chosen.push(image);
            }
        }
        chosen.truncate(MOST);
        Ok(chosen)
    }

    /// Creates a network with the settings of the project's own network.
    fn create_network(&self, name: &str, like: &Network) -> Result<(), ProbeError> {
        let mut arguments = vec!["network".to_owned(), "create".to_owned()];
        let mut option = |name: &str, value: &str| arguments.push(format!("--{name}={value}"));
        if let Some(driver) = &like.driver {
            option("driver", driver);
        }
        for (key, value) in &like.driver_opts {
            option("opt", &format!("{key}={}", plain(value)));
        }
        for pool in like.ipam.iter().flat_map(|ipam| &ipam.config) {
            if let Some(subnet) = &pool.subnet {
                option("subnet", subnet);
            }
            if let Some(gateway) = &pool.gateway {
                option("gateway", gateway);
            }
        }
        if like.internal {
            arguments.push("--internal".to_owned());
        }
        if like.enable_ipv6 {
            arguments.push("--ipv6".to_owned());
        }
        arguments.push(name.to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.run(&arguments)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(ProbeError::Refused(output.stderr.trim().to_owned()))
        }
    }

    fn subnet(&self, network: &str) -> Result<Option<String>, RunError> {
        let format = "{{range .IPAM.Config}}{{println .Subnet}}{{end}}";
        let output = self.run(&["network", "inspect", network, "--format", format])?;
        let mut subnets = output.stdout.lines().map(str::trim);
        Ok(subnets.find(|subnet| !subnet.is_empty()).map(str::to_owned))
    }

    fn succeeds(&self, arguments: &[&str]) -> Result<bool, RunError> {
        Ok(self.run(arguments)?.status.success())
    }
}

/// Resources created by a probe; removed when dropped.
struct Made<'a> {
    docker: &'a Docker,
    container: String,
    network: Option<String>,
    /// The client was killed before it reported the result: the engine may still create the
    /// container.
    container_may_follow: bool,
}

impl Made<'_> {
    /// None if this image can't run the script.
    fn run(
        &mut self,
        network: &str,
        image: &str,
        gateway: &str,
        attempts: &[Attempt],
    ) -> Result<Option<Vec<Answer>>, ProbeError> {
        let targets: Vec<String> = attempts.iter().map(target).collect();
        let (limit, host) = (
            CONNECTION_LIMIT.to_string(),
            format!("host.docker.internal:{gateway}"),
        );
        let mut arguments = vec!["run", "--rm", "--pull", "never", "--name", &self.container];
        arguments.extend(["--network", network, "--add-host", &host]);
        arguments.extend(["--entrypoint", "sh", image, "-c", SCRIPT, "sh", &limit]);
        arguments.extend(targets.iter().map(String::as_str));
        self.container_may_follow = true;
        let output = self.docker.clone().limit(RUN_LIMIT).run(&arguments)?;
        self.container_may_follow = false;
        match output.status.code() {
            Some(0) => Ok(Some(
                targets
                    .iter()
                    .map(|target| answer(&output.stdout, target))
                    .collect(),
            )),
            Some(code) if UNFIT.contains(&code) => Ok(None),
            _ => Err(ProbeError::Refused(output.stderr.trim().to_owned())),
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        const TRIES: u32 = 10;
        const PAUSE: Duration = Duration::from_millis(200);
        if self.container_may_follow {
            for _ in 0..TRIES {
                // It also succeeds for a missing container, and reports that.
                let removed = self.docker.run(&["rm", "--force", &self.container]);
                if removed.is_ok_and(|output| output.stdout.trim() == self.container) {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
        if let Some(network) = &self.network {
            for _ in 0..TRIES {
                // A container that has just exited may use it for a moment.
                if !matches!(
                    self.docker.succeeds(&["network", "inspect", network]),
                    Ok(true)
                ) || matches!(self.docker.succeeds(&["network", "rm", network]), Ok(true))
                {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

fn target(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Word(address, port) => format!("word/{address}/{port}"),
        Attempt::Open(address, port) => format!("open/{address}/{port}"),
    }
}

/// Parses the line of a target: the target, the exit status, and a message.
fn answer(output: &str, target: &str) -> Answer {
    let mut lines = output
        .lines()
        .filter_map(|line| line.strip_prefix(target)?.strip_prefix(' '));
    let line = lines.next().unwrap_or_default();
    let (status, words) = line.split_once(' ').unwrap_or((line, ""));
    Answer {
        status: status.parse().unwrap_or(-1),
        words: words.to_owned(),
    }
}

/// Compose doesn't quote numbers and booleans in `driver_opts`.
fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    networks: Networks,
    services: indexmap::IndexMap<String, Service>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Networks {
    default: Network,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    name: Option<String>,
    driver: Option<String>,
    driver_opts: indexmap::IndexMap<String, serde_json::Value>,
    ipam: Option<Ipam>,
    internal: bool,
    enable_ipv6: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ipam {
    config: Vec<Pool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pool {
    subnet: Option<String>,
    gateway: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    image: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_each_attempt() {
        let output = "open/172.17.0.1/54320 0\nopen/172.17.0.1/5432 1 nc: can't connect: refused\n";
        let one = answer(output, "open/172.17.0.1/5432");
        assert_eq!(one.status, 1);
        assert_eq!(one.words, "nc: can't connect: refused");
        assert_eq!(answer(output, "open/172.17.0.1/54320").status, 0);
        assert_eq!(answer(output, "word/172.17.0.1/1").status, -1);
    }

    #[test]
    fn reads_the_network_that_compose_would_make() {
        let text = r#"{"name":"vera","networks":{"default":{"name":"vera_default","ipam":{}}},
            "services":{"api":{"build":{}},"db":{"image":"postgres:18-alpine"}}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(
            config.networks.default.name.as_deref(),
            Some("vera_default")
        );
        assert_eq!(
            config.services["db"].image.as_deref(),
            Some("postgres:18-alpine")
        );
    }
}
