//! SARIF: the log has the shape that the published schema requires.

use serde_json::Value;

use fitout::dockerfile::finding::Rule;
use fitout::dockerfile::lint::lint;
use fitout::dockerfile::linters::{self, Linter};
use fitout::dockerfile::report::{Linted, Report};
use fitout::dockerfile::sarif;

use super::fixture;

/// An object of the schema: its name, the properties that it must have, and those that it may have
/// and fitout writes. The schema allows no others (`additionalProperties: false`).
type Object = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

/// From sarif-schema-2.1.0.json. A property's second word is the object that it holds, as `name`,
/// or a list of them, as `[name]`; `text`, `number`, or one of the values that are listed.
const SCHEMA: [Object; 15] = [
    (
        "log",
        &["version", "runs"],
        &[("$schema", "text"), ("version", "2.1.0"), ("runs", "[run]")],
    ),
    (
        "run",
        &["tool"],
        &[
            ("tool", "tool"),
            ("columnKind", "utf16CodeUnits|unicodeCodePoints"),
            ("results", "[result]"),
        ],
    ),
    ("tool", &["driver"], &[("driver", "toolComponent")]),
    (
        "toolComponent",
        &["name"],
        &[
            ("name", "text"),
            ("semanticVersion", "text"),
            ("rules", "[reportingDescriptor]"),
        ],
    ),
    (
        "reportingDescriptor",
        &["id"],
        &[
            ("id", "text"),
            ("shortDescription", "message"),
            ("defaultConfiguration", "reportingConfiguration"),
        ],
    ),
    (
        "reportingConfiguration",
        &[],
        &[("level", "none|note|warning|error")],
    ),
    (
        "result",
        &["message"],
        &[
            ("ruleId", "text"),
            ("ruleIndex", "number"),
            ("level", "none|note|warning|error"),
            ("message", "message"),
            ("locations", "[location]"),
            ("relatedLocations", "[location]"),
            ("fixes", "[fix]"),
        ],
    ),
    ("message", &["text"], &[("text", "text")]),
    (
        "location",
        &[],
        &[
            ("physicalLocation", "physicalLocation"),
            ("message", "message"),
        ],
    ),
    (
        "physicalLocation",
        &["artifactLocation"],
        &[
            ("artifactLocation", "artifactLocation"),
            ("region", "region"),
        ],
    ),
    ("artifactLocation", &[], &[("uri", "text")]),
    (
        "region",
        &["startLine"],
        &[
            ("startLine", "number"),
            ("startColumn", "number"),
            ("endLine", "number"),
            ("endColumn", "number"),
        ],
    ),
    (
        "fix",
        &["artifactChanges"],
        &[("artifactChanges", "[artifactChange]")],
    ),
    (
        "artifactChange",
        &["artifactLocation", "replacements"],
        &[
            ("artifactLocation", "artifactLocation"),
            ("replacements", "[replacement]"),
        ],
    ),
    (
        "replacement",
        &["deletedRegion"],
        &[("deletedRegion", "region"), ("insertedContent", "message")],
    ),
];

fn check(value: &Value, kind: &str, place: &str) {
    if let Some(kind) = kind.strip_prefix('[') {
        let list = value
            .as_array()
            .unwrap_or_else(|| panic!("{place} is no list"));
        for (index, item) in list.iter().enumerate() {
            check(
                item,
                kind.trim_end_matches(']'),
                &format!("{place}[{index}]"),
            );
        }
        return;
    }
    let Some((_, required, properties)) = SCHEMA.iter().find(|(name, ..)| *name == kind) else {
        match kind {
            "text" => assert!(
                value.as_str().is_some_and(|text| !text.is_empty()),
                "{place}: {value}"
            ),
            // Lines and columns start at 1; an index of a rule at 0.
            "number" => assert!(
                value.as_u64() >= Some(u64::from(!place.ends_with("ruleIndex"))),
                "{place}: {value}"
            ),
            values => assert!(
                values.split('|').any(|one| value == one),
                "{place}: {value}"
            ),
        }
        return;
    };
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("{place} is no object"));
    for name in *required {
        assert!(object.contains_key(*name), "{place} has no `{name}`");
    }
    for (name, value) in object {
        let known = properties.iter().find(|(known, _)| known == name);
        let (_, kind) =
            known.unwrap_or_else(|| panic!("{place} has `{name}`, which the schema does not know"));
        check(value, kind, &format!("{place}.{name}"));
    }
}

/// Every fixture of every rule in one report, and what another linter says.
fn report() -> Report {
    let fixtures = Rule::ALL.into_iter().flat_map(fixture::of);
    let mut files: Vec<Linted> = fixtures
        .map(|fixture| Linted {
            findings: lint(&fixture.file),
            file: fixture.file,
        })
        .collect();
    let remarks = linters::read(
        Linter::Hadolint,
        r#"[{"code":"DL3059","column":1,"file":"a","level":"info","line":2,"message":"Multiple RUN"}]"#,
    );
    linters::merge(&mut files[0], Linter::Hadolint, remarks.unwrap());
    Report {
        files,
        ..Report::default()
    }
}

#[test]
fn the_log_has_the_shape_that_the_schema_requires() {
    let report = report();
    let log = sarif::log(&report, "1.2.3");
    check(&log, "log", "log");
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let results: usize = runs
        .iter()
        .map(|run| run["results"].as_array().unwrap().len())
        .sum();
    assert_eq!(results, report.findings().count());
    for run in runs {
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"],
                result["ruleId"]
            );
        }
    }
}

#[test]
#[should_panic(expected = "which the schema does not know")]
fn the_check_sees_what_it_looks_for() {
    check(
        &serde_json::json!({ "version": "2.1.0", "runs": [], "rums": [] }),
        "log",
        "log",
    );
}
