//! The symbolic link at the manifest's path of a repo that is kept elsewhere.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::folder;
use crate::git::error::GitError;
use crate::sync::Link;
use crate::workspace::Repo;

/// Makes the manifest's path a link to where the clone is kept.
pub fn make(root: &Path, repo: &Repo) -> Result<(), GitError> {
    let link = root.join(&repo.path);
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent)?;
    }
    let target = link_target(root, repo);
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, link)?;
    #[cfg(windows)]
    std::os::windows::fs::symlink_dir(target, link)?;
    Ok(())
}

pub(super) fn observe(root: &Path, repo: &Repo) -> Link {
    if repo.local_path.is_none() {
        return Link::NotWanted;
    }
    let link = root.join(&repo.path);
    let Ok(metadata) = fs::symlink_metadata(&link) else {
        return Link::Missing;
    };
    if !metadata.is_symlink() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "a file"
        };
        return Link::Blocked(what.to_owned());
    }
    let is_right = match (link.canonicalize(), folder(root, repo).canonicalize()) {
        (Ok(found), Ok(wanted)) => found == wanted,
        _ => fs::read_link(&link).is_ok_and(|found| found == link_target(root, repo)),
    };
    if is_right {
        return Link::Right;
    }
    let target = fs::read_link(&link).unwrap_or_default();
    Link::Blocked(format!("a link to {}", target.display()))
}

/// What the link at the manifest's path says: relative, so that the workspace can be moved.
fn link_target(root: &Path, repo: &Repo) -> PathBuf {
    let wanted = Path::new(repo.local_path.as_deref().unwrap_or_default());
    if wanted.is_absolute() {
        return wanted.to_path_buf();
    }
    let depth = Path::new(&repo.path)
        .parent()
        .map_or(0, |parent| parent.components().count());
    let mut target: PathBuf = std::iter::repeat_n(Component::ParentDir, depth).collect();
    target.push(wanted);
    let _ = root;
    target
}
