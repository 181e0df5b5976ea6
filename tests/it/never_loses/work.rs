//! Everything of the user's in a clone, before and after. Read with git2 and `std::fs`: a case costs
//! little that way, and what is read is what is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use git2::{Index, Oid, Repository, Tree};

use super::event::LOCKS;

/// Mode and content of a file.
type File = (u32, Vec<u8>);

/// Path, stage, mode and blob.
type Entry = (PathBuf, u16, u32, Oid);

/// Everything of the user's in one folder.
#[derive(Debug, Default)]
pub struct Work {
    /// Where HEAD leads: a branch or a commit.
    pub head: String,
    /// The commit of HEAD, if there is one.
    pub commit: Option<Oid>,
    /// Commits of remote-tracking branches and tags.
    published: BTreeSet<Oid>,
    /// Local branches and where they are.
    branches: BTreeMap<String, Oid>,
    /// Commits that a branch, a tag, the stash or HEAD leads to.
    held: BTreeSet<Oid>,
    /// Those of them that the remote does not have.
    own: BTreeSet<Oid>,
    /// Commits that any ref or a reflog leads to.
    known: BTreeSet<Oid>,
    /// Entries of the index that differ from HEAD.
    staged: BTreeSet<Entry>,
    /// Staged, and not among the objects.
    without_object: BTreeSet<PathBuf>,
    /// Paths that git was told not to look at.
    hidden: BTreeSet<PathBuf>,
    /// Tracked, and not on disk.
    removed: BTreeSet<PathBuf>,
    /// Files that are not as HEAD has them.
    files: BTreeMap<PathBuf, File>,
    /// All files.
    on_disk: BTreeMap<PathBuf, File>,
    /// Entries of the commit of HEAD.
    committed: BTreeSet<Entry>,
    /// Where each entry of the stash is.
    stash: Vec<Oid>,
    /// What git is in the middle of.
    operation: Vec<&'static str>,
    /// Lines of `.git/config`.
    config: BTreeSet<String>,
    /// Files by which somebody else keeps git from changing something.
    locks: BTreeSet<&'static str>,
    /// Paths of the index.
    tracked: BTreeSet<PathBuf>,
}

/// What a sync may change beyond moving a branch forward.
#[derive(Clone, Debug)]
pub struct May {
    /// Branches that are checked out in one of the work trees.
    pub move_branches: Vec<String>,
    pub move_head: bool,
    pub set_url: bool,
    /// Write files that are not there, and are in the commit.
    pub restore: bool,
}

impl Work {
    /// Of the folder, and of the repository that it is the work tree of, if it is one.
    /// `changed` are tracked files that differ from HEAD, where comparing bytes does not tell.
    pub fn read(folder: &Path, changed: Option<&BTreeSet<PathBuf>>) -> Self {
        let mut files = BTreeMap::new();
        read_files(folder, Path::new(""), &mut files);
        match Repository::open(folder) {
            Ok(repository) => Work::of(&repository, files, changed).unwrap(),
            Err(_) => Work {
                on_disk: files.clone(),
                files,
                ..Work::default()
            },
        }
    }

