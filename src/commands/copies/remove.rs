//! `fitout copies remove`: a copy with its containers, and never work that is nowhere else.

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
/// Refused while it has work that is nowhere else: uncommitted or untracked files, commits that are
/// on no remote and in no other copy, stashes, in submodules too; hooks and settings; lines of `.env`
/// and `workspace.local.toml`. docs/copies.md has the whole list. The workspace that copies are made
/// of is never removed, and the others stay as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its folder, or its project
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    /// Remove its volumes too: the data of its services is lost
    #[arg(long)]
    volumes: bool,
    /// Remove it although it has work that is nowhere else; that is lost
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
        ui.say("nothing was removed");
        return Ok(Exit::Done);
    };
    interrupt::listen().context("can't listen for Ctrl-C")?;
    removal.carry_out(ui, volumes)?;
    ui.say(format_args!("removed {}", removal.folder.display()));
    if volumes == Volumes::Stay && !removal.stack.volumes().is_empty() {
        ui.say(format_args!(
            "its data stays: {}",
            removal.stack.volumes().join(", ")
        ));
        ui.hint(format_args!(
            "to remove that too: docker volume rm {}",
            removal.stack.volumes().join(" ")
        ));
    }
    Ok(Exit::Done)
}

/// Whether to remove it, and its volumes; none when the answer is no.
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
        let error = anyhow!("nobody can be asked whether to remove {shown}");
        return Err(Failure::usage(error).hint(format!(
            "fitout copies remove --yes {}",
            shell::path(folder)
        )));
    }
    if !lost.is_empty() {
        ui.warn(format_args!("this is lost:\n{}", listed(lost)));
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
        "Its data too ({})? It can't be undone",
        stack.volumes().join(", ")
    );
    if ui.confirm_loss(&question)? {
        Ok(Some(Volumes::Go))
    } else {
        Ok(Some(Volumes::Stay))
    }
}
