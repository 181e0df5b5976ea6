//! `tools.docker`: the program `docker`, which talks to an engine.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Client, Machine};
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;

/// The client is installed.
pub struct DockerClient;

impl Check for DockerClient {
    /// The program with that name.
    type Seen = Option<Client>;

    const PAGE: &'static Page = &Page {
        id: "tools.docker",
        in_order: "the `docker` client is on PATH",
        otherwise: &[(Status::Fail, "not found"), (Status::Info, "it is Podman")],
        fixed_by: "the system's packages; winget in WSL",
    };

    fn about(&self) -> About {
        About::new("tools.docker", "the `docker` client is installed")
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        machine.docker_client()
    }

    fn judge(&self, client: Self::Seen, setting: &Setting) -> Outcome {
        match client {
            None => Outcome::fail(
                "Docker is not installed",
                remedy::DOCKER.on(&setting.system),
            ),
            Some(Client {
                version,
                is_podman: true,
            }) => Outcome::info(format!("`docker` is Podman {version}")),
            Some(Client { version, .. }) => Outcome::pass(format!("docker {version}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn podman_under_that_name_is_told() {
        let client = |version: &str, is_podman| {
            let version = version.to_owned();
            Some(Client { version, is_podman })
        };
        let seen = [None, client("28.2.2", false), client("4.9.3", true)];
        insta::assert_snapshot!(examples(&DockerClient, seen), @r"
        fail     tools.docker  Docker is not installed
                 $ sudo apt install docker.io docker-compose-v2
        pass     tools.docker  docker 28.2.2
        info     tools.docker  `docker` is Podman 4.9.3
        ");
    }
}
