//! Submodules of a clone: which have no files yet, and which hold something that updating them would
//! leave without a ref.

use std::path::{Path, PathBuf};

use git2::{FileMode, Repository};

use super::{GitError, Head, folder, head, reachable};
use crate::workspace::Repo;

/// A submodule whose HEAD is detached at a commit that no ref leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adrift {
    /// Relative to the clone.
    pub path: String,
    /// The commit, abbreviated.
    pub commit: String,
}

/// Paths of the clone's submodules that have no files yet.
pub fn lacking_files(root: &Path, repo: &Repo) -> Vec<String> {
    let folder = folder(root, repo);
    paths(&folder)
        .into_iter()
        .filter(|path| !folder.join(path).join(".git").exists())
        .collect()
}

/// The first submodule, or submodule of one, that `git submodule update` would take a commit from:
/// it detaches HEAD wherever that is.
pub fn adrift(root: &Path, repo: &Repo) -> Result<Option<Adrift>, GitError> {
    adrift_below(&folder(root, repo), Path::new(""))
}

fn adrift_below(clone: &Path, below: &Path) -> Result<Option<Adrift>, GitError> {
    for path in paths(&clone.join(below)) {
        let path = below.join(path);
        let folder = clone.join(&path);
        if !folder.join(".git").exists() {
            continue;
        }
        let repository = Repository::open(&folder)?;
        let (found, id) = head(&repository)?;
        if let Head::Detached(commit) = found
            && !reachable(&repository, id, &["refs/*"])?
        {
            let path = path.display().to_string();
            return Ok(Some(Adrift { path, commit }));
        }
        if let Some(found) = adrift_below(clone, &path)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn paths(clone: &Path) -> Vec<String> {
    if !clone.join(".gitmodules").exists() {
        return Vec::new();
    }
    let Ok(repository) = Repository::open(clone) else {
        return Vec::new();
    };
    in_index(&repository)
        .into_iter()
        .filter_map(|path| path.into_os_string().into_string().ok())
        .collect()
}

fn in_index(repository: &Repository) -> Vec<PathBuf> {
    let Ok(index) = repository.index() else {
        return Vec::new();
    };
    index
        .iter()
        .filter(|entry| entry.mode == u32::from(FileMode::Commit))
        .filter_map(|entry| Some(PathBuf::from(String::from_utf8(entry.path).ok()?)))
        .collect()
}
