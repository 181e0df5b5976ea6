//! `fitout status`: shows repos and services. Works without Docker.

use serde::Serialize;

use super::Format;
use super::filter::Filter;
use crate::error::{CommandResult, Exit};
use crate::markup::style;
use crate::ops::Context;
use crate::ops::status::{self, RepoRow};
use crate::running::Row;
use crate::sync::RepoState;
use crate::ui::services;
use crate::ui::table::{Cell, Table};

/// Show the state of repos and services
///
/// Contacts no server: ahead and behind are as of the last fetch. Without a Docker engine, only
/// repos are shown. With `--changed`, `--on` or `--behind`, only repos are shown.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  repos           in the order of the manifest, each with name, path, state (cloned | missing |
                  refused | skipped), head, wanted, ahead, behind, changes, stashes, note
  services        in the order of the manifest, each with service, condition (ready | done |
                  starting | broken | stopped | on-host), state, urls; null when Docker does not say, and with
                  --changed, --on, --behind
  docker          null, or why Docker does not say";

#[derive(Serialize)]
struct Status {
    schema_version: u32,
    repos: Vec<RepoRow>,
    services: Option<Vec<Row>>,
    docker: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let is_set = args.filter.is_set();
    let includes = |state: &RepoState| args.filter.includes(state);
    let (repos, services) = rayon::join(
        || status::repos(&opened, is_set.then_some(&includes)),
        || (!is_set).then(|| status::services(&opened)),
    );
    let (services, docker) = match services {
        Some(Ok(rows)) => (Some(rows), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    let status = Status {
        schema_version: 1,
        repos,
        services,
        docker,
    };
    match args.format {
        Format::Json => context.ui.json(&serde_json::to_string_pretty(&status)?)?,
        Format::Text if is_set && status.repos.is_empty() => {
            context.ui.say(args.filter.none_left());
        }
        Format::Text => print(context, &status)?,
    }
    Ok(Exit::Done)
}

fn print(context: &Context, status: &Status) -> std::io::Result<()> {
    let knows_services = status.services.as_ref().is_none_or(|rows| !rows.is_empty());
    if status.repos.is_empty() && !knows_services {
        context.ui.say("the manifest has no repos or services");
    }
    if !status.repos.is_empty() {
        context.ui.data(repo_table(&status.repos))?;
    }
    if let Some(services) = status.services.as_ref().filter(|rows| !rows.is_empty()) {
        if !status.repos.is_empty() {
            context.ui.data("")?;
        }
        services::print(&context.ui, services)?;
    }
    if let Some(why) = &status.docker {
        context.ui.say("");
        context
            .ui
            .warn(format_args!("can't show the services: {why}"));
        context.ui.hint("run `fitout doctor` to see how to fix it");
    }
    Ok(())
}

fn repo_table(rows: &[RepoRow]) -> Table {
    let mut table = Table::with_heading(&["repo", "branch", "remote", "changes"]);
    for row in rows {
        let Some(head) = &row.head else {
            let (words, look) = match (row.state, &row.note) {
                ("missing", _) => ("not cloned: run `fitout sync`".to_owned(), style::WARN),
                ("skipped", _) => ("skipped on this machine".to_owned(), style::DIM),
                (_, note) => (note.clone().unwrap_or_default(), style::FAIL),
            };
            table.push(vec![row.name.as_str().into(), Cell::styled(words, look)]);
            continue;
        };
        let is_elsewhere =
            row.wanted.as_ref().is_some_and(|wanted| wanted != head) && !head.starts_with('(');
        let head = if is_elsewhere {
            Cell::styled(head.as_str(), style::WARN)
        } else {
            head.as_str().into()
        };
        let remote = match (row.ahead, row.behind) {
            (0, 0) => Cell::styled("up to date", style::DIM),
            (ahead, 0) => Cell::styled(format!("ahead {ahead}"), style::WARN),
            (0, behind) => Cell::styled(format!("behind {behind}"), style::WARN),
            (ahead, behind) => Cell::styled(format!("ahead {ahead}, behind {behind}"), style::WARN),
        };
        let mut last = match row.changes {
            0 => "clean".to_owned(),
            1 => "1 change".to_owned(),
            changes => format!("{changes} changes"),
        };
        match row.stashes {
            0 => {}
            1 => last = format!("{last}, 1 stash"),
            stashes => last = format!("{last}, {stashes} stashes"),
        }
        if let Some(note) = &row.note {
            last = format!("{last}, {note}");
        }
        let look = if last == "clean" {
            style::DIM
        } else {
            style::WARN
        };
        table.push(vec![
            row.name.as_str().into(),
            head,
            remote,
            Cell::styled(last, look),
        ]);
    }
    table
}
