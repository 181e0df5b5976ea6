//! The local half: what is on disk, and moving it forward, with git2.
//!
//! libgit2 neither runs external filters (Git LFS) and hooks nor knows sparse checkouts and
//! `working-tree-encoding`. [`needs_git`] finds the clones where that matters; the user's own git
//! then does what would go wrong here.

pub mod submodules;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{CheckoutNotificationType, ErrorCode, Oid, Repository, RepositoryState, Status};

use super::error::{Cause, GitError};
use super::{cli, url};
use crate::sync::{Changes, CloneState, Head, Link, Place, Remote, RepoState, Target};
use crate::workspace::{Checkout, Repo};

/// Looks at what is on disk where a repo should be. Changes nothing and asks no server.
pub fn observe(root: &Path, repo: &Repo) -> RepoState {
    RepoState {
        place: place(root, repo),
        link: observe_link(root, repo),
    }
}

/// Looks again at what a fetch changes. What differs from HEAD is taken from before: to look twice
/// would be most of the work of a sync with nothing to do, and a checkout is safe in any case.
pub fn refresh(root: &Path, repo: &Repo, before: &CloneState) -> Result<CloneState, GitError> {
    let repository = Repository::open(folder(root, repo))?;
    let remote = before.remote.clone();
    clone_state(&repository, remote, &repo.checkout, before.changes)
}

/// The folder that a repo's clone belongs in.
pub fn folder(root: &Path, repo: &Repo) -> PathBuf {
    root.join(repo.local_path.as_deref().unwrap_or(&repo.path))
}

/// The branch that is checked out, if it is one.
pub fn branch(path: &Path) -> Option<String> {
    match head(&Repository::open(path).ok()?).ok()?.0 {
        Head::Branch(name) | Head::Unborn(name) => Some(name),
        Head::Detached(_) => None,
    }
}

/// Moves the branch that is checked out, and the work tree, to the remote's branch. Nothing that
/// is not committed is ever overwritten: then it fails with [`Cause::InTheWay`] and changes nothing.
pub fn fast_forward(root: &Path, repo: &Repo, clone: &CloneState) -> Result<(), GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let Target::Branch { name, .. } = &clone.target else {
        return Err(GitError::new(Cause::Other, "no branch to fast-forward to"));
    };
    let upstream = format!("{}/{name}", clone.remote);
    let commit = repository
        .find_reference(&format!("refs/remotes/{upstream}"))?
        .peel_to_commit()?;
    let (_, old) = head(&repository)?;
    if let Some(why) = needs_git(&repository, Some(&commit)) {
        return with_git(why, || cli::fast_forward(&path, &commit.id().to_string()));
    }
    checkout(&repository, &commit)?;
    let branch = format!("refs/heads/{name}");
    let message = format!("merge {upstream}: Fast-forward");
    match old {
        Some(old) => {
            repository.reference_matching(&branch, commit.id(), true, old, &message)?;
            repository.reference("ORIG_HEAD", old, true, "")?;
        }
        None => {
            repository.reference(&branch, commit.id(), false, &message)?;
        }
    }
    Ok(())
}

/// Checks out the pinned commit with a detached HEAD, with the same care.
pub fn detach(root: &Path, repo: &Repo) -> Result<(), GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let commit = pinned(&repository, &repo.checkout)
        .ok_or_else(|| GitError::new(Cause::MissingReference, "the pinned commit is not there"))?;
    let commit = repository.find_commit(commit)?;
    if let Some(why) = needs_git(&repository, Some(&commit)) {
        return with_git(why, || cli::detach(&path, &commit.id().to_string()));
    }
    checkout(&repository, &commit)?;
    repository.set_head_detached(commit.id())?;
    Ok(())
}

