//! Updates a clone from one commit to another, atomically: work tree, index, branch and HEAD.
//!
//! New files are first prepared in [`staging`]. Then git's own [`locks`] are taken, HEAD and the
//! index are compared with those that the decision was based on, and every path is checked
//! ([`check`]). Old files are renamed into the staging folder and checked again, and new files are
//! renamed out of it ([`steps`]), so nothing is replaced that was not checked. Finally, git's own
//! files are replaced ([`replaced`]). An error rolls back everything; [`recover`] rolls back what a
//! killed run left.

mod changes;
mod check;
mod index;
mod locks;
mod paths;
mod recovery;
mod refs;
mod replaced;
mod staging;
mod steps;

pub(in crate::git::local) use self::changes::{Changes, must_be_valid};
pub(super) use self::index::identity as index_identity;
pub(super) use self::locks::must_be_free;
pub(super) use self::recovery::is_half_moved;
pub use self::recovery::recover;
pub(super) use self::staging::is_put_aside;
pub(in crate::git) use self::steps::rename as rename_new;

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use git2::{Config, Index, Oid, Repository};

use self::changes::{Contents, Versions};
use self::check::{Plan, Settings};
use self::locks::Locks;
use self::refs::{Head, Refs};
use self::replaced::Replaced;
use self::staging::Staging;
use self::steps::{Journal, Kind, Mark, Step};
use super::attributes::Attributes;
use super::engine;
use crate::git::error::{Cause, GitError};
use crate::host::files::At as _;
use crate::host::here;
use crate::plural::few;
use crate::shell;
use crate::sync::Basis;

/// The target of an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    /// The state that the decision was based on.
    pub basis: &'a Basis,
    pub to: Oid,
    pub how: How<'a>,
}

/// The new state of HEAD.
#[derive(Clone, Copy, Debug)]
pub(super) enum How<'a> {
    /// The current branch is fast-forwarded to the commit of the remote's branch.
    FastForward { branch: &'a str, upstream: &'a str },
    /// HEAD is detached at the commit.
    Detach,
    /// HEAD is the branch, which is at the commit; it is created if it should track a remote.
    Switch {
        branch: &'a str,
        follows: Option<&'a str>,
    },
}

impl How<'_> {
    fn branch(self) -> Option<String> {
        match self {
            How::FastForward { branch, .. } | How::Switch { branch, .. } => {
                Some(format!("refs/heads/{branch}"))
            }
            How::Detach => None,
        }
    }
}

/// Updates the clone, or fails and leaves it unchanged.
pub(super) fn run(scene: &Scene<'_>) -> Result<(), GitError> {
    let repository = scene.repository;
    let locks = scene.locks();
    locks::must_be_free(&locks)?;
    let mut staging = Staging::begin(repository.path(), &scene.work_tree, &scene.locked)?;
    scene.look()?;
    let new = staging.path().join("new");
    scene
        .versions
        .stage(&scene.changes, &repository.index()?, &new)?;
    let locks = Locks::take(&staging.owner_file(), &locks)?;
    // Anything may have happened in the time it took to get here.
    let (plan, mut contents) = scene.look()?;
    let steps = with_marks(plan.steps, &new)?;
    staging.announce(&Journal {
        head: scene.head.text.clone(),
        from: scene
            .head
            .commit
            .map(|id| id.to_string())
            .unwrap_or_default(),
        new_head: scene.new_head(),
        to: scene.wanted.to.to_string(),
        steps: steps.clone(),
    })?;
    let mut go = || -> Result<(), GitError> {
        for (number, step) in steps.iter().enumerate() {
            let done = staging.places().take_step(number, step);
            done.map_err(|error| not_done(step, &error))?;
            if step.kind == Kind::Take {
                let taken = staging.places().taken(number);
                must_be_checked(&taken, &step.path, &plan.checked, &mut contents)?;
            }
        }
        scene.write_index(&staging, &plan.still)?;
        scene.write_refs(&staging)
    };
    if let Err(mut error) = go() {
        match recovery::undo(repository, &staging, &steps, &scene.new_head()) {
            Ok(undone) if undone.keeps_taken => {
                let kept = match staging.put_aside() {
                    Ok(name) => recovery::kept(&name),
                    Err(why) => format!("the previous files are kept in `.git`: {why}"),
                };
                error.reason = format!("{}; {kept}", error.reason);
            }
            Ok(_) => {}
            Err(why) => {
                staging.keep();
                error.reason = format!("{}, and not everything was restored: {why}", error.reason);
                error.command = Some("fitout sync".to_owned());
            }
        }
        return Err(error);
    }
    drop(locks);
    drop(staging);
    for folder in plan.emptied {
        let _ = fs::remove_dir(scene.work_tree.join(folder));
    }
    Ok(())
}

