//! Creates a repository from a local one: the same as a clone from its remote, as of the last
//! fetch, without contacting the remote.
//!
//! Objects are hard links if the file system supports them, as with `git clone --local`; nothing
//! refers back, so either of the two can be garbage-collected or removed. The original is only
//! read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{Config, ConfigLevel, Oid, Repository, RepositoryInitOptions};

use super::checkout::check_out_at;
use super::hooks::Told;
use super::plumbing::Plumbed;
use super::state::{choose_remote, remote_default, remote_of};
use super::{Head, git_dir, head, hooks, pinned, template};
use crate::git::error::{Cause, GitError};
use crate::git::{cli, url};
use crate::host::files::At as _;
use crate::workspace::{Checkout, Repo};

/// What to check out in a copy.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// The current branch of the original, with all its commits, including unpushed ones.
    Head,
    /// What the manifest wants, as of the remote.
    Wanted(&'a Repo),
}

/// Copies the repository at `original` to `destination`, which doesn't exist yet. `root` is the
/// folder of the original's workspace, which relative URLs in the manifest are relative to.
///
/// The copy has the remotes of the original, with their remote-tracking refs, its tags, and its
/// configuration (such as `user.email`), but not its other branches, stashes and hooks. Fails with
/// [`Cause::MissingReference`] if the original doesn't have what is wanted.
pub fn copy(
    root: &Path,
    original: &Path,
    destination: &Path,
    start: Start<'_>,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let from = Original::of(original, root, start)?;
    let start = &from.point;
    fs::create_dir_all(destination).at(destination)?;
    let to = init(destination, start.branch.as_deref())?;
    let (from_dir, to_dir) = (&from.common_dir, to.path());
    link_objects(&from_dir.join("objects"), &to_dir.join("objects"))?;
    link_tree(
        &from_dir.join("lfs/objects"),
        &to_dir.join("lfs/objects"),
        &|_| true,
    )?;
    if from_dir.join("shallow").exists() {
        let file = to_dir.join("shallow");
        fs::copy(from_dir.join("shallow"), &file).at(&file)?;
    }
    copy_config(&from.config, &to, original)?;
    copy_refs(&from.refs, to_dir)?;
    // Opened again, to read what was written without it.
    drop(to);
    check_out(
        &Repository::open(destination)?,
        destination,
        start,
        interrupt,
    )
}

/// Checks out the submodules of a copy, at the recorded commits. The original's objects are linked
/// first, so that git contacts their remotes only for missing objects.
pub fn copy_submodules(
    original: &Path,
    destination: &Path,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    let to = Repository::open(destination)?;
    let from = git_dir(original).unwrap_or_else(|| original.join(".git"));
    link_modules(&from.join("modules"), &to.path().join("modules"))?;
    cli::update_submodules(destination, &[], "", interrupt)
}

/// Names of submodules can be paths, so the repositories in `modules` can be nested in folders.
fn link_modules(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if !from.join("HEAD").is_file() {
            link_modules(&from, &to)?;
            continue;
        }
        link_objects(&from.join("objects"), &to.join("objects"))?;
        // No branches: unpushed ones belong to the original.
        for refs in ["refs/remotes", "refs/tags"] {
            fs::create_dir_all(to.join(refs)).at(to.join(refs))?;
            copy_tree(&from.join(refs), &to.join(refs))?;
        }
        for name in ["HEAD", "config", "packed-refs", "shallow"] {
            if from.join(name).is_file() {
                fs::copy(from.join(name), to.join(name)).at(to.join(name))?;
            }
        }
        link_modules(&from.join("modules"), &to.join("modules"))?;
    }
    Ok(())
}

/// What a copy gets from the original repository. If only git can read that, the copy is still in
/// the standard format.
struct Original {
    common_dir: PathBuf,
    /// Its own configuration.
    config: Config,
    refs: Vec<(String, Ref)>,
    point: Point,
}

