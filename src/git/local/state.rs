//! Reads the state of a repo on disk, as data for the plan. Changes nothing, contacts no server.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, mem};

use git2::{Config, ConfigLevel, ErrorCode, FileMode, Oid, Repository, RepositoryState, Status};
use rustix::process::{Resource, getrlimit};

use super::attributes::Attributes;
use super::transaction::{index_identity, is_half_moved};
use super::{
    engine, first_url, folder, follows, has_remote_branches, head, head_text, link, pinned,
    plumbing, reachable, submodules,
};
use crate::git::error::{Cause, GitError};
use crate::git::{cli, url};
use crate::host::place;
use crate::sync::{Basis, Changes, CloneState, Head, Place, Remote, RepoState, Target};
use crate::workspace::{Checkout, Repo};

/// Reads the state of a repo on disk. Changes nothing and contacts no server.
pub fn observe(root: &Path, repo: &Repo) -> RepoState {
    state(root, repo, |_| {})
}

/// Like the above, for a process that ends soon. Closing a clone unmaps its packs and packed refs,
/// which briefly stops all cores: a fifth of the time for many small clones. So these stay open
/// until the process ends.
pub fn observe_at_exit(root: &Path, repo: &Repo) -> RepoState {
    state(root, repo, keep_mapped)
}

/// At most half of the process's limit on open files: each clone has an open pack.
fn keep_mapped(repository: &Repository) {
    static MOST: LazyLock<u64> = LazyLock::new(|| {
        let files = getrlimit(Resource::Nofile).current;
        files.map_or(u64::MAX, |files| files / 2)
    });
    static LEFT: AtomicU64 = AtomicU64::new(0);
    if LEFT.fetch_add(1, Ordering::Relaxed) < *MOST {
        mem::forget((repository.odb(), repository.refdb()));
    }
}

fn state(root: &Path, repo: &Repo, before_closing: fn(&Repository)) -> RepoState {
    RepoState {
        place: place(root, repo, before_closing),
        link: link::observe(root, repo),
    }
}

/// Reads what a fetch changes again. Differences from HEAD are reused: comparing twice would be
/// most of the work of a sync with nothing to do, and a checkout is safe in any case.
pub fn refresh(root: &Path, repo: &Repo, before: &CloneState) -> Result<CloneState, GitError> {
    let path = folder(root, repo);
    let remote = before.remote.clone();
    let by_git = || plumbing::Plumbed::open(&path)?.state(remote.clone(), &repo.checkout);
    let by_library = || clone_state(&Repository::open(&path)?, remote.clone(), &repo.checkout);
    let state = if before.only_git {
        by_git()?
    } else {
        by_library().or_else(|error| by_git().map_err(|_| error))?
    };
    Ok(CloneState {
        changes: before.changes.clone(),
        has_filters: before.has_filters,
        not_cloned: before.not_cloned,
        basis: Basis {
            index: before.basis.index.clone(),
            ..state.basis
        },
        ..state
    })
}

fn place(root: &Path, repo: &Repo, before_closing: fn(&Repository)) -> Place {
    let folder = folder(root, repo);
    let path = Path::new(repo.local_path.as_deref().unwrap_or(&repo.path));
    if let Err(astray) = place::check(root, path.parent().unwrap_or(path)) {
        return Place::Astray(astray.to_string());
    }
    let Ok(metadata) = fs::metadata(&folder) else {
        return if folder.is_symlink() {
            Place::Occupied("a broken link".to_owned())
        } else {
            Place::Missing
        };
    };
    if let Err(astray) = place::check(root, path) {
        return Place::Astray(astray.to_string());
    }
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
            Ok(false) => Place::Occupied("a folder that is not a git repository".to_owned()),
            Err(error) => Place::Unreadable(error.to_string()),
        };
    }
    by_library(root, repo, &folder, before_closing).unwrap_or_else(|failure| {
        // A clone that git can open is not broken.
        plumbing::place(root, repo).unwrap_or(failure)
    })
}

