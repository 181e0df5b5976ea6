//! Language ecosystems: which one a repo uses, its version, its package manager, its port.
//!
//! Adding one is adding `templates/stacks/NAME/detect.toml`. Pure: [`Files`] holds what was found in
//! a repo, and everything here judges it. What is guessed is written into the manifest, where
//! people see it and can change it.

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

/// What a stack's `detect.toml` says. A file is a name, a path in the folder, or `*.extension`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name for people: `Node.js`.
    pub title: String,
    /// A folder with one of these is of this stack.
    pub files: Vec<String>,
    /// Beside another stack it is there for tools or assets, and the other one is the service.
    #[serde(default)]
    pub auxiliary: bool,
    /// The version of a repo that names none.
    pub version: String,
    /// How many of a version's numbers tell two of them apart: 1 for `20`, 2 for `3.12`.
    pub version_parts: usize,
    /// Where the version is looked for, in order.
    #[serde(default)]
    versions: Vec<VersionSource>,
    /// The port of a repo that names none.
    pub port: u16,
    /// Folders beside the source that tools fill, and that stay the container's own.
    #[serde(default)]
    keep: Vec<String>,
    /// Where a program begins, in order: `*` stands for one folder.
    #[serde(default)]
    main: Vec<String>,
    /// Where the repo itself names its commands.
    scripts: Option<Scripts>,
    /// In order: the first one whose file is there; without any, the last one.
    package_managers: Vec<PackageManager>,
    /// In order: the first one that the repo uses.
    #[serde(default)]
    frameworks: Vec<Framework>,
    /// What the package manager reads, as patterns; a name with `/` at its end is a folder.
    manifests: Vec<String>,
    /// Whether detection looks into the files of `main`.
    #[serde(default)]
    read_main: bool,
    /// The tag of an image by the version that a repo names, where those are not the same.
    #[serde(default)]
    minors: IndexMap<String, String>,
    /// The files of a repo as most begin.
    example: IndexMap<String, String>,
    /// Runs it while it is developed. `{port}`, `{run}` (the package manager's), `{main}`,
    /// `{module}` (of Python) and `{folder}` (of Go) are filled in.
    dev: Option<String>,
}

impl Definition {
    /// The files of a small repo of this stack.
    pub fn example(&self) -> Files {
        self.example.clone().into_iter().collect()
    }
}

/// A file that may name the version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionSource {
    file: String,
    read: Reading,
    #[serde(default)]
    key: String,
}

/// How a value is found in a file.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reading {
    /// The first line.
    Line,
    /// The rest of the first line that begins with `key` and white space.
    After,
    /// What follows `key`, wherever it stands.
    Between,
    /// The string at `key`, whose parts are joined with `.`.
    Json,
    /// Likewise.
    Toml,
    /// The text of the first XML element named `key`.
    Element,
}

/// Commands that the repo gives a name, in a file such as `package.json`.
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
    /// A table of the stack's TOML file that says the same.
    table: Option<String>,
    /// Runs a command among the installed packages.
    run: Option<String>,
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Framework {
    name: String,
    /// Stands in the stack's files as a word of its own when the repo depends on it.
    word: Option<String>,
    /// Or one of these is there.
    #[serde(default)]
    files: Vec<String>,
    port: u16,
    #[serde(default)]
    keep: Vec<String>,
    dev: Option<String>,
    /// `dev` by the package manager's name.
    #[serde(default)]
    dev_with: IndexMap<String, String>,
    /// What its development server needs to be reached from outside of its container.
    listen: Option<Listen>,
    /// The folder of the site that a build makes, for a web server to serve. `*` stands for a name.
    site: Option<String>,
}

/// An option for a program, which makes it listen on all addresses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    program: String,
    option: String,
}

/// The stack of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    CATALOG.get(name)
}

/// The names of all stacks, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.keys().map(String::as_str)
}

/// The names of the files in which package managers write down what they installed.
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
        // A file that is compiled in can't be wrong at a user's: a test reads every one.
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