/// Checks out the manifest's branch, with the same care; makes it where only the remote has it.
pub fn switch(root: &Path, repo: &Repo, clone: &CloneState) -> Result<(), GitError> {
    let path = folder(root, repo);
    let repository = Repository::open(&path)?;
    let Target::Branch { name, .. } = &clone.target else {
        return Err(GitError::new(Cause::Other, "no branch to switch to"));
    };
    let local = repository.find_branch(name, git2::BranchType::Local).ok();
    let upstream = format!("{}/{name}", clone.remote);
    let commit = match &local {
        Some(branch) => branch.get().peel_to_commit()?,
        None => repository
            .find_reference(&format!("refs/remotes/{upstream}"))?
            .peel_to_commit()?,
    };
    // Another work tree may have the branch checked out, which only git knows to refuse.
    let has_others = repository.is_worktree() || !repository.worktrees()?.is_empty();
    let needs_git = has_others
        .then_some("other work trees")
        .or_else(|| needs_git(&repository, Some(&commit)));
    if needs_git.is_none() {
        checkout(&repository, &commit)?;
    }
    if local.is_none() {
        repository.branch(name, &commit, false)?;
        let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str(&format!("branch.{name}.remote"), &clone.remote)?;
        config.set_str(
            &format!("branch.{name}.merge"),
            &format!("refs/heads/{name}"),
        )?;
    }
    match needs_git {
        Some(why) => with_git(why, || cli::switch(&path, name)),
        None => Ok(repository.set_head(&format!("refs/heads/{name}"))?),
    }
}

/// Gives a remote the manifest's URL, or adds `origin` where the clone has no remote.
pub fn set_url(root: &Path, repo: &Repo, remote: Option<&str>) -> Result<(), GitError> {
    let repository = Repository::open(folder(root, repo))?;
    let url = url::resolve(root, &repo.url);
    match remote {
        Some(name) => repository.remote_set_url(name, &url)?,
        None => {
            repository.remote("origin", &url)?;
        }
    }
    Ok(())
}

/// Clones a repository of this machine, for where there is no `git` that gix could start.
pub(super) fn clone(path: &Path, url: &str, repo: &Repo) -> Result<(), GitError> {
    let mut builder = git2::build::RepoBuilder::new();
    // Real copies: a hard link would share its fate with the other repository.
    builder.clone_local(git2::build::CloneLocal::NoLinks);
    if let Checkout::Branch(name) = &repo.checkout {
        builder.branch(name);
    }
    let repository = builder
        .clone(url, path)
        .map_err(|error| GitError::from_said(&[error.message().to_owned()], url))?;
    if let Checkout::Tag(name) | Checkout::Rev(name) = &repo.checkout {
        let commit = pinned(&repository, &repo.checkout).ok_or_else(|| {
            let reason = format!("the remote has no tag or commit `{name}`");
            GitError::new(Cause::MissingReference, reason)
        })?;
        checkout(&repository, &repository.find_commit(commit)?)?;
        repository.set_head_detached(commit)?;
    }
    Ok(())
}

/// Fetches from a repository of this machine, likewise.
pub(super) fn fetch(
    path: &Path,
    remote: &str,
    wanted: &[String],
    checkout: &Checkout,
    url: &str,
) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let mut connection = repository.find_remote(remote)?;
    let said = |error: git2::Error| GitError::from_said(&[error.message().to_owned()], url);
    connection.connect(git2::Direction::Fetch).map_err(said)?;
    let branch = match checkout {
        Checkout::Branch(name) => Some(format!("refs/heads/{name}")),
        _ => None,
    };
    let refs = connection.list().map_err(said)?;
    if branch.is_some_and(|branch| !refs.iter().any(|head| head.name() == branch)) {
        let reason = "the remote has no such branch";
        return Err(GitError::new(Cause::MissingReference, reason));
    }
    let default = connection.default_branch().ok();
    connection.fetch::<&str>(&[], None, None).map_err(said)?;
    if !wanted.is_empty() {
        connection.fetch(wanted, None, None).map_err(said)?;
    }
    let default = default.as_ref().and_then(|name| name.as_str().ok());
    match default.and_then(|name| name.strip_prefix("refs/heads/")) {
        Some(name) if *checkout == Checkout::RemoteDefault => {
            set_remote_default(path, remote, name)
        }
        _ => Ok(()),
    }
}

/// Makes the manifest's path a link to where the clone is kept.
pub fn link(root: &Path, repo: &Repo) -> Result<(), GitError> {
    let link = root.join(&repo.path);
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent)?;
    }
    let target = link_target(root, repo);
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, link)?;
    #[cfg(windows)]
    std::os::windows::fs::symlink_dir(target, link)?;
    Ok(())
}

