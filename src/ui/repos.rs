//! Formats results of repos as a table, with the commands that resolve them.

use std::io;

use super::Ui;
use super::table::{Cell, Table};
use crate::markup::{shown, style};
use crate::plural::few;
use crate::sync::{Outcome, RepoReport, Synced, short};

/// Prints the table, and the commands that resolve what was not done.
pub(crate) fn print(ui: &Ui, synced: &Synced) -> io::Result<()> {
    for unnamed in &synced.not_in_manifest {
        let from = match &unnamed.url {
            Some(url) => format!("a clone of {url}"),
            None => "a git repository".to_owned(),
        };
        ui.say(format_args!(
            "`{}`, {from}, is not in the manifest; left as it is",
            unnamed.path
        ));
    }
    if synced.repos.is_empty() {
        ui.say("the manifest has no repos");
        return Ok(());
    }
    let mut table = Table::with_heading(&["repo", "at", "result", "note"]);
    for report in &synced.repos {
        table.push(vec![
            Cell::styled(report.name.clone(), style::STRONG),
            short(report.reference.as_deref().unwrap_or_default()).into(),
            Cell::styled(report.outcome.word(), look(report.outcome)),
            report.note.clone().unwrap_or_default().into(),
        ]);
    }
    ui.data(table)?;
    for (names, command) in hints(&synced.repos) {
        ui.hint(format_args!("{names}: {command}"));
    }
    for report in &synced.repos {
        if let Some(detail) = &report.detail {
            ui.detail(format_args!("{}: {detail}", report.name));
        }
    }
    Ok(())
}

/// Maximum number of repo names in a hint.
const NAMED: usize = 3;

/// Returns each command once, with the names of its repos.
fn hints(reports: &[RepoReport]) -> Vec<(String, &str)> {
    let mut hints: Vec<(Vec<&str>, &str)> = Vec::new();
    for report in reports {
        let Some(command) = &report.command else {
            continue;
        };
        match hints.iter_mut().find(|(_, known)| known == command) {
            Some((names, _)) => names.push(&report.name),
            None => hints.push((vec![&report.name], command)),
        }
    }
    hints
        .into_iter()
        .map(|(names, command)| (few(&names, NAMED), command))
        .collect()
}

fn look(outcome: Outcome) -> style::Style {
    match outcome {
        Outcome::Cloned | Outcome::Updated => style::PASS,
        Outcome::UpToDate | Outcome::Skipped => style::DIM,
        Outcome::Left | Outcome::HeldBack | Outcome::Interrupted => style::WARN,
        Outcome::Refused | Outcome::Failed => style::FAIL,
    }
}

/// `web: cloned main`.
pub(crate) fn line(report: &RepoReport) -> String {
    let mut line = format!("{}: {}", report.name, report.outcome.word());
    if let (Outcome::Cloned | Outcome::Updated, Some(reference)) =
        (report.outcome, &report.reference)
    {
        line.push(' ');
        line.push_str(short(reference));
    }
    if let Some(note) = &report.note {
        line.push_str(": ");
        line.push_str(&shown::part(note));
    }
    line
}
