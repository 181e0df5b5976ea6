//! Rules for all checks, and how the tests of each show its verdicts.

use std::collections::BTreeSet;

use super::*;
use crate::doctor::check::{Checked, Page};
use crate::doctor::outcome::{Outcome, Remedy, Status};
use crate::doctor::report::{Detail, Report};
use crate::doctor::setting::Setting;
use crate::doctor::system::System;
use crate::manifest;
use crate::workspace::{PersonalRepo, PersonalService, resolve};

/// A workspace from the text of its manifest.
pub fn parse(manifest: &str) -> Workspace {
    let (table, problems) = manifest::decode::manifest(manifest);
    assert!(problems.is_empty(), "{problems:?}");
    let (workspace, problems) = resolve::workspace(&table);
    assert!(problems.is_empty(), "{problems:?}");
    workspace
}

/// With two services that are built, one of them behind a profile, and a preset.
pub const MANIFEST: &str = r#"
    [git]
    base_url = "https://git.example/"

    [repos.api]
    [repos.old]

    [services.api]
    repo = "api"
    context = "server"
    ports = ["3100:3000", "3200:3000"]
    depends_on = ["db"]
    required_env = ["KEY", "TOKEN"]

    [services.jobs]
    repo = "old"
    profiles = ["backend"]
    ports = ["3300:3000"]
    required_env = ["KEY"]

    [services.db]
    preset = "postgres"
    ports = ["5432:5432"]
"#;

/// Ubuntu, with the user in a folder of the workspace.
pub fn setting() -> Setting {
    Setting {
        system: System {
            has_systemd: true,
            programs: vec!["dockerd".to_owned()],
            ..System::new("linux", "ID=ubuntu\n", "")
        },
        workspace: "..".to_owned(),
    }
}

/// What one check says of each thing that it can see; see [`examples_of`].
#[track_caller]
pub fn examples<C: Check>(check: &C, seen: impl IntoIterator<Item = C::Seen>) -> String {
    let (about, setting) = (check.about(), setting());
    let seen = seen.into_iter();
    let checked = seen.map(|seen| Checked {
        check: about.clone(),
        outcome: check.judge(seen, &setting),
    });
    shown(C::PAGE, checked.collect())
}

/// The lines of the report for each example of what a check can see. Examples are whole: their verdicts
/// and their remedies are those that the check's page in the docs has.
#[track_caller]
pub fn examples_of<C: Check>(seen: impl IntoIterator<Item = (C, C::Seen)>) -> String {
    let setting = setting();
    let seen = seen.into_iter();
    let checked = seen.map(|(check, seen)| Checked {
        check: check.about(),
        outcome: check.judge(seen, &setting),
    });
    shown(C::PAGE, checked.collect())
}

