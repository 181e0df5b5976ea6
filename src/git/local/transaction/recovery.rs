//! Rolls back an update that failed, or that a killed run left. Keeps what can't be restored, and
//! never blocks a later run. Doesn't depend on how an update works, only on its journal.

use std::fs;
use std::io;
use std::path::Path;

use git2::{Oid, Repository};

use super::changes::Versions;
use super::locks::Locks;
use super::refs::{self, Head};
use super::replaced::Replaced;
use super::staging::{self, Staging};
use super::steps::{Journal, Step, Undone};
use super::{index, shown, work_tree};
use crate::git::error::{Cause, GitError};
use crate::git::filter::Log;
use crate::git::local::folder;
use crate::host::place;
use crate::workspace::Repo;

/// Finishes or rolls back what a killed run had begun in a clone, and removes its locks. Returns
/// notes for the user. A single disk access if there is nothing to do.
pub fn recover(root: &Path, repo: &Repo) -> Result<Option<String>, GitError> {
    let Some(repository) = left_in(root, repo) else {
        return Ok(None);
    };
    Log::remove_stale(repository.path());
    let recovered = recover_in(&repository);
    recovered.map_err(|error| match error.cause {
        // By another program that is using the clone.
        Cause::Locked | Cause::Changed => error,
        _ => GitError {
            reason: format!("can't undo what a killed run had begun: {error}"),
            ..error
        },
    })
}

/// Returns the clone, if a killed run has left something in it.
fn left_in(root: &Path, repo: &Repo) -> Option<Repository> {
    let path = &folder(root, repo);
    let git_dir = path.join(".git");
    let is_left = match git_dir.join(staging::FOLDER).symlink_metadata() {
        Ok(_) => true,
        // In a linked work tree, `.git` is a file with the path of the folder.
        Err(error) => error.kind() == io::ErrorKind::NotADirectory,
    };
    let relative = Path::new(repo.local_path.as_deref().unwrap_or(&repo.path));
    // Anything outside of the workspace is not our clone, which the plan reports.
    if !is_left || place::check(root, relative).is_err() {
        return None;
    }
    // If it can't be opened, the plan reports why.
    let repository = Repository::open(path).ok()?;
    let folder = repository.path().join(staging::FOLDER);
    folder.symlink_metadata().is_ok().then_some(repository)
}

/// Whether a killed run has left something in a clone. Changes nothing; a single disk access if
/// there is nothing.
pub(in crate::git::local) fn is_half_moved(git_dir: &Path) -> bool {
    let folder = git_dir.join(staging::FOLDER);
    folder.symlink_metadata().is_ok() && !staging::is_held(&folder)
}

fn recover_in(repository: &Repository) -> Result<Option<String>, GitError> {
    let work_tree = work_tree(repository)?;
    let Some(staging) = Staging::left(repository.path(), &work_tree)? else {
        return Ok(None);
    };
    let locked = staging.locked()?;
    let locks: Vec<_> = locked
        .iter()
        .map(|name| refs::lock(repository, name))
        .collect();
    let locks = Locks::take_over(&staging.owner_file(), &locks)?;
    let journal = match staging.journal() {
        Ok(Some(journal)) => journal,
        Ok(None) => {
            drop(locks);
            staging.remove();
            return Ok(Some("cleaned up after a killed run".to_owned()));
        }
        Err(error) => {
            drop(locks);
            return Ok(Some(unreadable(staging, &error)?));
        }
    };
    let head = Head::read(repository)?;
    let commit = head.commit.map(|id| id.to_string()).unwrap_or_default();
    if head.text == journal.new_head && commit == journal.to {
        drop(locks);
        staging.remove();
        return Ok(Some("finished what a killed run had begun".to_owned()));
    }
    let may_undo = if head.text != journal.head || commit != journal.from {
        false
    } else if Replaced::index(repository, staging.path()).is_ours() {
        true
    } else {
        match has_old_index(repository, &work_tree, &journal) {
            Ok(is_old) => is_old,
            Err(error) => {
                drop(locks);
                return Ok(Some(unreadable(staging, &error)?));
            }
        }
    };
    if may_undo {
        let undone = undo(repository, &staging, &journal.steps, &journal.new_head)?;
        drop(locks);
        let mut note = "undid what a killed run had begun".to_owned();
        if !undone.left.is_empty() {
            note = format!("{note}, except for {}, changed since", shown(&undone.left));
        }
        if undone.keeps_taken {
            note = format!("{note}; {}", kept(&staging.put_aside()?));
        } else {
            staging.remove();
        }
        return Ok(Some(note));
    }
    drop(locks);
    let name = staging.put_aside()?;
    let name = Path::new(".git").join(name);
    Ok(Some(format!(
        "a killed run left its files half updated, and HEAD or the index has changed since: the replaced files are in `{}`",
        name.display()
    )))
}

/// Whether the index is the same as before the update.
fn has_old_index(
    repository: &Repository,
    work_tree: &Path,
    journal: &Journal,
) -> Result<bool, GitError> {
    let versions = Versions::open(work_tree, repository.path())?;
    let from = Oid::from_str(&journal.from).ok().filter(|id| !id.is_zero());
    let changes = versions.between(from, Oid::from_str(&journal.to)?)?;
    Ok(index::is_old(&repository.path().join("index"), &changes))
}

/// This won't change later, and must not block the next runs.
fn unreadable(staging: Staging, error: &dyn std::error::Error) -> io::Result<String> {
    let kept = kept(&staging.put_aside()?);
    Ok(format!(
        "can't read what a killed run had begun ({error}): {kept}"
    ))
}

/// Restores git's own files, and those of the work tree. `new_head` is the intended new content of
/// HEAD.
pub(super) fn undo(
    repository: &Repository,
    staging: &Staging,
    steps: &[Step],
    new_head: &str,
) -> io::Result<Undone> {
    if let Some(name) = new_head.strip_prefix("ref: ")
        && Replaced::branch(repository, staging.path(), name).put_back()?
    {
        // A branch and its reflog are created and removed together.
        let _ = fs::remove_file(refs::log_file(repository, name));
    }
    Replaced::config(repository, staging.path()).put_back()?;
    Replaced::index(repository, staging.path()).put_back()?;
    Ok(staging.places().undo(steps))
}

/// Returns where the user finds what could not be restored.
pub(super) fn kept(name: &str) -> String {
    let name = Path::new(".git").join(name);
    format!("the previous files are in `{}`", name.display())
}
