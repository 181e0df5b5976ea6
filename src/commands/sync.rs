//! `fitout sync`: clones what is missing and moves the rest forward, all repos at once.

use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::{Context, Format, Opened, copies, lock, login};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::cache::Cache;
use crate::git::local::submodules::{self, Adrift};
use crate::git::network::{self, Known, Network};
use crate::git::sizes::Sizes;
use crate::git::{Cause, Gate, GitError, Meter, Phase, local, survey, url};
use crate::host::interrupt;
use crate::plural::count;
use crate::stack;
use crate::sync::report::summary;
use crate::sync::{
    Action, Allowed, CloneState, Head, Link, Outcome, Place, RepoReport, RepoState, Step, Target,
    after_fetch, first_step,
};
use crate::ui::progress::{Progress, TaskLine};
use crate::ui::style;
use crate::ui::table::{Cell, Table};
use crate::workspace::{Checkout, Repo, syntax};

/// Clone what is missing and update the rest, all repos at once
///
/// Nothing of yours is touched: a repo with local changes, commits of its own or another branch
/// checked out is fetched and left as it is, and the table says what to do.
#[derive(Debug, Default, clap::Args)]
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
const DEFAULT_JOBS: usize = 32;

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
        let synced = checked(&opened, &options)?;
        match args.format {
            Format::Text => print(context, &synced)?,
            Format::Json => print_json(context, &synced)?,
        }
        return Ok(synced.exit());
    }
    if args.dry_run {
        return dry_run(context, &opened, &options, args.format);
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

/// Where each repo is, compared with the lock, as of what is on disk.
fn checked(opened: &Opened, options: &Options) -> Result<Synced, Failure> {
    let repos = chosen(opened, options)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let reports = in_parallel(cores, &repos, |_, repo| {
        if repo.skip {
            return RepoReport::new(repo, Outcome::Skipped);
        }
        let place = local::observe(&opened.root, repo).place;
        let (outcome, note) = match &place {
            Place::Clone(clone) => match (&clone.target, clone.changes.tracked()) {
                (Target::Pin { reached: true, .. }, 0) => (Outcome::UpToDate, None),
                (Target::Pin { reached: true, .. }, changes) => {
                    (Outcome::HeldBack, Some(count(changes, "local change")))
                }
                _ => (Outcome::HeldBack, Some("at another commit".to_owned())),
            },
            Place::Missing => (Outcome::Failed, Some("not cloned".to_owned())),
            other => (Outcome::Refused, other.obstacle()),
        };
        RepoReport::new(repo, outcome).told(note)
    })?;
    Ok(Synced {
        schema_version: SCHEMA_VERSION,
        interrupted: false,
        repos: reports,
        not_in_manifest: Vec::new(),
    })
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

/// Clones that the manifest does not name.
pub(super) fn unnamed(opened: &Opened) -> Vec<Unnamed> {
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

/// Syncs with progress on stderr, and prints no result: see [`print`]. Listen for Ctrl-C first.
pub fn sync(context: &Context, opened: &Opened, options: &Options) -> Result<Synced, Failure> {
    let repos = chosen(opened, options)?;
    let root = opened.root.as_path();
    network::remove_stale(root, &repos);
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let network = Network {
        root,
        backend: opened.personal.git.backend,
        gate: Gate::new(cores),
        // A few repos may use the cores that many would share.
        threads: (cores / repos.len().clamp(1, cores)).max(1),
        interrupt: interrupt::flag(),
        cache: (!options.no_cache && !opened.personal.git.no_cache)
            .then(Cache::of_user)
            .flatten(),
        staging: network::Staging::default(),
        hosts: network::Hosts::default(),
        way_out: network::WayOut::default(),
    };
    let worker = Worker {
        context,
        network,
        allowed: options.allowed,
        running: Mutex::new(Vec::new()),
        refused: Mutex::default(),
        sizes: Mutex::new(Sizes::of_user()),
        done: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
    };
    let jobs = options
        .jobs
        .or(opened.personal.git.jobs)
        .unwrap_or(DEFAULT_JOBS);
    let closed = login::ask(context, worker.network.backend, Known::Nothing, &repos);
    let mut progress = Progress::new(context.ui, repos.len());
    let reports = worker.all(&mut progress, jobs, cores, &repos);
    progress.clear();
    let mut reports = reports?;
    let again = worker.refused(&repos, &closed);
    if !again.is_empty() && context.ui.can_prompt() {
        login::ask(context, worker.network.backend, Known::Refusal, &again);
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
            progress.elapsed().as_secs_f64()
        ));
    }
    Ok(synced)
}

/// Prints the table, and the commands that settle what was not done.
pub fn print(context: &Context, synced: &Synced) -> Result<(), Failure> {
    for unnamed in &synced.not_in_manifest {
        let from = match &unnamed.url {
            Some(url) => format!("a clone of {url}"),
            None => "a git repository".to_owned(),
        };
        context.ui.say(format_args!(
            "`{}`, {from}, is not in the manifest: left as it is",
            unnamed.path
        ));
    }
    if synced.repos.is_empty() {
        context.ui.say("the manifest names no repos");
        return Ok(());
    }
    let mut table = Table::with_heading(&["repo", "at", "result", "note"]);
    for report in &synced.repos {
        table.push(vec![
            Cell::styled(report.name.clone(), style::STRONG),
            shown_reference(report).into(),
            Cell::styled(report.outcome.word(), look(report.outcome)),
            report.note.clone().unwrap_or_default().into(),
        ]);
    }
    context.ui.data(table).map_err(Failure::failed)?;
    for (names, command) in hints(&synced.repos) {
        context.ui.hint(format_args!("{names}: {command}"));
    }
    for report in &synced.repos {
        if let Some(detail) = &report.detail {
            context.ui.detail(format_args!("{}: {detail}", report.name));
        }
    }
    Ok(())
}

/// Names of repos in one hint.
const NAMED: usize = 3;

/// Each command once, with the names of the repos that it is for.
fn hints(reports: &[RepoReport]) -> Vec<(String, &str)> {
    let mut hints: Vec<(Vec<&str>, &str)> = Vec::new();
    for report in reports {
        let Some(command) = &report.command else {
            continue;
        };
        match hints.iter_mut().find(|(_, known)| known == command) {
            Some((names, _)) => names.push(&report.name),
            None => hints.push((vec![&report.name], command)),
        }
    }
    let named = |names: Vec<&str>| match names.len() - names.len().min(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..NAMED].join(", ")),
    };
    hints
        .into_iter()
        .map(|(names, command)| (named(names), command))
        .collect()
}