    fn of(
        repository: &Repository,
        mut files: BTreeMap<PathBuf, File>,
        changed: Option<&BTreeSet<PathBuf>>,
    ) -> Result<Self, git2::Error> {
        let on_disk = files.clone();
        let head = repository.find_reference("HEAD")?;
        let tree = head.peel_to_tree().ok();
        let mut committed = Index::new()?;
        if let Some(tree) = &tree {
            committed.read_tree(tree)?;
        }
        let index = repository.index()?;
        let committed = entries(&committed);
        let staged: BTreeSet<_> = entries(&index).difference(&committed).cloned().collect();
        let odb = repository.odb()?;
        let tips = Tips::read(repository)?;
        let held = reached(repository, &tips.held)?;
        let published = reached(repository, &tips.published)?;
        let is_sparse = repository
            .config()?
            .get_bool("core.sparseCheckout")
            .unwrap_or(false);
        let is_hidden = |flags: u16| flags & git2::IndexEntryExtendedFlag::SKIP_WORKTREE.bits() > 0;
        let hidden: BTreeSet<PathBuf> = index
            .iter()
            .filter(|entry| is_hidden(entry.flags_extended))
            .map(|entry| path_of(&entry.path))
            // In a sparse checkout, git itself looks again at those that are there.
            .filter(|path| !(is_sparse && files.contains_key(path)))
            .collect();
        let removed = entries(&index)
            .into_iter()
            .filter(|(path, _, mode, _)| !files.contains_key(path) && !is_submodule(*mode))
            .map(|(path, ..)| path)
            .filter(|path| !hidden.contains(path))
            .collect();
        files.retain(|path, file| match (&tree, changed) {
            (Some(tree), Some(changed)) if tree.get_path(path).is_ok() => changed.contains(path),
            (tree, _) => !is_in(repository, tree.as_ref(), path, file),
        });
        Ok(Work {
            head: match head.symbolic_target()? {
                Some(branch) => branch.to_owned(),
                None => head.target().map(|id| id.to_string()).unwrap_or_default(),
            },
            commit: head.peel_to_commit().ok().map(|commit| commit.id()),
            published: tips.published.iter().chain(&tips.tags).copied().collect(),
            branches: tips.branches,
            own: held.difference(&published).copied().collect(),
            held,
            known: reached(repository, &tips.known)?,
            without_object: staged
                .iter()
                .filter(|(_, _, mode, id)| !is_submodule(*mode) && !odb.exists(*id))
                .map(|(path, ..)| path.clone())
                .collect(),
            staged,
            hidden,
            removed,
            files,
            on_disk,
            committed,
            stash: tips.stash,
            operation: [
                "MERGE_HEAD",
                "CHERRY_PICK_HEAD",
                "REVERT_HEAD",
                "BISECT_LOG",
                "rebase-merge",
                "rebase-apply",
            ]
            .into_iter()
            .filter(|name| repository.path().join(name).exists())
            .collect(),
            config: fs::read_to_string(repository.commondir().join("config"))
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect(),
            locks: LOCKS
                .into_iter()
                .filter(|lock| repository.commondir().join(lock).exists())
                .collect(),
            tracked: index.iter().map(|entry| path_of(&entry.path)).collect(),
        })
    }

    /// Whether HEAD is at a commit that others have: a tip of the remote's, or what leads to one.
    pub fn is_published(&self) -> bool {
        self.commit
            .is_some_and(|commit| self.published.contains(&commit) || !self.own.contains(&commit))
    }

    /// Whether nothing of the user's stands in the way of a move to this tree.
    pub fn is_open_to(&self, target: &Tree<'_>) -> bool {
        let is_clean = self.staged.is_empty()
            && self.removed.is_empty()
            && self.operation.is_empty()
            && self.hidden.is_empty()
            && self.locks.is_empty();
        // A folder of the target may hold files of the user's; all else at or above a path is in the way.
        let is_beside = |path: &Path| {
            let is_tree =
                |entry: &git2::TreeEntry<'_>| entry.kind() == Some(git2::ObjectType::Tree);
            target.get_path(path).is_err()
                && path
                    .ancestors()
                    .skip(1)
                    .filter(|above| !above.as_os_str().is_empty())
                    .filter_map(|above| target.get_path(above).ok())
                    .all(|above| is_tree(&above))
        };
        // fitout changes nothing in a repository of the user's, where git may: no path that was tracked there,
        // and none that is to be.
        let is_around_tracked = |path: &Path| {
            let above = path.ancestors().find(|above| above.ends_with(".git"));
            above.and_then(Path::parent).is_some_and(|repository| {
                let mut tracked = self.tracked.iter();
                target.get_path(repository).is_ok()
                    || tracked.any(|path| path.starts_with(repository))
            })
        };
        is_clean
            && self.files.keys().all(|path| {
                !self.tracked.contains(path) && is_beside(path) && !is_around_tracked(path)
            })
    }

