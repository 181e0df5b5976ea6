//! Writes HEAD and the branch of an update, under the locks that it holds. libgit2 would take these
//! locks itself.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use crate::git::error::GitError;
use crate::git::local::head_text;
use crate::host::files::At as _;

/// The content of HEAD, and the commit that it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// `ref: refs/heads/main`, or a commit.
    pub text: String,
    pub commit: Option<Oid>,
}

impl Head {
    pub(super) fn read(repository: &Repository) -> Result<Self, GitError> {
        let (text, commit) = head_text(repository)?;
        Ok(Head { text, commit })
    }

    /// Its name in a reflog: a branch, or a commit.
    pub(super) fn name(&self) -> &str {
        self.text
            .strip_prefix("ref: refs/heads/")
            .unwrap_or(&self.text)
    }
}

/// Writes the refs of a repository.
pub(super) struct Refs<'a> {
    pub repository: &'a Repository,
    /// The folder in which a file is written before it is renamed.
    pub staging: &'a Path,
    /// Name, email and time, for reflogs.
    pub who: &'a [u8],
}

impl Refs<'_> {
    /// Replaces the file of a ref, whose lock we hold.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), GitError> {
        let written = self.staging.join("ref");
        fs::write(&written, format!("{text}\n")).at(&written)?;
        let file = file(self.repository, name);
        fs::rename(written, &file).at(&file)?;
        Ok(())
    }

    /// Appends to the reflog of a ref, if the configuration enables reflogs.
    pub(super) fn log(
        &self,
        name: &str,
        old: Option<Oid>,
        new: Oid,
        message: &str,
    ) -> Result<(), GitError> {
        let file = log_file(self.repository, name);
        let config = self.repository.config()?;
        // `always` is not a boolean.
        let is_off = config.get_bool("core.logAllRefUpdates") == Ok(false);
        if is_off && !file.exists() {
            return Ok(());
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).at(folder)?;
        }
        let old = old.unwrap_or(Oid::ZERO_SHA1);
        let mut line = format!("{old} {new} ").into_bytes();
        line.extend_from_slice(self.who);
        line.extend_from_slice(format!("\t{message}\n").as_bytes());
        let log = OpenOptions::new().append(true).create(true).open(&file);
        log.and_then(|mut log| log.write_all(&line)).at(&file)?;
        Ok(())
    }
}

/// Returns git's file with that name: a ref, the index, or the configuration that all work trees
/// share.
pub(super) fn file(repository: &Repository, name: &str) -> PathBuf {
    if name == "config" {
        // If it is a link, git writes and locks its target.
        let file = repository.commondir().join(name);
        file.canonicalize().unwrap_or(file)
    } else if name.starts_with("refs/") {
        repository.commondir().join(name)
    } else {
        repository.path().join(name)
    }
}

/// Returns the lock of such a file.
pub(super) fn lock(repository: &Repository, name: &str) -> PathBuf {
    let mut file = file(repository, name).into_os_string();
    file.push(".lock");
    PathBuf::from(file)
}

/// Returns the reflog of a ref.
pub(super) fn log_file(repository: &Repository, name: &str) -> PathBuf {
    let folder = match name {
        "HEAD" => repository.path(),
        _ => repository.commondir(),
    };
    folder.join("logs").join(name)
}
