//! Finds what would be lost with a folder: everything in its repositories that no remote and no
//! other workspace has. Contacts no server: remotes are assumed to have what was last fetched from
//! them. Changes nothing.
//!
//! A single inventory for all removals. It includes submodules, even those without files, and
//! anything that can't be read, because its contents are unknown. The caller determines which files
//! are fitout's own.

mod files;
mod own;
mod tips;

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};

use super::state::operation;
use super::transaction;
use crate::git::error::{Cause, GitError};
use crate::host::files::At as _;
pub(in crate::git) use files::Paths;
pub(in crate::git::local) use files::staged;
use tips::Other;

/// Work in a repository that exists nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The repository's path, relative to the inspected folder; a git directory if it has no work
    /// tree.
    pub place: PathBuf,
    /// Whether that is a git directory.
    pub is_bare: bool,
    /// Its kind.
    pub what: What,
}

/// Kinds of work. Paths are relative to the work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Files with staged changes.
    Staged(Vec<PathBuf>),
    /// Changed files, and submodules at another commit.
    Changed(Vec<PathBuf>),
    /// Changed files that `git status` ignores: `assume-unchanged`, `skip-worktree`.
    Hidden(Vec<PathBuf>),
    /// Untracked files, excluding ignored ones.
    Untracked(Vec<PathBuf>),
    /// Files at the path of a submodule that is not cloned, which git doesn't look at.
    Unseen(Vec<PathBuf>),
    /// A folder in the git directory, with files that an update could not restore.
    PutAside(PathBuf),
    /// Commits that no remote has.
    Commits {
        /// The ref that contains them, for display.
        name: String,
        /// The same ref, for git.
        revision: String,
        /// The number of commits.
        number: usize,
    },
    /// An annotated tag, by its name: it contains more than the commit that it points to.
    Tag(String),
    /// A ref that doesn't point to a commit, by its full name.
    Object(String),
    /// The number of entries in `git stash list`.
    Stashes(usize),
    /// The operation in progress: `rebase`, `merge`, …
    Operation(&'static str),
    /// Linked work trees elsewhere that need this repository.
    WorkTrees(Vec<PathBuf>),
    /// Hooks that don't come from a template.
    Hooks(Vec<String>),
    /// Lines in a file below the git directory: `info/exclude`.
    Lines(&'static str),
    /// Names of the user's settings.
    Settings(Vec<String>),
    /// Unknown, for this reason.
    Unreadable(String),
}

/// Returns the work in the clone at `path` and its submodules.
pub fn in_clone(path: &Path) -> Vec<Work> {
    let mut inventory = Inventory::of(path);
    inventory.look(Path::new(""), Files::Here, &[]);
    inventory.work
}

/// Returns the work in all repositories below a folder, regardless of who created them. Work that
/// one of the folders `elsewhere` has at the same path is not included.
pub fn below(folder: &Path, elsewhere: &[PathBuf]) -> Vec<Work> {
    let mut inventory = Inventory::of(folder);
    inventory.walk(Path::new(""), elsewhere);
    // Each may contain others.
    while let Some(place) = inventory.linked.pop_first() {
        inventory.look_at_linked(&place);
    }
    inventory.work
}

/// The location of a repository's work tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    /// Next to its git directory, or as configured there.
    Here,
    /// There is none, or it is inspected separately.
    None,
}

struct Inventory {
    root: PathBuf,
    /// Git directories whose files were inspected.
    seen: BTreeSet<PathBuf>,
    /// Git directories whose refs were inspected.
    repositories: BTreeSet<PathBuf>,
    /// Work trees of repositories elsewhere that still have to be inspected.
    linked: BTreeSet<PathBuf>,
    work: Vec<Work>,
}

impl Inventory {
    fn of(root: &Path) -> Self {
        Inventory {
            root: root.to_owned(),
            seen: BTreeSet::new(),
            repositories: BTreeSet::new(),
            linked: BTreeSet::new(),
            work: Vec::new(),
        }
    }

    fn add(&mut self, place: &Path, files: Files, what: What) {
        self.work.push(Work {
            place: place.to_owned(),
            is_bare: files == Files::None,
            what,
        });
    }

    /// Finds repositories, without following links.
    fn walk(&mut self, place: &Path, elsewhere: &[PathBuf]) {
        let folder = self.root.join(place);
        let entries = match fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => {
                let what = What::Unreadable(error.to_string());
                return self.add(place, Files::None, what);
            }
        };
        let siblings: Vec<PathBuf> = elsewhere.iter().map(|other| other.join(place)).collect();
        if is_git_dir(&folder) {
            return self.look(place, Files::None, &siblings);
        }
        match fs::symlink_metadata(folder.join(".git")) {
            // A submodule with its own git directory was inspected with its parent.
            Ok(git) if git.is_dir() && self.seen.contains(&real(&folder.join(".git"))) => {}
            Ok(git) if git.is_dir() => self.look(place, Files::Here, &siblings),
            Ok(_) => {
                self.linked.insert(place.to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.add(place, Files::None, What::Unreadable(error.to_string())),
        }
        for entry in entries {
            let place = place.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => {
                    self.walk(&place, elsewhere);
                }
                Ok(_) => {}
                Err(error) => self.add(&place, Files::None, What::Unreadable(error.to_string())),
            }
        }
    }

