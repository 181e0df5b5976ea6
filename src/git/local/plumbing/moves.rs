//! Updates a clone that only git can read: with the user's git, after checking what git would
//! overwrite.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::{BString, ByteSlice as _};

use super::{Plumbed, as_path, needed, pinned};
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::git::local::transaction::must_be_free;
use crate::git::local::{folder, hooks};
use crate::host::here;
use crate::plural::few;
use crate::shell;
use crate::sync::{CloneState, Goal};
use crate::workspace::Repo;

/// The maximum number of paths in the way to collect.
const MOST_IN_THE_WAY: usize = 20;

const SUBMODULE: &str = "160000";
const LINK: &str = "120000";
/// The id for a missing path.
const NO_MODE: &str = "000000";

/// Like [`moving::fast_forward`](super::super::moving::fast_forward).
pub(in crate::git::local) fn fast_forward(
    root: &Path,
    repo: &Repo,
    state: &CloneState,
) -> Result<Option<String>, GitError> {
    let path = folder(root, repo);
    let (clone, to) = opened(&path, repo, state, Goal::Upstream)?;
    if let Some(from) = &state.basis.commit {
        let is_forward = ["merge-base", "--is-ancestor", from, &to];
        if cli::ask(&path, &is_forward)?.is_none() {
            let name = state.target.branch().unwrap_or_default();
            return Err(changed(&format!("`{}/{name}`", state.remote)));
        }
    }
    clone.look(state, &to)?;
    cli::fast_forward(&path, &to)?;
    Ok(hooks::not_run_by_git(&path))
}

/// Like [`moving::detach`](super::super::moving::detach).
pub(in crate::git::local) fn detach(
    root: &Path,
    repo: &Repo,
    state: &CloneState,
) -> Result<Option<String>, GitError> {
    let path = folder(root, repo);
    let (clone, to) = opened(&path, repo, state, Goal::Pin)?;
    clone.look(state, &to)?;
    let moved = cli::detach(&path, &to);
    let now = Plumbed::open(&path)?;
    let is_there = now.branch.is_none() && now.commit.as_ref() == Some(&to);
    hooks::without_hook(moved, is_there, || hooks::not_run_by_git(&path))
}

/// Like [`moving::switch`](super::super::moving::switch).
pub(in crate::git::local) fn switch(
    root: &Path,
    repo: &Repo,
    state: &CloneState,
) -> Result<Option<String>, GitError> {
    let path = folder(root, repo);
    let (clone, to) = opened(&path, repo, state, Goal::Branch)?;
    let name = state.target.branch().unwrap_or_default();
    let tracking = format!("refs/remotes/{}/{name}", state.remote);
    let (local, follows) = if let Some((local, _)) = clone.find(&format!("refs/heads/{name}")) {
        (local.to_owned(), None)
    } else {
        let (tracking, _) = clone.find(&tracking).ok_or_else(not_there)?;
        let front = format!("refs/remotes/{}/", state.remote);
        let short = tracking.strip_prefix(front.as_bytes()).unwrap_or_default();
        let local = BString::from([&b"refs/heads/"[..], short].concat());
        (local, Some(tracking))
    };
    clone.look(state, &to)?;
    let short = local.strip_prefix(b"refs/heads/").unwrap_or(&local);
    let follows =
        follows.map(|it| OsStr::from_bytes(it.strip_prefix(b"refs/remotes/").unwrap_or(it)));
    let moved = cli::switch(&path, OsStr::from_bytes(short), follows);
    let is_there = Plumbed::open(&path)?.branch == Some(local);
    hooks::without_hook(moved, is_there, || hooks::not_run_by_git(&path))
}

/// Returns what is in the way of the commit that the suggested command for this state would check
/// out.
pub(in crate::git::local) fn obstacle(
    root: &Path,
    repo: &Repo,
    state: &CloneState,
    goal: Goal,
) -> Option<String> {
    let path = folder(root, repo);
    let look = || {
        let (clone, to) = opened(&path, repo, state, goal)?;
        clone.must_be_free(&clone.changes(&to)?)
    };
    look().err().map(|error| error.reason)
}

