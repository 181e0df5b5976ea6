//! Remotes of a clone, for the network half: their URLs, refspecs and refs; and a replacement for
//! it that clones local repositories without a `git` program, which gix would start.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::build::CheckoutBuilder;
use git2::{Config, Oid, Repository};

use super::checkout::check_out_at;
use super::{folder, has_remote_branches, pinned, plumbing, submodules, template};
use crate::git::error::{Cause, GitError};
use crate::git::url;
use crate::workspace::syntax::is_commit_id;
use crate::workspace::{Checkout, Repo};

/// Sets a remote to the manifest's URL, or adds `origin` if the clone has no remote.
pub fn set_url(root: &Path, repo: &Repo, remote: Option<&str>) -> Result<(), GitError> {
    let path = folder(root, repo);
    let url = url::resolve(root, &repo.url);
    let Ok(repository) = Repository::open(&path) else {
        return plumbing::set_url(&path, remote, &url);
    };
    let Some(name) = remote else {
        repository.remote("origin", &url)?;
        return Ok(());
    };
    let mut config = repository.config()?;
    match first_url(&config, name) {
        Some(first) => {
            // The others are for pushing, and are kept.
            config.set_multivar(&url_key(name), &exactly(&first), &url)?;
            submodules::follow_remote(&folder(root, repo), &first)?;
        }
        None => repository.remote_set_url(name, &url)?,
    }
    Ok(())
}

/// Returns the URL that git fetches a remote from: the first one, if there are several. libgit2
/// returns the last.
pub(in crate::git) fn first_url(config: &Config, remote: &str) -> Option<String> {
    let mut urls = config.multivar(&url_key(remote), None).ok()?;
    let first = urls.next()?.ok()?;
    Some(first.value().ok()?.to_owned())
}

fn url_key(remote: &str) -> String {
    format!("remote.{remote}.url")
}

/// Escapes a text for a regular expression.
pub(super) fn exactly(text: &str) -> String {
    let escaped = text.chars().map(|char| match char {
        char if char.is_ascii_punctuation() => format!("\\{char}"),
        char => char.to_string(),
    });
    format!("^{}$", escaped.collect::<String>())
}

/// Whether the clone stores remote-tracking branches where git does by default: the refspecs of one
/// that was created with `--bare`, or by another tool, may be different or missing.
pub(in crate::git) fn follows(repository: &Repository, remote: &str) -> bool {
    let front = format!("refs/remotes/{remote}/");
    let keeps_branches = |repository: &Repository| {
        let found = repository.find_remote(remote).ok()?;
        let mut specs = found.refspecs();
        Some(specs.any(|spec| spec.dst().is_ok_and(|target| target.starts_with(&front))))
    };
    keeps_branches(repository) == Some(true)
        // The user's own configuration may contain them.
        || Repository::open(repository.path())
            .is_ok_and(|repository| keeps_branches(&repository) == Some(true))
}

/// Returns additional refspecs for what the manifest wants and the clone lacks.
pub(in crate::git) fn wanted_refspecs(
    path: &Path,
    remote: &str,
    checkout: &Checkout,
) -> Vec<String> {
    let Ok(repository) = Repository::open(path) else {
        return plumbing::wanted_refspecs(path, remote, checkout).unwrap_or_default();
    };
    let lacks = |name: &str| repository.refname_to_id(name).is_err();
    // A shallow clone only tracks one branch, so another one must be given explicitly.
    let is_left_out = |branch: &str| {
        let branch = format!("refs/heads/{branch}");
        let found = repository.find_remote(remote);
        found.is_ok_and(|found| !found.refspecs().any(|spec| spec.src_matches(&branch)))
    };
    match checkout {
        Checkout::Branch(name) if is_left_out(name) && follows(&repository, remote) => {
            vec![format!("+refs/heads/{name}:refs/remotes/{remote}/{name}")]
        }
        Checkout::Tag(name) if lacks(&format!("refs/tags/{name}")) => {
            vec![format!("refs/tags/{name}:refs/tags/{name}")]
        }
        // An abbreviated id can't be requested.
        Checkout::Rev(rev) if is_commit_id(rev) && pinned(&repository, checkout).is_none() => {
            vec![rev.clone()]
        }
        Checkout::RemoteDefault | Checkout::Branch(_) | Checkout::Tag(_) | Checkout::Rev(_) => {
            Vec::new()
        }
    }
}