/// The checks of [`run`], for an update by git. Comparisons that only git can do are left to git.
pub(super) fn look(scene: &Scene<'_>, attributes: &Attributes) -> Result<(), GitError> {
    locks::must_be_free(&scene.locks())?;
    scene
        .look_at(engine::only_git_compares(scene.repository, attributes))
        .map(drop)
}

/// Like [`look`], for the submodule at `below` in its clone, whose HEAD git will detach at `to`.
/// Returns the changes.
pub(super) fn look_in_submodule(
    repository: &Repository,
    below: &Path,
    to: Oid,
) -> Result<Changes, GitError> {
    let (head, commit) = super::head_text(repository)?;
    let basis = Basis {
        head,
        commit: commit.map(|id| id.to_string()),
        index: index_identity(repository.path()),
    };
    let wanted = Move {
        basis: &basis,
        to,
        how: How::Detach,
    };
    let mut scene = Scene::of(repository, &wanted)?;
    below.clone_into(&mut scene.below);
    look(&scene, &scene.attributes())?;
    Ok(scene.changes)
}

/// Returns the differences between HEAD and a commit.
pub(super) fn changes(repository: &Repository, to: Oid) -> Result<Changes, GitError> {
    let versions = Versions::open(&work_tree(repository)?, repository.path())?;
    versions.between(Head::read(repository)?.commit, to)
}

/// Returns untracked files, ignored or not, at paths that the commit contains.
pub(super) fn in_the_way(repository: &Repository, to: Oid) -> Result<Vec<String>, GitError> {
    let work_tree = work_tree(repository)?;
    let versions = Versions::open(&work_tree, repository.path())?;
    let changes = versions.between(Head::read(repository)?.commit, to)?;
    let settings = settings(repository, true);
    let mut contents = versions.contents();
    let index = repository.index()?;
    let found = check::in_the_way(&work_tree, &index, &changes, &mut contents, settings)?;
    Ok(names(Path::new(""), &found))
}

fn settings(repository: &Repository, is_left_to_git: bool) -> Settings {
    let config = repository.config().ok();
    let is_on = |key: &str| {
        let value = config.as_ref().map(|config| config.get_bool(key));
        value.is_none_or(|value| value.unwrap_or(true))
    };
    Settings {
        has_modes: is_on("core.fileMode"),
        has_links: is_on("core.symlinks"),
        is_sparse: engine::is_sparse(repository),
        is_left_to_git,
    }
}

/// For display, relative to the clone's folder.
fn names(below: &Path, paths: &[PathBuf]) -> Vec<String> {
    let paths = paths.iter().map(|path| below.join(path));
    paths.map(|path| path.display().to_string()).collect()
}

/// A clone that is about to be updated.
pub(super) struct Scene<'a> {
    repository: &'a Repository,
    wanted: Move<'a>,
    work_tree: PathBuf,
    /// Its path in the top-level clone, if it is a submodule.
    below: PathBuf,
    /// The names of the files that nobody else may write in the meantime.
    locked: Vec<String>,
    head: Head,
    changes: Changes,
    versions: Versions,
}

impl<'a> Scene<'a> {
    pub(super) fn of(repository: &'a Repository, wanted: &Move<'a>) -> Result<Self, GitError> {
        let work_tree = work_tree(repository)?;
        let follows = matches!(
            wanted.how,
            How::Switch {
                follows: Some(_),
                ..
            }
        );
        let names = [Some("index"), follows.then_some("config"), Some("HEAD")];
        let names = names.into_iter().flatten().map(str::to_owned);
        let locked = names.chain(wanted.how.branch()).collect();
        let head = Head::read(repository)?;
        let versions = Versions::open(&work_tree, repository.path())?;
        Ok(Scene {
            changes: versions.between(head.commit, wanted.to)?,
            repository,
            wanted: *wanted,
            work_tree,
            below: PathBuf::new(),
            locked,
            head,
            versions,
        })
    }

