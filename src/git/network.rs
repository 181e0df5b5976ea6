//! The network half: clone, fetch and ask a remote, with gix.
//!
//! What a clone leaves behind is what `git clone` leaves, made in a staging folder and moved to its
//! place in one step. No worker prompts: a login that is not there is an error that says so. Before
//! the work, [`introduce_host`], [`unlock_key`] and [`log_in`] find what a person has to give.

mod access;
mod checkout;
mod clone;
mod daemon;
mod hosts;
mod http;
mod line;
mod logins;
mod offer;
pub(super) mod ssh;
mod watchdog;
mod way_out;

pub use super::staging::Staging;
pub use access::{Known, Privacy, introduce_host, is_host_known, log_in, probe, unlock_key};
pub use hosts::Hosts;
pub(in crate::git) use http::Failure;
pub use logins::{Answer, Ask, Question};
pub use ssh::Holder;
pub use way_out::WayOut;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gix::bstr::ByteSlice;
use gix::refspec::parse::Operation;
use gix::remote::fetch;

use self::checkout::check_out;
use self::clone::Conversation;
use self::line::Line;
use self::offer::Wanted;
use self::watchdog::Watchdog;
use super::cache::{self, Cache};
use super::error::{Cause, GitError};
use super::local::{FirstHead, RemoteRef};
use super::meter::{Gate, Meter, Watch};
use super::staging::{self, StagedClone};
use super::{cli, filter, local, url};
use crate::shell;
use crate::sync::Link;
use crate::workspace::{Backend, Checkout, Repo};

/// How to reach remotes; one for a whole run.
#[derive(Debug)]
pub struct Network<'a> {
    /// The workspace's folder.
    pub root: &'a Path,
    /// What does the work.
    pub backend: Backend,
    /// Holds CPU work to the cores.
    pub gate: Arc<Gate>,
    /// Becomes true when the user wants to stop.
    pub interrupt: &'static AtomicBool,
    /// Objects of clones that were made before.
    pub cache: Option<Cache>,
    /// Where clones are made.
    pub staging: Staging,
    /// How many repos of a host are in flight.
    pub hosts: Hosts,
    /// What is found out of hosts after a failure.
    pub way_out: WayOut,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A server that wants to be left alone for longer is asked after that, and then given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What was cloned.
#[derive(Clone, Debug)]
pub struct Cloned {
    /// The branch that is checked out, if it is one.
    pub branch: Option<String>,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Bytes of its packs.
    pub bytes: u64,
}

/// A clone in its staging folder.
struct Made {
    branch: Option<String>,
    /// Whether files of attributes may be among its files.
    has_attributes: bool,
    /// What it has of the remote's refs.
    refs: Vec<RemoteRef>,
}

impl Made {
    /// One that another program made.
    fn at(path: &Path) -> Self {
        Made {
            branch: local::branch(path),
            has_attributes: true,
            refs: Vec::new(),
        }
    }
}

