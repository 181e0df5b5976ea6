//! A repo that is kept elsewhere: the symbolic link at the manifest's path, and what keeps the
//! workspace's own repository from showing the clone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, Repository};
use gix::bstr::ByteSlice as _;

use super::{folder, within};
use crate::dotenv;
use crate::git::cli;
use crate::git::error::GitError;
use crate::host::files::{self, At as _, Mode};
use crate::sync::Link;
use crate::workspace::Repo;

/// The user's own ignore file of a repository, below its `.git`.
const EXCLUDE: &str = "info/exclude";

/// Makes the manifest's path a link to the clone.
pub fn make(root: &Path, repo: &Repo) -> Result<(), GitError> {
    let link = root.join(&repo.path);
    within(root, Path::new(&repo.path).parent())?;
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent).at(parent)?;
    }
    let target = link_target(repo);
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, &link).at(&link)?;
    #[cfg(windows)]
    std::os::windows::fs::symlink_dir(target, &link).at(&link)?;
    Ok(())
}

/// Makes the workspace's own repository, if any, ignore the clone. Its path is the user's own
/// choice, so this is written to `.git/info/exclude`, not to the shared `.gitignore`.
pub fn exclude(root: &Path, repo: &Repo) -> anyhow::Result<()> {
    if repo.local_path.is_none() {
        return Ok(());
    }
    let (Some(around), Ok(clone)) = (Around::of(root), folder(root, repo).canonicalize()) else {
        return Ok(());
    };
    let work_tree = around.work_tree.canonicalize()?;
    let Ok(path) = clone.strip_prefix(&work_tree) else {
        return Ok(());
    };
    if around.ignores(path)? {
        return Ok(());
    }
    let file = around.common_dir.join(EXCLUDE);
    let mut text = files::read(&file)?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&dotenv::ignore_pattern(&path.display().to_string()));
    text.push('\n');
    fs::create_dir_all(around.common_dir.join("info"))?;
    files::write_within(&around.common_dir, EXCLUDE, &text, Mode::Shared)
}

/// The repository that contains a workspace.
struct Around {
    work_tree: PathBuf,
    common_dir: PathBuf,
    /// None if only git can read it.
    repository: Option<Repository>,
}

impl Around {
    fn of(root: &Path) -> Option<Self> {
        let repository = match Repository::discover(root) {
            Ok(repository) => repository,
            Err(error) if error.code() == ErrorCode::NotFound => return None,
            Err(_) => {
                let arguments = ["rev-parse", "--show-toplevel", "--git-common-dir"];
                let said = cli::ask_around(root, &arguments).ok()??;
                let mut paths = said.lines().map(|line| root.join(OsStr::from_bytes(line)));
                return Some(Around {
                    work_tree: paths.next()?,
                    common_dir: paths.next()?,
                    repository: None,
                });
            }
        };
        Some(Around {
            work_tree: repository.workdir()?.to_owned(),
            common_dir: repository.commondir().to_owned(),
            repository: Some(repository),
        })
    }

    /// Whether it ignores a path in its work tree.
    fn ignores(&self, path: &Path) -> Result<bool, GitError> {
        if let Some(repository) = &self.repository {
            return Ok(repository.is_path_ignored(path)?);
        }
        let arguments = ["check-ignore", "--quiet", "--"].map(OsStr::new);
        let arguments = [&arguments[..], &[path.as_os_str()]].concat();
        Ok(cli::ask_around(&self.work_tree, &arguments)?.is_some())
    }
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
        _ => fs::read_link(&link).is_ok_and(|found| found == link_target(repo)),
    };
    if is_right {
        return Link::Right;
    }
    let target = fs::read_link(&link).unwrap_or_default();
    Link::Blocked(format!("a link to {}", target.display()))
}

/// Returns the target of the link at the manifest's path: relative, so that the workspace can be
/// moved.
fn link_target(repo: &Repo) -> PathBuf {
    let wanted = Path::new(repo.local_path.as_deref().unwrap_or_default());
    if wanted.is_absolute() {
        return wanted.to_path_buf();
    }
    let depth = Path::new(&repo.path)
        .parent()
        .map_or(0, |parent| parent.components().count());
    let mut target: PathBuf = std::iter::repeat_n(Component::ParentDir, depth).collect();
    target.push(wanted);
    target
}
