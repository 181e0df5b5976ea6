//! Determines the target of an update according to the plan; [`transaction`] does the update, or
//! the user's git if only that can. Nothing uncommitted is ever overwritten.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::attributes::Attributes;
use super::checkout::with_git;
use super::hooks::Told;
use super::lfs::fetches_lfs;
use super::plumbing::moves;
use super::transaction::{self, How, Move, Scene};
use super::{engine, folder, head, hooks, pinned};
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::sync::{self, CloneState, Goal, Head, Target};
use crate::workspace::Repo;

/// Fast-forwards the current branch, and the work tree, to the remote's branch. Never overwrites
/// anything uncommitted: instead it fails with [`Cause::InTheWay`] and changes nothing. Returns
/// notes for the user.
pub fn fast_forward(
    root: &Path,
    repo: &Repo,
    clone: &CloneState,
) -> Result<Option<String>, GitError> {
    if clone.only_git {
        return moves::fast_forward(root, repo, clone);
    }
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let Target::Branch { name, .. } = &clone.target else {
        return Err(GitError::new(Cause::Other, "no branch to fast-forward to"));
    };
    let upstream = format!("{}/{name}", clone.remote);
    let commit = repository
        .find_reference(&format!("refs/remotes/{upstream}"))?
        .peel_to_commit()?;
    must_be_forward(&repository, clone, &upstream, commit.id())?;
    let wanted = Move {
        basis: &clone.basis,
        to: commit.id(),
        how: How::FastForward {
            branch: name,
            upstream: &upstream,
        },
    };
    let scene = Scene::of(&repository, &wanted)?;
    let attributes = scene.attributes();
    fetch_lfs(&repository, &attributes, &clone.remote, commit.id())?;
    let only_git = engine::for_fast_forward(&repository, &attributes);
    if let Some(why) = moved_or_why_not(&scene, only_git)? {
        transaction::look(&scene, &attributes)?;
        with_git(why, || cli::fast_forward(&path, &commit.id().to_string()))?;
        return Ok(hooks::not_run_after_merge(&repository));
    }
    // As with git, a failing one doesn't undo anything, and git doesn't report it.
    hooks::after_merge(&repository)
}

/// Updates the clone, unless only git can. Returns the reason in that case, whether it is known
/// before or found during the update; nothing was changed then.
fn moved_or_why_not(
    scene: &Scene<'_>,
    only_git: Option<&'static str>,
) -> Result<Option<&'static str>, GitError> {
    if only_git.is_some() {
        return Ok(only_git);
    }
    match transaction::run(scene) {
        Ok(()) => Ok(None),
        // git copies what can't be renamed.
        Err(error) if error.cause == Cause::OtherFileSystem => {
            Ok(Some("files on a different file system than its `.git`"))
        }
        Err(error) => Err(error),
    }
}

/// Returns what is in the way of the commit that the suggested command for this state would check
/// out. git itself overwrites ignored files.
pub fn obstacle(root: &Path, repo: &Repo, clone: &CloneState) -> Option<String> {
    let goal = sync::offered(clone)?;
    if clone.only_git {
        return moves::obstacle(root, repo, clone, goal);
    }
    let repository = Repository::open(folder(root, repo)).ok()?;
    let to = commit_of(&repository, repo, clone, goal)?;
    let error = match transaction::in_the_way(&repository, to) {
        Ok(paths) if paths.is_empty() => return None,
        Ok(paths) => GitError::in_the_way(&paths),
        Err(error) => error,
    };
    Some(error.reason)
}

/// Returns the commit to check out; none if it is not available locally.
pub fn destination(root: &Path, repo: &Repo, clone: &CloneState, goal: Goal) -> Option<Oid> {
    let repository = Repository::open(folder(root, repo)).ok()?;
    commit_of(&repository, repo, clone, goal)
}

fn commit_of(repository: &Repository, repo: &Repo, clone: &CloneState, goal: Goal) -> Option<Oid> {
    let commit = |name: &str| {
        let found = repository.find_reference(name).ok()?;
        Some(found.peel_to_commit().ok()?.id())
    };
    let name = clone.target.branch();
    let upstream = || commit(&format!("refs/remotes/{}/{}", clone.remote, name?));
    match goal {
        Goal::Upstream => upstream(),
        Goal::Branch => commit(&format!("refs/heads/{}", name?)).or_else(upstream),
        Goal::Pin => pinned(repository, &repo.checkout),
    }
}