/// Makes a fresh clone's configuration the one that git writes: gix also writes down what is
/// git's default on this system, and does not know that the clone will move.
pub(super) fn finish_clone(path: &Path, url: &str) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    for key in ["core.ignorecase", "core.precomposeunicode"] {
        if config.get_bool(key).is_ok_and(|set| !set) {
            config.remove(key)?;
        }
    }
    // What the user asked for, not what `insteadOf` made of it.
    if config.get_string("remote.origin.url").is_ok() {
        config.set_str("remote.origin.url", url)?;
    }
    Ok(())
}

/// How a clone stands to Git LFS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lfs {
    /// It does not use it.
    Unused,
    /// Its files are in the work tree.
    Files,
    /// Files of the work tree are what Git LFS stores in their place: its filter is missing.
    Pointers,
}

/// How the clone at `path` stands to Git LFS.
pub fn lfs(path: &Path) -> Lfs {
    // The first line of every pointer: the specification of Git LFS, docs/spec.md.
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
    const LARGEST_POINTER: u64 = 1024;
    let Ok(index) = Repository::open(path).and_then(|repository| repository.index()) else {
        return Lfs::Unused;
    };
    let is_lfs = index
        .iter()
        .filter(|entry| is_attributes(&entry.path))
        .filter_map(|entry| fs::read(path.join(String::from_utf8(entry.path).ok()?)).ok())
        .any(|text| String::from_utf8_lossy(&text).contains("filter=lfs"));
    if !is_lfs {
        return Lfs::Unused;
    }
    let has_pointer = index.iter().any(|entry| {
        let file = path.join(String::from_utf8_lossy(&entry.path).as_ref());
        fs::symlink_metadata(&file).is_ok_and(|file| file.is_file() && file.len() < LARGEST_POINTER)
            && fs::read(&file).is_ok_and(|text| text.starts_with(POINTER))
    });
    if has_pointer {
        Lfs::Pointers
    } else {
        Lfs::Files
    }
}

/// The commit that is checked out, and whether others can get it from the remote.
pub fn head_commit(root: &Path, repo: &Repo) -> Result<(String, bool), GitError> {
    let repository = Repository::open(folder(root, repo))?;
    let (_, commit) = head(&repository)?;
    let commit =
        commit.ok_or_else(|| GitError::new(Cause::MissingReference, "it has no commit yet"))?;
    let is_published = reachable(
        &repository,
        Some(commit),
        &["refs/remotes/*", "refs/tags/*"],
    )?;
    Ok((commit.to_string(), is_published))
}

/// What a clone knows of `origin`, as the remote calls it, in the order of their names: branches and
/// tags, with their commits or tag objects.
pub(super) fn remote_refs(git_dir: &Path) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let repository = Repository::open(git_dir)?;
    let mut refs = BTreeMap::new();
    for reference in repository.references()? {
        let reference = reference?;
        let (Ok(name), Some(tip)) = (reference.name(), reference.target()) else {
            continue;
        };
        if let Some(branch) = name.strip_prefix("refs/remotes/origin/") {
            refs.insert(format!("refs/heads/{branch}"), tip);
        } else if name.starts_with("refs/tags/") {
            refs.insert(name.to_owned(), tip);
        }
    }
    Ok(refs)
}

/// Points HEAD at a commit of a clone that has nothing checked out yet.
pub(super) fn detach_head(path: &Path, rev: &str) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let commit = pinned(&repository, &Checkout::Rev(rev.to_owned())).ok_or_else(|| {
        GitError::new(
            Cause::MissingReference,
            format!("the remote has no commit `{rev}`"),
        )
    })?;
    repository.set_head_detached(commit)?;
    Ok(())
}

/// Refspecs to fetch beside the configured ones: what the manifest wants and the clone lacks.
pub(super) fn wanted_refspecs(path: &Path, remote: &str, checkout: &Checkout) -> Vec<String> {
    let Ok(repository) = Repository::open(path) else {
        return Vec::new();
    };
    let lacks = |name: &str| repository.refname_to_id(name).is_err();
    match checkout {
        Checkout::Branch(name) if lacks(&format!("refs/remotes/{remote}/{name}")) => {
            // A shallow clone follows one branch only, so a new one has to be named.
            vec![format!("+refs/heads/{name}:refs/remotes/{remote}/{name}")]
        }
        Checkout::Tag(name) if lacks(&format!("refs/tags/{name}")) => {
            vec![format!("refs/tags/{name}:refs/tags/{name}")]
        }
        // An abbreviated id can't be asked for.
        Checkout::Rev(rev)
            if Oid::from_str(rev).is_ok()
                && rev.len() == 40
                && pinned(&repository, checkout).is_none() =>
        {
            vec![rev.clone()]
        }
        Checkout::RemoteDefault | Checkout::Branch(_) | Checkout::Tag(_) | Checkout::Rev(_) => {
            Vec::new()
        }
    }
}

