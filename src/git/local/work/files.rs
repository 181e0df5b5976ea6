//! Finds differences from HEAD in a work tree, by path, including changes that git ignores.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::{FileMode, Index, Repository, Status, StatusEntry, StatusOptions};

use super::What;
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::git::local::attributes::Attributes;
use crate::git::local::{engine, head};

/// `git update-index --assume-unchanged`: `CE_VALID` of git's read-cache.h.
const ASSUME_UNCHANGED: u16 = 0x8000;
/// `git update-index --skip-worktree`, and files outside of a sparse checkout: `CE_SKIP_WORKTREE`.
const SKIP_WORKTREE: u16 = 0x4000;

/// Changed paths.
#[derive(Debug, Default)]
pub(in crate::git) struct Paths {
    /// Staged changes, and conflicts.
    pub staged: Vec<PathBuf>,
    /// Changes in the work tree.
    pub changed: Vec<PathBuf>,
    /// Not in the index.
    pub untracked: Vec<PathBuf>,
}

pub(super) fn work(repository: &Repository, folder: &Path) -> Result<Vec<What>, GitError> {
    let attributes = Attributes::of_clone(repository);
    let by_git = engine::for_status(repository, &attributes).then(|| cli::changed_paths(folder));
    let mut paths = match by_git {
        Some(Err(error)) if error.cause == Cause::MissingProgram => statuses(repository, &[])?,
        Some(result) => result?,
        None => statuses(repository, &[])?,
    };
    // Nested repositories are inspected separately.
    let is_repository = |path: &PathBuf| folder.join(path).join(".git").symlink_metadata().is_ok();
    paths.untracked.retain(|path| !is_repository(path));
    let mut unseen = Vec::new();
    for path in submodules(repository)? {
        if !is_repository(&path)
            && fs::symlink_metadata(folder.join(&path)).is_ok_and(|it| it.is_dir())
        {
            add_files(folder, &path, &mut unseen)?;
        }
    }
    paths.changed.extend(moved_submodules(repository, folder)?);
    Ok([
        (What::Staged as fn(Vec<PathBuf>) -> What, paths.staged),
        (What::Changed, paths.changed),
        (What::Hidden, hidden(repository, folder)?),
        (What::Untracked, paths.untracked),
        (What::Unseen, unseen),
    ]
    .into_iter()
    .filter(|(_, paths)| !paths.is_empty())
    .map(|(what, paths)| what(paths))
    .collect())
}

/// Returns all files below a folder, except those of repositories, which are inspected separately.
fn add_files(folder: &Path, below: &Path, found: &mut Vec<PathBuf>) -> Result<(), GitError> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            found.push(path);
        } else if entry.path().join(".git").symlink_metadata().is_err() {
            add_files(folder, &path, found)?;
        }
    }
    Ok(())
}

/// Returns the differences between the index and HEAD, if there is no work tree.
pub(in crate::git::local) fn staged(repository: &Repository) -> Result<Vec<PathBuf>, GitError> {
    let index = repository.index()?;
    if index.is_empty() {
        return Ok(Vec::new());
    }
    let (_, commit) = head(repository)?;
    let tree = match commit {
        Some(commit) => Some(repository.find_commit(commit)?.tree()?),
        None => None,
    };
    let differences = repository.diff_tree_to_index(tree.as_ref(), Some(&index), None)?;
    let paths = differences
        .deltas()
        .filter_map(|delta| delta.new_file().path().map(Path::to_owned));
    Ok(paths.collect())
}

/// Returns the paths of submodules in the index.
pub(super) fn submodules(repository: &Repository) -> Result<Vec<PathBuf>, GitError> {
    let index = repository.index()?;
    let links = index.iter().filter(is_submodule);
    Ok(links.map(|entry| path(&entry.path)).collect())
}

/// Returns submodules that are at a different commit than in the index, even if `.gitmodules` says
/// to ignore them.
fn moved_submodules(repository: &Repository, folder: &Path) -> Result<Vec<PathBuf>, GitError> {
    let index = repository.index()?;
    let mut moved = Vec::new();
    for entry in index.iter().filter(is_submodule) {
        let path = path(&entry.path);
        // If it can't be read, that is reported when it is inspected itself.
        let submodule = super::open(&folder.join(&path)).ok();
        let commit = submodule.and_then(|submodule| head(&submodule).ok()?.1);
        if commit.is_some_and(|commit| commit != entry.id) {
            moved.push(path);
        }
    }
    Ok(moved)
}

fn is_submodule(entry: &git2::IndexEntry) -> bool {
    entry.mode == u32::from(FileMode::Commit)
}

/// Returns existing and changed files of those that the index says to ignore. The index is only
/// changed in memory.
fn hidden(repository: &Repository, folder: &Path) -> Result<Vec<PathBuf>, GitError> {
    let mut index = repository.index()?;
    let is_hidden = |entry: &git2::IndexEntry| {
        entry.flags & ASSUME_UNCHANGED != 0 || entry.flags_extended & SKIP_WORKTREE != 0
    };
    let mut entries: Vec<git2::IndexEntry> = index.iter().filter(is_hidden).collect();
    entries.retain(|entry| fs::symlink_metadata(folder.join(path(&entry.path))).is_ok());
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for mut entry in entries {
        entry.flags &= !ASSUME_UNCHANGED;
        entry.flags_extended &= !SKIP_WORKTREE;
        // So that the content is compared, and not the timestamps.
        entry.mtime = git2::IndexTime::new(0, 0);
        index.add(&entry)?;
        names.push(entry.path);
    }
    Ok(compare(repository, &mut index, &names)?.changed)
}

fn compare(
    repository: &Repository,
    index: &mut Index,
    names: &[Vec<u8>],
) -> Result<Paths, GitError> {
    // A separate one: the other keeps the index that is on disk.
    let repository = super::open(repository.workdir().unwrap_or(repository.path()))?;
    repository.set_index(index)?;
    statuses(&repository, names)
}

/// Returns the differences according to libgit2; limited to `names`, if given.
fn statuses(repository: &Repository, names: &[Vec<u8>]) -> Result<Paths, GitError> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(names.is_empty())
        .recurse_untracked_dirs(true)
        .include_ignored(false)
        .exclude_submodules(true)
        .disable_pathspec_match(true)
        .no_refresh(!names.is_empty());
    for name in names {
        options.pathspec(name.as_slice());
    }
    let mut paths = Paths::default();
    for entry in repository.statuses(Some(&mut options))?.iter() {
        let list = list_of(&mut paths, entry.status());
        if let Some(list) = list {
            list.push(path_of(&entry));
        }
    }
    Ok(paths)
}

fn list_of(paths: &mut Paths, status: Status) -> Option<&mut Vec<PathBuf>> {
    let staged = Status::INDEX_NEW
        | Status::INDEX_MODIFIED
        | Status::INDEX_DELETED
        | Status::INDEX_RENAMED
        | Status::INDEX_TYPECHANGE
        | Status::CONFLICTED;
    if status.intersects(staged) {
        Some(&mut paths.staged)
    } else if status.is_wt_new() {
        Some(&mut paths.untracked)
    } else if status.is_ignored() || status == Status::CURRENT {
        None
    } else {
        Some(&mut paths.changed)
    }
}

fn path_of(entry: &StatusEntry) -> PathBuf {
    path(entry.path_bytes())
}

pub(in crate::git) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
