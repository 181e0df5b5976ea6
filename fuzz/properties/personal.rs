//! `workspace.local.toml`, beside the example of a manifest.

use std::sync::LazyLock;

use fitout::doctor::ports;
use fitout::doctor::variables::Variables;
use fitout::manifest::edit::{Section, value};
use fitout::manifest::{copied, decode};
use fitout::workspace::{CopyOf, Workspace, resolve};

use super::manifest::{blocks, told_within, values};
use super::mutation::Numbers;
use super::toml_text::{self, Stock};
use super::{Kind, example, texts};

pub const KIND: Kind = Kind {
    name: "personal",
    seeds,
    mutate,
    hold,
};

static STOCK: LazyLock<Stock> = LazyLock::new(|| Stock::of(&seeds()));
static EXAMPLE: LazyLock<Workspace> = LazyLock::new(example);

/// Every key once.
const WHOLE: &str = r#"# Mine.
profiles = ["backend"]

[git]
protocol = "ssh"
jobs = 4
backend = "cli"
cache = false

[host]
ip = "10.0.0.7"
gateway = "host-gateway"

[repos.api]
url = "../api.git"
branch = "mine"
path = "../elsewhere/api" # a link

[repos.worker]
skip = true

[services.db]
runs_on = "host"
ports = ["5433:5432"]

[services.auth]
ports = [{ target = 3000, published = 3101 }]

[copy]
of = "/home/me/vera"
project = "vera-2"
port_offset = 100
database_suffix = "2"
"#;

fn seeds() -> Vec<String> {
    let mut seeds = texts("tests/fixtures/personal/invalid", ".toml");
    seeds.push(WHOLE.to_owned());
    seeds
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    toml_text::mutate(bytes, &STOCK, numbers)
}

fn hold(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else {
        return;
    };
    let workspace = &*EXAMPLE;
    let (table, mut problems) = decode::personal_file(source);
    let (personal, more) = resolve::personal(&table, workspace);
    problems.extend(more);
    if problems.is_empty() {
        blocks(workspace, &personal);
        assert!(personal.repos(workspace).len() <= workspace.repos.len());
        let _ = ports::claimed(workspace, &personal, &Variables::default());
    } else {
        told_within(source, &problems);
    }
    let Some(before) = values(source) else {
        return;
    };
    one_key(source, &before);
    copy(source, &before);
}

type Values = std::collections::BTreeMap<String, String>;

/// A key that is set is set, one that is taken out is gone, and all else is as it was.
fn one_key(source: &str, before: &Values) {
    let place = value::Place {
        section: Section::Services,
        entry: "db",
        key: "runs_on",
    };
    let is_other = |key: &str| !["services/db/runs_on/", "services/db/"].contains(&key);
    let others = |values: &Values| -> Values {
        let mut values = values.clone();
        values.retain(|key, _| is_other(key));
        values
    };
    if let Ok(text) = value::set(source, place, "host") {
        let after = values(&text).unwrap_or_else(|| panic!("{text:?} of {source:?}"));
        let set = after.get("services/db/runs_on/").map(String::as_str);
        assert_eq!(set, Some("String(\"host\")"), "{text:?} of {source:?}");
        let mut old = others(before);
        old.retain(|key, _| !key.starts_with("services/db/runs_on/"));
        assert_eq!(others(&after), old, "{text:?} of {source:?}");
    }
    if let Ok(Some(text)) = value::unset(source, place) {
        let after = values(&text).unwrap_or_else(|| panic!("{text:?} of {source:?}"));
        let is_string = |values: &Values| {
            let value = values.get("services/db/runs_on/");
            value.is_some_and(|value| value.starts_with("String"))
        };
        assert!(!is_string(&after), "{text:?} of {source:?}");
        if is_string(before) {
            assert_eq!(others(&after), others(before), "{text:?} of {source:?}");
        }
    }
}

/// The file of a copy has the copy's table, and the rest of the original's.
fn copy(source: &str, before: &Values) {
    let copy = CopyOf {
        folder: "/home/me/ve\"ra".to_owned(),
        project: "vera-3".to_owned(),
        port_offset: 200,
        database_suffix: None,
    };
    let Ok(text) = copied::personal_file(source, &copy, &[]) else {
        return;
    };
    let (table, _) = decode::personal_file(&text);
    let read = table
        .copy
        .unwrap_or_else(|| panic!("{text:?} of {source:?}"));
    let folder = read.value.of.map(|of| of.value);
    assert_eq!(
        folder.as_ref(),
        Some(&copy.folder),
        "{text:?} of {source:?}"
    );
    let mut after = values(&text).unwrap_or_else(|| panic!("{text:?} of {source:?}"));
    let mut expected = before.clone();
    for values in [&mut after, &mut expected] {
        values.retain(|key, _| !key.starts_with("copy/"));
    }
    assert_eq!(after, expected, "{text:?} of {source:?}");
}
