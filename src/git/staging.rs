//! Staging folders, in which clones and copies of a workspace are created before they are moved to
//! their final path atomically.
//!
//! `.fitout-clone-XXXX/` next to the destinations, so that the move is a rename on the same file
//! system; one for all clones of a run. It contains a folder per clone, and `lock`, which is locked
//! by the run that created it: the system releases the lock when the process ends, so the next run
//! knows which ones are abandoned. If a clone's folder already exists, the clone is created inside
//! it, and its contents are moved. Folders are removed by way of `.fitout-removed-XXXX/`, in the
//! same way.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::OFlags;

use super::local::rename_new;

const LOCK: &str = "lock";

/// The purpose of a staging folder, which is the prefix of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Clones,
    Removal,
}

impl Purpose {
    const ALL: [Purpose; 2] = [Purpose::Clones, Purpose::Removal];

    fn prefix(self) -> &'static str {
        match self {
            Purpose::Clones => ".fitout-clone-",
            Purpose::Removal => ".fitout-removed-",
        }
    }
}

/// The staging folders of one run; removed with their contents when dropped.
#[derive(Debug, Default)]
pub struct Staging {
    areas: Mutex<BTreeMap<PathBuf, Arc<Area>>>,
}

/// A staging folder for clones in the same parent folder.
#[derive(Debug)]
struct Area {
    folder: PathBuf,
    lock: Option<File>,
    made: AtomicUsize,
    capabilities: gix::fs::Capabilities,
}

/// An unfinished clone; removed with its contents when dropped.
#[derive(Debug)]
pub struct StagedClone {
    area: Arc<Area>,
    path: PathBuf,
    is_inside: bool,
}

impl Staging {
    /// Returns a staging path next to `destination`, and creates missing parent folders.
    ///
    /// # Errors
    ///
    /// If the folders can't be created; the error has the folder that is not writable.
    pub fn beside(&self, destination: &Path) -> io::Result<StagedClone> {
        let parent = destination
            .parent()
            .ok_or_else(|| io::Error::other("can't clone to the root of the file system"))?;
        let mut areas = self.areas.lock().unwrap_or_else(PoisonError::into_inner);
        let area = if let Some(area) = areas.get(parent) {
            Arc::clone(area)
        } else {
            let area = Arc::new(Area::new(parent, Purpose::Clones)?);
            areas.insert(parent.to_owned(), Arc::clone(&area));
            area
        };
        let number = area.made.fetch_add(1, Ordering::Relaxed);
        let path = area.folder.join(number.to_string());
        Ok(StagedClone {
            area,
            path,
            is_inside: false,
        })
    }

    /// Returns a staging path for a clone: inside the existing folder, which is kept because
    /// something may be mounted there; otherwise next to it.
    ///
    /// # Errors
    ///
    /// Like [`Staging::beside`].
    pub fn for_clone(&self, destination: &Path) -> io::Result<StagedClone> {
        if destination.is_dir()
            && let Ok(area) = Area::new(destination, Purpose::Clones)
        {
            return Ok(StagedClone {
                path: area.folder.join("0"),
                area: Arc::new(area),
                is_inside: true,
            });
        }
        // If another user created it in this user's folder, it can be replaced.
        self.beside(destination)
    }
}

impl StagedClone {
    /// Returns the path to clone to. It doesn't exist yet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file system's capabilities, which are written to a clone's configuration.
    pub(super) fn capabilities(&self) -> gix::fs::Capabilities {
        self.area.capabilities
    }

    /// Moves the clone to its final path.
    ///
    /// # Errors
    ///
    /// If something other than an empty folder exists there.
    pub fn move_to(self, destination: &Path) -> io::Result<()> {
        if self.is_inside {
            self.fill(destination)
        } else {
            fs::rename(&self.path, destination)
        }
    }

