//! The files of git's that a move replaces while it holds their locks: the index, and for a branch that it
//! makes the configuration and the branch itself. Each is written in the staging folder first and put in its
//! place under a second name, so that a later run can tell whether it is still that one, and take it back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::refs;
use super::steps::Mark;
use crate::host::files::At as _;

/// One such file.
pub(super) struct Replaced {
    file: PathBuf,
    staging: PathBuf,
    name: &'static str,
}

impl Replaced {
    pub(super) fn index(repository: &Repository, staging: &Path) -> Self {
        Replaced::of(refs::file(repository, "index"), staging, "index")
    }

    /// That of the clone itself, which says what branches follow.
    pub(super) fn config(repository: &Repository, staging: &Path) -> Self {
        Replaced::of(refs::file(repository, "config"), staging, "config")
    }

    /// A branch that was not there before.
    pub(super) fn branch(repository: &Repository, staging: &Path, name: &str) -> Self {
        Replaced::of(refs::file(repository, name), staging, "branch")
    }

    fn of(file: PathBuf, staging: &Path, name: &'static str) -> Self {
        let staging = staging.to_owned();
        Replaced {
            file,
            staging,
            name,
        }
    }

    /// Its place in the clone.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Where the new one is written.
    pub(super) fn staged(&self) -> PathBuf {
        self.staging.join(self.name)
    }

    fn old(&self) -> PathBuf {
        self.staging.join(format!("{}.old", self.name))
    }

    /// Puts the new one in place.
    pub(super) fn put(&self) -> io::Result<()> {
        let keep = fs::hard_link(&self.file, self.old());
        match keep.or_else(|_| fs::copy(&self.file, self.old()).map(drop)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).at(&self.file);
            }
            _ => {}
        }
        let linked = self.staging.join(format!("{}.new", self.name));
        match fs::hard_link(self.staged(), &linked) {
            Ok(()) => fs::rename(linked, &self.file),
            Err(_) => fs::rename(self.staged(), &self.file),
        }
        .at(&self.file)
    }

    /// Whether what is in its place is what the move put there.
    pub(super) fn is_ours(&self) -> bool {
        let mark = |path: &Path| path.symlink_metadata().ok().map(|found| Mark::of(&found));
        let ours = mark(&self.staged());
        ours.is_some() && ours == mark(&self.file)
    }

    /// Puts the old one back, or nothing where there was none; leaves alone what is not ours. Returns whether it was.
    pub(super) fn put_back(&self) -> io::Result<bool> {
        let is_ours = self.is_ours();
        if is_ours {
            match fs::rename(self.old(), &self.file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::remove_file(&self.file).at(&self.file)?;
                }
                result => result.at(&self.file)?,
            }
        }
        Ok(is_ours)
    }
}
