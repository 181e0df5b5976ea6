//! Undoes a move: one that failed, and one that a killed run left. What it can't put back it keeps, and nothing
//! that is left holds a later run up. Does not know how a move is made, only what it writes down.

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

/// Finishes or undoes what a killed run has begun in a clone, and takes away its locks. Returns
/// what the user should know. One look at the disk where there is nothing to do.
pub fn recover(root: &Path, repo: &Repo) -> Result<Option<String>, GitError> {
    let Some(repository) = left_in(root, repo) else {
        return Ok(None);
    };
    Log::remove_stale(repository.path());
    let recovered = recover_in(&repository);
    recovered.map_err(|error| match error.cause {
        // By somebody who is at work in the clone.
        Cause::Locked | Cause::Changed => error,
        _ => GitError {
            reason: format!("can't undo what a killed run has begun: {error}"),
            ..error
        },
    })
}

/// The clone, if there is something that a killed run has left in it.
fn left_in(root: &Path, repo: &Repo) -> Option<Repository> {
    let path = &folder(root, repo);
    let git_dir = path.join(".git");
    let is_left = match git_dir.join(staging::FOLDER).symlink_metadata() {
        Ok(_) => true,
        // `.git` of a linked work tree is a file that says where the folder is.
        Err(error) => error.kind() == io::ErrorKind::NotADirectory,
    };
    let relative = Path::new(repo.local_path.as_deref().unwrap_or(&repo.path));
    // What is elsewhere is not a clone of ours, and the plan says so.
    if !is_left || place::check(root, relative).is_err() {
        return None;
    }
    // Whatever it is that can't be opened, the plan will say.
    let repository = Repository::open(path).ok()?;
    let folder = repository.path().join(staging::FOLDER);
    folder.symlink_metadata().is_ok().then_some(repository)
}

/// Whether a killed run has left something in a clone. Changes nothing, and one look at the disk where there is
/// nothing.
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
            return Ok(Some("cleaned up after a run that was killed".to_owned()));
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
            note = format!("{note}, but for {}, changed since", shown(&undone.left));
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
        "a killed run left its files half updated, and HEAD or the index changed since: what it had \
         replaced is in `{}`",
        name.display()
    )))
}

/// Whether the index has what it had before the move.
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

/// It is the same tomorrow: the next runs are not to be held up by it.
fn unreadable(staging: Staging, error: &dyn std::error::Error) -> io::Result<String> {
    let kept = kept(&staging.put_aside()?);
    Ok(format!(
        "what a killed run had begun can't be read ({error}): {kept}"
    ))
}

/// Puts back git's own files, and those of the work tree. `new_head` is what HEAD would have come to hold.
pub(super) fn undo(
    repository: &Repository,
    staging: &Staging,
    steps: &[Step],
    new_head: &str,
) -> io::Result<Undone> {
    if let Some(name) = new_head.strip_prefix("ref: ")
        && Replaced::branch(repository, staging.path(), name).put_back()?
    {
        // A branch and its log come and go together.
        let _ = fs::remove_file(refs::log_file(repository, name));
    }
    Replaced::config(repository, staging.path()).put_back()?;
    Replaced::index(repository, staging.path()).put_back()?;
    Ok(staging.places().undo(steps))
}

/// Where the user finds what could not be put back.
pub(super) fn kept(name: &str) -> String {
    let name = Path::new(".git").join(name);
    format!("what was there before is in `{}`", name.display())
}