/// A clone, and the commit that is to be checked out in it.
fn opened<'a>(
    path: &'a Path,
    repo: &Repo,
    state: &CloneState,
    goal: Goal,
) -> Result<(Plumbed<'a>, String), GitError> {
    let clone = Plumbed::open(path)?;
    let name = state.target.branch().unwrap_or_default();
    let id = |name: &str| clone.find(name).map(|(_, found)| found.id.clone());
    let upstream = || id(&format!("refs/remotes/{}/{name}", state.remote));
    let found = match goal {
        Goal::Upstream => upstream(),
        Goal::Branch => id(&format!("refs/heads/{name}")).or_else(upstream),
        Goal::Pin => pinned(clone.path, &repo.checkout)?,
    };
    let to = found.ok_or_else(not_there)?;
    Ok((clone, to))
}

fn not_there() -> GitError {
    GitError::new(Cause::MissingReference, "the wanted commit doesn't exist")
}

fn changed(what: &str) -> GitError {
    GitError {
        command: Some("fitout sync".to_owned()),
        ..GitError::new(Cause::Changed, format!("{what} changed while sync ran"))
    }
}

/// A path that differs between two commits.
struct Change {
    path: PathBuf,
    old_mode: String,
    new_mode: String,
    old: String,
}

impl Change {
    fn goes(&self) -> bool {
        self.new_mode == NO_MODE
    }
}

/// The state of a path in the index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// git checks it for changes.
    Watched,
    /// git ignores its changes because of this option of `git update-index`.
    Hidden(&'static str),
}

