//! Says where a clone goes, as the plan wants it: [`transaction`] gets it there, or the user's git where only
//! that one can. Nothing that is not committed is ever overwritten.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{CheckoutNotificationType, Repository};

use super::filters::{fetches_lfs, has_encodings, is_sparse};
use super::transaction::{self, How, Move};
use super::{folder, head, hooks, pinned};
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::sync::{CloneState, Head, Target};
use crate::workspace::Repo;

/// Moves the branch that is checked out, and the work tree, to the remote's branch. Nothing that
/// is not committed is ever overwritten: then it fails with [`Cause::InTheWay`] and changes nothing.
pub fn fast_forward(root: &Path, repo: &Repo, clone: &CloneState) -> Result<(), GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let Target::Branch { name, .. } = &clone.target else {
        return Err(GitError::new(Cause::Other, "no branch to fast-forward to"));
    };
    let upstream = format!("{}/{name}", clone.remote);
    let commit = repository
        .find_reference(&format!("refs/remotes/{upstream}"))?
        .peel_to_commit()?;
    let wanted = Move {
        basis: &clone.basis,
        to: commit.id(),
        how: How::FastForward {
            branch: name,
            upstream: &upstream,
        },
    };
    fetch_lfs(&repository, &path, &clone.remote, &commit)?;
    if let Some(why) = needs_git(&repository, &commit) {
        transaction::look(&repository, &wanted)?;
        return with_git(why, || cli::fast_forward(&path, &commit.id().to_string()));
    }
    transaction::run(&repository, &wanted)?;
    // As with git, one that fails undoes nothing, and git says nothing of it.
    hooks::after_merge(&repository)?;
    Ok(())
}

/// Checks out the pinned commit with a detached HEAD, with the same care. Returns what the user should
/// know.
pub fn detach(root: &Path, repo: &Repo, clone: &CloneState) -> Result<Option<String>, GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let commit = pinned(&repository, &repo.checkout)
        .ok_or_else(|| GitError::new(Cause::MissingReference, "the pinned commit is not there"))?;
    let commit = repository.find_commit(commit)?;
    let wanted = Move {
        basis: &clone.basis,
        to: commit.id(),
        how: How::Detach,
    };
    fetch_lfs(&repository, &path, &clone.remote, &commit)?;
    if let Some(why) = needs_git(&repository, &commit) {
        transaction::look(&repository, &wanted)?;
        let moved = with_git(why, || cli::detach(&path, &commit.id().to_string()));
        let (at, now) = head(&repository)?;
        let is_there = matches!(at, Head::Detached(_)) && now == Some(commit.id());
        return without_hook(moved, is_there);
    }
    let (_, old) = head(&repository)?;
    transaction::run(&repository, &wanted)?;
    hooks::after_checkout(&repository, old, commit.id())
}

/// Checks out the manifest's branch, with the same care; makes it where only the remote has it. Returns
/// what the user should know.
pub fn switch(root: &Path, repo: &Repo, clone: &CloneState) -> Result<Option<String>, GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let Target::Branch { name, .. } = &clone.target else {
        return Err(GitError::new(Cause::Other, "no branch to switch to"));
    };
    let local = repository.find_branch(name, git2::BranchType::Local).ok();
    let upstream = format!("{}/{name}", clone.remote);
    let commit = match &local {
        Some(branch) => branch.get().peel_to_commit()?,
        None => repository
            .find_reference(&format!("refs/remotes/{upstream}"))?
            .peel_to_commit()?,
    };
    if let Some(other) = work_tree_on(&repository, name)? {
        let reason = format!("`{name}` is checked out in {}", other.display());
        return Err(GitError::new(Cause::InTheWay, reason));
    }
    let wanted = Move {
        basis: &clone.basis,
        to: commit.id(),
        how: How::Switch {
            branch: name,
            follows: local.is_none().then_some(&clone.remote),
        },
    };
    fetch_lfs(&repository, &path, &clone.remote, &commit)?;
    let Some(why) = needs_git(&repository, &commit) else {
        let (_, old) = head(&repository)?;
        transaction::run(&repository, &wanted)?;
        return hooks::after_checkout(&repository, old, commit.id());
    };
    transaction::look(&repository, &wanted)?;
    let from = local.is_none().then_some(upstream.as_str());
    let moved = with_git(why, || cli::switch(&path, name, from));
    let is_there = head(&repository)?.0 == Head::Branch(name.clone());
    without_hook(moved, is_there)
}