    /// Moves the contents of the clone, `.git` last: without it, the folder is not taken for a
    /// clone.
    fn fill(&self, destination: &Path) -> io::Result<()> {
        for entry in fs::read_dir(destination)? {
            if entry?.path() != self.area.folder {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
        }
        let entries = fs::read_dir(&self.path)?;
        let names = entries.map(|entry| Ok(entry?.file_name()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort_by_key(|name| name == ".git");
        for (number, name) in names.iter().enumerate() {
            let moved = rename_new(&self.path.join(name), &destination.join(name));
            if let Err(error) = moved {
                for name in &names[..number] {
                    rename_new(&destination.join(name), &self.path.join(name))?;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for StagedClone {
    fn drop(&mut self) {
        // Moved, or never created: nothing to remove.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Area {
    fn new(parent: &Path, purpose: Purpose) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let mut tries = 0;
        loop {
            let folder = tempfile::Builder::new()
                .prefix(purpose.prefix())
                .tempdir_in(parent)?
                .keep();
            match locked(&folder.join(LOCK)) {
                Ok(lock) => {
                    return Ok(Area {
                        capabilities: gix::fs::Capabilities::probe_dir(&folder),
                        folder,
                        lock: Some(lock),
                        made: AtomicUsize::new(0),
                    });
                }
                // Another run considered the folder abandoned before its lock was held.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 10 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        remove(&self.folder, self.lock.take());
    }
}

/// Creates and locks a new lock file.
fn locked(path: &Path) -> io::Result<File> {
    let lock = File::create_new(path)?;
    lock.lock()?;
    // A run that removed it in the meantime held it until it was gone.
    fs::symlink_metadata(path)?;
    Ok(lock)
}

/// Removes a folder with its contents: it is renamed first, so that a partly removed folder doesn't
/// look complete, and to a name that the next run cleans up if this one is killed.
///
/// # Errors
///
/// If it can't be moved, or not completely removed: the error has the path of the rest.
pub fn remove_folder(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| (path, error)
    };
    let parent = folder.parent().unwrap_or(Path::new("/"));
    remove_stale(parent);
    let away = Area::new(parent, Purpose::Removal).map_err(at(folder))?;
    let moved = away.folder.join("0");
    fs::rename(folder, &moved).map_err(at(folder))?;
    fs::remove_dir_all(&moved).map_err(at(&away.folder))
}

/// The lock is removed last, so that an interrupted removal is still recognized as ours.
fn remove(folder: &Path, lock: Option<File>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let clones = entries.filter(|entry| entry.file_name() != LOCK);
    let kept = clones.filter(|clone| fs::remove_dir_all(clone.path()).is_err());
    if kept.count() == 0 {
        let _ = fs::remove_file(folder.join(LOCK));
        drop(lock);
        let _ = fs::remove_dir(folder);
    }
}

/// Removes leftovers of killed runs. Folders of running processes, and anything that is not
/// fitout's, are kept.
pub fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = |purpose: &Purpose| {
            name.as_encoded_bytes()
                .starts_with(purpose.prefix().as_bytes())
        };
        if !Purpose::ALL.iter().any(is_ours) {
            continue;
        }
        let folder = entry.path();
        // Without following links: a run never creates anything behind one.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let lock = File::options()
            .write(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(folder.join(LOCK));
        match lock {
            Ok(lock) if !lock.metadata().is_ok_and(|lock| lock.is_file()) => {}
            Ok(lock) => match lock.try_lock() {
                Ok(()) => remove(&folder, Some(lock)),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            },
            // Killed between the two steps: fails, as intended, if it is not empty.
            Err(_) => {
                let _ = fs::remove_dir(&folder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn only_what_dead_runs_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let staging = Staging::default();
        let alive = staging.beside(&parent.path().join("web")).unwrap();
        let dead = parent.path().join(".fitout-clone-dead");
        fs::create_dir_all(dead.join("0/.git")).unwrap();
        fs::create_dir_all(dead.join("1/.git")).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        let removed = parent.path().join(".fitout-removed-dead");
        fs::create_dir_all(removed.join("copy/web")).unwrap();
        fs::write(removed.join("lock"), "").unwrap();
        let kept = parent.path().join(".fitout-removed-mine");
        fs::create_dir_all(kept.join("web")).unwrap();
        let empty = parent.path().join(".fitout-clone-empty");
        fs::create_dir(&empty).unwrap();
        let foreign = parent.path().join(".fitout-clone-foreign");
        fs::create_dir_all(foreign.join("clone")).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(elsewhere.path().join("work")).unwrap();
        fs::write(elsewhere.path().join("lock"), "").unwrap();
        symlink(elsewhere.path(), parent.path().join(".fitout-clone-link")).unwrap();
        let locked = parent.path().join(".fitout-clone-locked");
        fs::create_dir_all(locked.join("clone")).unwrap();
        symlink(elsewhere.path().join("lock"), locked.join("lock")).unwrap();
        let linking = parent.path().join(".fitout-clone-linking");
        fs::create_dir(&linking).unwrap();
        fs::write(linking.join("lock"), "").unwrap();
        symlink(elsewhere.path(), linking.join("0")).unwrap();

        remove_stale(parent.path());

        assert!(!dead.exists());
        assert!(!removed.exists());
        assert!(kept.join("web").exists());
        assert!(!empty.exists());
        assert!(foreign.join("clone").exists());
        assert!(locked.join("clone").exists());
        assert!(elsewhere.path().join("work").exists());
        assert!(elsewhere.path().join("lock").exists());
        assert!(alive.area.folder.join("lock").exists());
    }

    #[test]
    fn a_clone_never_replaces_what_is_at_its_place() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("web");
        let staging = Staging::default();
        let clone = staging.beside(&destination).unwrap();
        fs::create_dir(clone.path()).unwrap();
        fs::create_dir(&destination).unwrap();
        fs::write(destination.join("mine"), "work").unwrap();

        assert!(clone.move_to(&destination).is_err());

        drop(staging);
        let left: Vec<_> = fs::read_dir(parent.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(fs::read(destination.join("mine")).unwrap(), b"work");
    }

    #[test]
    fn a_clone_fills_a_folder_that_is_there_and_leaves_it_what_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("web");
        fs::create_dir(&destination).unwrap();
        let before = fs::metadata(&destination).unwrap().ino();
        let staging = Staging::default();
        let clone = staging.for_clone(&destination).unwrap();
        for folder in [".git", "src"] {
            fs::create_dir_all(clone.path().join(folder)).unwrap();
        }

        clone.move_to(&destination).unwrap();

        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&destination), [".git", "src"]);
        assert_eq!(fs::metadata(&destination).unwrap().ino(), before);

        let other = parent.path().join("api");
        fs::create_dir(&other).unwrap();
        let clone = staging.for_clone(&other).unwrap();
        fs::create_dir_all(clone.path().join(".git")).unwrap();
        fs::write(other.join("mine"), "work").unwrap();
        assert!(clone.move_to(&other).is_err());
        assert_eq!(names(&other), ["mine"]);
        assert_eq!(names(parent.path()), ["api", "web"]);
    }

    #[test]
    fn clones_of_one_folder_share_one_that_goes_with_the_run() {
        let parent = tempfile::tempdir().unwrap();
        let staging = Staging::default();
        for name in ["api", "web"] {
            let clone = staging.beside(&parent.path().join(name)).unwrap();
            fs::create_dir(clone.path()).unwrap();
            clone.move_to(&parent.path().join(name)).unwrap();
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 3);

        drop(staging);

        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
    }
}