/// Whether the clone has seen a branch of the remote.
pub(super) fn knows_branches(path: &Path, remote: &str) -> bool {
    Repository::open(path)
        .map_err(GitError::from)
        .and_then(|repository| has_remote_branches(&repository, remote))
        .unwrap_or(false)
}

/// The refspecs that `git fetch` would use.
pub(super) fn configured_refspecs(path: &Path, remote: &str) -> Result<Vec<String>, GitError> {
    let repository = Repository::open(path)?;
    let remote = repository.find_remote(remote)?;
    let refspecs = remote.fetch_refspecs()?;
    Ok(refspecs
        .iter()
        .filter_map(|refspec| refspec.ok().flatten())
        .map(str::to_owned)
        .collect())
}

/// Writes down the remote's default branch, as `git clone` and `git remote set-head` do.
pub(super) fn set_remote_default(path: &Path, remote: &str, name: &str) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let target = format!("refs/remotes/{remote}/{name}");
    if repository.find_reference(&target).is_ok() {
        repository.reference_symbolic(
            &format!("refs/remotes/{remote}/HEAD"),
            &target,
            true,
            "remote set-head",
        )?;
    }
    Ok(())
}

fn place(root: &Path, repo: &Repo) -> Place {
    let folder = folder(root, repo);
    let Ok(metadata) = fs::metadata(&folder) else {
        return if folder.is_symlink() {
            Place::Occupied("a broken link".to_owned())
        } else {
            Place::Missing
        };
    };
    if !metadata.is_dir() {
        return Place::Occupied("a file".to_owned());
    }
    if !folder.join(".git").exists() {
        return match fs::read_dir(&folder).map(|mut entries| entries.next().is_none()) {
            Ok(true) if folder.is_symlink() => {
                Place::Occupied("a link to an empty folder".to_owned())
            }
            Ok(true) => Place::Missing,
            Ok(false) if folder.join("HEAD").is_file() && folder.join("objects").is_dir() => {
                Place::Occupied("a bare git repository".to_owned())
            }
            Ok(false) => Place::Occupied("a folder that is no git repository".to_owned()),
            Err(error) => Place::Unreadable(error.to_string()),
        };
    }
    let repository = match Repository::open(&folder) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::Owner => {
            return Place::Unreadable(
                "the clone belongs to another user of this machine".to_owned(),
            );
        }
        Err(error) => return Place::Unreadable(format!("a broken clone: {}", error.message())),
    };
    let url = url::resolve(root, &repo.url);
    match remote_of(&repository, &url) {
        Ok(remote) => changes(&repository, &folder)
            .and_then(|changes| clone_state(&repository, remote, &repo.checkout, changes))
            .map_or_else(
                |error| Place::Unreadable(error.reason),
                |state| Place::Clone(Box::new(state)),
            ),
        Err(other) => Place::OtherRemote(other),
    }
}

/// The remote whose URL is the manifest's, `origin` first; else `origin` or any remote.
fn remote_of(repository: &Repository, url: &str) -> Result<String, Option<Remote>> {
    let (Ok(names), Ok(config)) = (
        repository.remotes(),
        repository.config().and_then(|mut config| config.snapshot()),
    ) else {
        return Err(None);
    };
    let mut remotes: Vec<(String, String)> = names
        .iter()
        .filter_map(|name| {
            let name = name.ok()??;
            let url = config.get_string(&format!("remote.{name}.url")).ok()?;
            Some((name.to_owned(), url))
        })
        .collect();
    remotes.sort_by_key(|(name, _)| name != "origin");
    match remotes.iter().find(|(_, known)| url::same(known, url)) {
        Some((name, _)) => Ok(name.clone()),
        None => Err(remotes.into_iter().next().map(|(name, url)| Remote {
            name,
            url: url::without_password(&url),
        })),
    }
}

