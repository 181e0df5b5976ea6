//! `fitout copies`: lists this workspace and its copies, and removes a copy.

mod remove;

use serde::Serialize;

use super::Format;
use crate::error::{CommandResult, Exit, Failure};
use crate::markup::style;
use crate::ops::Context;
use crate::ops::copies::folder_name;
use crate::ops::copies::list::{Row, list};
use crate::shell;
use crate::ui::table::{Cell, Table};

/// List this workspace and its copies, or remove a copy
///
/// Outside of a workspace, lists all workspaces on this machine that fitout has written to.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Output format
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

/// Version of the JSON output.
const SCHEMA_VERSION: u32 = 1;

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    if let Some(Action::Remove(remove)) = &args.action {
        return remove::run(context, remove);
    }
    let copies = list(context)?;
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

fn print(context: &Context, copies: &[Row]) -> Result<(), Failure> {
    let ui = &context.ui;
    if copies.is_empty() {
        ui.say("no workspaces on this machine yet");
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
        ui.warn("can't get the running containers from Docker");
        ui.hint("run `fitout doctor` to see how to fix it");
    }
    if let [only] = copies
        && only.here
    {
        ui.hint(format_args!(
            "there are no copies; to make one: fitout copy {}",
            shell::path(format!("../{}-2", folder_name(&only.folder)))
        ));
    }
    Ok(())
}
