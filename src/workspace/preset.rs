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
    /// The port of its page for people.
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
    /// Variables of the container.
    #[serde(default)]
    pub environment: IndexMap<String, String>,
    /// How Docker finds out whether it is ready.
    pub healthcheck: Healthcheck,
    /// How a new volume is filled; a preset without it knows no `init`.
    pub init: Option<Init>,
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
    /// A statement that makes one more database; `{database}` is its name.
    pub create_database: String,
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
        assert!(names().count() >= 3);
    }
}
