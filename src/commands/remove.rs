//! `fitout remove`: removes a repo or a service from the manifest, never from disk.

use crate::error::{CommandResult, Exit};
use crate::manifest;
use crate::markup::style::{FAIL, unmarked};
use crate::ops::Context;
use crate::ops::remove::{Removal, Request};

/// Remove a repo and its services, or a service, from workspace.toml
///
/// The rest of the file is not changed. Clones are never deleted, and a service that other services
/// need is not removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the repo or service
    #[arg(value_name = "NAME")]
    name: String,
    /// Remove the service with that name, and keep the repo
    #[arg(long)]
    service: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Print the resulting manifest without writing anything
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let removal = Removal::of(
        context,
        &Request {
            name: args.name.clone(),
            service_alone: args.service,
        },
    )?;

    if args.dry_run {
        ui.file(&removal.text)?;
        return Ok(Exit::Done);
    }
    for change in similar::TextDiff::from_lines(&removal.source, &removal.text).iter_all_changes() {
        let line = unmarked(change.value().trim_end());
        if change.tag() == similar::ChangeTag::Delete && !line.is_empty() {
            ui.say(format_args!("{FAIL}-{line}{FAIL:#}"));
        }
    }
    let question = format!("Remove this from {}?", manifest::FILE);
    if ui.can_prompt() && !args.yes && !ui.confirm(&question)? {
        ui.say(format_args!("{} was not changed", manifest::FILE));
        return Ok(Exit::Done);
    }
    removal.write()?;
    ui.say(format_args!(
        "removed `{}` from {}",
        args.name,
        manifest::FILE
    ));
    for path in removal.clones_left() {
        ui.say(format_args!(
            "kept the clone in `{path}`; delete it yourself if you don't need it"
        ));
    }
    ui.hint("run `fitout generate` to remove it from the compose file too");
    Ok(Exit::Done)
}
