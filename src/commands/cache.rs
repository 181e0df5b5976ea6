//! `fitout cache`: what this machine keeps of earlier clones.

use serde::Serialize;

use super::Format;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::git::cache::{Cache, Entry, Removed};
use crate::markup::style;
use crate::ops::Context;
use crate::ui::progress::bytes;
use crate::ui::table::{Cell, Table};

/// Show what is kept of earlier clones, or remove it
///
/// Whoever clones the same repo again on this machine, in a second copy of a workspace for example,
/// takes its objects from there and only the difference from the server. Clones don't depend on it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print the result for people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  folder          where it is
  bytes           of all files in it
  own_bytes       of files that no clone shares: what `clean` frees
  repos           each with url, bytes, own_bytes";

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Remove it; clones keep what they have
    Clean {
        /// Don't ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Serialize)]
struct Shown {
    schema_version: u32,
    folder: String,
    bytes: u64,
    own_bytes: u64,
    repos: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    url: String,
    bytes: u64,
    own_bytes: u64,
}

/// Version of the JSON output.
const SCHEMA_VERSION: u32 = 1;

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let Some(cache) = Cache::of_user() else {
        return Err(Failure::failed(anyhow::anyhow!(
            "this system names no folder for caches"
        )));
    };
    let entries = cache.entries();
    match (&args.action, args.format) {
        (Some(Action::Clean { yes }), _) => clean(context, &cache, &entries, *yes),
        (None, Format::Text) => show(context, &cache, &entries),
        (None, Format::Json) => show_json(context, &cache, &entries),
    }
}

fn show(context: &Context, cache: &Cache, entries: &[Entry]) -> CommandResult {
    let folder = cache.folder().display();
    if entries.is_empty() {
        context.ui.say(format_args!("nothing is kept in {folder}"));
        return Ok(Exit::Done);
    }
    let mut table = Table::with_heading(&["repo", "size", "in no clone"]);
    for entry in entries {
        table.push(vec![
            Cell::styled(entry.url.clone(), style::STRONG),
            size(entry.bytes).into(),
            size(entry.own_bytes).into(),
        ]);
    }
    context.ui.data(table)?;
    context.ui.say(format_args!(
        "{} in {folder}, {} of it in no clone any more",
        size(total(entries)),
        size(own_total(entries))
    ));
    Ok(Exit::Done)
}

fn show_json(context: &Context, cache: &Cache, entries: &[Entry]) -> CommandResult {
    let row = |entry: &Entry| Row {
        url: entry.url.clone(),
        bytes: entry.bytes,
        own_bytes: entry.own_bytes,
    };
    let shown = Shown {
        schema_version: SCHEMA_VERSION,
        folder: cache.folder().display().to_string(),
        bytes: total(entries),
        own_bytes: own_total(entries),
        repos: entries.iter().map(row).collect(),
    };
    let text = serde_json::to_string_pretty(&shown).context("can't write the result as JSON")?;
    context.ui.json(&text)?;
    Ok(Exit::Done)
}

fn clean(context: &Context, cache: &Cache, entries: &[Entry], yes: bool) -> CommandResult {
    let ui = context.ui;
    let folder = cache.folder().display();
    if entries.is_empty() {
        ui.say(format_args!("nothing is kept in {folder}"));
        return Ok(Exit::Done);
    }
    if !yes {
        if !ui.can_prompt() {
            let error = anyhow::anyhow!("nobody can be asked whether to remove {folder}");
            return Err(Failure::usage(error).hint("fitout cache clean --yes"));
        }
        let question = format!("Remove {} in {folder}?", size(total(entries)));
        if !ui.confirm(&question)? {
            return Ok(Exit::Done);
        }
    }
    let (mut freed, mut exit) = (0, Exit::Done);
    for entry in entries {
        match cache.remove(entry) {
            Ok(Removed::Yes) => freed += entry.own_bytes,
            Ok(Removed::InUse) => {
                ui.warn(format_args!("{} is in use: left as it is", entry.url));
                exit = Exit::Findings;
            }
            Err(error) => {
                ui.warn(format_args!("can't remove {}: {error}", entry.url));
                exit = Exit::Findings;
            }
        }
    }
    ui.say(format_args!("freed {}", size(freed)));
    Ok(exit)
}

fn total(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.bytes).sum()
}

fn own_total(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.own_bytes).sum()
}

fn size(number: u64) -> String {
    bytes(usize::try_from(number).unwrap_or(usize::MAX))
}
