//! What would be lost with a folder: everything in its repositories that no remote and no other workspace
//! has. Asks no server: a remote has what was last seen of it. Changes nothing.
//!
//! One inventory for every removal. It goes through submodules, also those without files, and what it can't
//! read is in it: nobody knows what that holds. Which of it is fitout's own is for the command to say.

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

/// Something in one repository that is nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Where the repository is, relative to what was looked at; a git directory where it has no files.
    pub place: PathBuf,
    /// Whether that is a git directory.
    pub is_bare: bool,
    /// What it is.
    pub what: What,
}

/// The kinds of work. Paths are relative to the work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Files whose change is in the index.
    Staged(Vec<PathBuf>),
    /// Changed files, and submodules at another commit.
    Changed(Vec<PathBuf>),
    /// Changed files that `git status` does not look at: `assume-unchanged`, `skip-worktree`.
    Hidden(Vec<PathBuf>),
    /// Files that git does not track; what is ignored is left out.
    Untracked(Vec<PathBuf>),
    /// Files where a submodule belongs that is not cloned: git looks at none of them.
    Unseen(Vec<PathBuf>),
    /// A folder in the git directory, with files that a move could not put back.
    PutAside(PathBuf),
    /// Commits that no remote has.
    Commits {
        /// What leads to them, for people.
        name: String,
        /// The same, for git.
        revision: String,
        /// How many.
        number: usize,
    },
    /// An annotated tag, by its name: it says more than the commit that it is on.
    Tag(String),
    /// A ref that leads to no commit, by its whole name.
    Object(String),
    /// Entries of `git stash list`.
    Stashes(usize),
    /// What git is in the middle of: `rebase`, `merge`, …
    Operation(&'static str),
    /// Work trees elsewhere that need this repository.
    WorkTrees(Vec<PathBuf>),
    /// Hooks that come from no template.
    Hooks(Vec<String>),
    /// Lines of a file below the git directory: `info/exclude`.
    Lines(&'static str),
    /// Names of settings of the user's.
    Settings(Vec<String>),
    /// Nobody knows what is there, for this reason.
    Unreadable(String),
}

/// The work in the clone at `path` and its submodules.
pub fn in_clone(path: &Path) -> Vec<Work> {
    let mut inventory = Inventory::of(path);
    inventory.look(Path::new(""), Files::Here, &[]);
    inventory.work
}

/// The work in all repositories below a folder, whoever made them. What one of the folders `elsewhere`
/// has at the same place is not counted.
pub fn below(folder: &Path, elsewhere: &[PathBuf]) -> Vec<Work> {
    let mut inventory = Inventory::of(folder);
    inventory.walk(Path::new(""), elsewhere);
    // Each may have others.
    while let Some(place) = inventory.linked.pop_first() {
        inventory.look_at_linked(&place);
    }
    inventory.work
}

/// Where the files of a repository are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Files {
    /// Beside its git directory, or where that says.
    Here,
    /// It has none, or others look at them.
    None,
}

struct Inventory {
    root: PathBuf,
    /// The git directories whose files were looked at.
    seen: BTreeSet<PathBuf>,
    /// Those whose refs were.
    repositories: BTreeSet<PathBuf>,
    /// Folders with files of a repository that is elsewhere, still to be looked at.
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

    /// Looks for repositories, without following links.
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
            // A submodule with a git directory of its own was looked at with its parent.
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

    /// Looks at a repository and its submodules. `elsewhere` are repositories that may have the same.
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
        // What can't be read in one part hides nothing of the others.
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

    /// The other work trees of a repository that stay; the others are looked at later.
    fn outside(&mut self, repository: &Repository) -> Result<Vec<What>, GitError> {
        let mut outside = Vec::new();
        for tree in work_trees(repository)? {
            match self.relative(&tree) {
                // Wherever it is: in a git directory, too.
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
                let why = format!("git takes its files for those of another folder: {where_it_is}");
                self.add(place, files, What::Unreadable(why));
            }
        }
        Ok(())
    }

    /// Those that are below the git directory, with files or without, and those that are in their place.
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
        // Each work tree has its own, and leaves them behind.
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

    /// A folder whose `.git` is a file, and that is no submodule which was looked at: a work tree of some
    /// repository, which stays, or whose refs were looked at there.
    fn look_at_linked(&mut self, place: &Path) {
        let mut looked = || -> Result<Vec<What>, GitError> {
            let repository = open(&self.root.join(place))?;
            if self.seen.contains(&real(repository.path())) {
                return Ok(Vec::new());
            }
            let common = real(repository.commondir());
            if common.starts_with(real(&self.root)) && !self.repositories.contains(&common) {
                // It was found nowhere else, and goes with its files.
                self.look(place, Files::Here, &[]);
                return Ok(Vec::new());
            }
            self.seen.insert(real(repository.path()));
            let folder = self.root.join(place);
            if repository
                .workdir()
                .is_none_or(|it| real(it) != real(&folder))
            {
                let why = "git takes its files for those of another folder";
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

/// Without looking further up, whatever is missing there.
fn open(path: &Path) -> Result<Repository, GitError> {
    let none: [&Path; 0] = [];
    Ok(Repository::open_ext(
        path,
        RepositoryOpenFlags::NO_SEARCH,
        none,
    )?)
}

/// Whatever it says of its files: their folder may be gone.
pub(in crate::git::local) fn open_bare(git_dir: &Path) -> Result<Repository, GitError> {
    let none: [&Path; 0] = [];
    let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE;
    Ok(Repository::open_ext(git_dir, flags, none)?)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// As git tells one.
pub(in crate::git::local) fn is_git_dir(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
}

/// Names of submodules may be paths, so the repositories in `modules` may be some folders deep.
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

/// What moves that were killed, or could not be undone, have left: of this work tree, and of those that the
/// repository has.
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

/// What is in a folder; nothing in one that is not there, and only then.
fn entries(folder: &Path) -> Result<Vec<DirEntry>, GitError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => {
            let entries = entries.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            Ok(entries.at(folder)?)
        }
    }
}

/// Where the files of a submodule are, if they are there and know it.
pub(in crate::git::local) fn work_tree_of(git_dir: &Path) -> Option<PathBuf> {
    let config = git2::Config::open(&git_dir.join("config")).ok()?;
    let tree = git_dir.join(config.get_path("core.worktree").ok()?);
    let repository = open(&tree).ok()?;
    (real(repository.path()) == real(git_dir)).then_some(tree)
}

/// The other work trees of a repository that are there.
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
