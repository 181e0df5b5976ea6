//! `fitout lock`: writes down the commit of every repo, for `fitout sync --locked`.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use indexmap::IndexMap;

use super::{Context, Opened, login, sync};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::local::{self, Held};
use crate::git::network::{Known, Loans, Network};
use crate::git::{GitError, Meter};
use crate::host::files::{self, Mode};
use crate::host::{here, interrupt};
use crate::manifest::lock::{self, Lock};
use crate::plural::count;
use crate::sync::{CloneState, HALF_MOVED, Place, short, unfollowed};
use crate::workspace::Repo;

/// Write the commit of every repo into workspace.lock
///
/// Commit that file: `fitout sync --locked` then brings the whole workspace to exactly these commits,
/// on every machine. Each remote is asked: a commit that none of its branches and tags leads to is
/// refused, since nobody else could get it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing and ask no server; exit with 1 when the file does not say what is checked out
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let old = read(&opened)?;
    let found = commits(context, &opened, old.as_ref())?;
    if !args.check {
        ask_remotes(context, &opened, &found.checked_out)?;
    }
    let new = Lock::new(found.commits);
    if old.as_ref() == Some(&new) {
        context.ui.say(format_args!("{} is up to date", lock::FILE));
        return Ok(Exit::Done);
    }
    if args.check {
        for (repo, commit) in &new.repos {
            let locked = old.as_ref().and_then(|old| old.repos.get(repo));
            if locked != Some(commit) {
                let locked = locked.map_or("nothing", |locked| short(locked));
                context.ui.data(format_args!(
                    "{repo}: at {}, locked at {locked}",
                    short(commit)
                ))?;
            }
        }
        let file = lock::FILE;
        context.ui.say(format_args!("{file} is not up to date"));
        context.ui.hint("fitout lock");
        return Ok(Exit::Findings);
    }
    files::write_within(&opened.root, lock::FILE, &new.render()?, Mode::Shared)?;
    let repos = count(new.repos.len(), "repo");
    context
        .ui
        .say(format_args!("wrote {}: {repos}", lock::FILE));
    Ok(Exit::Done)
}

/// The lock file, if there is one.
pub fn read(opened: &Opened) -> Result<Option<Lock>, Failure> {
    let Some(text) = files::read(&opened.root.join(lock::FILE)).map_err(Failure::usage)? else {
        return Ok(None);
    };
    Lock::parse(&text).map(Some).map_err(|error| {
        Failure::usage(anyhow!(error).context(format!("can't read `{}`", lock::FILE)))
            .hint("to write it anew from what is checked out, remove it and run `fitout lock`")
    })
}

/// What is to be locked.
struct Found {
    /// By the names of repos.
    commits: IndexMap<String, String>,
    /// Those that are here.
    checked_out: Vec<CheckedOut>,
}

struct CheckedOut {
    repo: Repo,
    clone: Box<CloneState>,
    commit: String,
}

/// A repo that this person leaves out keeps its commit; every other one has to be there.
fn commits(context: &Context, opened: &Opened, old: Option<&Lock>) -> Result<Found, Failure> {
    let mut found = Found {
        commits: IndexMap::new(),
        checked_out: Vec::new(),
    };
    for repo in opened.personal.repos(&opened.workspace) {
        let name = repo.name.clone();
        if repo.skip {
            if let Some(commit) = old.and_then(|old| old.repos.get(&name)) {
                found.commits.insert(name, commit.clone());
            }
            continue;
        }
        let state = local::observe(&opened.root, &repo);
        let clone = match state.place {
            Place::Clone(clone) => clone,
            other => {
                let why = other
                    .obstacle()
                    .unwrap_or_else(|| "it is not cloned".to_owned());
                return Err(Failure::failed(anyhow!("can't lock `{name}`: {why}"))
                    .hint(format_args!("fitout sync {name}")));
            }
        };
        if clone.half_moved {
            return Err(
                Failure::failed(anyhow!("can't lock `{name}`: {HALF_MOVED}"))
                    .hint(format_args!("fitout sync {name}")),
            );
        }
        let commit = local::head_commit(&clone)
            .map_err(|error| anyhow!(error).context(format!("can't lock `{name}`")))?;
        if clone.changes.tracked() > 0 {
            let changes = count(clone.changes.tracked(), "local change");
            context.ui.warn(format_args!(
                "{name} has {changes}, which a lock does not hold"
            ));
        }
        found.commits.insert(name, commit.clone());
        found.checked_out.push(CheckedOut {
            repo,
            clone,
            commit,
        });
    }
    Ok(found)
}

/// Makes sure that everybody can get the commits: refs that are here may be of another remote, or of a
/// branch that is gone.
fn ask_remotes(
    context: &Context,
    opened: &Opened,
    checked_out: &[CheckedOut],
) -> Result<(), Failure> {
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let _loans = Loans;
    let network = sync::network_of(opened, None);
    let repos: Vec<Repo> = checked_out.iter().map(|it| it.repo.clone()).collect();
    login::ask(context, network.backend, Known::Nothing, &repos);
    let jobs = opened.personal.git.jobs.unwrap_or(sync::DEFAULT_JOBS);
    let asked = sync::in_parallel(jobs, checked_out, |_, it| is_held(&network, it))?;
    for (it, held) in checked_out.iter().zip(asked) {
        let name = &it.repo.name;
        let path = here::typed(&local::folder(&opened.root, &it.repo));
        let refused = |why: String, command: Option<String>| {
            let failure = Failure::failed(anyhow!("can't lock `{name}`: {why}"));
            Err(match command {
                Some(command) => failure.hint(command),
                None => failure,
            })
        };
        match held {
            Ok(Held::Yes) => {}
            Ok(Held::No) => {
                return refused(
                    format!("{} is not on `{}`", short(&it.commit), it.clone.remote),
                    Some(format!("git -C {path} push {} HEAD", it.clone.remote)),
                );
            }
            // A fetch has brought nothing of it.
            Ok(Held::Unknown) => {
                let note = unfollowed(&it.clone.remote);
                let command = note.command.unwrap_or_default();
                return refused(note.why, Some(format!("git -C {path} {command}")));
            }
            Err(error) => return refused(error.reason, error.command),
        }
    }
    Ok(())
}

fn is_held(network: &Network<'_>, it: &CheckedOut) -> Result<Held, GitError> {
    let meter = Arc::new(Meter::default());
    let tips = network.tips(&it.repo, &it.clone, &meter)?;
    let ask = || local::is_held(network.root, &it.repo, &it.commit, &tips);
    match ask()? {
        Held::Unknown => {
            network.fetch(&it.repo, &it.clone, &meter)?;
            ask()
        }
        known => Ok(known),
    }
}
