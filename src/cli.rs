//! The command line: clap types, and dispatch to commands.

use std::env;
use std::path::PathBuf;
use std::{io, iter};

use anyhow::anyhow;
use clap::{ArgAction, CommandFactory as _, Parser, Subcommand};

use crate::commands;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::surroundings;
use crate::ops::Context;
use crate::ui::{ColorWhen, Ui, Verbosity, log};

/// From a fresh laptop to every service of your company running.
#[derive(Debug, Parser)]
#[command(name = "fitout", version, propagate_version = true, after_help = EXIT_STATUS)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0    done
  1    partial success, findings, drift, or an error
  2    invalid command line or manifest
  130  stopped by Ctrl-C
  `exec`, `run`, `test` and `compose` pass through the exit status of what they run.";

#[derive(Debug, clap::Args)]
struct Global {
    /// Run as if fitout was started in this folder
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more details; twice, also each program and request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// When to use colors
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        value_enum
    )]
    color: ColorWhen,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(commands::up::Args),
    Init(commands::init::Args),
    Add(commands::add::Args),
    Remove(commands::remove::Args),
    Status(commands::status::Args),
    Doctor(commands::doctor::Args),
    Lint(commands::lint::Args),
    Dockerfile(commands::dockerfile::Args),
    Sync(commands::sync::Args),
    Lock(commands::lock::Args),
    Foreach(commands::foreach::Args),
    Generate(commands::generate::Args),
    Copy(commands::copy::Args),
    Copies(commands::copies::Args),
    Cache(commands::cache::Args),
    Use(commands::use_service::Args),
    #[command(flatten)]
    DayTwo(commands::day_two::Command),
    Db(commands::db::Args),
    Test(commands::test::Args),
    Demo(commands::demo::Args),
    Schema(commands::schema::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}

/// Runs the process's own command line. Returns the exit code.
pub fn main() -> u8 {
    // Must come first: nothing may read the environment before it was cleaned.
    let left = surroundings::leave();
    let cli = Cli::parse();
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, 0) => Verbosity::Normal,
        _ => Verbosity::Verbose,
    };
    let ui = Ui::new(verbosity, cli.global.color);
    let left =
        left.context("can't restart without the environment variables of the surrounding git hook");
    let ready = left.and_then(|()| start_log(&cli.global));
    match ready.and_then(|()| run(cli, ui)) {
        Ok(exit) => exit.code(),
        Err(failure) if reader_has_gone(&failure) => Exit::Done.code(),
        Err(failure) => {
            ui.failure(&failure);
            failure.code()
        }
    }
}

/// Logs as the variable says, or else as often as `-v` was given.
fn start_log(global: &Global) -> Result<(), Failure> {
    let asked = env::var("FITOUT_LOG").unwrap_or_default();
    let filter = match (asked.as_str(), global.verbose) {
        ("", 0 | 1) => return Ok(()),
        ("", 2) => "debug",
        ("", _) => "trace",
        (asked, _) => asked,
    };
    log::start(filter).map_err(|error| {
        Failure::usage(anyhow!("`FITOUT_LOG={filter}` is not a filter: {error}"))
            .hint("FITOUT_LOG=debug, or FITOUT_LOG=http=debug for one target")
    })
}

fn run(cli: Cli, ui: Ui) -> CommandResult {
    run_in(&Context::new(ui, cli.global.directory)?, cli.command)
}

fn run_in(context: &Context, command: Command) -> CommandResult {
    match command {
        Command::Up(args) => commands::up::run(context, &args),
        Command::Init(args) => commands::init::run(context, &args),
        Command::Add(args) => commands::add::run(context, &args),
        Command::Remove(args) => commands::remove::run(context, &args),
        Command::Status(args) => commands::status::run(context, &args),
        Command::Doctor(args) => commands::doctor::run(context, &args),
        Command::Lint(args) => commands::lint::run(context, &args),
        Command::Dockerfile(args) => commands::dockerfile::run(context, &args),
        Command::Sync(args) => commands::sync::run(context, &args),
        Command::Lock(args) => commands::lock::run(context, &args),
        Command::Foreach(args) => commands::foreach::run(context, &args),
        Command::Generate(args) => commands::generate::run(context, &args),
        Command::Copy(args) => commands::copy::run(context, &args),
        Command::Copies(args) => commands::copies::run(context, &args),
        Command::Cache(args) => commands::cache::run(context, &args),
        Command::Use(args) => commands::use_service::run(context, &args),
        Command::DayTwo(command) => commands::day_two::run(context, &command),
        Command::Db(args) => commands::db::run(context, &args),
        Command::Test(args) => commands::test::run(context, &args),
        Command::Demo(args) => commands::demo::run(context, &args, &line),
        Command::Schema(args) => commands::schema::run(context, &args),
        Command::Completions(args) => commands::completions::run(context, &args, Cli::command()),
        Command::Man(args) => commands::man::run(context, &args, Cli::command()),
    }
}

/// Runs a fitout command line as if it was typed in the context's folder.
fn line(context: &Context, words: &[&str]) -> CommandResult {
    let words = iter::once("fitout").chain(words.iter().copied());
    let cli = Cli::try_parse_from(words)?;
    run_in(context, cli.command)
}

/// `fitout … | head` is not an error.
fn reader_has_gone(failure: &Failure) -> bool {
    failure
        .error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn who_prints_json_lists_its_fields_in_the_help() {
        let has_json = |command: &&clap::Command| {
            let formats = command.get_arguments().filter(|it| it.get_id() == "format");
            let mut values = formats.flat_map(clap::Arg::get_possible_values);
            values.any(|value| value.get_name() == "json")
        };
        let root = Cli::command();
        let commands: Vec<_> = root.get_subcommands().filter(has_json).collect();
        assert!(commands.len() > 5, "{}", commands.len());
        for command in commands {
            let help = command.get_after_long_help().map(ToString::to_string);
            let lists = help.is_some_and(|help| help.contains("schema_version"));
            assert!(lists, "{}", command.get_name());
        }
    }
}
