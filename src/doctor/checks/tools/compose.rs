//! `tools.compose`: Docker Compose, as a plugin of the client.

use super::version::{dotted, is_older, numbers};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{ComposeFound, Machine};
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;

/// The first version in which `develop.watch`, `depends_on.restart`, `!override` and
/// `env_file.required` all work.
const OLDEST: [u64; 3] = [2, 24, 4];

/// Compose is installed, and new enough.
pub struct Compose;

impl Check for Compose {
    type Seen = ComposeFound;

    const PAGE: &'static Page = &Page {
        id: "tools.compose",
        in_order: "Docker Compose 2.24.4 or newer is installed as a plugin",
        otherwise: &[
            (
                Status::Fail,
                "not installed, older, or only `docker-compose`",
            ),
            (Status::Warn, "its version can't be parsed"),
        ],
        fixed_by: "the system's package; the plugin's download",
    };

    fn about(&self) -> About {
        About::new("tools.compose", "Docker Compose is new enough").needs(["tools.docker"])
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        machine.compose_version()
    }

    fn judge(&self, compose: Self::Seen, setting: &Setting) -> Outcome {
        let install = || remedy::COMPOSE.on(&setting.system);
        let oldest = dotted(OLDEST);
        match compose {
            ComposeFound::Missing => Outcome::fail(
                format!("Docker Compose is not installed; {oldest} or newer is needed"),
                install(),
            ),
            ComposeFound::Standalone(version) if is_older(&version, [2, 0, 0]) => Outcome::fail(
                format!(
                    "only Compose {version} is installed, and the old `docker-compose` can't read this file; {oldest} or newer is needed"
                ),
                install(),
            ),
            ComposeFound::Standalone(version) if is_older(&version, OLDEST) => Outcome::fail(
                format!(
                    "only `docker-compose` {version} is installed; {oldest} or newer is needed"
                ),
                install(),
            ),
            ComposeFound::Standalone(version) => Outcome::fail(
                format!(
                    "`docker-compose` {version} is not installed as a plugin, so `docker compose` can't find it"
                ),
                link(),
            ),
            ComposeFound::Plugin(version) if numbers(&version).is_none() => Outcome::warn(
                format!(
                    "can't parse the version of Compose `{version}`; {oldest} or newer is needed"
                ),
                Remedy::run("docker compose version"),
            ),
            ComposeFound::Plugin(version) if is_older(&version, OLDEST) => Outcome::fail(
                format!("Docker Compose {version} is too old; {oldest} or newer is needed"),
                remedy::COMPOSE_DOWNLOAD.on(&setting.system),
            ),
            ComposeFound::Plugin(version) => Outcome::pass(format!("compose {version}")),
        }
    }
}

/// Installs a `docker-compose` of version 2 as the plugin that `docker compose` runs.
fn link() -> Remedy {
    Remedy::run("mkdir -p ~/.docker/cli-plugins")
        .and_run("ln -s \"$(command -v docker-compose)\" ~/.docker/cli-plugins/docker-compose")
}

/// Whether this version of Compose supports everything that the compose file uses.
pub fn is_new_enough(compose: &str) -> bool {
    numbers(compose).is_some_and(|version| version >= OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn the_plugin_and_its_version_decide() {
        let standalone = |version: &str| ComposeFound::Standalone(version.to_owned());
        let plugin = |version: &str| ComposeFound::Plugin(version.to_owned());
        let seen = [
            ComposeFound::Missing,
            standalone("1.29.2"),
            standalone("2.12.0"),
            standalone("2.40.3"),
            plugin("2.24.3"),
            plugin("2.24.4"),
            plugin("2.40.3-desktop.1"),
            plugin("5.0.0"),
            plugin("dev"),
        ];
        insta::assert_snapshot!(examples(&Compose, seen), @r#"
        fail     tools.compose  Docker Compose is not installed; 2.24.4 or newer is needed
                 $ sudo apt install docker-compose-v2
        fail     tools.compose  only Compose 1.29.2 is installed, and the old `docker-compose` can't read this file; 2.24.4 or newer is needed
                 $ sudo apt install docker-compose-v2
        fail     tools.compose  only `docker-compose` 2.12.0 is installed; 2.24.4 or newer is needed
                 $ sudo apt install docker-compose-v2
        fail     tools.compose  `docker-compose` 2.40.3 is not installed as a plugin, so `docker compose` can't find it
                 $ mkdir -p ~/.docker/cli-plugins
                 $ ln -s "$(command -v docker-compose)" ~/.docker/cli-plugins/docker-compose
        fail     tools.compose  Docker Compose 2.24.3 is too old; 2.24.4 or newer is needed
                 $ mkdir -p ~/.docker/cli-plugins
                 $ curl -fL https://github.com/docker/compose/releases/latest/download/docker-compose-linux-$(uname -m) -o ~/.docker/cli-plugins/docker-compose
                 $ chmod +x ~/.docker/cli-plugins/docker-compose
        pass     tools.compose  compose 2.24.4
        pass     tools.compose  compose 2.40.3-desktop.1
        pass     tools.compose  compose 5.0.0
        warn     tools.compose  can't parse the version of Compose `dev`; 2.24.4 or newer is needed
                 $ docker compose version
        "#);
    }
}