    /// Inspects a repository and its submodules. `elsewhere` are repositories that may have the
    /// same work.
    fn look(&mut self, place: &Path, files: Files, elsewhere: &[PathBuf]) {
        if let Err(error) = self.try_to_look(place, files, elsewhere) {
            self.add(place, files, What::Unreadable(error.reason));
        }
    }

    fn try_to_look(
        &mut self,
        place: &Path,
        files: Files,
        elsewhere: &[PathBuf],
    ) -> Result<(), GitError> {
        let path = self.root.join(place);
        let repository = match files {
            Files::Here => open(&path)?,
            Files::None => open_bare(&path)?,
        };
        let others: Vec<Other> = elsewhere.iter().filter_map(|it| Other::open(it)).collect();
        self.repositories.insert(real(repository.commondir()));
        let operation = operation(repository.state()).map(What::Operation);
        let parts = [
            self.add_files(place, files, &repository)
                .map(|()| Vec::new()),
            tips::work(&repository, &others),
            Ok(operation.into_iter().collect()),
            put_aside(&repository),
            own::work(&repository, &others),
            self.outside(&repository),
        ];
        // An unreadable part must not hide the others.
        let mut found = Vec::new();
        for part in parts {
            found.extend(part.unwrap_or_else(|error| vec![What::Unreadable(error.reason)]));
        }
        found.dedup();
        for what in found {
            self.add(place, files, what);
        }
        self.look_at_submodules(place, &repository, &others)
    }

    /// Returns the linked work trees of a repository that will be kept; the others are inspected
    /// later.
    fn outside(&mut self, repository: &Repository) -> Result<Vec<What>, GitError> {
        let mut outside = Vec::new();
        for tree in work_trees(repository)? {
            match self.relative(&tree) {
                // Wherever it is, even in a git directory.
                Some(inside) => {
                    self.linked.insert(inside);
                }
                None => outside.push(tree),
            }
        }
        let some = (!outside.is_empty()).then_some(outside);
        Ok(some.map(What::WorkTrees).into_iter().collect())
    }

    fn add_files(
        &mut self,
        place: &Path,
        files: Files,
        repository: &Repository,
    ) -> Result<(), GitError> {
        if files == Files::None {
            let staged = files::staged(repository)?;
            if !staged.is_empty() {
                self.add(place, files, What::Staged(staged));
            }
            return Ok(());
        }
        self.seen.insert(real(repository.path()));
        let folder = self.root.join(place);
        match repository.workdir() {
            Some(work_tree) if real(work_tree) == real(&folder) => {
                for what in files::work(repository, &folder)? {
                    self.add(place, files, what);
                }
            }
            elsewhere => {
                let elsewhere = elsewhere.map(|it| it.display().to_string());
                let where_it_is = elsewhere.unwrap_or_else(|| "nowhere".to_owned());
                let why = format!("git considers its files to be in another folder: {where_it_is}");
                self.add(place, files, What::Unreadable(why));
            }
        }
        Ok(())
    }

    /// Inspects submodules below the git directory, with or without files, and those at their
    /// paths.
    fn look_at_submodules(
        &mut self,
        place: &Path,
        repository: &Repository,
        others: &[Other],
    ) -> Result<(), GitError> {
        let folder = self.root.join(place);
        let common = repository.commondir().to_owned();
        let mut modules = Vec::new();
        collect_modules(&common, Path::new("modules"), &mut modules)?;
        // Each work tree has its own, which remain after it is removed.
        for tree in entries(&common.join("worktrees"))? {
            let below = Path::new("worktrees")
                .join(tree.file_name())
                .join("modules");
            collect_modules(&common, &below, &mut modules)?;
        }
        for module in modules {
            let siblings: Vec<PathBuf> = others.iter().map(|it| it.common.join(&module)).collect();
            let git_dir = common.join(&module);
            if let Some(tree) = work_tree_of(&git_dir).and_then(|tree| self.relative(&tree)) {
                self.look(&tree, Files::Here, &siblings);
            } else {
                let place = self.relative(&git_dir).unwrap_or(git_dir);
                self.look(&place, Files::None, &siblings);
            }
        }
        if repository
            .workdir()
            .is_none_or(|it| real(it) != real(&folder))
        {
            return Ok(());
        }
        for path in files::submodules(repository)? {
            let is_own = folder.join(&path).join(".git").is_dir();
            let git_dir = real(&folder.join(&path).join(".git"));
            if is_own && !self.seen.contains(&git_dir) {
                let siblings: Vec<PathBuf> = others
                    .iter()
                    .filter_map(|it| Some(it.work_tree.as_ref()?.join(&path)))
                    .collect();
                self.look(&place.join(path), Files::Here, &siblings);
            }
        }
        Ok(())
    }