impl Network<'_> {
    /// Clones a repo to its place, and links its path there when it is kept elsewhere.
    pub fn clone(&self, repo: &Repo, link: &Link, meter: &Arc<Meter>) -> Result<Cloned, GitError> {
        let destination = local::folder(self.root, repo);
        let url = url::resolve(self.root, &repo.url);
        let staged = self.staging.beside(&destination)?;
        let path = staged.path();
        let made = self
            .with_retries(&url, |session| match self.backend {
                Backend::BuiltIn if needs_no_program(&url) => {
                    local::clone(path, &url, repo).map(|()| Made::at(path))
                }
                Backend::BuiltIn => self.clone_through_cache(&staged, &url, repo, meter, session),
                Backend::Cli => {
                    cli::clone(path, &url, repo, self.interrupt).map(|()| Made::at(path))
                }
            })
            .map_err(|error| self.explained(error, repo, &url))?;
        let mut note = None;
        if repo.submodules && path.join(".gitmodules").exists() {
            note = self.submodules(path, &[], repo)?;
        }
        if note.is_none() && made.has_attributes {
            note = local::lfs_note(path, &shell::word(&repo.path));
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

    /// Updates the remote-tracking refs of a clone.
    pub fn fetch(&self, repo: &Repo, remote: &str, meter: &Arc<Meter>) -> Result<(), GitError> {
        let path = local::folder(self.root, repo);
        let wanted = local::wanted_refspecs(&path, remote, &repo.checkout);
        let url = url::resolve(self.root, &repo.url);
        self.with_retries(&url, |session| match self.backend {
            Backend::BuiltIn if needs_no_program(&url) => {
                local::fetch(&path, remote, &wanted, &repo.checkout, &url)
            }
            Backend::BuiltIn => {
                let checkout = &repo.checkout;
                let pack = self.fetch_in(&path, remote, checkout, &url, meter, session)?;
                let cache = self.cache.as_ref().filter(|_| !url::is_local(&url));
                if let (Some(cache), Some(pack)) = (cache, pack) {
                    cache.add(&url, remote, &pack);
                }
                Ok(())
            }
            Backend::Cli => {
                let checkout = &repo.checkout;
                cli::fetch(&path, remote, &wanted, checkout, &url, self.interrupt)
            }
        })
        .or_else(|error| {
            // A remote without branches: what that means is for the plan to say.
            let is_new = error.cause == Cause::MissingReference
                && !matches!(repo.checkout, Checkout::Tag(_) | Checkout::Rev(_))
                && !local::knows_branches(&path, remote);
            if is_new { Ok(()) } else { Err(error) }
        })
        .map_err(|error| self.explained(error, repo, &url))
    }

    /// An error with what this repo wanted in it, and with the way out, if there is one.
    fn explained(&self, error: GitError, repo: &Repo, url: &str) -> GitError {
        let error = naming_what_is_missing(error, &repo.checkout);
        let error = self.way_out.to_host(error, url);
        match self.backend {
            Backend::BuiltIn => self.way_out.to_git(error, url),
            Backend::Cli => error,
        }
    }

    /// Begins with what is kept of this URL, and keeps what is new.
    fn clone_through_cache(
        &self,
        staged: &StagedClone,
        url: &str,
        repo: &Repo,
        meter: &Arc<Meter>,
        session: &http::Session,
    ) -> Result<Made, GitError> {
        let Some(cache) = self.cache.as_ref().filter(|_| !url::is_local(url)) else {
            return self.clone_to(staged, url, repo, meter, session, &|_| false);
        };
        let git_dir = staged.path().join(".git");
        let seeded = AtomicBool::new(false);
        let seed = |git_dir: &Path| {
            let has_objects = repo.depth.is_none() && cache.seed(url, git_dir);
            seeded.store(has_objects, Ordering::Relaxed);
            has_objects
        };
        let mut cloned = self.clone_to(staged, url, repo, meter, session, &seed);
        let is_broken = |error: &GitError| {
            let may_be_ours = matches!(error.cause, Cause::Damaged | Cause::Other);
            may_be_ours && session.failure().is_none()
        };
        if cloned.as_ref().is_err_and(is_broken) && seeded.swap(false, Ordering::Relaxed) {
            cache.forget(url);
            cloned = self.clone_to(staged, url, repo, meter, session, &|_| false);
        }
        let made = cloned?;
        cache.keep(url, &git_dir, &made.refs, seeded.into_inner());
        Ok(made)
    }

    /// Makes a whole clone in its staging folder.
    fn clone_to(
        &self,
        staged: &StagedClone,
        url: &str,
        repo: &Repo,
        meter: &Arc<Meter>,
        session: &http::Session,
        seed: &dyn Fn(&Path) -> bool,
    ) -> Result<Made, GitError> {
        let path = staged.path();
        let git_dir = path.join(".git");
        // A try before this one may have left something.
        let _ = std::fs::remove_dir_all(path);
        local::begin_clone(&git_dir, staged.capabilities())?;
        let is_seeded = seed(&git_dir);
        let mut line = Line::open(&git_dir, |it| it.remote_at(url))
            .map_err(|error| self.say(&error, None, session, url))?;
        let filters = filter::Log::of(&git_dir);
        let who = line
            .configure(|config| filter::overrides(config, &filters))
            .and_then(|()| line.committer())
            .map_err(|error| self.say(&error, None, session, url))?;
        let said = |error: &gix::Error| self.say(error, line.ssh_log.as_ref(), session, url);
        let repository = &line.repository;
        let config = repository.config_snapshot();
        let silence = http::silence(config.plumbing(), url);
        let _watchdog = self.watchdog(line.ssh_log.as_ref(), meter, silence, session);

        let mut watch = Watch::new(meter, &self.gate);
        let objects = watch.objects();
        let remote = repository.remote_at(url).map_err(|error| said(&error))?;
        let server = Conversation::begin(&remote, session, silence, &mut watch)
            .map_err(|error| said(&error))?;
        let offer = server.offer();
        let setting = |key: &str| config.string(key).map(|value| value.to_string());
        let preferred = setting("init.defaultBranch").unwrap_or_else(|| "master".to_owned());
        let remote = setting("clone.defaultRemoteName").unwrap_or_else(|| "origin".to_owned());
        let Some(head) = offer.first_head(&repo.checkout, &preferred) else {
            let reason = "the remote has no such branch or tag";
            return Err(GitError::new(Cause::MissingReference, reason));
        };
        let depth = repo.depth.and_then(std::num::NonZeroU32::new);
        let wanted = Wanted::of(&repo.checkout, &head, depth, &remote);
        let default = offer.default_branch(&preferred);
        if !offer.is_empty() {
            server
                .receive(repository, &wanted, is_seeded, watch, self.interrupt)
                .map_err(|error| said(&error))?;
        }
        let refs = wanted.taken(offer.refs, repository);
        local::finish_refs(
            &git_dir,
            url,
            &local::Refs {
                remote: &remote,
                refspec: &wanted.refspec,
                taken: &refs,
                default: default.as_ref().map(AsRef::as_ref),
                head: &head,
            },
            who.as_ref(),
            config.plumbing(),
        )?;
        let mut branch = match &head {
            FirstHead::Branch(name, _) => Some(name.to_string()),
            FirstHead::Detached(_) => None,
        };
        if let Checkout::Rev(rev) = &repo.checkout {
            self.make_rev_known(path, &remote, rev, url, meter, session)?;
            local::detach_head(path, rev)?;
            branch = None;
        }
        let pass = self.gate.pass(objects.load(Ordering::Relaxed));
        let watch = Watch::new(meter, &self.gate);
        let has_attributes = check_out(repository, watch, self.interrupt, |error| {
            filters.explain(said(error), url)
        })?;
        drop(pass);
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(GitError::interrupted());
        }
        Ok(Made {
            branch,
            has_attributes,
            refs,
        })
    }

    /// A commit that no branch of the remote holds is asked for by its id.
    fn make_rev_known(
        &self,
        path: &Path,
        remote: &str,
        rev: &str,
        url: &str,
        meter: &Arc<Meter>,
        session: &http::Session,
    ) -> Result<(), GitError> {
        let checkout = Checkout::Rev(rev.to_owned());
        if local::wanted_refspecs(path, remote, &checkout).is_empty() {
            return Ok(());
        }
        self.fetch_in(path, remote, &checkout, url, meter, session)?;
        Ok(())
    }

    /// Returns the pack that came, if one did.
    fn fetch_in(
        &self,
        path: &Path,
        remote: &str,
        checkout: &Checkout,
        url: &str,
        meter: &Arc<Meter>,
        session: &http::Session,
    ) -> Result<Option<PathBuf>, GitError> {
        let mut line = Line::open(path, |it| it.find_remote(remote))
            .map_err(|error| self.say(&error, None, session, url))?;
        let silence = http::silence(line.repository.config_snapshot().plumbing(), url);
        let _watchdog = self.watchdog(line.ssh_log.as_ref(), meter, silence, session);
        let wanted = local::wanted_refspecs(path, remote, checkout);
        let follows_default = *checkout == Checkout::RemoteDefault;
        line.committer()
            .map_err(|error| self.say(&error, None, session, url))?;
        let repository = &line.repository;
        let fetch = || -> gix::Result<Fetched> {
            let found = repository.find_remote(remote)?;
            let connection = line::connection(&found, session, silence)?;
            // The filter would leave out HEAD, which names the default branch.
            let head = follows_default.then(|| "HEAD".to_owned());
            let extra_refspecs = wanted
                .iter()
                .chain(&head)
                .filter_map(|spec| gix::refspec::parse(spec.as_str().into(), Operation::Fetch).ok())
                .map(|spec| spec.to_owned())
                .collect();
            let knows_default = repository
                .try_find_reference(&format!("refs/remotes/{remote}/HEAD"))?
                .is_some();
            let watch = Watch::new(meter, &self.gate);
            let outcome = connection
                .prepare_fetch(
                    Watch::new(meter, &self.gate),
                    gix::remote::ref_map::Options {
                        extra_refspecs,
                        prefix_from_spec_as_filter_on_remote: knows_default,
                        ..Default::default()
                    },
                )?
                .receive(watch, self.interrupt)?;
            let refs = &outcome.ref_map.remote_refs;
            let pack = match &outcome.status {
                fetch::Status::Change {
                    write_pack_bundle, ..
                } => write_pack_bundle.data_path.clone(),
                fetch::Status::NoPackReceived { .. } => None,
            };
            Ok(Fetched {
                pack,
                default: default_branch(refs).filter(|_| follows_default || !knows_default),
                lacks_branch: matches!(checkout, Checkout::Branch(name) if !has_branch(refs, name)),
            })
        };
        let fetched =
            fetch().map_err(|error| self.say(&error, line.ssh_log.as_ref(), session, url))?;
        if fetched.lacks_branch {
            let reason = "the remote has no such branch";
            return Err(GitError::new(Cause::MissingReference, reason));
        }
        if let Some(default) = fetched.default {
            local::set_remote_default(path, remote, &default)?;
        }
        Ok(fetched.pack)
    }

    /// Clones or updates the submodules of a clone. Returns what the user should know.
    pub fn update_submodules(
        &self,
        repo: &Repo,
        only: &[String],
    ) -> Result<Option<String>, GitError> {
        self.submodules(&local::folder(self.root, repo), only, repo)
    }

    /// Over ssh. The other transports know for how long a server has been silent.
    fn watchdog(
        &self,
        ssh_log: Option<&ssh::Log>,
        meter: &Arc<Meter>,
        silence: Duration,
        session: &http::Session,
    ) -> Option<Watchdog> {
        let pid = ssh_log?.pid();
        Some(Watchdog::over(pid, meter, silence, self.interrupt, session))
    }

    fn submodules(
        &self,
        path: &Path,
        only: &[String],
        repo: &Repo,
    ) -> Result<Option<String>, GitError> {
        match cli::update_submodules(path, only, self.interrupt) {
            Ok(()) => Ok(None),
            Err(error) if error.cause == Cause::MissingProgram => Ok(Some(format!(
                "submodules left out: they need `git`, then `git -C {} submodule update --init --recursive`",
                shell::word(&repo.path)
            ))),
            Err(error) => Err(error),
        }
    }

    fn say(
        &self,
        error: &gix::Error,
        ssh_log: Option<&ssh::Log>,
        session: &http::Session,
        url: &str,
    ) -> GitError {
        if self.interrupt.load(Ordering::Relaxed) {
            return GitError::interrupted();
        }
        failure(error, ssh_log, session, url)
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

/// Half a second, then twice as long each time, and up to as much again at random, so that the repos
/// of a host don't come back all at once. As long as the server says, where it says so.
fn delay(tries: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let backoff = FIRST_PAUSE * 2_u32.pow(tries - 1);
    let wanted = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
    wanted.max(backoff) + backoff.mul_f64(jitter)
}

/// From 0 to 1.
fn jitter() -> f64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1e6
}

fn naming_what_is_missing(mut error: GitError, checkout: &Checkout) -> GitError {
    if error.cause == Cause::MissingReference {
        match checkout {
            Checkout::Branch(name) => error.reason = format!("the remote has no branch `{name}`"),
            Checkout::Tag(name) => error.reason = format!("the remote has no tag `{name}`"),
            Checkout::Rev(rev) => error.reason = format!("the remote has no commit `{rev}`"),
            Checkout::RemoteDefault => {}
        }
    }
    error
}

/// Whether a remote of this machine is read by libgit2: gix starts `git upload-pack` for it, which a
/// fresh laptop lacks, and the demo should work there too.
fn needs_no_program(url: &str) -> bool {
    static IS_THERE: LazyLock<bool> = LazyLock::new(|| cli::version().is_some());
    url::is_local(url) && !*IS_THERE
}

/// Ends all requests that wait for a server: after Ctrl-C.
pub fn hang_up() {
    http::hang_up();
    daemon::hang_up();
}

/// Removes what killed runs left beside the places of these repos.
pub fn remove_stale(root: &Path, repos: &[Repo]) {
    let mut parents: Vec<PathBuf> = repos
        .iter()
        .filter_map(|repo| local::folder(root, repo).parent().map(Path::to_path_buf))
        .collect();
    parents.sort();
    parents.dedup();
    for parent in parents {
        staging::remove_stale(&parent);
    }
}

/// What a fetch brought, and what it saw of the remote's branches.
struct Fetched {
    pack: Option<PathBuf>,
    /// The default branch, where it is to be written down.
    default: Option<String>,
    /// Whether the branch that the manifest wants is not there.
    lacks_branch: bool,
}

fn has_branch(refs: &[gix::protocol::handshake::Ref], name: &str) -> bool {
    let name = format!("refs/heads/{name}");
    refs.iter().any(|reference| reference.unpack().0 == name)
}

/// The words of an error's whole chain, and of ssh, as a failure of one kind.
fn failure(
    error: &gix::Error,
    ssh_log: Option<&ssh::Log>,
    session: &http::Session,
    url: &str,
) -> GitError {
    let mut said = ssh_log.map(ssh::Log::lines).unwrap_or_default();
    for part in error.iter_errors() {
        let part = part.to_string();
        if said.last() != Some(&part) {
            said.push(part);
        }
    }
    match session.failure() {
        Some(failure) => GitError::of_request(&failure, &said, url),
        None => GitError::from_said(&said, url),
    }
}

fn default_branch(refs: &[gix::protocol::handshake::Ref]) -> Option<String> {
    refs.iter().find_map(|reference| match reference {
        gix::protocol::handshake::Ref::Symbolic {
            full_ref_name,
            target,
            ..
        } if full_ref_name == "HEAD" => target
            .strip_prefix(b"refs/heads/")
            .map(|name| name.to_str_lossy().into_owned()),
        _ => None,
    })
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
