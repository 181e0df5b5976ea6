//! One attempt to fetch into an existing clone.
//!
//! The server's refs are compared in memory with those of the clone, and only differences are
//! requested and written: most fetches find nothing new. If only git can do something, git does it
//! ([`by_git`]).

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use gix::bstr::{BString, ByteSlice};
use gix::objs::Exists as _;
use gix::odb::store::RefreshMode;
use gix::prelude::ObjectIdExt as _;
use gix::protocol::fetch::{RefMap, Shallow};
use gix::protocol::handshake::Ref;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use gix::refspec::RefSpec;
use gix::remote::Direction;
use gix::remote::fetch::Tags;
use gix::traverse::commit::simple::{CommitTimeOrder, Sorting};
use gix::{ObjectId, Repository};

use super::attempt::Attempt;
use super::by_git;
use super::clone::{Conversation, Request, refspecs};
use super::http;
use super::line::Line;
use super::news::{self, Here, News, Refs, Rules, Update};
use super::offer::EVERYTHING;
use crate::git::error::{Cause, GitError};
use crate::git::meter::Watch;
use crate::git::{cli, local};
use crate::sync::{MovedTag, Seen};
use crate::workspace::Checkout;

/// The result of a fetch.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// Notes for the user.
    pub seen: Seen,
    /// The received pack, if any.
    pub pack: Option<PathBuf>,
}

/// What to request.
struct Plan<'a> {
    remote: &'a str,
    /// The clone's refspecs, and what the manifest wants in addition.
    specs: Vec<RefSpec>,
    /// All tags, if they are wanted.
    implied: Vec<RefSpec>,
    rules: Rules,
}

/// How it ended, if there was no error.
enum Outcome {
    Done(Fetched),
    /// The rest has to be done by git.
    LeftToGit(Seen),
    /// The remote doesn't have the branch that the manifest wants.
    LacksBranch,
    /// The remote has nothing that the clone tracks.
    LacksAll,
    /// Another program has written the same refs in the meantime.
    Overtaken(gix::Error),
}

