//! Processes each repo, with progress: first the network half, many in parallel, then the local
//! half.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Failure;
use crate::git::local::submodules;
use crate::git::network::{self, Network};
use crate::git::sizes::Sizes;
use crate::git::{Cause, GitError, Meter, Phase, local, url};
use crate::host::{here, interrupt};
use crate::ops::parallel::in_parallel;
use crate::plural::count;
use crate::sync::{
    self, Action, Allowed, CloneState, Head, Link, Outcome, Place, RepoReport, Seen, Step,
    after_fetch, first_step,
};
use crate::ui::Ui;
use crate::ui::progress::{self, Progress, TaskLine};
use crate::ui::repos::line;
use crate::workspace::Repo;

/// State shared by the workers.
pub(super) struct Worker<'a> {
    ui: Ui,
    network: Network<'a>,
    allowed: Allowed,
    running: Mutex<Vec<Running>>,
    /// Repos that may become accessible after a prompt.
    refused: Mutex<Vec<String>>,
    /// Sizes of clones, for the order in which to start.
    sizes: Mutex<Sizes>,
    done: AtomicUsize,
    bytes: AtomicUsize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(ui: Ui, network: Network<'a>, allowed: Allowed) -> Self {
        Worker {
            ui,
            network,
            allowed,
            running: Mutex::default(),
            refused: Mutex::default(),
            sizes: Mutex::new(Sizes::of_user()),
            done: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// First does everything that needs a server, many in parallel; then changes work trees, with
    /// as many in parallel as there are cores.
    pub(super) fn all(
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
                self.ui.say(line(report));
            }
        };
        let tick = || {
            if interrupt::requested() {
                network::hang_up();
            }
            if draws {
                self.draw(progress);
            }
        };
        let work = || {
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
            in_parallel(cores, repos, |index, repo| match &fetched[index].1 {
                Fetched::Settled(report) => report.clone(),
                Fetched::Clone(clone, seen, recovered) => {
                    let local = || {
                        let report = self.local_half(repo, clone, seen);
                        Fetched::Settled(report.also(recovered.clone()))
                    };
                    let Fetched::Settled(report) = guarded(repo, local) else {
                        unreachable!("the local half finishes a repo")
                    };
                    say(&report);
                    report
                }
            })
        };
        progress::meanwhile(tick, work)
    }

    fn network_half(&self, repo: &Repo) -> Fetched {
        let report = |outcome| RepoReport::new(repo, outcome);
        if interrupt::requested() {
            return Fetched::Settled(report(Outcome::Interrupted));
        }
        let root = self.network.root;
        let recovered = match local::recover(root, repo) {
            Ok(recovered) => recovered,
            Err(error) => return Fetched::Settled(not_updated(repo, error)),
        };
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
                let fetched = self.metered(repo, |meter| self.network.fetch(repo, &clone, meter));
                match fetched {
                    Ok(seen) => return Fetched::Clone(clone, seen, recovered),
                    Err(error) if matches!(error.cause, Cause::Other | Cause::Changed) => {
                        let folder = local::folder(root, repo);
                        let lock = local::lock_of_fetch(&folder, &clone.remote);
                        not_updated(repo, lock.unwrap_or(error))
                    }
                    Err(error) => failed(repo, error),
                }
            }
            (Step::Clone | Step::Fetch | Step::SetUrl(_), _) => {
                let cloned =
                    self.metered(repo, |meter| self.network.clone(repo, &state.link, meter));
                match cloned {
                    Ok(cloned) => {
                        self.sizes().learn(&repo.url, cloned.bytes);
                        let report = report(Outcome::Cloned).on(cloned.branch);
                        let notes = cloned.notes.into_iter().map(Some);
                        let not_cloned = submodules::not_cloned(&local::folder(root, repo));
                        notes
                            .fold(report, RepoReport::also)
                            .also(sync::not_asked_for(repo, not_cloned))
                    }
                    // Another run has created it in the meantime, so there is nothing more to
                    // fetch.
                    Err(error) if error.cause == Cause::InTheWay => {
                        match local::observe(root, repo).place {
                            Place::Clone(clone) => {
                                return Fetched::Clone(clone, Seen::default(), recovered);
                            }
                            _ => failed(repo, error),
                        }
                    }
                    Err(error) => failed(repo, error),
                }
            }
        };
        Fetched::Settled(settled.also(recovered))
    }

    fn local_half(&self, repo: &Repo, before: &CloneState, seen: &Seen) -> RepoReport {
        if interrupt::requested() {
            return RepoReport::new(repo, Outcome::Interrupted);
        }
        let mut report = self.settled(repo, before, self.allowed);
        if let Some(note) = sync::seen(before, seen) {
            report = report.with_seen(note, seen, &self.shown_path(repo));
        }
        if matches!(report.outcome, Outcome::Updated | Outcome::UpToDate) {
            report = self.with_submodules(repo, before, report);
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

    /// Updates submodules to the commits that the repo records, if the manifest enables them. Notes
    /// which ones differ.
    fn with_submodules(&self, repo: &Repo, before: &CloneState, report: RepoReport) -> RepoReport {
        let is_still = report.outcome == Outcome::UpToDate;
        if is_still && !repo.submodules && before.changes.submodules.is_empty() {
            return report;
        }
        let clone = local::folder(self.network.root, repo);
        if before.only_git {
            let are_elsewhere =
                repo.submodules && submodules::are_elsewhere(&clone).unwrap_or(true);
            let note = are_elsewhere.then(|| network::left_to_user(&self.shown_path(repo)));
            return report.also(note);
        }
        let found = match submodules::elsewhere(&clone, None) {
            Ok(found) => found,
            Err(error) if repo.submodules => return report.but(failed(repo, error)),
            Err(error) => {
                let note = format!("its submodules can't be read: {}", error.reason);
                return report.also(Some(note));
            }
        };
        // After an update, the previous state may be outdated.
        let changed: &[String] = if is_still {
            &before.changes.submodules
        } else {
            &[]
        };
        let decided = sync::submodules(&found, changed, repo.submodules, !is_still);
        let path = self.shown_path(repo);
        if let Some(note) = decided.held_back {
            return report.but(RepoReport::new(repo, Outcome::HeldBack).noted(note, &path));
        }
        let update = || -> Result<[Option<String>; 2], GitError> {
            let prepared = self
                .network
                .prepare_submodules(repo, None, &decided.update)?;
            let updated = self.network.update_submodules(repo, &decided.update)?;
            Ok([prepared, updated])
        };
        let report = match update() {
            Ok(notes) => notes.into_iter().fold(report, RepoReport::also),
            Err(error) => return report.but(not_updated(repo, error)),
        };
        let Some(note) = decided.left else {
            return report;
        };
        let offered = decided.offered;
        let obstacle = offered.and_then(|top| submodules::obstacle(&clone, &top));
        let note = match obstacle {
            Some(obstacle) => note.blocked_by(&obstacle),
            None => note,
        };
        report.also_noted(note, &path)
    }

    fn settled(&self, repo: &Repo, before: &CloneState, allowed: Allowed) -> RepoReport {
        let root = self.network.root;
        let report = |outcome| RepoReport::new(repo, outcome);
        let clone = match local::refresh(root, repo, before) {
            Ok(clone) => CloneState {
                obstacle: local::obstacle(root, repo, &clone),
                ..clone
            },
            Err(error) => return failed(repo, error),
        };
        let path = self.shown_path(repo);
        let done = |result: Result<Option<String>, GitError>, note: String| match result {
            Ok(more) => report(Outcome::Updated).told(note).also(more),
            Err(error) => self.not_moved(repo, error, allowed),
        };
        let action = after_fetch(&clone, allowed);
        let (note, not_reached) = match self.before_move(repo, &clone, &action) {
            Ok(note) => (note, None),
            Err(error) if is_in_the_way(&error) => return not_updated(repo, error),
            // Its server is not reachable: that doesn't affect anything else.
            Err(error) => (None, Some(failed(repo, error))),
        };
        let report = match action {
            Action::Keep(note) => report(Outcome::UpToDate).told(note),
            Action::Leave(note) => report(Outcome::Left).noted(note, &path),
            Action::HoldBack(note) => report(Outcome::HeldBack).noted(note, &path),
            Action::Fail(note) => report(Outcome::Failed).noted(note, &path),
            Action::FastForward(behind) => done(
                local::fast_forward(root, repo, &clone),
                count(behind, "new commit"),
            ),
            Action::Detach => done(local::detach(root, repo, &clone), "detached".to_owned()),
            Action::Switch => match local::switch(root, repo, &clone) {
                Ok(note) => self.after_switch(repo, &clone).also(note),
                Err(error) => self.not_moved(repo, error, allowed),
            },
        }
        .on(clone.target.branch().map(str::to_owned));
        match not_reached {
            Some(end) if report.outcome == Outcome::Updated => report.but(end),
            _ => report.also(note),
        }
    }

    /// Checks the submodules that will be updated after the repo, and fetches their commits.
    /// Returns notes for the user.
    fn before_move(
        &self,
        repo: &Repo,
        clone: &CloneState,
        action: &Action,
    ) -> Result<Option<String>, GitError> {
        let root = self.network.root;
        if !repo.submodules {
            return Ok(None);
        }
        let Some(to) = action
            .goal()
            .and_then(|goal| local::destination(root, repo, clone, goal))
        else {
            return Ok(None);
        };
        // If one can't be read, none is updated, and that is reported after the repo was updated.
        let Ok(found) = submodules::elsewhere(&local::folder(root, repo), Some(to)) else {
            return Ok(None);
        };
        let decided = sync::submodules(&found, &[], true, true);
        self.network
            .prepare_submodules(repo, Some(to), &decided.update)
    }

    /// Another program may have updated the clone in the meantime, to the same commit.
    fn not_moved(&self, repo: &Repo, error: GitError, allowed: Allowed) -> RepoReport {
        if error.cause == Cause::Changed
            && let Place::Clone(now) = local::observe(self.network.root, repo).place
            && let Ok(now) = local::refresh(self.network.root, repo, &now)
            && let Action::Keep(note) = after_fetch(&now, allowed)
        {
            return RepoReport::new(repo, Outcome::UpToDate).told(note);
        }
        not_updated(repo, error)
    }

    /// The new branch may itself be behind or ahead.
    fn after_switch(&self, repo: &Repo, before: &CloneState) -> RepoReport {
        let left = match &before.head {
            Head::Branch(name) | Head::Unborn(name) => format!("switched from `{name}`"),
            Head::Detached(commit) => format!("switched from {commit}"),
        };
        // Index and work tree have changed.
        let Place::Clone(now) = local::observe(self.network.root, repo).place else {
            return RepoReport::new(repo, Outcome::Updated).told(left);
        };
        let mut report = self.settled(repo, &now, Allowed::default());
        if report.outcome == Outcome::UpToDate {
            report.outcome = Outcome::Updated;
        }
        let note = report.note.take();
        report.told(left).also(note)
    }

    /// Returns the repos that may become accessible after a prompt, except on servers where that
    /// has failed.
    pub(super) fn refused(&self, repos: &[Repo], closed: &[String]) -> Vec<Repo> {
        let refused = std::mem::take(&mut *self.refused_names());
        repos
            .iter()
            .filter(|repo| refused.contains(&repo.name))
            .filter(|repo| !closed.contains(&url::server(&repo.url)))
            .cloned()
            .collect()
    }

    pub(super) fn sizes(&self) -> std::sync::MutexGuard<'_, Sizes> {
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

    /// Returns the path relative to the user's current folder.
    fn shown_path(&self, repo: &Repo) -> String {
        here::typed(&local::folder(self.network.root, repo))
    }
}

struct Running {
    name: String,
    meter: Arc<Meter>,
}

/// The result of the network half.
enum Fetched {
    /// The repo is finished.
    Settled(RepoReport),
    /// The clone before the fetch, the result of the fetch, and how a killed run was recovered.
    Clone(Box<CloneState>, Seen, Option<String>),
}

/// A bug triggered by one repo only fails that repo.
fn guarded(repo: &Repo, work: impl FnOnce() -> Fetched) -> Fetched {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let note = "a bug in fitout, described above".to_owned();
        Fetched::Settled(RepoReport::new(repo, Outcome::Failed).told(note))
    })
}

/// Whether the error means that something of the user's is in the way, rather than a failure.
fn is_in_the_way(error: &GitError) -> bool {
    matches!(
        error.cause,
        Cause::InTheWay | Cause::Locked | Cause::Changed | Cause::Unsigned
    )
}

/// Converts an error to a report: it is held back, not failed, if the user's programs or files are
/// the cause.
fn not_updated(repo: &Repo, error: GitError) -> RepoReport {
    if !is_in_the_way(&error) {
        return failed(repo, error);
    }
    let remove = |lock| {
        format!(
            "rm {}   # only if no git is running there",
            here::typed(lock)
        )
    };
    RepoReport {
        command: error.lock.as_deref().map(remove).or(error.command),
        ..RepoReport::new(repo, Outcome::HeldBack).told(format!("not updated: {}", error.reason))
    }
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
