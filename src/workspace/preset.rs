//! The backing services that fitout knows: one data file each in `templates/presets`.
//!
//! Adding one is adding a file. Pure: the files are part of the program.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use indexmap::{IndexMap, IndexSet};
use serde::Deserialize;

use super::image::{self, Version};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/presets");

static CATALOG: LazyLock<IndexMap<String, Definition>> = LazyLock::new(|| {
    let mut catalog: IndexMap<String, Definition> = FILES.files().map(read).collect();
    catalog.sort_keys();
    catalog
});

/// What a preset's file says. `${self.host}` and the like stand for the service that uses it.
///
/// It describes the image's newest version. If older ones differ, the file has `[[older]]` tables,
/// the newest first: each has `before`, a version, and the keys that differ in all images before
/// it. A key there replaces the whole key here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The image without its tag.
    pub image: String,
    /// The default tag, pinned to a minor version.
    pub tag: String,
    /// The oldest version that this holds for, where older images are known to differ.
    pub oldest: Option<Version>,
    /// What stands in front of the program's version in tags of images that are built on this one:
    /// `pg` for `0.8.0-pg16`.
    #[serde(default)]
    pub version_prefixes: Vec<String>,
    /// The port that clients connect to.
    pub port: u16,
    /// The port that clients on the host connect to, where it is another one: `port` then sends its clients on
    /// to an address that only containers reach, and this one to `${self.public_url}`.
    pub public_port: Option<u16>,
    /// The port of its web page.
    pub web_port: Option<u16>,
    /// The folder of its data, which gets a named volume.
    pub volume: Option<String>,
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
    /// A line for `sh` that fails where the running server does not take the login that services have, for
    /// one that keeps logins with its data and has no `data`. It changes nothing.
    pub login: Option<String>,
    /// How its data gets from one major version to the next; none where the program sees to that.
    pub upgrade: Option<Upgrade>,
    /// Which names its databases can't have.
    #[serde(default)]
    pub databases: Databases,
    /// What holds for older images, the newest limit first.
    #[serde(skip)]
    older: Vec<Older>,
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

/// How data gets from one major version of a program to the next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// Where in the volume the version is written down that made it; `{major}` is that of the image.
    pub version_file: String,
    /// A line for `sh` in the old server's container that writes all data as text, for the client of the
    /// new one. Without single quotes.
    pub dump: String,
}

/// What a preset is in images before a version.
#[derive(Clone, Debug)]
struct Older {
    before: Version,
    /// Complete, with all that it has in common with the newer ones.
    definition: Definition,
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

/// Which names databases can't have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Databases {
    /// The server's own, which are not for services.
    #[serde(default)]
    pub reserved: Vec<String>,
    /// Made with the server: the first of `databases` may be one, since it is not made again.
    #[serde(default)]
    pub existing: Vec<String>,
    /// Whether names that differ only in their case can't stand side by side everywhere.
    #[serde(default)]
    pub ignore_case: bool,
}

