//! Determines the differences between two commits, writes the new versions as files, and compares
//! files in the work tree with a commit. Uses gix, which supports line endings and the user's
//! filters.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::Oid;
use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};
use gix::filter::Pipeline;
use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
use gix::index::entry::{Flags, Mode, Stat};
use gix::index::{File, State};
use gix::object::tree::diff::ChangeDetached;
use gix::objs::tree::EntryMode;
use gix::worktree::IndexPersistedOrInMemory;
use gix::worktree::stack::state::attributes::Source;

use super::paths;
use crate::git::error::{GitError, SshSaid};
use crate::git::filter::{self, Log};
use crate::git::local::attributes::is_attributes;
use crate::git::meter::threads_for;
use crate::host::{files, interrupt};

/// A file, link or submodule of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git::local) struct Entry {
    pub mode: u32,
    pub id: Oid,
}

/// The user's own files are not limited.
pub(super) const ANY_SIZE: u64 = u64::MAX / 2;

pub(super) const LINK: u32 = 0o120_000;
pub(super) const SUBMODULE: u32 = 0o160_000;
pub(super) const EXECUTABLE: u32 = 0o100_755;

impl Entry {
    pub(in crate::git::local) fn is_submodule(self) -> bool {
        self.mode == SUBMODULE
    }
}

/// A path that at least one of the commits has as something other than a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::git::local) struct Change {
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// Sorted by path: the contents of a folder come after it.
pub(in crate::git::local) type Changes = BTreeMap<PathBuf, Change>;

/// The repository as opened by gix, with the user's filters configured not to prompt.
pub(super) struct Versions {
    repository: gix::Repository,
    log: Log,
    /// The identity for reflogs: name, email and time.
    pub who: Vec<u8>,
}

impl Versions {
    pub(super) fn open(work_tree: &Path, git_dir: &Path) -> Result<Self, GitError> {
        let log = Log::of(git_dir);
        let mut who = Vec::new();
        // With `core.worktree`, there is no `.git` next to the files.
        let has_git = work_tree.join(".git").exists();
        let place = if has_git { work_tree } else { git_dir };
        let mut open = || -> gix::Result<gix::Repository> {
            let mut repository = filter::open(place, &log)?;
            let committer = repository.committer_or_set_generic_fallback()?;
            // git moves a clone for whom gix can't write down (`values`).
            let _ = committer.write_to(&mut who);
            Ok(repository)
        };
        let repository = open().map_err(|error| said(&error))?;
        Ok(Versions {
            repository,
            log,
            who,
        })
    }

    /// Returns the differences between the commits; all of `to` if there is no commit yet. Fails if
    /// git would refuse a path.
    pub(super) fn between(&self, from: Option<Oid>, to: Oid) -> Result<Changes, GitError> {
        let tree = |commit: Oid| -> gix::Result<_> {
            self.repository.find_commit(object_id(commit))?.tree()
        };
        let diff = || {
            let from = from.map(tree).transpose()?;
            let options = gix::diff::Options::default();
            self.repository
                .diff_tree_to_tree(from.as_ref(), Some(&tree(to)?), options)
        };
        let mut changes = Changes::new();
        let protect = paths::options(&self.repository);
        let mut valid = Ok(());
        let mut add = |path: &BStr, old: Option<Entry>, new: Option<Entry>| {
            if valid.is_ok() && (old.is_some() || new.is_some()) {
                let is_link = [old, new].iter().flatten().any(|it| it.mode == LINK);
                valid = paths::must_be_valid(path, is_link, protect);
                let change = changes.entry(path_of(path)).or_default();
                change.old = change.old.or(old);
                change.new = change.new.or(new);
            }
        };
        for change in diff().map_err(|error| said(&error))? {
            match change {
                ChangeDetached::Addition {
                    location,
                    entry_mode,
                    id,
                    ..
                } => add(location.as_bstr(), None, entry(entry_mode, id)),
                ChangeDetached::Deletion {
                    location,
                    entry_mode,
                    id,
                    ..
                } => add(location.as_bstr(), entry(entry_mode, id), None),
                ChangeDetached::Modification {
                    location,
                    previous_entry_mode,
                    previous_id,
                    entry_mode,
                    id,
                } => add(
                    location.as_bstr(),
                    entry(previous_entry_mode, previous_id),
                    entry(entry_mode, id),
                ),
                ChangeDetached::Rewrite { .. } => unreachable!("renames are not looked for"),
            }
        }
        valid?;
        paths::must_be_a_tree(&changes)?;
        Ok(changes)
    }

