//! The folder of an update, in the clone's `.git`: it contains new files until they are put in
//! place, old files until the update is complete, and the journal. A file lock, which ends with the
//! process, tells whether it is in use; a folder without one was left by a killed run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::steps::{Journal, Places};
use crate::git::error::{Cause, GitError};
use crate::host::files::At as _;
use crate::host::interrupt;
use crate::host::nonce::random_word;

/// Its name in `.git`.
pub(super) const FOLDER: &str = "fitout-move";

/// The name of folders with files that could not be restored, followed by a number.
const LEFT: &str = "fitout-left-";

/// The file whose lock tells whether the folder is in use.
const OWNER: &str = "owner";
const JOURNAL: &str = "journal";

/// How long to wait for another fitout that is updating the clone. A fitout that is run from a hook
/// or a filter of an update waits in vain.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// The folder of an update that this process does or rolls back.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
    work_tree: PathBuf,
    /// Holds the file lock.
    owner: File,
    /// Whether a later run needs it.
    keeps: bool,
}

impl Staging {
    /// Creates it. `locked` are the names of the files that the update locks, for a later rollback.
    pub(super) fn begin(
        git_dir: &Path,
        work_tree: &Path,
        locked: &[String],
    ) -> Result<Self, GitError> {
        patiently(|| Staging::try_begin(git_dir, work_tree, locked))
    }

    /// It is created under another name, so that it is never visible without its lock.
    fn try_begin(git_dir: &Path, work_tree: &Path, locked: &[String]) -> Result<Self, GitError> {
        let path = git_dir.join(FOLDER);
        if path.symlink_metadata().is_ok() {
            return Err(busy());
        }
        remove_stale(git_dir);
        let draft = git_dir.join(format!("{FOLDER}.{}", random_word()));
        fs::create_dir(&draft).at(&draft)?;
        let mut staging = Staging {
            owner: File::create_new(draft.join(OWNER)).at(&draft)?,
            path: draft,
            work_tree: work_tree.to_owned(),
            keeps: false,
        };
        lock_alone(&staging.owner)?;
        // With the random word, the text is unique, so that a copy of a lock is recognized.
        let text = [locked.join("\0"), random_word()].join("\0");
        (&staging.owner)
            .write_all(text.as_bytes())
            .at(&staging.path)?;
        for folder in ["new", "old"] {
            fs::create_dir(staging.path.join(folder)).at(&staging.path)?;
        }
        match fs::rename(&staging.path, &path) {
            Err(error) if is_taken(&error) => return Err(busy()),
            result => result.at(&path)?,
        }
        staging.path = path;
        Ok(staging)
    }

    /// Returns the folder of a killed run, if any.
    pub(super) fn left(git_dir: &Path, work_tree: &Path) -> Result<Option<Self>, GitError> {
        let path = git_dir.join(FOLDER);
        let file = path.join(OWNER);
        let (owner, is_nobodys) = loop {
            match File::open(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                owner => break (owner.at(&file)?, false),
            }
            match File::create_new(&file) {
                // It has finished in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                // Another one has started in the meantime.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                owner => break (owner.at(&file)?, true),
            }
        };
        patiently(|| lock_alone(&owner))?;
        // Its owner may have finished and removed it.
        let is_same =
            |found: fs::Metadata| Ok::<_, io::Error>(found.ino() == owner.metadata()?.ino());
        if !file
            .symlink_metadata()
            .is_ok_and(|found| is_same(found).unwrap_or(false))
        {
            return Ok(None);
        }
        let mut staging = Staging {
            path,
            work_tree: work_tree.to_owned(),
            owner,
            keeps: true,
        };
        if is_nobodys {
            // Nobody needs anything else in it.
            if fs::read_dir(&staging.path).at(&staging.path)?.count() > 1 {
                staging.put_aside()?;
            } else {
                staging.keeps = false;
            }
            return Ok(None);
        }
        Ok(Some(staging))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file that the locks link to.
    pub(super) fn owner_file(&self) -> PathBuf {
        self.path.join(OWNER)
    }

    /// Returns the names of the files that the update locks: the clone may have been moved since.
    pub(super) fn locked(&self) -> io::Result<Vec<String>> {
        let text = fs::read(self.owner_file()).at(self.owner_file())?;
        let text = String::from_utf8_lossy(&text);
        let names = text.split_inclusive('\0');
        let names = names.filter_map(|name| name.strip_suffix('\0'));
        let is_within = |name: &&str| {
            let mut parts = Path::new(name).components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        };
        Ok(names.filter(is_within).map(str::to_owned).collect())
    }

    pub(super) fn places(&self) -> Places<'_> {
        Places {
            work_tree: &self.work_tree,
            staging: &self.path,
        }
    }

    /// Writes the journal. Until then, none of the user's files was touched.
    pub(super) fn announce(&self, journal: &Journal) -> io::Result<()> {
        let written = self.path.join("journal.new");
        fs::write(&written, journal.to_bytes()).at(&written)?;
        fs::rename(written, self.path.join(JOURNAL)).at(&self.path)
    }

