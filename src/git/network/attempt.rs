//! One attempt to clone with gix. A retry is a new attempt.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gix::Repository;
use gix::protocol::fetch::{Shallow, Tags};
use gix::remote::Direction;

use super::by_git;
use super::clone::{Conversation, Request, refspecs};
use super::included::Included;
use super::line::Line;
use super::offer::{EVERYTHING, Wanted};
use super::watchdog::Watchdog;
use super::{Network, failure, http, ssh};
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::git::filter;
use crate::git::local::checkout::First;
use crate::git::local::{self, FirstHead, RemoteRef};
use crate::git::meter::{Meter, Watch};
use crate::git::staging::StagedClone;
use crate::workspace::{Checkout, Repo};

/// A clone in its staging folder.
pub(super) struct Made {
    pub branch: Option<String>,
    /// Whether it may contain attributes files.
    pub has_attributes: bool,
    /// The remote's refs that it has.
    refs: Vec<RemoteRef>,
}

impl Made {
    /// A clone created by another program.
    pub(super) fn at(path: &Path) -> Self {
        Made {
            branch: local::branch(path),
            has_attributes: true,
            refs: Vec::new(),
        }
    }
}

/// An attempt to reach a URL.
pub(super) struct Attempt<'a> {
    pub(super) network: &'a Network<'a>,
    pub(super) url: &'a str,
    pub(super) meter: &'a Arc<Meter>,
    pub(super) session: &'a http::Session,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        network: &'a Network<'a>,
        url: &'a str,
        meter: &'a Arc<Meter>,
        session: &'a http::Session,
    ) -> Self {
        Attempt {
            network,
            url,
            meter,
            session,
        }
    }

    /// Creates a clone in its staging folder. Starts with the cached objects of this URL, and
    /// stores the new ones in the cache.
    pub(super) fn clone(&self, staged: &StagedClone, repo: &Repo) -> Result<Made, GitError> {
        let url = self.url;
        let Some(cache) = self.network.cache_for(url) else {
            return self.clone_from(staged, repo, &|_| false);
        };
        let seeded = AtomicBool::new(false);
        let seed = |git_dir: &Path| {
            let has_objects = repo.depth.is_none() && cache.seed(url, git_dir);
            seeded.store(has_objects, Ordering::Relaxed);
            has_objects
        };
        let mut cloned = self.clone_from(staged, repo, &seed);
        let is_broken = |error: &GitError| {
            let may_be_ours = matches!(error.cause, Cause::Damaged | Cause::Other);
            may_be_ours && self.session.failure().is_none()
        };
        if cloned.as_ref().is_err_and(is_broken) && seeded.swap(false, Ordering::Relaxed) {
            cache.forget(url);
            cloned = self.clone_from(staged, repo, &|_| false);
        }
        let made = cloned?;
        let git_dir = staged.path().join(".git");
        if !made.refs.is_empty() {
            cache.keep(url, &git_dir, &made.refs, seeded.into_inner());
        }
        Ok(made)
    }

    /// `seed` adds objects to `.git` that don't have to be fetched, and returns whether there were
    /// any.
    fn clone_from(
        &self,
        staged: &StagedClone,
        repo: &Repo,
        seed: &dyn Fn(&Path) -> bool,
    ) -> Result<Made, GitError> {
        let path = staged.path();
        let git_dir = path.join(".git");
        // An earlier attempt may have left something.
        let _ = fs::remove_dir_all(path);
        local::begin_clone(&git_dir, staged.capabilities())?;
        let destination = local::folder(self.network.root, repo);
        let included = Included::at(&destination, path);
        let mut line = Line::with(&git_dir, included.settings, |it| it.remote_at(self.url))
            .map_err(|error| self.say(&error, None))?;
        let config = line.repository.config_snapshot();
        let from = line.repository.remote_at(self.url).ok();
        let from = from.as_ref().and_then(|from| from.url(Direction::Fetch));
        if by_git::makes_clone(config.plumbing(), from) {
            return self.clone_by_git(path, repo, &included.files);
        }
        let is_seeded = seed(&git_dir);
        let received = match self.receive(&line, repo, is_seeded) {
            Err(error) if error.cause == Cause::ObjectFormat => {
                return match self.clone_by_git(path, repo, &included.files) {
                    Err(missing) if missing.cause == Cause::MissingProgram => Err(error),
                    made => made,
                };
            }
            received => received?,
        };
        let mut branch = match &received.head {
            FirstHead::Branch(name, _) => Some(name.to_string()),
            FirstHead::Detached(_) => None,
        };
        if let Checkout::Rev(rev) = &repo.checkout {
            self.make_rev_known(path, &received.remote, rev)?;
            local::detach_head(path, rev)?;
            branch = None;
        }
        // Not earlier: they may need a login that has only been found now.
        let filters = filter::Log::of(&git_dir);
        line.configure(|config| filter::overrides(config, &filters))
            .map_err(|error| self.say(&error, None))?;
        let network = self.network;
        let pass = network.gate.pass(received.objects);
        let watch = Watch::new(self.meter, &network.gate);
        let first = First {
            repository: &line.repository,
            included: &included.files,
            interrupt: network.interrupt,
        };
        let has_attributes = first.check_out(watch, |error| {
            filters.explain(self.say(error, line.ssh_log.as_ref()), self.url)
        })?;
        drop(pass);
        if network.interrupt.load(Ordering::Relaxed) {
            return Err(GitError::interrupted());
        }
        Ok(Made {
            branch,
            has_attributes,
            refs: received.refs,
        })
    }

    fn clone_by_git(
        &self,
        path: &Path,
        repo: &Repo,
        included: &[PathBuf],
    ) -> Result<Made, GitError> {
        fs::remove_dir_all(path)?;
        cli::clone(path, self.url, repo, included, self.network.interrupt)?;
        Ok(Made::at(path))
    }

    /// Fetches the objects and refs that the repo wants into a `.git` folder.
    fn receive(&self, line: &Line, repo: &Repo, is_seeded: bool) -> Result<Received, GitError> {
        let said = |error: gix::Error| self.say(&error, line.ssh_log.as_ref());
        let repository = &line.repository;
        let config = repository.config_snapshot();
        let silence = http::silence(config.plumbing(), self.url);
        let _watchdog = self.watchdog(line.ssh_log.as_ref(), silence);
        let mut watch = Watch::new(self.meter, &self.network.gate);
        let objects = watch.objects();
        let from = repository.remote_at(self.url).map_err(said)?;
        let everything = refspecs(&EVERYTHING).map_err(said)?;
        let server = Conversation::begin(&from, &everything, self.session, silence, &mut watch)
            .map_err(said)?;
        let offer = server.offer();
        let preferred = config.string("init.defaultBranch");
        let preferred = preferred.map_or_else(|| "master".to_owned(), |name| name.to_string());
        let remote = by_git::remote_name(config.plumbing());
        let Some(head) = offer.first_head(&repo.checkout, &preferred) else {
            return Err(GitError {
                reason: offer.lacking(&repo.checkout, &preferred),
                ..GitError::of_kind(Cause::MissingReference, &[], self.url)
            });
        };
        let depth = repo.depth.and_then(NonZeroU32::new);
        let wanted = Wanted::of(&repo.checkout, &head, depth, &remote);
        let default = offer.default_branch(&preferred);
        if !offer.is_empty() {
            self.receive_objects(server, repository, &wanted, is_seeded, watch)
                .map_err(said)?;
        }
        if let FirstHead::Detached(id) = &head {
            must_be_commit(repository, *id, &repo.checkout)?;
        }
        let refs = wanted.taken(offer.refs, repository);
        local::finish_refs(
            repository.git_dir(),
            self.url,
            &local::Refs {
                remote: &remote,
                refspec: &wanted.refspec,
                taken: &refs,
                default: default.as_ref().map(AsRef::as_ref),
                head: &head,
            },
            line.who.as_ref(),
            config.plumbing(),
        )?;
        Ok(Received {
            remote,
            head,
            refs,
            objects: objects.load(Ordering::Relaxed),
        })
    }

    /// A commit that is on no branch of the remote is requested by its id.
    fn make_rev_known(&self, path: &Path, remote: &str, rev: &str) -> Result<(), GitError> {
        let checkout = Checkout::Rev(rev.to_owned());
        let wanted = local::wanted_refspecs(path, remote, &checkout);
        if !wanted.is_empty() {
            let fetched = self.fetch(path, remote, &checkout, &wanted);
            fetched.map_err(|mut error| {
                // The server has just sent everything else: this is the commit that it refuses to
                // send.
                if error.cause == Cause::Refusal {
                    error.cause = Cause::MissingReference;
                }
                error
            })?;
        }
        Ok(())
    }

    fn receive_objects(
        &self,
        server: Conversation,
        repository: &Repository,
        wanted: &Wanted,
        has_objects: bool,
        watch: Watch,
    ) -> gix::Result<()> {
        let map = server.map(&refspecs(&wanted.refs)?, &[])?;
        let request = Request {
            map: &map,
            shallow: &wanted.shallow,
            // With a full history, they are requested by name.
            tags: match wanted.shallow {
                Shallow::NoChange => Tags::None,
                _ => Tags::Included,
            },
            has_objects,
        };
        let interrupt = self.network.interrupt;
        let pack = server.receive(repository, &request, watch, interrupt)?;
        // Nobody else uses this repository yet.
        match pack.and_then(|pack| pack.keep) {
            Some(keep) => fs::remove_file(keep).map_err(gix::Error::from_error),
            None => Ok(()),
        }
    }

    /// Only for ssh. The other transports have timeouts for silent servers.
    pub(super) fn watchdog(
        &self,
        ssh_log: Option<&ssh::Log>,
        silence: Duration,
    ) -> Option<Watchdog> {
        let (meter, interrupt) = (self.meter, self.network.interrupt);
        let pid = ssh_log?.pid();
        Some(Watchdog::over(pid, meter, silence, interrupt, self.session))
    }

    pub(super) fn say(&self, error: &gix::Error, ssh_log: Option<&ssh::Log>) -> GitError {
        if self.network.interrupt.load(Ordering::Relaxed) {
            return GitError::interrupted();
        }
        let words = self.meter.take_words();
        failure(error, ssh_log, self.session, self.url).saying(&words, self.url)
    }
}

/// git can tag any object, but only check out commits.
fn must_be_commit(
    repository: &Repository,
    id: gix::ObjectId,
    checkout: &Checkout,
) -> Result<(), GitError> {
    let kind = match repository.find_object(id) {
        Ok(object) if object.kind != gix::object::Kind::Commit => object.kind,
        // A missing object is reported when it is needed.
        _ => return Ok(()),
    };
    let name = match checkout {
        Checkout::Tag(name) => format!("tag `{name}`"),
        _ => "the remote's HEAD".to_owned(),
    };
    let reason = format!("{name} is a {kind}, not a commit");
    Err(GitError::new(Cause::NotACommit, reason))
}

/// A clone's remote.
struct Received {
    /// `origin`
    remote: String,
    head: FirstHead,
    refs: Vec<RemoteRef>,
    /// The number of received objects.
    objects: usize,
}
