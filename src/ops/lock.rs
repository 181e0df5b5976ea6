//! Determines the commit of every repo, and checks that everyone can fetch it.

use std::sync::Arc;

use anyhow::anyhow;
use indexmap::IndexMap;

use super::parallel::in_parallel;
use super::{Context, Opened, login, sync};
use crate::error::{Failure, ResultExt as _};
use crate::git::local::{self, Held};
use crate::git::network::{Known, Loans, Network};
use crate::git::{GitError, Meter};
use crate::host::{here, interrupt};
use crate::manifest::lock::Lock;
use crate::plural::count;
use crate::sync::{CloneState, HALF_MOVED, Place, short, unfollowed};
use crate::workspace::Repo;

/// The commits to lock.
pub(crate) struct Found {
    /// Commits by repo name.
    pub commits: IndexMap<String, String>,
    /// The existing clones.
    pub checked_out: Vec<CheckedOut>,
}

pub(crate) struct CheckedOut {
    repo: Repo,
    clone: Box<CloneState>,
    commit: String,
}

/// A repo that the user skips keeps its locked commit; all others have to be cloned.
pub(crate) fn commits(
    context: &Context,
    opened: &Opened,
    old: Option<&Lock>,
) -> Result<Found, Failure> {
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
        let commit = local::head_commit(&clone).with_context(|| format!("can't lock `{name}`"))?;
        if clone.changes.tracked() > 0 {
            let changes = count(clone.changes.tracked(), "local change");
            context.ui.warn(format_args!(
                "{name} has {changes}, which are not part of the lock"
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

/// Checks that everyone can fetch the commits: local refs may be from another remote, or from a
/// branch that was deleted.
pub(crate) fn ask_remotes(
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
    let asked = in_parallel(jobs, checked_out, |_, it| is_held(&network, it))?;
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
            // Not even a fetch has found it.
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