/// How a new volume is filled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Scripts in this folder of the container run once.
    pub folder: String,
    /// How the names of scripts end that the image runs; it passes over all others.
    pub scripts: Vec<String>,
    /// A statement that creates another database; `{database}` is its name. Without it, a database
    /// is created on first use.
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
    /// Returns the definition for this version of the image; for the newest one by default.
    pub fn at(&self, version: Option<&Version>) -> &Definition {
        let mut narrowest = self.older.iter().rev();
        version
            .and_then(|version| narrowest.find(|older| version.is_before(&older.before)))
            .map_or(self, |older| &older.definition)
    }

    /// Whether anything that is said here holds for some versions only.
    pub fn depends_on_version(&self) -> bool {
        !self.older.is_empty()
    }

    /// The folder of its data, in the newest image and in older ones.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let older = self.older.iter().map(|older| &older.definition);
        let all = std::iter::once(self).chain(older);
        all.filter_map(|definition| definition.volume.as_deref())
    }

    /// Where in a volume a version may be written down: where the image of `version` looks, then where
    /// others do.
    pub fn version_files(&self, version: &Version) -> Vec<String> {
        /// Majors that are not out yet, and may have made the volume on somebody's machine.
        const AHEAD: u64 = 2;
        let newest = image::version(&self.tag, &self.version_prefixes);
        let newest = newest.map_or(0, |newest| newest.major());
        let first = self.older.first().map_or(newest, |it| it.before.major());
        let majors = first..=newest.max(version.major()) + AHEAD;
        let older = self.older.iter().map(|older| &older.definition);
        let places = std::iter::once(self).chain(older);
        let places = places.filter_map(|it| Some(&it.upgrade.as_ref()?.version_file));
        let (by_major, fixed): (Vec<&String>, Vec<&String>) =
            places.partition(|place| place.contains("{major}"));
        let own = self.at(Some(version)).upgrade.as_ref();
        let own = own.map(|own| filled(&own.version_file, version.major()));
        let of_majors = majors.flat_map(|major| by_major.iter().map(move |it| filled(it, major)));
        let files = own.into_iter().chain(fixed.into_iter().cloned());
        let files: IndexSet<String> = files.chain(of_majors).collect();
        files.into_iter().collect()
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

fn filled(place: &str, major: u64) -> String {
    place.replace("{major}", &major.to_string())
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
    match definition(text) {
        Ok(definition) => (name, definition),
        // Embedded files can't be invalid at run time: a test parses all of them.
        Err(error) => panic!("templates/presets/{name}.toml: {error}"),
    }
}

/// What the text of a file says, with each of its `[[older]]` tables laid over the ones before it.
fn definition(text: &str) -> Result<Definition, toml::de::Error> {
    let mut table: toml::Table = toml::from_str(text)?;
    let changes = table.remove("older");
    let changes: Vec<toml::Table> = changes.map_or(Ok(Vec::new()), toml::Value::try_into)?;
    let mut newest: Definition = table.clone().try_into()?;
    for mut change in changes {
        let before = change.remove("before").unwrap_or_else(|| "".into());
        table.extend(change);
        newest.older.push(Older {
            before: before.try_into()?,
            definition: table.clone().try_into()?,
        });
    }
    Ok(newest)
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
    }

    #[test]
    fn what_depends_on_the_version_is_that_of_the_image() {
        type Fact = fn(&Definition) -> &str;
        let check: Fact = |definition| definition.healthcheck.test.last().unwrap();
        let client: Fact = |definition| definition.client.as_deref().unwrap();
        let volume: Fact = |definition| definition.volume.as_deref().unwrap();
        let variables: Fact = |definition| definition.environment.keys().next().unwrap();
        for (preset, fact, versions) in [
            (
                "postgres",
                volume,
                &[
                    ("9.6", "/var/lib/postgresql/data"),
                    ("17.6", "/var/lib/postgresql/data"),
                    ("18", "/var/lib/postgresql"),
                    ("19.1", "/var/lib/postgresql"),
                ][..],
            ),
            (
                "mongo",
                check,
                &[("4.4", "mongo "), ("5", "mongo "), ("6.0", "mongosh ")],
            ),
            (
                "mongo",
                client,
                &[
                    ("4", "exec mongo "),
                    ("5.0.3", "exec mongo "),
                    ("8", "exec mongosh "),
                ],
            ),
            (
                "mariadb",
                check,
                &[
                    ("10.3", "mysqladmin"),
                    ("10.5.8", "mysqladmin"),
                    ("10", "mariadb-admin"),
                    ("10.6", "mariadb-admin"),
                    ("11", "mariadb-admin"),
                ],
            ),
            (
                "mariadb",
                variables,
                &[("10.4", "MYSQL_"), ("10.11", "MARIADB_")],
            ),
            (
                "mariadb",
                client,
                &[("10.4", "$MYSQL_DATABASE"), ("10.11", "$MARIADB_DATABASE")],
            ),
            (
                "keycloak",
                check,
                &[("24.0", "8080"), ("25", "9000"), ("26.4", "9000")],
            ),
            (
                "keycloak",
                variables,
                &[
                    ("24", "KEYCLOAK_"),
                    ("25.0.6", "KEYCLOAK_"),
                    ("26", "KC_BOOTSTRAP_"),
                ],
            ),
        ] {
            for (version, expected) in versions {
                let preset = find(preset).unwrap();
                let found = fact(preset.at(Some(&version.parse().unwrap())));
                assert!(found.contains(expected), "{version}: {found}");
            }
        }
        assert_eq!(find("memcached").unwrap().volume, None);
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
    fn older_versions_stand_in_order_and_say_what_differs() {
        for (name, preset) in &*CATALOG {
            for pair in preset.older.windows(2) {
                assert!(pair[1].before.is_before(&pair[0].before), "{name}");
            }
            let mut newer = preset.clone();
            newer.older.clear();
            for older in &preset.older {
                let (one, other) = (format!("{newer:?}"), format!("{:?}", older.definition));
                assert_ne!(one, other, "{name} before {}", older.before);
                newer = older.definition.clone();
            }
            let own = super::super::image::version(&preset.tag, &[]);
            if preset.depends_on_version() {
                let own = own.unwrap_or_else(|| panic!("{name}: its own tag names no version"));
                assert!(std::ptr::eq(preset.at(Some(&own)), preset), "{name}");
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