fn clone_state(
    repository: &Repository,
    remote: String,
    checkout: &Checkout,
    changes: Changes,
) -> Result<CloneState, GitError> {
    let (found, commit) = head(repository)?;
    let target = target(repository, &remote, checkout, &found, commit)?;
    let is_pin = matches!(target, Target::Pin { .. });
    let is_detached = matches!(found, Head::Detached(_));
    Ok(CloneState {
        head: found,
        operation: operation(repository.state()),
        changes,
        stashes: stashes(repository),
        // A walk through history: only where something hangs on it.
        published: !is_pin || reachable(repository, commit, &["refs/remotes/*", "refs/tags/*"])?,
        kept: !is_detached || reachable(repository, commit, &["refs/*"])?,
        target,
        remote,
    })
}

fn head(repository: &Repository) -> Result<(Head, Option<Oid>), GitError> {
    let reference = repository.find_reference("HEAD")?;
    let commit = reference.peel_to_commit().ok().map(|commit| commit.id());
    let head = match (reference.symbolic_target()?, commit) {
        (Some(name), commit) => {
            let name = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
            match commit {
                Some(_) => Head::Branch(name),
                None => Head::Unborn(name),
            }
        }
        (None, Some(commit)) => Head::Detached(short(commit)),
        (None, None) => return Err(GitError::new(Cause::Other, "HEAD is no commit")),
    };
    Ok((head, commit))
}

fn short(commit: Oid) -> String {
    let mut text = commit.to_string();
    text.truncate(9);
    text
}

fn target(
    repository: &Repository,
    remote: &str,
    checkout: &Checkout,
    head: &Head,
    commit: Option<Oid>,
) -> Result<Target, GitError> {
    let name = match checkout {
        Checkout::Tag(name) | Checkout::Rev(name) => {
            return Ok(match pinned(repository, checkout) {
                Some(wanted) => Target::Pin {
                    name: name.clone(),
                    reached: commit == Some(wanted),
                },
                None => Target::Unknown(name.clone()),
            });
        }
        Checkout::Branch(name) => name.clone(),
        Checkout::RemoteDefault => match remote_default(repository, remote, head) {
            Some(name) => name,
            None if has_remote_branches(repository, remote)? => {
                return Ok(Target::Unknown("default branch".to_owned()));
            }
            None => return Ok(Target::Empty),
        },
    };
    let Ok(upstream) = repository.refname_to_id(&format!("refs/remotes/{remote}/{name}")) else {
        return Ok(
            if matches!(head, Head::Unborn(_)) && !has_remote_branches(repository, remote)? {
                Target::Empty
            } else {
                Target::Unknown(name)
            },
        );
    };
    let (ahead, behind) = match commit {
        Some(commit) if commit == upstream => (0, 0),
        Some(commit) => repository.graph_ahead_behind(commit, upstream)?,
        None => {
            let mut walk = repository.revwalk()?;
            walk.push(upstream)?;
            (0, walk.count())
        }
    };
    Ok(Target::Branch {
        name,
        ahead,
        behind,
    })
}

fn remote_default(repository: &Repository, remote: &str, head: &Head) -> Option<String> {
    let prefix = format!("refs/remotes/{remote}/");
    let known = repository
        .find_reference(&format!("{prefix}HEAD"))
        .ok()
        .and_then(|reference| {
            let target = reference.symbolic_target().ok()??;
            target.strip_prefix(&prefix).map(str::to_owned)
        });
    // A clone of a repository that was empty then has none.
    known.or_else(|| match head {
        Head::Branch(name) | Head::Unborn(name) => repository
            .refname_to_id(&format!("{prefix}{name}"))
            .is_ok()
            .then(|| name.clone()),
        Head::Detached(_) => None,
    })
}

fn has_remote_branches(repository: &Repository, remote: &str) -> Result<bool, GitError> {
    Ok(repository
        .references_glob(&format!("refs/remotes/{remote}/*"))?
        .next()
        .is_some())
}

/// The commit that a tag or a commit id names, if it is in the clone.
fn pinned(repository: &Repository, checkout: &Checkout) -> Option<Oid> {
    let object = match checkout {
        Checkout::Tag(name) => repository
            .find_reference(&format!("refs/tags/{name}"))
            .ok()?
            .peel(git2::ObjectType::Commit)
            .ok()?,
        Checkout::Rev(rev) if !rev.bytes().all(|byte| byte.is_ascii_hexdigit()) => return None,
        Checkout::Rev(rev) => repository
            .revparse_single(rev)
            .ok()?
            .peel(git2::ObjectType::Commit)
            .ok()?,
        Checkout::RemoteDefault | Checkout::Branch(_) => return None,
    };
    Some(object.id())
}

