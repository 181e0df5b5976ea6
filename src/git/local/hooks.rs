//! The user's hooks for changes of a work tree: `post-checkout` and `post-merge`.
//!
//! Clones are created and updated without git, so their hooks are run here, according to
//! githooks(5).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use git2::{ConfigLevel, Repository};
use gix::bstr::ByteSlice as _;

use super::plumbing::Plumbed;
use super::template;
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::git::meter::Gate;
use crate::host::interrupt;
use crate::host::process::Traced as _;

const POST_CHECKOUT: &str = "post-checkout";
const POST_MERGE: &str = "post-merge";
/// The location of hooks.
const KEY: &str = "core.hooksPath";

/// A hook that git would run in a clone.
enum Hook {
    None,
    /// In the work tree, with its path in it: the hook comes from the remote, and is untrusted.
    FromRemote(PathBuf),
    Run(PathBuf),
}

/// The result of a hook that did not succeed.
pub(super) enum Told {
    /// It failed.
    Failed(String),
    /// It was not run.
    NotRun(String),
}

impl Told {
    pub(super) fn text(self) -> String {
        match self {
            Told::Failed(text) | Told::NotRun(text) => text,
        }
    }
}

/// Runs the hook that `git clone` runs, in a clone at its final path. Returns notes for the user.
/// As with git, a failing hook doesn't undo anything.
pub(in crate::git) fn after_clone(
    path: &Path,
    gate: &Arc<Gate>,
    interrupt: &AtomicBool,
) -> Result<Option<String>, GitError> {
    if !may_have_hooks(path) {
        return Ok(None);
    }
    let Ok(repository) = Repository::open(path) else {
        return after_clone_by_git(path, interrupt);
    };
    // git runs no hook if there is nothing to check out.
    let Some(commit) = repository.head().ok().and_then(|head| head.target()) else {
        return Ok(None);
    };
    let hook = match hook_of(&repository, POST_CHECKOUT) {
        Hook::None => return Ok(None),
        Hook::FromRemote(hook) => return Ok(Some(was_not_run(&hook))),
        Hook::Run(hook) => hook,
    };
    // A new clone's own configuration comes from the template, and is not an opt-in for this clone.
    if let Some(hook) = in_work_tree(&repository, &hook) {
        return Ok(Some(was_not_run(&hook)));
    }
    let mut command = started(
        &hook,
        path,
        &[&git2::Oid::ZERO_SHA1.to_string(), &commit.to_string(), "1"],
    );
    command.env("GIT_DIR", path.join(".git"));
    let _pass = gate.pass(0);
    cli::ended(command, interrupt).map(|ended| ended.err().map(|said| failed(&said)))
}

/// Like the above, for a clone that only git can read.
fn after_clone_by_git(path: &Path, interrupt: &AtomicBool) -> Result<Option<String>, GitError> {
    let clone = Plumbed::open(path)?;
    let Some(commit) = clone.commit() else {
        return Ok(None);
    };
    if come_from_remote(path) {
        return Ok(not_run_by_git(path));
    }
    let none = "0".repeat(commit.len());
    let ended = cli::run_hook(path, POST_CHECKOUT, &[&none, commit, "1"], interrupt)?;
    Ok(ended.err().map(|said| failed(&said)))
}

/// Runs the hook that `git merge` runs after a fast-forward. git ignores whether it fails. Returns
/// notes for the user.
pub(super) fn after_merge(repository: &Repository) -> Result<Option<String>, GitError> {
    Ok(match run(repository, POST_MERGE, &["0"])? {
        Some(Told::NotRun(text)) => Some(text),
        Some(Told::Failed(_)) | None => None,
    })
}

/// Runs the hook that `git checkout` runs.
pub(super) fn after_checkout(
    repository: &Repository,
    old: Option<git2::Oid>,
    new: git2::Oid,
) -> Result<Option<Told>, GitError> {
    let old = old.unwrap_or(git2::Oid::ZERO_SHA1).to_string();
    run(repository, POST_CHECKOUT, &[&old, &new.to_string(), "1"])
}

/// Returns a note about the hook that the user's git was not allowed to run after a fast-forward.
pub(super) fn not_run_after_merge(repository: &Repository) -> Option<String> {
    not_run(repository, POST_MERGE)
}

/// Like the above, after a checkout.
pub(super) fn not_run_after_checkout(repository: &Repository) -> Option<String> {
    not_run(repository, POST_CHECKOUT)
}

fn not_run(repository: &Repository, name: &str) -> Option<String> {
    match hook_of(repository, name) {
        Hook::FromRemote(hook) => Some(was_not_run(&hook)),
        Hook::None | Hook::Run(_) => None,
    }
}

/// Like the above, for a clone that only git can read.
pub(super) fn not_run_by_git(path: &Path) -> Option<String> {
    let hook = [POST_MERGE, POST_CHECKOUT]
        .map(|name| Some(folder_by_git(path)?.join(name)))
        .into_iter()
        .flatten()
        .find(|hook| is_executable(&path.join(hook)))?;
    come_from_remote(path).then(|| was_not_run(&hook))
}

/// Whether the user's git would run hooks from the clone's work tree, which come from the remote.
pub(in crate::git) fn come_from_remote(path: &Path) -> bool {
    let Ok(repository) = Repository::open(path) else {
        return folder_by_git(path)
            .is_some_and(|folder| inside(path, &path.join(folder)).is_some());
    };
    let (folder, is_own) = folder(&repository);
    !is_own && in_work_tree(&repository, &folder).is_some()
}