/// Why only the user's git can move this clone, if so.
fn needs_git(repository: &Repository, commit: &git2::Commit<'_>) -> Option<&'static str> {
    if is_sparse(repository) {
        return Some("a sparse checkout");
    }
    if has_encodings(repository, commit) {
        // gix's encoder writes UTF-16 as UTF-8.
        return Some("files with an encoding of their own");
    }
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    if repository.workdir().and_then(device) != device(repository.path()) {
        return Some("its `.git` on another file system");
    }
    // Its commit is not in the file of that name.
    let is_symbolic = || -> Result<bool, git2::Error> {
        let head = repository.find_reference("HEAD")?;
        let Some(branch) = head.symbolic_target()? else {
            return Ok(false);
        };
        let kind = repository.find_reference(branch)?.kind();
        Ok(kind == Some(git2::ReferenceType::Symbolic))
    };
    is_symbolic()
        .unwrap_or(false)
        .then_some("a branch that is a symbolic ref")
}

/// A checkout by git: its status is that of a hook that failed after all was done.
fn without_hook(moved: Result<(), GitError>, is_there: bool) -> Result<Option<String>, GitError> {
    match moved {
        Err(error) if is_there && error.cause != Cause::Interrupted => {
            Ok(Some(hooks::failed(&[error.detail])))
        }
        moved => moved.map(|()| None),
    }
}

/// Fetches the files of Git LFS first, where the commit has such: git stops in the middle of a work
/// tree when one of them can't be had.
fn fetch_lfs(
    repository: &Repository,
    path: &Path,
    remote: &str,
    commit: &git2::Commit<'_>,
) -> Result<(), GitError> {
    if fetches_lfs(repository, commit) {
        cli::fetch_lfs(path, remote, &commit.id().to_string())?;
    }
    Ok(())
}

/// The other work tree of the same repository that has the branch checked out.
fn work_tree_on(repository: &Repository, branch: &str) -> Result<Option<PathBuf>, GitError> {
    let names = repository.worktrees()?;
    let linked = names
        .iter()
        .filter_map(|name| repository.find_worktree(name.ok()??).ok())
        .map(|work_tree| work_tree.path().to_path_buf());
    let git_dir = repository.commondir();
    let main = git_dir
        .ends_with(".git")
        .then(|| git_dir.parent())
        .flatten();
    let here = repository.workdir().map(Path::to_path_buf);
    Ok(main
        .map(Path::to_path_buf)
        .into_iter()
        .chain(linked)
        .find(|path| {
            let is_here = here.as_ref().is_some_and(
            |here| matches!((here.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b),
        );
            !is_here && super::branch(path).as_deref() == Some(branch)
        }))
}

/// Safe mode: libgit2 looks for conflicts first and touches nothing when there is one.
pub(super) fn checkout(repository: &Repository, commit: &git2::Commit<'_>) -> Result<(), GitError> {
    let mut in_the_way: Vec<String> = Vec::new();
    let result = {
        let mut options = CheckoutBuilder::new();
        options
            .safe()
            // git itself overwrites ignored files here; but a local `.env` is the user's work.
            .overwrite_ignored(false)
            .notify_on(CheckoutNotificationType::CONFLICT)
            .notify(|_, path, _, _, _| {
                if let Some(path) = path {
                    in_the_way.push(path.display().to_string());
                }
                true
            });
        repository.checkout_tree(commit.as_object(), Some(&mut options))
    };
    match result {
        Ok(()) => Ok(()),
        Err(_) if !in_the_way.is_empty() => Err(GitError::in_the_way(&in_the_way)),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn with_git(
    why: &str,
    run: impl FnOnce() -> Result<(), GitError>,
) -> Result<(), GitError> {
    run().map_err(|mut error| {
        if error.cause == Cause::MissingProgram {
            error.reason = format!("it has {why}, which needs `git`");
        }
        error
    })
}
