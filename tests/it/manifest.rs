//! The manifest: every fixture under `tests/fixtures/manifests`, with what fitout says of it.

use std::fs;
use std::path::{Path, PathBuf};

use fitout::manifest::{self, Report};
use fitout::workspace::{Workspace, preset, resolve};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {}", folder.display());
    files
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

fn read(source: &str) -> Result<Workspace, Report> {
    let (table, mut problems) = manifest::decode::manifest(source);
    let (workspace, more) = resolve::workspace(&table);
    problems.extend(more);
    if problems.is_empty() {
        Ok(workspace)
    } else {
        Err(Report::new("workspace.toml", source, problems))
    }
}

fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../fixtures/{folder}/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_invalid_manifest_is_refused_in_its_own_words() {
    let files = fixtures("manifests/invalid");
    assert!(files.len() >= 40);
    for path in files.iter().filter(|path| path.is_file()) {
        let source = fs::read_to_string(path).unwrap();
        match read(&source) {
            Ok(_) => panic!("{} was accepted", path.display()),
            Err(report) => snapshot("manifests/invalid", stem(path), &report.to_string()),
        }
    }
}

#[test]
fn every_valid_manifest_becomes_its_compose_file() {
    for path in fixtures("manifests/valid")
        .iter()
        .filter(|path| path.is_file())
    {
        let source = fs::read_to_string(path).unwrap();
        match read(&source) {
            Ok(workspace) => {
                let text = fitout::compose::render(&workspace);
                snapshot("manifests/valid", stem(path), &text);
            }
            Err(report) => panic!("{} was refused:\n{report}", path.display()),
        }
    }
}

#[test]
fn every_preset_becomes_its_compose_file() {
    for name in preset::names() {
        let source = format!(
            "[services.it]\npreset = \"{name}\"\n\n[services.on-host]\npreset = \"{name}\"\n\
             runs_on = \"host\"\nports = []\n\n[services.app]\nimage = \"app:1\"\n\
             environment = {{ URL = \"${{it.url}}\", ON_HOST = \"${{on-host.url}}\", PUBLIC = \"${{it.public_url}}\" }}\n"
        );
        let workspace = read(&source).unwrap_or_else(|report| panic!("{report}"));
        let text = fitout::compose::render(&workspace);
        let unbound = fitout::workspace::references::find(&text);
        assert_eq!(unbound, [], "{name}: a placeholder is not bound");
        snapshot("presets", name, &text);
    }
}

#[test]
fn every_preset_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    for name in preset::names() {
        let preset = preset::find(name).unwrap();
        let row = format!("| `{name}` | `{}:{}` |", preset.image, preset.tag);
        assert!(readme.contains(&row), "README.md has no row {row}");
    }
}

#[test]
fn every_invalid_personal_file_is_refused_in_its_own_words() {
    let example = read(include_str!("../../workspace.example.toml")).unwrap();
    for path in fixtures("personal/invalid")
        .iter()
        .filter(|path| path.is_file())
    {
        let source = fs::read_to_string(path).unwrap();
        let (table, mut problems) = manifest::decode::personal_file(&source);
        let (_, more) = resolve::personal(&table, &example);
        problems.extend(more);
        assert!(!problems.is_empty(), "{} was accepted", path.display());
        let report = Report::new("workspace.local.toml", &source, problems);
        snapshot("personal/invalid", stem(path), &report.to_string());
    }
}

#[test]
fn the_schema_knows_the_keys_that_the_reader_knows() {
    let unknown = "zzzzzzzzzzzz = 1\n";
    for (table, definition, personal) in [
        ("[workspace]", "WorkspaceTable", false),
        ("[git]", "GitTable", false),
        ("[repos.a]", "RepoTable", false),
        ("[services.a]", "ServiceTable", false),
        ("[services.a.limits]", "LimitsTable", false),
        ("[services.a.healthcheck]", "HealthcheckTable", false),
        ("[services.a.mount]\ntarget = \"/a\"", "MountTable", false),
        ("[[services.a.ports]]\ntarget = 1", "PortTable", false),
        ("[git]", "PersonalGitTable", true),
        ("[repos.a]", "PersonalRepoTable", true),
        ("[services.a]", "PersonalServiceTable", true),
        ("[host]", "HostTable", true),
        ("[copy]", "CopyTable", true),
    ] {
        let source = format!("{table}\n{unknown}");
        let (problems, schema) = if personal {
            (
                manifest::decode::personal_file(&source).1,
                manifest::schema::personal_file(),
            )
        } else {
            (
                manifest::decode::manifest(&source).1,
                manifest::schema::manifest(),
            )
        };
        let help = problems[0].help.clone().unwrap();
        let mut read: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        read.retain(|key| *key != "docker-compose.override.yml");
        let properties = schema.pointer(&format!("/definitions/{definition}/properties"));
        let known: Vec<&String> = properties.unwrap().as_object().unwrap().keys().collect();
        assert_eq!(known, read, "{definition}");
    }
}

#[test]
fn every_manifest_in_the_docs_is_accepted() {
    let mut seen = 0;
    for document in [
        include_str!("../../README.md"),
        include_str!("../../ARCHITECTURE.md"),
        include_str!("../../CONTRIBUTING.md"),
        include_str!("../../docs/copies.md"),
        include_str!("../../docs/host.md"),
    ] {
        for block in document.split("```toml\n").skip(1) {
            // A block inside a list is indented.
            let lines = block
                .split("```")
                .next()
                .unwrap()
                .lines()
                .map(str::trim_start);
            let source = lines.collect::<Vec<_>>().join("\n");
            let personal = source.starts_with("# workspace.local.toml");
            let problems = if personal {
                manifest::decode::personal_file(&source).1
            } else if let Err(report) = read(&source) {
                panic!("{report}");
            } else {
                Vec::new()
            };
            assert_eq!(problems, [], "{source}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the manifest by example is gone from the README");
    read(include_str!("../../workspace.example.toml")).unwrap();
}

#[test]
fn no_text_makes_the_reader_panic() {
    // Cutting every fixture at every byte makes all kinds of broken TOML.
    for path in fixtures("manifests/invalid")
        .iter()
        .filter(|path| path.is_file())
    {
        let source = fs::read_to_string(path).unwrap();
        for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
            if let Err(report) = read(&source[..end]) {
                assert!(!report.to_string().is_empty());
            }
        }
    }
}
