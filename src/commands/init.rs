//! `fitout init`: writes a manifest for a new workspace, based on existing clones.

use std::path::PathBuf;

use crate::error::{CommandResult, Exit};
use crate::manifest;
use crate::markup::style::STRONG;
use crate::ops::Context;
use crate::ops::dockerfiles::Wanted;
use crate::ops::init::{Draft, Note, Request};
use crate::plural::count;
use crate::ui::Ui;
use crate::ui::table::{Cell, Table};
use crate::workspace::Workspace;

/// Write a workspace.toml for the git repositories in a folder
///
/// Finds the clones in FOLDER, and detects their remotes, Dockerfiles, languages and ports. The
/// result is written to `workspace.toml`, for you to review and edit. In an empty folder, it writes
/// a commented example. An existing `workspace.toml` is never changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the workspace, with the clones; created if it doesn't exist
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// A repo that is not cloned yet; can be repeated
    #[arg(long = "repo", value_name = "URL")]
    repos: Vec<String>,
    /// Write a `Dockerfile.dev` if a repo has none
    #[arg(long, conflicts_with = "no_dockerfile")]
    dockerfile: bool,
    /// Don't write a `Dockerfile.dev`, and don't ask
    #[arg(long)]
    no_dockerfile: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Print the manifest without writing anything
    #[arg(long, visible_alias = "stdout")]
    dry_run: bool,
    /// Allow a workspace inside another one
    #[arg(long)]
    nested: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let asks_nothing = args.no_dockerfile || args.yes || args.dry_run;
    let request = Request {
        folder: args.folder.clone(),
        repos: args.repos.clone(),
        dockerfiles: Wanted::said(args.dockerfile, asks_nothing),
        nested: args.nested,
    };
    let draft = Draft::of(context, &request)?;
    if args.dry_run {
        ui.file(&draft.text)?;
        show(ui, &draft.notes);
        return Ok(Exit::Done);
    }
    if ui.can_prompt() && !args.yes {
        ui.say(&draft.text);
        if !ui.confirm(&format!("Write this to {}?", manifest::FILE))? {
            ui.say("nothing written");
            return Ok(Exit::Done);
        }
    }
    draft.write()?;
    let file = args.folder.join(manifest::FILE);
    let file = file.strip_prefix(".").unwrap_or(&file).display();
    if draft.is_empty {
        ui.say(format_args!("wrote {file}, with commented examples"));
    } else {
        let repos = count(draft.workspace.repos.len(), "repo");
        let services = count(draft.workspace.services.len(), "service");
        ui.say(format_args!("wrote {file}: {repos}, {services}"));
    }
    draft.write_dockerfiles(ui)?;
    show(ui, &draft.notes);
    next_steps(ui, &draft.workspace);
    Ok(Exit::Done)
}

fn show(ui: &Ui, notes: &[Note]) {
    for note in notes {
        ui.warn(&note.text);
        if let Some(hint) = &note.hint {
            ui.hint(hint);
        }
    }
}

fn next_steps(ui: &Ui, workspace: &Workspace) {
    let mut table = Table::default();
    let mut step = |command: &str, effect: &str| {
        let command = Cell::styled(format!("  {command}"), STRONG);
        table.push(vec![command, effect.into()]);
    };
    if workspace.repos.is_empty() {
        step("fitout add URL", "clone a repo and add its services");
    } else {
        step("fitout add URL", "add another repo");
        step(
            "fitout up",
            "check this machine, clone, generate, start, and wait until healthy",
        );
    }
    ui.say(format_args!("\nTry next:\n{table}"));
}
