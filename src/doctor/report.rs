//! The result of doctor, as text and JSON.
//!
//! Text: failures first, then warnings, each with what was found and the command that fixes it;
//! passed checks are only counted. JSON: all checks.

use serde::Serialize;

use super::check::{About, Checked, Group};
use super::outcome::{Fix, Remedy, Status};
use crate::markup::style;
use crate::plural::few;

/// Incremented when a JSON field is removed or its meaning changes.
pub const SCHEMA_VERSION: u32 = 1;

/// Maximum number of ids in a line of skipped checks.
const MOST_SKIPPED: usize = 4;

/// All checks with their verdicts, in the order of the table.
#[derive(Clone, Debug)]
pub struct Report {
    /// The folder of the workspace; none if only the machine was checked.
    pub workspace: Option<String>,
    /// In the order of the table.
    pub checked: Vec<Checked>,
}

/// How much of the report to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Checks that need attention; the rest is counted.
    Brief,
    /// Every check.
    Full,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    workspace: Option<&'a str>,
    summary: serde_json::Map<String, serde_json::Value>,
    checks: Vec<JsonCheck<'a>>,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    id: &'a str,
    group: Group,
    subject: &'a str,
    status: Status,
    found: &'a str,
    remedy: Option<&'a Remedy>,
    needs: &'a [String],
    skipped_because: Option<&'a str>,
    fixable: bool,
}

#[derive(Serialize)]
struct JsonList<'a> {
    schema_version: u32,
    workspace: Option<&'a str>,
    checks: Vec<JsonListed<'a>>,
}

#[derive(Serialize)]
struct JsonListed<'a> {
    id: &'a str,
    group: Group,
    subject: &'a str,
    needs: &'a [String],
}

/// The list of checks as JSON, without running them.
pub fn list_json(workspace: Option<&str>, checks: &[&About]) -> serde_json::Result<String> {
    let listed = checks.iter().map(|check| JsonListed {
        id: &check.id,
        group: check.group,
        subject: &check.subject,
        needs: &check.needs,
    });
    serde_json::to_string_pretty(&JsonList {
        schema_version: SCHEMA_VERSION,
        workspace,
        checks: listed.collect(),
    })
}

impl Report {
    /// Whether any check failed.
    pub fn has_failures(&self) -> bool {
        self.count(Status::Fail) > 0
    }

    /// Whether any check warned.
    pub fn has_warnings(&self) -> bool {
        self.count(Status::Warn) > 0
    }

    /// Returns what `--fix` can do, without duplicates: clones first, because they contain examples
    /// of env files.
    pub fn fixes(&self) -> Vec<Fix> {
        let all = self.checked.iter();
        let mut fixes: Vec<Fix> = all
            .filter_map(|checked| checked.outcome.fix.clone())
            .collect();
        fixes.sort();
        fixes.dedup();
        fixes
    }

    /// Returns the checks that prevent a start: failed ones, and tools that don't respond.
    pub fn blocking(&self) -> impl Iterator<Item = &Checked> {
        self.checked
            .iter()
            .filter(|checked| match checked.outcome.status {
                Status::Fail => true,
                Status::Unknown => checked.check.group == Group::Tools,
                _ => false,
            })
    }

    fn with(&self, status: Status) -> impl Iterator<Item = &Checked> {
        let all = self.checked.iter();
        all.filter(move |checked| checked.outcome.status == status)
    }

    fn count(&self, status: Status) -> usize {
        self.with(status).count()
    }

    /// Returns the JSON. All fields are always present; `remedy` and `skipped_because` may be null.
    pub fn json(&self) -> serde_json::Result<String> {
        let summary = Status::ALL.iter().map(|status| {
            let count = serde_json::Value::from(self.count(*status));
            (status.name().to_owned(), count)
        });
        let checks = self.checked.iter().map(|Checked { check, outcome }| {
            let is_empty = outcome.remedy == Remedy::default();
            JsonCheck {
                id: &check.id,
                group: check.group,
                subject: &check.subject,
                status: outcome.status,
                found: &outcome.found,
                remedy: (!is_empty).then_some(&outcome.remedy),
                needs: &check.needs,
                skipped_because: outcome.because.as_deref(),
                fixable: outcome.fix.is_some(),
            }
        });
        serde_json::to_string_pretty(&Json {
            schema_version: SCHEMA_VERSION,
            workspace: self.workspace.as_deref(),
            summary: summary.collect(),
            checks: checks.collect(),
        })
    }