fn print_json(context: &Context, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).context("can't write the result as JSON")?;
    context.ui.data(text).map_err(Failure::failed)
}

/// A whole commit id would push everything else off the screen.
fn shown_reference(report: &RepoReport) -> String {
    let reference = report.reference.clone().unwrap_or_default();
    let is_commit = reference.len() == 40 && reference.bytes().all(|it| it.is_ascii_hexdigit());
    if is_commit {
        return reference[..9].to_owned();
    }
    reference
}

fn look(outcome: Outcome) -> anstyle::Style {
    match outcome {
        Outcome::Cloned | Outcome::Updated => style::PASS,
        Outcome::UpToDate | Outcome::Skipped => style::DIM,
        Outcome::Left | Outcome::HeldBack | Outcome::Interrupted => style::WARN,
        Outcome::Refused | Outcome::Failed => style::FAIL,
    }
}

/// The repos that the user named, or all, with absolute URLs.
pub(super) fn chosen(opened: &Opened, options: &Options) -> Result<Vec<Repo>, Failure> {
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

/// One row of the plan.
#[derive(Serialize)]
struct Planned {
    name: String,
    path: String,
    step: &'static str,
    note: Option<String>,
}

#[derive(Serialize)]
struct Plan {
    schema_version: u32,
    dry_run: bool,
    repos: Vec<Planned>,
}

fn dry_run(context: &Context, opened: &Opened, options: &Options, format: Format) -> CommandResult {
    let repos = chosen(opened, options)?;
    let root = opened.root.as_path();
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let planned = in_parallel(cores, &repos, |_, repo| {
        let state = local::observe(root, repo);
        let (step, note) = match first_step(repo, &state, options.allowed) {
            Step::Skip => ("skip", None),
            Step::Clone => (
                "clone",
                Some(format!("from {}", url::without_password(&repo.url))),
            ),
            Step::SetUrl(_) => (
                "set url",
                Some(format!(
                    "to {}, then fetch",
                    url::without_password(&repo.url)
                )),
            ),
            Step::Refuse(note) => ("refuse", Some(note.why)),
            Step::Fetch => ("fetch", Some(expected(&state, options.allowed))),
        };
        Planned {
            name: repo.name.clone(),
            path: repo.path.clone(),
            step,
            note,
        }
    })?;
    if format == Format::Json {
        print_json(
            context,
            &Plan {
                schema_version: SCHEMA_VERSION,
                dry_run: true,
                repos: planned,
            },
        )?;
        return Ok(Exit::Done);
    }
    let mut table = Table::with_heading(&["repo", "would", "note"]);
    for row in planned {
        table.push(vec![
            Cell::styled(row.name, style::STRONG),
            row.step.into(),
            row.note.unwrap_or_default().into(),
        ]);
    }
    context.ui.data(table).map_err(Failure::failed)?;
    Ok(Exit::Done)
}

/// What a fetch would be followed by, as far as can be said without it.
fn expected(state: &RepoState, allowed: Allowed) -> String {
    let Place::Clone(clone) = &state.place else {
        return String::new();
    };
    match after_fetch(clone, allowed) {
        Action::Switch => {
            let wanted = clone.target.branch().unwrap_or_default();
            format!("then switch to `{wanted}`")
        }
        Action::Keep(_) if clone.changes.tracked() == 0 => {
            "then update, if it is behind".to_owned()
        }
        Action::Keep(_) => "then hold back, if it is behind: local changes".to_owned(),
        Action::FastForward(behind) => format!("then update: {behind} behind"),
        Action::Detach => "then check out the pinned commit".to_owned(),
        Action::Leave(note) => format!("then leave: {}", note.why),
        Action::HoldBack(note) => format!("then hold back: {}", note.why),
        Action::Fail(_) => "then see".to_owned(),
    }
}

struct Running {
    name: String,
    meter: Arc<Meter>,
}

/// What the network half leaves.
enum Fetched {
    /// Nothing more to do.
    Settled(RepoReport),
    /// The clone as it was before the fetch.
    Clone(Box<CloneState>),
}

/// What the workers share.
struct Worker<'a> {
    context: &'a Context,
    network: Network<'a>,
    allowed: Allowed,
    running: Mutex<Vec<Running>>,
    /// Repos that a question to the user may open.
    refused: Mutex<Vec<String>>,
    /// Of clones, for the order in which to begin.
    sizes: Mutex<Sizes>,
    done: AtomicUsize,
    bytes: AtomicUsize,
}

