//! Lints a Dockerfile: parses it, runs all rules for all builds, and removes ignored findings.

use super::comments::Silences;
use super::file::{Build, File};
use super::finding::{Finding, Level, Rule};
use super::parse::{Dockerfile, parse};
use super::rules::{self, Unit};
use super::stages::Stages;

/// Returns all findings of a Dockerfile, in the order of its lines.
pub fn lint(file: &File) -> Vec<Finding> {
    let parsed = parse(&file.source);
    if !parsed.is_for_dockers_frontend() {
        return vec![other_frontend(&parsed)];
    }
    if !parsed.problems.is_empty() {
        let problems = parsed.problems.into_iter();
        return problems
            .map(|problem| Finding::new(Rule::Syntax, problem.span, problem.message))
            .collect();
    }
    let silences = Silences::of(&parsed, &file.source);
    let mut findings: Vec<Finding> = Vec::new();
    for build in &file.builds {
        for finding in check(file, &parsed, build) {
            let is_known = findings
                .iter()
                .any(|known| known.rule == finding.rule && known.span == finding.span);
            if !is_known {
                findings.push(finding);
            }
        }
    }
    findings.retain(|finding| !silences.silence(finding));
    findings.extend(silences.complaints());
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

fn check(file: &File, parsed: &Dockerfile, build: &Build) -> Vec<Finding> {
    let stages = Stages::of(parsed, &build.build_args);
    let Some(built) = stages.built(build.target.as_deref()) else {
        let target = build.target.as_deref().unwrap_or_default();
        let last = parsed
            .instructions
            .last()
            .map_or(0..0, |last| last.head.clone());
        let finding = Finding::new(
            Rule::Syntax,
            last,
            format!("there is no stage `{target}`, which is the manifest's `target`"),
        );
        return vec![finding];
    };
    rules::check(&Unit {
        source: &file.source,
        context: &file.context,
        ignore_file: &file.context.ignore_file(),
        build,
        stages: &stages,
        built,
    })
}

fn other_frontend(parsed: &Dockerfile) -> Finding {
    let directive = parsed.directive("syntax");
    let (value, span) = directive.map_or(("", 0..0), |directive| {
        (directive.value.as_str(), directive.span.clone())
    });
    let message = format!("not linted: `{value}` may use a different syntax than Docker's");
    let mut finding = Finding::new(Rule::Syntax, span, message);
    finding.level = Level::Info;
    finding
}
