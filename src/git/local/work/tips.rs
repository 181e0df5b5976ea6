//! Finds commits that no remote has, from all refs other than remote-tracking ones, and each HEAD.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use git2::{Oid, Reference, ReferenceType, Repository};

use super::What;
use crate::git::error::{Cause, GitError};
use crate::git::local::plumbing::Plumbed;
use crate::git::local::state::stashes;
use crate::git::local::{Head, head, reachable, short};
use crate::host::files::{self, At as _};

/// A repository that may have the same commits.
pub(super) struct Other {
    /// None if only git can read it.
    repository: Option<Repository>,
    /// Its git directory, shared by all its work trees.
    pub common: PathBuf,
    /// Its work tree.
    pub work_tree: Option<PathBuf>,
    targets: HashSet<Oid>,
}

impl Other {
    pub fn open(path: &Path) -> Option<Self> {
        let Ok(repository) = super::open(path).or_else(|_| super::open_bare(path)) else {
            let clone = Plumbed::open(path).ok()?;
            let ids = clone.refs().filter_map(|(_, id, _)| Oid::from_str(id).ok());
            return Some(Other {
                repository: None,
                targets: ids.collect(),
                common: clone.common_dir().to_owned(),
                work_tree: Some(path.to_owned()),
            });
        };
        let mut targets = HashSet::new();
        for reference in repository.references().ok()?.flatten() {
            targets.extend(reference.target());
        }
        Some(Other {
            common: repository.commondir().to_owned(),
            work_tree: repository.workdir().map(Path::to_owned),
            targets,
            repository: Some(repository),
        })
    }

    /// Whether the commit is reachable from a ref, or checked out. It is not enough that its
    /// objects exist: unreachable objects are eventually garbage-collected.
    fn has_commit(&self, commit: Oid) -> bool {
        let Some(repository) = &self.repository else {
            let path = self.work_tree.as_deref();
            return path.is_some_and(|path| Plumbed::holds(path, &commit.to_string()));
        };
        if repository.find_commit(commit).is_err() {
            return false;
        }
        let is_head = head(repository).is_ok_and(|(_, head)| head == Some(commit));
        is_head || reachable(repository, Some(commit), &["refs/*"]).unwrap_or(false)
    }
}

/// A ref or HEAD with commits.
struct Tip {
    /// Human-readable text.
    name: String,
    /// For git.
    revision: String,
    commit: Oid,
}

pub(super) fn work(repository: &Repository, others: &[Other]) -> Result<Vec<What>, GitError> {
    let mut found = Vec::new();
    let mut tips = Vec::new();
    let fetched = Fetched::of(repository)?;
    for reference in repository.references()? {
        let reference = reference?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        if name == "refs/stash" {
            found.push(What::Stashes(stashes(repository).max(1)));
        } else if reference.kind() != Some(ReferenceType::Symbolic) && !fetched.has(&name) {
            add(&reference, name, others, &mut tips, &mut found);
        }
    }
    if let (Head::Detached(short), Some(commit)) = head(repository)? {
        tips.push(Tip {
            name: format!("HEAD ({short})"),
            revision: "HEAD".to_owned(),
            commit,
        });
    }
    match of_work_trees(repository) {
        Ok(others) => tips.extend(others),
        Err(error) => found.push(What::Unreadable(error.reason)),
    }
    found.extend(not_on_a_remote(repository, &tips, others)?);
    Ok(found)
}

/// A HEAD of a repository that is kept, and that is not reachable from a ref there: it is lost with
/// its work tree.
pub(super) fn only_head(repository: &Repository) -> Result<Option<What>, GitError> {
    let (Head::Detached(short), Some(commit)) = head(repository)? else {
        return Ok(None);
    };
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    walk.hide_glob("refs/*")?;
    let number = walk.count();
    Ok((number > 0).then(|| What::Commits {
        name: format!("HEAD ({short})"),
        revision: "HEAD".to_owned(),
        number,
    }))
}

fn add(
    reference: &Reference,
    name: String,
    others: &[Other],
    tips: &mut Vec<Tip>,
    found: &mut Vec<What>,
) {
    let Some(target) = reference.target() else {
        return;
    };
    let commit = reference.peel_to_commit().ok().map(|commit| commit.id());
    // A commit id alone is not a revision on its own.
    if commit != Some(target) && !others.iter().any(|other| other.targets.contains(&target)) {
        found.push(match name.strip_prefix("refs/tags/") {
            Some(tag) => What::Tag(tag.to_owned()),
            None => What::Object(name.clone()),
        });
    }
    let Some(commit) = commit else { return };
    let short = ["refs/heads/", "refs/tags/"];
    let short = short.iter().find_map(|prefix| name.strip_prefix(prefix));
    tips.push(match short {
        Some(short) => Tip {
            name: short.to_owned(),
            revision: name["refs/".len()..].to_owned(),
            commit,
        },
        None => Tip {
            revision: name.clone(),
            name,
            commit,
        },
    });
}

