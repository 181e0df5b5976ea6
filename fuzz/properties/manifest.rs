//! `workspace.toml`, and all that is made from it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fitout::compose::{self, drift, text::Origin, yaml};
use fitout::doctor::variables::Variables;
use fitout::dotenv::{self, Machine};
use fitout::manifest::edit::{self, Section};
use fitout::manifest::{Diagnostic, Report, decode};
use fitout::markup::shown;
use fitout::workspace::{Personal, Workspace, resolve};
use toml::Value;

use super::mutation::Numbers;
use super::toml_text::{self, Stock};
use super::{Kind, read, root, texts};

pub const KIND: Kind = Kind {
    name: "manifest",
    seeds,
    mutate,
    hold,
};

static STOCK: LazyLock<Stock> = LazyLock::new(|| Stock::of(&seeds()));

fn seeds() -> Vec<String> {
    let mut seeds = texts("tests/fixtures/manifests/valid", ".toml");
    seeds.extend(texts("tests/fixtures/manifests/invalid", ".toml"));
    for file in [
        "workspace.example.toml",
        "templates/demo/services/workspace.toml",
        "templates/workspace.toml",
    ] {
        seeds.push(read(&root().join(file)));
    }
    seeds
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    toml_text::mutate(bytes, &STOCK, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = resolved(source);
    if let Err(problems) = &read {
        told_within(source, problems);
    }
    edits(source, read.as_ref().ok());
    if let Ok(workspace) = read {
        places(&workspace);
        compose_file(&workspace);
        blocks(&workspace, &Personal::default());
    }
}

fn resolved(source: &str) -> Result<Workspace, Vec<Diagnostic>> {
    let (table, mut problems) = decode::manifest(source);
    let (workspace, more) = resolve::workspace(&table);
    problems.extend(more);
    if problems.is_empty() {
        Ok(workspace)
    } else {
        Err(problems)
    }
}

/// Each problem is at a place of the source, and can be shown.
pub fn told_within(source: &str, problems: &[Diagnostic]) {
    for problem in problems {
        let related = problem.related.iter().map(|(span, _)| span);
        for span in related.chain([&problem.span]) {
            assert!(source.get(span.clone()).is_some(), "{problem:?}");
        }
        assert!(!problem.message.is_empty());
    }
    let report = Report::new("workspace.toml", source, problems.to_vec());
    let text = report.to_string();
    assert!(text.contains("workspace.toml"));
    obeyed_by_no_terminal(&text);
}

/// Neither control characters nor such as change the direction are in what is printed.
pub fn obeyed_by_no_terminal(text: &str) {
    let printed = shown::text(text);
    let is_obeyed = |c: char| {
        let is_control = c.is_control() && !"\n\t".contains(c);
        is_control
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!printed.contains(is_obeyed), "{printed:?}");
}

/// What is added and removed is that alone.
fn edits(source: &str, workspace: Option<&Workspace>) {
    let Some(before) = values(source) else {
        return;
    };
    for (section, table) in [
        (Section::Repos, "[repos.zz-new]\nurl = \"../zz\" # new\n"),
        (
            Section::Services,
            "# New\n[services.zz-new]\nimage = \"x:1\"\n",
        ),
    ] {
        let name = format!("{}/zz-new/", section.key());
        if let Ok(text) = edit::add(source, section, table)
            && !before.keys().any(|key| key.starts_with(&name))
        {
            assert!(is_part(source, &text), "{source:?} became {text:?}");
            let mut after = values(&text).unwrap_or_else(|| panic!("{text:?} of {source:?}"));
            after.retain(|key, _| !key.starts_with(&name));
            assert_eq!(after, before, "{text:?} of {source:?}");
            if let Some(workspace) = workspace {
                let with = resolved(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
                assert_eq!(with.repos.len() + with.services.len(), {
                    workspace.repos.len() + workspace.services.len() + 1
                });
            }
            let removed = edit::remove(&text, section, "zz-new").unwrap();
            assert_eq!(
                values(&removed).as_ref(),
                Some(&before),
                "{removed:?} of {text:?}"
            );
        }
    }
    let Some(workspace) = workspace else {
        return;
    };
    let repos = workspace
        .repos
        .iter()
        .map(|repo| (Section::Repos, &repo.name));
    let services = workspace.services.iter();
    let services = services.map(|service| (Section::Services, &service.name));
    for (section, name) in repos.take(3).chain(services.take(3)) {
        let Ok(text) = edit::remove(source, section, name) else {
            continue;
        };
        assert!(is_part(&text, source), "{source:?} became {text:?}");
        let after = values(&text).unwrap_or_else(|| panic!("{text:?} of {source:?}"));
        let mut expected = before.clone();
        let prefix = format!("{}/{name}/", section.key());
        expected.retain(|key, _| !key.starts_with(&prefix));
        assert_eq!(after, expected, "{text:?} of {source:?}");
    }
}

/// Whether all bytes of `part` are in `whole`, in this order.
fn is_part(part: &str, whole: &str) -> bool {
    let mut bytes = whole.bytes();
    part.bytes().all(|byte| bytes.any(|other| other == byte))
}

/// The values of a text by their place. A table counts as something, unless it is a section.
pub fn values(source: &str) -> Option<BTreeMap<String, String>> {
    let table: toml::Table = toml::from_str(source).ok()?;
    let mut values = BTreeMap::new();
    flatten(&Value::Table(table), String::new(), &mut values);
    values.retain(|key, _| key.matches('/').count() > 1);
    Some(values)
}

fn flatten(value: &Value, place: String, values: &mut BTreeMap<String, String>) {
    if let Value::Table(table) = value {
        for (key, value) in table {
            flatten(value, format!("{place}{key}/"), values);
        }
        values.insert(place, String::new());
    } else {
        values.insert(place, format!("{value:?}"));
    }
}

/// It is YAML with what the model says, and fitout takes it for its own.
fn compose_file(workspace: &Workspace) {
    let text = compose::render(workspace);
    assert_eq!(compose::text::origin(&text), Origin::Written, "{text}");
    assert_eq!(drift::compare(&text, &text), []);
    let tree = yaml::parse(&text).unwrap();
    let tree = tree.unwrap_or_else(|| panic!("no YAML:\n{text}"));
    for service in &workspace.services {
        let services = tree.get("services").expect("services");
        assert!(
            services.get(&service.name).is_some(),
            "{}:\n{text}",
            service.name
        );
    }
    let model = compose::build::file(workspace);
    let unlimited = serde_saphyr::options! { budget: None };
    let read: serde_json::Value = serde_saphyr::from_str_with_options(&text, unlimited)
        .unwrap_or_else(|error| panic!("no YAML: {error}:\n{text}"));
    assert_eq!(read, compose::merge::tree(&model), "{text}");
}

/// The clone of every repo is in the workspace, and in no other repository.
fn places(workspace: &Workspace) {
    for repo in &workspace.repos {
        assert!(!repo.path.contains(char::is_control), "{:?}", repo.path);
        for part in repo.path.split('/') {
            let is_elsewhere = ["", ".", ".."].contains(&part) || part.eq_ignore_ascii_case(".git");
            assert!(!is_elsewhere, "{:?}", repo.path);
        }
    }
}

/// A line of a block is a variable with the value that was meant, and a pattern is one line.
pub fn blocks(workspace: &Workspace, personal: &Personal) {
    let machine = Machine {
        uid: 501,
        gid: 20,
        host_ip: "172.17.0.1".to_owned(),
        host_gateway: "host-gateway".to_owned(),
    };
    let text = dotenv::env("", workspace, personal, &machine).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let [_, _, own @ .., _] = &lines[..] else {
        panic!("{text}");
    };
    for line in own {
        let (name, _) = line.split_once('=').unwrap_or_else(|| panic!("{text}"));
        let found: Vec<&str> = dotenv::variables(line).collect();
        assert_eq!(found, [name], "{text}");
    }
    let ip = personal.host_ip.as_ref().unwrap_or(&machine.host_ip);
    let gateway = personal.host_gateway.as_ref();
    let gateway = gateway.unwrap_or(&machine.host_gateway);
    let read = Variables::new([], &text);
    for (name, value) in [("DOCKER_HOST_IP", ip), ("DOCKER_HOST_GATEWAY", gateway)] {
        let is_replaced = |c: char| c.is_control() && !"\n\r".contains(c);
        let meant = value.replace(is_replaced, "\u{fffd}");
        let found = read.get(name).map(|(value, _)| value);
        assert_eq!(found, Some(meant.as_str()), "{text}");
    }
    let again = dotenv::env(&text, workspace, personal, &machine);
    assert_eq!(again.as_ref(), Ok(&text));
    let ignored = dotenv::gitignore("", workspace).unwrap();
    let lines = ignored.lines().count();
    assert_eq!(lines, workspace.repos.len() + 5, "{ignored}");
    assert_eq!(
        dotenv::gitignore(&ignored, workspace).as_ref(),
        Ok(&ignored)
    );
}
