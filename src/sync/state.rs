//! The observed state of a repo, as plain data.

use std::path::PathBuf;

use crate::workspace::syntax::is_commit_id;

/// Everything that the plan needs to know about a repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoState {
    /// What exists in the folder of the clone.
    pub place: Place,
    /// What exists at the manifest's path, if the personal file keeps the clone elsewhere.
    pub link: Link,
}

/// What exists in the folder of the clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing, or an empty folder.
    Missing,
    /// Something that is not a repository with a work tree: `a file`, `a folder that is not a git
    /// repository`.
    Occupied(String),
    /// A link leads out of the workspace or into a `.git` folder: the link and its target.
    Astray(String),
    /// A repository without the manifest's remote: its `origin`, otherwise its first remote, if
    /// any.
    OtherRemote(Option<Remote>),
    /// A repository of another user of this machine that git doesn't trust: its full path.
    OtherOwner(PathBuf),
    /// A repository that could not be read, and why.
    Unreadable(String),
    /// A clone of the repo.
    Clone(Box<CloneState>),
}

impl Place {
    /// Describes what exists instead of a clone of the repo.
    pub fn obstacle(&self) -> Option<String> {
        match self {
            Place::Missing | Place::Clone(_) => None,
            Place::Occupied(what) => Some(format!("{what} is there")),
            Place::OtherRemote(None) => {
                Some("a git repository without a remote is there".to_owned())
            }
            Place::OtherRemote(Some(remote)) => Some(format!("a clone of {} is there", remote.url)),
            Place::OtherOwner(_) => {
                Some("the clone belongs to another user of this machine".to_owned())
            }
            Place::Astray(why) | Place::Unreadable(why) => Some(why.clone()),
        }
    }
}

/// A remote of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// As git calls it: `origin`.
    pub name: String,
    /// For display: without a password.
    pub url: String,
}

/// The symbolic link at the manifest's path, for a repo that is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// The clone is at the manifest's path itself.
    #[default]
    NotWanted,
    /// It exists and is correct.
    Right,
    /// It doesn't exist yet.
    Missing,
    /// Something else exists: `a folder`, `a link to …`.
    Blocked(String),
}

/// A clone of the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneState {
    /// The name of the remote with the manifest's URL: `origin`.
    pub remote: String,
    /// What is checked out.
    pub head: Head,
    /// The operation in progress: `rebase`, `merge`, `cherry-pick`, `revert`, `bisect`, `git am`.
    pub operation: Option<&'static str>,
    /// Whether a run of fitout was killed while it updated the clone: the next sync undoes or
    /// finishes that.
    pub half_moved: bool,
    /// Differences from HEAD.
    pub changes: Changes,
    /// Whether an attributes file sets a filter (Git LFS) or an encoding.
    pub has_filters: bool,
    /// Whether only the user's git can read it, and therefore does all the work.
    pub only_git: bool,
    /// The number of its own submodules that are not cloned, excluding those that git would not
    /// clone.
    pub not_cloned: usize,
    /// The number of entries in `git stash list`.
    pub stashes: usize,
    /// What the manifest wants checked out.
    pub target: Target,
    /// Whether HEAD's commit is reachable from a remote-tracking branch or a tag.
    pub published: bool,
    /// Whether HEAD's commit is reachable from any ref other than a detached HEAD itself.
    pub kept: bool,
    /// What would be overwritten by the command that is suggested for this state, if that was
    /// checked.
    pub obstacle: Option<String>,
    /// The HEAD and index that all of this is based on.
    pub basis: Basis,
}

/// What a decision about a clone is based on: the decision is valid as long as this doesn't change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The content of HEAD: `ref: refs/heads/main`, or a commit.
    pub head: String,
    /// The commit that it points to, if any.
    pub commit: Option<String>,
    /// Identifies the index that the changes were counted with; none if there was no index.
    pub index: Option<String>,
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch with at least one commit.
    Branch(String),
    /// A branch without a commit.
    Unborn(String),
    /// A commit, by its abbreviated id.
    Detached(String),
}

/// Differences from HEAD; each path counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the index.
    pub staged: usize,
    /// Tracked files in the work tree.
    pub unstaged: usize,
    /// Untracked files and folders, excluding ignored ones.
    pub untracked: usize,
    /// Paths with conflicts.
    pub conflicted: usize,
    /// Paths of submodules that are at a different commit than in the index, or have changes.
    pub submodules: Vec<String>,
}

impl Changes {
    /// Changes of tracked files.
    pub fn tracked(&self) -> usize {
        self.own() + self.submodules.len()
    }

    /// Whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.tracked() + self.untracked == 0
    }

    /// Changes that a checkout could affect. Untracked files and files of submodules are not
    /// touched, as with git.
    pub fn own(&self) -> usize {
        self.staged + self.unstaged + self.conflicted
    }
}

impl Target {
    /// Returns the wanted branch, if it is one.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Target::Branch { name, .. } => Some(name),
            Target::Pin { .. }
            | Target::Unknown(_)
            | Target::Unfollowed
            | Target::NoDefault
            | Target::Empty => None,
        }
    }
}

/// What the manifest wants checked out, and how HEAD relates to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The remote's branch of that name.
    Branch {
        /// Without the remote's name.
        name: String,
        /// Commits of HEAD that are not on the remote's branch.
        ahead: usize,
        /// Those of them that were never on the remote's branch, as far as this clone knows: the
        /// others were dropped there.
        own: usize,
        /// Commits of the remote's branch that are not in HEAD.
        behind: usize,
    },
    /// A tag or a commit.
    Pin {
        /// As in the manifest.
        name: String,
        /// Whether HEAD is at that commit.
        reached: bool,
    },
    /// Unknown in this clone: a branch, tag or commit that was never fetched or doesn't exist.
    Unknown(String),
    /// A branch, but the clone tracks no branches of its remote.
    Unfollowed,
    /// The remote's default branch, but the remote has branches without a default.
    NoDefault,
    /// The remote's default branch, but the remote has no commits.
    Empty,
}

/// Results of a fetch that the user has to resolve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The manifest's tag is a different object on the remote.
    pub moved_tag: Option<MovedTag>,
    /// Refs that were not fetched.
    pub blocked: Vec<Blocked>,
}

/// A tag that differs between here and the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTag {
    /// The object's id.
    pub here: String,
    /// Like the above.
    pub there: String,
}

/// A ref that conflicts with an existing one: `release/1.0` with `release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// `refs/remotes/origin/release/1.0`
    pub name: String,
    /// `refs/remotes/origin/release`
    pub by: String,
}

/// Abbreviates a branch, tag or commit for a line of text.
pub fn short(reference: &str) -> &str {
    const DIGITS: usize = 9;
    if is_commit_id(reference) {
        &reference[..DIGITS]
    } else {
        reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_commit_id_is_cut() {
        assert_eq!(short(&"0123456789abcdef".repeat(3)[..40]), "012345678");
        for whole in ["main", "v1.2.3", "4f2c91d", &"z".repeat(40)] {
            assert_eq!(short(whole), whole);
        }
    }
}
