//! What a clone is, as lines that can be compared: refs, HEAD, its configuration, the index with modes and flags,
//! the work tree with bytes, modes and links, reflogs, and who may write to the objects.
//!
//! Left out is what differs between any two runs of git as well: times of today, and how refs and objects are
//! packed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Output;

use crate::context::files_of;

/// How much of the words of reflogs is described.
#[derive(Clone, Copy, PartialEq)]
pub enum Logs {
    Whole,
    /// `git pull` says "pull --ff-only: Fast-forward" where `git merge` says "merge origin/main: Fast-forward".
    WithoutCommand,
}

/// The lines that describe the clone in a folder. `git` runs git in it.
pub fn described(folder: &Path, logs: Logs, git: impl Fn(&[&str]) -> Output) -> BTreeSet<String> {
    if !folder.exists() {
        return BTreeSet::from(["no clone".to_owned()]);
    }
    let shown = folder.display().to_string();
    let mut text = String::new();
    let refs = "--format=ref %(refname) %(objectname) %(symref)";
    for arguments in [
        &["for-each-ref", refs][..],
        &["ls-files", "--stage", "-v", "--eol"],
        &["status", "--porcelain=v2", "--branch", "--ignored"],
    ] {
        let output = git(arguments);
        let said = [output.stdout, output.stderr].concat();
        for line in String::from_utf8_lossy(&said).lines() {
            writeln!(text, "{}: {}", arguments[0], line.replace(&shown, "CLONE")).unwrap();
        }
    }
    let git_dir = folder.join(".git");
    let config = fs::read_to_string(git_dir.join("config")).unwrap();
    let mut section = "";
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        // Names of keys are the same in capitals.
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        writeln!(text, "config: {section} {}={value}", key.to_lowercase()).unwrap();
    }
    for name in ["HEAD", "ORIG_HEAD"] {
        let file = git_dir.join(name);
        if let Ok(target) = fs::read_link(&file) {
            writeln!(text, "{name}: a link to {}", target.display()).unwrap();
            continue;
        }
        let held = fs::read_to_string(&file).unwrap_or_default();
        // git writes the latter also where nothing moves.
        if !text.contains(&format!("# branch.oid {held}")) {
            writeln!(text, "{name}: {held}").unwrap();
        }
    }
    let folder_of_logs = git_dir.join("logs");
    if folder_of_logs.exists() {
        for (log, bytes) in files_of(&folder_of_logs, |_| true) {
            for line in String::from_utf8_lossy(&bytes).lines() {
                writeln!(text, "log {log}: {}", log_line(line, logs)).unwrap();
            }
        }
    }
    let objects = fs::metadata(git_dir.join("objects")).unwrap().permissions();
    writeln!(text, "mode of objects: {:o}", objects.mode() & 0o7777).unwrap();
    work_tree(folder, folder, &mut text);
    text.lines().map(str::to_owned).collect()
}

/// `OLD NEW WHO <ADDRESS> SECONDS ZONE<tab>WORDS`, without what differs between two runs or two commands of git:
/// a time of today, and the command in front of what was done.
fn log_line(line: &str, logs: Logs) -> String {
    const FIRST_OF_TODAY: u64 = 1_750_000_000;
    let (who, words) = line.split_once('\t').unwrap_or((line, ""));
    let parts = who.split(' ').map(|part| match part.parse::<u64>() {
        Ok(seconds) if seconds > FIRST_OF_TODAY && part.len() == 10 => "NOW",
        _ => part,
    });
    let who = parts.collect::<Vec<_>>().join(" ");
    let words = match words.split_once(": ") {
        Some((_, done)) if logs == Logs::WithoutCommand => done,
        _ => words,
    };
    format!("{who}\t{words}")
}

fn work_tree(top: &Path, folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap();
        let shown = name.as_os_str().as_bytes().escape_ascii();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.mode();
        if name == Path::new(".git") {
            continue;
        }
        if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            writeln!(text, "link {shown}: {}", target.display()).unwrap();
        } else if metadata.is_dir() {
            writeln!(text, "folder {shown}: {mode:o}").unwrap();
            work_tree(top, &path, text);
        } else {
            let bytes = fs::read(&path).unwrap();
            writeln!(text, "file {shown}: {mode:o} {}", bytes.escape_ascii()).unwrap();
        }
    }
}
