//! Language ecosystems: detects which one a repo uses, its version, its package manager, its port.
//!
//! To add one, add `templates/stacks/NAME/detect.toml`. Pure: [`Files`] contains what was read from
//! a repo, and everything here interprets it. Guesses are written to the manifest, where people can
//! see and change them.

mod detect;
mod dockerfiles;
mod files;
mod image;
mod runnable;
mod start;
mod version;

pub use detect::{Stack, detect, detect_on};
pub use dockerfiles::{Dockerfiles, dockerfiles};
pub use files::{DEPTH, Files, IGNORED, is_ignored, is_read};
pub use image::Image;
pub use runnable::{Runnable, runnables};

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use serde::Deserialize;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/stacks");

static CATALOG: LazyLock<IndexMap<String, Definition>> = LazyLock::new(|| {
    let mut catalog: IndexMap<String, Definition> = FILES.dirs().map(read).collect();
    catalog.sort_keys();
    catalog
});

/// The contents of a stack's `detect.toml`. Files are given as a name, a path in the folder, or
/// `*.extension`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its display name: `Node.js`.
    pub title: String,
    /// A folder with one of these files uses this stack.
    pub files: Vec<String>,
    /// If another stack is detected too, this one is for tools or assets, and the other one is the
    /// service.
    #[serde(default)]
    pub auxiliary: bool,
    /// The default version.
    pub version: String,
    /// The number of significant components of a version: 1 for `20`, 2 for `3.12`.
    pub version_parts: usize,
    /// Where to look for the version, in order.
    #[serde(default)]
    versions: Vec<VersionSource>,
    /// The default port.
    pub port: u16,
    /// Folders next to the source that are filled by tools, and belong to the container.
    #[serde(default)]
    keep: Vec<String>,
    /// Candidates for the main file, in order; `*` matches one folder.
    #[serde(default)]
    main: Vec<String>,
    /// Files in which the repo defines its commands.
    scripts: Option<Scripts>,
    /// In order: the first one whose file exists, otherwise the last one.
    package_managers: Vec<PackageManager>,
    /// In order: the first one that the repo uses.
    #[serde(default)]
    frameworks: Vec<Framework>,
    /// Patterns of files that the package manager reads; a trailing `/` means a folder.
    manifests: Vec<String>,
    /// Whether detection reads the files of `main`.
    #[serde(default)]
    read_main: bool,
    /// Maps versions to image tags that differ from the version.
    #[serde(default)]
    minors: IndexMap<String, String>,
    /// The files of a typical new repo.
    example: IndexMap<String, String>,
    /// The development command. `{port}`, `{run}` (the package manager's), `{main}`, `{module}`
    /// (Python) and `{folder}` (Go) are substituted.
    dev: Option<String>,
}

impl Definition {
    /// The files of a small example repo.
    pub fn example(&self) -> Files {
        self.example.clone().into_iter().collect()
    }
}

/// A file that may contain the version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionSource {
    file: String,
    read: Reading,
    #[serde(default)]
    key: String,
}

/// How to extract a value from a file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reading {
    /// The first line.
    Line,
    /// The rest of the first line that starts with `key` and white space.
    After,
    /// The text after `key`, anywhere in the file.
    Between,
    /// The string at `key`, whose parts are joined with `.`.
    Json,
    /// Like the above.
    Toml,
    /// The text of the first XML element named `key`.
    Element,
}

/// Named commands in a file such as `package.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripts {
    file: String,
    /// Names of the one for development, in order.
    dev: Vec<String>,
    /// Names of the one for production, in order.
    start: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageManager {
    name: String,
    files: Vec<String>,
    /// An equivalent table in the stack's TOML file.
    table: Option<String>,
    /// Runs a command from the installed packages.
    run: Option<String>,
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Framework {
    name: String,
    /// Found in the stack's files as a whole word if the repo depends on it.
    word: Option<String>,
    /// Or one of these files exists.
    #[serde(default)]
    files: Vec<String>,
    port: u16,
    #[serde(default)]
    keep: Vec<String>,
    dev: Option<String>,
    /// `dev` by the package manager's name.
    #[serde(default)]
    dev_with: IndexMap<String, String>,
    /// The option that makes its development server reachable from outside of the container.
    listen: Option<Listen>,
    /// The folder with the built site, for a web server. `*` matches one name.
    site: Option<String>,
}

/// An option that makes a program listen on all addresses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    program: String,
    option: String,
}

/// Returns the stack with that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    CATALOG.get(name)
}

/// Returns the names of all stacks, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.keys().map(String::as_str)
}

/// Returns the names of the package managers' lock files.
pub fn lock_files() -> impl Iterator<Item = &'static str> {
    let managers = CATALOG.values().flat_map(|stack| &stack.package_managers);
    managers.flat_map(|manager| manager.files.iter().map(String::as_str))
}

fn read(folder: &Dir<'_>) -> (String, Definition) {
    let name = folder.path().to_string_lossy().into_owned();
    let text = folder
        .get_file(folder.path().join("detect.toml"))
        .and_then(include_dir::File::contents_utf8)
        .unwrap_or_default();
    match toml::from_str(text) {
        Ok(definition) => (name, definition),
        // Embedded files can't be invalid at run time: a test parses all of them.
        Err(error) => panic!("templates/stacks/{name}/detect.toml: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stack_reads_and_has_a_version_that_it_would_find_itself() {
        for (name, stack) in &*CATALOG {
            let found = version::number(&stack.version, stack.version_parts);
            assert_eq!(found.as_deref(), Some(stack.version.as_str()), "{name}");
            assert!(!stack.package_managers.is_empty(), "{name}");
        }
        let expected = [
            "dotnet", "go", "java", "node", "php", "python", "ruby", "rust",
        ];
        assert_eq!(names().collect::<Vec<_>>(), expected);
    }
}
