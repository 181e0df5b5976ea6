//! What is on disk where a repo should be, as plain data.

use std::path::PathBuf;

use crate::workspace::syntax::is_commit_id;

/// Everything that the plan needs to know of one repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoState {
    /// What is at the folder that the clone belongs in.
    pub place: Place,
    /// What is at the manifest's path, where the personal file keeps the clone elsewhere.
    pub link: Link,
}

/// What is at the folder that the clone belongs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing, or an empty folder.
    Missing,
    /// Something that is no repository with a work tree: `a file`, `a folder that is no git
    /// repository`.
    Occupied(String),
    /// Something beyond a link that leads out of the workspace or into a `.git` folder: which link, and where
    /// it leads.
    Astray(String),
    /// A repository none of whose remotes is the manifest's: `origin` or else its first remote, if
    /// there is one.
    OtherRemote(Option<Remote>),
    /// A repository of another user of this machine, whom git was not told to trust: its whole path.
    OtherOwner(PathBuf),
    /// A repository that could not be read, and why.
    Unreadable(String),
    /// A clone of the repo.
    Clone(Box<CloneState>),
}

impl Place {
    /// What stands there instead of a clone of the repo, in words.
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
    /// For people: without a password.
    pub url: String,
}

/// The symbolic link at the manifest's path of a repo that is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// The clone is at the manifest's path itself.
    #[default]
    NotWanted,
    /// It is there and right.
    Right,
    /// Nothing is there yet.
    Missing,
    /// Something else is there: `a folder`, `a link to …`.
    Blocked(String),
}

/// A clone of the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneState {
    /// The name of the remote with the manifest's URL: `origin`.
    pub remote: String,
    /// What is checked out.
    pub head: Head,
    /// What git is in the middle of: `rebase`, `merge`, `cherry-pick`, `revert`, `bisect`, `git am`.
    pub operation: Option<&'static str>,
    /// Whether a run of fitout was killed while it moved the clone: the next sync undoes or finishes that.
    pub half_moved: bool,
    /// What differs from HEAD.
    pub changes: Changes,
    /// Whether a file of attributes names a filter (Git LFS) or an encoding.
    pub has_filters: bool,
    /// Whether nothing but the user's git can read it, and so works in it.
    pub only_git: bool,
    /// Its own submodules without files, of those that git would clone.
    pub not_cloned: usize,
    /// Entries of `git stash list`.
    pub stashes: usize,
    /// What the manifest wants checked out.
    pub target: Target,
    /// Whether HEAD's commit is reachable from a remote-tracking branch or a tag.
    pub published: bool,
    /// Whether HEAD's commit is reachable from any ref but a detached HEAD itself.
    pub kept: bool,
    /// What is in the way of the commit that a command would check out which is offered for this state, if it
    /// was looked for.
    pub obstacle: Option<String>,
    /// What all of this was seen with.
    pub basis: Basis,
}

/// What a decision about a clone rests on: it holds as long as this is the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// What HEAD holds: `ref: refs/heads/main`, or a commit.
    pub head: String,
    /// The commit that it leads to, if there is one.
    pub commit: Option<String>,
    /// Tells the index that the changes were counted with from any other; none where there was none.
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

/// What differs from HEAD; one path counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// In the index.
    pub staged: usize,
    /// Tracked files in the work tree.
    pub unstaged: usize,
    /// Files and folders that git does not track, ignored ones left out.
    pub untracked: usize,
    /// Paths with conflicts.
    pub conflicted: usize,
    /// Paths of submodules that are at another commit than the index has, or have changes of their own.
    pub submodules: Vec<String>,
}

impl Changes {
    /// Changes of what git tracks.
    pub fn tracked(&self) -> usize {
        self.own() + self.submodules.len()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.tracked() + self.untracked == 0
    }

    /// Changes that a checkout could touch. Untracked files stay where they are, and so do the files of
    /// submodules, as with git.
    pub fn own(&self) -> usize {
        self.staged + self.unstaged + self.conflicted
    }
}

impl Target {
    /// The branch that is wanted, if it is one.
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

/// What the manifest wants checked out, and where HEAD stands to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The remote's branch of that name.
    Branch {
        /// Without the remote's name.
        name: String,
        /// Commits of HEAD that the remote's branch does not have.
        ahead: usize,
        /// Those among them that the remote's branch never had, as far as this clone has seen: the others
        /// were taken back there.
        own: usize,
        /// Commits of the remote's branch that HEAD does not have.
        behind: usize,
    },
    /// A tag or a commit.
    Pin {
        /// As the manifest names it.
        name: String,
        /// Whether HEAD is at that commit.
        reached: bool,
    },
    /// Not known in this clone: a branch, tag or commit that was never fetched or does not exist.
    Unknown(String),
    /// A branch, of a remote none of whose branches the clone keeps.
    Unfollowed,
    /// The remote's default branch, of a remote that has branches and names none of them so.
    NoDefault,
    /// The remote's default branch, of a remote that has no commit.
    Empty,
}

/// What a fetch saw of the remote that a person has to settle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The manifest's tag is another one there.
    pub moved_tag: Option<MovedTag>,
    /// Refs that did not come.
    pub blocked: Vec<Blocked>,
}

/// A tag that is one object here and another one on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTag {
    /// The object's id.
    pub here: String,
    /// Likewise.
    pub there: String,
}

/// A ref that can't be beside one that is here: `release/1.0` beside `release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// `refs/remotes/origin/release/1.0`
    pub name: String,
    /// `refs/remotes/origin/release`
    pub by: String,
}

/// A branch, tag or commit for a line of text, where a commit's whole id would leave no room for the rest.
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