/// Whether a ref that matches one of the patterns leads to the commit.
fn reachable(
    repository: &Repository,
    commit: Option<Oid>,
    patterns: &[&str],
) -> Result<bool, GitError> {
    let Some(commit) = commit else {
        return Ok(true);
    };
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    for pattern in patterns {
        walk.hide_glob(pattern)?;
    }
    Ok(walk.next().is_none())
}

fn operation(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("cherry-pick"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase
        | RepositoryState::RebaseInteractive
        | RepositoryState::RebaseMerge => Some("rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("am"),
    }
}

fn stashes(repository: &Repository) -> usize {
    // libgit2 makes the log's file when it reads one that is not there.
    if repository.find_reference("refs/stash").is_err() {
        return 0;
    }
    repository
        .reflog("refs/stash")
        .map_or(0, |entries| entries.len())
}

fn changes(repository: &Repository, path: &Path) -> Result<Changes, GitError> {
    if is_sparse(repository) || has_foreign_attributes(repository, None) {
        // libgit2 would compare what a filter made with what it was made from.
        match cli::changes(path) {
            Err(error) if error.cause == Cause::MissingProgram => {}
            result => return result,
        }
    }
    let mut options = git2::StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .include_ignored(false);
    let mut changes = Changes::default();
    for entry in repository.statuses(Some(&mut options))?.iter() {
        let status = entry.status();
        if status.is_conflicted() {
            changes.conflicted += 1;
        } else if status.is_wt_new() {
            changes.untracked += 1;
        } else if status.intersects(
            Status::INDEX_NEW
                | Status::INDEX_MODIFIED
                | Status::INDEX_DELETED
                | Status::INDEX_RENAMED
                | Status::INDEX_TYPECHANGE,
        ) {
            changes.staged += 1;
        } else if !status.is_ignored() && status != Status::CURRENT {
            changes.unstaged += 1;
        }
    }
    Ok(changes)
}

/// Safe mode: libgit2 looks for conflicts first and touches nothing when there is one.
fn checkout(repository: &Repository, commit: &git2::Commit<'_>) -> Result<(), GitError> {
    let mut in_the_way: Vec<String> = Vec::new();
    let result = {
        let mut options = CheckoutBuilder::new();
        options
            .safe()
            // git itself overwrites ignored files here; but a local `.env` is the user's work.
            .overwrite_ignored(false)
            .notify_on(CheckoutNotificationType::CONFLICT)
            .notify(|_, path, _, _, _| {
                if let Some(path) = path {
                    in_the_way.push(path.display().to_string());
                }
                true
            });
        repository.checkout_tree(commit.as_object(), Some(&mut options))
    };
    match result {
        Ok(()) => Ok(()),
        Err(_) if !in_the_way.is_empty() => Err(GitError::new(
            Cause::InTheWay,
            files_in_the_way(&in_the_way),
        )),
        Err(error) => Err(error.into()),
    }
}

fn files_in_the_way(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|path| format!("`{path}`"))
        .collect();
    if paths.len() > SHOWN {
        shown.push(format!("{} more", paths.len() - SHOWN));
    }
    let (verb, them) = if paths.len() == 1 {
        ("is", "it")
    } else {
        ("are", "them")
    };
    format!("{} {verb} in the way: move {them} away", shown.join(", "))
}