/// Whether it would do so in submodules of the clone, which don't use the clone's own
/// configuration.
pub(in crate::git) fn come_from_remote_in_submodules(path: &Path) -> bool {
    let everywhere = git2::Config::open_default().and_then(|config| config.get_path(KEY));
    everywhere.is_ok_and(|folder| folder.is_relative()) || come_from_remote(path)
}

/// Returns the configured hooks folder, unless it is set in the clone's own `.git`.
fn folder_by_git(path: &Path) -> Option<PathBuf> {
    let mut command = cli::quiet("git");
    command.arg("-C").arg(path).args(["config", "--show-scope"]);
    command.args(["--type=path", "--get", "core.hooksPath"]);
    let said = command.traced_output().ok()?.stdout;
    let (scope, folder) = said.split_once_str("\t")?;
    let is_own = [&b"local"[..], b"worktree"].contains(&scope);
    (!is_own).then(|| PathBuf::from(OsStr::from_bytes(folder.trim_end_with(|it| it == '\n'))))
}

fn run(repository: &Repository, name: &str, arguments: &[&str]) -> Result<Option<Told>, GitError> {
    let hook = match hook_of(repository, name) {
        Hook::None => return Ok(None),
        Hook::FromRemote(hook) => return Ok(Some(Told::NotRun(was_not_run(&hook)))),
        Hook::Run(hook) => hook,
    };
    let Some(work_tree) = repository.workdir() else {
        return Ok(None);
    };
    let ended = cli::ended(started(&hook, work_tree, arguments), interrupt::flag())?;
    Ok(ended.err().map(|said| Told::Failed(failed(&said))))
}

/// Untrusted code must not run. A hook in the work tree is untrusted, unless the clone's own
/// configuration sets that folder: then the user has opted in for this clone.
fn hook_of(repository: &Repository, name: &str) -> Hook {
    let (folder, is_own) = folder(repository);
    let hook = folder.join(name);
    if !is_executable(&hook) {
        return Hook::None;
    }
    match in_work_tree(repository, &hook) {
        Some(inside) if !is_own => Hook::FromRemote(inside),
        _ => Hook::Run(hook),
    }
}

/// Returns the path in the work tree, by name or with links resolved.
fn in_work_tree(repository: &Repository, hook: &Path) -> Option<PathBuf> {
    inside(repository.workdir()?, hook)
}

fn inside(work_tree: &Path, hook: &Path) -> Option<PathBuf> {
    let inside = |work_tree: &Path, path: &Path| {
        let inside = path.strip_prefix(work_tree).ok()?;
        (!inside.starts_with(".git")).then(|| inside.to_path_buf())
    };
    inside(work_tree, hook).or_else(|| {
        let (work_tree, hook) = (work_tree.canonicalize().ok()?, hook.canonicalize().ok()?);
        inside(&work_tree, &hook)
    })
}

fn was_not_run(hook: &Path) -> String {
    format!("`{}` was not run: it comes from the remote", hook.display())
}

/// Runs it by a shell, like git: the shell runs files without `#!`, and reports what it can't
/// start.
fn started(hook: &Path, work_tree: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::quiet("sh");
    command
        .args(["-c", r#"exec "$0" "$@""#])
        .arg(hook)
        .args(arguments)
        .current_dir(work_tree);
    command
}

/// Returns a note about a hook that failed after everything else succeeded, from the output of git
/// and the hook.
pub(super) fn failed(said: &[String]) -> String {
    let last = said.last().map_or("it printed nothing", String::as_str);
    format!("its `{POST_CHECKOUT}` hook failed: {last}")
}

/// Cheap, because most clones have none.
fn may_have_hooks(path: &Path) -> bool {
    static IS_ELSEWHERE: LazyLock<bool> = LazyLock::new(|| {
        let config = git2::Config::open_default();
        template::is_set() || config.is_ok_and(|config| config.get_path("core.hooksPath").is_ok())
    });
    *IS_ELSEWHERE || path.join(".git/hooks").join(POST_CHECKOUT).exists()
}

/// Returns git's hooks folder, and whether it is set in this clone's own `.git`.
fn folder(repository: &Repository) -> (PathBuf, bool) {
    let set = repository.config().and_then(|mut config| {
        let config = config.snapshot()?;
        let path = config.get_path(KEY)?;
        let level = config.get_entry(KEY)?.level();
        let is_own = matches!(level, ConfigLevel::Local | ConfigLevel::Worktree);
        Ok((path, is_own))
    });
    match (set, repository.workdir()) {
        (Ok((path, is_own)), Some(work_tree)) => (work_tree.join(path), is_own),
        (Ok(set), None) => set,
        (Err(_), _) => (repository.commondir().join("hooks"), true),
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// A checkout by git: its exit status may be that of a hook that failed after everything else
/// succeeded.
pub(super) fn without_hook(
    moved: Result<(), GitError>,
    is_there: bool,
    not_run: impl FnOnce() -> Option<String>,
) -> Result<Option<String>, GitError> {
    match moved {
        Err(error) if is_there && error.cause != Cause::Interrupted => {
            Ok(Some(failed(&[error.detail])))
        }
        moved => moved.map(|()| not_run()),
    }
}
