//! What must hold for every text that fitout reads and did not write itself.
//!
//! The fuzz targets and the tests (`tests/it/fuzz.rs`) share this: a fuzzer makes its inputs with the
//! same mutations as the tests, which try a fixed part of them in each run.

pub mod compose;
pub mod docker;
pub mod dockerfile;
pub mod dotenv;
pub mod lock;
pub mod manifest;
pub mod mutation;
pub mod personal;
pub mod server;
pub mod stack;
pub mod toml_text;
pub mod url;

use std::fs;
use std::path::{Path, PathBuf};

use fitout::manifest::decode;
use fitout::workspace::{Workspace, resolve};

use self::mutation::Numbers;

/// One kind of input.
pub struct Kind {
    /// The fuzz target's name.
    pub name: &'static str,
    /// Valid ones, where mutation begins.
    pub seeds: fn() -> Vec<String>,
    /// Makes another one of one.
    pub mutate: fn(&[u8], &mut Numbers) -> Vec<u8>,
    /// Panics where something does not hold.
    pub hold: fn(&[u8]),
}

/// All of them; each has a target of its name in `fuzz_targets` and in `Cargo.toml`.
pub const KINDS: [Kind; 10] = [
    manifest::KIND,
    personal::KIND,
    dotenv::KIND,
    compose::KIND,
    lock::KIND,
    dockerfile::KIND,
    stack::KIND,
    docker::KIND,
    url::KIND,
    server::KIND,
];

/// The files with that ending in a folder of the repository, in the order of their names.
fn texts(folder: &str, ending: &str) -> Vec<String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no file in {folder}");
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The root of the repository, from the crate that this is compiled into.
pub fn root() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = folder.ancestors();
    folders
        .find(|folder| folder.join("workspace.example.toml").is_file())
        .expect("the repository")
}

/// What the example of a manifest means.
fn example() -> Workspace {
    let (table, _) = decode::manifest(&read(&root().join("workspace.example.toml")));
    let (workspace, problems) = resolve::workspace(&table);
    assert_eq!(problems, []);
    workspace
}
