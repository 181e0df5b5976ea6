//! Finds the clones below a folder and their remotes, for a new manifest.

use std::fs;
use std::path::Path;

use git2::Repository;

use super::error::GitError;
use super::local::plumbing::Plumbed;

/// The maximum depth of a clone: `services/api` is the deepest.
const DEPTH: usize = 2;

/// A git repository that was found below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Relative to the folder, `/` between the parts.
    pub path: String,
    /// Its kind.
    pub kind: Kind,
}

/// The kind of a found repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A clone.
    Clone {
        /// The URL of `origin`, otherwise of its first remote, as in `.git/config`.
        url: String,
        /// The branch that is checked out.
        branch: Option<String>,
        /// The remote's default branch, if the clone knows it, and whether the remote has `branch`.
        remote: Option<RemoteBranches>,
    },
    /// A repository without a remote.
    NoRemote,
    /// A submodule, or a linked work tree: its `.git` is a file.
    Linked,
    /// Why neither git2 nor git can open it.
    Broken(String),
}

/// What a clone knows about its remote's branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteBranches {
    /// The one that the remote's HEAD points to.
    pub default: String,
    /// Whether the remote has the branch that is checked out.
    pub has_current: bool,
}

/// Returns the repositories below a folder, sorted by path. Skips hidden folders, those for which
/// `ignored` returns true for their relative path, and the contents of found repositories. Contacts
/// no server.
pub fn repositories(root: &Path, ignored: impl Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    walk(root, "", 1, &ignored, &mut found);
    found.sort_by_key(|found: &Found| found.path.to_lowercase());
    found
}

fn walk(
    folder: &Path,
    prefix: &str,
    level: usize,
    ignored: &impl Fn(&str) -> bool,
    found: &mut Vec<Found>,
) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let path = format!("{prefix}{name}");
        if !is_folder || name.starts_with('.') || ignored(&path) {
            continue;
        }
        let folder = entry.path();
        match fs::symlink_metadata(folder.join(".git")) {
            Ok(git) if git.is_dir() => {
                let kind = kind(&folder).unwrap_or_else(|error| {
                    let by_git = kind_by_git(&folder);
                    by_git.unwrap_or(Kind::Broken(error.message().to_owned()))
                });
                found.push(Found { path, kind });
            }
            Ok(_) => found.push(Found {
                path,
                kind: Kind::Linked,
            }),
            Err(_) if level < DEPTH => {
                walk(&folder, &format!("{path}/"), level + 1, ignored, found);
            }
            Err(_) => {}
        }
    }
}

/// Like the above, for a clone that only git can read.
fn kind_by_git(folder: &Path) -> Result<Kind, GitError> {
    let clone = Plumbed::open(folder)?;
    let mut remotes = clone.remotes()?;
    remotes.sort_by_key(|(name, _)| name != "origin");
    let Some((remote, url)) = remotes.into_iter().next() else {
        return Ok(Kind::NoRemote);
    };
    let branch = clone.branch();
    let has = |name: &str| clone.has_remote_branch(&remote, name);
    Ok(a_clone(url, branch, clone.default_branch(&remote), has))
}

/// `has` says whether the remote has a branch, of which `default` is its own.
fn a_clone(
    url: String,
    branch: Option<String>,
    default: Option<String>,
    has: impl Fn(&str) -> bool,
) -> Kind {
    Kind::Clone {
        url,
        remote: default.map(|default| RemoteBranches {
            default,
            has_current: branch.as_deref().is_some_and(has),
        }),
        branch,
    }
}

fn kind(folder: &Path) -> Result<Kind, git2::Error> {
    let repository = Repository::open(folder)?;
    // Not through git2's remotes, which apply the user's `insteadOf`.
    let config = repository.config()?.snapshot()?;
    let remotes = repository.remotes()?;
    let mut names: Vec<&str> = remotes
        .iter()
        .filter_map(|name| name.ok().flatten())
        .collect();
    names.sort_by_key(|name| *name != "origin");
    let remote = names
        .into_iter()
        .find_map(|name| Some((name, super::local::first_url(&config, name)?)));
    let Some((remote, url)) = remote else {
        return Ok(Kind::NoRemote);
    };
    let branch = super::local::branch(folder);
    let has = |name: &str| {
        let reference = format!("refs/remotes/{remote}/{name}");
        repository.find_reference(&reference).is_ok()
    };
    let prefix = format!("refs/remotes/{remote}/");
    let default = repository
        .find_reference(&format!("{prefix}HEAD"))
        .ok()
        .and_then(|head| {
            Some(
                head.symbolic_target()
                    .ok()??
                    .strip_prefix(&prefix)?
                    .to_owned(),
            )
        });
    Ok(a_clone(url, branch, default, has))
}
