//! git's files that an update replaces while it holds their locks: the index and, for a new branch,
//! the configuration and the branch itself. Each is first written to the staging folder and then
//! hard-linked to its path, so that a later run can tell whether it is still the same, and undo it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::changes::ANY_SIZE;
use super::refs;
use super::steps::Mark;
use crate::host::files::{self, At as _};

/// Such a file.
pub(super) struct Replaced {
    file: PathBuf,
    staging: PathBuf,
    name: &'static str,
}

impl Replaced {
    pub(super) fn index(repository: &Repository, staging: &Path) -> Self {
        Replaced::of(refs::file(repository, "index"), staging, "index")
    }

    /// The clone's own configuration, with the upstreams of branches.
    pub(super) fn config(repository: &Repository, staging: &Path) -> Self {
        Replaced::of(refs::file(repository, "config"), staging, "config")
    }

    /// A new branch.
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

    /// Its path in the clone.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The path of the new version.
    pub(super) fn staged(&self) -> PathBuf {
        self.staging.join(self.name)
    }

    fn old(&self) -> PathBuf {
        self.staging.join(format!("{}.old", self.name))
    }

    /// Without hard links, its content tells whether it is still the same.
    fn copied(&self) -> PathBuf {
        self.staging.join(format!("{}.copied", self.name))
    }

    /// Puts the new version in place.
    pub(super) fn put(&self) -> io::Result<()> {
        self.put_by(|from, to| fs::hard_link(from, to))
    }

    fn put_by(&self, link: impl Fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        let keep = link(&self.file, &self.old());
        match keep.or_else(|_| fs::copy(&self.file, self.old()).map(drop)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).at(&self.file);
            }
            _ => {}
        }
        let linked = self.staging.join(format!("{}.new", self.name));
        if link(&self.staged(), &linked).is_err() {
            fs::copy(self.staged(), &linked).at(&linked)?;
            fs::write(self.copied(), "").at(self.copied())?;
        }
        fs::rename(linked, &self.file).at(&self.file)
    }

    /// Whether the current version is the one that the update put there.
    pub(super) fn is_ours(&self) -> bool {
        if self.copied().exists() {
            let content = |path: &Path| files::read_bytes(path, ANY_SIZE).ok();
            let ours = content(&self.staged());
            return ours.is_some() && ours == content(&self.file);
        }
        let mark = |path: &Path| path.symlink_metadata().ok().map(|found| Mark::of(&found));
        let ours = mark(&self.staged());
        ours.is_some() && ours == mark(&self.file)
    }

    /// Restores the old version, or removes the new one if there was none; doesn't touch files that
    /// are not ours. Returns whether it was ours.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_place_is_taken_back_also_where_no_file_has_two_names() {
        for has_links in [true, false] {
            let link = |from: &Path, to: &Path| {
                if has_links {
                    fs::hard_link(from, to)
                } else {
                    Err(io::ErrorKind::Unsupported.into())
                }
            };
            for old in [Some("old"), None] {
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("index");
                let staging = folder.path().join("staging");
                fs::create_dir(&staging).unwrap();
                if let Some(old) = old {
                    fs::write(&file, old).unwrap();
                }
                let replaced = Replaced::of(file.clone(), &staging, "index");
                fs::write(replaced.staged(), "new").unwrap();
                replaced.put_by(link).unwrap();
                assert_eq!(fs::read_to_string(&file).unwrap(), "new");
                assert!(replaced.put_back().unwrap());
                assert_eq!(fs::read_to_string(&file).ok().as_deref(), old);

                fs::write(replaced.staged(), "new").unwrap();
                replaced.put_by(link).unwrap();
                fs::remove_file(&file).unwrap();
                fs::write(&file, "theirs").unwrap();
                assert!(!replaced.put_back().unwrap());
                assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
            }
        }
    }
}
