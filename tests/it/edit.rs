//! Edits of a manifest: whatever it looks like, all but the edited table stays byte for byte.

use std::fs;
use std::path::Path;

use fitout::manifest::edit::{self, Section};
use fitout::manifest::{self, Report};
use fitout::workspace::{Workspace, resolve};

/// Every valid manifest of the repo, as it is and with the line ends of Windows.
fn manifests() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = fs::read_dir(root.join("tests/fixtures/manifests/valid"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.push(root.join("workspace.example.toml"));
    paths.push(root.join("templates/workspace.toml"));
    paths.push(root.join("templates/demo/services/workspace.toml"));
    assert!(paths.len() >= 8);
    let texts = paths.into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        let windows = text.replace('\n', "\r\n");
        [(name.clone(), text), (format!("{name} (CRLF)"), windows)]
    });
    texts.collect()
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

#[test]
fn what_is_added_stands_in_one_piece_in_a_text_that_is_else_the_same() {
    let tables = [
        (Section::Repos, "[repos.zz-new]\nurl = \"../zz\"  # new\n"),
        (
            Section::Services,
            "# New\n[services.zz-new]\nimage = \"busybox:1.37\"\n",
        ),
    ];
    for (name, source) in manifests() {
        let before = read(&source).unwrap_or_else(|report| panic!("{name}: {report}"));
        for (section, table) in tables {
            let text = edit::add(&source, section, table).unwrap();

            let same = source
                .bytes()
                .zip(text.bytes())
                .take_while(|(old, new)| old == new)
                .count();
            let added = text.len() - source.len();
            let rest_is_same = (0..=same)
                .rev()
                .any(|at| source[at..] == text[at + added..]);
            assert!(rest_is_same, "{name}:\n{text}");

            let mut after = read(&text).unwrap_or_else(|report| panic!("{name}: {report}"));
            after.repos.retain(|repo| repo.name != "zz-new");
            after.services.retain(|service| service.name != "zz-new");
            assert_eq!(after, before, "{name}");
            let ends_in_a_line = source.is_empty() || source.ends_with('\n');
            if ends_in_a_line {
                let removed = edit::remove(&text, section, "zz-new");
                assert_eq!(removed.as_deref(), Ok(source.as_str()), "{name}");
            }
        }
    }
}

#[test]
fn what_is_removed_leaves_every_other_line_and_every_other_entry() {
    for (name, source) in manifests() {
        let before = read(&source).unwrap();
        let repos = before.repos.iter().map(|it| (Section::Repos, &it.name));
        let services = before
            .services
            .iter()
            .map(|it| (Section::Services, &it.name));
        for (section, entry) in repos.chain(services) {
            let Ok(text) = edit::remove(&source, section, entry) else {
                // An inline form in a file with other line ends can't be kept byte for byte.
                assert!(name.ends_with("(CRLF)"), "{name}: {entry}");
                continue;
            };
            let mut old = source.lines();
            for line in text.lines() {
                assert!(old.any(|old| old == line), "{name}: {entry}: {line}");
            }
            let (table, _) = manifest::decode::manifest(&text);
            let names = |section| match section {
                Section::Repos => table.repos.0.iter().map(|(name, _)| &name.value).collect(),
                Section::Services => {
                    let services = table.services.0.iter();
                    services.map(|(name, _)| &name.value).collect::<Vec<_>>()
                }
            };
            let expected = |own: Section, all: Vec<&String>| -> Vec<String> {
                let kept = all.into_iter().filter(|it| own != section || *it != entry);
                kept.cloned().collect()
            };
            let repos = before.repos.iter().map(|it| &it.name).collect();
            let services = before.services.iter().map(|it| &it.name).collect();
            assert_eq!(
                names(Section::Repos)
                    .into_iter()
                    .cloned()
                    .collect::<Vec<_>>(),
                expected(Section::Repos, repos),
                "{name}: {entry}"
            );
            assert_eq!(
                names(Section::Services)
                    .into_iter()
                    .cloned()
                    .collect::<Vec<_>>(),
                expected(Section::Services, services),
                "{name}: {entry}"
            );
        }
    }
}