    /// Whether a local branch is at this commit.
    pub fn is_on_a_branch(&self, commit: Option<Oid>) -> bool {
        self.branches.values().any(|tip| Some(*tip) == commit)
    }

    /// What of it is not there any more, if anything.
    pub fn lost_in(&self, after: &Work, folder: &Path, may: &May) -> Result<(), String> {
        let gone = self.known.difference(&after.known).next();
        if let Some(commit) = gone {
            return Err(format!("commit {commit} is lost"));
        }
        if let Some(commit) = self.own.difference(&after.held).next() {
            return Err(format!(
                "no branch, tag, stash or HEAD holds {commit} any more"
            ));
        }
        for (branch, old) in &self.branches {
            let Some(new) = after.branches.get(branch) else {
                return Err(format!("the branch {branch} is gone"));
            };
            if new != old && !is_ahead(folder, *new, *old) {
                return Err(format!("the branch {branch} went from {old} to {new}"));
            }
            if new != old && !may.move_branches.contains(branch) {
                return Err(format!("{branch} moved, which was not checked out"));
            }
        }
        if self.head != after.head && !may.move_head {
            return Err(format!("HEAD moved from {} to {}", self.head, after.head));
        }
        if self.stash != after.stash {
            return Err(format!(
                "the stash was {:?} and is {:?}",
                self.stash, after.stash
            ));
        }
        if self.operation != after.operation {
            return Err(format!("{:?} became {:?}", self.operation, after.operation));
        }
        if let Some(entry) = self.staged.difference(&after.staged).next() {
            return Err(format!("no longer staged: {entry:?}"));
        }
        if let Some(entry) = after.staged.difference(&self.staged).next() {
            return Err(format!("staged by nobody: {entry:?}"));
        }
        if let Some(path) = after.without_object.difference(&self.without_object).next() {
            return Err(format!("what was staged of {} is gone", path.display()));
        }
        let mut seen_again = self.hidden.difference(&after.hidden);
        if let Some(path) = seen_again.find(|path| after.tracked.contains(*path)) {
            return Err(format!("git looks at {} again", path.display()));
        }
        let mut restored = self.removed.difference(&after.removed);
        if let Some(path) = restored.find(|_| !may.restore) {
            return Err(format!("{} came back, which was removed", path.display()));
        }
        for (path, file) in &self.files {
            if after.on_disk.get(path) != Some(file) {
                let shown = String::from_utf8_lossy(&file.1);
                return Err(format!("{} is no longer {shown:?}", path.display()));
            }
        }
        let committed: BTreeSet<_> = self
            .committed
            .symmetric_difference(&after.committed)
            .collect();
        let has_news = |path: &Path| committed.iter().any(|(changed, ..)| changed == path);
        for (path, file) in &after.files {
            // A file may come to differ from HEAD by itself: where it stays, and its attributes change.
            let stays = self.on_disk.get(path) == Some(file) && !has_news(path);
            let is_known = self.files.get(path) == Some(file) || self.hidden.contains(path);
            if !is_known && !stays {
                return Err(format!(
                    "{} changed, and is not as HEAD has it",
                    path.display()
                ));
            }
        }
        if let Some(path) = after.removed.difference(&self.removed).next() {
            return Err(format!("{} is not there", path.display()));
        }
        if let Some(lock) = self.locks.difference(&after.locks).next() {
            return Err(format!("{lock} is gone, which somebody holds"));
        }
        let is_url = |line: &str| line.trim_start().starts_with("url =");
        let mut settings = self.config.difference(&after.config);
        match settings.find(|line| !(may.set_url && is_url(line))) {
            Some(line) => Err(format!("`{line}` is gone from the configuration")),
            None => Ok(()),
        }
    }
}