/// The target of a ref.
enum Ref {
    Id(Oid),
    Link(String),
}

impl Original {
    fn of(path: &Path, root: &Path, start: Start<'_>) -> Result<Self, GitError> {
        let from = match Repository::open(path) {
            Ok(from) => from,
            Err(error) => {
                let clone = Plumbed::open(path).map_err(|_| error)?;
                return Original::by_git(&clone, root, start);
            }
        };
        let mut refs = Vec::new();
        for reference in from.references()? {
            let reference = reference?;
            let Ok(name) = reference.name() else { continue };
            let found = match (reference.target(), reference.symbolic_target()) {
                (Some(id), _) => Ref::Id(id),
                (None, Ok(Some(link))) => Ref::Link(link.to_owned()),
                (None, _) => continue,
            };
            refs.push((name.to_owned(), found));
        }
        Ok(Original {
            common_dir: from.commondir().to_owned(),
            config: from.config()?.open_level(ConfigLevel::Local)?,
            point: Point::of(&from, root, start)?,
            refs,
        })
    }

    fn by_git(clone: &Plumbed<'_>, root: &Path, start: Start<'_>) -> Result<Self, GitError> {
        let config = Config::open(&clone.common_dir().join("config"))?;
        let refs = clone.refs().map(|(name, id, link)| {
            Ok(match link {
                Some(link) => (name, Ref::Link(link)),
                None => (name, Ref::Id(Oid::from_str(id)?)),
            })
        });
        Ok(Original {
            common_dir: clone.common_dir().to_owned(),
            refs: refs.collect::<Result<_, git2::Error>>()?,
            point: Point::by_git(clone, &config, root, start)?,
            config,
        })
    }
}

/// The starting point of the copy.
struct Point {
    branch: Option<String>,
    /// None in a repository without commits.
    commit: Option<git2::Oid>,
    /// The remote and the branch that the branch tracks.
    upstream: Option<(String, String)>,
    origin: String,
}

impl Point {
    fn of(from: &Repository, root: &Path, start: Start<'_>) -> Result<Self, GitError> {
        let (found, commit) = head(from)?;
        let origin = format!("clone: from {}", from.path().display());
        let repo = match start {
            Start::Wanted(repo) => repo,
            Start::Head => {
                let branch = match found {
                    Head::Branch(name) | Head::Unborn(name) => Some(name),
                    Head::Detached(_) => None,
                };
                let config = from.config()?.snapshot()?;
                let upstream = branch.as_deref().and_then(|name| upstream(&config, name));
                return Ok(Point {
                    branch,
                    commit,
                    upstream,
                    origin,
                });
            }
        };
        let remote = remote_of(from, &url::resolve(root, &repo.url)).map_err(|_| no_remote())?;
        let name = match &repo.checkout {
            Checkout::Tag(name) | Checkout::Rev(name) => {
                let commit = pinned(from, &repo.checkout).ok_or_else(|| lacks(name))?;
                return Ok(Point {
                    branch: None,
                    commit: Some(commit),
                    upstream: None,
                    origin,
                });
            }
            Checkout::Branch(name) => name.clone(),
            Checkout::RemoteDefault => remote_default(from, &remote, &found)?
                .ok_or_else(|| lacks("the remote's default branch"))?,
        };
        let commit = from
            .find_reference(&format!("refs/remotes/{remote}/{name}"))
            .and_then(|reference| reference.peel_to_commit())
            .map_err(|_| lacks(&format!("the branch `{name}` of `{remote}`")))?;
        Ok(Point {
            upstream: Some((remote, format!("refs/heads/{name}"))),
            branch: Some(name),
            commit: Some(commit.id()),
            origin,
        })
    }
}

