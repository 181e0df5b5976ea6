//! Verifies the packs of an entry: their last 20 bytes are the SHA-1 of everything before them.
//!
//! Reading gigabytes of history would cost more than the rest of a clone from the cache. So a file
//! in the entry records the size and modification time of each pack and index when it was last
//! verified, like git's index does for the work tree. If they are unchanged, the file is not read
//! again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const FILE: &str = "whole";
const CHECKSUM: usize = 20;

/// Whether packs of an entry, and their indexes, are valid.
pub(super) fn are_whole(entry: &Path, packs: &[PathBuf]) -> io::Result<bool> {
    let noted = noted(entry);
    let mut has_news = false;
    for file in packs.iter().flat_map(|pack| pair(pack)) {
        if noted.contains(&stamp(&file)?) {
            continue;
        }
        if !is_whole(&file)? {
            return Ok(false);
        }
        has_news = true;
    }
    if has_news {
        note(entry, packs);
    }
    Ok(true)
}

/// Records that packs, and their indexes, are valid. Records of other packs are removed.
pub(super) fn note(entry: &Path, packs: &[PathBuf]) {
    let lines = packs.iter().flat_map(|pack| pair(pack)).filter_map(|file| {
        let stamp = stamp(&file).ok()?;
        Some(stamp + "\n")
    });
    // If a line is incomplete or missing, the file is verified.
    let _ = fs::write(entry.join(FILE), lines.collect::<String>());
}

fn noted(entry: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(entry.join(FILE)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn pair(pack: &Path) -> [PathBuf; 2] {
    [pack.to_owned(), pack.with_extension("idx")]
}

fn stamp(file: &Path) -> io::Result<String> {
    let found = fs::metadata(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (bytes, inode) = (found.len(), found.ino());
    let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
    Ok(format!("{bytes} {seconds}.{nanoseconds:09} {inode} {name}"))
}

fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let Some(mut left) = file.metadata()?.len().checked_sub(CHECKSUM as u64) else {
        return Ok(false);
    };
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    let mut buffer = vec![0; 1 << 17];
    while left > 0 {
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = file.read(&mut buffer[..most])?;
        if read == 0 {
            return Ok(false);
        }
        hasher.update(&buffer[..read]);
        left -= read as u64;
    }
    let mut checksum = [0; CHECKSUM];
    file.read_exact(&mut checksum)?;
    Ok(hasher
        .try_finalize()
        .is_ok_and(|found| found.as_slice() == checksum))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::slice;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// An entry with a pack and an index, each the right checksum of nothing at all.
    fn entry() -> (tempfile::TempDir, PathBuf) {
        let entry = tempfile::tempdir().unwrap();
        let hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        let empty = hasher.try_finalize().unwrap();
        let pack = entry.path().join("pack-1.pack");
        for file in pair(&pack) {
            fs::write(file, empty.as_slice()).unwrap();
        }
        (entry, pack)
    }

    #[test]
    fn what_was_found_whole_is_read_again_only_when_it_was_written_to() {
        let (entry, pack) = entry();
        let packs = [pack.clone()];
        assert!(are_whole(entry.path(), &packs).unwrap());
        assert_eq!(noted(entry.path()).len(), 2);

        let written = fs::metadata(&pack).unwrap().modified().unwrap();
        let damage = |time| {
            let file = File::options().write(true).open(&pack).unwrap();
            (&file).write_all(&[0; CHECKSUM]).unwrap();
            file.set_modified(time).unwrap();
        };
        damage(written);
        assert!(are_whole(entry.path(), &packs).unwrap());
        damage(written + Duration::from_nanos(1));
        assert!(!are_whole(entry.path(), &packs).unwrap());
    }

    #[test]
    fn what_was_touched_is_read_once_more_and_noted() {
        let (entry, pack) = entry();
        note(entry.path(), slice::from_ref(&pack));
        let before = noted(entry.path());
        let file = File::options().write(true).open(&pack).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
        assert!(are_whole(entry.path(), slice::from_ref(&pack)).unwrap());
        let after = noted(entry.path());
        assert_ne!(before, after);
        assert!(after.contains(&stamp(&pack).unwrap()));
    }

    #[test]
    fn what_is_too_short_is_not_whole() {
        let (entry, pack) = entry();
        for bytes in [&b""[..], b"PACK"] {
            fs::write(&pack, bytes).unwrap();
            assert!(!are_whole(entry.path(), slice::from_ref(&pack)).unwrap());
        }
    }
}
