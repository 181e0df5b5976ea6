//! git's own locks: `NAME.lock` next to each file that is about to change.
//!
//! Ours are hard links to a file in the staging folder, or copies of it, so that a later run can
//! distinguish a killed run's lock from others, even if the clone was moved or copied in the
//! meantime.

use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::git::error::{Cause, GitError};
use crate::host::files::{self, At as _};
use crate::plural::count;

/// How long to wait for another git: `git maintenance` briefly holds locks after a fetch. git
/// itself waits 100 ms for a ref and a second for packed refs (`core.filesRefLockTimeout`,
/// `core.packedRefsTimeout`).
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Locks(Vec<PathBuf>);

impl Locks {
    /// Takes all of these, or none.
    pub(super) fn take(owner: &Path, paths: &[PathBuf]) -> Result<Self, GitError> {
        let mut locks = Locks(Vec::new());
        let deadline = Instant::now() + PATIENCE;
        for path in paths {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).at(folder)?;
            }
            let mut taken = take_one(owner, path);
            while is_held(&taken) && Instant::now() < deadline {
                thread::sleep(PAUSE);
                taken = take_one(owner, path);
            }
            match taken {
                Ok(()) => locks.0.push(path.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(held(path));
                }
                taken => taken.at(path)?,
            }
        }
        Ok(locks)
    }

    /// Takes over those that a killed run left, and the others too.
    pub(super) fn take_over(owner: &Path, paths: &[PathBuf]) -> Result<Self, GitError> {
        let text = text_of(owner)?;
        let (ours, free): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.iter().cloned().partition(|path| holds(path, &text));
        let mut locks = Locks::take(owner, &free)?;
        locks.0.extend(ours);
        Ok(locks)
    }
}

fn take_one(owner: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(owner, path) {
        // A file system without hard links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let text = text_of(owner)?;
            let written = fs::File::create_new(path)?.write_all(&text);
            if written.is_err() {
                // A later run would not recognize it as ours.
                let _ = fs::remove_file(path);
            }
            written
        }
        result => result,
    }
}

fn is_held(taken: &io::Result<()>) -> bool {
    let kind = taken.as_ref().err().map(io::Error::kind);
    kind == Some(io::ErrorKind::AlreadyExists)
}

impl Drop for Locks {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Fails if another program holds one of them.
pub(in crate::git::local) fn must_be_free(paths: &[PathBuf]) -> Result<(), GitError> {
    let held_one = || paths.iter().find(|path| path.symlink_metadata().is_ok());
    let deadline = Instant::now() + PATIENCE;
    while held_one().is_some() && Instant::now() < deadline {
        thread::sleep(PAUSE);
    }
    held_one().map_or(Ok(()), |path| Err(held(path)))
}

/// Returns the lock that made a fetch fail, if any: a fetch writes the remote-tracking refs and the
/// tags.
pub(super) fn that_stop_a_fetch(common_dir: &Path, remote: &str) -> Option<GitError> {
    let mut folders = vec![
        common_dir.join("refs/remotes").join(remote),
        common_dir.join("refs/tags"),
    ];
    let mut found: Vec<PathBuf> = ["packed-refs.lock", "shallow.lock"]
        .map(|name| common_dir.join(name))
        .into_iter()
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "lock") {
                found.push(path);
            }
        }
    }
    found.first().map(|path| held(path))
}

/// The content of the file that our locks link to.
fn text_of(owner: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 0x1_0000;
    files::read_bytes(owner, MOST).at(owner)
}

/// Whether a lock is a link to the file with this text, or a copy of it.
fn holds(path: &Path, text: &[u8]) -> bool {
    let is_as_long = |found: Metadata| found.is_file() && found.len() == text.len() as u64;
    path.symlink_metadata().is_ok_and(is_as_long)
        && files::read_bytes(path, text.len() as u64).is_ok_and(|found| found == text)
}

fn held(path: &Path) -> GitError {
    let age = path
        .symlink_metadata()
        .and_then(|lock| lock.modified())
        .ok()
        .and_then(|time| time.elapsed().ok())
        .unwrap_or_default();
    let shown = match path.iter().position(|part| part == ".git") {
        Some(at) => path.iter().skip(at).collect(),
        None => path.to_path_buf(),
    };
    let reason = format!(
        "`{}` exists ({} old): another program is using the clone, or one has crashed",
        shown.display(),
        words(age)
    );
    GitError {
        lock: Some(path.to_path_buf()),
        ..GitError::new(Cause::Locked, reason)
    }
}

/// Formats a duration in its largest unit: `3 minutes`.
fn words(age: Duration) -> String {
    let seconds = usize::try_from(age.as_secs()).unwrap_or(usize::MAX);
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    match units.iter().find(|(length, _)| seconds >= *length) {
        Some((length, unit)) => count(seconds / length, unit),
        None => count(seconds, "second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7_200, "2 hours"),
            (200_000, "2 days"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn all_locks_are_taken_or_none_and_only_ours_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("owner"), "index\0a word").unwrap();
        fs::write(path("theirs.lock"), "").unwrap();
        let both = [path("index.lock"), path("theirs.lock")];
        let error = Locks::take(&path("owner"), &both).unwrap_err();
        assert_eq!(error.lock, Some(path("theirs.lock")));
        assert!(!path("index.lock").exists());
        let left = Locks::take(&path("owner"), &both[..1]).unwrap();
        std::mem::forget(left);
        assert!(Locks::take_over(&path("owner"), &both).is_err());
        assert!(path("theirs.lock").exists());
        let take_over = || Locks::take_over(&path("owner"), &both[..1]);
        drop(take_over().unwrap());
        assert!(!path("index.lock").exists());
        fs::copy(path("owner"), path("index.lock")).unwrap();
        drop(take_over().unwrap());
        assert!(!path("index.lock").exists());
        // Empty, as git's are at first.
        fs::write(path("index.lock"), "").unwrap();
        assert!(take_over().is_err());
    }
}
