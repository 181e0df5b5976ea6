//! `fitout add`: adds a repo and its services to the manifest.

use crate::error::{CommandResult, Exit};
use crate::manifest;
use crate::markup::style::PASS;
use crate::ops::Context;
use crate::ops::add::{Addition, Request};
use crate::ops::dockerfiles::Wanted;

/// Add a repo and its services to workspace.toml
///
/// Clones the repo if necessary, detects its Dockerfile, language and port, and adds a `[repos]`
/// and a `[services]` table. The rest of the file is not changed. If the repo is already in the
/// manifest, only the service is added.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A URL as for `git clone`, a clone in the workspace, or a name to append to `[git] base_url`
    #[arg(value_name = "NAME|URL")]
    repo: String,
    /// Name of the service; defaults to the repo's name
    #[arg(long, value_name = "NAME", conflicts_with = "no_service")]
    service: Option<String>,
    /// Add the repo without a service
    #[arg(long)]
    no_service: bool,
    /// Branch to follow
    #[arg(long)]
    branch: Option<String>,
    /// Folder in the workspace to clone into
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,
    /// Write a `Dockerfile.dev` if the repo has none
    #[arg(long, conflicts_with_all = ["no_dockerfile", "no_service"])]
    dockerfile: bool,
    /// Don't write a `Dockerfile.dev`, and don't ask
    #[arg(long)]
    no_dockerfile: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Print the resulting manifest without cloning or writing anything
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let asks_nothing = args.no_dockerfile || args.yes || args.dry_run;
    let request = Request {
        repo: args.repo.clone(),
        service: args.service.clone(),
        no_service: args.no_service,
        branch: args.branch.clone(),
        path: args.path.clone(),
        dockerfiles: Wanted::said(args.dockerfile, asks_nothing),
        dry_run: args.dry_run,
    };
    let addition = Addition::of(context, &request)?;
    if addition.tables.is_empty() {
        ui.say(format_args!(
            "`{}` is in {} already",
            addition.name,
            manifest::FILE
        ));
        return Ok(Exit::Done);
    }
    if args.dry_run {
        ui.file(&addition.text)?;
        return Ok(Exit::Done);
    }
    for line in addition.tables.lines() {
        ui.say(format_args!("{PASS}+{line}{PASS:#}"));
    }
    let question = format!("Add this to {}?", manifest::FILE);
    if ui.can_prompt() && !args.yes && !ui.confirm(&question)? {
        ui.say(format_args!("{} was not changed", manifest::FILE));
        return Ok(Exit::Done);
    }
    addition.write()?;
    ui.say(format_args!(
        "added `{}` to {}",
        addition.added,
        manifest::FILE
    ));
    addition.write_dockerfiles(ui)?;
    ui.hint("run `fitout generate` to add it to the compose file, or `fitout up` to start it");
    Ok(Exit::Done)
}
