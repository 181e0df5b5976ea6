//! The backing services that fitout knows: one data file each in `templates/presets`.
//!
//! Adding one is adding a file. Pure: the files are part of the program.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use serde::Deserialize;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/presets");

static CATALOG: LazyLock<IndexMap<String, Definition>> = LazyLock::new(|| {
    let mut catalog: IndexMap<String, Definition> = FILES.files().map(read).collect();
    catalog.sort_keys();
    catalog
});

/// What a preset's file says. `${self.host}` and the like stand for the service that uses it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The image without its tag.
    pub image: String,
    /// The default tag, pinned to a minor version.
    pub tag: String,
    /// The port that clients connect to.
    pub port: u16,
    /// The port that clients on the host connect to, where it is another one.
    pub public_port: Option<u16>,
    /// The port of its page for people.
    pub web_port: Option<u16>,
    /// The folder of its data, which gets a named volume.
    volume: Option<String>,
    /// The same in older images: before the major version that is the key.
    #[serde(default)]
    volume_before: IndexMap<String, String>,
    /// The default user.
    pub user: Option<String>,
    /// The default password.
    pub password: Option<String>,
    /// The default database; a preset without one knows no `databases`.
    pub database: Option<String>,
    /// How clients write its address.
    pub url: String,
    /// Arguments of the image's own command.
    pub command: Option<Vec<String>>,
    /// A line for `sh` that starts the image's client, or lists what is in the server. It runs in the
    /// service's own environment, beside which there are `SERVER_HOST`, `SERVER_PORT` and `SERVER_USER`;
    /// what the user adds is in `$@`. Passwords go through the environment, since anybody on the machine
    /// can see arguments.
    pub client: Option<String>,
    /// How a server on the host is made to listen for containers: what to set, and where.
    pub listen: String,
    /// The systemd unit of a server on the host, as Debian's package calls it; most others do too.
    unit: String,
    /// The same in the packages of Fedora and Red Hat, where it is another one.
    red_hat_unit: Option<String>,
    /// The Homebrew formula of such a server.
    pub formula: String,
    /// Variables of the container.
    #[serde(default)]
    pub environment: IndexMap<String, String>,
    /// How Docker finds out whether it is ready.
    pub healthcheck: Healthcheck,
    /// How a new volume is filled; a preset without it knows no `init`.
    pub init: Option<Init>,
    /// How a running server is asked what it has.
    pub data: Option<Data>,
}

/// How a running server is asked what it has, in its own container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// A line for `sh` that prints the databases, one a line, with the login that services have. It
    /// changes nothing.
    pub list: String,
    /// What the client gets before a statement, so that it works whatever databases there are.
    pub statement: Vec<String>,
}

/// A health check with Compose's own keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the keys are Compose's")]
pub struct Healthcheck {
    pub test: Vec<String>,
    pub interval: String,
    pub timeout: String,
    pub retries: u64,
    pub start_period: String,
}

/// How a new volume is filled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Scripts in this folder of the container run once.
    pub folder: String,
    /// A statement that makes one more database; `{database}` is its name. Without it, a database
    /// is there as soon as somebody uses it.
    pub create_database: Option<String>,
}

/// Whose names for units a system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// Debian's, and those of all who have no others.
    Debian,
    /// Those of Fedora and Red Hat.
    RedHat,
}

impl Definition {
    /// The folder of its data in the image with this tag. A tag without a number is a new one.
    pub fn volume(&self, tag: &str) -> Option<&str> {
        let digits = |text: &str| -> String {
            let text = text.trim_start_matches(|c: char| !c.is_ascii_digit());
            text.chars().take_while(char::is_ascii_digit).collect()
        };
        let major: Option<u64> = digits(tag).parse().ok();
        let older = self.volume_before.iter().find(|(limit, _)| {
            let limit: Option<u64> = limit.parse().ok();
            major < limit && major.is_some()
        });
        older
            .map(|(_, folder)| folder)
            .or(self.volume.as_ref())
            .map(String::as_str)
    }

