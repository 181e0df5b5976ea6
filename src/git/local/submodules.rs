//! Submodules of a clone: which ones are not at the recorded commit, and why; and whether git may
//! update them. Their URLs are in [`address`], kept repositories of submodules without files in
//! [`kept`].

mod address;
mod kept;

pub(super) use self::address::follow_remote;
pub(in crate::git) use self::address::{Address, remote};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{FileMode, Oid, Repository};

use super::plumbing::Plumbed;
use super::state::{changes, operation};
use super::transaction::{self, Changes};
use super::{GitError, Head, head, reachable, short};
use crate::git::error::Cause;
use crate::sync::{Found, Submodule};

/// Returns the submodules that are not at the recorded commit, or not cloned yet. `at` is the
/// commit that the clone will be updated to, if that has not happened yet.
pub fn elsewhere(clone: &Path, at: Option<Oid>) -> Result<Vec<Submodule>, GitError> {
    let mut all = Vec::new();
    if has_any(clone, at)? {
        let links = links(clone, at)?;
        add(clone, Path::new(""), links, &Above::default(), &mut all)?;
    }
    Ok(all)
}

/// Returns how many of the top-level submodules that git would clone are not cloned. A single disk
/// access if there is no `.gitmodules`.
pub fn not_cloned(clone: &Path) -> usize {
    if !clone.join(".gitmodules").exists() {
        return 0;
    }
    let Ok(links) = links(clone, None) else {
        let marks = Plumbed::open(clone).and_then(|clone| clone.marks_of_submodules());
        return marks.map_or(0, |marks| marks.iter().filter(|it| **it == '-').count());
    };
    let paths = links.keys().map(|path| clone.join(path).join(".git"));
    paths.filter(|path| !path.exists()).count()
}

/// Whether there are any in a clone that only git can read.
pub fn are_elsewhere(clone: &Path) -> Result<bool, GitError> {
    if !clone.join(".gitmodules").exists() {
        return Ok(false);
    }
    let marks = Plumbed::open(clone)?.marks_of_submodules()?;
    Ok(marks.iter().any(|mark| *mark != ' '))
}

fn has_any(clone: &Path, at: Option<Oid>) -> Result<bool, GitError> {
    Ok(match at {
        None => clone.join(".gitmodules").exists(),
        Some(at) => {
            let repository = Repository::open(clone)?;
            let tree = repository.find_commit(at)?.tree()?;
            tree.get_name(".gitmodules").is_some()
        }
    })
}

/// The context of a submodule.
#[derive(Clone, Debug, Default)]
struct Above {
    /// The top-level submodule that contains it.
    top: Option<String>,
    /// Whether a parent may be updated, and whether that is ahead: git then detaches HEAD in all
    /// nested ones, whatever their commits are. Only the user's work matters there.
    moves: Option<bool>,
}