impl Attempt<'_> {
    /// Updates the remote-tracking refs of a clone, and fetches what is `wanted` in addition.
    pub(super) fn fetch(
        &self,
        path: &Path,
        remote: &str,
        checkout: &Checkout,
        wanted: &[String],
    ) -> Result<Fetched, GitError> {
        let mut is_opened_again = false;
        let outcome = loop {
            let line = Line::open(path, |it| it.find_remote(remote))
                .map_err(|error| self.say(&error, None))?;
            let error = match self.fetch_over(&line, path, remote, checkout, wanted) {
                Ok(outcome) => break outcome,
                Err(error) => error,
            };
            let said = self.say(&error, line.ssh_log.as_ref());
            // A ref may point to objects that another program has fetched since the clone was
            // opened.
            let may_be_new = error.is_not_found() && said.cause == Cause::Other;
            if is_opened_again || !may_be_new {
                return Err(said);
            }
            is_opened_again = true;
        };
        match outcome {
            Outcome::Done(fetched) => Ok(fetched),
            Outcome::LeftToGit(seen) => {
                let interrupt = self.network.interrupt;
                cli::fetch(path, remote, wanted, checkout, self.url, interrupt)?;
                Ok(Fetched { seen, pack: None })
            }
            Outcome::LacksBranch => {
                let reason = "the remote has no such branch";
                Err(GitError::new(Cause::MissingReference, reason))
            }
            Outcome::LacksAll => Err(GitError::of_kind(Cause::MissingReference, &[], self.url)),
            Outcome::Overtaken(error) => Err(GitError {
                detail: self.say(&error, None).detail,
                command: Some("fitout sync".to_owned()),
                ..GitError::new(Cause::Changed, "its refs changed while sync ran")
            }),
        }
    }

    /// Returns the targets of the remote's branches and tags.
    pub(super) fn tips(&self, path: &Path, remote: &str) -> Result<Vec<String>, GitError> {
        let line = Line::open(path, |it| it.find_remote(remote))
            .map_err(|error| self.say(&error, None))?;
        let found = line.repository.find_remote(remote);
        if is_for_git(&line.repository, remote, &found) {
            return cli::tips(path, remote, self.url);
        }
        let found = found.map_err(|error| self.say(&error, None))?;
        let ask = || -> gix::Result<Vec<String>> {
            let repository = &line.repository;
            let silence = http::silence(repository.config_snapshot().plumbing(), self.url);
            let _watchdog = self.watchdog(line.ssh_log.as_ref(), silence);
            let mut watch = Watch::new(self.meter, &self.network.gate);
            let asked = refspecs(&EVERYTHING)?;
            let server = Conversation::begin(&found, &asked, self.session, silence, &mut watch)?;
            let offer = server.offer();
            let tips = offer.refs.into_iter();
            Ok(tips.map(|tip| tip.id.to_string()).collect())
        };
        ask().map_err(|error| self.say(&error, line.ssh_log.as_ref()))
    }

    fn fetch_over(
        &self,
        line: &Line,
        path: &Path,
        remote: &str,
        checkout: &Checkout,
        wanted: &[String],
    ) -> gix::Result<Outcome> {
        let repository = &line.repository;
        let config = repository.config_snapshot();
        let silence = http::silence(config.plumbing(), self.url);
        let _watchdog = self.watchdog(line.ssh_log.as_ref(), silence);
        let found = repository.find_remote(remote);
        if is_for_git(repository, remote, &found) {
            return Ok(Outcome::LeftToGit(Seen::default()));
        }
        let found = found?;
        let plan = Plan::of(&found, remote, wanted)?;
        let mut fetched = Fetched::default();
        // An auto-followed tag is only wanted once its target exists.
        for is_last in [false, true] {
            let here = refs(repository)?;
            let mut watch = Watch::new(self.meter, &self.network.gate);
            let asked = plan.asked(checkout, &here)?;
            let server = Conversation::begin(&found, &asked, self.session, silence, &mut watch)?;
            let map = server.map(&plan.specs, &plan.implied)?;
            let default = default_branch(server.refs());
            if map.mappings.is_empty() && !plan.specs.is_empty() {
                return Ok(Outcome::LacksAll);
            }
            if lacks_branch(server.refs(), checkout) {
                return Ok(Outcome::LacksBranch);
            }
            let objects = known_objects(repository);
            let has = |id: ObjectId| objects.exists(&id);
            let mut news = News::find(&map, &here, plan.rules, has);
            fetched.seen = Seen {
                moved_tag: moved_tag(server.refs(), &here, checkout),
                blocked: std::mem::take(&mut news.blocked),
            };
            let mut request = RefMap {
                mappings: news::wanted(&map, &news, has),
                ..map.clone()
            };
            let has_news = !news.is_empty() || !request.mappings.is_empty();
            if has_news && by_git::fetches(config.plumbing(), remote, &plan.specs) {
                return Ok(Outcome::LeftToGit(fetched.seen));
            }
            let mut keep = None;
            if !request.mappings.is_empty() {
                request.remote_refs.clear();
                let request = Request {
                    map: &request,
                    shallow: &Shallow::NoChange,
                    tags: plan.rules.tags,
                    has_objects: true,
                };
                let interrupt = self.network.interrupt;
                let pack = server.receive(repository, &request, watch, interrupt)?;
                if let Some(pack) = pack {
                    keep = pack.keep;
                    fetched.pack = pack.data.or(fetched.pack);
                }
                // Looking up one object loads the new pack.
                let _ = news.updates.iter().find(|it| repository.has_object(it.new));
                let objects = known_objects(repository);
                news = News::find(&map, &here, plan.rules, |id| objects.exists(&id));
            }
            let objects = known_objects(repository);
            let has = |id: ObjectId| objects.exists(&id);
            let (ready, missing): (Vec<Update>, Vec<Update>) =
                news.updates.into_iter().partition(|it| has(it.new));
            let written =
                remove_stale(repository, news.stale).and_then(|()| update(repository, ready));
            if let Some(keep) = keep {
                let _ = fs::remove_file(keep);
            }
            match written {
                Err(error) if is_overtaken(&error) => return Ok(Outcome::Overtaken(error)),
                written => written?,
            }
            let follows_default = *checkout == Checkout::RemoteDefault;
            plan.write_default(path, &here, default, follows_default)?;
            if missing.is_empty() || is_last {
                break;
            }
        }
        Ok(Outcome::Done(fetched))
    }
}

