//! The local half: reads and updates what is on disk, with git2.
//!
//! [`state`] reads, [`moving`] determines the target and [`transaction`] updates; [`remote`] serves
//! the network half, [`copy`] creates another repository from existing objects, [`work`] finds work
//! that exists nowhere else. [`engine`] detects clones that libgit2 and gix would get wrong, by
//! their [`attributes`] and the like; [`checkout`] writes the first files, [`hooks`] runs the hooks
//! that git would run.

mod attributes;
pub(super) mod checkout;
pub mod copy;
mod engine;
mod fresh;
pub(super) mod hooks;
mod lfs;
mod link;
mod moving;
pub(super) mod plumbing;
mod remote;
mod state;
pub mod submodules;
mod template;
mod transaction;
pub mod work;

pub(super) use fresh::{FirstHead, Refs, RemoteRef, begin as begin_clone, finish as finish_refs};
pub use lfs::{Lfs, lfs, lfs_note};
pub use link::{exclude, make as link};
pub use moving::{destination, detach, fast_forward, obstacle, switch};
pub use remote::set_url;
pub(super) use remote::{
    clone, configured_refspecs, detach_head, fetch, first_url, follows, knows_branches, listed,
    remote_refs, set_remote_default, wanted_refspecs,
};
pub use state::{observe, observe_at_exit, refresh};
pub(super) use transaction::rename_new;
pub use transaction::{lock_of_fetch, recover};

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Repository};

use self::plumbing::Plumbed;
use super::cli;
use super::error::{Cause, GitError};
use crate::host::place;
use crate::sync::{CloneState, Head};
use crate::workspace::{Checkout, Repo};

/// Returns the folder of a repo's clone.
pub fn folder(root: &Path, repo: &Repo) -> PathBuf {
    root.join(repo.local_path.as_deref().unwrap_or(&repo.path))
}

/// Fails if a path in the workspace leads out of it or into a `.git` folder.
pub fn within(root: &Path, path: Option<&Path>) -> Result<(), GitError> {
    place::check(root, path.unwrap_or(Path::new("")))
        .map_err(|astray| GitError::new(Cause::InTheWay, astray.to_string()))
}

/// Returns the branch that is checked out, if any.
pub fn branch(path: &Path) -> Option<String> {
    let by_library = || head(&Repository::open(path)?);
    match by_library() {
        Ok((Head::Branch(name) | Head::Unborn(name), _)) => Some(name),
        Ok((Head::Detached(_), _)) => None,
        Err(_) => Plumbed::open(path).ok()?.branch(),
    }
}

/// Returns the git directory of the repository at `path`.
pub fn git_dir(path: &Path) -> Option<PathBuf> {
    match Repository::open(path) {
        Ok(repository) => Some(repository.commondir().to_owned()),
        Err(_) => Some(Plumbed::open(path).ok()?.common_dir().to_owned()),
    }
}

/// Whether only the user's git can open the clone.
pub(super) fn is_only_gits(path: &Path) -> bool {
    Repository::open(path).is_err() && Plumbed::open(path).is_ok()
}

/// Returns a file as of the commit that is checked out.
pub fn committed(path: &Path, file: &Path) -> Option<Vec<u8>> {
    let Ok(repository) = Repository::open(path) else {
        let mut name = OsString::from("HEAD:");
        name.push(file);
        let arguments = [OsStr::new("cat-file"), OsStr::new("blob"), &name];
        return Some(cli::ask(path, &arguments).ok()??.into());
    };
    let tree = repository.head().ok()?.peel_to_tree().ok()?;
    let blob = repository.find_blob(tree.get_path(file).ok()?.id()).ok()?;
    Some(blob.content().to_owned())
}

/// Whether the repository around a file ignores it.
pub fn is_ignored(file: &Path) -> bool {
    let Some(folder) = file.parent() else {
        return false;
    };
    let look = |repository: &Repository| -> Option<bool> {
        let work_tree = repository.workdir()?.canonicalize().ok()?;
        let file = file.canonicalize().ok()?;
        let path = file.strip_prefix(work_tree).ok()?;
        Some(repository.status_file(path).ok()?.is_ignored())
    };
    match Repository::discover(folder) {
        Ok(repository) => look(&repository).unwrap_or(false),
        Err(error) if error.code() == ErrorCode::NotFound => false,
        Err(_) => {
            let arguments = ["check-ignore", "--quiet", "--"].map(OsStr::new);
            let arguments = [&arguments[..], &[file.as_os_str()]].concat();
            matches!(cli::ask_around(folder, &arguments), Ok(Some(_)))
        }
    }
}

/// Returns the commit that is checked out.
pub fn head_commit(clone: &CloneState) -> Result<String, GitError> {
    let commit = clone.basis.commit.clone();
    commit.ok_or_else(|| GitError::new(Cause::MissingReference, "it has no commits yet"))
}