#[track_caller]
fn shown(page: &Page, all: Vec<Checked>) -> String {
    agree(page, &all);
    let lines = all.into_iter().map(|checked| {
        let report = Report {
            workspace: None,
            checked: vec![checked],
        };
        let text = crate::markup::style::plain(&report.text(Detail::Full));
        text.split("\n\n").next().unwrap_or_default().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Holds that a page has the verdicts of the examples and no others, and remedies that they give.
#[track_caller]
fn agree(page: &Page, examples: &[Checked]) {
    let outcomes: Vec<&Outcome> = examples.iter().map(|checked| &checked.outcome).collect();
    let given: BTreeSet<Status> = outcomes.iter().map(|outcome| outcome.status).collect();
    assert!(given.contains(&Status::Pass), "no example passes");
    let documented = page.otherwise.iter().map(|(status, _)| *status);
    let documented: BTreeSet<Status> = documented.chain([Status::Pass]).collect();
    assert_eq!(documented, given, "the verdicts of `{}`", page.id);

    let remedies = outcomes.iter().map(|outcome| &outcome.remedy);
    let remedies: Vec<&Remedy> = remedies.filter(|it| **it != Remedy::default()).collect();
    let has_fix = outcomes.iter().any(|outcome| outcome.fix.is_some());
    let says_fix = page.fixed_by.contains("`--fix`");
    assert_eq!(says_fix, has_fix, "`--fix` of `{}`", page.id);
    let is_empty = page.fixed_by.is_empty();
    assert_eq!(is_empty, remedies.is_empty(), "remedies of `{}`", page.id);
    for phrase in in_backticks(page.fixed_by).filter(|phrase| *phrase != "--fix") {
        let lines = remedies.iter().flat_map(|it| it.run.iter().chain(&it.note));
        let is_given = { lines }.any(|line| has_words(line, phrase));
        assert!(is_given, "`{}`: no remedy has `{phrase}`", page.id);
    }
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a line has these words in this order, whatever stands between them. One in capitals stands for
/// a name.
fn has_words(line: &str, phrase: &str) -> bool {
    let mut rest = line;
    let is_name = |word: &str| word == "…" || word.chars().all(char::is_uppercase);
    let mut words = phrase.split(' ').filter(|word| !is_name(word));
    words.all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn ids(checks: &[AnyCheck]) -> Vec<&str> {
    checks.iter().map(|check| check.about.id.as_str()).collect()
}

#[test]
fn every_part_of_a_workspace_has_its_checks() {
    let checks = of_workspace(
        &parse(MANIFEST),
        &Personal::default(),
        &Variables::default(),
    );
    let with_needs = checks.iter().map(|check| {
        let about = &check.about;
        let needs = about.needs.join(", ");
        format!("{} [{needs}] {}", about.id, about.subject)
    });
    insta::assert_snapshot!(with_needs.collect::<Vec<_>>().join("\n"));
}

#[test]
fn ids_are_unique_and_needs_are_ids() {
    let checks = all();
    let ids = ids(&checks);
    for AnyCheck { about, .. } in &checks {
        let same = ids.iter().filter(|id| **id == about.id).count();
        assert_eq!(same, 1, "{}", about.id);
        for need in &about.needs {
            assert!(ids.contains(&need.as_str()), "{}: {need}", about.id);
        }
    }
}

#[test]
fn what_is_not_wanted_on_this_machine_is_not_checked() {
    let mut personal = Personal::default();
    personal.repos.insert(
        "old".to_owned(),
        PersonalRepo {
            skip: true,
            ..PersonalRepo::default()
        },
    );
    personal.services.insert(
        "db".to_owned(),
        PersonalService {
            runs_on: Some(RunsOn::Host),
            ..PersonalService::default()
        },
    );
    let checks = of_workspace(&parse(MANIFEST), &personal, &Variables::default());
    let ids = ids(&checks);
    for gone in [
        "repos.old.cloned",
        "files.jobs.dockerfile",
        "ports.jobs.3000",
        "ports.db.5432",
    ] {
        assert!(!ids.contains(&gone), "{gone}");
    }
    assert!(ids.contains(&"ports.api.3000"));
}

/// A part in capitals stands for one part or more.
fn describes(pattern: &[&str], id: &[&str]) -> bool {
    let (Some((first, rest)), Some((part, more))) = (pattern.split_first(), id.split_first())
    else {
        return pattern.is_empty() && id.is_empty();
    };
    if first.chars().all(char::is_uppercase) {
        describes(rest, more) || describes(pattern, more)
    } else {
        first == part && describes(rest, more)
    }
}

/// Every check that there can be, with those of `--deep`.
fn all() -> Vec<AnyCheck> {
    let manifest = format!(
        "{MANIFEST}init = \"seed.sql\"\n[services.cache]\npreset = \"redis\"\nruns_on = \"host\"\n\
         [services.queue]\npreset = \"rabbitmq\"\n"
    );
    let (parsed, personal) = (parse(&manifest), Personal::default());
    let variables = Variables::default();
    let mut checks = of_workspace(&parsed, &personal, &variables);
    checks.extend(of_deep(&parsed, &personal, &variables));
    checks
}

#[test]
fn a_page_describes_the_ids_of_its_checks_and_no_others() {
    let checks = all();
    for check in &checks {
        let id: Vec<&str> = check.about.id.split('.').collect();
        let pages = checks.iter().map(|check| check.page.id);
        let pages: BTreeSet<&str> = pages
            .filter(|page| describes(&page.split('.').collect::<Vec<_>>(), &id))
            .collect();
        assert_eq!(pages, BTreeSet::from([check.page.id]), "{}", check.about.id);
    }
}

#[test]
fn every_file_is_named_after_its_check_and_has_its_line_in_the_table() {
    let checks = all();
    let pages: BTreeSet<&str> = checks.iter().map(|check| check.page.id).collect();
    let mut files = Vec::new();
    for (path, text) in sources() {
        if text.contains("const PAGE: &'static Page") {
            let owner = text
                .strip_prefix("//! `")
                .and_then(|text| text.split_once("`: "));
            let (id, _) = owner.unwrap_or_else(|| panic!("{path} does not open with its id"));
            assert!(
                pages.contains(id),
                "{path}: no line in the table has `{id}`"
            );
            let parts = id
                .split('.')
                .filter(|part| !part.chars().all(char::is_uppercase));
            let name = parts.collect::<Vec<_>>().join("/").replace('-', "_");
            assert_eq!(path, format!("{name}.rs"));
            files.push(id.to_owned());
        }
    }
    assert_eq!(files.len(), pages.len(), "{files:?}");
}

/// The files of this folder and those in it: their paths, and their text.
fn sources() -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/doctor/checks");
    let mut folders = vec![std::path::PathBuf::from(root)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(root).unwrap().to_string_lossy();
                sources.push((name.into_owned(), text));
            }
        }
    }
    sources
}

/// The rows of the table of checks in docs/doctor.md.
fn documented() -> BTreeSet<&'static str> {
    let page = include_str!("../../../docs/doctor.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let has_id = |row: &&str| {
        let id = in_backticks(row).next().unwrap_or_default();
        id.contains('.') && !id.contains('[')
    };
    rows.filter(has_id).collect()
}

fn row(page: &Page) -> String {
    let otherwise = page.otherwise.iter().map(|(status, when)| {
        let status = status.name();
        format!("{status}: {when}")
    });
    let otherwise: Vec<String> = otherwise.collect();
    let cells = [
        format!("`{}`", page.id),
        page.in_order.to_owned(),
        otherwise.join("; "),
        page.fixed_by.to_owned(),
    ];
    format!("| {} |", cells.join(" | ")).replace("|  |", "| |")
}

#[test]
fn the_page_in_docs_has_the_row_of_every_check_and_no_other() {
    let rows: BTreeSet<String> = all().iter().map(|check| row(check.page)).collect();
    let documented = documented();
    let missing: Vec<&String> = rows
        .iter()
        .filter(|it| !documented.contains(it.as_str()))
        .collect();
    let other: Vec<&&str> = documented
        .iter()
        .filter(|it| !rows.contains(**it))
        .collect();
    assert!(
        missing.is_empty() && other.is_empty(),
        "docs/doctor.md lacks\n{missing:#?}\nand has instead\n{other:#?}"
    );
}
