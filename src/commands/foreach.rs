//! `fitout foreach`: runs a command in every repo, in parallel, with the output grouped by repo.

use std::io;
use std::num::NonZeroUsize;

use serde::Serialize;

use super::Format;
use super::filter::Filter;
use crate::error::{CommandResult, Exit};
use crate::host::interrupt;
use crate::markup::style::STRONG;
use crate::ops::Context;
use crate::ops::foreach::{self, Ran, Request};
use crate::plural::count;
use crate::sync::RepoState;
use crate::ui::Ui;

/// Run a command in every repo, in parallel
///
/// The command runs in the repo's folder, with `FITOUT_REPO` set to the repo's name and without a
/// terminal. A single argument is passed to `sh -c`; several are run directly. The output is
/// grouped by repo, in the order of the manifest. Background processes are not waited for, and keep
/// running if their output is redirected (`> log 2>&1 &`). The exit status is 0 if the command
/// succeeded in every repo, otherwise 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Only these repos
    #[arg(long, value_name = "REPO", value_delimiter = ',')]
    repos: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Number of repos to process in parallel; defaults to the number of cores
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
    /// Command to run, with its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  repos           in the order of the manifest, each with repo, path, status (the command's exit
                  status; null where it did not run or a signal ended it), stdout and stderr (bytes
                  that are not UTF-8 as U+FFFD), and error (why it did not run, or null)";

#[derive(Serialize)]
struct Printed<'a> {
    schema_version: u32,
    repos: &'a [Ran],
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let includes = |state: &RepoState| args.filter.includes(state);
    let request = Request {
        command: &args.command,
        repos: &args.repos,
        filter: args.filter.is_set().then_some(&includes),
        jobs: args.jobs.map(NonZeroUsize::get),
    };
    let all = foreach::run(context, &opened, &request, |ran| match args.format {
        Format::Text => print(&context.ui, ran),
        Format::Json => Ok(()),
    })?;
    if all.is_empty() && args.filter.is_set() {
        context.ui.say(args.filter.none_left());
    }
    if args.format == Format::Json {
        context.ui.json(&serde_json::to_string_pretty(&Printed {
            schema_version: 1,
            repos: &all,
        })?)?;
    }
    if interrupt::requested() {
        return Ok(Exit::Interrupted);
    }
    let failed: Vec<&str> = all
        .iter()
        .filter(|ran| ran.status != Some(0))
        .map(|ran| ran.repo.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    context.ui.say(format_args!(
        "failed in {} of {}: {}",
        failed.len(),
        count(all.len(), "repo"),
        failed.join(", ")
    ));
    Ok(Exit::Findings)
}

fn print(ui: &Ui, ran: &Ran) -> io::Result<()> {
    ui.data(format_args!("{STRONG}{}{STRONG:#}", ran.repo))?;
    ui.output_of_command(&ran.stdout, &ran.stderr)?;
    match (&ran.error, ran.status) {
        (Some(error), _) => ui.say(format_args!("{}: {error}", ran.repo)),
        (None, Some(0)) => {}
        (None, Some(status)) => ui.say(format_args!("{}: exit status {status}", ran.repo)),
        (None, None) => ui.say(format_args!("{}: killed by a signal", ran.repo)),
    }
    Ok(())
}
