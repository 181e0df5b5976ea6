//! `fitout copies`: this workspace and its copies, and removing one of them.

mod remove;

use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;

use super::Format;
use crate::docker::{Container, Docker};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::local;
use crate::host::workspaces::{self, Known};
use crate::manifest;
use crate::ops::{self, Context, Opened};
use crate::shell;
use crate::sync::Place;
use crate::ui::style;
use crate::ui::table::{Cell, Table};

/// List this workspace and its copies, or remove a copy
///
/// Outside of a workspace, all workspaces of this machine in which fitout has written are listed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  copies          by folder, each with:
    folder          absolute
    project         the Compose project
    copy_of         the folder of the workspace that it is a copy of, or null
    here            whether you are in it
    port_offset     what is added to the manifest's ports
    ports           the ports of the host that it publishes when all of it runs
    running         how many of its containers run, or null when Docker does not say
    branch          of the workspace's own repository, or null
    changed_repos   repos with uncommitted changes or commits of their own; null where the manifest
                    can't be read";

#[derive(Debug, clap::Subcommand)]
enum Action {
    Remove(remove::Args),
}

#[derive(Serialize)]
struct Shown {
    schema_version: u32,
    copies: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    folder: PathBuf,
    project: String,
    copy_of: Option<PathBuf>,
    here: bool,
    port_offset: u16,
    ports: Vec<u16>,
    running: Option<usize>,
    branch: Option<String>,
    changed_repos: Option<usize>,
}

/// Version of the JSON output.
const SCHEMA_VERSION: u32 = 1;

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    if let Some(Action::Remove(remove)) = &args.action {
        return remove::run(context, remove);
    }
    let known = match here(context)? {
        Some(opened) => ops::copies::family(&ops::copies::all(&opened), &opened),
        None => workspaces::known()
            .into_iter()
            .map(ops::copies::as_it_is)
            .collect(),
    };
    let (containers, mut copies) = rayon::join(
        || Docker::default().containers().ok(),
        || known.into_par_iter().map(row).collect::<Vec<Row>>(),
    );
    let engine_answers = containers.is_some() && Docker::default().engine().is_ok();
    for row in &mut copies {
        row.here = context.cwd.starts_with(&row.folder);
        row.running = engine_answers.then(|| running(row, containers.as_deref()));
    }
    match args.format {
        Format::Json => {
            let shown = Shown {
                schema_version: SCHEMA_VERSION,
                copies,
            };
            context.ui.json(&serde_json::to_string_pretty(&shown)?)?;
        }
        Format::Text => print(context, &copies)?,
    }
    Ok(Exit::Done)
}

/// The workspace that the user is in, if that is one.
fn here(context: &Context) -> Result<Option<Opened>, Failure> {
    let mut folders = context.cwd.ancestors();
    if folders.any(|folder| folder.join(manifest::FILE).exists()) {
        return context.open().map(Some);
    }
    Ok(None)
}

fn running(row: &Row, containers: Option<&[Container]>) -> usize {
    let containers = containers.unwrap_or_default().iter();
    containers
        .filter(|container| container.project == row.project && !container.is_one_off)
        .filter(|container| container.service_state().state == "running")
        .count()
}

fn row(known: Known) -> Row {
    let changed = Opened::read(&known.folder).ok().map(|opened| {
        let repos = opened.personal.repos(&opened.workspace);
        let changed = repos.par_iter().filter(|repo| {
            let place = local::observe(&opened.root, repo).place;
            matches!(place, Place::Clone(clone) if !clone.changes.is_empty()
                || matches!(clone.target, crate::sync::Target::Branch { ahead: 1.., .. }))
        });
        changed.count()
    });
    Row {
        branch: local::branch(&known.folder),
        here: false,
        running: None,
        changed_repos: changed,
        folder: known.folder,
        project: known.project,
        copy_of: known.copy_of,
        port_offset: known.port_offset,
        ports: known.ports,
    }
}

fn print(context: &Context, copies: &[Row]) -> Result<(), Failure> {
    let ui = &context.ui;
    if copies.is_empty() {
        ui.say("fitout has written in no workspace of this machine yet");
        return Ok(());
    }
    let mut table = Table::with_heading(&[
        " ", "folder", "project", "ports", "state", "branch", "changes",
    ]);
    for row in copies {
        let state = match row.running {
            None => Cell::styled("unknown", style::WARN),
            Some(0) => Cell::styled("stopped", style::DIM),
            Some(running) => Cell::styled(format!("{running} running"), style::PASS),
        };
        let changes = match row.changed_repos {
            None => Cell::styled("manifest unreadable", style::FAIL),
            Some(0) => Cell::styled("none", style::DIM),
            Some(1) => Cell::styled("in 1 repo", style::WARN),
            Some(more) => Cell::styled(format!("in {more} repos"), style::WARN),
        };
        let ports = if row.copy_of.is_some() {
            format!("+{}", row.port_offset).into()
        } else {
            Cell::styled("manifest's", style::DIM)
        };
        table.push(vec![
            if row.here { "*" } else { " " }.into(),
            row.folder.display().to_string().into(),
            Cell::styled(row.project.as_str(), style::STRONG),
            ports,
            state,
            row.branch.clone().unwrap_or_default().into(),
            changes,
        ]);
    }
    ui.data(table)?;
    if copies.iter().any(|row| row.running.is_none()) {
        ui.warn("Docker does not say what runs");
        ui.hint("`fitout doctor` says how to fix it");
    }
    if let [only] = copies
        && only.here
    {
        ui.hint(format_args!(
            "this is the only one; to make another: fitout copy {}",
            shell::path(format!("../{}-2", ops::copies::folder_name(&only.folder)))
        ));
    }
    Ok(())
}
