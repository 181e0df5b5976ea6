//! Checks which paths of a tree may be written to a work tree and its index: those that git
//! accepts. A server may send others, which lead out of the work tree or into `.git`, and on which
//! libgit2's bindings panic.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use gix::bstr::{BStr, ByteSlice as _};
use gix_validate::path::component::{self, Mode, Options};

use super::changes::Changes;
use crate::git::error::{Cause, GitError};

/// `PATH_MAX` of Linux, in bytes; other systems have less.
const TOO_LONG: usize = 4096;
/// Bytes of a longer path to show in an error.
const SHOWN: usize = 40;

/// The clone's configuration: `core.protectHFS`, `core.protectNTFS`.
pub(super) fn options(repository: &gix::Repository) -> Options {
    let config = repository.config_snapshot();
    let is_set = |key: &str, or: bool| config.boolean(key).unwrap_or(or);
    Options {
        protect_windows: cfg!(windows),
        protect_hfs: is_set("core.protectHFS", cfg!(target_os = "macos")),
        protect_ntfs: is_set("core.protectNTFS", true),
    }
}

/// Fails if git would refuse the path of an entry: `verify_path` in its read-cache.c.
pub(super) fn must_be_valid(path: &BStr, is_link: bool, options: Options) -> Result<(), GitError> {
    if path.len() >= TOO_LONG {
        let start = path[..SHOWN].to_str_lossy();
        let reason = format!("the commit has a path that no file system supports: `{start}…`");
        return Err(GitError::new(Cause::Damaged, reason));
    }
    let mut parts = path.split_str("/").peekable();
    while let Some(part) = parts.next() {
        let mode = (is_link && parts.peek().is_none()).then_some(Mode::Symlink);
        let problem =
            |part: &[u8]| gix_validate::path::component(part.as_bstr(), mode, options).err();
        // NTFS treats a backslash as a slash.
        let is_git = |part: &[u8]| {
            matches!(
                problem(part),
                Some(component::Error::DotGitDir | component::Error::SymlinkedGitModules)
            )
        };
        let is_hidden_git = options.protect_ntfs && part.split_str("\\").any(is_git);
        if problem(part).is_some() || is_hidden_git {
            return Err(invalid(path));
        }
    }
    Ok(())
}

/// Fails if a path is both a file and a folder in the same tree, which git never writes.
pub(super) fn must_be_a_tree(changes: &Changes) -> Result<(), GitError> {
    let is_new = |path: &Path| changes.get(path).is_some_and(|it| it.new.is_some());
    let below_a_file = changes
        .iter()
        .find(|(path, change)| change.new.is_some() && path.ancestors().skip(1).any(is_new));
    below_a_file.map_or(Ok(()), |(path, _)| {
        Err(invalid(path.as_os_str().as_bytes().as_bstr()))
    })
}

fn invalid(path: &BStr) -> GitError {
    let reason = format!("the commit has the invalid path `{path}`: git refuses it as well");
    GitError::new(Cause::Damaged, reason)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use git2::Oid;

    use super::super::changes::{Change, Entry};
    use super::*;

    const OPTIONS: Options = Options {
        protect_windows: false,
        protect_hfs: false,
        protect_ntfs: true,
    };

    #[test]
    fn a_path_is_taken_as_by_git() {
        // Each as `git update-index --add --cacheinfo` of git 2.47 takes it.
        let valid = [
            "a",
            "a/b",
            "...",
            ".gitignore",
            "a/.github",
            ".git-x",
            "git~2",
            "a\\b",
            "a\\..\\b",
            "CON",
            "a:b",
            "a ",
            "\u{200c}.git",
            ".gitmodules",
            "a\nb",
        ];
        let invalid = [
            "",
            "..",
            "../a",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a/./b",
            "/a",
            "a//b",
            "a/",
            ".git",
            ".git/config",
            "a/.GIT/x",
            ".git ",
            ".git.",
            ".git::$INDEX_ALLOCATION/x",
            "git~1",
            "a/GIT~1",
            "a\\.git\\x",
        ];
        let is_valid = |path: &str, is_link| must_be_valid(path.into(), is_link, OPTIONS).is_ok();
        for path in valid {
            assert!(is_valid(path, false), "{path:?}");
        }
        for path in invalid {
            assert!(!is_valid(path, false), "{path:?}");
        }
        assert!(!is_valid(".gitmodules", true));
        assert!(is_valid(&format!("{}f", "d/".repeat(2047)), false));
        assert!(!is_valid(&format!("{}f", "d/".repeat(2048)), false));
    }

    #[test]
    fn a_file_is_no_folder() {
        let new = Some(Entry {
            mode: 0o100_644,
            id: Oid::ZERO_SHA1,
        });
        let is_a_tree = |paths: [&str; 3]| {
            let paths = paths.map(|path| (PathBuf::from(path), Change { old: None, new }));
            must_be_a_tree(&Changes::from(paths)).is_ok()
        };
        assert!(is_a_tree(["a", "a.", "b/x"]));
        assert!(!is_a_tree(["a", "a.", "a/x"]));
    }
}
