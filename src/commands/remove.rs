//! `fitout remove`: a repo or a service out of the manifest. Never out of the disk.

use crate::error::{CommandResult, Exit};
use crate::manifest;
use crate::markup::style::{FAIL, unmarked};
use crate::ops::Context;
use crate::ops::remove::{Removal, Request};

/// Take a repo and its services, or one service, out of workspace.toml
///
/// Everything else in the file stays as it is. A clone is never deleted, and a service that other
/// services need is not removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repo or the service
    #[arg(value_name = "NAME")]
    name: String,
    /// Remove the service of that name alone, and keep the repo
    #[arg(long)]
    service: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Write nothing; print the manifest as it would be
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
    let question = format!("Take this out of {}?", manifest::FILE);
    if ui.can_prompt() && !args.yes && !ui.confirm(&question)? {
        ui.say(format_args!("{} was left as it is", manifest::FILE));
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
            "the clone in `{path}` stays; it is yours to delete"
        ));
    }
    ui.hint("run `fitout generate` to take it out of the compose file too");
    Ok(Exit::Done)
}
