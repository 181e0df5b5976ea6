//! `fitout lint`: every fixture under `tests/fixtures/lint`, the command itself, and the layer rule
//! against the real builder.

mod builder;
mod command;
mod fixture;
mod others;
mod sarif;

use fitout::dockerfile::file::File;
use fitout::dockerfile::finding::Rule;
use fitout::dockerfile::fix::{self, Fix};
use fitout::dockerfile::lint::lint;
use fitout::dockerfile::report::{Linted, Look, Report};

use fixture::Fixture;

fn findings(rule: Rule, file: &File) -> Vec<fitout::dockerfile::finding::Finding> {
    let all = lint(file).into_iter();
    all.filter(|finding| finding.rule == rule.id()).collect()
}

/// The file with the fixes of these findings.
fn fixed(file: &File, findings: &[fitout::dockerfile::finding::Finding]) -> File {
    let mut file = file.clone();
    for finding in findings {
        match &finding.fix {
            Some(Fix::Dockerfile(edits)) => {
                file.source = fix::apply(&file.source, [edits.as_slice()]);
            }
            Some(Fix::IgnoreFile(lines)) => {
                let text = file.context.ignore_text.take().unwrap_or_default();
                let lines = lines.iter().map(String::as_str);
                file.context.ignore_text = Some(fix::with_lines(&text, lines));
            }
            None => {}
        }
    }
    file
}

#[test]
fn every_bad_fixture_is_found_and_every_good_one_is_not() {
    for rule in Rule::ALL {
        let fixtures = fixture::of(rule);
        assert!(
            fixtures.iter().any(|fixture| fixture.is_bad),
            "{}",
            rule.id()
        );
        assert!(
            fixtures.iter().any(|fixture| !fixture.is_bad),
            "{}",
            rule.id()
        );
        for Fixture {
            name, is_bad, file, ..
        } in fixtures
        {
            let findings = findings(rule, &file);
            let name = format!("{}/{name}", rule.id());
            if !is_bad {
                assert!(findings.is_empty(), "{name}: {findings:#?}");
                continue;
            }
            assert!(
                !findings.is_empty(),
                "{name}: nothing was found; does `check` in src/dockerfile/rules.rs call the rule?"
            );
            let report = Report {
                files: vec![Linted { file, findings }],
                ..Report::default()
            };
            fixture::snapshot(&name, &report.text(Look::Plain));
        }
    }
}

#[test]
fn a_fix_leaves_nothing_to_find() {
    let mut tried = 0;
    for rule in Rule::ALL {
        for Fixture { name, file, .. } in fixture::of(rule) {
            let findings = findings(rule, &file);
            if findings.is_empty() || findings.iter().any(|finding| finding.fix.is_none()) {
                continue;
            }
            let after = fixed(&file, &findings);
            let left = self::findings(rule, &after);
            assert!(
                left.is_empty(),
                "{}/{name}:\n{}\n{left:#?}",
                rule.id(),
                after.source
            );
            tried += 1;
        }
    }
    assert!(tried >= 8, "only {tried} fixtures have a fix");
}

#[test]
fn every_rule_is_documented() {
    let docs = include_str!("../../docs/lint.md");
    for rule in Rule::ALL {
        let id = rule.id();
        for wanted in [format!("## {id}\n"), format!("\n| `{id}` | ")] {
            assert!(
                docs.contains(&wanted),
                "docs/lint.md has no `{}`",
                wanted.trim()
            );
        }
    }
}
