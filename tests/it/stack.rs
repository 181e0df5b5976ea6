//! Detection of stacks: real-looking repos in, what a manifest says of them out.

use std::fs;
use std::path::Path;

use fitout::draft::{self, FoundRepo};
use fitout::manifest;
use fitout::stack::{self, Files};
use fitout::workspace::resolve;

/// A repo as a table of its files; the text of those that detection does not read is dropped, as
/// the machine does.
pub fn repo(source: &str) -> Files {
    let table: toml::Table = toml::from_str(source).unwrap();
    let files = table.into_iter().map(|(path, text)| {
        let text = text.as_str().unwrap().trim_start();
        let read = if stack::is_read(&path) { text } else { "" };
        (path, read.to_owned())
    });
    files.collect()
}

/// What detection says of every folder with a stack, and the manifest that comes of it.
fn shown(name: &str, files: &Files) -> String {
    let mut text = String::new();
    for folder in files.folders() {
        for stack in stack::detect(&files.below(folder)) {
            let line = format!(
                "{}: {}; port {}; dev {}; start {}; keep {:?}\n",
                if folder.is_empty() { "." } else { folder },
                stack.describe(),
                stack.port,
                stack.dev.as_deref().unwrap_or("-"),
                stack.start.as_deref().unwrap_or("-"),
                stack.keep,
            );
            text.push_str(&line);
        }
    }
    let repos = [FoundRepo {
        path: Some(name.to_owned()),
        url: format!("git@github.com:acme/{name}.git"),
        branch: None,
        runnables: stack::runnables(files),
    }];
    let manifest = draft::manifest("shop", &repos);
    assert_valid(&manifest);
    let services = manifest.split_once("[repos.").unwrap().1;
    let (services, _) = services.split_once("# Backing").unwrap();
    format!("{text}---\n[repos.{services}")
}

fn assert_valid(source: &str) {
    let (table, mut problems) = manifest::decode::manifest(source);
    problems.extend(resolve::workspace(&table).1);
    assert!(
        problems.is_empty(),
        "{}",
        manifest::Report::new("workspace.toml", source, problems)
    );
}

/// The example repos: the name of each, and its table.
pub fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stacks");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    assert!(files.len() >= 20);
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}

#[test]
fn every_repo_becomes_the_services_that_a_person_would_write() {
    for (name, source) in fixtures() {
        let files = repo(&source);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../fixtures/stacks/snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name.as_str(), shown(&name, &files)));
    }
}

#[test]
fn the_manifest_to_start_from_is_valid_with_and_without_its_comment_marks() {
    let starter = draft::manifest("shop", &[]);
    assert_valid(&starter);
    assert!(
        starter.contains("[workspace]\nname = \"shop\"\n"),
        "{starter}"
    );
    let taken: Vec<&str> = starter
        .split("\n\n")
        .skip(2)
        .flat_map(str::lines)
        .map(|line| line.strip_prefix("# ").unwrap())
        .collect();
    let taken = taken.join("\n");
    assert!(taken.contains("[services.db]"), "{taken}");
    assert_valid(&taken);
}

#[test]
fn a_folder_that_no_manifest_can_name_holds_no_service() {
    for folder in ["do\t", "a\\b", "~x", ".GIT"] {
        let files: Files = ["web/Dockerfile".to_owned(), format!("{folder}/Dockerfile")]
            .map(|path| (path, String::new()))
            .into_iter()
            .collect();
        let found = stack::runnables(&files);
        let contexts: Vec<&str> = found.iter().map(|it| it.context.as_str()).collect();
        assert_eq!(contexts, ["web"], "{folder:?}");
    }
}
