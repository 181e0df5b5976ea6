//! Finds what would be lost when git reuses a submodule's repository in `.git/modules` for one that
//! is not checked out: git overwrites existing files, discards that repository's index, and moves
//! its HEAD. The same goes for nested ones. Changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{FileMode, Oid, Repository, StatusOptions};

use super::{address, links_of};
use crate::git::error::{Cause, GitError};
use crate::git::local::state::{changes, operation};
use crate::git::local::work;
use crate::git::local::{Head, head, reachable};
use crate::host::here;
use crate::sync::rescue;

/// Fails if an update of the submodule at `path`, which has no `.git` there, would lose something.
pub(super) fn look(
    clone: &Path,
    owner: &Path,
    at: Option<Oid>,
    path: &Path,
) -> Result<(), GitError> {
    let repository = Repository::open(clone.join(owner))?;
    let inner = path.strip_prefix(owner).unwrap_or(path);
    // The path of a new one is checked by the update of its parent.
    let entry = repository.index()?.get_path(inner, 0);
    if entry.is_some_and(|entry| entry.mode == u32::from(FileMode::Commit)) {
        must_be_empty(clone, path)?;
    }
    let Some(name) = address::name(&repository, at, inner) else {
        return Ok(());
    };
    let mut git_dirs = Vec::new();
    add_git_dirs(&repository.path().join("modules").join(name), &mut git_dirs)?;
    for git_dir in git_dirs {
        let moved_from = work::work_tree_of(&git_dir);
        let (repository, shown) = match &moved_from {
            Some(files) => {
                let shown = files.canonicalize();
                (Repository::open(files)?, shown.unwrap_or(files.clone()))
            }
            None => (work::open_bare(&git_dir)?, git_dir),
        };
        let is_changed = match &moved_from {
            Some(files) => changes(&repository, files)?.0.own() > 0,
            None => !work::staged(&repository)?.is_empty(),
        };
        let shown = relative(clone, &shown);
        must_be_held(&repository, &shown)?;
        if is_changed {
            let reason = "uncommitted changes, which git would discard";
            return Err(would_lose(&repository, &shown, reason, "status"));
        }
    }
    Ok(())
}

/// Fails if the current commit is only reachable from HEAD, or an operation is in progress.
pub(super) fn must_be_held(repository: &Repository, path: &Path) -> Result<(), GitError> {
    if let Some(operation) = operation(repository.state()) {
        let reason = format!("a {operation} is in progress");
        return Err(would_lose(repository, path, &reason, "status"));
    }
    let (head, commit) = head(repository)?;
    if let Head::Detached(commit_here) = head
        && !reachable(repository, commit, &["refs/*"])?
    {
        let reason = format!("at {commit_here}, which no branch holds");
        return Err(would_lose(repository, path, &reason, &rescue(&commit_here)));
    }
    Ok(())
}

/// Including nested submodules.
fn add_git_dirs(git_dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), GitError> {
    if !work::is_git_dir(git_dir) {
        return Ok(());
    }
    found.push(git_dir.to_owned());
    let mut modules = Vec::new();
    work::collect_modules(git_dir, Path::new("modules"), &mut modules)?;
    for module in modules {
        add_git_dirs(&git_dir.join(module), found)?;
    }
    Ok(())
}

/// Whether there are untracked files, ignored or not, in a submodule or nested ones.
pub(super) fn has_files_of_its_own(path: &Path) -> Result<bool, GitError> {
    if !path.join(".git").exists() {
        return Ok(false);
    }
    let repository = Repository::open(path)?;
    for inner in links_of(&repository, None)?.keys() {
        if has_files_of_its_own(&path.join(inner))? {
            return Ok(true);
        }
    }
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .include_ignored(true)
        .exclude_submodules(true);
    let statuses = repository.statuses(Some(&mut options))?;
    let has = statuses
        .iter()
        .any(|entry| entry.status().is_wt_new() || entry.status().is_ignored());
    Ok(has)
}

fn must_be_empty(clone: &Path, path: &Path) -> Result<(), GitError> {
    let folder = clone.join(path);
    let found = match folder.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    if found.is_dir() {
        for entry in fs::read_dir(&folder)? {
            paths.push(path.join(entry?.file_name()));
        }
    } else {
        paths.push(path.to_owned());
    }
    paths.sort();
    let names: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(GitError::in_the_way(&names))
}

fn would_lose(repository: &Repository, path: &Path, reason: &str, command: &str) -> GitError {
    let git = match repository.workdir() {
        Some(files) => format!("git -C {}", here::typed(files)),
        // Its configured work tree may not exist.
        None => format!(
            "git --git-dir={} --work-tree=.",
            here::typed(repository.path())
        ),
    };
    GitError {
        command: Some(format!("{git} {command}")),
        ..GitError::new(
            Cause::InTheWay,
            format!("submodule `{}`: {reason}", path.display()),
        )
    }
}

fn relative(clone: &Path, path: &Path) -> PathBuf {
    let clone = clone.canonicalize().unwrap_or(clone.to_owned());
    path.strip_prefix(clone).unwrap_or(path).to_owned()
}
