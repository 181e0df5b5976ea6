//! `fitout sync`: clones what is missing and moves the rest forward, all repos at once.
//!
//! [`preview`] says what would be done, [`worker`] does it, [`table`] prints what came of it.

mod preview;
mod table;
mod worker;

pub use table::print;

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use self::table::print_json;
use self::worker::Worker;
use super::{Context, Opened, lock, login};
use crate::commands::{Format, copies};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::cache::Cache;
use crate::git::network::{self, Known, Network};
use crate::git::{Gate, local, survey, url};
use crate::host::{interrupt, resources};
use crate::stack;
use crate::sync::report::summary;
use crate::sync::{Allowed, RepoReport};
use crate::ui::progress::Progress;
use crate::workspace::{Checkout, Repo, syntax};

/// Clone what is missing and update the rest, all repos at once
///
/// Nothing of yours is touched: a repo with local changes, commits of its own or another branch
/// checked out is fetched and left as it is, and the table says what to do. docs/sync.md has all rules.
///
/// Exit status 1 when a repo has failed, or was held back or refused.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub struct Args {
    /// Only these repos; all where none is named
    #[arg(value_name = "REPO")]
    repos: Vec<String>,
    /// Repos in flight at once
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,
    /// Clone everything from the servers; `fitout cache` shows what was kept of earlier clones
    #[arg(long)]
    no_cache: bool,
    /// Print what would be done; ask no server, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go back to the manifest's branch, where that loses nothing
    #[arg(long)]
    switch: bool,
    /// Bring every repo to exactly the commit in workspace.lock, where that loses nothing
    #[arg(long)]
    locked: bool,
    /// Change nothing and ask no server; exit with 1 when a repo is not at its locked commit
    #[arg(long, requires = "locked")]
    check: bool,
    /// Give a clone whose remote has another URL the manifest's
    #[arg(long)]
    set_url: bool,
    /// Print the result for people or for programs
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

/// What to sync, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Names of repos; all where empty.
    pub repos: Vec<String>,
    /// Repos in flight at once; the personal file's or fitout's own choice where not set.
    pub jobs: Option<usize>,
    /// Go to the commits of `workspace.lock` instead of what the manifest says.
    pub locked: bool,
    /// What may be done beyond updating what is checked out.
    pub allowed: Allowed,
    /// Take no objects from earlier clones of this machine, and keep none.
    pub no_cache: bool,
}

/// What came of it, in the order of the manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Synced {
    /// Grows when a field changes its meaning or goes away.
    pub schema_version: u32,
    /// Whether Ctrl-C came first.
    pub interrupted: bool,
    /// One a repo.
    pub repos: Vec<RepoReport>,
    /// Clones below the manifest's `repos_dir` that it does not name. They are never touched.
    pub not_in_manifest: Vec<Unnamed>,
}

/// A clone that the manifest does not name.
#[derive(Clone, Debug, Serialize)]
pub struct Unnamed {
    /// Relative to the workspace.
    pub path: String,
    /// Where it comes from, without a password.
    pub url: Option<String>,
}

impl Synced {
    /// Takes the place of what came of some of the repos before.
    fn replace(&mut self, later: Synced) {
        self.interrupted |= later.interrupted;
        for report in later.repos {
            if let Some(first) = self.repos.iter_mut().find(|it| it.name == report.name) {
                *first = report;
            }
        }
    }

    /// The exit status that says so.
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.repos.iter().all(|report| report.outcome.is_fine()) {
            Exit::Done
        } else {
            Exit::Findings
        }
    }
}

/// Version of the JSON output.
const SCHEMA_VERSION: u32 = 1;

/// Repos in flight at once: waiting for servers is cheap.
pub(crate) const DEFAULT_JOBS: usize = 32;

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let options = Options {
        repos: args.repos.clone(),
        jobs: args.jobs.map(NonZeroUsize::get),
        allowed: Allowed {
            // Whoever asks for exactly these commits wants to leave the branch.
            switch: args.switch || args.locked,
            set_url: args.set_url,
        },
        locked: args.locked,
        no_cache: args.no_cache,
    };
    if args.check {
        let synced = preview::checked(&opened, &options)?;
        match args.format {
            Format::Text => print(context, &synced)?,
            Format::Json => print_json(context, &synced)?,
        }
        return Ok(synced.exit());
    }
    if args.dry_run {
        return preview::dry_run(context, &opened, &options, args.format);
    }
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let mut synced = sync(context, &opened, &options)?;
    copies::record(context, &opened);
    match args.format {
        Format::Text => {
            print(context, &synced)?;
            if let Some(again) = other_urls(context, &synced, &options) {
                let moved = sync(context, &opened, &again)?;
                print(context, &moved)?;
                synced.replace(moved);
            }
        }
        Format::Json => print_json(context, &synced)?,
    }
    Ok(synced.exit())
}

