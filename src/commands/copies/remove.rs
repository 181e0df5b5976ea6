//! `fitout copies remove`: removes a copy and its containers, unless it has work that exists
//! nowhere else.

use std::path::PathBuf;

use anyhow::anyhow;

use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::ops::Context;
use crate::ops::copies::lost::listed;
use crate::ops::copies::remove::{Loss, Removal, Volumes};
use crate::plural::count;
use crate::shell;

/// Remove a copy: its containers, its images and its folder
///
/// Refuses if the copy has work that exists nowhere else: uncommitted or untracked files, commits
/// that are on no remote and in no other copy, stashes, including those in submodules; hooks and
/// settings; lines in `.env` and `workspace.local.toml`. docs/copies.md has the full list. The
/// original workspace is never removed, and other copies are not affected.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder or project name of the copy
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    /// Also remove its volumes; the data of its services is lost
    #[arg(long)]
    volumes: bool,
    /// Remove it even if it has work that exists nowhere else; that work is lost
    #[arg(long)]
    force: bool,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let loss = if args.force {
        Loss::Accepted
    } else {
        Loss::Refused
    };
    let removal = Removal::of(context, &args.copy, loss)?;
    let Some(volumes) = ask(context, args, &removal)? else {
        ui.say("nothing removed");
        return Ok(Exit::Done);
    };
    interrupt::listen().context("can't listen for Ctrl-C")?;
    removal.carry_out(ui, volumes)?;
    ui.say(format_args!("removed {}", removal.folder.display()));
    if volumes == Volumes::Stay && !removal.stack.volumes().is_empty() {
        ui.say(format_args!(
            "kept its volumes: {}",
            removal.stack.volumes().join(", ")
        ));
        ui.hint(format_args!(
            "to remove them: docker volume rm {}",
            removal.stack.volumes().join(" ")
        ));
    }
    Ok(Exit::Done)
}

/// Asks whether to remove the copy, and its volumes; returns none if the answer is no.
fn ask(context: &Context, args: &Args, removal: &Removal) -> Result<Option<Volumes>, Failure> {
    let ui = &context.ui;
    let Removal {
        folder,
        lost,
        stack,
        ..
    } = removal;
    let asked_for = if args.volumes {
        Volumes::Go
    } else {
        Volumes::Stay
    };
    if args.yes {
        return Ok(Some(asked_for));
    }
    let shown = folder.display();
    if !ui.can_prompt() {
        let error = anyhow!("can't ask whether to remove {shown} without a terminal");
        return Err(Failure::usage(error).hint(format!(
            "fitout copies remove --yes {}",
            shell::path(folder)
        )));
    }
    if !lost.is_empty() {
        ui.warn(format_args!("this will be lost:\n{}", listed(lost)));
    }
    let containers = match stack.containers() {
        0 => String::new(),
        some => format!(" and its {}", count(some, "container")),
    };
    if !ui.confirm_loss(&format!("Remove {shown}{containers}?"))? {
        return Ok(None);
    }
    if asked_for == Volumes::Go || stack.volumes().is_empty() {
        return Ok(Some(asked_for));
    }
    let question = format!(
        "Also remove its data ({})? This can't be undone",
        stack.volumes().join(", ")
    );
    if ui.confirm_loss(&question)? {
        Ok(Some(Volumes::Go))
    } else {
        Ok(Some(Volumes::Stay))
    }
}
