//! The state of Git LFS in a clone, whose files are pointers if its filter did not run.

use std::fs;
use std::path::Path;

use git2::Repository;

use super::attributes::{is_attributes, read};

/// Whether something that downloads Git LFS files is installed and enabled.
pub(super) fn fetches_lfs(repository: &Repository) -> bool {
    // `git lfs install --skip-smudge` and its environment variable leave pointers.
    let is_set =
        lfs_filter(Some(repository.path())).is_some_and(|command| !command.contains("--skip"));
    let is_skipped = std::env::var("GIT_LFS_SKIP_SMUDGE").is_ok_and(|value| value != "0");
    is_set && !is_skipped
}

/// Returns the filter command of Git LFS, which `git lfs install` configures. Read by gix, because
/// libgit2 doesn't support `GIT_CONFIG_NOSYSTEM`.
fn lfs_filter(git_dir: Option<&Path>) -> Option<String> {
    let config = gix::config(git_dir, &gix::open::Options::default()).ok()?;
    let command = config.string("filter.lfs.process");
    let command = command.or_else(|| config.string("filter.lfs.smudge"))?;
    Some(command.to_string())
}

/// Returns a note for a clone whose files are Git LFS pointers; `shown` is its quoted path.
pub fn lfs_note(path: &Path, shown: &str) -> Option<String> {
    if lfs(path) != Lfs::Pointers {
        return None;
    }
    let first = match lfs_filter(None) {
        Some(_) => "",
        None => "install git-lfs, then `git lfs install` and ",
    };
    Some(format!(
        "its Git LFS files are pointers: {first}`git -C {shown} lfs pull`"
    ))
}

/// The state of Git LFS in a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lfs {
    /// It does not use it.
    Unused,
    /// Its files are in the work tree.
    Files,
    /// Files in the work tree are pointers, because the filter is missing.
    Pointers,
}

/// Returns the state of Git LFS in the clone at `path`.
pub fn lfs(path: &Path) -> Lfs {
    // The first line of every pointer: the specification of Git LFS, docs/spec.md.
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
    const LARGEST_POINTER: u64 = 1024;
    let Ok(index) = Repository::open(path).and_then(|repository| repository.index()) else {
        return Lfs::Unused;
    };
    let is_lfs = index
        .iter()
        .filter(|entry| is_attributes(&entry.path))
        .filter_map(|entry| read(&path.join(String::from_utf8(entry.path).ok()?)))
        .any(|text| String::from_utf8_lossy(&text).contains("filter=lfs"));
    if !is_lfs {
        return Lfs::Unused;
    }
    let has_pointer = index.iter().any(|entry| {
        let file = path.join(String::from_utf8_lossy(&entry.path).as_ref());
        fs::symlink_metadata(&file).is_ok_and(|file| file.is_file() && file.len() < LARGEST_POINTER)
            && read(&file).is_some_and(|text| text.starts_with(POINTER))
    });
    if has_pointer {
        Lfs::Pointers
    } else {
        Lfs::Files
    }
}