impl Plumbed<'_> {
    /// Checks that the decision is still valid, and that an update by git would not overwrite
    /// anything uncommitted.
    fn look(&self, state: &CloneState, to: &str) -> Result<(), GitError> {
        must_be_free(&self.locks(state))?;
        let now = self.basis();
        if (&now.head, &now.commit) != (&state.basis.head, &state.basis.commit) {
            return Err(changed("HEAD"));
        }
        if now.index != state.basis.index {
            return Err(changed("the index"));
        }
        let changes = self.changes(to)?;
        self.must_be_free(&changes)?;
        self.fetch_lfs(state, to)
    }

    /// git only takes the locks of refs after it has updated the files.
    fn locks(&self, state: &CloneState) -> Vec<PathBuf> {
        let lock = |folder: &Path, name: &[u8]| folder.join(as_path(&[name, b".lock"].concat()));
        let mut locks = vec![
            lock(&self.git_dir, b"index"),
            lock(&self.git_dir, b"HEAD"),
            lock(&self.git_dir, b"reftable/tables.list"),
            lock(&self.common_dir, b"reftable/tables.list"),
        ];
        let wanted = state
            .target
            .branch()
            .map(|name| format!("refs/heads/{name}"));
        let wanted = wanted.map(BString::from);
        let branches = self.branch.iter().chain(wanted.as_ref());
        locks.extend(branches.map(|name| lock(&self.common_dir, name)));
        locks
    }

    fn changes(&self, to: &str) -> Result<Vec<Change>, GitError> {
        let empty = || needed(self.path, &["hash-object", "-t", "tree", "/dev/null"]);
        let from = match &self.commit {
            Some(commit) => BString::from(commit.as_str()),
            None => empty()?,
        };
        let from = from.to_str_lossy();
        let arguments = ["diff-tree", "-r", "-z", "--no-renames", "--raw", &from, to];
        let said = cli::ask(self.path, &arguments)?.unwrap_or_default();
        let mut parts = said.split(|byte| *byte == 0);
        let mut changes = Vec::new();
        while let (Some(what), Some(path)) = (parts.next(), parts.next()) {
            let what = what.to_str_lossy();
            let mut words = what.trim_start_matches(':').split(' ').map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            changes.push(Change {
                path: as_path(path),
                old_mode: word(),
                new_mode: word(),
                old: word(),
            });
        }
        Ok(changes)
    }

    /// Returns all entries of the index.
    fn tracked(&self) -> Result<BTreeMap<PathBuf, Watch>, GitError> {
        let said = cli::ask(self.path, &["ls-files", "-v", "-z"])?.unwrap_or_default();
        let parsed = said.split(|byte| *byte == 0).filter_map(|entry| {
            let (tag, path) = (entry.first()?, entry.get(2..)?);
            let watch = match tag {
                b'S' | b's' => Watch::Hidden("skip-worktree"),
                tag if tag.is_ascii_lowercase() => Watch::Hidden("assume-unchanged"),
                _ => Watch::Watched,
            };
            Some((as_path(path), watch))
        });
        Ok(parsed.collect())
    }

    /// git itself refuses to overwrite changes that it detects.
    fn must_be_free(&self, changes: &[Change]) -> Result<(), GitError> {
        let tracked = self.tracked()?;
        let mut in_the_way = BTreeSet::new();
        for change in changes {
            if in_the_way.len() >= MOST_IN_THE_WAY {
                break;
            }
            if let Some(above) = self.blocked_above(&change.path, &tracked)? {
                in_the_way.insert(above);
                continue;
            }
            let Some(found) = self.found(&change.path)? else {
                continue;
            };
            let watch = tracked.get(&change.path);
            if let Some(Watch::Hidden(flag)) = watch {
                if !self.is_as_committed(change, &found)? {
                    return Err(self.hidden(&change.path, flag));
                }
            } else if change.goes() {
            } else if found.is_dir() {
                // Including a submodule: git would remove its files, whatever they are.
                if change.new_mode != SUBMODULE {
                    self.collect_untracked(&change.path, &tracked, &mut in_the_way)?;
                }
            } else if watch.is_none() {
                in_the_way.insert(change.path.clone());
            }
        }
        if in_the_way.is_empty() {
            return Ok(());
        }
        let names = in_the_way.iter().map(|path| path.display().to_string());
        Err(GitError::in_the_way(&names.collect::<Vec<_>>()))
    }

    /// Returns the user's file, link or repository at a parent folder of the path.
    fn blocked_above(
        &self,
        path: &Path,
        tracked: &BTreeMap<PathBuf, Watch>,
    ) -> Result<Option<PathBuf>, GitError> {
        let folders = path.ancestors().skip(1);
        let folders: Vec<&Path> = folders.filter(|it| !it.as_os_str().is_empty()).collect();
        for folder in folders.into_iter().rev() {
            let Some(found) = self.found(folder)? else {
                return Ok(None);
            };
            let is_tracked = tracked.contains_key(folder);
            if found.is_dir() && (is_tracked || self.found(&folder.join(".git"))?.is_none()) {
                continue;
            }
            return Ok((!is_tracked).then(|| folder.to_owned()));
        }
        Ok(None)
    }

    fn collect_untracked(
        &self,
        folder: &Path,
        tracked: &BTreeMap<PathBuf, Watch>,
        found: &mut BTreeSet<PathBuf>,
    ) -> Result<(), GitError> {
        for entry in fs::read_dir(self.path.join(folder))? {
            if found.len() >= MOST_IN_THE_WAY {
                break;
            }
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if tracked.contains_key(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() && entry.file_name() != ".git" {
                self.collect_untracked(&path, tracked, found)?;
            } else {
                found.insert(path);
            }
        }
        Ok(())
    }

    /// Whether a file whose changes git ignores equals the old commit's. If its content can't be
    /// compared, it doesn't.
    fn is_as_committed(&self, change: &Change, found: &Metadata) -> Result<bool, GitError> {
        if !found.is_file() || [SUBMODULE, LINK].contains(&change.old_mode.as_str()) {
            return Ok(false);
        }
        let path = change.path.as_os_str();
        let arguments = [OsStr::new("hash-object"), OsStr::new("--"), path];
        let id = needed(self.path, &arguments)?;
        Ok(id == change.old.as_str())
    }

    fn hidden(&self, path: &Path, flag: &str) -> GitError {
        let shown = few(&[format!("`{}`", path.display())], 1);
        let reason =
            format!("{shown} has local changes, which git was told not to look at (`{flag}`)");
        GitError {
            command: Some(format!(
                "git -C {} update-index --no-{flag} {}",
                here::typed(self.path),
                shell::path(path)
            )),
            ..GitError::new(Cause::InTheWay, reason)
        }
    }

    /// Returns what exists there; nothing if a parent is not a folder.
    fn found(&self, path: &Path) -> io::Result<Option<Metadata>> {
        match self.path.join(path).symlink_metadata() {
            Ok(found) => Ok(Some(found)),
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]
                    .contains(&error.kind()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// git would stop in the middle of a work tree if a Git LFS file can't be downloaded.
    fn fetch_lfs(&self, state: &CloneState, to: &str) -> Result<(), GitError> {
        let files = [":(glob)**/.gitattributes", ":(glob).gitattributes"];
        let arguments = ["grep", "--quiet", "-e", "filter=lfs", to, "--"];
        let uses_lfs = cli::ask(self.path, &[&arguments[..], &files].concat())?.is_some();
        let has_filter = || cli::ask(self.path, &["config", "--get", "filter.lfs.process"]);
        if uses_lfs && has_filter()?.is_some() {
            cli::fetch_lfs(self.path, &state.remote, to)?;
        }
        Ok(())
    }
}