/// Whether a repository has a commit.
pub(super) fn has_commit(path: &Path, commit: Oid) -> bool {
    Repository::open(path).is_ok_and(|repository| repository.find_commit(commit).is_ok())
}

/// Whether a commit is on a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is reachable from one of the remote's tips.
    Yes,
    /// It is not reachable from any of them.
    No,
    /// Unknown: some tips are not available locally.
    Unknown,
}

/// Whether the commit is reachable from one of these tips, full ids of commits and tag objects.
pub fn is_held(root: &Path, repo: &Repo, commit: &str, tips: &[String]) -> Result<Held, GitError> {
    let path = folder(root, repo);
    let Ok(repository) = Repository::open(&path) else {
        return plumbing::is_held(&path, commit, tips);
    };
    let objects = repository.odb()?;
    let mut walk = repository.revwalk()?;
    walk.push(Oid::from_str(commit)?)?;
    let mut held = Held::No;
    for tip in tips {
        let tip = Oid::from_str(tip)?;
        if !objects.exists(tip) {
            held = Held::Unknown;
        } else if repository.find_object(tip, None)?.peel_to_commit().is_ok() {
            walk.hide(tip)?;
        }
    }
    Ok(if walk.next().is_none() {
        Held::Yes
    } else {
        held
    })
}

fn head(repository: &Repository) -> Result<(Head, Option<Oid>), GitError> {
    let reference = repository.find_reference("HEAD")?;
    let commit = reference.peel_to_commit().ok().map(|commit| commit.id());
    let head = match (reference.symbolic_target()?, commit) {
        (Some(name), commit) => {
            let name = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
            match commit {
                Some(_) => Head::Branch(name),
                None => Head::Unborn(name),
            }
        }
        (None, Some(commit)) => Head::Detached(short(commit)),
        (None, None) => return Err(GitError::new(Cause::Other, "HEAD is not a commit")),
    };
    Ok((head, commit))
}

/// Returns the content of HEAD, and the commit that it points to.
fn head_text(repository: &Repository) -> Result<(String, Option<Oid>), GitError> {
    let reference = repository.find_reference("HEAD")?;
    let commit = reference.peel_to_commit().ok().map(|commit| commit.id());
    let text = match (reference.symbolic_target()?, reference.target()) {
        (Some(name), _) => format!("ref: {name}"),
        (None, Some(id)) => id.to_string(),
        (None, None) => String::new(),
    };
    Ok((text, commit))
}

/// Whether a clone has more packs than `gc.autoPackLimit` and `maintenance.auto` allow, so that
/// git's own maintenance is due, as after git's fetches.
pub(super) fn has_many_packs(path: &Path) -> bool {
    let Ok(repository) = Repository::open(path) else {
        return false;
    };
    let (mut most, mut is_wanted) = (50, true);
    if let Ok(config) = repository.config() {
        most = config.get_i64("gc.autoPackLimit").unwrap_or(most);
        is_wanted = config.get_bool("maintenance.auto").unwrap_or(is_wanted);
    }
    if !is_wanted || most <= 0 {
        return false;
    }
    let entries = fs::read_dir(repository.commondir().join("objects/pack"));
    let paths = entries.into_iter().flatten().flatten().map(|it| it.path());
    let packs = paths.filter(|path| {
        path.extension().is_some_and(|it| it == "pack") && !path.with_extension("keep").exists()
    });
    i64::try_from(packs.count()).is_ok_and(|packs| packs > most)
}

fn short(commit: Oid) -> String {
    let mut text = commit.to_string();
    text.truncate(9);
    text
}

/// Returns the commit of a tag or a commit id, if it is in the clone.
fn pinned(repository: &Repository, checkout: &Checkout) -> Option<Oid> {
    let object = match checkout {
        Checkout::Tag(name) => repository
            .find_reference(&format!("refs/tags/{name}"))
            .ok()?
            .peel(git2::ObjectType::Commit)
            .ok()?,
        Checkout::Rev(rev) if !rev.bytes().all(|byte| byte.is_ascii_hexdigit()) => return None,
        Checkout::Rev(rev) => repository
            .revparse_single(rev)
            .ok()?
            .peel(git2::ObjectType::Commit)
            .ok()?,
        Checkout::RemoteDefault | Checkout::Branch(_) => return None,
    };
    Some(object.id())
}

/// Whether the commit is reachable from a ref that matches one of the patterns.
fn reachable(
    repository: &Repository,
    commit: Option<Oid>,
    patterns: &[&str],
) -> Result<bool, GitError> {
    let Some(commit) = commit else {
        return Ok(true);
    };
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    for pattern in patterns {
        walk.hide_glob(pattern)?;
    }
    Ok(walk.next().is_none())
}

fn has_remote_branches(repository: &Repository, remote: &str) -> Result<bool, GitError> {
    Ok(repository
        .references_glob(&format!("refs/remotes/{remote}/*"))?
        .next()
        .is_some())
}