impl Point {
    fn by_git(
        from: &Plumbed<'_>,
        config: &Config,
        root: &Path,
        start: Start<'_>,
    ) -> Result<Self, GitError> {
        let id = |id: &str| Ok::<_, GitError>(Some(Oid::from_str(id)?));
        let origin = format!("clone: from {}", from.common_dir().display());
        let repo = match start {
            Start::Wanted(repo) => repo,
            Start::Head => {
                let branch = from.branch();
                return Ok(Point {
                    commit: from.commit().map_or(Ok(None), id)?,
                    upstream: branch.as_deref().and_then(|name| upstream(config, name)),
                    branch,
                    origin,
                });
            }
        };
        let wanted = choose_remote(from.remotes()?, &url::resolve(root, &repo.url));
        let remote = wanted.map_err(|_| no_remote())?;
        let name = match &repo.checkout {
            Checkout::Tag(name) | Checkout::Rev(name) => {
                let commit = from.pinned(&repo.checkout)?.ok_or_else(|| lacks(name))?;
                return Ok(Point {
                    branch: None,
                    commit: id(&commit)?,
                    upstream: None,
                    origin,
                });
            }
            Checkout::Branch(name) => name.clone(),
            Checkout::RemoteDefault => from
                .default_or_current(&remote)
                .ok_or_else(|| lacks("the remote's default branch"))?,
        };
        let commit = from
            .remote_branch(&remote, &name)
            .ok_or_else(|| lacks(&format!("the branch `{name}` of `{remote}`")))?;
        Ok(Point {
            commit: id(commit)?,
            upstream: Some((remote, format!("refs/heads/{name}"))),
            branch: Some(name),
            origin,
        })
    }
}

fn no_remote() -> GitError {
    let reason = "none of its remotes has the manifest's URL";
    GitError::new(Cause::MissingReference, reason)
}

fn lacks(what: &str) -> GitError {
    let reason = format!("the local clone doesn't have {what}");
    GitError::new(Cause::MissingReference, reason)
}

fn upstream(config: &Config, branch: &str) -> Option<(String, String)> {
    let read = |key: &str| config.get_string(&format!("branch.{branch}.{key}")).ok();
    Some((read("remote")?, read("merge")?))
}

/// Like `git clone`: with the user's template, and without a branch.
fn init(destination: &Path, branch: Option<&str>) -> Result<Repository, GitError> {
    let mut options = RepositoryInitOptions::new();
    options.no_reinit(true).external_template(false);
    if let Some(branch) = branch {
        options.initial_head(branch);
    }
    let path = Repository::init_opts(destination, &options)?
        .path()
        .to_owned();
    template::apply(&path)?;
    Ok(Repository::open(path)?)
}

/// Sets HEAD, and writes the files of the work tree.
fn check_out(
    to: &Repository,
    destination: &Path,
    start: &Point,
    interrupt: &AtomicBool,
) -> Result<(), GitError> {
    if let (Some(branch), Some((remote, merge))) = (&start.branch, &start.upstream) {
        let mut config = to.config()?.open_level(ConfigLevel::Local)?;
        config.set_str(&format!("branch.{branch}.remote"), remote)?;
        config.set_str(&format!("branch.{branch}.merge"), merge)?;
    }
    let Some(commit) = start.commit else {
        return Ok(());
    };
    match &start.branch {
        Some(branch) => {
            let name = format!("refs/heads/{branch}");
            to.reference(&name, commit, false, &start.origin)?;
            to.set_head(&name)?;
        }
        None => to.set_head_detached(commit)?,
    }
    check_out_at(destination, interrupt)?;
    match hooks::after_checkout(to, None, commit)? {
        Some(Told::Failed(failed)) => Err(GitError::new(Cause::Other, failed)),
        Some(Told::NotRun(_)) | None => Ok(()),
    }
}

