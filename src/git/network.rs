//! The network half: clones, fetches and queries remotes, with gix.
//!
//! A clone has the same result as `git clone`, created in a staging folder and moved to its final
//! path atomically. Workers never prompt: a missing login is an error. Before the work starts,
//! [`SshHost`] and [`log_in`] prompt for whatever is needed.

mod access;
mod advertisement;
mod allowance;
mod attempt;
mod by_git;
mod clone;
mod daemon;
mod fetch;
mod hosts;
mod http;
mod included;
mod line;
mod logins;
mod news;
mod offer;
mod program;
pub(super) mod ssh;
mod submodules;
mod watchdog;
mod way_out;

pub use super::staging::Staging;
pub use access::{Known, Privacy, log_in, probe, ssh_host};
pub(in crate::git) use allowance::LIMIT;
pub use hosts::Hosts;
pub(in crate::git) use http::{RemoteFailure, would_leak};
pub use logins::{Answer, Ask, Loans, Question};
pub use ssh::{Holder, Host as SshHost};
pub use submodules::left_to_user;
pub use way_out::WayOut;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::attempt::{Attempt, Made};
use self::included::Included;
use super::cache::{self, Cache};
use super::error::{Cause, GitError};
use super::meter::{Gate, Meter};
use super::{cli, local, staging, url};
use crate::host::{files, here, place};
use crate::shell;
use crate::sync::{CloneState, Link, Seen};
use crate::workspace::{Backend, Checkout, Repo};

/// Access to remotes; one for a whole run.
#[derive(Debug)]
pub struct Network<'a> {
    /// The workspace's folder.
    pub root: &'a Path,
    /// The backend.
    pub backend: Backend,
    /// Limits CPU work to the number of cores.
    pub gate: Arc<Gate>,
    /// Becomes true on Ctrl-C.
    pub interrupt: &'static AtomicBool,
    /// The cache of objects of earlier clones.
    pub cache: Option<Cache>,
    /// Where clones are created.
    pub staging: Staging,
    /// Limits on concurrent repos per host.
    pub hosts: Hosts,
    /// What was found out about hosts after failures.
    pub way_out: WayOut,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// If a server requests a longer delay, it is retried after this one, and then given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The result of a clone.
#[derive(Clone, Debug)]
pub struct Cloned {
    /// Returns the branch that is checked out, if any.
    pub branch: Option<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// Bytes of its packs.
    pub bytes: u64,
}

