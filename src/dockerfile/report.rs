//! The results of `fitout lint`, as text and JSON.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};
use serde_json::{Value, json};

use super::file::{File, Purpose};
use super::finding::{Finding, Level};
use super::fix::{self, Fix};
use crate::manifest::report::{Lines, floor_boundary, visible};
use crate::markup::shown::within_report as shown;
use crate::markup::style;

/// A Dockerfile and its findings.
#[derive(Clone, Debug)]
pub struct Linted {
    /// As it was read.
    pub file: File,
    /// In the order of its lines.
    pub findings: Vec<Finding>,
}

/// The results of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All checked files.
    pub files: Vec<Linted>,
    /// Skipped files, with reasons.
    pub skipped: Vec<String>,
    /// Files that `--fix` has changed.
    pub fixed: Vec<String>,
}

/// Whether to color the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// With color codes.
    Styled,
    /// Without.
    Plain,
}

/// A position in a text, from 1; columns count code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// Of a byte of the text. A byte order mark takes no column.
    pub fn of(source: &str, offset: usize) -> Self {
        let before = &source[..floor_boundary(source, offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before[line_start..].trim_start_matches('\u{feff}');
        Position {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

impl Linted {
    /// The text before and after a fix, with the file that it changes.
    fn change(&self, fix: &Fix) -> (String, String, String) {
        match fix {
            Fix::Dockerfile(edits) => (
                self.file.path.clone(),
                self.file.source.clone(),
                fix::apply(&self.file.source, [edits.as_slice()]),
            ),
            Fix::IgnoreFile(lines) => {
                let before = self.file.context.ignore_text.clone().unwrap_or_default();
                let after = fix::with_lines(&before, lines.iter().map(String::as_str));
                (self.file.context.ignore_path.clone(), before, after)
            }
        }
    }

    /// A fix as a unified diff.
    pub fn diff(&self, fix: &Fix) -> String {
        let (path, before, after) = self.change(fix);
        fix::diff(&path, &before, &after)
    }

    /// The source, with what should not be shown covered, at its own length: the caret keeps its place.
    fn covered(&self) -> String {
        let secrets = self
            .findings
            .iter()
            .filter_map(|finding| finding.secret.as_ref());
        secrets.fold(self.file.source.clone(), |source, secret| {
            covered(&source, secret)
        })
    }

    fn text(
        &self,
        (source, lines): (&str, &Lines),
        finding: &Finding,
        renderer: &Renderer,
        look: Look,
    ) -> String {
        let level = match finding.level {
            Level::Error => Title::ERROR,
            Level::Warning => Title::WARNING,
            Level::Info => Title::INFO,
        };
        let rule = match finding.tool {
            "fitout" => finding.rule.clone(),
            tool => format!("{tool} {}", finding.rule),
        };
        let span = visible(source, &finding.span);
        let related = finding.related.as_ref();
        let related = related.map(|(span, label)| (visible(source, span), shown(label)));
        let spans = [Some(&span), related.as_ref().map(|(span, _)| span)];
        let part = lines.around(source, spans.into_iter().flatten());
        let mut snippet = Snippet::source(style::unmarked(&source[part.bytes.clone()]))
            .line_start(part.first_line)
            .path(shown(&self.file.path))
            .annotation(
                AnnotationKind::Primary
                    .span(part.place(&span))
                    .label(shown(&finding.label)),
            );
        if let Some((span, label)) = related {
            let context = AnnotationKind::Context.span(part.place(&span));
            snippet = snippet.annotation(context.label(label));
        }
        let title = level.primary_title(shown(&finding.message));
        let mut group = Group::with_title(title.id(shown(&rule))).element(snippet);
        if !finding.why.is_empty() {
            group = group.element(Title::NOTE.with_name("why").message(shown(&finding.why)));
        }
        if let Some(help) = &finding.help {
            group = group.element(Title::HELP.message(shown(help)));
        }
        let also = finding.also.join(", ");
        if !also.is_empty() {
            group = group.element(Title::NOTE.with_name("also").message(shown(&also)));
        }
        let mut text = style::marked(&renderer.render(&[group]));
        if let Some(fix) = &finding.fix {
            text.push_str("\n  = fix: `fitout lint --fix` does this:\n");
            for line in style::unmarked(&self.diff(fix)).lines() {
                text.push_str(&diff_line(line, look));
            }
        } else {
            text.push('\n');
        }
        text
    }
}

/// A line of a diff below a finding.
fn diff_line(line: &str, look: Look) -> String {
    let style = match line.chars().next() {
        _ if look == Look::Plain => style::PLAIN,
        Some('+') => style::PASS,
        Some('-') => style::FAIL,
        Some('@') => style::DIM,
        _ => style::PLAIN,
    };
    if line.trim().is_empty() {
        return "\n".to_owned();
    }
    format!("     {style}{line}{style:#}\n")
}

fn covered(source: &str, secret: &Range<usize>) -> String {
    let cover: String = source[secret.clone()]
        .chars()
        .map(|character| match character {
            '\n' | '\r' => character.to_string(),
            _ => "*".repeat(character.len_utf8()),
        })
        .collect();
    format!(
        "{}{cover}{}",
        &source[..secret.start],
        &source[secret.end..]
    )
}

impl Report {
    /// All findings with their files.
    pub fn findings(&self) -> impl Iterator<Item = (&Linted, &Finding)> {
        self.files
            .iter()
            .flat_map(|linted| linted.findings.iter().map(move |finding| (linted, finding)))
    }

    /// How many findings weigh as much.
    fn count(&self, level: Level) -> usize {
        self.findings()
            .filter(|(_, finding)| finding.level == level)
            .count()
    }

    /// Whether a finding weighs at least that much.
    pub fn has(&self, least: Level) -> bool {
        self.findings().any(|(_, finding)| finding.level >= least)
    }

    /// For people: each finding with its place, why it matters, and what to do.
    pub fn text(&self, look: Look) -> String {
        let renderer = match look {
            Look::Styled => Renderer::styled(),
            Look::Plain => Renderer::plain(),
        };
        let mut text = String::new();
        for linted in &self.files {
            let source = linted.covered();
            let lines = Lines::of(&source);
            for finding in &linted.findings {
                text.push_str(&linted.text((&source, &lines), finding, &renderer, look));
                text.push('\n');
            }
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let files = counted(self.files.len(), "Dockerfile");
        let count = self.findings().count();
        if count == 0 {
            return format!("no findings in {files}");
        }
        let levels: Vec<String> = [
            (Level::Error, "error"),
            (Level::Warning, "warning"),
            (Level::Info, "info"),
        ]
        .into_iter()
        .map(|(level, name)| (self.count(level), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| match name {
            "info" => format!("{count} info"),
            name => counted(count, name),
        })
        .collect();
        let fixable = self
            .findings()
            .filter(|(_, finding)| finding.fix.is_some())
            .count();
        let fix = match fixable {
            0 => String::new(),
            count => format!("; `fitout lint --fix` fixes {count}"),
        };
        let findings = counted(count, "finding");
        format!("{findings} in {files}: {}{fix}", levels.join(", "))
    }

    /// One object with a `schema_version`; its fields are in `fitout lint --help`.
    pub fn json(&self) -> Value {
        json!({
            "schema_version": 1,
            "summary": {
                "files": self.files.len(),
                "error": self.count(Level::Error),
                "warning": self.count(Level::Warning),
                "info": self.count(Level::Info),
            },
            "files": self.files.iter().map(file_json).collect::<Vec<_>>(),
            "findings": self.findings().map(|(linted, finding)| finding_json(linted, finding)).collect::<Vec<_>>(),
            "skipped": self.skipped,
            "fixed": self.fixed,
        })
    }
}

fn file_json(linted: &Linted) -> Value {
    let mut purposes: Vec<&str> = Vec::new();
    for build in &linted.file.builds {
        let purpose = match build.purpose {
            Purpose::Development => "development",
            Purpose::Production => "production",
        };
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    }
    json!({ "path": linted.file.path, "purposes": purposes })
}

fn finding_json(linted: &Linted, finding: &Finding) -> Value {
    let source = &linted.file.source;
    let start = Position::of(source, finding.span.start);
    let end = Position::of(source, finding.span.end);
    json!({
        "tool": finding.tool,
        "rule": finding.rule,
        "level": finding.level.name(),
        "file": linted.file.path,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "message": finding.message,
        "why": finding.why,
        "help": finding.help,
        "fix": finding.fix.as_ref().map(|fix| linted.diff(fix)),
        "also": finding.also,
    })
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_in_code_points() {
        let source = "\u{feff}FROM a\nRUN é x\n";
        let at = |text: &str| Position::of(source, source.find(text).unwrap());
        assert_eq!(at("FROM"), Position { line: 1, column: 1 });
        assert_eq!(at("x"), Position { line: 2, column: 7 });
        assert_eq!(Position::of(source, 999), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_secret_is_covered_at_its_own_length() {
        assert_eq!(covered("ENV A=sécret\n", &(6..13)), "ENV A=*******\n");
    }
}