/// Another program may have fetched since the decision, and the remote's branch may have been
/// rewritten.
fn must_be_forward(
    repository: &Repository,
    clone: &CloneState,
    upstream: &str,
    to: Oid,
) -> Result<(), GitError> {
    let Some(from) = &clone.basis.commit else {
        return Ok(());
    };
    let from = Oid::from_str(from)?;
    if from == to || repository.graph_descendant_of(to, from)? {
        return Ok(());
    }
    Err(GitError {
        command: Some("fitout sync".to_owned()),
        ..GitError::new(
            Cause::Changed,
            format!("`{upstream}` changed while sync ran"),
        )
    })
}

/// Checks out the pinned commit with a detached HEAD, with the same guarantees. Returns notes for
/// the user.
pub fn detach(root: &Path, repo: &Repo, clone: &CloneState) -> Result<Option<String>, GitError> {
    if clone.only_git {
        return moves::detach(root, repo, clone);
    }
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let commit = pinned(&repository, &repo.checkout)
        .ok_or_else(|| GitError::new(Cause::MissingReference, "the pinned commit doesn't exist"))?;
    let commit = repository.find_commit(commit)?;
    let wanted = Move {
        basis: &clone.basis,
        to: commit.id(),
        how: How::Detach,
    };
    let scene = Scene::of(&repository, &wanted)?;
    let attributes = scene.attributes();
    fetch_lfs(&repository, &attributes, &clone.remote, commit.id())?;
    let (_, old) = head(&repository)?;
    let only_git = engine::for_move(&repository, &attributes);
    if let Some(why) = moved_or_why_not(&scene, only_git)? {
        transaction::look(&scene, &attributes)?;
        let moved = with_git(why, || cli::detach(&path, &commit.id().to_string()));
        let (at, now) = head(&repository)?;
        let is_there = matches!(at, Head::Detached(_)) && now == Some(commit.id());
        return hooks::without_hook(moved, is_there, || {
            hooks::not_run_after_checkout(&repository)
        });
    }
    let told = hooks::after_checkout(&repository, old, commit.id())?;
    Ok(told.map(Told::text))
}

/// Checks out the manifest's branch, with the same guarantees; creates it if only the remote has
/// it. Returns notes for the user.
pub fn switch(root: &Path, repo: &Repo, clone: &CloneState) -> Result<Option<String>, GitError> {
    if clone.only_git {
        return moves::switch(root, repo, clone);
    }
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
    if local.is_none()
        && let Some(other) = no_room_for(&repository, name)?
    {
        let reason = format!("branch `{name}` conflicts with the branch `{other}`");
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
    let scene = Scene::of(&repository, &wanted)?;
    let attributes = scene.attributes();
    fetch_lfs(&repository, &attributes, &clone.remote, commit.id())?;
    let (_, old) = head(&repository)?;
    let only_git = engine::for_move(&repository, &attributes);
    let Some(why) = moved_or_why_not(&scene, only_git)? else {
        let told = hooks::after_checkout(&repository, old, commit.id())?;
        return Ok(told.map(Told::text));
    };
    transaction::look(&scene, &attributes)?;
    let from = local.is_none().then_some(upstream.as_str());
    let moved = with_git(why, || {
        cli::switch(&path, OsStr::new(name), from.map(OsStr::new))
    });
    let is_there = head(&repository)?.0 == Head::Branch(name.clone());
    hooks::without_hook(moved, is_there, || {
        hooks::not_run_after_checkout(&repository)
    })
}

/// Returns the branch that conflicts with this name: `feature` with `feature/x`, or vice versa.
fn no_room_for(repository: &Repository, name: &str) -> Result<Option<String>, GitError> {
    let above = name.match_indices('/').map(|(at, _)| &name[..at]);
    for above in above {
        if repository
            .find_reference(&format!("refs/heads/{above}"))
            .is_ok()
        {
            return Ok(Some(above.to_owned()));
        }
    }
    let mut below = repository.references_glob(&format!("refs/heads/{name}/*"))?;
    Ok(match below.names().next() {
        Some(found) => Some(found?.trim_start_matches("refs/heads/").to_owned()),
        None => None,
    })
}

/// First downloads the Git LFS files of the commit, if any: git stops in the middle of a work tree
/// if one of them can't be downloaded.
fn fetch_lfs(
    repository: &Repository,
    attributes: &Attributes,
    remote: &str,
    commit: Oid,
) -> Result<(), GitError> {
    if let Some(work_tree) = repository.workdir().filter(|_| attributes.lfs)
        && fetches_lfs(repository)
    {
        cli::fetch_lfs(work_tree, remote, &commit.to_string())?;
    }
    Ok(())
}

/// Returns the other work tree of the same repository that has the branch checked out.
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
