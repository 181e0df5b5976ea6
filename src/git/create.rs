//! Creates repositories with a predefined history, for `fitout demo`.
//!
//! All data of a commit is given (including author and time), so the same input results in the same
//! commit ids on every machine, independent of the user's git configuration, templates and hooks.

use std::path::Path;

use anyhow::Context as _;
use git2::{FileMode, Index, IndexEntry, IndexTime, Oid};
use git2::{Repository, RepositoryInitOptions, Signature, Time};

/// The author of a commit.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// The name.
    pub name: &'a str,
    /// The e-mail address.
    pub email: &'a str,
}

/// A commit on top of the previous one.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// The full message, without a trailing line break.
    pub message: String,
    /// Author and committer date: seconds since 1970, in UTC.
    pub seconds: i64,
    /// Files that it adds or replaces; all others are unchanged.
    pub files: Vec<NewFile<'a>>,
}

/// A file of a commit.
#[derive(Clone, Debug)]
pub struct NewFile<'a> {
    /// Relative to the repository's root, with `/` separators.
    pub path: String,
    /// Its bytes, stored unchanged: no filters, no conversion of line endings.
    pub content: &'a [u8],
    /// Whether it is executable.
    pub executable: bool,
}

/// Creates a bare repository in a new folder, as on a git server, with `commits` on `branch`, the
/// oldest first.
pub fn bare(
    folder: &Path,
    branch: &str,
    author: Author,
    commits: &[NewCommit],
) -> anyhow::Result<()> {
    let repo = init(folder, branch, Layout::Bare)?;
    write_all(&repo, author, commits)?;
    Ok(())
}

/// Creates a repository with a work tree in a new folder, with `commits` on `branch` and the last
/// one checked out.
pub fn with_work_tree(
    folder: &Path,
    branch: &str,
    author: Author,
    commits: &[NewCommit],
) -> anyhow::Result<()> {
    let repo = init(folder, branch, Layout::WorkTree)?;
    write_all(&repo, author, commits)?;
    repo.checkout_head(Some(git2::build::CheckoutBuilder::new().force()))?;
    Ok(())
}

/// Commits files from the work tree of the repository at `folder`, if its HEAD has none of them
/// yet. Returns whether a commit was created.
pub fn commit_new(
    folder: &Path,
    paths: &[&str],
    author: Author,
    message: &str,
    seconds: i64,
) -> anyhow::Result<bool> {
    let repo = Repository::open(folder)?;
    let committed = repo.head()?.peel_to_tree()?;
    let has = |path: &&str| committed.get_path(Path::new(path)).is_ok();
    if paths.iter().any(has) {
        return Ok(false);
    }
    // The commit is HEAD's tree plus these files, not the repository's index: changes that the user
    // has staged must not be committed.
    let mut index = repo.index()?;
    let mut files = Index::new()?;
    files.read_tree(&committed)?;
    for path in paths {
        index.add_path(Path::new(path))?;
        let staged = index
            .get_path(Path::new(path), 0)
            .with_context(|| format!("`{path}` is not in the index"))?;
        files.add(&staged)?;
    }
    let tree = files.write_tree_to(&repo)?;
    commit(&repo, tree, author, message, seconds)?;
    index.write()?;
    Ok(true)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Bare,
    WorkTree,
}

fn init(folder: &Path, branch: &str, layout: Layout) -> Result<Repository, git2::Error> {
    Repository::init_opts(
        folder,
        RepositoryInitOptions::new()
            .bare(layout == Layout::Bare)
            .no_reinit(true)
            // The user's `init.templateDir` may hold hooks.
            .external_template(false)
            .initial_head(branch),
    )
}

fn write_all(repo: &Repository, author: Author, commits: &[NewCommit]) -> Result<(), git2::Error> {
    let mut files = Index::new()?;
    for new in commits {
        for file in &new.files {
            let mode = if file.executable {
                FileMode::BlobExecutable
            } else {
                FileMode::Blob
            };
            files.add(&entry(&file.path, repo.blob(file.content)?, mode))?;
        }
        let tree = files.write_tree_to(repo)?;
        commit(repo, tree, author, &new.message, new.seconds)?;
    }
    Ok(())
}

/// Returns an index entry without a file on disk.
fn entry(path: &str, id: Oid, mode: FileMode) -> IndexEntry {
    IndexEntry {
        path: path.into(),
        id,
        mode: mode.into(),
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        uid: 0,
        gid: 0,
        file_size: 0,
        flags: 0,
        flags_extended: 0,
    }
}

