//! `fitout cache`: shows and removes the clone cache of this machine.

use serde::Serialize;

use super::Format;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::git::cache::{Cache, Entry, Removed};
use crate::markup::style;
use crate::ops::Context;
use crate::ui::progress::bytes;
use crate::ui::table::{Cell, Table};

/// Show or remove the clone cache
///
/// If a repo is cloned again on this machine, for example in a second workspace, its objects come
/// from the cache, and only the difference from the server. Clones don't depend on the cache.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Output format
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
    /// Remove the cache; clones are not affected
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
            "this system has no cache folder"
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
        context
            .ui
            .say(format_args!("the cache in {folder} is empty"));
        return Ok(Exit::Done);
    }
    let mut table = Table::with_heading(&["repo", "size", "unused"]);
    for entry in entries {
        table.push(vec![
            Cell::styled(entry.url.clone(), style::STRONG),
            size(entry.bytes).into(),
            size(entry.own_bytes).into(),
        ]);
    }
    context.ui.data(table)?;
    context.ui.say(format_args!(
        "{} in {folder}, {} of it no longer used by a clone",
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
        ui.say(format_args!("the cache in {folder} is empty"));
        return Ok(Exit::Done);
    }
    if !yes {
        if !ui.can_prompt() {
            let error = anyhow::anyhow!("can't ask whether to remove {folder} without a terminal");
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
                ui.warn(format_args!("{} is in use, skipped", entry.url));
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