    /// Returns the journal; none if none of the user's files was touched yet. A system crash may
    /// have left an unreadable journal.
    pub(super) fn journal(&self) -> io::Result<Option<Journal>> {
        let bytes = match fs::read(self.path.join(JOURNAL)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        let journal = Journal::parse(&bytes);
        journal.map(Some).ok_or(io::ErrorKind::InvalidData.into())
    }

    /// Keeps it for a later run.
    pub(super) fn keep(&mut self) {
        self.keeps = true;
    }

    /// It is removed with its contents.
    pub(super) fn remove(mut self) {
        self.keeps = false;
    }

    /// Moves it out of the way, with its contents. Returns its new name in `.git`.
    pub(super) fn put_aside(mut self) -> io::Result<String> {
        self.keeps = true;
        put_aside(&self.path)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.keeps && clear(&self.path).is_err() {
            // It must not block the next run.
            let _ = put_aside(&self.path);
        }
    }
}

/// Removes the folder. The journal goes first, so that nobody undoes a part of it: a run that finds the rest, since this
/// one was killed, removes it. The owner goes last, so that nobody takes the folder for one that was left.
fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(JOURNAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => result?,
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != OWNER {
            // What stays is stale under its new name.
            let _ = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
        }
    }
    let gone = folder.with_file_name(format!("{FOLDER}.{}", random_word()));
    fs::rename(folder, &gone)?;
    let _ = fs::remove_dir_all(gone);
    Ok(())
}

/// Removes folders that a killed run was about to use, or to remove.
fn remove_stale(git_dir: &Path) {
    const AGE: Duration = Duration::from_secs(60);
    for entry in fs::read_dir(git_dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_one = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER)?.strip_prefix('.'));
        let is_old = || {
            let made = entry.metadata().and_then(|found| found.modified()).ok()?;
            Some(made.elapsed().ok()? > AGE)
        };
        if is_one.is_some() && is_old() == Some(true) && !is_held(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether another run's folder is already there.
fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
    )
}

fn put_aside(folder: &Path) -> io::Result<String> {
    for number in 1.. {
        let name = format!("{LEFT}{number}");
        let aside = folder.with_file_name(&name);
        if aside.symlink_metadata().is_err() {
            fs::rename(folder, aside).at(folder)?;
            return Ok(name);
        }
    }
    unreachable!("there is always another number")
}

/// Whether a file or folder with this name in the git directory was kept because it could not be
/// restored, or left by a killed run.
pub(in crate::git::local) fn is_put_aside(git_dir: &Path, name: &OsStr) -> bool {
    let is_left = name == FOLDER && !is_held(&git_dir.join(FOLDER));
    is_left || name.as_encoded_bytes().starts_with(LEFT.as_bytes())
}

/// Waits for another fitout that is updating the clone, which won't take long.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, GitError>) -> Result<T, GitError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(error) if error.cause == Cause::Changed => {
                if Instant::now() >= deadline || interrupt::requested() {
                    return Err(error);
                }
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

/// Whether the folder belongs to a running process.
pub(super) fn is_held(folder: &Path) -> bool {
    // A shared lock, so that two readers are not mistaken for a running update.
    let is_held = |owner: File| flock(owner, FlockOperation::NonBlockingLockShared).is_err();
    File::open(folder.join(OWNER)).is_ok_and(is_held)
}

/// Locks a file for this process, without waiting.
fn lock_alone(file: &File) -> Result<(), GitError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(busy()),
        result => Ok(result.map_err(io::Error::from)?),
    }
}

fn busy() -> GitError {
    let reason = "another fitout is updating this clone";
    GitError {
        command: Some("fitout sync".to_owned()),
        ..GitError::new(Cause::Changed, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_removal_left_holds_no_later_move_up() {
        let git = tempfile::tempdir().unwrap();
        let begin = || Staging::begin(git.path(), git.path(), &[]);
        let left = || Staging::left(git.path(), git.path()).unwrap();
        // Ended while it was removed, by whatever order a file system has.
        fs::create_dir_all(git.path().join(FOLDER).join("old")).unwrap();
        fs::write(git.path().join(FOLDER).join("old/0"), "mine").unwrap();
        assert!(left().is_none());
        let kept = fs::read_to_string(git.path().join("fitout-left-1/old/0"));
        assert_eq!(kept.unwrap(), "mine");
        begin().unwrap().remove();
        assert!(!git.path().join(FOLDER).exists());
        // While another one has it, it is that one's.
        let held = begin().unwrap();
        assert!(lock_alone(&File::open(held.owner_file()).unwrap()).is_err());
        assert!(Staging::try_begin(git.path(), git.path(), &[]).is_err());
        drop(held);
        assert!(left().is_none());
        let names = |git: &Path| fs::read_dir(git).unwrap().count();
        assert_eq!(names(git.path()), 1, "only what was put aside");
    }

    #[test]
    fn nobody_sees_one_without_its_owner_and_nobody_takes_away_anothers() {
        let git = tempfile::tempdir().unwrap();
        let path = git.path().join(FOLDER);
        let end = Instant::now() + Duration::from_secs(1);
        let moves = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while Instant::now() < end {
                        let Ok(staging) = Staging::try_begin(git.path(), git.path(), &[]) else {
                            continue;
                        };
                        fs::write(staging.path().join("new/0"), "mine").unwrap();
                        assert!(staging.owner_file().exists());
                        moves.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        staging.remove();
                    }
                });
            }
            scope.spawn(|| {
                while Instant::now() < end {
                    // Readers hold it briefly.
                    is_held(&path);
                    assert!(Staging::left(git.path(), git.path()).unwrap().is_none());
                }
            });
        });
        assert!(moves.into_inner() > 0);
        let left = fs::read_dir(git.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
