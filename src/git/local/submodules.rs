//! Submodules of a clone: which are not at the commit that the clone has for them, and why.

use std::path::{Path, PathBuf};

use git2::{FileMode, Oid, Repository};

use super::state::{changes, operation};
use super::{GitError, Head, head, reachable, short};
use crate::sync::{Found, Submodule};

/// The submodules that are at another commit than the clone has for them, or have no files yet.
pub fn elsewhere(clone: &Path) -> Result<Vec<Submodule>, GitError> {
    let mut all = Vec::new();
    if clone.join(".gitmodules").exists() {
        add(clone, Path::new(""), None, &mut all)?;
    }
    Ok(all)
}

fn add(
    clone: &Path,
    below: &Path,
    top: Option<&str>,
    all: &mut Vec<Submodule>,
) -> Result<(), GitError> {
    for (path, wanted) in in_index(&Repository::open(clone.join(below))?)? {
        let path = below.join(path);
        let Some(name) = path.to_str() else { continue };
        let top = top.unwrap_or(name);
        let (found, ahead) = if clone.join(&path).join(".git").exists() {
            let repository = Repository::open(clone.join(&path))?;
            let (head, commit) = head(&repository)?;
            if commit == Some(wanted) {
                add(clone, &path, Some(top), all)?;
                continue;
            }
            // A commit that is not here is no ancestor of anything.
            let is_ahead =
                commit.is_some_and(|it| repository.graph_descendant_of(it, wanted) == Ok(true));
            let found = at_other_commit(&repository, head, commit)?;
            if matches!(found, Found::Other(_)) {
                add_work_in(clone, &path, top, is_ahead, all)?;
            }
            (found, is_ahead)
        } else {
            (Found::Nothing, false)
        };
        all.push(Submodule {
            path: name.to_owned(),
            top: top.to_owned(),
            wanted: short(wanted),
            ahead,
            found,
        });
    }
    Ok(())
}

/// The user's work in submodules of one that may be updated: git detaches HEAD in all of them, whatever their
/// commits are then.
fn add_work_in(
    clone: &Path,
    below: &Path,
    top: &str,
    ahead: bool,
    all: &mut Vec<Submodule>,
) -> Result<(), GitError> {
    for (path, wanted) in in_index(&Repository::open(clone.join(below))?)? {
        let path = below.join(path);
        let Some(name) = path.to_str() else { continue };
        if !clone.join(&path).join(".git").exists() {
            continue;
        }
        let repository = Repository::open(clone.join(&path))?;
        let (head, commit) = head(&repository)?;
        let found = at_other_commit(&repository, head, commit)?;
        let is_work = match found {
            Found::Adrift(_) | Found::Busy(_) => true,
            Found::OnBranch(_) => commit != Some(wanted),
            Found::Nothing | Found::Other(_) | Found::Changed => false,
        };
        if is_work {
            all.push(Submodule {
                path: name.to_owned(),
                top: top.to_owned(),
                wanted: short(wanted),
                ahead,
                found,
            });
        }
        add_work_in(clone, &path, top, ahead, all)?;
    }
    Ok(())
}

fn at_other_commit(
    repository: &Repository,
    head: Head,
    commit: Option<Oid>,
) -> Result<Found, GitError> {
    let is_changed = || -> Result<bool, GitError> {
        let Some(work_tree) = repository.workdir() else {
            return Ok(false);
        };
        let (changes, _) = changes(repository, work_tree)?;
        Ok(changes.own() > 0)
    };
    if let Some(operation) = operation(repository.state()) {
        return Ok(Found::Busy(operation));
    }
    Ok(match head {
        Head::Branch(branch) | Head::Unborn(branch) => Found::OnBranch(branch),
        Head::Detached(here) if !reachable(repository, commit, &["refs/*"])? => Found::Adrift(here),
        Head::Detached(_) if is_changed()? => Found::Changed,
        Head::Detached(here) => Found::Other(here),
    })
}

/// The URL by which git knows a submodule that was initialized.
pub(in crate::git) fn url(clone: &Path, path: &str) -> Option<String> {
    let repository = Repository::open(clone).ok()?;
    let key = url_key(&repository, path).ok()?;
    repository.config().ok()?.get_string(&key).ok()
}

/// The URL that `.gitmodules` has; it may be relative to the clone's own.
pub(in crate::git) fn declared_url(clone: &Path, path: &str) -> Option<String> {
    let repository = Repository::open(clone).ok()?;
    let submodule = repository.find_submodule(path).ok()?;
    submodule.url().ok()?.map(str::to_owned)
}

/// Takes back what `git submodule sync` has done to a submodule.
pub(in crate::git) fn set_url(clone: &Path, path: &str, url: &str) -> Result<(), git2::Error> {
    let repository = Repository::open(clone)?;
    let key = url_key(&repository, path)?;
    repository.config()?.set_str(&key, url)?;
    let inner = repository.find_submodule(path)?.open();
    inner.map_or(Ok(()), |inner| inner.remote_set_url("origin", url))
}

fn url_key(repository: &Repository, path: &str) -> Result<String, git2::Error> {
    let submodule = repository.find_submodule(path)?;
    Ok(format!("submodule.{}.url", submodule.name()?))
}

fn in_index(repository: &Repository) -> Result<Vec<(PathBuf, Oid)>, GitError> {
    let index = repository.index()?;
    let links = index
        .iter()
        .filter(|entry| entry.mode == u32::from(FileMode::Commit));
    Ok(links
        .filter_map(|entry| Some((PathBuf::from(String::from_utf8(entry.path).ok()?), entry.id)))
        .collect())
}