/// Moves HEAD's branch to a new commit of `tree`.
fn commit(
    repo: &Repository,
    tree: Oid,
    author: Author,
    message: &str,
    seconds: i64,
) -> Result<(), git2::Error> {
    let signature = Signature::new(author.name, author.email, &Time::new(seconds, 0))?;
    let parent = match repo.head() {
        Ok(head) => Some(head.peel_to_commit()?),
        Err(error) if error.code() == git2::ErrorCode::UnbornBranch => None,
        Err(error) => return Err(error),
    };
    let parents: Vec<_> = parent.iter().collect();
    repo.commit(
        Some("HEAD"),
        &signature,
        &signature,
        // In the form that `git commit` uses.
        &format!("{message}\n"),
        &repo.find_tree(tree)?,
        &parents,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: Author = Author {
        name: "someone",
        email: "someone@example.invalid",
    };

    fn file<'a>(path: &str, content: &'a str) -> NewFile<'a> {
        NewFile {
            path: path.to_owned(),
            content: content.as_bytes(),
            executable: content.starts_with("#!"),
        }
    }

    fn history() -> Vec<NewCommit<'static>> {
        vec![
            NewCommit {
                message: "One".to_owned(),
                seconds: 1_700_000_000,
                files: vec![file("README.md", "one\n"), file("bin/run", "#!/bin/sh\n")],
            },
            NewCommit {
                message: "Two".to_owned(),
                seconds: 1_700_086_400,
                files: vec![file("bin/other", "two\r\n")],
            },
        ]
    }

    /// `mode path` of every file of HEAD.
    fn files(repo: &Repository) -> Vec<String> {
        let mut found = Vec::new();
        let tree = repo.head().unwrap().peel_to_tree().unwrap();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(git2::ObjectType::Blob) {
                found.push(format!(
                    "{:o} {folder}{}",
                    entry.filemode(),
                    entry.name().unwrap()
                ));
            }
            git2::TreeWalkResult::Ok
        })
        .unwrap();
        found
    }

    #[test]
    fn a_bare_repository_has_the_commits_in_order_and_keeps_modes_and_earlier_files() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a.git");
        bare(&folder, "main", AUTHOR, &history()).unwrap();

        let repo = Repository::open(&folder).unwrap();
        assert!(repo.is_bare());
        assert_eq!(repo.head().unwrap().name().unwrap(), "refs/heads/main");
        let mut walk = repo.revwalk().unwrap();
        walk.push_head().unwrap();
        let messages: Vec<_> = walk
            .map(|id| {
                repo.find_commit(id.unwrap())
                    .unwrap()
                    .message()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(messages, ["Two\n", "One\n"]);
        assert_eq!(
            files(&repo),
            ["100644 README.md", "100644 bin/other", "100755 bin/run"]
        );
    }

    #[test]
    fn the_same_history_has_the_same_commit_ids() {
        let dir = tempfile::tempdir().unwrap();
        let ids = ["a", "b"].map(|name| {
            let folder = dir.path().join(name);
            bare(&folder, "main", AUTHOR, &history()).unwrap();
            let repo = Repository::open(&folder).unwrap();
            repo.head().unwrap().target().unwrap()
        });
        assert_eq!(ids[0], ids[1]);
    }

    #[test]
    fn a_folder_that_holds_a_repository_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        bare(dir.path(), "main", AUTHOR, &history()).unwrap();
        assert!(bare(dir.path(), "main", AUTHOR, &history()).is_err());
    }

    #[test]
    fn a_work_tree_is_clean_and_commit_new_adds_what_is_not_there_once() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("w");
        with_work_tree(&folder, "main", AUTHOR, &history()).unwrap();
        let repo = Repository::open(&folder).unwrap();
        assert!(repo.statuses(None).unwrap().is_empty());

        std::fs::write(folder.join("made.yml"), "made\n").unwrap();
        std::fs::write(folder.join("staged.txt"), "someone's own\n").unwrap();
        let mut index = repo.index().unwrap();
        index.add_path(Path::new("staged.txt")).unwrap();
        index.write().unwrap();
        let commit = || commit_new(&folder, &["made.yml"], AUTHOR, "Three", 1_700_172_800);
        assert!(commit().unwrap());
        assert!(!commit().unwrap());

        assert_eq!(
            files(&repo),
            [
                "100644 README.md",
                "100644 bin/other",
                "100755 bin/run",
                "100644 made.yml"
            ]
        );
        let statuses = repo.statuses(None).unwrap();
        let left: Vec<_> = statuses
            .iter()
            .map(|entry| (entry.path().unwrap().to_owned(), entry.status()))
            .collect();
        assert_eq!(left, [("staged.txt".to_owned(), git2::Status::INDEX_NEW)]);
    }
}