impl<'a> Plan<'a> {
    fn of(found: &gix::Remote<'_>, remote: &'a str, wanted: &[String]) -> gix::Result<Self> {
        let config = found.repo().config_snapshot();
        // The remote's own setting takes precedence over the global one.
        let is_true = |key: &str| {
            let keys = [format!("remote.{remote}.{key}"), format!("fetch.{key}")];
            let value = keys.iter().find_map(|key| config.boolean(key.as_str()));
            value.unwrap_or_default()
        };
        let prune = is_true("prune");
        let prune_tags = prune && is_true("pruneTags");
        let tags = if prune_tags {
            Tags::All
        } else {
            found.fetch_tags()
        };
        let mut specs = found.refspecs(Direction::Fetch).to_vec();
        specs.extend(refspecs(wanted)?);
        Ok(Plan {
            remote,
            specs,
            implied: match tags {
                Tags::All => refspecs(&["refs/tags/*:refs/tags/*"])?,
                Tags::Included | Tags::None => Vec::new(),
            },
            rules: Rules {
                prune,
                prune_tags,
                tags,
            },
        })
    }

    /// Returns the refs that the server should list.
    fn asked(&self, checkout: &Checkout, here: &Refs) -> gix::Result<Vec<RefSpec>> {
        let mut more = Vec::new();
        if *checkout == Checkout::RemoteDefault || !here.contains_key(&self.head()) {
            more.push("HEAD".to_owned());
        }
        if let Checkout::Tag(name) = checkout {
            more.push(format!("refs/tags/{name}"));
        }
        if let Checkout::Branch(name) = checkout {
            more.push(format!("refs/heads/{name}"));
        }
        if self.rules.tags != Tags::None {
            more.push("refs/tags/*:refs/tags/*".to_owned());
        }
        Ok([self.specs.clone(), refspecs(&more)?].concat())
    }

    /// `refs/remotes/origin/HEAD`
    fn head(&self) -> BString {
        format!("refs/remotes/{}/HEAD", self.remote).into()
    }

    /// Updates the remote's default branch if it is unknown, or if it is followed and has changed.
    fn write_default(
        &self,
        path: &Path,
        here: &Refs,
        default: Option<String>,
        follows: bool,
    ) -> gix::Result<()> {
        let Some(name) = default else {
            return Ok(());
        };
        let target = Here::Link(format!("refs/remotes/{}/{name}", self.remote).into());
        let is_right = match here.get(&self.head()) {
            Some(known) => !follows || *known == target,
            None => false,
        };
        if is_right {
            return Ok(());
        }
        local::set_remote_default(path, self.remote, &name).map_err(gix::Error::from_error)
    }
}

/// Before anything connects. gix may not have found a remote that git does.
fn is_for_git(repository: &Repository, remote: &str, found: &gix::Result<gix::Remote<'_>>) -> bool {
    let url = found.as_ref().ok().and_then(|it| it.url(Direction::Fetch));
    by_git::speaks(repository.config_snapshot().plumbing(), remote, url)
}

/// Returns the current objects, without reading the pack folder again for missing ones.
fn known_objects(repository: &Repository) -> gix::OdbHandle {
    let mut objects = repository.objects.clone();
    objects.refresh = RefreshMode::Never;
    objects
}

