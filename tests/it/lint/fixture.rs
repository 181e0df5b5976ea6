//! A fixture: a Dockerfile and the files around it, in one text.
//!
//! `=== NAME` starts a file. Behind the Dockerfile's name stands how it is built: `production` or
//! `development`, `target=STAGE`, `healthcheck` (the manifest has one); and for the test with the
//! real builder `touch=FILE` (the source file that changes) and `needs=buildkit` or
//! `needs=heredocs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fitout::dockerfile::file::{Build, Context, File, Purpose};
use fitout::dockerfile::finding::Rule;

/// Which builder can build it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    BuildKit,
    /// A Dockerfile frontend 1.4, which Engine 23 brings.
    Heredocs,
}

pub struct Fixture {
    pub name: String,
    pub is_bad: bool,
    pub file: File,
    /// Everything of the build context but the Dockerfile.
    pub others: BTreeMap<String, String>,
    pub touched: String,
    pub needs: Needs,
}

pub fn of(rule: Rule) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/lint")
        .join(rule.id());
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            read(name, &fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn read(name: &str, text: &str) -> Fixture {
    let mut sections = text.split("=== ").skip(1).map(|section| {
        let (head, body) = section.split_once('\n').unwrap();
        (head.to_owned(), body.to_owned())
    });
    let (head, source) = sections.next().unwrap();
    let others: BTreeMap<String, String> = sections.collect();
    let words: Vec<&str> = head.split_whitespace().skip(1).collect();
    let option = |name: &str| {
        let mut values = words.iter().filter_map(|word| word.strip_prefix(name));
        values.next().map(str::to_owned)
    };
    let own = "Dockerfile.dockerignore";
    let ignore_path = if others.contains_key(own) {
        own
    } else {
        ".dockerignore"
    };
    let build = Build {
        purpose: if words.contains(&"development") {
            Purpose::Development
        } else {
            Purpose::Production
        },
        target: option("target="),
        build_args: fitout::dockerfile::variables::Variables::new(),
        has_healthcheck: words.contains(&"healthcheck"),
    };
    Fixture {
        is_bad: name.starts_with("bad-") || name == "bad",
        name: name.to_owned(),
        file: File {
            path: "Dockerfile".to_owned(),
            source,
            builds: vec![build],
            context: Context {
                folder: String::new(),
                ignore_path: ignore_path.to_owned(),
                ignore_text: others.get(ignore_path).cloned(),
                manifests: others.clone(),
            },
        },
        touched: option("touch=").unwrap_or("src/main.js".to_owned()),
        needs: match option("needs=").as_deref() {
            None => Needs::Nothing,
            Some("buildkit") => Needs::BuildKit,
            Some("heredocs") => Needs::Heredocs,
            Some(other) => panic!("{name}: `needs={other}`"),
        },
        others,
    }
}

pub fn snapshot(name: &str, text: &str) {
    let (rule, name) = name.split_once('/').unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("../../fixtures/lint/{rule}/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
