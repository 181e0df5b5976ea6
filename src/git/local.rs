//! The local half: what is on disk, and moving it forward, with git2.
//!
//! [`state`] looks, [`moving`] says where to and [`transaction`] moves, [`remote`] serves the network half, [`copy`] makes one more
//! repository of what is here, [`work`] finds what is nowhere else. [`filters`] finds the clones that
//! libgit2 would get wrong, [`hooks`] runs what the user's git would run.

pub mod copy;
mod filters;
mod fresh;
pub(super) mod hooks;
mod link;
mod moving;
mod remote;
mod state;
pub mod submodules;
mod template;
mod transaction;
pub mod work;

pub use filters::{Lfs, is_attributes, lfs, lfs_note};
pub(super) use fresh::{FirstHead, Refs, RemoteRef, begin as begin_clone, finish as finish_refs};
pub use link::{exclude, make as link};
pub use moving::{detach, fast_forward, switch};
pub use remote::set_url;
pub(super) use remote::{
    clone, configured_refspecs, detach_head, fetch, follows, knows_branches, remote_refs,
    set_remote_default, wanted_refspecs,
};
pub use state::{observe, observe_at_exit, refresh};
pub use transaction::{lock_of_fetch, recover};

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::error::{Cause, GitError};
use crate::host::place;
use crate::sync::Head;
use crate::workspace::{Checkout, Repo};

/// The folder that a repo's clone belongs in.
pub fn folder(root: &Path, repo: &Repo) -> PathBuf {
    root.join(repo.local_path.as_deref().unwrap_or(&repo.path))
}

/// An error where a path of the workspace leads out of it, or into a `.git` folder: it is not written through.
pub fn within(root: &Path, path: Option<&Path>) -> Result<(), GitError> {
    place::check(root, path.unwrap_or(Path::new("")))
        .map_err(|astray| GitError::new(Cause::InTheWay, astray.to_string()))
}

/// The branch that is checked out, if it is one.
pub fn branch(path: &Path) -> Option<String> {
    match head(&Repository::open(path).ok()?).ok()?.0 {
        Head::Branch(name) | Head::Unborn(name) => Some(name),
        Head::Detached(_) => None,
    }
}

/// The commit that is checked out, and whether others can get it from the remote.
pub fn head_commit(root: &Path, repo: &Repo) -> Result<(String, bool), GitError> {
    let repository = Repository::open(folder(root, repo))?;
    let (_, commit) = head(&repository)?;
    let commit =
        commit.ok_or_else(|| GitError::new(Cause::MissingReference, "it has no commit yet"))?;
    let is_published = reachable(
        &repository,
        Some(commit),
        &["refs/remotes/*", "refs/tags/*"],
    )?;
    Ok((commit.to_string(), is_published))
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
        (None, None) => return Err(GitError::new(Cause::Other, "HEAD is no commit")),
    };
    Ok((head, commit))
}

/// What HEAD holds, as its file has it, and the commit that it leads to.
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

fn short(commit: Oid) -> String {
    let mut text = commit.to_string();
    text.truncate(9);
    text
}

/// The commit that a tag or a commit id names, if it is in the clone.
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

/// Whether a ref that matches one of the patterns leads to the commit.
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