impl Worker<'_> {
    /// First everything that needs a server, many at once; then what changes work trees, as many
    /// at once as there are cores.
    fn all(
        &self,
        progress: &mut Progress,
        jobs: usize,
        cores: usize,
        repos: &[Repo],
    ) -> Result<Vec<RepoReport>, Failure> {
        let draws = progress.is_drawn();
        let say = |report: &RepoReport| {
            self.done.fetch_add(1, Ordering::Relaxed);
            if !draws {
                self.context.ui.say(line(report));
            }
        };
        std::thread::scope(|scope| {
            let (stop, stopped) = mpsc::channel::<()>();
            scope.spawn(move || {
                let tick = Duration::from_millis(80);
                while stopped.recv_timeout(tick) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if interrupt::requested() {
                        network::hang_up();
                    }
                    if draws {
                        self.draw(progress);
                    }
                }
            });
            let urls = repos.iter().map(|repo| repo.url.as_str());
            let order = self.sizes().biggest_first(urls);
            let mut fetched = in_parallel(jobs, &order, |_, &index| {
                let repo = &repos[index];
                let fetched = guarded(repo, || self.network_half(repo));
                if let Fetched::Settled(report) = &fetched {
                    say(report);
                }
                (index, fetched)
            })?;
            fetched.sort_by_key(|(index, _)| *index);
            let reports = in_parallel(cores, repos, |index, repo| match &fetched[index].1 {
                Fetched::Settled(report) => report.clone(),
                Fetched::Clone(clone) => {
                    let local = || Fetched::Settled(self.local_half(repo, clone));
                    let Fetched::Settled(report) = guarded(repo, local) else {
                        unreachable!("the local half settles a repo")
                    };
                    say(&report);
                    report
                }
            });
            drop(stop);
            reports
        })
    }

    fn network_half(&self, repo: &Repo) -> Fetched {
        let report = |outcome| RepoReport::new(repo, outcome);
        if interrupt::requested() {
            return Fetched::Settled(report(Outcome::Interrupted));
        }
        let root = self.network.root;
        let mut state = local::observe(root, repo);
        let mut step = first_step(repo, &state, self.allowed);
        if let Step::SetUrl(remote) = &step {
            if let Err(error) = local::set_url(root, repo, remote.as_deref()) {
                return Fetched::Settled(failed(repo, error));
            }
            state = local::observe(root, repo);
            step = first_step(repo, &state, Allowed::default());
        }
        if matches!((&step, &state.link), (Step::Fetch, Link::Missing))
            && let Err(error) = local::link(root, repo)
        {
            return Fetched::Settled(failed(repo, error));
        }
        let settled = match (step, state.place) {
            (Step::Skip, _) => report(Outcome::Skipped),
            (Step::Refuse(note), place) => RepoReport {
                has_other_url: matches!(place, Place::OtherRemote(_)),
                ..report(Outcome::Refused).noted(note, &self.shown_path(repo))
            },
            (Step::Fetch, Place::Clone(clone)) => {
                let fetched =
                    self.metered(repo, |meter| self.network.fetch(repo, &clone.remote, meter));
                match fetched {
                    Ok(()) => return Fetched::Clone(clone),
                    Err(error) => failed(repo, error),
                }
            }
            (Step::Clone | Step::Fetch | Step::SetUrl(_), _) => {
                let cloned =
                    self.metered(repo, |meter| self.network.clone(repo, &state.link, meter));
                match cloned {
                    Ok(cloned) => {
                        self.sizes().learn(&repo.url, cloned.bytes);
                        report(Outcome::Cloned).on(cloned.branch).told(cloned.note)
                    }
                    Err(error) => failed(repo, error),
                }
            }
        };
        Fetched::Settled(settled)
    }

    fn local_half(&self, repo: &Repo, before: &CloneState) -> RepoReport {
        if interrupt::requested() {
            return RepoReport::new(repo, Outcome::Interrupted);
        }
        let mut report = self.settled(repo, before, self.allowed);
        if repo.submodules {
            report = self.with_submodules(repo, report);
        }
        let may_have_pointers = match report.outcome {
            Outcome::Updated => true,
            Outcome::UpToDate => before.has_filters,
            _ => false,
        };
        if !may_have_pointers {
            return report;
        }
        let folder = local::folder(self.network.root, repo);
        report.also(local::lfs_note(&folder, &self.shown_path(repo)))
    }

    fn with_submodules(&self, repo: &Repo, report: RepoReport) -> RepoReport {
        match report.outcome {
            Outcome::Updated => self.update_submodules(repo, report),
            Outcome::UpToDate => {
                // The others are where the user left them.
                let lacking = submodules::lacking_files(self.network.root, repo);
                if lacking.is_empty() {
                    report
                } else {
                    self.fetch_submodules(repo, &lacking, report)
                }
            }
            _ => report,
        }
    }

    fn update_submodules(&self, repo: &Repo, report: RepoReport) -> RepoReport {
        match submodules::adrift(self.network.root, repo) {
            Ok(None) => self.fetch_submodules(repo, &[], report),
            Ok(Some(Adrift { path, commit })) => RepoReport {
                command: Some(format!(
                    "git -C {} branch rescue {commit} && git -C {} submodule update --init --recursive",
                    self.shown(&local::folder(self.network.root, repo).join(&path)),
                    self.shown_path(repo),
                )),
                ..RepoReport::new(repo, Outcome::HeldBack).told(format!(
                    "submodules not updated: no branch of `{path}` holds {commit}"
                ))
            },
            Err(error) => failed(repo, error),
        }
    }

    fn fetch_submodules(&self, repo: &Repo, only: &[String], report: RepoReport) -> RepoReport {
        match self.network.update_submodules(repo, only) {
            Ok(note) => report.also(note),
            Err(error) => failed(repo, error),
        }
    }

    fn settled(&self, repo: &Repo, before: &CloneState, allowed: Allowed) -> RepoReport {
        let root = self.network.root;
        let report = |outcome| RepoReport::new(repo, outcome);
        let clone = match local::refresh(root, repo, before) {
            Ok(clone) => clone,
            Err(error) => return failed(repo, error),
        };
        let path = self.shown_path(repo);
        let done = |result: Result<(), GitError>, note: String| match result {
            Ok(()) => report(Outcome::Updated).told(note),
            Err(error) => not_updated(repo, error),
        };
        match after_fetch(&clone, allowed) {
            Action::Keep(note) => report(Outcome::UpToDate).told(note),
            Action::Leave(note) => report(Outcome::Left).noted(note, &path),
            Action::HoldBack(note) => report(Outcome::HeldBack).noted(note, &path),
            Action::Fail(note) => report(Outcome::Failed).noted(note, &path),
            Action::FastForward(behind) => done(
                local::fast_forward(root, repo, &clone),
                count(behind, "new commit"),
            ),
            Action::Detach => done(local::detach(root, repo), "detached".to_owned()),
            Action::Switch => match local::switch(root, repo, &clone) {
                Ok(()) => self.after_switch(repo, &clone),
                Err(error) => not_updated(repo, error),
            },
        }
        .on(clone.target.branch().map(str::to_owned))
    }

    /// The branch that was switched to may itself be behind, or ahead.
    fn after_switch(&self, repo: &Repo, before: &CloneState) -> RepoReport {
        let left = match &before.head {
            Head::Branch(name) | Head::Unborn(name) => format!("switched from `{name}`"),
            Head::Detached(commit) => format!("switched from {commit}"),
        };
        let mut report = self.settled(repo, before, Allowed::default());
        if report.outcome == Outcome::UpToDate {
            report.outcome = Outcome::Updated;
        }
        let note = report.note.take();
        report.told(left).also(note)
    }

    /// Those that a question may open, but for the servers that one has not opened.
    fn refused(&self, repos: &[Repo], closed: &[String]) -> Vec<Repo> {
        let refused = std::mem::take(&mut *self.refused_names());
        repos
            .iter()
            .filter(|repo| refused.contains(&repo.name))
            .filter(|repo| !closed.contains(&url::server(&repo.url)))
            .cloned()
            .collect()
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused_names(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metered<T>(
        &self,
        repo: &Repo,
        work: impl FnOnce(&Arc<Meter>) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let meter = Arc::new(Meter::default());
        self.running().push(Running {
            name: repo.name.clone(),
            meter: Arc::clone(&meter),
        });
        let result = work(&meter);
        self.running().retain(|running| running.name != repo.name);
        self.bytes.fetch_add(meter.read().bytes, Ordering::Relaxed);
        if result
            .as_ref()
            .is_err_and(|error| error.cause.is_worth_a_question())
        {
            self.refused_names().push(repo.name.clone());
        }
        result
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, progress: &mut Progress) {
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        let tasks: Vec<TaskLine> = self
            .running()
            .iter()
            .map(|running| {
                let reading = running.meter.read();
                bytes += reading.bytes;
                #[expect(clippy::cast_precision_loss, reason = "a fraction of a bar")]
                let fraction =
                    (reading.total > 0).then(|| reading.done as f64 / reading.total as f64);
                TaskLine {
                    name: running.name.clone(),
                    phase: match reading.phase {
                        Phase::Connecting => "connecting",
                        Phase::Receiving => "receiving",
                        Phase::Resolving => "resolving",
                        Phase::CheckingOut => "checking out",
                    },
                    fraction,
                    bytes: reading.bytes,
                }
            })
            .collect();
        progress.draw(&tasks, self.done.load(Ordering::Relaxed), bytes);
    }

    /// As the user would write it from where they are.
    fn shown_path(&self, repo: &Repo) -> String {
        self.shown(&local::folder(self.network.root, repo))
    }

    fn shown(&self, folder: &Path) -> String {
        let path = folder.strip_prefix(&self.context.cwd).unwrap_or(folder);
        quoted(&path.display().to_string())
    }
}

/// A bug that one repo brings out is that repo's failure only.
fn guarded(repo: &Repo, work: impl FnOnce() -> Fetched) -> Fetched {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let note = "a bug in fitout, described above".to_owned();
        Fetched::Settled(RepoReport::new(repo, Outcome::Failed).told(note))
    })
}

/// Something of the user's in the way is no failure.
fn not_updated(repo: &Repo, error: GitError) -> RepoReport {
    if error.cause == Cause::InTheWay {
        let note = format!("not updated: {}", error.reason);
        return RepoReport::new(repo, Outcome::HeldBack).told(note);
    }
    failed(repo, error)
}

fn failed(repo: &Repo, error: GitError) -> RepoReport {
    if error.cause == Cause::Interrupted || interrupt::requested() {
        return RepoReport::new(repo, Outcome::Interrupted);
    }
    let mut report = RepoReport::new(repo, Outcome::Failed).told(error.reason);
    report.command = error.command;
    report.detail = Some(error.detail);
    report
}

/// `web: cloned main`.
fn line(report: &RepoReport) -> String {
    let mut line = format!("{}: {}", report.name, report.outcome.word());
    if let (Outcome::Cloned | Outcome::Updated, Some(reference)) =
        (report.outcome, &report.reference)
    {
        line.push(' ');
        line.push_str(reference);
    }
    if let Some(note) = &report.note {
        line.push_str(": ");
        line.push_str(note);
    }
    line
}

fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@:~".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// Works on all items, so many at once, started in their order; results come in their order too.
pub(super) fn in_parallel<T: Sync, R: Send>(
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
