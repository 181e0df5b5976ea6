//! Clones missing repos and updates the rest, in parallel.
//!
//! [`preview`] computes what would be done, [`worker`] does it.

pub(crate) mod preview;
mod worker;

use std::time::Instant;

use self::worker::Worker;
use super::{Context, Opened, login};
use crate::error::Failure;
use crate::git::cache::Cache;
use crate::git::network::{self, Known, Network};
use crate::git::{Gate, local, survey, url};
use crate::host::{interrupt, resources};
use crate::stack;
use crate::sync::report::summary;
use crate::sync::{Allowed, Synced, Unnamed};
use crate::ui::progress::Progress;
use crate::workspace::{Checkout, Repo, syntax};

/// What to sync, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Names of repos; empty for all.
    pub repos: Vec<String>,
    /// Number of repos to process in parallel; defaults to the personal file's or fitout's own
    /// value.
    pub jobs: Option<usize>,
    /// Check out the commits in `workspace.lock` instead of the manifest's branches and tags.
    pub locked: bool,
    /// Allowed actions beyond updating the current branch.
    pub allowed: Allowed,
    /// Don't use the clone cache.
    pub no_cache: bool,
}

/// Number of repos to process in parallel: waiting for servers is cheap.
pub(crate) const DEFAULT_JOBS: usize = 32;

/// Syncs with progress on stderr. The caller must listen for Ctrl-C first.
pub(crate) fn sync(
    context: &Context,
    opened: &Opened,
    options: &Options,
) -> Result<Synced, Failure> {
    let repos = chosen(opened, options)?;
    let root = opened.root.as_path();
    let _loans = network::Loans;
    network::remove_stale(root, &repos);
    let cores = resources::cores();
    let has_cache = !options.no_cache && !opened.personal.git.no_cache;
    let cache = has_cache.then(Cache::of_user).flatten();
    let network = network_of(opened, cache);
    let worker = Worker::new(context.ui, network, options.allowed);
    let jobs = options
        .jobs
        .or(opened.personal.git.jobs)
        .unwrap_or(DEFAULT_JOBS);
    let started = Instant::now();
    let closed = login::ask(context, opened.personal.git.backend, Known::Nothing, &repos);
    let mut progress = Progress::new(context.ui, repos.len());
    let reports = worker.all(&mut progress, jobs, cores, &repos);
    progress.clear();
    let mut reports = reports?;
    let again = worker.refused(&repos, &closed);
    if !again.is_empty() && context.ui.can_prompt() {
        login::ask(context, opened.personal.git.backend, Known::Refusal, &again);
        let mut progress = Progress::new(context.ui, again.len());
        let second = worker.all(&mut progress, jobs, cores, &again);
        progress.clear();
        for report in second? {
            if let Some(first) = reports.iter_mut().find(|first| first.name == report.name) {
                *first = report;
            }
        }
    }
    for repo in repos.iter().filter(|repo| !repo.skip) {
        if let Err(error) = local::exclude(root, repo) {
            let path = repo.local_path.as_deref().unwrap_or_default();
            let detail = format_args!("can't hide `{path}` from git: {error:#}");
            context.ui.detail(detail);
        }
    }
    if let Err(error) = worker.sizes().save() {
        let detail = format_args!("can't store the sizes of clones: {error:#}");
        context.ui.detail(detail);
    }
    let synced = Synced {
        schema_version: Synced::SCHEMA_VERSION,
        interrupted: interrupt::requested(),
        repos: reports,
        not_in_manifest: if options.repos.is_empty() {
            unnamed(opened)
        } else {
            Vec::new()
        },
    };
    if !synced.repos.is_empty() {
        context.ui.say(format_args!(
            "{} in {:.1} s",
            summary(&synced.repos),
            started.elapsed().as_secs_f64()
        ));
    }
    Ok(synced)
}

/// Returns the network for the remotes of a workspace.
pub(crate) fn network_of(opened: &Opened, cache: Option<Cache>) -> Network<'_> {
    Network {
        root: &opened.root,
        backend: opened.personal.git.backend,
        gate: Gate::new(resources::cores()),
        interrupt: interrupt::flag(),
        cache,
        staging: network::Staging::default(),
        hosts: network::Hosts::default(),
        way_out: network::WayOut::default(),
    }
}

/// Returns clones that are not in the manifest.
pub(crate) fn unnamed(opened: &Opened) -> Vec<Unnamed> {
    let repos = opened.personal.repos(&opened.workspace);
    let repos_dir = &opened.workspace.repos_dir;
    let named = |path: &str| {
        let path = syntax::join(repos_dir, path);
        repos
            .iter()
            .any(|repo| repo.path == path || repo.local_path.as_ref() == Some(&path))
            || stack::is_ignored(&path)
    };
    survey::repositories(&opened.root.join(repos_dir), named)
        .into_iter()
        .filter_map(|found| {
            let url = match found.kind {
                survey::Kind::Clone { url, .. } => Some(url::without_password(&url)),
                survey::Kind::NoRemote | survey::Kind::Broken(_) => None,
                // A submodule of the workspace, or a linked work tree.
                survey::Kind::Linked => return None,
            };
            Some(Unnamed {
                path: syntax::join(repos_dir, &found.path),
                url,
            })
        })
        .collect()
}

/// Returns the given repos, or all, with absolute URLs.
pub(crate) fn chosen(opened: &Opened, options: &Options) -> Result<Vec<Repo>, Failure> {
    let mut repos = opened.personal.repos(&opened.workspace);
    for name in &options.repos {
        if !repos.iter().any(|repo| repo.name == *name) {
            let known: Vec<&str> = repos.iter().map(|repo| repo.name.as_str()).collect();
            return Err(Failure::usage(anyhow::anyhow!("there is no repo `{name}`"))
                .hint(format_args!("the manifest has {}", known.join(", "))));
        }
    }
    if !options.repos.is_empty() {
        repos.retain(|repo| options.repos.contains(&repo.name));
    }
    if options.locked {
        lock_to_commits(opened, &mut repos)?;
    }
    for repo in &mut repos {
        repo.url = url::resolve(&opened.root, &repo.url);
    }
    Ok(repos)
}

/// Pins every repo to its commit in the lock file.
fn lock_to_commits(opened: &Opened, repos: &mut [Repo]) -> Result<(), Failure> {
    let Some(lock) = opened.lock()? else {
        let error = anyhow::anyhow!("there is no `{}`", crate::manifest::lock::FILE);
        return Err(Failure::usage(error).hint("to write it from the current commits: fitout lock"));
    };
    for repo in repos.iter_mut().filter(|repo| !repo.skip) {
        let Some(commit) = lock.repos.get(&repo.name) else {
            let file = crate::manifest::lock::FILE;
            let error = anyhow::anyhow!("`{file}` has no commit for `{}`", repo.name);
            return Err(Failure::usage(error).hint("to write it again: fitout sync && fitout lock"));
        };
        repo.checkout = Checkout::Rev(commit.clone());
    }
    Ok(())
}