/// Returns the refspecs that `git fetch` would use.
pub(in crate::git) fn configured_refspecs(
    path: &Path,
    remote: &str,
) -> Result<Vec<String>, GitError> {
    let Ok(repository) = Repository::open(path) else {
        return plumbing::refspecs(path, remote);
    };
    let remote = repository.find_remote(remote)?;
    let refspecs = remote.fetch_refspecs()?;
    Ok(refspecs
        .iter()
        .filter_map(|refspec| refspec.ok().flatten())
        .map(str::to_owned)
        .collect())
}

/// Whether the clone has a remote-tracking branch of the remote.
pub(in crate::git) fn knows_branches(path: &Path, remote: &str) -> bool {
    match Repository::open(path) {
        Ok(repository) => has_remote_branches(&repository, remote).unwrap_or(false),
        Err(_) => {
            plumbing::Plumbed::open(path).is_ok_and(|clone| clone.has_remote_branches(remote))
        }
    }
}

/// Returns what a clone knows about a remote's refs, by their names on the remote, sorted: branches
/// and tags, with their commits or tag objects.
pub(in crate::git) fn remote_refs(
    git_dir: &Path,
    remote: &str,
) -> Result<BTreeMap<String, Oid>, git2::Error> {
    let branches = format!("refs/remotes/{remote}/");
    let repository = Repository::open(git_dir)?;
    let mut refs = BTreeMap::new();
    for reference in repository.references()? {
        let reference = reference?;
        let (Ok(name), Some(tip)) = (reference.name(), reference.target()) else {
            continue;
        };
        if let Some(branch) = name.strip_prefix(&branches) {
            refs.insert(format!("refs/heads/{branch}"), tip);
        } else if name.starts_with("refs/tags/") {
            refs.insert(name.to_owned(), tip);
        }
    }
    Ok(refs)
}

/// Stores the remote's default branch, like `git clone` and `git remote set-head`.
pub(in crate::git) fn set_remote_default(
    path: &Path,
    remote: &str,
    name: &str,
) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let target = format!("refs/remotes/{remote}/{name}");
    if repository.find_reference(&target).is_err() {
        return Ok(());
    }
    let head = format!("refs/remotes/{remote}/HEAD");
    let written = repository.reference_symbolic(&head, &target, true, "remote set-head");
    // Another program may have written it, or be about to.
    let is_there = || {
        let found = repository.find_reference(&head).ok()?;
        Some(found.symbolic_target().ok()? == Some(target.as_str()))
    };
    match written {
        Err(_) if is_there() == Some(true) => Ok(()),
        written => Ok(written.map(drop)?),
    }
}

/// Sets HEAD to a commit in a clone without a checkout.
pub(in crate::git) fn detach_head(path: &Path, rev: &str) -> Result<(), GitError> {
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

/// Clones a local repository, if there is no `git` that gix could start.
pub(in crate::git) fn clone(
    path: &Path,
    url: &str,
    repo: &Repo,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let mut builder = git2::build::RepoBuilder::new();
    // Real copies: a hard link would share corruption with the other repository.
    builder.clone_local(git2::build::CloneLocal::NoLinks);
    let mut nothing = CheckoutBuilder::new();
    nothing.dry_run();
    builder.with_checkout(nothing);
    if let Checkout::Branch(name) = &repo.checkout {
        builder.branch(name);
    }
    let repository = builder
        .clone(url, path)
        .map_err(|error| GitError::of_libgit2(error, url))?;
    template::apply(repository.path())?;
    if let Checkout::Tag(name) | Checkout::Rev(name) = &repo.checkout {
        let commit = pinned(&repository, &repo.checkout).ok_or_else(|| {
            let reason = format!("the remote has no tag or commit `{name}`");
            GitError::new(Cause::MissingReference, reason)
        })?;
        repository.set_head_detached(commit)?;
    }
    check_out_at(path, interrupt)
}

/// Returns the targets of a local repository's branches and tags, in the same way.
pub(in crate::git) fn listed(url: &str) -> Result<Vec<String>, GitError> {
    let said = |error: git2::Error| GitError::of_libgit2(error, url);
    let mut remote = git2::Remote::create_detached(url).map_err(said)?;
    remote.connect(git2::Direction::Fetch).map_err(said)?;
    let refs = remote.list().map_err(said)?;
    let is_tip = |name: &str| name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
    let tips = refs.iter().filter(|head| is_tip(head.name()));
    Ok(tips.map(|head| head.oid().to_string()).collect())
}

/// Fetches from a local repository, in the same way.
pub(in crate::git) fn fetch(
    path: &Path,
    remote: &str,
    wanted: &[String],
    checkout: &Checkout,
    url: &str,
) -> Result<(), GitError> {
    let repository = Repository::open(path)?;
    let mut connection = repository.find_remote(remote)?;
    let said = |error: git2::Error| GitError::of_libgit2(error, url);
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
