//! Where a clone is made before it is moved to its place in one step.
//!
//! `.fitout-clone-XXXX/` beside the destination, so that the move is a rename on one file system.
//! It holds `clone/`, and `lock`, which the run that made it keeps locked: the system drops the
//! lock with the process, however that ends, so the next run knows which ones nobody needs.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = ".fitout-clone-";

/// A folder for one clone in the making; removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    lock: Option<File>,
}

impl Staging {
    /// Makes one beside `destination`, whose parent folders are made too.
    pub(super) fn beside(destination: &Path) -> io::Result<Self> {
        let parent = destination
            .parent()
            .ok_or_else(|| io::Error::other("can't clone to the root of the file system"))?;
        fs::create_dir_all(parent)?;
        let mut tries = 0;
        loop {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .tempdir_in(parent)?
                .keep();
            match File::create_new(folder.join("lock")) {
                Ok(lock) => {
                    lock.lock()?;
                    return Ok(Staging {
                        folder,
                        lock: Some(lock),
                    });
                }
                // Another run took the folder for a dead one's before there was a lock in it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Where to clone to. Does not exist yet.
    pub(super) fn clone_path(&self) -> PathBuf {
        self.folder.join("clone")
    }

    /// Moves the clone to its place. Fails when something other than an empty folder is there.
    pub(super) fn move_to(self, destination: &Path) -> io::Result<()> {
        fs::rename(self.clone_path(), destination)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        remove(&self.folder, self.lock.take());
    }
}

/// The lock goes last: what is left of a removal that was cut short is still known for ours.
fn remove(folder: &Path, lock: Option<File>) {
    let removed = fs::remove_dir_all(folder.join("clone"));
    if removed.is_ok() || !folder.join("clone").exists() {
        let _ = fs::remove_file(folder.join("lock"));
        drop(lock);
        let _ = fs::remove_dir(folder);
    }
}

/// Removes what runs left behind that were killed. Those of living runs, and anything that is not
/// fitout's, stay.
pub(super) fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let folder = entry.path();
        match File::options().write(true).open(folder.join("lock")) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => remove(&folder, Some(lock)),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            },
            // Killed between the two: fails, and rightly so, when anything is in it.
            Err(_) => {
                let _ = fs::remove_dir(&folder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_runs_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Staging::beside(&parent.path().join("web")).unwrap();
        let dead = parent.path().join(".fitout-clone-dead");
        fs::create_dir_all(dead.join("clone/.git")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let empty = parent.path().join(".fitout-clone-empty");
        fs::create_dir(&empty).unwrap();
        let foreign = parent.path().join(".fitout-clone-foreign");
        fs::create_dir_all(foreign.join("clone")).unwrap();

        remove_stale(parent.path());

        assert!(!dead.exists());
        assert!(!empty.exists());
        assert!(foreign.join("clone").exists());
        assert!(alive.folder.join("lock").exists());
    }

    #[test]
    fn a_clone_never_replaces_what_is_at_its_place() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("web");
        let staging = Staging::beside(&destination).unwrap();
        fs::create_dir(staging.clone_path()).unwrap();
        fs::create_dir(&destination).unwrap();
        fs::write(destination.join("mine"), "work").unwrap();

        assert!(staging.move_to(&destination).is_err());

        let left: Vec<_> = fs::read_dir(parent.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read(destination.join("mine")).unwrap(), b"work");
    }
}