    /// The attributes before and after the update.
    pub(super) fn attributes(&self) -> Attributes {
        Attributes::after(self.repository, &self.changes)
    }

    fn locks(&self) -> Vec<PathBuf> {
        let names = self.locked.iter();
        names
            .map(|name| refs::lock(self.repository, name))
            .collect()
    }

    fn new_head(&self) -> String {
        match self.wanted.how {
            How::FastForward { .. } => self.head.text.clone(),
            How::Detach => self.wanted.to.to_string(),
            How::Switch { branch, .. } => format!("ref: refs/heads/{branch}"),
        }
    }

    /// Returns the steps, if the decision is still valid and nothing is in the way.
    fn look(&self) -> Result<(Plan, Contents<'_>), GitError> {
        self.look_at(false)
    }

    fn look_at(&self, is_left_to_git: bool) -> Result<(Plan, Contents<'_>), GitError> {
        self.decision_must_hold()?;
        let settings = settings(self.repository, is_left_to_git);
        let mut contents = self.versions.contents();
        let index = self.repository.index()?;
        let plan = check::plan(
            &self.work_tree,
            &index,
            &self.changes,
            &mut contents,
            settings,
        )?;
        if !plan.in_the_way.is_empty() {
            return Err(GitError::in_the_way(&names(&self.below, &plan.in_the_way)));
        }
        if !plan.changed.is_empty() {
            return Err(self.has_changed(&index, &plan.changed));
        }
        Ok((plan, contents))
    }

    /// They have just changed, or git ignores their changes.
    fn has_changed(&self, index: &Index, paths: &[PathBuf]) -> GitError {
        let verb = if paths.len() == 1 { "has" } else { "have" };
        let whole: Vec<PathBuf> = paths.iter().map(|path| self.below.join(path)).collect();
        let reason = format!("{} {verb} local changes", shown(&whole));
        let hidden = |path: &&PathBuf| check::hidden_by(index, path).is_some();
        let Some(path) = paths.iter().find(hidden) else {
            return GitError::new(Cause::InTheWay, reason);
        };
        let flag = check::hidden_by(index, path).unwrap_or_default();
        GitError {
            command: Some(format!(
                "git -C {} update-index --no-{flag} {}",
                here::typed(&self.work_tree),
                shell::path(path)
            )),
            ..GitError::new(
                Cause::InTheWay,
                format!("{reason}, which git was told not to look at (`{flag}`)"),
            )
        }
    }

    fn decision_must_hold(&self) -> Result<(), GitError> {
        let basis = self.wanted.basis;
        let head = Head::read(self.repository)?;
        let commit = head.commit.map(|id| id.to_string());
        let changed = if head.text != basis.head || commit != basis.commit || head != self.head {
            "HEAD"
        } else if index_identity(self.repository.path()) != basis.index {
            "the index"
        } else if self.branch_moved() {
            "the branch"
        } else {
            return Ok(());
        };
        Err(GitError {
            command: Some("fitout sync".to_owned()),
            ..GitError::new(Cause::Changed, format!("{changed} changed while sync ran"))
        })
    }

    /// Whether the branch to switch to has moved, or was created in the meantime.
    fn branch_moved(&self) -> bool {
        let How::Switch { branch, follows } = self.wanted.how else {
            return false;
        };
        let found = self
            .repository
            .refname_to_id(&format!("refs/heads/{branch}"));
        found.ok() != follows.is_none().then_some(self.wanted.to)
    }

    fn write_index(
        &self,
        staging: &Staging,
        still: &HashMap<PathBuf, Metadata>,
    ) -> Result<(), GitError> {
        let index = Replaced::index(self.repository, staging.path());
        index::write(
            index.file(),
            &index.staged(),
            &self.work_tree,
            &self.changes,
            still,
        )?;
        Ok(index.put()?)
    }