impl Network<'_> {
    /// Clones a repo, and links its path if the clone is kept elsewhere.
    pub fn clone(&self, repo: &Repo, link: &Link, meter: &Arc<Meter>) -> Result<Cloned, GitError> {
        let destination = local::folder(self.root, repo);
        local::within(self.root, destination.strip_prefix(self.root).ok())?;
        let url = url::resolve(self.root, &repo.url);
        let staged = self.staging.for_clone(&destination).map_err(|error| {
            let mut above = destination.ancestors().skip(1);
            let parent = above.find(|folder| folder.exists());
            not_writable(parent.as_slice()).unwrap_or_else(|| error.into())
        })?;
        let path = staged.path();
        let made = self
            .with_retries(&url, |session| match self.backend {
                Backend::BuiltIn if needs_no_program(&url) => {
                    local::clone(path, &url, repo, self.interrupt).map(|()| Made::at(path))
                }
                Backend::BuiltIn => Attempt::new(self, &url, meter, session).clone(&staged, repo),
                Backend::Cli => {
                    let included = Included::at(&destination, path).files;
                    cli::clone(path, &url, repo, &included, self.interrupt).map(|()| Made::at(path))
                }
            })
            .map_err(|error| self.explained(error, repo, &url))?;
        let mut note = None;
        if repo.submodules && path.join(".gitmodules").exists() {
            if local::is_only_gits(path) {
                note = Some(left_to_user(&here::typed(&destination)));
            } else {
                let found = local::submodules::elsewhere(path, None)?;
                let tops: Vec<String> = found.into_iter().map(|it| it.top).collect();
                note = self.submodules(path, &tops, repo)?;
            }
        }
        if note.is_none() && made.has_attributes {
            note = local::lfs_note(path, &here::typed(&destination));
        }
        let bytes = cache::pack_bytes(&path.join(".git"));
        staged.move_to(&destination).map_err(|error| {
            GitError::new(
                Cause::InTheWay,
                format!("can't move the clone to `{}`: {error}", repo.path),
            )
        })?;
        if *link == Link::Missing {
            local::link(self.root, repo)?;
        }
        let hook = local::hooks::after_clone(&destination, &self.gate, self.interrupt)?;
        Ok(Cloned {
            branch: made.branch,
            notes: [note, hook].into_iter().flatten().collect(),
            bytes,
        })
    }

    /// Updates the remote-tracking refs of a clone. Returns notes about the remote.
    pub fn fetch(
        &self,
        repo: &Repo,
        clone: &CloneState,
        meter: &Arc<Meter>,
    ) -> Result<Seen, GitError> {
        let remote = &clone.remote;
        let path = local::folder(self.root, repo);
        let wanted = local::wanted_refspecs(&path, remote, &repo.checkout);
        let url = url::resolve(self.root, &repo.url);
        self.with_retries(&url, |session| match self.backend_for(clone) {
            Backend::BuiltIn if needs_no_program(&url) => {
                local::fetch(&path, remote, &wanted, &repo.checkout, &url).map(|()| Seen::default())
            }
            Backend::BuiltIn => {
                let checkout = &repo.checkout;
                let attempt = Attempt::new(self, &url, meter, session);
                let fetched = attempt.fetch(&path, remote, checkout, &wanted)?;
                if fetched.pack.is_some() && local::has_many_packs(&path) {
                    cli::maintain(&path);
                }
                if let (Some(cache), Some(pack)) = (self.cache_for(&url), fetched.pack) {
                    cache.add(&url, remote, &pack);
                }
                Ok(fetched.seen)
            }
            Backend::Cli => {
                let checkout = &repo.checkout;
                cli::fetch(&path, remote, &wanted, checkout, &url, self.interrupt)
                    .map(|()| Seen::default())
            }
        })
        .or_else(|error| {
            // A remote without branches: the plan decides what that means.
            let is_new = error.cause == Cause::MissingReference
                && !matches!(repo.checkout, Checkout::Tag(_) | Checkout::Rev(_))
                && !local::knows_branches(&path, remote);
            if is_new {
                Ok(Seen::default())
            } else {
                Err(error)
            }
        })
        .map_err(|error| {
            // gix's messages for this differ per file, and some look like a server's answer.
            let places = ["objects", "objects/pack", "refs", "refs/remotes"];
            let git_dir = path.join(".git");
            let mut places = places.map(|folder| git_dir.join(folder)).to_vec();
            places.insert(0, git_dir);
            match not_writable(&places) {
                // Reported once if it applies to all repos.
                Some(of_clone) => not_writable(&[self.root]).unwrap_or(of_clone),
                None => error,
            }
        })
        .map_err(|error| self.explained(error, repo, &url))
    }

    /// Returns the current targets of the branches and tags of a clone's remote: full ids of
    /// commits and tag objects.
    pub fn tips(
        &self,
        repo: &Repo,
        clone: &CloneState,
        meter: &Arc<Meter>,
    ) -> Result<Vec<String>, GitError> {
        let remote = &clone.remote;
        let path = local::folder(self.root, repo);
        let url = url::resolve(self.root, &repo.url);
        self.with_retries(&url, |session| match self.backend_for(clone) {
            Backend::BuiltIn if needs_no_program(&url) => local::listed(&url),
            Backend::BuiltIn => Attempt::new(self, &url, meter, session).tips(&path, remote),
            Backend::Cli => cli::tips(&path, remote, &url),
        })
        .map_err(|error| self.explained(error, repo, &url))
    }

    /// If only git can read it, git updates it.
    fn backend_for(&self, clone: &CloneState) -> Backend {
        if clone.only_git {
            Backend::Cli
        } else {
            self.backend
        }
    }

    /// A local repository is as close as the cache.
    fn cache_for(&self, url: &str) -> Option<&Cache> {
        self.cache.as_ref().filter(|_| !url::is_local(url))
    }

    /// Adds what this repo wanted to the error, and a way out, if any.
    fn explained(&self, error: GitError, repo: &Repo, url: &str) -> GitError {
        let error = naming_what_is_missing(error, &repo.checkout);
        let error = self.way_out.to_host(error, url);
        let error = match error.cause {
            // Its message is not parsed, because it is untrusted.
            Cause::NotFound if url::is_local(url) => cli::refused_owner(url).unwrap_or(error),
            _ => error,
        };
        match self.backend {
            Backend::BuiltIn => self.way_out.to_git(error, url),
            Backend::Cli => error,
        }
    }

    fn with_retries<T>(
        &self,
        url: &str,
        mut request: impl FnMut(&http::Session) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let host = url::host(url).unwrap_or_default();
        let mut tries = 1;
        let mut session = http::Session::default();
        loop {
            let place = self.hosts.enter(host, self.interrupt);
            let error = match request(&session) {
                Ok(done) => {
                    place.went_well();
                    return Ok(done);
                }
                Err(error) => error,
            };
            if error.cause.is_too_much() {
                place.was_too_much();
            }
            drop(place);
            let may_come_back = tries < error.cause.tries();
            if error.cause == Cause::Interrupted || !(may_come_back || session.has_assumed()) {
                return Err(error);
            }
            if may_come_back {
                self.pause(delay(tries, error.retry_after, jitter()))?;
                tries += 1;
            }
            session = http::Session::without_assumptions();
        }
    }

    fn pause(&self, delay: Duration) -> Result<(), GitError> {
        let end = Instant::now() + delay;
        while Instant::now() < end {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(GitError::interrupted());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Half a second, doubled each time, plus up to 100 % jitter, so that the repos of a host don't
/// retry all at once. As long as the server requests, if it does.
fn delay(tries: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let backoff = FIRST_PAUSE * 2_u32.pow(tries - 1);
    let wanted = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
    wanted.max(backoff) + backoff.mul_f64(jitter)
}

/// Returns a value from 0 to 1.
fn jitter() -> f64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1e6
}

fn naming_what_is_missing(mut error: GitError, checkout: &Checkout) -> GitError {
    if error.cause == Cause::MissingReference
        && let Some(missing) = missing(checkout)
        && !error.reason.starts_with(&missing)
    {
        error.reason = missing;
    }
    error
}

/// Returns an error for the first existing folder that this user can't write to.
fn not_writable(folders: &[impl AsRef<Path>]) -> Option<GitError> {
    let mut folders = folders.iter().map(AsRef::as_ref);
    let (folder, why) = folders.find_map(|folder| Some((folder, place::not_writable(folder)?)))?;
    let shown = folder.display();
    let mut error = match why {
        place::NotWritable::ReadOnly => {
            let reason = format!("`{shown}` is on a file system that is mounted read-only");
            GitError::new(Cause::NotWritable, reason)
        }
        place::NotWritable::Permission => {
            let reason = format!("no permission to write in `{shown}`");
            GitError::new(Cause::NotWritable, reason)
        }
    };
    error.command = Some(match why {
        place::NotWritable::ReadOnly => format!("findmnt --target {}", shell::path(folder)),
        place::NotWritable::Permission => format!("ls -ld {}", shell::path(folder)),
    });
    Some(error)
}

/// The error for a remote that lacks what to check out.
fn missing(checkout: &Checkout) -> Option<String> {
    match checkout {
        Checkout::Branch(name) => Some(format!("the remote has no branch `{name}`")),
        Checkout::Tag(name) => Some(format!("the remote has no tag `{name}`")),
        Checkout::Rev(rev) => Some(format!("the remote has no commit `{rev}`")),
        Checkout::RemoteDefault => None,
    }
}

/// Whether libgit2 reads this local remote: gix starts `git upload-pack` for it, which a fresh
/// laptop lacks, and the demo should work there too.
fn needs_no_program(url: &str) -> bool {
    static IS_THERE: LazyLock<bool> = LazyLock::new(|| cli::version().is_some());
    url::is_local(url) && !*IS_THERE
}

/// Returns the environment for programs that connect to servers themselves: git, git-lfs, hooks.
/// They must not prompt, and get the logins and keys of this run.
pub(super) fn variables() -> Vec<(String, String)> {
    [ssh::variables(), logins::variables()].concat()
}

/// Ends all pending requests, after Ctrl-C.
pub fn hang_up() {
    http::hang_up();
    daemon::hang_up();
}

/// Removes leftovers of killed runs next to these repos.
pub fn remove_stale(root: &Path, repos: &[Repo]) {
    files::remove_stale(root);
    let mut parents: Vec<PathBuf> = repos
        .iter()
        .map(|repo| local::folder(root, repo))
        .filter_map(|folder| folder.parent().map(Path::to_path_buf))
        .filter(|parent| local::within(root, parent.strip_prefix(root).ok()).is_ok())
        .collect();
    parents.sort();
    parents.dedup();
    // If its folder exists, a clone is created inside it.
    let folders = repos.iter().map(|repo| local::folder(root, repo));
    let begun = folders.filter(|folder| {
        folder.is_dir()
            && !folder.join(".git").exists()
            && local::within(root, folder.strip_prefix(root).ok()).is_ok()
    });
    for folder in parents.into_iter().chain(begun) {
        staging::remove_stale(&folder);
    }
}

/// Converts an error of gix, with the information of ssh and our own clients, to a failure.
fn failure(
    error: &gix::Error,
    ssh_log: Option<&ssh::Log>,
    session: &http::Session,
    url: &str,
) -> GitError {
    let ssh = ssh_log.map(ssh::Log::said).unwrap_or_default();
    let told = GitError::of_gix(error, &ssh, url);
    match session.failure() {
        Some(failure) => GitError::of_request(&failure, &[told.detail], url),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_twice_as_long_and_as_long_as_the_server_wants() {
        let seconds = Duration::from_secs;
        let cases = [
            (1, None, 0.0, 0.5),
            (2, None, 0.0, 1.0),
            (3, None, 0.0, 2.0),
            (3, None, 0.5, 3.0),
            (1, Some(seconds(7)), 0.0, 7.0),
            (1, Some(seconds(7)), 1.0, 7.5),
            (4, Some(seconds(1)), 0.0, 4.0),
            (1, Some(seconds(3600)), 0.0, 60.0),
        ];
        for (tries, wanted, jitter, expected) in cases {
            assert_eq!(
                delay(tries, wanted, jitter),
                Duration::from_secs_f64(expected),
                "{tries} {wanted:?} {jitter}"
            );
        }
        assert!((0.0..1.0).contains(&jitter()));
    }
}
