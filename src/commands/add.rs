//! `fitout add`: one more repo in the manifest, and what it can be run as.

use crate::error::{CommandResult, Exit};
use crate::manifest;
use crate::markup::style::PASS;
use crate::ops::Context;
use crate::ops::add::{Addition, Request};
use crate::ops::dockerfiles::Wanted;

/// Add a repo to workspace.toml, and what it can be run as
///
/// Clones it where it is not cloned yet, looks at its Dockerfile, its language and its port, and
/// adds a `[repos]` and a `[services]` table. Everything else in the file stays as it is. For a repo
/// that is in the manifest, it adds the service alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A URL as for `git clone`, a clone in the workspace, or a name that `[git] base_url` completes
    #[arg(value_name = "NAME|URL")]
    repo: String,
    /// Call the service so; the repo's name where not set
    #[arg(long, value_name = "NAME", conflicts_with = "no_service")]
    service: Option<String>,
    /// Add the repo alone
    #[arg(long)]
    no_service: bool,
    /// Follow this branch
    #[arg(long)]
    branch: Option<String>,
    /// Clone it into this folder of the workspace
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,
    /// Write a `Dockerfile.dev` where the repo has none
    #[arg(long, conflicts_with_all = ["no_dockerfile", "no_service"])]
    dockerfile: bool,
    /// Write no `Dockerfile.dev`, and do not ask
    #[arg(long)]
    no_dockerfile: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Clone nothing and write nothing; print the manifest as it would be
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
        ui.say(format_args!("{} was left as it is", manifest::FILE));
        return Ok(Exit::Done);
    }
    addition.write()?;
    ui.say(format_args!(
        "added `{}` to {}",
        addition.added,
        manifest::FILE
    ));
    addition.write_dockerfiles(ui)?;
    ui.hint("run `fitout generate` to bring it into the compose file, or `fitout up` to start it");
    Ok(Exit::Done)
}