    fn write_refs(&self, staging: &Staging) -> Result<(), GitError> {
        let refs = Refs {
            repository: self.repository,
            staging: staging.path(),
            who: &self.versions.who,
        };
        let (old, to) = (self.head.commit, self.wanted.to);
        let id = to.to_string();
        let moving = |name: &str| format!("checkout: moving from {} to {name}", self.head.name());
        match self.wanted.how {
            How::FastForward { branch, upstream } => {
                let branch = format!("refs/heads/{branch}");
                let message = format!("merge {upstream}: Fast-forward");
                refs.log("HEAD", old, to, &message)?;
                refs.log(&branch, old, to, &message)?;
                if let Some(old) = old {
                    refs.write("ORIG_HEAD", &old.to_string())?;
                }
                refs.write(&branch, &id)
            }
            How::Detach => {
                refs.log("HEAD", old, to, &moving(&id))?;
                refs.write("HEAD", &id)
            }
            How::Switch { branch, follows } => {
                let name = format!("refs/heads/{branch}");
                if let Some(remote) = follows {
                    let config = Replaced::config(self.repository, staging.path());
                    follow(&config, branch, remote)?;
                    config.put()?;
                    let made = Replaced::branch(self.repository, staging.path(), &name);
                    fs::write(made.staged(), format!("{id}\n")).at(made.staged())?;
                    made.put()?;
                    let message = format!("branch: Created from {remote}/{branch}");
                    refs.log(&name, None, to, &message)?;
                }
                refs.log("HEAD", old, to, &moving(branch))?;
                refs.write("HEAD", &format!("ref: {name}"))
            }
        }
    }
}

/// Returns the configuration that `git switch` writes for a new branch. libgit2 locks the file that
/// it writes, but the clone's is already locked.
fn follow(config: &Replaced, branch: &str, remote: &str) -> Result<(), GitError> {
    fs::copy(config.file(), config.staged()).at(config.file())?;
    let mut config = Config::open(&config.staged())?;
    config.set_str(&format!("branch.{branch}.remote"), remote)?;
    let merge = format!("refs/heads/{branch}");
    config.set_str(&format!("branch.{branch}.merge"), &merge)?;
    Ok(())
}

/// Returns the first of them, for a line of text.
fn shown(paths: &[PathBuf]) -> String {
    const MOST: usize = 3;
    let names = paths.iter().map(|path| format!("`{}`", path.display()));
    few(&names.collect::<Vec<_>>(), MOST)
}

fn work_tree(repository: &Repository) -> Result<PathBuf, GitError> {
    let work_tree = repository.workdir().map(Path::to_path_buf);
    work_tree.ok_or_else(|| GitError::new(Cause::Other, "a bare repository has no files"))
}

/// Adds the marks of new files.
fn with_marks(mut steps: Vec<Step>, new: &Path) -> Result<Vec<Step>, GitError> {
    for step in steps.iter_mut().filter(|step| step.kind == Kind::Put) {
        let file = new.join(&step.path);
        step.mark = Mark::of(&file.symlink_metadata().at(&file)?);
    }
    Ok(steps)
}

fn not_done(step: &Step, error: &io::Error) -> GitError {
    let path = step.path.display();
    match (step.kind, error.kind()) {
        (Kind::Put | Kind::Make, io::ErrorKind::AlreadyExists) => {
            GitError::in_the_way(&[path.to_string()])
        }
        (Kind::Take, io::ErrorKind::NotFound) => changed_now(&step.path),
        _ => GitError {
            reason: format!("can't replace `{path}`: {error}"),
            ..GitError::from(io::Error::from(error.kind()))
        },
    }
}

fn changed_now(path: &Path) -> GitError {
    let reason = format!("`{}` changed while sync ran", path.display());
    GitError {
        command: Some("fitout sync".to_owned()),
        ..GitError::new(Cause::Changed, reason)
    }
}

/// The taken files must be those that were checked: they may have been written to in between.
fn must_be_checked(
    taken: &Path,
    path: &Path,
    checked: &HashMap<PathBuf, check::Checked>,
    contents: &mut Contents<'_>,
) -> Result<(), GitError> {
    let found = taken.symlink_metadata().at(path)?;
    if found.is_dir() {
        for entry in fs::read_dir(taken).at(path)? {
            let name = entry.at(path)?.file_name();
            must_be_checked(&taken.join(&name), &path.join(&name), checked, contents)?;
        }
        return Ok(());
    }
    let is_same = checked.get(path).is_some_and(|was| {
        let content = was
            .content
            .is_none_or(|entry| contents.are(taken, path, entry));
        was.mark == Mark::of(&found) && content
    });
    if is_same {
        Ok(())
    } else {
        Err(changed_now(path))
    }
}

/// Returns the error of a fetch, if one of git's locks is in the way.
pub fn lock_of_fetch(path: &Path, remote: &str) -> Option<GitError> {
    let repository = Repository::open(path).ok()?;
    locks::that_stop_a_fetch(repository.commondir(), remote)
}
