//! The user's own `git`, for everything that neither gix nor libgit2 can do: `backend = "cli"`,
//! submodules, and repositories with filters or hooks.
//!
//! It runs without a terminal, and with English messages.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gix::bstr::{BString, ByteSlice as _};

use super::error::{Cause, GitError, SshSaid};
use super::local::work::Paths;
use super::local::{self, hooks};
use super::network::{self, ssh};
use crate::host::interrupt;
use crate::host::process::{self, RunError, Traced as _};
use crate::sync::Changes;
use crate::workspace::{Checkout, Repo};

const NO_HOOKS: &str = "core.hooksPath=/dev/null";

/// Returns the version of the user's git; none if git is not installed.
pub fn version() -> Option<semver::Version> {
    // git reads its configuration first, and says nothing of itself if that is broken.
    let mut command = git();
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.arg("--version").traced_output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Returns the version of Git LFS; none if it is not installed.
pub fn lfs_version() -> Option<String> {
    let output = git().args(["lfs", "version"]).traced_output().ok()?;
    // `git-lfs/3.6.1 (Debian; linux amd64; go 1.24.4)`
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.strip_prefix("git-lfs/")?.split_whitespace().next()?;
    Some(version.to_owned())
}

/// `git version 2.47.3`, `git version 2.39.5 (Apple Git-154)`, `git version 2.51.0.windows.1`.
fn parse_version(text: &str) -> Option<semver::Version> {
    let word = text.split_whitespace().nth(2)?;
    let mut parts = word
        .split('.')
        .map(|part| part.split('-').next().unwrap_or(part).parse().ok());
    Some(semver::Version::new(
        parts.next()??,
        parts.next()??,
        parts.next().flatten().unwrap_or(0),
    ))
}

/// `git clone`, with additional configuration files of the user.
pub(super) fn clone(
    path: &Path,
    url: &str,
    repo: &Repo,
    included: &[PathBuf],
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let log = ssh::Log::new()?;
    let mut command = over_network(git(), Some(&path.join(".git")), &log);
    for file in included {
        command.arg("-c").arg(include(file));
    }
    // Its hook runs once the clone is at its final path.
    command.args(["-c", NO_HOOKS, "clone", "--quiet"]);
    match &repo.checkout {
        Checkout::Branch(name) | Checkout::Tag(name) => {
            command.args(["--branch", name]);
        }
        Checkout::Rev(_) => {
            command.arg("--no-checkout");
        }
        Checkout::RemoteDefault => {}
    }
    if let (Some(depth), Checkout::Branch(_) | Checkout::Tag(_) | Checkout::RemoteDefault) =
        (repo.depth, &repo.checkout)
    {
        command.args(["--depth", &depth.to_string()]);
    }
    command.arg("--").arg(url).arg(path);
    let result = run_over_network(command, &log, url, interrupt);
    if result.is_err() {
        // A retry needs an empty folder.
        let _ = std::fs::remove_dir_all(path);
        return result;
    }
    if let Checkout::Rev(rev) = &repo.checkout {
        let mut command = in_clone(path);
        command.args(["-c", NO_HOOKS, "-c", "advice.detachedHead=false"]);
        command.args(["checkout", "--quiet", "--detach", rev]);
        run(command, url, interrupt)?;
    }
    Ok(())
}

/// `git fetch`, with refspecs in addition to the configured ones. A branch that no longer exists on
/// the remote is an error. Follows the remote's default branch if the manifest wants that.
pub(super) fn fetch(
    path: &Path,
    remote: &str,
    wanted: &[String],
    checkout: &Checkout,
    url: &str,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let log = ssh::Log::new()?;
    let networked = |arguments: &[&str]| {
        let mut command = over_network(in_clone(path), Some(&path.join(".git")), &log);
        // The reflog message; the arguments are not the user's.
        command.args(arguments).env("GIT_REFLOG_ACTION", "fetch");
        command
    };
    let mut command = networked(&["fetch", "--quiet", "--", remote]);
    if let Checkout::Branch(name) = checkout {
        command.args(local::configured_refspecs(path, remote)?);
        command.arg(format!("refs/heads/{name}"));
    }
    run_over_network(command, &log, url, interrupt)?;
    if !wanted.is_empty() {
        let mut command = networked(&["fetch", "--quiet", "--", remote]);
        command.args(wanted);
        run_over_network(command, &log, url, interrupt)?;
    }
    if *checkout == Checkout::RemoteDefault {
        let listed = printed(networked(&[
            "ls-remote",
            "--quiet",
            "--symref",
            "--",
            remote,
            "HEAD",
        ]));
        let listed = listed.unwrap_or_default();
        let first = listed.lines().next().unwrap_or_default();
        let default = first
            .strip_prefix(b"ref: refs/heads/")
            .and_then(|rest| rest.strip_suffix(b"\tHEAD"));
        // A remote without commits has none, which is not an error.
        let Some(default) = default.map(OsStr::from_bytes) else {
            return Ok(());
        };
        let head = format!("refs/remotes/{remote}/HEAD");
        let known = ask(path, &["symbolic-ref", "--quiet", &head])?;
        let mut right = OsString::from(format!("refs/remotes/{remote}/"));
        right.push(default);
        // `set-head` writes to the reflog of that ref even if it is unchanged.
        if known.is_none_or(|known| known.trim_end() != right.as_bytes()) {
            let mut command = in_clone(path);
            command.args(["remote", "set-head", remote]).arg(default);
            let _ = run(command, url, interrupt);
        }
    }
    Ok(())
}

/// Returns the commits of a remote's branches and tags: `git ls-remote`.
pub(super) fn tips(path: &Path, remote: &str, url: &str) -> Result<Vec<String>, GitError> {
    let log = ssh::Log::new()?;
    let mut command = over_network(in_clone(path), Some(&path.join(".git")), &log);
    command.args(["ls-remote", "--quiet", "--heads", "--tags", "--", remote]);
    let output = command.traced_output().map_err(|error| missing(&error))?;
    if !output.status.success() {
        return Err(GitError::of_git(&said(&output.stderr), &log.said(), url));
    }
    let listed = String::from_utf8_lossy(&output.stdout);
    let ids = listed.lines().filter_map(|line| line.split('\t').next());
    Ok(ids.map(str::to_owned).collect())
}

/// `git maintenance run --auto`, in the background, as after `git fetch`: git decides whether there
/// is anything to do.
pub(super) fn maintain(path: &Path) {
    let mut command = in_clone(path);
    command.args(["maintenance", "run", "--auto", "--quiet"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // A clone with many packs works too.
    let _ = command.process_group(0).traced_spawn();
}

/// Whether `git ls-remote` succeeds within `limit`.
pub(super) fn reaches(url: &str, limit: Duration) -> bool {
    let Ok(log) = ssh::Log::new() else {
        return false;
    };
    let mut command = over_network(git(), None, &log);
    command.args(["ls-remote", "--quiet", "--", url, "HEAD"]);
    process::run(&mut command, limit).is_ok_and(|output| output.status.success())
}

/// Whether `git clone` of one commit succeeds within `limit`.
pub(super) fn fetches(url: &str, limit: Duration) -> bool {
    let (Ok(log), Ok(folder)) = (ssh::Log::new(), tempfile::tempdir()) else {
        return false;
    };
    let mut command = over_network(git(), None, &log);
    command.args(["-c", NO_HOOKS, "clone", "--quiet", "--bare", "--depth=1"]);
    command
        .args(["--no-tags", "--", url])
        .arg(folder.path().join("clone"));
    process::run(&mut command, limit).is_ok_and(|output| output.status.success())
}

/// Returns the error if git refuses a local repository because of its owner.
pub(super) fn refused_owner(url: &str) -> Option<GitError> {
    let mut command = git();
    command.args(["ls-remote", "--quiet", "--", url, "HEAD"]);
    let output = command.traced_output().ok()?;
    let error = GitError::of_git(&said(&output.stderr), &SshSaid::default(), url);
    (error.cause == Cause::Owner).then_some(error)
}

/// `git submodule update --init --recursive`, of these submodules, or of all if none are given. The
/// URL is for errors.
pub(super) fn update_submodules(
    path: &Path,
    only: &[&str],
    url: &str,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let log = ssh::Log::new()?;
    let mut command = git();
    command.arg("-C").arg(path);
    if hooks::come_from_remote_in_submodules(path) {
        command.args(["-c", NO_HOOKS]);
    }
    let mut command = over_network(command, Some(&path.join(".git")), &log);
    command.args(["submodule", "--quiet", "update", "--init", "--recursive"]);
    command.arg("--").args(only);
    run_over_network(command, &log, url, interrupt)
}

/// `git fetch` in a submodule, as `git submodule update` does if the commit is missing. The URL is
/// for errors.
pub(super) fn fetch_submodule(
    path: &Path,
    remote: &str,
    commit: git2::Oid,
    url: &str,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let log = ssh::Log::new()?;
    let fetch = |arguments: &[&str]| {
        let mut command = over_network(in_clone(path), Some(&path.join(".git")), &log);
        // The URL is untrusted.
        command.env("GIT_PROTOCOL_FROM_USER", "0");
        command.args(["fetch", "--quiet"]).args(arguments);
        run_over_network(command, &log, url, interrupt)
    };
    fetch(&[])?;
    if local::has_commit(path, commit) {
        return Ok(());
    }
    fetch(&["--", remote, &commit.to_string()])
}

/// `git lfs fetch`, for the files of a commit.
pub(super) fn fetch_lfs(path: &Path, remote: &str, commit: &str) -> Result<(), GitError> {
    let log = ssh::Log::new()?;
    let mut command = over_network(in_clone(path), Some(&path.join(".git")), &log);
    command.args(["lfs", "fetch", remote, commit]);
    // Nothing was changed yet.
    ended(command, interrupt::flag())?.map_err(|said| GitError::of_kind(Cause::Filter, &said, ""))
}

/// `git read-tree`, which writes the files and the index of HEAD if there are none, and runs no
/// hooks. With additional configuration files of the user.
pub(super) fn check_out(
    path: &Path,
    included: &[PathBuf],
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let mut command = in_clone(path);
    for file in included {
        command.arg("-c").arg(include(file));
    }
    command.args(["read-tree", "--reset", "-u", "HEAD"]);
    run(command, "", interrupt)
}

/// `git merge --ff-only`, which runs filters and hooks and supports sparse checkouts.
pub(super) fn fast_forward(path: &Path, commit: &str) -> Result<(), GitError> {
    let mut command = in_clone(path);
    command.args([
        "merge",
        "--quiet",
        "--ff-only",
        "--no-overwrite-ignore",
        "--no-autostash",
        commit,
    ]);
    moved(command)
}

/// `git switch --detach`.
pub(super) fn detach(path: &Path, commit: &str) -> Result<(), GitError> {
    let mut command = in_clone(path);
    command.args([
        "-c",
        "advice.detachedHead=false",
        "checkout",
        "--quiet",
        "--no-overwrite-ignore",
        "--detach",
        commit,
    ]);
    moved(command)
}

/// `git switch`; creates the branch if it should track one of a remote.
pub(super) fn switch(path: &Path, branch: &OsStr, follows: Option<&OsStr>) -> Result<(), GitError> {
    let mut command = in_clone(path);
    command.args(["switch", "--quiet", "--no-overwrite-ignore", "--no-guess"]);
    match follows {
        Some(upstream) => command
            .arg("--create")
            .arg(branch)
            .arg("--track")
            .arg(upstream),
        None => command.arg(branch),
    };
    moved(command)
}

/// Runs git to change a work tree: it lists files that are in the way in lines that begin with a
/// tab.
fn moved(command: Command) -> Result<(), GitError> {
    let Err(stderr) = output_of(command, &AtomicBool::new(false))? else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&stderr);
    let lines = text.lines().filter_map(|line| line.strip_prefix('\t'));
    let files: Vec<String> = lines.map(str::to_owned).collect();
    if files.is_empty() {
        return Err(GitError::of_git(&said(&stderr), &SshSaid::default(), ""));
    }
    Err(GitError::in_the_way(&files))
}

/// `git hook run`. Returns its exit status.
pub(super) fn run_hook(
    path: &Path,
    name: &str,
    arguments: &[&str],
    interrupt: &AtomicBool,
) -> Result<Result<(), Vec<String>>, GitError> {
    let mut command = in_clone(path);
    command.args(["hook", "run", "--ignore-missing", name, "--"]);
    command.args(arguments);
    ended(command, interrupt)
}

/// Returns git's output if it succeeds.
fn printed(mut command: Command) -> Result<Vec<u8>, GitError> {
    let output = command.traced_output().map_err(|error| missing(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = said(&output.stderr);
    Err(GitError::of_git(&said, &SshSaid::default(), ""))
}

/// Counts the changes in `git status`.
pub(super) fn changes(path: &Path) -> Result<Changes, GitError> {
    let mut command = in_clone(path);
    command.args(["--no-optional-locks", "status", "--porcelain=v2", "-z"]);
    let printed = printed(command)?;
    let mut changes = Changes::default();
    let mut entries = printed.split(|byte| *byte == 0);
    while let Some(entry) = entries.next() {
        match entry {
            [b'u', ..] => changes.conflicted += 1,
            [b'?', ..] => changes.untracked += 1,
            [kind @ (b'1' | b'2'), b' ', staged, ..] => {
                let mut fields = entry.splitn(9, |byte| *byte == b' ');
                let is_submodule = fields.nth(2).is_some_and(|it| it.starts_with(b"S"));
                if *staged != b'.' {
                    changes.staged += 1;
                } else if is_submodule {
                    let path = fields.last().unwrap_or_default();
                    let path = String::from_utf8_lossy(path).into_owned();
                    changes.submodules.push(path);
                } else {
                    changes.unstaged += 1;
                }
                if *kind == b'2' {
                    // A rename is followed by the old name.
                    entries.next();
                }
            }
            _ => {}
        }
    }
    Ok(changes)
}

/// Returns git's output in a clone, ignoring surrounding repositories; none if it exits with status
/// 1, which means no.
pub(super) fn ask<S: AsRef<OsStr>>(
    path: &Path,
    arguments: &[S],
) -> Result<Option<BString>, GitError> {
    let mut command = in_clone(path);
    if let Some(above) = path.canonicalize()?.parent() {
        command.env("GIT_CEILING_DIRECTORIES", above);
    }
    command.args(arguments);
    answer(command)
}

/// Like the above, in the repository that contains a folder.
pub(super) fn ask_around<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: &[S],
) -> Result<Option<BString>, GitError> {
    let mut command = git();
    command.arg("-C").arg(folder).args(arguments);
    answer(command)
}

fn answer(mut command: Command) -> Result<Option<BString>, GitError> {
    command.env("GIT_OPTIONAL_LOCKS", "0");
    let output = command.traced_output().map_err(|error| missing(&error))?;
    match output.status.code() {
        Some(0) => Ok(Some(output.stdout.into())),
        Some(1) => Ok(None),
        _ => Err(GitError::of_git(
            &said(&output.stderr),
            &SshSaid::default(),
            "",
        )),
    }
}

/// Returns the differences from HEAD, by path, regardless of configuration; without submodules.
pub(super) fn changed_paths(path: &Path) -> Result<Paths, GitError> {
    let mut command = in_clone(path);
    command.args(["--no-optional-locks", "status", "--porcelain", "-z"]);
    command.args([
        "--untracked-files=all",
        "--ignore-submodules=all",
        "--no-renames",
    ]);
    let printed = printed(command)?;
    let mut paths = Paths::default();
    for entry in printed.split(|byte| *byte == 0) {
        let [staged, unstaged, b' ', path @ ..] = entry else {
            continue;
        };
        let list = match (staged, unstaged) {
            (b'?', _) => &mut paths.untracked,
            (b' ', _) => &mut paths.changed,
            _ => &mut paths.staged,
        };
        list.push(PathBuf::from(OsStr::from_bytes(path)));
    }
    Ok(paths)
}

/// Returns a setting for `-c` that includes a file.
fn include(file: &Path) -> OsString {
    let mut setting = OsString::from("include.path=");
    setting.push(file);
    setting
}

fn in_clone(path: &Path) -> Command {
    let mut command = git();
    command.arg("-C").arg(path);
    if hooks::come_from_remote(path) {
        command.args(["-c", NO_HOOKS]);
    }
    command
}

fn git() -> Command {
    quiet("git")
}

/// Prevents git, or a program that runs git, from prompting.
pub(super) fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .envs(network::variables());
    command
}

/// Prepares a command that connects to a server: its ssh must not prompt either, and credentials
/// are only sent to their server. Must be called before the subcommand is added.
fn over_network(mut command: Command, git_dir: Option<&Path>, log: &ssh::Log) -> Command {
    let Ok(config) = gix::config(git_dir, &gix::open::Options::default()) else {
        // It is unknown whether something would leak.
        command.args(["-c", "http.followRedirects=false"]);
        return command;
    };
    command.env("GIT_SSH_COMMAND", ssh::command(&config, log));
    if network::would_leak(&config) {
        command.args(["-c", "http.followRedirects=false"]);
    }
    // Without this, git waits for a silent server forever.
    if config.string("http.lowSpeedTime").is_none() {
        for (variable, value) in [("LIMIT", "1"), ("TIME", "60")] {
            let variable = format!("GIT_HTTP_LOW_SPEED_{variable}");
            if std::env::var_os(&variable).is_none() {
                command.env(variable, value);
            }
        }
    }
    command
}

/// Runs until it exits, or until Ctrl-C.
fn run(command: Command, url: &str, interrupt: &AtomicBool) -> Result<(), GitError> {
    ended(command, interrupt)?.map_err(|said| GitError::of_git(&said, &SshSaid::default(), url))
}

/// Like `run`, for a command that may have started ssh.
fn run_over_network(
    command: Command,
    log: &ssh::Log,
    url: &str,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    ended(command, interrupt)?.map_err(|said| GitError::of_git(&said, &log.said(), url))
}

/// Returns an error with its output if it failed.
pub(super) fn ended(
    command: Command,
    interrupt: &AtomicBool,
) -> Result<Result<(), Vec<String>>, GitError> {
    Ok(output_of(command, interrupt)?.map_err(|stderr| said(&stderr)))
}

/// Returns an error with all of its stderr if it failed.
fn output_of(
    mut command: Command,
    interrupt: &AtomicBool,
) -> Result<Result<(), Vec<u8>>, GitError> {
    match process::until(&mut command, interrupt) {
        Ok(output) if output.status.success() => Ok(Ok(())),
        Ok(output) => Ok(Err(output.stderr)),
        Err(RunError::Interrupted) => Err(GitError::interrupted()),
        Err(RunError::Io { source, .. }) => Err(missing(&source)),
        Err(RunError::NotFound(_) | RunError::TimedOut { .. }) => {
            Err(missing(&std::io::ErrorKind::NotFound.into()))
        }
    }
}

/// Returns the error lines, without git's `fatal:` and `error:`.
fn said(stderr: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(stderr)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:"))
        .map(|line| {
            line.trim_start_matches("fatal: ")
                .trim_start_matches("error: ")
                .to_owned()
        })
        .collect()
}

fn missing(error: &std::io::Error) -> GitError {
    if error.kind() == std::io::ErrorKind::NotFound {
        return GitError::new(Cause::MissingProgram, "`git` is not installed");
    }
    GitError::new(Cause::Other, format!("can't run `git`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_writes_its_version_in_its_own_way() {
        let cases = [
            ("git version 2.47.3", Some((2, 47, 3))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39, 5))),
            ("git version 2.51.0.windows.1", Some((2, 51, 0))),
            ("git version 2.50.GIT", Some((2, 50, 0))),
            ("git version 2.50.0-rc1", Some((2, 50, 0))),
            ("nonsense", None),
        ];
        for (text, expected) in cases {
            let version = parse_version(text).map(|it| (it.major, it.minor, it.patch));
            assert_eq!(version, expected, "{text}");
        }
    }
}
