//! Findings as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), which
//! code-scanning pages read.

use serde_json::{Value, json};

use super::finding::{Finding, Level, Rule};
use super::fix::{Edit, Fix};
use super::report::{Linted, Position, Report};

/// Where the published schema of this version is.
pub const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The report as one SARIF log: a run for fitout, and one for each other linter that found something.
pub fn log(report: &Report, version: &str) -> Value {
    let mut tools = vec!["fitout"];
    for (_, finding) in report.findings() {
        if !tools.contains(&finding.tool) {
            tools.push(finding.tool);
        }
    }
    let runs: Vec<Value> = tools
        .into_iter()
        .map(|tool| run(report, tool, version))
        .collect();
    json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": runs })
}

fn run(report: &Report, tool: &str, version: &str) -> Value {
    let findings: Vec<(&Linted, &Finding)> = report
        .findings()
        .filter(|(_, finding)| finding.tool == tool)
        .collect();
    let mut ids: Vec<String> = match tool {
        "fitout" => Rule::ALL.iter().map(|rule| rule.id().to_owned()).collect(),
        _ => Vec::new(),
    };
    for (_, finding) in &findings {
        if !ids.contains(&finding.rule) {
            ids.push(finding.rule.clone());
        }
    }
    let results: Vec<Value> = findings
        .into_iter()
        .map(|(linted, finding)| result(linted, finding, &ids))
        .collect();
    let mut driver = json!({ "name": tool });
    if tool == "fitout" {
        driver["semanticVersion"] = version.into();
    }
    driver["rules"] = ids.iter().map(|id| descriptor(tool, id)).collect();
    json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "results": results,
    })
}

fn descriptor(tool: &str, id: &str) -> Value {
    match Rule::named(id).filter(|_| tool == "fitout") {
        Some(rule) => json!({
            "id": id,
            "shortDescription": { "text": rule.why() },
            "defaultConfiguration": { "level": level(rule.level()) },
        }),
        None => json!({ "id": id }),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn result(linted: &Linted, finding: &Finding, ids: &[String]) -> Value {
    let sentences = [
        Some(finding.message.as_str()),
        Some(finding.why.as_str()),
        finding.help.as_deref(),
    ];
    let text: Vec<&str> = sentences
        .into_iter()
        .flatten()
        .filter(|sentence| !sentence.is_empty())
        .collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": ids.iter().position(|id| *id == finding.rule),
        "level": level(finding.level),
        "message": { "text": text.join("\n") },
        "locations": [location(linted, finding.span.start, finding.span.end)],
    });
    if let Some((span, label)) = &finding.related {
        let mut related = location(linted, span.start, span.end);
        related["message"] = json!({ "text": label });
        result["relatedLocations"] = json!([related]);
    }
    if let Some(Fix::Dockerfile(edits)) = &finding.fix {
        result["fixes"] = json!([{
            "artifactChanges": [{
                "artifactLocation": { "uri": uri(&linted.file.path) },
                "replacements": edits.iter().map(|edit| replacement(linted, edit)).collect::<Vec<_>>(),
            }],
        }]);
    }
    result
}

fn location(linted: &Linted, start: usize, end: usize) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&linted.file.path) },
            "region": region(&linted.file.source, start, end),
        },
    })
}

fn region(source: &str, start: usize, end: usize) -> Value {
    let (start, end) = (Position::of(source, start), Position::of(source, end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn replacement(linted: &Linted, edit: &Edit) -> Value {
    let mut replacement =
        json!({ "deletedRegion": region(&linted.file.source, edit.span.start, edit.span.end) });
    if !edit.text.is_empty() {
        replacement["insertedContent"] = json!({ "text": edit.text });
    }
    replacement
}

/// A path as a relative URI (RFC 3986): what is neither unreserved nor `/` is written in percents.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
