//! A fixed part of what the fuzz targets try (CONTRIBUTING.md, "Fuzzing"): the seeds of every kind of
//! input, cut off and changed, in the same way in each run.

#[path = "../../fuzz/properties/mod.rs"]
mod properties;

use std::{fs, panic};

use properties::{KINDS, Kind};

use crate::context::TestContext;
use properties::mutation::Numbers;

/// Tries about so many inputs of a kind; `FITOUT_FUZZ_TIMES=100` tries a hundred times as many.
fn try_some(kind: &Kind, times: usize) {
    let hold = |input: &[u8]| {
        if panic::catch_unwind(|| (kind.hold)(input)).is_err() {
            let shown = String::from_utf8_lossy(input);
            panic!("the input of `{}` was {shown:?}", kind.name);
        }
    };
    let more = std::env::var("FITOUT_FUZZ_TIMES").map_or(1, |times| times.parse().unwrap());
    let seeds = (kind.seeds)();
    let each = (more * times).div_ceil(seeds.len());
    let mut numbers = Numbers::new(1);
    for seed in &seeds {
        hold(seed.as_bytes());
        let mut input = Vec::new();
        for round in 0..each {
            // Changes add up for a while, and then begin anew with a whole seed or half of one.
            if round % 8 == 0 {
                input = seed.clone().into_bytes();
                input.truncate(numbers.below(2 * seed.len()).max(1));
            }
            input = (kind.mutate)(&input, &mut numbers);
            hold(&input);
        }
    }
}

#[test]
fn manifests() {
    try_some(&properties::manifest::KIND, 1500);
}

#[test]
fn personal_files() {
    try_some(&properties::personal::KIND, 2000);
}

#[test]
fn env_and_ignore_files() {
    try_some(&properties::dotenv::KIND, 2000);
}

#[test]
fn compose_files_and_overrides() {
    try_some(&properties::compose::KIND, 250);
}

#[test]
fn lock_files() {
    try_some(&properties::lock::KIND, 1000);
}

#[test]
fn dockerfiles() {
    try_some(&properties::dockerfile::KIND, 400);
}

#[test]
fn files_of_repos() {
    try_some(&properties::stack::KIND, 1000);
}

#[test]
fn output_of_programs() {
    try_some(&properties::docker::KIND, 2000);
}

#[test]
fn addresses() {
    try_some(&properties::url::KIND, 5000);
}

/// In a process of its own: the configuration and the proxy of the one who runs the tests stay out.
#[test]
fn answers_of_git_servers() {
    let context = TestContext::new();
    let test = "fuzz::answers_of_git_servers_here";
    let output = context
        .command(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{output:?}"
    );
}

#[test]
#[ignore = "needs an environment of its own: another test runs it"]
fn answers_of_git_servers_here() {
    try_some(&properties::server::KIND, 120);
}

#[test]
fn every_kind_has_a_fuzz_target() {
    let folder = properties::root().join("fuzz");
    let mut targets: Vec<String> = fs::read_dir(folder.join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    targets.sort();
    let mut kinds = KINDS.map(|kind| kind.name);
    kinds.sort_unstable();
    assert_eq!(targets, kinds);
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for kind in kinds {
        let bin = format!("[[bin]]\nname = \"{kind}\"\n");
        assert!(manifest.contains(&bin), "{kind}");
    }
}
