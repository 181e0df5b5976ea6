//! The user's hooks that run when a work tree changes: `post-checkout` and `post-merge`.
//!
//! Clones are made and moved without git, so their hooks are started here, with what githooks(5) says.

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
/// Where hooks are.
const KEY: &str = "core.hooksPath";

/// The hook of one name that git would run in a clone.
enum Hook {
    None,
    /// In the work tree, by its path in there: nothing has looked at what the remote sent.
    FromRemote(PathBuf),
    Run(PathBuf),
}

/// What became of a hook that did not run well.
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

/// Runs the hook that `git clone` runs, of a clone that is at its place. Returns what the user should
/// know. As with git, a hook that fails does not undo anything.
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
    // git looks for no hook where there is nothing to check out.
    let Some(commit) = repository.head().ok().and_then(|head| head.target()) else {
        return Ok(None);
    };
    let hook = match hook_of(&repository, POST_CHECKOUT) {
        Hook::None => return Ok(None),
        Hook::FromRemote(hook) => return Ok(Some(was_not_run(&hook))),
        Hook::Run(hook) => hook,
    };
    // What a new clone's own configuration says is the template's, and nobody's word on this clone.
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

/// The same of a clone that only git reads.
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

/// Runs the hook that `git merge` runs after a fast-forward. git does not care whether it fails. Returns
/// what the user should know.
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

/// What to tell of the hook that the user's git was kept from after a fast-forward.
pub(super) fn not_run_after_merge(repository: &Repository) -> Option<String> {
    not_run(repository, POST_MERGE)
}

/// The same after a checkout.
pub(super) fn not_run_after_checkout(repository: &Repository) -> Option<String> {
    not_run(repository, POST_CHECKOUT)
}

fn not_run(repository: &Repository, name: &str) -> Option<String> {
    match hook_of(repository, name) {
        Hook::FromRemote(hook) => Some(was_not_run(&hook)),
        Hook::None | Hook::Run(_) => None,
    }
}

/// The same of a clone that only git reads.
pub(super) fn not_run_by_git(path: &Path) -> Option<String> {
    let hook = [POST_MERGE, POST_CHECKOUT]
        .map(|name| Some(folder_by_git(path)?.join(name)))
        .into_iter()
        .flatten()
        .find(|hook| is_executable(&path.join(hook)))?;
    come_from_remote(path).then(|| was_not_run(&hook))
}

/// Whether the user's git would take hooks of that clone from its work tree, where the remote puts them.
pub(in crate::git) fn come_from_remote(path: &Path) -> bool {
    let Ok(repository) = Repository::open(path) else {
        return folder_by_git(path)
            .is_some_and(|folder| inside(path, &path.join(folder)).is_some());
    };
    let (folder, is_own) = folder(&repository);
    !is_own && in_work_tree(&repository, &folder).is_some()
}

/// Whether it would do so in submodules of that clone, which know nothing of the clone's own configuration.
pub(in crate::git) fn come_from_remote_in_submodules(path: &Path) -> bool {
    let everywhere = git2::Config::open_default().and_then(|config| config.get_path(KEY));
    everywhere.is_ok_and(|folder| folder.is_relative()) || come_from_remote(path)
}

/// Where git takes hooks from, as configured, unless the clone's own `.git` says so.
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

/// A stranger's code does not run: a hook in the work tree is one, but where the clone's own configuration
/// says to take hooks from there. That is the user's word on this clone.
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

/// The path in the work tree, by its name or by where links lead.
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

/// By a shell, as git does: it runs what has no `#!`, and says what it can't start.
fn started(hook: &Path, work_tree: &Path, arguments: &[&str]) -> Command {
    let mut command = cli::quiet("sh");
    command
        .args(["-c", r#"exec "$0" "$@""#])
        .arg(hook)
        .args(arguments)
        .current_dir(work_tree);
    command
}

/// What to tell of a hook that failed after all was done, from what git and the hook said.
pub(super) fn failed(said: &[String]) -> String {
    let last = said.last().map_or("it says nothing", String::as_str);
    format!("its `{POST_CHECKOUT}` hook failed: {last}")
}

/// Cheap, since most clones have none.
fn may_have_hooks(path: &Path) -> bool {
    static IS_ELSEWHERE: LazyLock<bool> = LazyLock::new(|| {
        let config = git2::Config::open_default();
        template::is_set() || config.is_ok_and(|config| config.get_path("core.hooksPath").is_ok())
    });
    *IS_ELSEWHERE || path.join(".git/hooks").join(POST_CHECKOUT).exists()
}

/// Where git takes hooks from, and whether this clone's own `.git` says so.
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

/// A checkout by git: its status is that of a hook that failed after all was done.
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
