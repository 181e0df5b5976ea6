//! `fitout sync`: clones missing repos and updates the rest, in parallel.

use std::num::NonZeroUsize;

use serde::Serialize;

use super::Format;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::markup::style;
use crate::ops::sync::preview::{self, Plan};
use crate::ops::sync::{self, Options};
use crate::ops::{Context, copies};
use crate::sync::{Allowed, RepoReport, Synced};
use crate::ui::table::{Cell, Table};
use crate::ui::{Ui, repos};

/// Clone missing repos and update the rest, in parallel
///
/// Your work is never touched: a repo with local changes, unpushed commits or another branch
/// checked out is fetched and otherwise left as it is, and the table shows what to do. docs/sync.md
/// has all rules.
///
/// The exit status is 1 if a repo failed, was held back or was refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Repos to sync; defaults to all
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    /// Number of repos to process in parallel
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// Don't use the clone cache (see `fitout cache`)
    #[arg(long)]
    no_cache: bool,
    /// Print the plan without contacting any server or changing anything
    #[arg(long)]
    dry_run: bool,
    /// Switch back to the manifest's branch if nothing is lost
    #[arg(long)]
    switch: bool,
    /// Check out exactly the commits in workspace.lock if nothing is lost
    #[arg(long)]
    locked: bool,
    /// Change nothing and contact no server; exit with status 1 if a repo is not at its locked
    /// commit
    #[arg(long, requires = "locked")]
    check: bool,
    /// Set the remotes of existing clones to the manifest's URLs
    #[arg(long)]
    set_url: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version   1; raised when a field changes its meaning or goes away
  interrupted      whether Ctrl-C came first
  repos            in the order of the manifest, each with name, path, reference (the branch, tag or
                   commit that is wanted), outcome (cloned | updated | up_to_date | left | held_back |
                   refused | failed | skipped | interrupted), note, command (which settles it), and
                   detail after a failure
  not_in_manifest  clones that the manifest does not name, each with path, url
with --dry-run:
  schema_version, dry_run (true)
  repos            each with name, path, step (skip | clone | fetch | set url | refuse), note";

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let options = Options {
        repos: args.repos.clone(),
        jobs: args.jobs.map(NonZeroUsize::get),
        allowed: Allowed {
            // Users who ask for exactly these commits want to leave the branch.
            switch: args.switch || args.locked,
            set_url: args.set_url,
        },
        locked: args.locked,
        no_cache: args.no_cache,
    };
    if args.check {
        let synced = preview::checked(&opened, &options)?;
        match args.format {
            Format::Text => repos::print(&context.ui, &synced)?,
            Format::Json => print_json(&context.ui, &synced)?,
        }
        return Ok(synced.exit());
    }
    if args.dry_run {
        let plan = preview::plan(&opened, &options)?;
        match args.format {
            Format::Text => context.ui.data(table(plan))?,
            Format::Json => print_json(&context.ui, &plan)?,
        }
        return Ok(Exit::Done);
    }
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let mut synced = sync::sync(context, &opened, &options)?;
    copies::record(context, &opened);
    match args.format {
        Format::Text => {
            repos::print(&context.ui, &synced)?;
            if let Some(again) = other_urls(context, &synced, &options)? {
                let moved = sync::sync(context, &opened, &again)?;
                repos::print(&context.ui, &moved)?;
                synced.replace(moved);
            }
        }
        Format::Json => print_json(&context.ui, &synced)?,
    }
    Ok(synced.exit())
}

/// On a terminal, asks whether to set the remotes of clones with another URL to the manifest's.
fn other_urls(
    context: &Context,
    synced: &Synced,
    options: &Options,
) -> Result<Option<Options>, Failure> {
    let other: Vec<&RepoReport> = synced
        .repos
        .iter()
        .filter(|report| report.has_other_url)
        .collect();
    if other.is_empty() || synced.interrupted {
        return Ok(None);
    }
    let names: Vec<String> = other.iter().map(|report| report.name.clone()).collect();
    if !context.ui.can_prompt() {
        context.ui.hint(format_args!(
            "to use the manifest's URL: fitout sync --set-url {}",
            names.join(" ")
        ));
        return Ok(None);
    }
    let question = format!(
        "Set the remote of {} to the manifest's URL?",
        names.join(", ")
    );
    let agreed = context.ui.confirm(&question)?;
    Ok(agreed.then(|| Options {
        repos: names,
        allowed: Allowed {
            set_url: true,
            ..options.allowed
        },
        ..options.clone()
    }))
}

fn table(plan: Plan) -> Table {
    let mut table = Table::with_heading(&["repo", "would", "note"]);
    for row in plan.repos {
        table.push(vec![
            Cell::styled(row.name, style::STRONG),
            row.step.into(),
            row.note.unwrap_or_default().into(),
        ]);
    }
    table
}

fn print_json(ui: &Ui, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("can't write the result as JSON")?;
    Ok(ui.json(&text)?)
}
