//! The files of a repo that detection reads: what comes of them is a valid manifest, and Dockerfiles.
//!
//! One input is a table of files, as the fixtures are.

use std::sync::LazyLock;

use fitout::draft::{self, FoundRepo};
use fitout::manifest::decode;
use fitout::stack::{self, Files, dockerfiles};
use fitout::workspace::resolve;

use super::mutation::Numbers;
use super::toml_text::{self, Stock};
use super::{Kind, texts};

pub const KIND: Kind = Kind {
    name: "stack",
    seeds,
    mutate,
    hold,
};

static STOCK: LazyLock<Stock> = LazyLock::new(|| Stock::of(&seeds()));

fn seeds() -> Vec<String> {
    texts("tests/fixtures/stacks", ".toml")
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    toml_text::mutate(bytes, &STOCK, numbers)
}

fn hold(bytes: &[u8]) {
    let table = std::str::from_utf8(bytes).ok();
    let table: Option<toml::Table> = table.and_then(|text| toml::from_str(text).ok());
    let Some(table) = table else {
        return;
    };
    let files = table.into_iter().filter_map(|(path, text)| {
        let text = text.as_str()?.to_owned();
        let is_read = stack::is_read(&path);
        Some((path, if is_read { text } else { String::new() }))
    });
    let files: Files = files.collect();
    for folder in files.folders() {
        let below = files.below(folder);
        for found in stack::detect(&below) {
            assert!(!found.describe().is_empty());
            let _ = dockerfiles(&below, &found);
        }
    }
    let repos = [FoundRepo {
        path: Some("repo".to_owned()),
        url: "git@github.com:acme/repo.git".to_owned(),
        branch: None,
        runnables: stack::runnables(&files),
    }];
    let manifest = draft::manifest("shop", &repos);
    let (table, mut problems) = decode::manifest(&manifest);
    problems.extend(resolve::workspace(&table).1);
    assert_eq!(problems, [], "{manifest}\nof {files:?}");
}
