//! That the manifest's `compose` tables are merged as Compose merges a second file: the same two sides,
//! once merged by both supported versions of Compose and once by fitout.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use fitout::compose::merge;
use serde_json::{Map, Value, json};

use crate::context::TestContext;

/// What a service has, and what is laid over it.
struct Case {
    name: String,
    base: Map<String, Value>,
    over: Map<String, Value>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../fixtures/compose-merge.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    let cases = cases.iter().map(|case| Case {
        name: case["name"].as_str().unwrap().to_owned(),
        base: case["base"].as_object().unwrap().clone(),
        over: case["over"].as_object().unwrap().clone(),
    });
    cases.collect()
}

/// A compose file with these services, and all that they name.
fn file(services: Map<String, Value>, over: bool) -> Value {
    let mut services = services;
    if !over {
        for name in ["one", "two"] {
            services.insert(name.to_owned(), json!({ "image": "i" }));
        }
    }
    json!({
        "services": services,
        "volumes": { "data": {}, "other": {}, "more": {} },
        "networks": { "one": {}, "two": {} },
        "configs": { "one": { "content": "1" }, "two": { "content": "2" } },
        "secrets": { "one": { "environment": "ONE" }, "two": { "environment": "TWO" } },
    })
}

/// What Compose makes of these files.
fn read_by(compose: &Path, folder: &Path, files: &[&str]) -> Value {
    let mut command = Command::new(compose);
    command.current_dir(folder).args(["-p", "merged"]);
    for file in files {
        command.args(["-f", file]);
    }
    let output = command
        .args(["--profile", "all", "config", "--format", "json"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{files:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs Docker Compose"]
fn a_compose_table_is_merged_as_compose_merges_a_second_file() {
    let context = TestContext::new();
    let (mut base, mut over, mut merged) = (Map::new(), Map::new(), Map::new());
    for mut case in cases() {
        if !case.base.contains_key("build") {
            case.base.insert("image".to_owned(), "i".into());
        }
        let both = merge::service(case.base.clone(), &case.over);
        merged.insert(case.name.clone(), both.into());
        base.insert(case.name.clone(), case.base.into());
        over.insert(case.name, case.over.into());
    }
    for (name, file) in [
        ("base.json", file(base, false)),
        ("over.json", file(over, true)),
        ("merged.json", file(merged, false)),
    ] {
        context.write(&format!("ws/{name}"), &file.to_string());
    }
    for file in ["one", "two"] {
        context.write(&format!("ws/{file}"), "A=1\n");
    }
    let folder = context.path("ws");
    fs::create_dir_all(folder.join("s")).unwrap();
    let mut differ: Vec<String> = Vec::new();
    for variable in ["FITOUT_TEST_COMPOSE_2_26", "FITOUT_TEST_COMPOSE_2_40"] {
        let compose = env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"));
        let theirs = read_by(Path::new(&compose), &folder, &["base.json", "over.json"]);
        let ours = read_by(Path::new(&compose), &folder, &["merged.json"]);
        for Case { name, .. } in cases() {
            let (ours, theirs) = (&ours["services"][&name], &theirs["services"][&name]);
            assert!(theirs.is_object(), "{name} is not there");
            if ours != theirs {
                differ.push(format!("{variable}: {name}: {ours} and not {theirs}"));
            }
        }
        assert_eq!(ours["volumes"], theirs["volumes"], "{variable}");
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
