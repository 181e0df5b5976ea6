//! A command, run in every repo, several at once.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::parallel::in_parallel;
use super::{Context, Opened, sync};
use crate::error::{Failure, ResultExt as _};
use crate::git::{GitError, local};
use crate::host::{interrupt, process, resources};
use crate::sync::{Place, RepoState};
use crate::workspace::Repo;

/// What to run, and where.
pub(crate) struct Request<'r> {
    /// One argument is for `sh -c`, several are a program and its arguments.
    pub command: &'r [String],
    /// Names of repos; empty for all.
    pub repos: &'r [String],
    /// Which clones it is about; all where not set.
    pub filter: Option<&'r (dyn Fn(&RepoState) -> bool + Sync)>,
    /// Number of repos to process in parallel; defaults to the number of cores.
    pub jobs: Option<usize>,
}

/// Runs the command in each repo, and hands on what came of it in the order of the manifest, as soon as
/// it is known.
pub(crate) fn run(
    context: &Context,
    opened: &Opened,
    request: &Request<'_>,
    done: impl Fn(&Ran) -> std::io::Result<()> + Sync,
) -> Result<Vec<Ran>, Failure> {
    let options = sync::Options {
        repos: request.repos.to_vec(),
        ..sync::Options::default()
    };
    let mut repos = sync::chosen(opened, &options)?;
    repos.retain(|repo| !repo.skip);
    let mut repos: Vec<(Repo, RepoState, Result<Option<String>, GitError>)> = repos
        .into_par_iter()
        .map(|repo| {
            // The command must not see a half updated clone.
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
    if let Some(filter) = request.filter {
        repos.retain(|(_, state, recovered)| recovered.is_err() || filter(state));
    }
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let jobs = request.jobs.unwrap_or_else(resources::cores);
    let grouped = Mutex::new(Grouped {
        done: vec![None; repos.len()],
        handed_on: 0,
    });
    let all = in_parallel(jobs, &repos, |index, (repo, state, recovered)| {
        let ran = match recovered {
            Ok(_) => in_repo(&opened.root, repo, &state.place, request),
            Err(error) => Ran::failed(repo, error.reason.clone()),
        };
        let mut grouped = grouped.lock().unwrap_or_else(PoisonError::into_inner);
        grouped.done[index] = Some(ran.clone());
        (ran, grouped.hand_on(&done))
    })?;
    let (all, handed_on): (Vec<Ran>, Vec<std::io::Result<()>>) = all.into_iter().unzip();
    handed_on.into_iter().collect::<std::io::Result<()>>()?;
    Ok(all)
}

/// What is done, and how much of it is handed on: repo by repo, in order.
struct Grouped {
    done: Vec<Option<Ran>>,
    handed_on: usize,
}

impl Grouped {
    fn hand_on(&mut self, done: impl Fn(&Ran) -> std::io::Result<()>) -> std::io::Result<()> {
        while let Some(Some(ran)) = self.done.get(self.handed_on) {
            self.handed_on += 1;
            done(ran)?;
        }
        Ok(())
    }
}

/// Longer than any command that a user would wait for.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What came of it in one repo.
#[derive(Clone, Serialize)]
pub(crate) struct Ran {
    pub repo: String,
    path: String,
    /// The command's exit status; none if it did not run, or was killed by a signal.
    pub status: Option<i32>,
    #[serde(serialize_with = "as_text")]
    pub stdout: Vec<u8>,
    #[serde(serialize_with = "as_text")]
    pub stderr: Vec<u8>,
    /// Why it did not run.
    pub error: Option<String>,
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

fn in_repo(root: &Path, repo: &Repo, place: &Place, request: &Request) -> Ran {
    if interrupt::requested() {
        return Ran::failed(repo, "not started".to_owned());
    }
    let runs = match place {
        Place::Clone(_) => true,
        // The filter was not evaluated there; git may be able to read what fitout can't.
        Place::OtherRemote(_) | Place::Unreadable(_) => request.filter.is_none(),
        _ => false,
    };
    if !runs {
        let why = place.obstacle();
        let why = why.unwrap_or_else(|| "not cloned: run `fitout sync`".to_owned());
        return Ran::failed(repo, why);
    }
    let mut command;
    if let [line] = request.command {
        command = Command::new("sh");
        command.args(["-c", line]);
    } else {
        command = Command::new(&request.command[0]);
        command.args(&request.command[1..]);
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
