//! The user's hooks that run when a work tree changes: `post-checkout` and `post-merge`.
//!
//! Clones are made and moved without git, so their hooks are started here, with what githooks(5) says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use git2::Repository;

use super::template;
use crate::git::cli;
use crate::git::error::GitError;
use crate::git::meter::Gate;

const POST_CHECKOUT: &str = "post-checkout";
const POST_MERGE: &str = "post-merge";

/// Runs the hook that `git clone` runs, of a clone that is at its place. Returns what the user should
/// know. As with git, a hook that fails does not undo anything.
///
/// A hook in the work tree (a relative `core.hooksPath`) is not run: nothing has looked at what the
/// remote sent yet.
pub(in crate::git) fn after_clone(
    path: &Path,
    gate: &Arc<Gate>,
    interrupt: &AtomicBool,
) -> Result<Option<String>, GitError> {
    if !may_have_hooks(path) {
        return Ok(None);
    }
    let repository = Repository::open(path)?;
    let hook = folder(&repository).join(POST_CHECKOUT);
    // git looks for no hook where there is nothing to check out.
    let Some(commit) = repository.head().ok().and_then(|head| head.target()) else {
        return Ok(None);
    };
    if !is_executable(&hook) {
        return Ok(None);
    }
    let in_work_tree = repository
        .workdir()
        .and_then(|workdir| hook.strip_prefix(workdir).ok())
        .filter(|hook| !hook.starts_with(".git"));
    if let Some(hook) = in_work_tree {
        let note = format!("`{}` was not run: it comes from the remote", hook.display());
        return Ok(Some(note));
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

/// Runs the hook that `git merge` runs after a fast-forward. git does not care whether it fails.
pub(super) fn after_merge(repository: &Repository) -> Result<(), GitError> {
    run(repository, POST_MERGE, &["0"]).map(drop)
}

/// Runs the hook that `git checkout` runs. Returns what the user should know.
pub(super) fn after_checkout(
    repository: &Repository,
    old: Option<git2::Oid>,
    new: git2::Oid,
) -> Result<Option<String>, GitError> {
    let old = old.unwrap_or(git2::Oid::ZERO_SHA1).to_string();
    let said = run(repository, POST_CHECKOUT, &[&old, &new.to_string(), "1"])?;
    Ok(said.map(|said| failed(&said)))
}

/// Returns what a hook said that failed.
fn run(
    repository: &Repository,
    name: &str,
    arguments: &[&str],
) -> Result<Option<Vec<String>>, GitError> {
    let hook = folder(repository).join(name);
    let Some(work_tree) = repository.workdir().filter(|_| is_executable(&hook)) else {
        return Ok(None);
    };
    let ended = cli::ended(
        started(&hook, work_tree, arguments),
        &AtomicBool::new(false),
    )?;
    Ok(ended.err())
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

fn folder(repository: &Repository) -> PathBuf {
    repository
        .config()
        .and_then(|config| config.get_path("core.hooksPath"))
        .map_or_else(
            |_| repository.commondir().join("hooks"),
            |path| match repository.workdir() {
                Some(workdir) => workdir.join(path),
                None => path,
            },
        )
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