fn add(
    clone: &Path,
    below: &Path,
    links: Links,
    above: &Above,
    all: &mut Vec<Submodule>,
) -> Result<(), GitError> {
    for (path, wanted) in links {
        let path = below.join(path);
        let Some(name) = path.to_str() else { continue };
        let mut here = Above {
            top: Some(above.top.as_deref().unwrap_or(name).to_owned()),
            ..above.clone()
        };
        let (found, is_ahead) = if clone.join(&path).join(".git").exists() {
            let repository = Repository::open(clone.join(&path))?;
            let (head, commit) = head(&repository)?;
            let is_there = commit == Some(wanted);
            if is_there && above.moves.is_none() {
                add(clone, &path, links_of(&repository, None)?, &here, all)?;
                continue;
            }
            // A missing commit is not an ancestor of anything.
            let is_ahead = above.moves.unwrap_or_else(|| {
                commit.is_some_and(|it| repository.graph_descendant_of(it, wanted) == Ok(true))
            });
            let found = at_other_commit(&repository, head, commit)?;
            if above.moves.is_some() || matches!(found, Found::Other(_)) {
                here.moves = Some(is_ahead);
                add(clone, &path, links_of(&repository, None)?, &here, all)?;
            }
            let is_work = match found {
                Found::Adrift(_) | Found::Busy(_) => true,
                Found::OnBranch(_) => !is_there,
                Found::Nothing | Found::Other(_) | Found::Changed => false,
            };
            if above.moves.is_some() && !is_work {
                continue;
            }
            (found, is_ahead)
        } else if above.moves.is_some() {
            continue;
        } else {
            (Found::Nothing, false)
        };
        all.push(Submodule {
            path: name.to_owned(),
            top: here.top.unwrap_or_default(),
            wanted: short(wanted),
            ahead: is_ahead,
            found,
        });
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

/// A submodule whose commit is not fetched yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct Lacking {
    /// Relative to the clone.
    pub path: PathBuf,
    /// The folder of its parent repository, relative to the clone.
    pub owner: PathBuf,
    /// The commit that the parent will be updated to, if any.
    pub at: Option<Oid>,
    /// The missing commit.
    pub commit: Oid,
}

/// Checks everything that git would touch when it updates these submodules and nested ones: like an
/// update of the clone itself, it must not overwrite the user's files, or make a commit
/// unreachable. git considers ignored files expendable. Submodules whose commit is missing can't be
/// checked, and are returned.
pub(in crate::git) fn look(
    clone: &Path,
    at: Option<Oid>,
    tops: &[String],
) -> Result<Vec<Lacking>, GitError> {
    let mut links = links(clone, at)?;
    links.retain(|path, _| tops.iter().any(|top| Path::new(top) == path));
    let mut lacking = Vec::new();
    look_below(clone, Path::new(""), at, links, &mut lacking)?;
    Ok(lacking)
}

/// Returns why git would, or might, lose something when it updates a submodule: commits that have
/// to be fetched first may contain files at untracked paths.
pub fn obstacle(clone: &Path, top: &str) -> Option<String> {
    let lacking = match look(clone, None, &[top.to_owned()]) {
        Ok(lacking) => lacking,
        Err(error) => return Some(error.reason),
    };
    let may_overwrite =
        |it: &&Lacking| kept::has_files_of_its_own(&clone.join(&it.path)).unwrap_or(true);
    lacking.iter().find(may_overwrite).map(|it| {
        let path = it.path.display();
        format!(
            "its commit is not fetched yet, and `{path}` has untracked files: fetch in it first"
        )
    })
}

fn look_below(
    clone: &Path,
    owner: &Path,
    at: Option<Oid>,
    links: Links,
    lacking: &mut Vec<Lacking>,
) -> Result<(), GitError> {
    for (path, commit) in links {
        let path = owner.join(path);
        if !clone.join(&path).join(".git").exists() {
            kept::look(clone, owner, at, &path)?;
            continue;
        }
        let repository = Repository::open(clone.join(&path))?;
        if head(&repository)?.1 == Some(commit) {
            let links = links_of(&repository, None)?;
            look_below(clone, &path, None, links, lacking)?;
            continue;
        }
        kept::must_be_held(&repository, &path)?;
        if repository.find_commit(commit).is_err() {
            must_be_held_below(clone, &path, &links_of(&repository, None)?)?;
            let owner = owner.to_owned();
            lacking.push(Lacking {
                path,
                owner,
                at,
                commit,
            });
        } else {
            let looked = transaction::look_in_submodule(&repository, &path, commit);
            let changes = looked.map_err(|error| match error.cause {
                Cause::InTheWay | Cause::Locked | Cause::Changed => error,
                _ => GitError {
                    reason: format!("submodule `{}`: {}", path.display(), error.reason),
                    ..error
                },
            })?;
            let links = links_of(&repository, Some((commit, &changes)))?;
            look_below(clone, &path, Some(commit), links, lacking)?;
        }
    }
    Ok(())
}

/// Because a missing commit may move them anywhere.
fn must_be_held_below(clone: &Path, owner: &Path, links: &Links) -> Result<(), GitError> {
    for path in links.keys().map(|path| owner.join(path)) {
        if clone.join(&path).join(".git").exists() {
            let repository = Repository::open(clone.join(&path))?;
            kept::must_be_held(&repository, &path)?;
            must_be_held_below(clone, &path, &links_of(&repository, None)?)?;
        }
    }
    Ok(())
}

/// Returns the commits of a repository's own submodules, by path; without those with `update =
/// none`.
type Links = BTreeMap<PathBuf, Oid>;

/// Returns the submodules of the clone, or those at a commit.
fn links(clone: &Path, at: Option<Oid>) -> Result<Links, GitError> {
    let repository = Repository::open(clone)?;
    match at {
        Some(at) => {
            let changes = transaction::changes(&repository, at)?;
            links_of(&repository, Some((at, &changes)))
        }
        None => links_of(&repository, None),
    }
}

/// Like the above, for a repository; `to` is the commit that it will be updated to, and the
/// differences.
fn links_of(repository: &Repository, to: Option<(Oid, &Changes)>) -> Result<Links, GitError> {
    let index = repository.index()?;
    let links = index
        .iter()
        .filter(|entry| entry.mode == u32::from(FileMode::Commit));
    let mut links: Links = links
        .filter_map(|entry| Some((PathBuf::from(String::from_utf8(entry.path).ok()?), entry.id)))
        .collect();
    for (path, change) in to.into_iter().flat_map(|(_, changes)| changes) {
        match change.new.filter(|new| new.is_submodule()) {
            Some(new) => links.insert(path.clone(), new.id),
            None => links.remove(path),
        };
    }
    if !links.is_empty() {
        for path in address::left_alone(repository, to.map(|(commit, _)| commit)) {
            links.remove(&path);
        }
    }
    Ok(links)
}
