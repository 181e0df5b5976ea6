//! Filters in the user's git configuration, such as Git LFS, for checkouts by gix.
//!
//! They must not prompt, because dozens of workers share one terminal. Their stderr goes to a file:
//! it explains why a checkout failed, and would otherwise be printed over the progress bars.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use gix::bstr::{BString, ByteSlice};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::error::{Cause, GitError};
use super::network;
use crate::plural::few;
use crate::shell;

/// The beginning of gix's message for a failed filter; the rest is its command.
pub(super) const FAILED: &str = "Driver process ";

/// The file for the stderr of one checkout's filters. Removed when dropped.
#[derive(Debug)]
pub(super) struct Log(PathBuf);

impl Log {
    /// Returns the log of the clone with this `.git`; other runs have their own. The file is only
    /// created when a filter is started.
    pub(super) fn of(git_dir: &Path) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        Log(git_dir.join(format!("{NAME}-{process}-{number}.log")))
    }

    /// Removes logs of processes that no longer exist.
    pub(super) fn remove_stale(git_dir: &Path) {
        for entry in fs::read_dir(git_dir).into_iter().flatten().flatten() {
            if is_left_behind(&entry.file_name().to_string_lossy()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Converts the error of a checkout, with the output of the filters, if any.
    pub(super) fn explain(&self, error: GitError, url: &str) -> GitError {
        let said = fs::read(&self.0).unwrap_or_default();
        let said: Vec<String> = said.to_str_lossy().lines().map(str::to_owned).collect();
        if said.is_empty() || error.cause == Cause::Interrupted {
            return error;
        }
        GitError::of_kind(Cause::Filter, &said, url)
    }
}

const NAME: &str = "fitout-filters";

/// Whether it is the log of a process that no longer exists.
fn is_left_behind(name: &str) -> bool {
    let process = name
        .strip_prefix(NAME)
        .and_then(|rest| rest.strip_prefix('-')?.split('-').next())
        .and_then(|process| Pid::from_raw(process.parse().ok()?));
    process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Returns a repository whose checkouts run the user's filters in this way.
pub(super) fn open(work_tree: &Path, log: &Log) -> gix::Result<gix::Repository> {
    let mut repository = gix::open(work_tree)?;
    let overrides = overrides(repository.config_snapshot().plumbing(), log);
    if !overrides.is_empty() {
        let mut config = repository.config_snapshot_mut();
        config.append_config(overrides, gix::config::Source::Api)?;
        config.commit()?;
    }
    Ok(repository)
}

/// Returns configuration that makes gix run the user's filters in this way.
pub(super) fn overrides(config: &gix::config::File, log: &Log) -> Vec<BString> {
    let Some(log) = log.0.to_str().map(shell::word) else {
        return Vec::new();
    };
    let mut overrides = Vec::new();
    let known = ["crlf", "lf", "native"];
    if let Some(eol) = config.string("core.eol")
        && !known
            .iter()
            .any(|it| eol.eq_ignore_ascii_case(it.as_bytes()))
    {
        // gix refuses what is nothing to git.
        overrides.push("core.eol=native".into());
    }
    for section in config.sections_by_name("filter").into_iter().flatten() {
        let Some(name) = section.header().subsection_name() else {
            continue;
        };
        // git doesn't trust commands in other users' files either.
        if section.meta().trust != gix::sec::Trust::Full || name.contains(&b'=') {
            continue;
        }
        // To gix, a key without a value is none.
        if section.value_implicit("required") == Some(None) {
            overrides.push(format!("filter.{name}.required=true").into());
        }
        for key in ["process", "smudge", "clean"] {
            // An empty command means none.
            let command = section.value(key).filter(|command| !command.is_empty());
            let Some(command) = command.as_deref() else {
                continue;
            };
            let quiet = format!(
                "exec 2>>{log}; export GIT_TERMINAL_PROMPT=0 GIT_ASKPASS= {}; ",
                shell::assignments(&network::variables())
            );
            let mut line = BString::from(format!("filter.{name}.{key}={quiet}"));
            line.extend_from_slice(command);
            overrides.push(line);
        }
    }
    overrides
}

/// Returns why a filter failed: git-lfs is recognized; for others, their last message is shown.
pub(super) fn reason(said: &[String]) -> String {
    let lines = || said.iter().map(String::as_str);
    if lines().any(is_without_lfs) {
        return "it has Git LFS files, and git-lfs is not installed".to_owned();
    }
    let lost: Vec<(&str, &str)> = lines().filter_map(lost_file).collect();
    if let Some((_, why)) = lost.first() {
        let files: Vec<String> = lost.iter().map(|(file, _)| format!("`{file}`")).collect();
        return format!("Git LFS can't get {}: {why}", few(&files, 1));
    }
    match lines().rfind(|line| !line.trim().is_empty()) {
        Some(last) if !last.starts_with(FAILED) => format!("a filter failed: {last}"),
        _ => "a filter failed without output".to_owned(),
    }
}

/// Whether it was Git LFS that failed.
pub(super) fn is_lfs(said: &[String]) -> bool {
    let is_of_lfs = |line: &String| is_without_lfs(line) || lost_file(line).is_some();
    said.iter().any(is_of_lfs)
}

fn is_without_lfs(line: &str) -> bool {
    (line.contains("git-lfs") && line.contains("not found"))
        || line.contains("'lfs' is not a git command")
}

/// Parses `Error downloading object: FILE (OID): Smudge error: …: WHY` or, from `git lfs fetch`,
/// which doesn't report names, `[OID] …: WHY`.
fn lost_file(line: &str) -> Option<(&str, &str)> {
    const SHORT: usize = 7;
    let (file, rest) = if let Some(rest) = line.strip_prefix("Error downloading object: ") {
        rest.split_once(" (")?
    } else {
        let (oid, rest) = line.strip_prefix('[')?.split_once("] ")?;
        (oid.get(..SHORT)?, rest)
    };
    let (_, why) = rest.rsplit_once(": ")?;
    // An HTTP status, or 0.
    let why = why
        .strip_prefix('[')
        .and_then(|why| why.split_once("] "))
        .map_or(why, |(_, why)| why);
    Some((file, why.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_the_reason_are_found_in_what_filters_say() {
        let cases: [(&[&str], &str); 6] = [
            (
                &[
                    "Downloading a.bin (6 B)",
                    "Error downloading object: a.bin (4c47b3e): Smudge error: Error downloading \
                     a.bin (4c47b3e816): [4c47b3e816] Object does not exist: [404] Object does not exist",
                    "Use `git lfs logs last` to view the log.",
                    "Error downloading object: b (1).bin (2c8b08d): Smudge error: …: gone",
                ],
                "Git LFS can't get `a.bin` and 1 more: Object does not exist",
            ),
            (
                &[
                    "Error downloading object: a.bin (4c47b3e): Smudge error: Error downloading \
                   a.bin (4c47b3e816): batch response: Git credentials for \
                   https://git.example:8443/media.git not found.",
                ],
                "Git LFS can't get `a.bin`: Git credentials for https://git.example:8443/media.git \
                 not found",
            ),
            (
                &[
                    "[805298e98dfe] Object does not exist: [404] Object does not exist",
                    "failed to fetch some objects from 'https://git.example/media.git/info/lfs'",
                ],
                "Git LFS can't get `805298e`: Object does not exist",
            ),
            (
                &["git: 'lfs' is not a git command. See 'git --help'."],
                "it has Git LFS files, and git-lfs is not installed",
            ),
            (
                &["sh: 1: git-lfs: not found"],
                "it has Git LFS files, and git-lfs is not installed",
            ),
            (
                &["gpg: decryption failed", ""],
                "a filter failed: gpg: decryption failed",
            ),
        ];
        for (said, expected) in cases {
            let said: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(reason(&said), expected);
            assert_eq!(is_lfs(&said), expected.contains("Git LFS"), "{expected}");
        }
    }

    #[test]
    fn a_log_explains_no_other_run_and_goes_with_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let name = |process: u32| folder.path().join(format!("{NAME}-{process}-0.log"));
        let killed = name(ended.id());
        let under_way = name(1);
        for log in [&killed, &under_way] {
            fs::write(log, "gpg: of another\n").unwrap();
        }
        let error = Log::of(folder.path()).explain(GitError::new(Cause::Other, "now"), "");
        assert_eq!(error.reason, "now");
        Log::remove_stale(folder.path());
        assert!(!killed.exists());
        assert!(under_way.exists());
    }

    #[test]
    fn every_filter_of_the_user_is_started_without_a_terminal() {
        let config = gix::config::File::try_from(
            "[filter \"lfs\"]\n process = git-lfs filter-process\n required = true\n\
             [filter \"a.b\"]\n smudge = tr a-z A-Z | cat\n clean = cat\n\
             [filter \"none\"]\n smudge =\n",
        )
        .unwrap();
        let found = overrides(&config, &Log(PathBuf::from("/tmp/it's/log")));
        let quiet = r#"exec 2>>"/tmp/it's/log"; export GIT_TERMINAL_PROMPT=0 GIT_ASKPASS= SSH_ASKPASS=false SSH_ASKPASS_REQUIRE=force; "#;
        assert_eq!(
            found,
            [
                format!("filter.lfs.process={quiet}git-lfs filter-process"),
                format!("filter.a.b.smudge={quiet}tr a-z A-Z | cat"),
                format!("filter.a.b.clean={quiet}cat"),
            ]
        );
    }
}
