//! What libgit2 does not know of a clone: external filters (Git LFS), hooks, sparse checkouts,
//! `working-tree-encoding`. The user's own git then does what would go wrong here.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::hooks;
use crate::host::files;

/// git itself reads no larger ones, since 2.39: `ATTR_MAX_FILE_SIZE` of its attr.h, 100 MiB.
const LARGEST_ATTRIBUTES: u64 = 100 << 20;

/// Why libgit2 must not write the first files of this work tree, if so, those of `commit`.
pub(super) fn needs_git(
    repository: &Repository,
    commit: Option<&git2::Commit<'_>>,
) -> Option<&'static str> {
    if is_sparse(repository) {
        return Some("a sparse checkout");
    }
    if hooks::has_any(repository) {
        return Some("a hook that runs after a merge or checkout");
    }
    has_foreign_attributes(repository, commit).then_some("files that a filter writes")
}

pub(super) fn is_sparse(repository: &Repository) -> bool {
    repository
        .config()
        .and_then(|config| config.get_bool("core.sparseCheckout"))
        .unwrap_or(false)
}

/// Whether any file of attributes names a filter or an encoding.
pub(super) fn has_foreign_attributes(
    repository: &Repository,
    commit: Option<&git2::Commit<'_>>,
) -> bool {
    has_attribute(repository, commit, &["filter=", "working-tree-encoding="])
}

/// Whether any file of attributes names an encoding.
pub(super) fn has_encodings(repository: &Repository, commit: &git2::Commit<'_>) -> bool {
    has_attribute(repository, Some(commit), &["working-tree-encoding="])
}

/// Whether moving to `commit` needs files of Git LFS, and something that fetches them is installed.
pub(super) fn fetches_lfs(repository: &Repository, commit: &git2::Commit<'_>) -> bool {
    // `git lfs install --skip-smudge` and its variable leave pointers.
    let is_set =
        lfs_filter(Some(repository.path())).is_some_and(|command| !command.contains("--skip"));
    let is_skipped = std::env::var("GIT_LFS_SKIP_SMUDGE").is_ok_and(|value| value != "0");
    is_set && !is_skipped && has_attribute(repository, Some(commit), &["filter=lfs"])
}

/// The command that makes files of Git LFS: `git lfs install` writes it down. By gix, since libgit2
/// does not know `GIT_CONFIG_NOSYSTEM`.
fn lfs_filter(git_dir: Option<&Path>) -> Option<String> {
    let config = gix::config(git_dir, &gix::open::Options::default()).ok()?;
    let command = config.string("filter.lfs.process");
    let command = command.or_else(|| config.string("filter.lfs.smudge"))?;
    Some(command.to_string())
}

/// Whether a line of any file of attributes has one of these words.
fn has_attribute(
    repository: &Repository,
    commit: Option<&git2::Commit<'_>>,
    words: &[&str],
) -> bool {
    let is_in = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .any(|line| words.iter().any(|word| line.contains(word)))
    };
    let in_file = |path: PathBuf| read(&path).is_some_and(|text| is_in(&text));
    let in_blob = |id: Oid| {
        repository
            .find_blob(id)
            .is_ok_and(|blob| is_in(blob.content()))
    };
    if in_file(repository.commondir().join("info/attributes")) {
        return true;
    }
    let global = repository
        .config()
        .and_then(|config| config.get_path("core.attributesFile"));
    let global = global
        .ok()
        .or_else(|| dirs::config_dir().map(|folder| folder.join("git/attributes")));
    if global.is_some_and(in_file) {
        return true;
    }
    let in_index = repository.index().is_ok_and(|index| {
        index
            .iter()
            .any(|entry| is_attributes(&entry.path) && in_blob(entry.id))
    });
    in_index || commit.is_some_and(|commit| new_attributes(repository, commit).any(in_blob))
}

/// The files of attributes that the commit brings.
fn new_attributes(repository: &Repository, commit: &git2::Commit<'_>) -> impl Iterator<Item = Oid> {
    let old = repository.head().and_then(|head| head.peel_to_tree()).ok();
    let mut found = Vec::new();
    if let Ok(new) = commit.tree()
        && let Ok(diff) = repository.diff_tree_to_tree(old.as_ref(), Some(&new), None)
    {
        for delta in diff.deltas() {
            if delta.new_file().path_bytes().is_some_and(is_attributes) {
                found.push(delta.new_file().id());
            }
        }
    }
    found.into_iter()
}

/// What to tell of a clone whose files are pointers of Git LFS; `shown` is its path as a word of a
/// command.
pub fn lfs_note(path: &Path, shown: &str) -> Option<String> {
    if lfs(path) != Lfs::Pointers {
        return None;
    }
    let first = match lfs_filter(None) {
        Some(_) => "",
        None => "install git-lfs, then `git lfs install` and ",
    };
    Some(format!(
        "its Git LFS files are pointers: {first}`git -C {shown} lfs pull`"
    ))
}

/// How a clone stands to Git LFS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lfs {
    /// It does not use it.
    Unused,
    /// Its files are in the work tree.
    Files,
    /// Files of the work tree are what Git LFS stores in their place: its filter is missing.
    Pointers,
}

/// How the clone at `path` stands to Git LFS.
pub fn lfs(path: &Path) -> Lfs {
    // The first line of every pointer: the specification of Git LFS, docs/spec.md.
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
    const LARGEST_POINTER: u64 = 1024;
    let Ok(index) = Repository::open(path).and_then(|repository| repository.index()) else {
        return Lfs::Unused;
    };
    let is_lfs = index
        .iter()
        .filter(|entry| is_attributes(&entry.path))
        .filter_map(|entry| read(&path.join(String::from_utf8(entry.path).ok()?)))
        .any(|text| String::from_utf8_lossy(&text).contains("filter=lfs"));
    if !is_lfs {
        return Lfs::Unused;
    }
    let has_pointer = index.iter().any(|entry| {
        let file = path.join(String::from_utf8_lossy(&entry.path).as_ref());
        fs::symlink_metadata(&file).is_ok_and(|file| file.is_file() && file.len() < LARGEST_POINTER)
            && read(&file).is_some_and(|text| text.starts_with(POINTER))
    });
    if has_pointer {
        Lfs::Pointers
    } else {
        Lfs::Files
    }
}

/// What is in a file, if it is one that git would read.
fn read(path: &Path) -> Option<Vec<u8>> {
    files::read_bytes(path, LARGEST_ATTRIBUTES).ok()
}

/// Whether it is a file of attributes, by its path in the repository.
pub fn is_attributes(path: &[u8]) -> bool {
    path == b".gitattributes" || path.ends_with(b"/.gitattributes")
}
