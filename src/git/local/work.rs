//! What a repository has that is nowhere else: uncommitted changes, stashes, commits that no remote
//! has. Asks no server: a remote has what was last seen of it.

use std::path::{Path, PathBuf};

use git2::Repository;

use super::state::{changes, operation, stashes};
use super::{Head, head, reachable};
use crate::git::error::GitError;
use crate::sync::Changes;

/// Work of the user in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// What differs from HEAD.
    pub changes: Changes,
    /// Entries of `git stash list`.
    pub stashes: usize,
    /// What git is in the middle of: `rebase`, `merge`, …
    pub operation: Option<&'static str>,
    /// Branches, tags and detached HEADs with commits that no remote has, and how many each has.
    pub unpushed: Vec<(String, usize)>,
    /// Other work trees that need this repository.
    pub worktrees: usize,
}

impl Work {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Work::default()
    }
}

/// The work in the repository at `path`. Commits that one of the repositories `elsewhere` has on a
/// ref are not counted.
pub fn work(path: &Path, elsewhere: &[PathBuf]) -> Result<Work, GitError> {
    let repository = Repository::open(path)?;
    let others: Vec<Repository> = elsewhere
        .iter()
        .filter_map(|other| Repository::open(other).ok())
        .collect();
    let mut unpushed = Vec::new();
    for (name, tip) in tips(&repository)? {
        let commits = not_on_a_remote(&repository, tip)?;
        if commits > 0 && !others.iter().any(|other| has(other, tip)) {
            unpushed.push((name, commits));
        }
    }
    Ok(Work {
        changes: changes(&repository, path)?.0,
        stashes: stashes(&repository),
        operation: operation(repository.state()),
        unpushed,
        worktrees: repository.worktrees()?.len(),
    })
}

/// Everything of the user's that leads to commits.
fn tips(repository: &Repository) -> Result<Vec<(String, git2::Oid)>, GitError> {
    let mut tips = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        let Ok(name) = reference.name() else { continue };
        let short = name
            .strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("refs/tags/"));
        if let (Some(short), Ok(commit)) = (short, reference.peel_to_commit()) {
            tips.push((short.to_owned(), commit.id()));
        }
    }
    if let (Head::Detached(short), Some(commit)) = head(repository)? {
        tips.push((format!("HEAD ({short})"), commit));
    }
    Ok(tips)
}

fn not_on_a_remote(repository: &Repository, tip: git2::Oid) -> Result<usize, GitError> {
    let mut walk = repository.revwalk()?;
    walk.push(tip)?;
    walk.hide_glob("refs/remotes/*")?;
    Ok(walk.count())
}

/// Whether the commit is on a ref, or checked out, in another repository. That its objects are there
/// is not enough: what no ref leads to is collected one day.
fn has(other: &Repository, commit: git2::Oid) -> bool {
    if other.find_commit(commit).is_err() {
        return false;
    }
    let refs = ["refs/heads/*", "refs/remotes/*", "refs/tags/*"];
    let is_head = head(other).is_ok_and(|(_, head)| head == Some(commit));
    is_head || reachable(other, Some(commit), &refs).unwrap_or(false)
}