/// Returns the remotes whose refs only mirror what they have.
struct Fetched<'r>(Vec<git2::Remote<'r>>);

impl<'r> Fetched<'r> {
    fn of(repository: &'r Repository) -> Result<Self, GitError> {
        let mut remotes = Vec::new();
        for name in &repository.remotes()? {
            let Ok(Some(name)) = name else { continue };
            remotes.extend(repository.find_remote(name).ok());
        }
        Ok(Fetched(remotes))
    }

    /// A fetch may also write to the user's own branches, tags and notes: their origin is unknown.
    fn has(&self, name: &str) -> bool {
        const THE_USERS: [&str; 3] = ["refs/heads/", "refs/tags/", "refs/notes/"];
        if name.starts_with("refs/remotes/") || name.starts_with("refs/prefetch/") {
            return true;
        }
        let mut refspecs = self.0.iter().flat_map(git2::Remote::refspecs);
        !THE_USERS.iter().any(|users| name.starts_with(users))
            && refspecs.any(|it| {
                it.direction() == git2::Direction::Fetch
                    && it.dst().is_ok_and(|to| to != "refs/*")
                    && it.dst_matches(name)
            })
    }
}

/// Returns what only the other work trees of the repository refer to, including missing ones: a
/// detached HEAD, and their own refs. git doesn't list either elsewhere.
fn of_work_trees(repository: &Repository) -> Result<Vec<Tip>, GitError> {
    let mut tips = Vec::new();
    for entry in super::entries(&repository.commondir().join("worktrees"))? {
        let tree = entry.file_name().to_string_lossy().into_owned();
        let mut own = vec![entry.path().join("HEAD")];
        collect_files(&entry.path().join("refs"), &mut own)?;
        for file in own {
            let Some(commit) = commit_in(&file)? else {
                continue;
            };
            let name = file.strip_prefix(entry.path()).unwrap_or(&file);
            tips.push(Tip {
                name: format!(
                    "{} ({}) of the work tree {tree}",
                    name.display(),
                    short(commit)
                ),
                revision: commit.to_string(),
                commit,
            });
        }
    }
    Ok(tips)
}

/// Returns the commit in the file of a ref; none if it is a symbolic ref, or doesn't exist.
fn commit_in(file: &Path) -> Result<Option<Oid>, GitError> {
    match file.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.at(file)?,
    };
    let text = files::read_bytes(file, LONGEST_REF).at(file)?;
    let text = String::from_utf8_lossy(&text);
    if text.starts_with("ref: ") {
        return Ok(None);
    }
    let commit = Oid::from_str(text.trim()).map_err(|_| {
        let reason = format!("`{}` is not a ref", file.display());
        GitError::new(Cause::Other, reason)
    })?;
    Ok(Some(commit))
}

/// Parses `ref: ` and a name, or a commit id.
const LONGEST_REF: u64 = 4096;

fn collect_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), GitError> {
    for entry in super::entries(folder)? {
        if entry.file_type()?.is_dir() {
            collect_files(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn not_on_a_remote(
    repository: &Repository,
    tips: &[Tip],
    others: &[Other],
) -> Result<Vec<What>, GitError> {
    let walk = |tips: &mut dyn Iterator<Item = Oid>| -> Result<git2::Revwalk<'_>, GitError> {
        let mut walk = repository.revwalk()?;
        for tip in tips {
            walk.push(tip)?;
        }
        walk.hide_glob("refs/remotes/*")?;
        Ok(walk)
    };
    // A single walk for all of them, which usually finds nothing.
    let missing: HashSet<Oid> =
        walk(&mut tips.iter().map(|tip| tip.commit))?.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for tip in tips.iter().filter(|tip| missing.contains(&tip.commit)) {
        if !others.iter().any(|other| other.has_commit(tip.commit)) {
            found.push(What::Commits {
                name: tip.name.clone(),
                revision: tip.revision.clone(),
                number: walk(&mut std::iter::once(tip.commit))?.count(),
            });
        }
    }
    Ok(found)
}