/// Asks, where somebody can be asked, whether clones with another URL shall have the manifest's.
fn other_urls(context: &Context, synced: &Synced, options: &Options) -> Option<Options> {
    let other: Vec<&RepoReport> = synced
        .repos
        .iter()
        .filter(|report| report.has_other_url)
        .collect();
    if other.is_empty() || synced.interrupted {
        return None;
    }
    let names: Vec<String> = other.iter().map(|report| report.name.clone()).collect();
    if !context.ui.can_prompt() {
        context.ui.hint(format_args!(
            "to give what is there the manifest's URL: fitout sync --set-url {}",
            names.join(" ")
        ));
        return None;
    }
    let question = format!("Give {} the manifest's URL?", names.join(", "));
    (context.ui.confirm(&question) == Some(true)).then(|| Options {
        repos: names,
        allowed: Allowed {
            set_url: true,
            ..options.allowed
        },
        ..options.clone()
    })
}

/// Syncs with progress on stderr, and prints no result: see [`print`]. Listen for Ctrl-C first.
pub fn sync(context: &Context, opened: &Opened, options: &Options) -> Result<Synced, Failure> {
    let repos = chosen(opened, options)?;
    let root = opened.root.as_path();
    let _loans = network::Loans;
    network::remove_stale(root, &repos);
    let cores = resources::cores();
    let has_cache = !options.no_cache && !opened.personal.git.no_cache;
    let cache = has_cache.then(Cache::of_user).flatten();
    let network = network_of(opened, cache);
    let worker = Worker::new(context, network, options.allowed);
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
            let detail = format_args!("can't keep git from showing `{path}`: {error:#}");
            context.ui.detail(detail);
        }
    }
    if let Err(error) = worker.sizes().save() {
        let detail = format_args!("can't keep the sizes of clones: {error:#}");
        context.ui.detail(detail);
    }
    let synced = Synced {
        schema_version: SCHEMA_VERSION,
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

/// The way to the remotes of a workspace.
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

/// Clones that the manifest does not name.
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
                // A submodule of the workspace, or somebody's second work tree.
                survey::Kind::Linked => return None,
            };
            Some(Unnamed {
                path: syntax::join(repos_dir, &found.path),
                url,
            })
        })
        .collect()
}

/// The repos that the user named, or all, with absolute URLs.
pub(crate) fn chosen(opened: &Opened, options: &Options) -> Result<Vec<Repo>, Failure> {
    let mut repos = opened.personal.repos(&opened.workspace);
    for name in &options.repos {
        if !repos.iter().any(|repo| repo.name == *name) {
            let known: Vec<&str> = repos.iter().map(|repo| repo.name.as_str()).collect();
            return Err(
                Failure::usage(anyhow::anyhow!("no repo is called `{name}`"))
                    .hint(format_args!("the manifest has {}", known.join(", "))),
            );
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

/// Has every repo at its commit of the lock file.
fn lock_to_commits(opened: &Opened, repos: &mut [Repo]) -> Result<(), Failure> {
    let Some(lock) = lock::read(opened)? else {
        let error = anyhow::anyhow!("there is no `{}`", crate::manifest::lock::FILE);
        return Err(Failure::usage(error).hint("to write it from what is checked out: fitout lock"));
    };
    for repo in repos.iter_mut().filter(|repo| !repo.skip) {
        let Some(commit) = lock.repos.get(&repo.name) else {
            let file = crate::manifest::lock::FILE;
            let error = anyhow::anyhow!("`{file}` has no commit for `{}`", repo.name);
            return Err(Failure::usage(error).hint("to write it anew: fitout sync && fitout lock"));
        };
        repo.checkout = Checkout::Rev(commit.clone());
    }
    Ok(())
}

/// Works on all items, so many at once, started in their order; results come in their order too.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    at_once: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> R + Sync,
) -> Result<Vec<R>, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(at_once.min(items.len()).max(1))
        .build()
        .context("can't start threads")?;
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let work = &work;
    pool.in_place_scope_fifo(|scope| {
        for (index, (item, result)) in items.iter().zip(&results).enumerate() {
            scope.spawn_fifo(move |_| {
                let done = work(index, item);
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            });
        }
    });
    Ok(results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}