/// Where refs and reflogs lead.
#[derive(Default)]
struct Tips {
    branches: BTreeMap<String, Oid>,
    held: Vec<Oid>,
    published: Vec<Oid>,
    tags: Vec<Oid>,
    known: Vec<Oid>,
    stash: Vec<Oid>,
}

impl Tips {
    fn read(repository: &Repository) -> Result<Self, git2::Error> {
        let mut tips = Tips::default();
        let names = repository
            .references()?
            .filter_map(|reference| Some(reference.ok()?.name().ok()?.to_owned()))
            .chain(["HEAD".to_owned()]);
        for name in names {
            // libgit2 creates a missing reflog when it reads it.
            let has_log = [repository.path(), repository.commondir()]
                .iter()
                .any(|folder| folder.join("logs").join(&name).exists());
            if has_log {
                let log = repository.reflog(&name)?;
                let ids = log
                    .iter()
                    .flat_map(|entry| [entry.id_old(), entry.id_new()]);
                let ids: Vec<Oid> = ids.filter(|id| !id.is_zero()).collect();
                if name == "refs/stash" {
                    tips.stash = log.iter().map(|entry| entry.id_new()).collect();
                    tips.held.extend(&tips.stash);
                }
                tips.known.extend(ids);
            }
            let Ok(commit) = repository.find_reference(&name)?.peel_to_commit() else {
                continue;
            };
            if name.starts_with("refs/remotes/") {
                tips.published.push(commit.id());
            } else {
                tips.held.push(commit.id());
            }
            tips.known.push(commit.id());
            if name.starts_with("refs/tags/") {
                tips.tags.push(commit.id());
            }
            if name.starts_with("refs/heads/") {
                tips.branches.insert(name, commit.id());
            }
        }
        Ok(tips)
    }
}

/// All commits that these lead to. What was lost before is nobody's loss now.
fn reached(repository: &Repository, tips: &[Oid]) -> Result<BTreeSet<Oid>, git2::Error> {
    let mut walk = repository.revwalk()?;
    for tip in tips {
        let _ = walk.push(*tip);
    }
    walk.collect()
}

fn is_ahead(folder: &Path, new: Oid, old: Oid) -> bool {
    Repository::open(folder)
        .and_then(|repository| repository.graph_descendant_of(new, old))
        .unwrap_or(false)
}

fn entries(index: &Index) -> BTreeSet<Entry> {
    index
        .iter()
        .map(|entry| {
            let stage = (entry.flags >> 12) & 3;
            (path_of(&entry.path), stage, entry.mode, entry.id)
        })
        .collect()
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes.to_vec()).unwrap())
}

fn is_submodule(mode: u32) -> bool {
    mode == u32::from(git2::FileMode::Commit)
}

fn is_in(repository: &Repository, tree: Option<&Tree<'_>>, path: &Path, file: &File) -> bool {
    tree.and_then(|tree| tree.get_path(path).ok())
        .filter(|entry| u32::try_from(entry.filemode()) == Ok(file.0))
        .and_then(|entry| repository.find_blob(entry.id()).ok())
        .is_some_and(|blob| blob.content() == file.1)
}

/// Files and links below a folder, also those of an untracked repository in it, but not those of a submodule.
fn read_files(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, File>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let metadata = entry.metadata().unwrap();
        if path == Path::new(".git") {
            continue;
        }
        if metadata.is_dir() {
            if !entry.path().join(".git").is_file() {
                read_files(root, &path, files);
            }
        } else if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            files.insert(path, (0o120_000, target.display().to_string().into_bytes()));
        } else {
            let executable = metadata.permissions().mode() & 0o100;
            let mode = if executable > 0 { 0o100_755 } else { 0o100_644 };
            files.insert(path, (mode, fs::read(entry.path()).unwrap()));
        }
    }
}