/// Reads it with libgit2; returns an error if that fails.
fn by_library(
    root: &Path,
    repo: &Repo,
    folder: &Path,
    before_closing: fn(&Repository),
) -> Result<Place, Place> {
    let repository = open(folder).map_err(|error| {
        if error.code() == ErrorCode::Owner {
            return Place::OtherOwner(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
        }
        let error = GitError::from(error);
        Place::Unreadable(match error.cause {
            Cause::ObjectFormat => error.reason,
            _ => format!("a broken clone: {error}"),
        })
    })?;
    let url = url::resolve(root, &repo.url);
    let place = match remote_of(&repository, &url) {
        Ok(remote) => clone_state(&repository, remote, &repo.checkout)
            .and_then(|state| with_changes(state, &repository, folder))
            .map(|state| Place::Clone(Box::new(state)))
            .map_err(|error| Place::Unreadable(error.reason)),
        Err(other) => Ok(Place::OtherRemote(other)),
    };
    before_closing(&repository);
    place
}

/// With a snapshot of the configuration: libgit2 would check its files again for each value, which
/// is a third of the work for many small clones. It also copies all of it several times per clone,
/// so the user's part is omitted if it doesn't affect work trees.
fn open(folder: &Path) -> Result<Repository, git2::Error> {
    let repository = Repository::open(folder)?;
    let mut all = repository.config()?;
    let settings = match own_settings(&all) {
        Some(own) => own,
        None => all.snapshot()?,
    };
    repository.set_config(&settings)?;
    Ok(repository)
}

/// Returns only the clone's own configuration, if nothing else affects its work tree.
fn own_settings(all: &Config) -> Option<Config> {
    if *USER_HAS_SAY {
        return None;
    }
    let own = all.open_level(ConfigLevel::Local).ok()?.snapshot().ok()?;
    let has_more = own.get_bool("extensions.worktreeConfig").unwrap_or(false);
    (!has_more).then_some(own)
}

/// Whether the user's or the system's configuration affects work trees.
static USER_HAS_SAY: LazyLock<bool> = LazyLock::new(|| {
    let mut has_say = false;
    let read = Config::open_default().and_then(|config| {
        let entries = config.entries(None)?;
        entries.for_each(|entry| has_say |= entry.name().is_ok_and(concerns_work_trees))
    });
    has_say || read.is_err()
});

/// Whether libgit2 reads this setting when it compares a work tree, or it includes a file with more
/// settings: `config_cache.c`, `attrcache.c`, `diff_generate.c`, `submodule.c` in libgit2. For
/// `core`, settings that only git uses are known.
fn concerns_work_trees(key: &str) -> bool {
    const FOR_GIT_ALONE: [&str; 8] = [
        "askpass",
        "editor",
        "fsmonitor",
        "hookspath",
        "pager",
        "sshcommand",
        "untrackedcache",
        "whitespace",
    ];
    match key.split_once('.') {
        Some(("core", name)) => !FOR_GIT_ALONE.contains(&name),
        Some(("diff", name)) => name == "ignoresubmodules",
        Some((section, _)) => matches!(section, "extensions" | "includeif" | "submodule"),
        None => false,
    }
}

/// Returns the remote with the manifest's URL, `origin` first; otherwise `origin` or any remote.
pub(super) fn remote_of(repository: &Repository, url: &str) -> Result<String, Option<Remote>> {
    let (Ok(names), Ok(config)) = (repository.remotes(), repository.config()) else {
        return Err(None);
    };
    let remotes = names.iter().filter_map(|name| {
        let name = name.ok()??;
        let url = first_url(&config, name)?;
        Some((name.to_owned(), url))
    });
    choose_remote(remotes.collect(), url)
}

/// Like the above, for remotes with their URLs.
pub(super) fn choose_remote(
    mut remotes: Vec<(String, String)>,
    url: &str,
) -> Result<String, Option<Remote>> {
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
) -> Result<CloneState, GitError> {
    let (found, commit) = head(repository)?;
    let target = target(repository, &remote, checkout, &found, commit)?;
    let is_pin = matches!(target, Target::Pin { .. });
    let is_detached = matches!(found, Head::Detached(_));
    Ok(CloneState {
        head: found,
        operation: operation(repository.state()),
        half_moved: is_half_moved(repository.path()),
        changes: Changes::default(),
        has_filters: false,
        only_git: false,
        not_cloned: 0,
        stashes: stashes(repository),
        // Walks the history, so only if needed.
        published: !is_pin || reachable(repository, commit, &["refs/remotes/*", "refs/tags/*"])?,
        kept: !is_detached || reachable(repository, commit, &["refs/*"])?,
        target,
        remote,
        obstacle: None,
        basis: basis(repository)?,
    })
}

/// Read before the changes are counted, so that a concurrent change is detected.
fn basis(repository: &Repository) -> Result<Basis, GitError> {
    let (head, commit) = head_text(repository)?;
    Ok(Basis {
        head,
        commit: commit.map(|id| id.to_string()),
        index: index_identity(repository.path()),
    })
}

fn target(
    repository: &Repository,
    remote: &str,
    checkout: &Checkout,
    head: &Head,
    commit: Option<Oid>,
) -> Result<Target, GitError> {
    let is_branch = matches!(checkout, Checkout::Branch(_) | Checkout::RemoteDefault);
    if is_branch && !follows(repository, remote) {
        return Ok(Target::Unfollowed);
    }
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
        Checkout::RemoteDefault => match remote_default(repository, remote, head)? {
            Some(name) => name,
            None if has_remote_branches(repository, remote)? => {
                return Ok(Target::NoDefault);
            }
            None => return Ok(Target::Empty),
        },
    };
    let tracking = format!("refs/remotes/{remote}/{name}");
    let Ok(upstream) = repository.refname_to_id(&tracking) else {
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
    let own = match commit {
        Some(commit) if ahead > 0 => own(repository, commit, upstream, &tracking)?,
        _ => ahead,
    };
    Ok(Target::Branch {
        name,
        ahead,
        own,
        behind,
    })
}

/// Returns the number of commits that are not on the upstream and never were, according to the
/// reflog of its remote-tracking branch.
fn own(
    repository: &Repository,
    commit: Oid,
    upstream: Oid,
    tracking: &str,
) -> Result<usize, GitError> {
    let mut ahead = repository.revwalk()?;
    ahead.push(commit)?;
    ahead.hide(upstream)?;
    let ahead: HashSet<Oid> = ahead.collect::<Result<_, _>>()?;
    // libgit2 creates a missing reflog when it reads it.
    if !repository.commondir().join("logs").join(tracking).is_file() {
        return Ok(ahead.len());
    }
    let mut own = repository.revwalk()?;
    own.push(commit)?;
    own.hide(upstream)?;
    let log = repository.reflog(tracking)?;
    for former in log
        .iter()
        .flat_map(|entry| [entry.id_old(), entry.id_new()])
    {
        if ahead.contains(&former) {
            own.hide(former)?;
        }
    }
    Ok(own.count())
}

/// Fails if its name is not UTF-8.
pub(super) fn remote_default(
    repository: &Repository,
    remote: &str,
    head: &Head,
) -> Result<Option<String>, git2::Error> {
    let prefix = format!("refs/remotes/{remote}/");
    if let Ok(reference) = repository.find_reference(&format!("{prefix}HEAD"))
        && let Some(target) = reference.symbolic_target()?
        && let Some(known) = target.strip_prefix(&prefix)
    {
        return Ok(Some(known.to_owned()));
    }
    // The clone of an empty repository has none.
    Ok(match head {
        Head::Branch(name) | Head::Unborn(name) => repository
            .refname_to_id(&format!("{prefix}{name}"))
            .is_ok()
            .then(|| name.clone()),
        Head::Detached(_) => None,
    })
}

pub(super) fn operation(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("cherry-pick"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase
        | RepositoryState::RebaseInteractive
        | RepositoryState::RebaseMerge => Some("rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("git am"),
    }
}

/// Like the above, by the files that libgit2 checks.
pub(super) fn operation_of(git_dir: &Path) -> Option<&'static str> {
    let files = [
        ("rebase-merge", "rebase"),
        ("rebase-apply/rebasing", "rebase"),
        ("rebase-apply", "git am"),
        ("MERGE_HEAD", "merge"),
        ("REVERT_HEAD", "revert"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("BISECT_LOG", "bisect"),
    ];
    let mut files = files.into_iter();
    files.find_map(|(name, operation)| git_dir.join(name).exists().then_some(operation))
}

pub(super) fn stashes(repository: &Repository) -> usize {
    // libgit2 creates a missing reflog when it reads it.
    if repository.find_reference("refs/stash").is_err() {
        return 0;
    }
    repository
        .reflog("refs/stash")
        .map_or(0, |entries| entries.len())
}

fn with_changes(
    state: CloneState,
    repository: &Repository,
    path: &Path,
) -> Result<CloneState, GitError> {
    let (changes, has_filters) = changes(repository, path)?;
    Ok(CloneState {
        changes,
        has_filters,
        not_cloned: submodules::not_cloned(path),
        ..state
    })
}

/// Returns the differences from HEAD, and whether some of the files use filters.
pub(super) fn changes(repository: &Repository, path: &Path) -> Result<(Changes, bool), GitError> {
    // Fails here, and not later, if libgit2 can't read it.
    repository.index()?;
    let attributes = Attributes::of_clone(repository);
    let changes = match engine::for_status(repository, &attributes).then(|| cli::changes(path)) {
        Some(Err(error)) if error.cause == Cause::MissingProgram => statuses(repository)?,
        Some(result) => result?,
        None => statuses(repository)?,
    };
    Ok((changes, attributes.filters))
}

fn statuses(repository: &Repository) -> Result<Changes, GitError> {
    let mut options = git2::StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(false)
        .include_ignored(false)
        // It has just been read.
        .no_refresh(true);
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
        } else if status.is_ignored() || status == Status::CURRENT {
        } else if let Some(path) = submodule(&entry) {
            changes.submodules.push(path);
        } else {
            changes.unstaged += 1;
        }
    }
    Ok(changes)
}

/// Returns the path of an existing submodule.
fn submodule(entry: &git2::StatusEntry) -> Option<String> {
    let delta = entry.index_to_workdir()?;
    let is_submodule =
        delta.old_file().mode() == FileMode::Commit && delta.new_file().mode() == FileMode::Commit;
    is_submodule.then(|| String::from_utf8_lossy(entry.path_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_work_trees_is_told_from_what_is_for_git_alone() {
        let concerns = [
            "core.autocrlf",
            "core.excludesfile",
            "core.made-up-later",
            "diff.ignoresubmodules",
            "includeif.gitdir:~/work/.path",
            "submodule.recurse",
        ];
        let does_not = ["alias.st", "core.editor", "diff.algorithm", "user.name"];
        assert!(concerns.into_iter().all(concerns_work_trees));
        assert!(!does_not.into_iter().any(concerns_work_trees));
    }
}
