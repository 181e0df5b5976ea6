//! `fitout foreach`: runs a command in every repo, several at once, with the output grouped by repo.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::Format;
use super::filter::Filter;
use crate::error::{CommandResult, Exit};
use crate::git::{GitError, local};
use crate::host::{interrupt, process, resources};
use crate::ops::parallel::in_parallel;
use crate::ops::{Context, sync};
use crate::plural::count;
use crate::sync::{Place, RepoState};
use crate::ui::style::STRONG;
use crate::workspace::Repo;

/// Run a command in every repo, several at once
///
/// The command runs in the repo's folder, with `FITOUT_REPO` set to the repo's name and without a
/// terminal to ask questions on. One argument is given to `sh -c`, several are run as they are. The
/// output comes grouped by repo, in the order of the manifest. What the command leaves in the
/// background is not waited for: it goes on as long as it prints nothing here (`> log 2>&1 &`).
/// Exit status: 0 when it worked in every repo, else 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub struct Args {
    /// Only these repos
    #[arg(long, value_name = "REPO", value_delimiter = ',')]
    repos: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Repos at once; as many as there are cores where not given
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
    /// What to run; what follows its first word is its own
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  repos           in the order of the manifest, each with repo, path, status (the command's exit
                  status; null where it did not run or a signal ended it), stdout and stderr (bytes
                  that are not UTF-8 as U+FFFD), and error (why it did not run, or null)";

/// Longer than any command that somebody waits for.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Serialize)]
struct Ran {
    repo: String,
    path: String,
    /// The command's exit status; none where it did not run, or a signal ended it.
    status: Option<i32>,
    #[serde(serialize_with = "as_text")]
    stdout: Vec<u8>,
    #[serde(serialize_with = "as_text")]
    stderr: Vec<u8>,
    /// Why it did not run.
    error: Option<String>,
}

impl Ran {
    fn failed(repo: &Repo, why: String) -> Self {
        Ran {
            error: Some(why),
            ..Ran::not_begun(repo)
        }
    }

    fn not_begun(repo: &Repo) -> Self {
        Ran {
            repo: repo.name.clone(),
            path: repo.path.clone(),
            status: None,
            stdout: Vec::new(),
            stderr: Vec::new(),
            error: None,
        }
    }
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

#[derive(Serialize)]
struct Printed<'a> {
    schema_version: u32,
    repos: &'a [Ran],
}

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let options = sync::Options {
        repos: args.repos.clone(),
        ..sync::Options::default()
    };
    let mut repos = sync::chosen(&opened, &options)?;
    repos.retain(|repo| !repo.skip);
    let mut repos: Vec<(Repo, RepoState, Result<Option<String>, GitError>)> = repos
        .into_par_iter()
        .map(|repo| {
            // A command is to find the clone whole.
            let recovered = local::recover(&opened.root, &repo);
            let state = local::observe(&opened.root, &repo);
            (repo, state, recovered)
        })
        .collect();
    for (repo, _, recovered) in &repos {
        if let Ok(Some(note)) = recovered {
            context.ui.say(format_args!("{}: {note}", repo.name));
        }
    }
    repos.retain(|(_, state, recovered)| recovered.is_err() || args.filter.includes(state));
    if repos.is_empty() && args.filter.is_set() {
        context.ui.say(args.filter.none_left());
    }
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let cores = resources::cores();
    let jobs = args.jobs.map_or(cores, NonZeroUsize::get);
    let grouped = Mutex::new(Grouped {
        done: vec![None; repos.len()],
        printed: 0,
    });
    let all = in_parallel(jobs, &repos, |index, (repo, state, recovered)| {
        let ran = match recovered {
            Ok(_) => in_repo(&opened.root, repo, &state.place, args),
            Err(error) => Ran::failed(repo, error.reason.clone()),
        };
        let mut grouped = grouped.lock().unwrap_or_else(PoisonError::into_inner);
        grouped.done[index] = Some(ran.clone());
        let printed = match args.format {
            Format::Text => grouped.print(context),
            Format::Json => Ok(()),
        };
        (ran, printed)
    })?;
    let (all, printed): (Vec<Ran>, Vec<std::io::Result<()>>) = all.into_iter().unzip();
    printed.into_iter().collect::<std::io::Result<()>>()?;
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

/// What is done, and how much of it is printed: each repo's output in one piece, in order.
struct Grouped {
    done: Vec<Option<Ran>>,
    printed: usize,
}

impl Grouped {
    fn print(&mut self, context: &Context) -> std::io::Result<()> {
        while let Some(Some(ran)) = self.done.get(self.printed) {
            self.printed += 1;
            let ui = &context.ui;
            ui.data(format_args!("{STRONG}{}{STRONG:#}", ran.repo))?;
            ui.output_of_command(&ran.stdout, &ran.stderr)?;
            match (&ran.error, ran.status) {
                (Some(error), _) => ui.say(format_args!("{}: {error}", ran.repo)),
                (None, Some(0)) => {}
                (None, Some(status)) => {
                    ui.say(format_args!("{}: exit status {status}", ran.repo));
                }
                (None, None) => ui.say(format_args!("{}: ended by a signal", ran.repo)),
            }
        }
        Ok(())
    }
}

fn in_repo(root: &Path, repo: &Repo, place: &Place, args: &Args) -> Ran {
    if interrupt::requested() {
        return Ran::failed(repo, "not started".to_owned());
    }
    let runs = match place {
        Place::Clone(_) => true,
        // Nobody has looked whether the filter holds there; what fitout can't read, git may.
        Place::OtherRemote(_) | Place::Unreadable(_) => !args.filter.is_set(),
        _ => false,
    };
    if !runs {
        let why = place.obstacle();
        let why = why.unwrap_or_else(|| "not cloned; run `fitout sync`".to_owned());
        return Ran::failed(repo, why);
    }
    let mut command;
    if let [line] = args.command.as_slice() {
        command = Command::new("sh");
        command.args(["-c", line]);
    } else {
        command = Command::new(&args.command[0]);
        command.args(&args.command[1..]);
    }
    command
        .current_dir(local::folder(root, repo))
        .env("FITOUT_REPO", &repo.name);
    match process::capture(&mut command, LIMIT) {
        Ok(output) => Ran {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
            ..Ran::not_begun(repo)
        },
        Err(error) => Ran::failed(repo, error.to_string()),
    }
}