/// Why libgit2 must not write this work tree, if so; also with the files of `commit` in it.
fn needs_git(repository: &Repository, commit: Option<&git2::Commit<'_>>) -> Option<&'static str> {
    if is_sparse(repository) {
        return Some("a sparse checkout");
    }
    if has_hooks(repository) {
        return Some("a hook that runs after a merge or checkout");
    }
    if commit.is_some_and(|commit| submodules::drops_one(repository, commit)) {
        return Some("a submodule that goes");
    }
    has_foreign_attributes(repository, commit).then_some("files that a filter writes")
}

fn with_git(why: &str, run: impl FnOnce() -> Result<(), GitError>) -> Result<(), GitError> {
    run().map_err(|mut error| {
        match error.cause {
            Cause::MissingProgram => {
                error.reason = format!("it has {why}, which needs `git`");
            }
            _ if error.detail.contains("would be overwritten") => {
                let paths: Vec<String> = error
                    .detail
                    .split(": ")
                    .filter(|part| !part.contains(' ') && !part.is_empty())
                    .map(str::to_owned)
                    .collect();
                error.cause = Cause::InTheWay;
                error.reason = files_in_the_way(&paths);
            }
            _ => {}
        }
        error
    })
}

fn is_sparse(repository: &Repository) -> bool {
    repository
        .config()
        .and_then(|config| config.get_bool("core.sparseCheckout"))
        .unwrap_or(false)
}

fn has_hooks(repository: &Repository) -> bool {
    let folder = repository
        .config()
        .and_then(|config| config.get_path("core.hooksPath"))
        .map_or_else(
            |_| repository.commondir().join("hooks"),
            |path| match repository.workdir() {
                Some(workdir) => workdir.join(path),
                None => path,
            },
        );
    ["post-merge", "post-checkout"]
        .iter()
        .any(|hook| folder.join(hook).is_file())
}

/// Whether any file of attributes names a filter or an encoding.
fn has_foreign_attributes(repository: &Repository, commit: Option<&git2::Commit<'_>>) -> bool {
    let is_foreign = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .any(|line| line.contains("filter=") || line.contains("working-tree-encoding="))
    };
    let in_file = |path: PathBuf| fs::read(path).is_ok_and(|text| is_foreign(&text));
    let in_blob = |id: Oid| {
        repository
            .find_blob(id)
            .is_ok_and(|blob| is_foreign(blob.content()))
    };
    if in_file(repository.commondir().join("info/attributes")) {
        return true;
    }
    let global = repository
        .config()
        .and_then(|config| config.get_path("core.attributesFile"));
    let global = global
        .ok()
        .or_else(|| dirs::config_dir().map(|folder| folder.join("git/attributes")));
    if global.is_some_and(in_file) {
        return true;
    }
    let in_index = repository.index().is_ok_and(|index| {
        index
            .iter()
            .any(|entry| is_attributes(&entry.path) && in_blob(entry.id))
    });
    in_index || commit.is_some_and(|commit| new_attributes(repository, commit).any(in_blob))
}

/// The files of attributes that the commit brings.
fn new_attributes(repository: &Repository, commit: &git2::Commit<'_>) -> impl Iterator<Item = Oid> {
    let old = repository.head().and_then(|head| head.peel_to_tree()).ok();
    let mut found = Vec::new();
    if let Ok(new) = commit.tree()
        && let Ok(diff) = repository.diff_tree_to_tree(old.as_ref(), Some(&new), None)
    {
        for delta in diff.deltas() {
            if delta.new_file().path_bytes().is_some_and(is_attributes) {
                found.push(delta.new_file().id());
            }
        }
    }
    found.into_iter()
}

fn is_attributes(path: &[u8]) -> bool {
    path == b".gitattributes" || path.ends_with(b"/.gitattributes")
}

fn observe_link(root: &Path, repo: &Repo) -> Link {
    if repo.local_path.is_none() {
        return Link::NotWanted;
    }
    let link = root.join(&repo.path);
    let Ok(metadata) = fs::symlink_metadata(&link) else {
        return Link::Missing;
    };
    if !metadata.is_symlink() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "a file"
        };
        return Link::Blocked(what.to_owned());
    }
    let is_right = match (link.canonicalize(), folder(root, repo).canonicalize()) {
        (Ok(found), Ok(wanted)) => found == wanted,
        _ => fs::read_link(&link).is_ok_and(|found| found == link_target(root, repo)),
    };
    if is_right {
        return Link::Right;
    }
    let target = fs::read_link(&link).unwrap_or_default();
    Link::Blocked(format!("a link to {}", target.display()))
}

/// What the link at the manifest's path says: relative, so that the workspace can be moved.
fn link_target(root: &Path, repo: &Repo) -> PathBuf {
    let wanted = Path::new(repo.local_path.as_deref().unwrap_or_default());
    if wanted.is_absolute() {
        return wanted.to_path_buf();
    }
    let depth = Path::new(&repo.path)
        .parent()
        .map_or(0, |parent| parent.components().count());
    let mut target: PathBuf = std::iter::repeat_n(Component::ParentDir, depth).collect();
    target.push(wanted);
    let _ = root;
    target
}