/// Links everything below `objects`, except for files that are being written, and the list of
/// alternates, whose relative paths would be wrong.
fn link_objects(from: &Path, to: &Path) -> io::Result<()> {
    link_tree(from, to, &|name| {
        let is_lock = Path::new(name).extension().is_some_and(|end| end == "lock");
        !name.starts_with("tmp_") && !is_lock && name != "alternates"
    })?;
    let Ok(alternates) = fs::read_to_string(from.join("info/alternates")) else {
        return Ok(());
    };
    let absolute: String = alternates
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| from.join(line).to_string_lossy().into_owned() + "\n")
        .collect();
    fs::create_dir_all(to.join("info")).at(to)?;
    fs::write(to.join("info/alternates"), absolute).at(to)
}

/// Links all files below a folder whose name is `wanted`; a missing folder counts as empty.
fn link_tree(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<()> {
    let link = |from: &Path, to: &Path| {
        // Another file system, or one without hard links.
        fs::hard_link(from, to)
            .or_else(|_| fs::copy(from, to).map(drop))
            .at(to)
    };
    for_each_file(from, to, wanted, &link)
}

/// For files that are written in place.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for_each_file(from, to, &|_| true, &|from, to| {
        fs::copy(from, to).map(drop).at(to)
    })
}

fn for_each_file(
    from: &Path,
    to: &Path,
    wanted: &dyn Fn(&str) -> bool,
    act: &dyn Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).at(from),
    };
    fs::create_dir_all(to).at(to)?;
    for entry in entries {
        let entry = entry.at(from)?;
        if !wanted(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().at(from)?.is_dir() {
            for_each_file(&entry.path(), &target, wanted, act)?;
        } else {
            act(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Writes the remote-tracking refs and the tags to one file, as in a fresh clone.
fn copy_refs(from: &[(String, Ref)], to_dir: &Path) -> Result<(), GitError> {
    let mut packed = Vec::new();
    let mut symbolic = Vec::new();
    for (name, found) in from {
        if !name.starts_with("refs/remotes/") && !name.starts_with("refs/tags/") {
            continue;
        }
        match found {
            Ref::Id(id) => packed.push((name, id)),
            Ref::Link(link) => symbolic.push((name, link)),
        }
    }
    packed.sort();
    let lines = packed
        .iter()
        .map(|(name, target)| format!("{target} {name}\n"));
    let text: String = std::iter::once("# pack-refs with: sorted \n".to_owned())
        .chain(lines)
        .collect();
    fs::write(to_dir.join("packed-refs"), text).at(to_dir.join("packed-refs"))?;
    let to = Repository::open(to_dir)?;
    for (name, target) in symbolic {
        to.reference_symbolic(name, target, false, "")?;
    }
    Ok(())
}

/// Copies the original's configuration, except for settings of its files and branches.
fn copy_config(local: &Config, to: &Repository, original: &Path) -> Result<(), GitError> {
    /// Remotes, identities, signing, Git LFS, aliases and the like are the user's settings; these
    /// belong to the repository itself.
    const OWN: &[&str] = &[
        "branch.",
        "submodule.",
        "core.",
        "extensions.",
        "include.",
        "includeif.",
    ];
    const KEPT: &[&str] = &[
        "core.sshcommand",
        "core.autocrlf",
        "core.eol",
        "core.longpaths",
        "extensions.partialclone",
    ];
    let mut config = to.config()?.open_level(ConfigLevel::Local)?;
    let mut entries = local.entries(None)?;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else {
            continue;
        };
        let is_own = OWN.iter().any(|section| name.starts_with(section));
        if entry.include_depth() > 0 || (is_own && !KEPT.contains(&name)) {
            continue;
        }
        let is_url = name.starts_with("remote.") && name.ends_with("url");
        let value = if is_url {
            url::resolve(original, value)
        } else {
            value.to_owned()
        };
        // A pattern that matches no value: adds a value, and keeps existing ones.
        config.set_multivar(name, "a^", &value)?;
    }
    if config.get_string("extensions.partialclone").is_ok() {
        config.set_i32("core.repositoryformatversion", 1)?;
    }
    Ok(())
}
