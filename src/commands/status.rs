//! `fitout status`: the repos and the services, at one look. Works without Docker.

use rayon::prelude::*;
use serde::Serialize;

use super::filter::Filter;
use super::{Format, up};
use crate::compose;
use crate::docker::{ComposeError, Docker};
use crate::doctor::{probes, required};
use crate::error::{CommandResult, Exit};
use crate::git;
use crate::ops::{Context, Opened};
use crate::running::{self, Row};
use crate::shell;
use crate::sync::{HALF_MOVED, Head, Link, Place, RepoState, Target, not_asked_for, unfollowed};
use crate::ui::style;
use crate::ui::table::{Cell, Table};
use crate::workspace::Repo;

/// Show the repos (branch, ahead, behind, changes) and the services (state, health, address)
///
/// Asks no server: ahead and behind are as of the last fetch. Without a Docker engine it shows the
/// repos, and says so. With `--changed`, `--on` or `--behind` it shows repos only.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub struct Args {
    #[command(flatten)]
    filter: Filter,
    /// How to print it
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

#[derive(Default, Serialize)]
struct RepoRow {
    name: String,
    path: String,
    state: &'static str,
    head: Option<String>,
    wanted: Option<String>,
    ahead: usize,
    behind: usize,
    changes: usize,
    stashes: usize,
    note: Option<String>,
}

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let (repos, services) = rayon::join(
        || repos(&opened, &args.filter),
        || (!args.filter.is_set()).then(|| services(&opened)),
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
        Format::Text if args.filter.is_set() && status.repos.is_empty() => {
            context.ui.say(args.filter.none_left());
        }
        Format::Text => print(context, &status)?,
    }
    Ok(Exit::Done)
}

fn print(context: &Context, status: &Status) -> std::io::Result<()> {
    let knows_services = status.services.as_ref().is_none_or(|rows| !rows.is_empty());
    if status.repos.is_empty() && !knows_services {
        context
            .ui
            .say("the manifest names no repos and no services");
    }
    if !status.repos.is_empty() {
        context.ui.data(repo_table(&status.repos))?;
    }
    if let Some(services) = status.services.as_ref().filter(|rows| !rows.is_empty()) {
        if !status.repos.is_empty() {
            context.ui.data("")?;
        }
        context.ui.data(up::table(services))?;
    }
    if let Some(why) = &status.docker {
        context.ui.say("");
        context
            .ui
            .warn(format_args!("the services are not shown: {why}"));
        context.ui.hint("`fitout doctor` says how to fix it");
    }
    Ok(())
}

fn services(opened: &Opened) -> Result<Vec<Row>, String> {
    if opened.workspace.services.is_empty() {
        return Ok(Vec::new());
    }
    let docker = Docker::default();
    let variables = probes::variables(&opened.root).map_err(|error| format!(".env: {error}"))?;
    let selection = opened.selection_as_far_as_known(&variables);
    let states = docker
        .compose(&opened.root, &selection)
        .with_made_up(&required::unset(&opened.workspace, &variables))
        .services()
        .map_err(|error| why_not(opened, &docker, &error))?;
    Ok(running::rows(&opened.workspace, &opened.personal, &states))
}

/// The first cause: what Compose says of a file that is missing or an engine that is away is long
/// and late.
fn why_not(opened: &Opened, docker: &Docker, error: &ComposeError) -> String {
    if !opened.root.join(compose::FILE).exists() {
        return format!("`{}` is missing; run `fitout generate`", compose::FILE);
    }
    match docker.can_compose() {
        Ok(()) => error.to_string(),
        Err(problem) => problem.to_string(),
    }
}

fn repos(opened: &Opened, filter: &Filter) -> Vec<RepoRow> {
    opened
        .personal
        .repos(&opened.workspace)
        .par_iter()
        .filter_map(|repo| {
            if repo.skip {
                return (!filter.is_set()).then(|| RepoRow {
                    state: "skipped",
                    ..named(repo)
                });
            }
            let state = git::local::observe_at_exit(&opened.root, repo);
            filter.includes(&state).then(|| repo_row(repo, &state))
        })
        .collect()
}

fn named(repo: &Repo) -> RepoRow {
    RepoRow {
        name: repo.name.clone(),
        path: repo.local_path.as_ref().unwrap_or(&repo.path).clone(),
        ..RepoRow::default()
    }
}

fn repo_row(repo: &Repo, state: &RepoState) -> RepoRow {
    let Place::Clone(clone) = &state.place else {
        return RepoRow {
            state: if state.place == Place::Missing {
                "missing"
            } else {
                "refused"
            },
            note: state.place.obstacle(),
            ..named(repo)
        };
    };
    let (wanted, ahead, behind) = match &clone.target {
        Target::Branch {
            name,
            ahead,
            behind,
            ..
        } => (Some(name.clone()), *ahead, *behind),
        Target::Pin { name, .. } | Target::Unknown(name) => (Some(name.clone()), 0, 0),
        Target::Unfollowed | Target::NoDefault | Target::Empty => (None, 0, 0),
    };
    let is_unfollowed = clone.target == Target::Unfollowed;
    let unkept = is_unfollowed.then(|| unfollowed(&clone.remote).why);
    let link = match &state.link {
        Link::Missing => Some("no link to it yet".to_owned()),
        Link::Blocked(what) => Some(format!("{what} is in the place of the link to it")),
        Link::NotWanted | Link::Right => None,
    };
    let half_moved = clone.half_moved.then(|| {
        format!(
            "{HALF_MOVED}; `fitout sync {}` completes it",
            shell::word(&repo.name)
        )
    });
    let operation = clone
        .operation
        .map(|operation| format!("{operation} in progress"));
    let submodules = not_asked_for(repo, clone.not_cloned);
    RepoRow {
        state: "cloned",
        head: Some(match &clone.head {
            Head::Branch(name) | Head::Unborn(name) => name.clone(),
            Head::Detached(commit) => format!("({commit})"),
        }),
        wanted,
        ahead,
        behind,
        changes: clone.changes.tracked() + clone.changes.untracked,
        stashes: clone.stashes,
        note: half_moved.or(operation).or(link).or(unkept).or(submodules),
        ..named(repo)
    }
}

fn repo_table(rows: &[RepoRow]) -> Table {
    let mut table = Table::with_heading(&["repo", "branch", "remote", "changes"]);
    for row in rows {
        let Some(head) = &row.head else {
            let (words, look) = match (row.state, &row.note) {
                ("missing", _) => ("not cloned; `fitout sync` does it".to_owned(), style::WARN),
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