    /// Writes new files to a folder, as they will be in the work tree. `index` is that of the old
    /// commit, which contains unchanged attributes.
    pub(super) fn stage(
        &self,
        changes: &Changes,
        index: &git2::Index,
        folder: &Path,
    ) -> Result<(), GitError> {
        let mut state = State::new(gix::hash::Kind::Sha1);
        let mut push = |path: &[u8], entry: Entry, flags: Flags| {
            state.dangerously_push_entry(
                Stat::default(),
                object_id(entry.id),
                flags,
                Mode::from_bits_truncate(entry.mode),
                path.as_bstr(),
            );
        };
        let mut count = 0;
        for (path, change) in changes {
            if let Some(entry) = change.new.filter(|entry| !entry.is_submodule()) {
                push(path.as_os_str().as_bytes(), entry, Flags::empty());
                count += 1;
            }
        }
        for kept in index.iter().filter(|entry| is_attributes(&entry.path)) {
            if !changes.contains_key(Path::new(OsStr::from_bytes(&kept.path))) {
                let (mode, id) = (kept.mode, kept.id);
                push(&kept.path, Entry { mode, id }, Flags::empty());
            }
        }
        state.sort_entries();
        let mut index = File::from_state(state, folder.join("index"));
        let mut write = || -> gix::Result<_> {
            let mut options = self.repository.checkout_options(Source::IdMapping)?;
            options.destination_is_initially_empty = true;
            options.thread_limit = Some(threads_for(count));
            let objects = self.repository.objects.clone().into_arc();
            gix::worktree::state::checkout(
                &mut index,
                folder,
                objects.map_err(gix::Error::from_error)?,
                &gix::progress::Discard,
                &gix::progress::Discard,
                interrupt::flag(),
                options,
            )
        };
        let explained = |error: &gix::Error| self.log.explain(said(error), "");
        let outcome = write().map_err(|error| explained(&error))?;
        if interrupt::requested() {
            return Err(GitError::interrupted());
        }
        if let Some(record) = outcome.errors.first() {
            let mut error = explained(&record.error);
            error.reason = format!("can't write `{}`: {}", record.path, error.reason);
            return Err(error);
        }
        if let Some(collision) = outcome.collisions.first() {
            return Err(GitError::collision(&collision.path));
        }
        Ok(())
    }

    /// Compares files in the work tree.
    pub(super) fn contents(&self) -> Contents<'_> {
        Contents {
            repository: &self.repository,
            pipeline: None,
        }
    }
}

/// Fails if git would refuse a path of the tree. The repository may not have an index yet.
pub(in crate::git::local) fn must_be_valid(
    repository: &gix::Repository,
    tree: &gix::Tree<'_>,
) -> Result<(), GitError> {
    let options = paths::options(repository);
    let all = tree.traverse().breadthfirst.files();
    for it in all.map_err(|error| said(&error))? {
        paths::must_be_valid(it.filepath.as_bstr(), it.mode.is_link(), options)?;
    }
    Ok(())
}

/// Compares files in the work tree with commits, by what `git add` would store.
pub(super) struct Contents<'a> {
    repository: &'a gix::Repository,
    pipeline: Option<(Pipeline<'a>, IndexPersistedOrInMemory)>,
}

impl Contents<'_> {
    /// Whether the file or link at `file` would have the content of `entry` if it was at `path` in
    /// the work tree.
    pub(super) fn are(&mut self, file: &Path, path: &Path, entry: Entry) -> bool {
        let mut found = || -> gix::Result<ObjectId> {
            if entry.mode == LINK {
                let target = fs::read_link(file).map_err(gix::Error::from_error)?;
                return hash(target.as_os_str().as_bytes());
            }
            let content = files::read_bytes(file, ANY_SIZE).map_err(gix::Error::from_error)?;
            let (pipeline, index) = match &mut self.pipeline {
                Some(pipeline) => pipeline,
                none => none.insert(self.repository.filter_pipeline(None)?),
            };
            let mut bytes = Vec::new();
            let read = match pipeline.convert_to_git(content.as_slice(), path, index)? {
                ToGitOutcome::Unchanged(mut content) => content.read_to_end(&mut bytes),
                ToGitOutcome::Process(mut content) => content.read_to_end(&mut bytes),
                ToGitOutcome::Buffer(buffer) => return hash(buffer),
            };
            read.map_err(gix::Error::from_error)?;
            hash(&bytes)
        };
        found().is_ok_and(|id| id == object_id(entry.id))
    }
}

fn hash(content: &[u8]) -> gix::Result<ObjectId> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content)
}

/// Folders are not entries.
fn entry(mode: EntryMode, id: ObjectId) -> Option<Entry> {
    if mode.is_tree() {
        return None;
    }
    Some(Entry {
        // Other modes are treated like in git: `canon_mode` in its cache.h.
        mode: Mode::from(EntryMode::from(mode.kind())).bits(),
        id: Oid::from_bytes(id.as_bytes()).ok()?,
    })
}

fn object_id(id: Oid) -> ObjectId {
    ObjectId::from_bytes_or_panic(id.as_bytes())
}

fn path_of(bytes: &BStr) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn said(error: &gix::Error) -> GitError {
    GitError::of_gix(error, &SshSaid::default(), "")
}