    /// Returns the text, with colors, without a trailing line break.
    pub fn text(&self, detail: Detail) -> String {
        let shown: &[Status] = match detail {
            Detail::Brief => &[Status::Fail, Status::Warn, Status::Unknown],
            Detail::Full => &Status::ALL,
        };
        let shown: Vec<&Checked> = shown.iter().flat_map(|status| self.with(*status)).collect();
        let mut lines = in_full(&shown, detail);
        if detail == Detail::Brief {
            lines.extend(self.skipped_by_cause());
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        if detail == Detail::Brief {
            lines.extend(self.in_order());
        }
        lines.push(self.summary());
        lines.join("\n")
    }

    /// Returns the text of [`Report::blocking`], with fixes.
    pub fn blocking_text(&self) -> String {
        in_full(&self.blocking().collect::<Vec<_>>(), Detail::Brief).join("\n")
    }

    /// `skipped tools.engine, … need tools.docker`: a line per cause, or one line for many.
    fn skipped_by_cause(&self) -> Vec<String> {
        const MOST_LINES: usize = 3;
        let mut causes: Vec<(&str, Vec<&str>)> = Vec::new();
        for checked in self.with(Status::Skipped) {
            let because = checked.outcome.because.as_deref().unwrap_or_default();
            match causes.iter_mut().find(|(cause, _)| *cause == because) {
                Some((_, ids)) => ids.push(&checked.check.id),
                None => causes.push((because, vec![&checked.check.id])),
            }
        }
        let dim = style::DIM;
        if causes.len() > MOST_LINES {
            let count = self.count(Status::Skipped);
            return vec![format!(
                "{dim}skipped  {count} checks that need one of these; -v lists them{dim:#}"
            )];
        }
        causes
            .into_iter()
            .map(|(cause, ids)| {
                let verb = if ids.len() == 1 { "needs" } else { "need" };
                format!(
                    "{dim}skipped  {} {verb} `{cause}`{dim:#}",
                    few(&ids, MOST_SKIPPED)
                )
            })
            .collect()
    }

    /// `passed: tools 5, repos 12`, if any.
    fn in_order(&self) -> Option<String> {
        let mut counts: Vec<(Group, usize)> = Vec::new();
        for checked in self.with(Status::Pass).chain(self.with(Status::Info)) {
            let group = checked.check.group;
            match counts.iter_mut().find(|(counted, _)| *counted == group) {
                Some((_, count)) => *count += 1,
                None => counts.push((group, 1)),
            }
        }
        counts.sort_by_key(|(group, _)| *group);
        let parts: Vec<String> = counts
            .iter()
            .map(|(group, count)| format!("{} {count}", group.name()))
            .collect();
        let dim = style::DIM;
        (!parts.is_empty()).then(|| format!("{dim}in order: {}{dim:#}", parts.join(", ")))
    }

    /// `2 failed, 1 warning, 12 passed, 4 skipped`.
    fn summary(&self) -> String {
        let mut parts = Vec::new();
        for status in Status::ALL {
            let count = self.count(status);
            let word = match (status, count) {
                (_, 0) => continue,
                (Status::Fail, _) => "failed",
                (Status::Warn, 1) => "warning",
                (Status::Warn, _) => "warnings",
                (Status::Unknown, _) => "unknown",
                (Status::Skipped, _) => "skipped",
                (Status::Info, _) => "info",
                (Status::Pass, _) => "passed",
            };
            let look = look(status);
            parts.push(format!("{look}{count} {word}{look:#}"));
        }
        parts.join(", ")
    }
}

fn look(status: Status) -> style::Style {
    match status {
        Status::Fail => style::FAIL,
        Status::Warn | Status::Unknown => style::WARN,
        Status::Pass => style::PASS,
        Status::Info => style::HINT,
        Status::Skipped => style::DIM,
    }
}

/// Returns the line of each check, with its remedy below. If many in a row have the same result,
/// the brief report shows the first few.
fn in_full(shown: &[&Checked], detail: Detail) -> Vec<String> {
    /// Up to this many with the same result are shown.
    const MOST_ALIKE: usize = 5;
    /// If there are more, this many are shown.
    const FIRST: usize = 3;
    // A single long id should not push all sentences to the right.
    const WIDEST: usize = 24;
    let ids = shown.iter().map(|checked| checked.check.id.len());
    let width = ids.max().unwrap_or_default().min(WIDEST);
    let (strong, hint, dim) = (style::STRONG, style::HINT, style::DIM);
    let mut lines = Vec::new();
    let mut after = 0;
    for alike in shown.chunk_by(|one, next| say_the_same(one, next)) {
        after += alike.len();
        let is_long = detail == Detail::Brief && alike.len() > MOST_ALIKE;
        let printed = if is_long { &alike[..FIRST] } else { alike };
        for Checked { check, outcome } in printed {
            let look = look(outcome.status);
            let (status, id, found) = (outcome.status.name(), &check.id, &outcome.found);
            lines.push(format!(
                "{look}{status:<7}{look:#}  {strong}{id:<width$}{strong:#}  {found}"
            ));
        }
        let Checked { check, outcome } = alike[0];
        if is_long {
            let more = alike.len() - FIRST;
            let group = check.group.name();
            lines.push(format!(
                "         {dim}and {more} more in `{group}` with the same result; `fitout doctor -v` lists them{dim:#}"
            ));
        }
        // A command that fixes several in a row is printed once, under the last of them.
        let next = shown.get(after);
        if next.is_some_and(|next| next.outcome.remedy == outcome.remedy) {
            continue;
        }
        for command in &outcome.remedy.run {
            lines.push(format!("         {hint}${hint:#} {command}"));
        }
        if let Some(note) = &outcome.remedy.note {
            lines.push(format!("         {dim}{note}{dim:#}"));
        }
    }
    lines
}

fn say_the_same(one: &Checked, other: &Checked) -> bool {
    let (left, right) = (&one.outcome, &other.outcome);
    one.check.group == other.check.group
        && (left.status, &left.found, &left.remedy) == (right.status, &right.found, &right.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::outcome::Outcome;

    fn checked(id: &str, group: Group, needs: &[&str], outcome: Outcome) -> Checked {
        Checked {
            check: About {
                group,
                ..About::new(id, format!("the subject of {id}")).needs(needs.iter().copied())
            },
            outcome,
        }
    }

    fn report() -> Report {
        let start = Remedy::run("sudo systemctl enable --now docker");
        let stop = Remedy::run("echo 'A=3101' >> .env").and_note("or stop that process: kill 42");
        Report {
            workspace: Some("/home/ann/vera".to_owned()),
            checked: vec![
                checked("tools.git", Group::Tools, &[], Outcome::pass("git 2.47.3")),
                checked(
                    "tools.engine",
                    Group::Tools,
                    &[],
                    Outcome::fail("the Docker engine is not running", start),
                ),
                checked(
                    "tools.disk",
                    Group::Tools,
                    &[],
                    Outcome::unknown("no answer within 5 s"),
                ),
                checked(
                    "repos.api.branch",
                    Group::Repos,
                    &[],
                    Outcome::info("on `topic`, not on `main`"),
                ),
                checked(
                    "files.env",
                    Group::Files,
                    &[],
                    Outcome::warn("`.env` is committed", Remedy::run("git rm --cached .env")),
                ),
                checked(
                    "compose.a",
                    Group::Compose,
                    &["tools.engine"],
                    Outcome::skipped("tools.engine"),
                ),
                checked(
                    "compose.b",
                    Group::Compose,
                    &["tools.engine"],
                    Outcome::skipped("tools.engine"),
                ),
                checked(
                    "ports.api.3000",
                    Group::Ports,
                    &[],
                    Outcome::fail("127.0.0.1:3100 is held by `node` (pid 42)", stop),
                ),
                checked(
                    "ports.web.80",
                    Group::Ports,
                    &[],
                    Outcome::pass("127.0.0.1:8080 is free"),
                ),
            ],
        }
    }

    fn plain(text: &str) -> String {
        style::plain(text)
    }

    #[test]
    fn brief_shows_what_needs_a_look_and_counts_the_rest() {
        insta::assert_snapshot!(plain(&report().text(Detail::Brief)));
    }

    #[test]
    fn many_that_say_the_same_are_shortened_in_the_brief_report_alone() {
        let missing = |number: usize| {
            let outcome = Outcome::fail("not cloned yet", Remedy::run("fitout sync"))
                .fixed_by(Fix::Clone(format!("r{number}")));
            checked(
                &format!("repos.r{number}.cloned"),
                Group::Repos,
                &[],
                outcome,
            )
        };
        let of = |count: usize| Report {
            workspace: None,
            checked: (11..11 + count).map(missing).collect(),
        };
        assert_eq!(
            plain(&of(30).text(Detail::Brief)),
            "fail     repos.r11.cloned  not cloned yet
fail     repos.r12.cloned  not cloned yet
fail     repos.r13.cloned  not cloned yet
         and 27 more in `repos` with the same result; `fitout doctor -v` lists them
         $ fitout sync

30 failed"
        );
        let lines_of_checks = |count: usize, detail| {
            let text = plain(&of(count).text(detail));
            text.lines().filter(|line| line.starts_with("fail")).count()
        };
        assert_eq!(lines_of_checks(5, Detail::Brief), 5);
        assert_eq!(lines_of_checks(30, Detail::Full), 30);
    }

    #[test]
    fn full_shows_every_check() {
        insta::assert_snapshot!(plain(&report().text(Detail::Full)));
    }

    #[test]
    fn json_has_every_check_and_every_field() {
        insta::assert_snapshot!(report().json().unwrap());
    }

    #[test]
    fn a_healthy_workspace_takes_two_lines() {
        let mut report = report();
        report
            .checked
            .retain(|checked| checked.outcome.status == Status::Pass);
        insta::assert_snapshot!(plain(&report.text(Detail::Brief)));
    }

    #[test]
    fn a_tool_that_does_not_answer_keeps_things_from_starting() {
        let report = report();
        let ids: Vec<&str> = report
            .blocking()
            .map(|checked| checked.check.id.as_str())
            .collect();
        assert_eq!(ids, ["tools.engine", "tools.disk", "ports.api.3000"]);
    }
}
