//! Resolves paths in a workspace: links are checked before anything is written.
//!
//! A workspace and its clones are untrusted, and may contain links. A link that leads out of the
//! workspace, or into a `.git` folder, is an error. This module doesn't decide who may write what.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};
use rustix::io::Errno;

use crate::error::{Classified, Kind};
use crate::workspace::syntax::is_git_folder;

/// Why a path can't be written to.
#[derive(Debug, thiserror::Error)]
pub enum Astray {
    /// A link in the path leads out of the workspace.
    #[error("`{}` is a link that leads out of the workspace, to `{}`", link.display(), target.display())]
    Outside {
        /// Relative to the workspace.
        link: PathBuf,
        /// Its target, absolute.
        target: PathBuf,
    },
    /// A link in the path leads into a `.git` folder.
    #[error("`{}` is a link into a `.git` folder: `{}`", link.display(), target.display())]
    GitFolder {
        /// Relative to the workspace.
        link: PathBuf,
        /// The target as in the link.
        target: PathBuf,
    },
    /// A link in the path is broken, and would lead to whatever is created at its target.
    #[error("`{}` is a broken link: `{}`", link.display(), target.display())]
    Nowhere {
        /// Relative to the workspace.
        link: PathBuf,
        /// The target as in the link.
        target: PathBuf,
    },
    /// It can't be accessed.
    #[error("can't access `{}`: {source}", path.display())]
    Io {
        /// Relative to the workspace.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Classified for Astray {
    fn kind(&self) -> Kind {
        Kind::Failed
    }
}

/// Checks that a path below `root` is inside of it, and not in a `.git` folder, with all existing
/// links resolved.
pub fn check(root: &Path, path: &Path) -> Result<(), Astray> {
    let mut reached = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => continue,
            Component::Normal(name) => reached.push(name),
            // Resolved manifest paths never have this form.
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Astray::Outside {
                    link: path.to_owned(),
                    target: root.join(path),
                });
            }
        }
        let place = root.join(&reached);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if metadata.is_symlink() => check_link(root, &reached)?,
            Ok(_) => {}
            Err(error) if is_nothing_there(&error) => return Ok(()),
            Err(source) => {
                return Err(Astray::Io {
                    path: reached,
                    source,
                });
            }
        }
    }
    Ok(())
}

fn check_link(root: &Path, link: &Path) -> Result<(), Astray> {
    let io = |source| Astray::Io {
        path: link.to_owned(),
        source,
    };
    let place = root.join(link);
    let said = fs::read_link(&place).map_err(io)?;
    let target = match place.canonicalize() {
        Ok(target) => target,
        Err(error) if is_nothing_there(&error) => {
            return Err(Astray::Nowhere {
                link: link.to_owned(),
                target: said,
            });
        }
        Err(source) => return Err(io(source)),
    };
    let root = root.canonicalize().map_err(io)?;
    let Ok(inside) = target.strip_prefix(&root) else {
        return Err(Astray::Outside {
            link: link.to_owned(),
            target,
        });
    };
    let mut parts = inside.iter().map(|part| part.to_string_lossy());
    if parts.any(|part| is_git_folder(&part)) {
        return Err(Astray::GitFolder {
            link: link.to_owned(),
            target: said,
        });
    }
    Ok(())
}

/// Why nothing can be created in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWritable {
    /// Its owner or mode doesn't allow it.
    Permission,
    /// The file system is mounted read-only.
    ReadOnly,
}

/// Returns a path without `..` and with existing links resolved.
pub fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}

/// Returns why this process can't create anything in an existing folder, if so.
pub fn not_writable(folder: &Path) -> Option<NotWritable> {
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::accessat(CWD, folder, wanted, AtFlags::EACCESS) {
        Err(Errno::ACCESS | Errno::PERM) => Some(NotWritable::Permission),
        Err(Errno::ROFS) => Some(NotWritable::ReadOnly),
        _ => None,
    }
}

fn is_nothing_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_as_long_as_they_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("ws"), folder.path().join("outside"));
        fs::create_dir_all(root.join("web/.git/hooks")).unwrap();
        fs::create_dir_all(root.join("inside/deep")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(root.join("file"), "").unwrap();
        for (target, link) in [
            ("inside", "near"),
            ("../ws/inside", "around"),
            ("../outside", "out"),
            ("/", "root"),
            ("near", "twice"),
            ("out", "chain"),
            ("web/.git", "git"),
            ("web/.git/hooks", "hooks"),
            ("gone", "nowhere"),
            ("loop", "loop"),
            ("../../../outside", "inside/deep/out"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(&outside, root.join("absolute")).unwrap();
        let linked = folder.path().join("linked");
        symlink(&root, &linked).unwrap();
        for root in [&root, &linked] {
            for path in [
                "",
                "new/x",
                "near/x",
                "around/x",
                "twice/deep/x",
                "file/x",
                "web/x",
            ] {
                assert!(check(root, Path::new(path)).is_ok(), "{path}");
            }
            for (path, expected) in [
                ("out", "out of the workspace"),
                ("../outside", "out of the workspace"),
                ("/etc", "out of the workspace"),
                ("out/x/y", "out of the workspace"),
                ("absolute/x", "out of the workspace"),
                ("root/etc", "out of the workspace"),
                ("chain", "out of the workspace"),
                ("near/deep/out/x", "out of the workspace"),
                ("git/hooks", "into a `.git` folder"),
                ("hooks", "into a `.git` folder"),
                ("nowhere/x", "broken link"),
                ("loop/x", "can't access"),
            ] {
                let error = check(root, Path::new(path)).unwrap_err().to_string();
                assert!(error.contains(expected), "{path}: {error}");
            }
        }
    }
}