    /// Inspects a folder whose `.git` is a file, and that is not an inspected submodule: a work
    /// tree of a repository that is kept, or whose refs were already inspected.
    fn look_at_linked(&mut self, place: &Path) {
        let mut looked = || -> Result<Vec<What>, GitError> {
            let repository = open(&self.root.join(place))?;
            if self.seen.contains(&real(repository.path())) {
                return Ok(Vec::new());
            }
            let common = real(repository.commondir());
            if common.starts_with(real(&self.root)) && !self.repositories.contains(&common) {
                // It was not inspected elsewhere, and would be removed with its files.
                self.look(place, Files::Here, &[]);
                return Ok(Vec::new());
            }
            self.seen.insert(real(repository.path()));
            let folder = self.root.join(place);
            if repository
                .workdir()
                .is_none_or(|it| real(it) != real(&folder))
            {
                let why = "git considers its files to be in another folder";
                return Ok(vec![What::Unreadable(why.to_owned())]);
            }
            let mut found = files::work(&repository, &folder)?;
            found.extend(put_aside(&repository)?);
            found.extend(operation(repository.state()).map(What::Operation));
            if !real(repository.commondir()).starts_with(real(&self.root)) {
                found.extend(tips::only_head(&repository)?);
            }
            Ok(found)
        };
        let found = looked().unwrap_or_else(|error| vec![What::Unreadable(error.reason)]);
        for what in found {
            self.add(place, Files::Here, what);
        }
    }

    fn relative(&self, path: &Path) -> Option<PathBuf> {
        let root = real(&self.root);
        real(path).strip_prefix(root).ok().map(Path::to_owned)
    }
}

/// Without searching parent folders, whatever is missing there.
fn open(path: &Path) -> Result<Repository, GitError> {
    let none: [&Path; 0] = [];
    Ok(Repository::open_ext(
        path,
        RepositoryOpenFlags::NO_SEARCH,
        none,
    )?)
}

/// Regardless of its configured work tree, which may no longer exist.
pub(in crate::git::local) fn open_bare(git_dir: &Path) -> Result<Repository, GitError> {
    let none: [&Path; 0] = [];
    let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE;
    Ok(Repository::open_ext(git_dir, flags, none)?)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// By git's criteria.
pub(in crate::git::local) fn is_git_dir(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
}

/// Names of submodules can be paths, so the repositories in `modules` can be nested in folders.
pub(in crate::git::local) fn collect_modules(
    common: &Path,
    below: &Path,
    found: &mut Vec<PathBuf>,
) -> Result<(), GitError> {
    for entry in entries(&common.join(below))? {
        let path = below.join(entry.file_name());
        if is_git_dir(&entry.path()) {
            found.push(path);
        } else if entry.file_type()?.is_dir() {
            collect_modules(common, &path, found)?;
        }
    }
    found.sort();
    Ok(())
}

/// Returns what killed or failed updates have left, in this work tree and the others of the
/// repository.
fn put_aside(repository: &Repository) -> Result<Vec<What>, GitError> {
    let own = repository.path();
    let mut git_dirs = vec![own.to_owned()];
    git_dirs.extend(entries(&own.join("worktrees"))?.iter().map(DirEntry::path));
    let mut left = Vec::new();
    for git_dir in git_dirs {
        for entry in entries(&git_dir)? {
            if transaction::is_put_aside(&git_dir, &entry.file_name()) {
                left.push(entry.path());
            }
        }
    }
    left.sort();
    Ok(left.into_iter().map(What::PutAside).collect())
}

/// Returns the contents of a folder; nothing if, and only if, it doesn't exist.
fn entries(folder: &Path) -> Result<Vec<DirEntry>, GitError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => {
            let entries = entries.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            Ok(entries.at(folder)?)
        }
    }
}

/// Returns the work tree of a submodule, if it exists and refers to it.
pub(in crate::git::local) fn work_tree_of(git_dir: &Path) -> Option<PathBuf> {
    let config = git2::Config::open(&git_dir.join("config")).ok()?;
    let tree = git_dir.join(config.get_path("core.worktree").ok()?);
    let repository = open(&tree).ok()?;
    (real(repository.path()) == real(git_dir)).then_some(tree)
}

/// Returns the existing linked work trees of a repository.
fn work_trees(repository: &Repository) -> Result<Vec<PathBuf>, GitError> {
    let mut found = Vec::new();
    for name in &repository.worktrees()? {
        let name = name.map_err(|_| {
            let reason = "a work tree has a name that is not UTF-8";
            GitError::new(Cause::Other, reason)
        })?;
        let Some(name) = name else { continue };
        let tree = repository.find_worktree(name)?;
        if tree.path().join(".git").exists() {
            found.push(real(tree.path()));
        }
    }
    Ok(found)
}
