//! Other linters: parses their output, and combines it with fitout's findings.

use serde_json::Value;

use super::comments::Silences;
use super::finding::{Finding, Level, Rule};
use super::parse::parse;
use super::report::{Linted, Position};

/// A linter that `--with` supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Linter {
    /// `hadolint`
    Hadolint,
    /// `trivy config`
    Trivy,
    /// `docker buildx build --call=check`
    Buildkit,
}

impl Linter {
    /// The name in messages and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Linter::Hadolint => "hadolint",
            Linter::Trivy => "trivy",
            Linter::Buildkit => "buildkit",
        }
    }
}

/// A finding of another linter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The linter's own name for the rule.
    pub rule: String,
    /// The level.
    pub level: Level,
    /// The line, from 1; the first line if the linter reports none.
    pub line: usize,
    /// Wrong.
    pub message: String,
    /// How to fix it; may be empty.
    pub help: String,
}

/// Parses a linter's output; `None` if it is not its JSON.
pub fn read(linter: Linter, output: &str) -> Option<Vec<Remark>> {
    let value: Value = serde_json::from_str(output.trim()).ok()?;
    match linter {
        Linter::Hadolint => value.as_array()?.iter().map(hadolint).collect(),
        Linter::Trivy => trivy(&value),
        Linter::Buildkit => buildkit(&value),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn line(value: &Value) -> usize {
    let line = value.as_u64().and_then(|line| usize::try_from(line).ok());
    line.unwrap_or(1).max(1)
}

/// hadolint, `--format json`: a list of `{code, level, line, message}`.
fn hadolint(remark: &Value) -> Option<Remark> {
    Some(Remark {
        rule: remark["code"].as_str()?.to_owned(),
        level: match remark["level"].as_str()? {
            "error" => Level::Error,
            "warning" => Level::Warning,
            _ => Level::Info,
        },
        line: line(&remark["line"]),
        message: text(remark, "message"),
        help: String::new(),
    })
}

/// trivy, `config --format json`: `Results[].Misconfigurations[]`.
fn trivy(value: &Value) -> Option<Vec<Remark>> {
    value["SchemaVersion"].as_u64()?;
    let empty = Vec::new();
    let results = value["Results"].as_array().unwrap_or(&empty);
    let remarks = results
        .iter()
        .flat_map(|result| result["Misconfigurations"].as_array().unwrap_or(&empty))
        .filter(|remark| remark["Status"].as_str() != Some("PASS"));
    Some(
        remarks
            .map(|remark| Remark {
                rule: trivy_id(&text(remark, "ID")),
                level: match remark["Severity"].as_str() {
                    Some("CRITICAL" | "HIGH") => Level::Error,
                    Some("MEDIUM") => Level::Warning,
                    _ => Level::Info,
                },
                line: line(&remark["CauseMetadata"]["StartLine"]),
                message: text(remark, "Message"),
                help: text(remark, "Resolution"),
            })
            .collect(),
    )
}

/// trivy has named its checks `DS002`, `AVD-DS-0002` and `DS-0002`.
fn trivy_id(id: &str) -> String {
    let digits = id.trim_start_matches(|character: char| !character.is_ascii_digit());
    match digits.parse::<u32>() {
        Ok(number) if id.contains("DS") => format!("DS-{number:04}"),
        _ => id.to_owned(),
    }
}

/// `docker buildx build --call=check,format=json`: `warnings[]`, each with ranges of lines.
fn buildkit(value: &Value) -> Option<Vec<Remark>> {
    let empty = Vec::new();
    if !value.is_object() {
        return None;
    }
    let warnings = value["warnings"].as_array().unwrap_or(&empty).iter();
    let place = |remark: &Value| line(&remark["location"]["ranges"][0]["start"]["line"]);
    let warnings = warnings.map(|warning| Remark {
        rule: text(warning, "ruleName"),
        level: Level::Warning,
        line: place(warning),
        message: match text(warning, "detail") {
            detail if detail.is_empty() => text(warning, "description"),
            detail => detail,
        },
        help: String::new(),
    });
    // An error that would stop a build ends the checks.
    let error = value.get("buildError").map(|error| Remark {
        rule: "buildError".to_owned(),
        level: Level::Error,
        line: place(error),
        message: text(error, "message"),
        help: String::new(),
    });
    Some(warnings.chain(error).collect())
}

/// Adds another linter's findings to fitout's, without duplicates: the same rule on the same line,
/// or anywhere for rules about the whole image. A comment that ignores fitout's rule also ignores
/// the equivalent one.
pub fn merge(linted: &mut Linted, linter: Linter, remarks: Vec<Remark>) {
    let source = linted.file.source.clone();
    let parsed = parse(&source);
    let silences = Silences::of(&parsed, &source);
    for remark in remarks {
        let same = Rule::same_as(linter.name(), &remark.rule);
        let also = format!("{} {}", linter.name(), remark.rule);
        let ours = linted.findings.iter_mut().find(|finding| {
            let is_same = same.is_some_and(|rule| finding.rule == rule.id());
            let line = Position::of(&source, finding.span.start).line;
            let is_whole = matches!(same, Some(Rule::RootUser | Rule::NoHealthcheck));
            is_same && (is_whole || line == remark.line)
        });
        if let Some(ours) = ours {
            if !ours.also.contains(&also) {
                ours.also.push(also);
            }
            continue;
        }
        let finding = finding(linter, &source, remark);
        if !silences.silence(&finding) && !linted.findings.contains(&finding) {
            linted.findings.push(finding);
        }
    }
    linted.findings.sort_by_key(|finding| finding.span.start);
}

fn finding(linter: Linter, source: &str, remark: Remark) -> Finding {
    let start: usize = source
        .split_inclusive('\n')
        .take(remark.line - 1)
        .map(str::len)
        .sum();
    let line = source[start..].lines().next().unwrap_or_default();
    Finding {
        tool: linter.name(),
        rule: remark.rule,
        level: remark.level,
        span: start..start + line.len(),
        message: remark.message,
        label: String::new(),
        related: None,
        why: String::new(),
        help: Some(remark.help).filter(|help| !help.is_empty()),
        fix: None,
        secret: None,
        also: Vec::new(),
    }
}