/// Returns all refs of a clone.
fn refs(repository: &Repository) -> gix::Result<Refs> {
    let platform = repository.refs.iter()?;
    let all = platform.all().map_err(gix::Error::from_error)?;
    // Unreadable refs are left for git to report.
    let refs = all.filter_map(Result::ok).map(|found| {
        let here = match found.target {
            Target::Object(id) => Here::Object(id),
            Target::Symbolic(name) => Here::Link(name.into_inner()),
        };
        (found.name.into_inner(), here)
    });
    Ok(refs.collect())
}

/// In a separate transaction: a new ref may conflict with a removed one.
fn remove_stale(repository: &Repository, stale: Vec<(FullName, ObjectId)>) -> gix::Result<()> {
    if stale.is_empty() {
        return Ok(());
    }
    let edits = stale.into_iter().map(|(name, id)| {
        RefEdit::new(
            name,
            Change::Delete {
                expected: PreviousValue::MustExistAndMatch(Target::Object(id)),
                log: RefLog::AndReference,
            },
        )
    });
    repository.edit_references(edits).map(|_| ())
}

fn update(repository: &Repository, updates: Vec<Update>) -> gix::Result<()> {
    if updates.is_empty() {
        return Ok(());
    }
    let mut seen = HashSet::new();
    let mut edits = Vec::with_capacity(updates.len());
    for update in updates {
        if !seen.insert(update.name.clone()) {
            continue;
        }
        let done = match update.old {
            None if update.source.starts_with(b"refs/tags/") => "storing tag",
            None if update.source.starts_with(b"refs/heads/") => "storing head",
            None => "storing ref",
            Some(_) if update.name.as_bstr().starts_with(b"refs/tags/") => "updating tag",
            Some(old) if leads_to(repository, update.new, old)? => "fast-forward",
            Some(_) => "forced-update",
        };
        let expected = match update.old {
            None => PreviousValue::MustNotExist,
            Some(old) => PreviousValue::MustExistAndMatch(Target::Object(old)),
        };
        let message = format!("fetch: {done}");
        edits.push(RefEdit::update(update.name, update.new, expected, message));
    }
    repository.edit_references(edits).map(|_| ())
}

/// Whether a ref has changed since it was read, was removed, or is locked.
fn is_overtaken(error: &gix::Error) -> bool {
    error.is_conflict() || error.is_not_found() || error.is_retryable()
}

/// Whether a commit is a descendant of another one.
fn leads_to(repository: &Repository, from: ObjectId, to: ObjectId) -> gix::Result<bool> {
    let Ok(to_commit) = repository.find_commit(to) else {
        return Ok(false);
    };
    let seconds = to_commit.committer()?.seconds();
    let order = CommitTimeOrder::NewestFirst;
    let sorting = Sorting::ByCommitTimeCutoff { order, seconds };
    let walk = from.ancestors(&repository.objects).sorting(sorting)?;
    Ok(walk.filter_map(Result::ok).any(|commit| commit.id == to))
}

fn lacks_branch(refs: &[Ref], checkout: &Checkout) -> bool {
    let Checkout::Branch(name) = checkout else {
        return false;
    };
    let name = format!("refs/heads/{name}");
    !refs.iter().any(|reference| reference.unpack().0 == name)
}

fn default_branch(refs: &[Ref]) -> Option<String> {
    refs.iter().find_map(|reference| match reference {
        Ref::Symbolic {
            full_ref_name,
            target,
            ..
        } if full_ref_name == "HEAD" => target
            .strip_prefix(b"refs/heads/")
            .map(|name| name.to_str_lossy().into_owned()),
        _ => None,
    })
}

/// Whether the manifest's tag differs between the remote and here.
fn moved_tag(refs: &[Ref], here: &Refs, checkout: &Checkout) -> Option<MovedTag> {
    let Checkout::Tag(tag) = checkout else {
        return None;
    };
    let name = BString::from(format!("refs/tags/{tag}"));
    let Some(Here::Object(known)) = here.get(&name) else {
        return None;
    };
    let found = refs.iter().find(|reference| reference.unpack().0 == name)?;
    let there = found.unpack().1?;
    (there != *known).then(|| MovedTag {
        here: known.to_string(),
        there: there.to_string(),
    })
}
