//! What an image's name says: its repository, its tag, and the version of the program in it.
//!
//! Pure: the name alone is read, no registry is asked. Which facts depend on a version is said in the
//! files of the presets.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A version as it stands in a tag: `16`, `10.4.19`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(Vec<u64>);

/// A text that is not a version: numbers separated by dots.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a version: use numbers separated by dots, such as `16` or `10.4`")]
pub struct NoVersion;

impl Version {
    /// The first number.
    pub fn major(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// Whether it is older than `limit`. A tag with fewer numbers is the newest of its line: `10` is
    /// not before `10.5`, since an image with that tag is 10.11 today.
    pub fn is_before(&self, limit: &Version) -> bool {
        for (index, wanted) in limit.0.iter().enumerate() {
            match self.0.get(index) {
                None => return false,
                Some(own) if own != wanted => return own < wanted,
                Some(_) => {}
            }
        }
        false
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let numbers = text.split('.').map(|part| {
            let number = part.parse().ok().filter(|_| is_number(part));
            number.ok_or(NoVersion)
        });
        numbers.collect::<Result<_, _>>().map(Version)
    }
}

impl TryFrom<String> for Version {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u64::to_string).collect();
        formatter.write_str(&numbers.join("."))
    }
}

/// An image's name in its parts; the digest is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// With the registry, where one is named.
    pub repository: &'a str,
    /// What stands behind the last `:`.
    pub tag: Option<&'a str>,
}

impl<'a> Name<'a> {
    /// Takes a name such as `localhost:5000/acme/db:16@sha256:…` apart.
    pub fn parse(text: &'a str) -> Self {
        let name = text.split('@').next().unwrap_or_default();
        // A `:` in front of a `/` belongs to the registry's port.
        let start = name.rfind('/').map_or(0, |slash| slash + 1);
        match name[start..].split_once(':') {
            Some((_, tag)) => Name {
                repository: &name[..name.len() - tag.len() - 1],
                tag: Some(tag),
            },
            None => Name {
                repository: name,
                tag: None,
            },
        }
    }

    /// Whether both are one repository: Docker Hub need not be named.
    pub fn is_in(&self, repository: &str) -> bool {
        short(self.repository) == short(repository)
    }
}

/// Without the names of Docker Hub and of its own images.
fn short(repository: &str) -> &str {
    let hub = ["docker.io/", "index.docker.io/", "registry-1.docker.io/"];
    let path = hub
        .iter()
        .find_map(|host| repository.strip_prefix(host))
        .unwrap_or(repository);
    path.strip_prefix("library/").unwrap_or(path)
}

/// The version that a tag names: the number behind one of `prefixes` (`0.8.0-pg16`), else the one at
/// its start (`16-3.4`, `v1.2`). A tag that begins with a word, a date or a commit names none.
pub fn version(tag: &str, prefixes: &[String]) -> Option<Version> {
    let tag = tag.to_ascii_lowercase();
    let marked = prefixes.iter().find_map(|prefix| behind(&tag, prefix));
    marked.or_else(|| number(tag.strip_prefix('v').unwrap_or(&tag)))
}

fn behind(tag: &str, prefix: &str) -> Option<Version> {
    tag.match_indices(prefix).find_map(|(start, _)| {
        let is_word = !tag[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
        let rest = &tag[start + prefix.len()..];
        number(rest.strip_prefix(['-', '_']).unwrap_or(rest)).filter(|_| is_word)
    })
}

/// The number at the start of a text, up to a `-` or `_`; `18beta1` is 18.
fn number(text: &str) -> Option<Version> {
    let word = text.split(['-', '_', '+']).next()?;
    let end = word
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(word.len());
    let (number, rest) = word.split_at(end);
    let is_stage = |stage: &str| {
        let count = rest.strip_prefix(stage);
        count.is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_whole = ["", "alpha", "beta", "rc"]
        .iter()
        .any(|stage| is_stage(stage));
    let version: Version = number.parse().ok()?;
    // Three digits are a date, or the number of a build.
    (is_whole && version.major() < 100).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_repository_and_a_tag() {
        for (text, repository, tag) in [
            ("postgres", "postgres", None),
            ("postgres:16", "postgres", Some("16")),
            ("host:5000/x:16", "host:5000/x", Some("16")),
            ("host:5000/acme/x", "host:5000/acme/x", None),
            ("postgres:16@sha256:00ff", "postgres", Some("16")),
            ("postgres@sha256:00ff", "postgres", None),
            ("", "", None),
        ] {
            assert_eq!(Name::parse(text), Name { repository, tag }, "{text}");
        }
    }

    #[test]
    fn docker_hub_need_not_be_named() {
        for (text, expected) in [
            ("postgres", true),
            ("docker.io/library/postgres:16", true),
            ("library/postgres", true),
            ("index.docker.io/postgres", true),
            ("acme/postgres", false),
            ("localhost:5000/postgres:16", false),
        ] {
            assert_eq!(Name::parse(text).is_in("postgres"), expected, "{text}");
        }
        assert!(Name::parse("docker.io/valkey/valkey:9").is_in("valkey/valkey"));
    }

    #[test]
    fn a_tag_names_the_version() {
        let prefixes = ["pg", "postgres", "postgresql"].map(str::to_owned);
        for (tag, expected) in [
            ("16", Some("16")),
            ("16-alpine", Some("16")),
            ("16.2-alpine3.20", Some("16.2")),
            ("pg16", Some("16")),
            ("PG16-bookworm", Some("16")),
            ("0.8.0-pg16", Some("16")),
            ("0.8.0-pg17-trixie", Some("17")),
            ("pg16.2-ts2.13.1", Some("16.2")),
            ("latest-pg15", Some("15")),
            ("postgres_15", Some("15")),
            ("postgresql-14", Some("14")),
            ("16-3.4", Some("16")),
            ("16_3.4", Some("16")),
            ("15.1.0.147", Some("15.1.0.147")),
            ("v1.2", Some("1.2")),
            ("18beta1", Some("18")),
            ("17rc1-alpine", Some("17")),
            ("15-pg-ivm", Some("15")),
            // None of these names one.
            ("latest", None),
            ("alpine", None),
            ("alpine3.20", None),
            ("bookworm", None),
            ("debian-12", None),
            ("upg16", None),
            ("1a2b3c4", None),
            ("20240131", None),
            ("2024.01.31", None),
            ("16.", None),
            ("pg", None),
            ("pg99999999999999999999999", None),
            ("", None),
        ] {
            let found = version(tag, &prefixes).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{tag}");
        }
        assert_eq!(version("0.8.0-pg16", &[]).unwrap().to_string(), "0.8.0");
    }

    #[test]
    fn fewer_numbers_are_the_newest_of_their_line() {
        for (version, limit, expected) in [
            ("16", "18", true),
            ("18", "18", false),
            ("18.1", "18", false),
            ("17.99", "18", true),
            ("10", "10.6", false),
            ("10.5.8", "10.6", true),
            ("10.6", "10.6", false),
            ("10.6.1", "10.6", false),
            ("10.11", "10.6", false),
            ("9", "10.6", true),
        ] {
            let of = |text: &str| -> Version { text.parse().unwrap() };
            assert_eq!(
                of(version).is_before(&of(limit)),
                expected,
                "{version} {limit}"
            );
        }
        for text in ["", "v1", "16-alpine", "1..2", "+1", "1.x"] {
            assert_eq!(text.parse::<Version>(), Err(NoVersion), "{text}");
        }
    }
}
