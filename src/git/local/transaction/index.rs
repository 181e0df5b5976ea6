//! The index of an update: identifies an index, and writes a copy of the old one with the changes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexEntryExtendedFlag, IndexTime, Oid};

use super::changes::{Changes, Entry};
use super::check::ASSUMED_VALID;
use crate::git::error::GitError;
use crate::host::files::At as _;

const SKIPPED: u16 = IndexEntryExtendedFlag::SKIP_WORKTREE.bits();

/// Identifies the index in a `.git` folder: by its checksum, which git may omit, and as a file.
pub(in crate::git::local) fn identity(git_dir: &Path) -> Option<String> {
    let file = File::open(git_dir.join("index")).ok()?;
    let found = file.metadata().ok()?;
    let mut checksum = [0; 20];
    let end = found.size().checked_sub(20)?;
    file.read_exact_at(&mut checksum, end).ok()?;
    let checksum = Oid::from_bytes(&checksum).ok()?;
    let (ino, seconds, nanoseconds) = (found.ino(), found.mtime(), found.mtime_nsec());
    Some(format!("{checksum} {ino} {seconds}.{nanoseconds}"))
}

/// Writes the index at `old` with the changes, which the work tree already has, to `file`.
pub(super) fn write(
    old: &Path,
    file: &Path,
    work_tree: &Path,
    changes: &Changes,
    still: &HashMap<PathBuf, Metadata>,
) -> Result<(), GitError> {
    let old_time = old.symlink_metadata().ok();
    if old_time.is_some() {
        fs::copy(old, file).at(file)?;
    }
    let mut index = Index::open(file)?;
    for (path, change) in changes {
        if change.old.is_some() && change.new.is_none() {
            // A path that was removed on both sides may not be in there.
            let _ = index.remove(path, 0);
        }
    }
    for (path, change) in changes {
        if let Some(new) = change.new {
            let file = work_tree.join(path);
            let found = file.symlink_metadata().at(&file)?;
            let mut entry = entry(&found, path, new);
            if let Some(old) = index.get_path(path, 0) {
                // git ignores changes of this path.
                entry.flags = old.flags & ASSUMED_VALID;
                entry.flags_extended = old.flags_extended & SKIPPED;
            }
            index.add(&entry)?;
        }
    }
    for (path, found) in still {
        if let Some(old) = index.get_path(path, 0) {
            let (mode, id) = (old.mode, old.id);
            let entry = IndexEntry {
                flags: old.flags,
                flags_extended: old.flags_extended,
                ..entry(found, path, Entry { mode, id })
            };
            index.add(&entry)?;
        }
    }
    if let Some(old_time) = old_time {
        look_again(
            &mut index,
            (old_time.mtime(), old_time.mtime_nsec()),
            |path| changes.contains_key(path) || still.contains_key(path),
        )?;
    }
    index.write()?;
    Ok(())
}

/// A file that was modified at or after the time of the old index may differ from its entry and
/// still have the same time and size. Compared to the new index, it would look older, and
/// unchanged: so its size is cleared, as git does ("racy git"), which forces readers of the index
/// to compare the content.
fn look_again(
    index: &mut Index,
    old: (i64, i64),
    is_known: impl Fn(&Path) -> bool,
) -> Result<(), GitError> {
    let is_racy = |entry: &IndexEntry| {
        let time = (
            i64::from(entry.mtime.seconds()),
            i64::from(entry.mtime.nanoseconds()),
        );
        time >= old
            && entry.file_size > 0
            && entry.flags_extended == 0
            && !is_known(Path::new(OsStr::from_bytes(&entry.path)))
    };
    let racy: Vec<IndexEntry> = index.iter().filter(is_racy).collect();
    for entry in racy {
        index.add(&IndexEntry {
            file_size: 0,
            ..entry
        })?;
    }
    Ok(())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an index has 32 bits of each"
)]
#[expect(clippy::cast_sign_loss, reason = "likewise")]
fn entry(found: &Metadata, path: &Path, new: Entry) -> IndexEntry {
    let time = |seconds: i64, nanoseconds: i64| IndexTime::new(seconds as i32, nanoseconds as u32);
    IndexEntry {
        ctime: time(found.ctime(), found.ctime_nsec()),
        mtime: time(found.mtime(), found.mtime_nsec()),
        dev: found.dev() as u32,
        ino: found.ino() as u32,
        mode: new.mode,
        uid: found.uid(),
        gid: found.gid(),
        file_size: if new.is_submodule() {
            0
        } else {
            found.size() as u32
        },
        id: new.id,
        flags: 0,
        flags_extended: 0,
        path: PathBuf::from(path).into_os_string().into_vec(),
    }
}

/// Whether the index matches the old commit for all these paths.
pub(super) fn is_old(file: &Path, changes: &Changes) -> bool {
    let Ok(index) = Index::open(file) else {
        return false;
    };
    changes.iter().all(|(path, change)| {
        let found = index.get_path(path, 0).map(|entry| Entry {
            mode: entry.mode,
            id: entry.id,
        });
        found == change.old
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_as_new_as_the_old_index_is_looked_into_by_whoever_reads_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let work_tree = folder.path();
        let (old, new) = (work_tree.join("old"), work_tree.join("new"));
        let mut index = Index::open(&old).unwrap();
        for name in ["before", "since"] {
            fs::write(work_tree.join(name), "text").unwrap();
            let blob = Entry {
                mode: 0o100_644,
                id: Oid::ZERO_SHA1,
            };
            let found = work_tree.join(name).symlink_metadata().unwrap();
            index.add(&entry(&found, Path::new(name), blob)).unwrap();
        }
        index.write().unwrap();
        let time = |name: &str| work_tree.join(name).metadata().unwrap().modified().unwrap();
        let since = time("since");
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(since)
            .unwrap();
        assert!(time("before") <= since);

        let still = HashMap::new();
        write(&old, &new, work_tree, &Changes::new(), &still).unwrap();

        let index = Index::open(&new).unwrap();
        let size = |name: &str| index.get_path(Path::new(name), 0).unwrap().file_size;
        assert_eq!(size("since"), 0);
    }
}