    /// Whether the client can be sent to a server outside of its own container.
    pub fn client_reaches_out(&self) -> bool {
        let client = self.client.as_deref().unwrap_or_default();
        client.contains("$SERVER_HOST")
    }

    /// The systemd unit of a server on the host, in the packages of these distributions.
    pub fn unit(&self, packages: Packages) -> &str {
        match (packages, &self.red_hat_unit) {
            (Packages::RedHat, Some(unit)) => unit,
            (Packages::RedHat | Packages::Debian, _) => &self.unit,
        }
    }

    /// The port that is published for clients on the host.
    pub fn published_port(&self) -> u16 {
        self.public_port.unwrap_or(self.port)
    }
}

/// The preset of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    CATALOG.get(name)
}

/// The names of all presets, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.keys().map(String::as_str)
}

fn read(file: &include_dir::File<'_>) -> (String, Definition) {
    let name = file
        .path()
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = file.contents_utf8().unwrap_or_default();
    match toml::from_str(text) {
        Ok(definition) => (name, definition),
        // A file that is compiled in can't be wrong at a user's: a test reads every one.
        Err(error) => panic!("templates/presets/{name}.toml: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_reads_and_is_pinned() {
        for (name, preset) in &*CATALOG {
            assert!(!preset.tag.contains("latest"), "{name} is not pinned");
            assert!(
                preset.tag.contains(|c: char| c.is_ascii_digit()),
                "{name} has no version"
            );
        }
        let expected = [
            "elasticsearch",
            "kafka",
            "keycloak",
            "localstack",
            "mailpit",
            "mariadb",
            "memcached",
            "minio",
            "mongo",
            "mysql",
            "nats",
            "opensearch",
            "postgres",
            "rabbitmq",
            "redis",
            "valkey",
        ];
        assert_eq!(names().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_data_of_postgres_is_elsewhere_from_18_on() {
        let postgres = find("postgres").unwrap();
        for (tag, folder) in [
            ("9.6", "/var/lib/postgresql/data"),
            ("17-alpine", "/var/lib/postgresql/data"),
            ("18", "/var/lib/postgresql"),
            ("19.1-trixie", "/var/lib/postgresql"),
            ("alpine", "/var/lib/postgresql"),
        ] {
            assert_eq!(postgres.volume(tag), Some(folder), "{tag}");
        }
        assert_eq!(find("memcached").unwrap().volume("1.6"), None);
    }

    #[test]
    fn clients_take_passwords_from_the_environment() {
        let mut without: Vec<&str> = Vec::new();
        for (name, preset) in &*CATALOG {
            let Some(client) = &preset.client else {
                without.push(name);
                continue;
            };
            assert!(!client.contains("${self"), "{name}");
            for line in client.lines().filter(|line| line.contains("PASSWORD")) {
                assert!(line.starts_with("export "), "{name}: {line}");
            }
            let last = client.lines().last().unwrap_or_default();
            assert!(last.starts_with("exec "), "{name}: {last}");
            assert_eq!(preset.client_reaches_out(), name != "rabbitmq", "{name}");
        }
        // They have a page for people, and no client in the image that needs no set-up.
        assert_eq!(without, ["keycloak", "mailpit", "nats"]);
    }

    #[test]
    fn every_limit_of_a_version_is_a_number() {
        for (name, preset) in &*CATALOG {
            for limit in preset.volume_before.keys() {
                assert!(limit.parse::<u64>().is_ok(), "{name}: {limit}");
            }
        }
    }

    #[test]
    fn a_server_on_the_host_can_be_named_in_a_command() {
        let is_name = |text: &str| {
            let is_plain =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-@.".contains(c);
            !text.is_empty() && text.chars().all(is_plain)
        };
        for (name, preset) in &*CATALOG {
            assert!(!preset.listen.is_empty(), "{name}");
            for packages in [Packages::Debian, Packages::RedHat] {
                let unit = preset.unit(packages);
                assert!(is_name(unit), "{name}: {unit}");
            }
            let other = preset.red_hat_unit.as_ref();
            assert_ne!(other, Some(&preset.unit), "{name}");
            assert!(is_name(&preset.formula), "{name}: {}", preset.formula);
        }
    }
}
