//! Reads a clone that git can open but libgit2 can't, through git's plumbing: refs in a reftable, a
//! split or sparse index, an extension, a branch whose name is not UTF-8, an owner that only git
//! trusts.
//!
//! [`state`](super::state) uses this after libgit2 has failed, so that other clones have no
//! additional cost; [`moves`] updates such a clone. Names are bytes here, and only converted to
//! text for display.

pub(super) mod moves;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice as _};

use super::remote::exactly;
use super::state::{choose_remote, operation_of};
use super::transaction::{index_identity, is_half_moved};
use super::{Held, folder, submodules};
use crate::git::cli;
use crate::git::error::{Cause, GitError};
use crate::git::url;
use crate::sync::{Basis, Changes, CloneState, Head, Place, Target};
use crate::workspace::{Checkout, Repo};

/// A clone as reported by git.
#[derive(Debug)]
pub(in crate::git) struct Plumbed<'a> {
    path: &'a Path,
    git_dir: PathBuf,
    common_dir: PathBuf,
    /// The full name of the branch that is checked out, if any.
    branch: Option<BString>,
    /// The commit of HEAD.
    commit: Option<String>,
    refs: BTreeMap<BString, Ref>,
}

/// The target of a ref.
#[derive(Debug)]
struct Ref {
    id: String,
    /// The target, if it is a symbolic ref.
    link: Option<BString>,
}

/// Returns what exists at a repo's path, like [`state`](super::state).
pub(super) fn place(root: &Path, repo: &Repo) -> Result<Place, GitError> {
    let path = folder(root, repo);
    let clone = Plumbed::open(&path)?;
    let url = url::resolve(root, &repo.url);
    let remote = match choose_remote(clone.remotes()?, &url) {
        Ok(remote) => remote,
        Err(other) => return Ok(Place::OtherRemote(other)),
    };
    let state = clone.state(remote, &repo.checkout)?;
    Ok(Place::Clone(Box::new(CloneState {
        changes: cli::changes(&path)?,
        not_cloned: submodules::not_cloned(&path),
        ..state
    })))
}

impl<'a> Plumbed<'a> {
    /// Fails if git can't open it either.
    pub(in crate::git) fn open(path: &'a Path) -> Result<Self, GitError> {
        let arguments = ["rev-parse", "--absolute-git-dir", "--git-common-dir"];
        let said = needed(path, &arguments)?;
        let mut lines = said.lines().map(|line| path.join(as_path(line)));
        let (Some(git_dir), Some(common_dir)) = (lines.next(), lines.next()) else {
            return Err(GitError::new(Cause::Other, "git can't find the clone"));
        };
        let commit = ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"];
        Ok(Plumbed {
            git_dir,
            common_dir,
            branch: line(path, &["symbolic-ref", "--quiet", "HEAD"])?,
            commit: line(path, &commit)?.map(|id| id.to_string()),
            refs: refs(path)?,
            path,
        })
    }

    /// Returns the names of the remotes, and the URL that git fetches each from.
    pub(in crate::git) fn remotes(&self) -> Result<Vec<(String, String)>, GitError> {
        let arguments = ["config", "-z", "--get-regexp", r"^remote\..*\.url$"];
        let said = cli::ask(self.path, &arguments)?.unwrap_or_default();
        let mut remotes: Vec<(String, String)> = Vec::new();
        for entry in said.split(|byte| *byte == 0) {
            let text = String::from_utf8_lossy(entry);
            let Some((key, url)) = text.split_once('\n') else {
                continue;
            };
            let name = key.strip_prefix("remote.");
            let Some(name) = name.and_then(|name| name.strip_suffix(".url")) else {
                continue;
            };
            // If there are several, the first one is used.
            if remotes.iter().all(|(known, _)| known != name) {
                remotes.push((name.to_owned(), url.to_owned()));
            }
        }
        Ok(remotes)
    }

    /// Returns the short name of the branch that is checked out, for display.
    pub(in crate::git) fn branch(&self) -> Option<String> {
        self.branch.as_ref().map(|name| short_branch(name.as_ref()))
    }

    /// Returns the folder that all work trees of the clone share.
    pub(super) fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Returns git's status marks of the clone's submodules: ` ` for those at the recorded commit,
    /// `-` for those that are not cloned.
    pub(super) fn marks_of_submodules(&self) -> Result<Vec<char>, GitError> {
        let said = cli::ask(self.path, &["submodule", "status"])?;
        let said = said.unwrap_or_default();
        Ok(said
            .lines()
            .filter_map(|line| Some(char::from(*line.first()?)))
            .collect())
    }

    pub(super) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Returns the remote's default branch, if the clone knows it.
    pub(in crate::git) fn default_branch(&self, remote: &str) -> Option<String> {
        let front = format!("refs/remotes/{remote}/");
        let head = self.refs.get(format!("{front}HEAD").as_bytes().as_bstr())?;
        let name = head.link.as_ref()?.strip_prefix(front.as_bytes())?;
        Some(name.to_str_lossy().into_owned())
    }

    /// Whether the clone has a branch of a remote.
    pub(in crate::git) fn has_remote_branch(&self, remote: &str, name: &str) -> bool {
        self.find(&format!("refs/remotes/{remote}/{name}"))
            .is_some()
    }

    /// Returns the commit of a remote's branch.
    pub(super) fn remote_branch(&self, remote: &str, name: &str) -> Option<&str> {
        let (_, found) = self.find(&format!("refs/remotes/{remote}/{name}"))?;
        Some(&found.id)
    }

    /// Returns the commit of a tag or a commit id, if it is in the clone.
    pub(super) fn pinned(&self, checkout: &Checkout) -> Result<Option<String>, GitError> {
        pinned(self.path, checkout)
    }

    /// Returns all refs whose names are UTF-8, with their objects, and the targets of symbolic
    /// refs.
    pub(super) fn refs(&self) -> impl Iterator<Item = (String, &str, Option<String>)> {
        self.refs.iter().filter_map(|(name, found)| {
            let link = found.link.as_ref().map(ToString::to_string);
            Some((name.to_str().ok()?.to_owned(), found.id.as_str(), link))
        })
    }

    /// Whether the commit is reachable from a ref, or checked out.
    pub(super) fn holds(path: &Path, commit: &str) -> bool {
        let arguments = ["rev-list", "--max-count=1", commit, "--not", "--all"];
        cli::ask(path, &arguments).is_ok_and(|said| said.is_some_and(|said| said.is_empty()))
    }

    /// Whether the clone has any remote-tracking branch of a remote.
    pub(super) fn has_remote_branches(&self, remote: &str) -> bool {
        let front = format!("refs/remotes/{remote}/");
        let mut names = self.refs.keys();
        names.any(|name| name.starts_with(front.as_bytes()))
    }

    /// Reads everything but the changes.
    pub(super) fn state(
        &self,
        remote: String,
        checkout: &Checkout,
    ) -> Result<CloneState, GitError> {
        let head = match (self.branch(), &self.commit) {
            (Some(name), Some(_)) => Head::Branch(name),
            (Some(name), None) => Head::Unborn(name),
            (None, Some(commit)) => Head::Detached(commit.chars().take(9).collect()),
            (None, None) => return Err(GitError::new(Cause::Other, "HEAD is not a commit")),
        };
        let target = self.target(&remote, checkout, &head)?;
        let is_pin = matches!(target, Target::Pin { .. });
        let is_detached = matches!(head, Head::Detached(_));
        Ok(CloneState {
            operation: self.operation()?,
            half_moved: is_half_moved(&self.git_dir),
            changes: Changes::default(),
            has_filters: false,
            not_cloned: 0,
            stashes: self.stashes()?,
            published: !is_pin || self.is_reachable(&["--remotes", "--tags"])?,
            kept: !is_detached || self.is_reachable(&["--glob=refs/*"])?,
            basis: self.basis(),
            obstacle: None,
            only_git: true,
            head,
            target,
            remote,
        })
    }

    fn basis(&self) -> Basis {
        let commit = self.commit.clone();
        Basis {
            head: match &self.branch {
                Some(name) => format!("ref: {name}"),
                None => commit.clone().unwrap_or_default(),
            },
            commit,
            index: index_identity(&self.git_dir),
        }
    }

    fn target(&self, remote: &str, checkout: &Checkout, head: &Head) -> Result<Target, GitError> {
        let is_branch = matches!(checkout, Checkout::Branch(_) | Checkout::RemoteDefault);
        if is_branch && !follows(self.path, remote)? {
            return Ok(Target::Unfollowed);
        }
        let name = match checkout {
            Checkout::Tag(name) | Checkout::Rev(name) => {
                return Ok(match pinned(self.path, checkout)? {
                    Some(wanted) => Target::Pin {
                        name: name.clone(),
                        reached: self.commit.as_ref() == Some(&wanted),
                    },
                    None => Target::Unknown(name.clone()),
                });
            }
            Checkout::Branch(name) => name.clone(),
            Checkout::RemoteDefault => match self.default_or_current(remote) {
                Some(name) => name,
                None if self.has_remote_branches(remote) => return Ok(Target::NoDefault),
                None => return Ok(Target::Empty),
            },
        };
        let tracking = format!("refs/remotes/{remote}/{name}");
        let Some((tracking, upstream)) = self.find(&tracking) else {
            let is_empty = matches!(head, Head::Unborn(_)) && !self.has_remote_branches(remote);
            return Ok(if is_empty {
                Target::Empty
            } else {
                Target::Unknown(name)
            });
        };
        let (ahead, behind) = self.ahead_and_behind(&upstream.id)?;
        let own = match ahead {
            0 => 0,
            _ => self.own(tracking, &upstream.id)?,
        };
        Ok(Target::Branch {
            name,
            ahead,
            own,
            behind,
        })
    }

    /// The clone of an empty repository has no default branch.
    pub(super) fn default_or_current(&self, remote: &str) -> Option<String> {
        let current = || {
            let name = self.branch()?;
            self.has_remote_branch(remote, &name).then_some(name)
        };
        self.default_branch(remote).or_else(current)
    }

    /// Returns the short name of a ref, unless that is ambiguous.
    fn find(&self, name: &str) -> Option<(&BStr, &Ref)> {
        if let Some((name, found)) = self.refs.get_key_value(name.as_bytes().as_bstr()) {
            return Some((name.as_ref(), found));
        }
        let mut all = self.refs.iter();
        let mut alike = all
            .by_ref()
            .filter(|(known, _)| known.to_str_lossy() == name);
        match (alike.next(), alike.next()) {
            (Some((name, found)), None) => Some((name.as_ref(), found)),
            _ => None,
        }
    }

    fn ahead_and_behind(&self, upstream: &str) -> Result<(usize, usize), GitError> {
        let Some(commit) = &self.commit else {
            let behind = needed(self.path, &["rev-list", "--count", upstream])?;
            return Ok((0, number(behind.as_ref())));
        };
        if commit == upstream {
            return Ok((0, 0));
        }
        let range = format!("{commit}...{upstream}");
        let said = needed(self.path, &["rev-list", "--left-right", "--count", &range])?;
        let mut counts = said.split_str("\t").map(|count| number(count.as_bstr()));
        Ok((
            counts.next().unwrap_or_default(),
            counts.next().unwrap_or_default(),
        ))
    }

    /// Returns the number of commits that are not on the upstream and never were, according to the
    /// reflog of its remote-tracking branch.
    fn own(&self, tracking: &BStr, upstream: &str) -> Result<usize, GitError> {
        // More would not fit on a command line.
        const MOST: &str = "--max-count=1000";
        let logged = [
            OsStr::new("log"),
            OsStr::new("--walk-reflogs"),
            OsStr::new("--format=%H"),
            OsStr::new(MOST),
            OsStr::from_bytes(tracking),
            OsStr::new("--"),
        ];
        let former = cli::ask(self.path, &logged)?.unwrap_or_default();
        let head = self.commit.clone().unwrap_or_default();
        let mut arguments = ["rev-list", "--count", "--ignore-missing", &head, "--not"]
            .map(str::to_owned)
            .to_vec();
        arguments.push(upstream.to_owned());
        arguments.extend(former.lines().map(|id| id.to_str_lossy().into_owned()));
        Ok(number(needed(self.path, &arguments)?.as_ref()))
    }

    fn is_reachable(&self, from: &[&str]) -> Result<bool, GitError> {
        let Some(commit) = &self.commit else {
            return Ok(true);
        };
        let front = ["rev-list", "--max-count=1", commit, "--not"];
        Ok(needed(self.path, &[&front[..], from].concat())?.is_empty())
    }

    fn stashes(&self) -> Result<usize, GitError> {
        if !self.refs.contains_key(b"refs/stash".as_bstr()) {
            return Ok(0);
        }
        let said = needed(self.path, &["stash", "list", "--format=%H"])?;
        Ok(said.lines().count())
    }

    /// Refs of some operations are in the reftable.
    fn operation(&self) -> Result<Option<&'static str>, GitError> {
        if let Some(found) = operation_of(&self.git_dir) {
            return Ok(Some(found));
        }
        for (name, operation) in [
            ("REVERT_HEAD", "revert"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
        ] {
            let arguments = ["rev-parse", "--quiet", "--verify", name];
            if cli::ask(self.path, &arguments)?.is_some() {
                return Ok(Some(operation));
            }
        }
        Ok(None)
    }
}

/// Returns the refspecs that `git fetch` would use.
pub(super) fn refspecs(path: &Path, remote: &str) -> Result<Vec<String>, GitError> {
    let key = format!("remote.{remote}.fetch");
    let said = cli::ask(path, &["config", "-z", "--get-all", &key])?.unwrap_or_default();
    let values = said.split(|byte| *byte == 0).filter(|it| !it.is_empty());
    Ok(values.map(|it| it.to_str_lossy().into_owned()).collect())
}

/// Whether the clone stores remote-tracking branches where git does by default.
fn follows(path: &Path, remote: &str) -> Result<bool, GitError> {
    let front = format!("refs/remotes/{remote}/");
    let keeps = |spec: &String| {
        let target = spec.split_once(':').map(|(_, target)| target);
        target.is_some_and(|target| target.starts_with(&front))
    };
    Ok(refspecs(path, remote)?.iter().any(keeps))
}

/// Like [`set_url`](super::set_url), if only git can write the configuration.
pub(super) fn set_url(path: &Path, remote: Option<&str>, url: &str) -> Result<(), GitError> {
    let Some(name) = remote else {
        needed(path, &["remote", "add", "--", "origin", url])?;
        return Ok(());
    };
    let key = format!("remote.{name}.url");
    let remotes = Plumbed::open(path)?.remotes()?;
    let first = remotes.into_iter().find(|(known, _)| known == name);
    let (_, first) = first.unwrap_or_default();
    // The others are for pushing, and are kept.
    needed(
        path,
        &["config", "--replace-all", &key, url, &exactly(&first)],
    )?;
    Ok(())
}

/// Returns additional refspecs for what the manifest wants and the clone lacks.
pub(super) fn wanted_refspecs(
    path: &Path,
    remote: &str,
    checkout: &Checkout,
) -> Result<Vec<String>, GitError> {
    let is_here = || Ok::<_, GitError>(pinned(path, checkout)?.is_some());
    Ok(match checkout {
        Checkout::Branch(name) => {
            let branch = format!("refs/heads/{name}");
            let takes = |spec: &String| source_matches(spec, &branch);
            if follows(path, remote)? && !refspecs(path, remote)?.iter().any(takes) {
                vec![format!("+{branch}:refs/remotes/{remote}/{name}")]
            } else {
                Vec::new()
            }
        }
        Checkout::Tag(name) if !is_here()? => vec![format!("refs/tags/{name}:refs/tags/{name}")],
        // An abbreviated id can't be requested.
        Checkout::Rev(rev) if [40, 64].contains(&rev.len()) && !is_here()? => vec![rev.clone()],
        Checkout::RemoteDefault | Checkout::Tag(_) | Checkout::Rev(_) => Vec::new(),
    })
}

fn source_matches(spec: &str, name: &str) -> bool {
    let source = spec.trim_start_matches('+');
    let source = source.split_once(':').map_or(source, |(source, _)| source);
    match source.split_once('*') {
        Some((front, end)) => name
            .strip_prefix(front)
            .is_some_and(|rest| rest.ends_with(end)),
        None => source == name,
    }
}

/// Returns the commit of a tag or a commit id, if it is in the clone.
fn pinned(path: &Path, checkout: &Checkout) -> Result<Option<String>, GitError> {
    let name = match checkout {
        Checkout::Tag(name) => format!("refs/tags/{name}"),
        Checkout::Rev(rev) if rev.bytes().all(|byte| byte.is_ascii_hexdigit()) => rev.clone(),
        Checkout::Rev(_) | Checkout::RemoteDefault | Checkout::Branch(_) => return Ok(None),
    };
    let wanted = format!("{name}^{{commit}}");
    let found = line(path, &["rev-parse", "--quiet", "--verify", &wanted])?;
    Ok(found.map(|id| id.to_string()))
}

/// Whether the commit is reachable from one of these tips, full ids of commits and tag objects.
pub(super) fn is_held(path: &Path, commit: &str, tips: &[String]) -> Result<Held, GitError> {
    let mut arguments = [
        "rev-list",
        "--max-count=1",
        "--ignore-missing",
        commit,
        "--not",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut has_all = true;
    for tip in tips {
        let kind = format!("{tip}^{{commit}}");
        match line(path, &["rev-parse", "--quiet", "--verify", &kind])? {
            Some(id) => arguments.push(id.to_string()),
            None => has_all &= cli::ask(path, &["cat-file", "-e", tip.as_str()])?.is_some(),
        }
    }
    Ok(if needed(path, &arguments)?.is_empty() {
        Held::Yes
    } else if has_all {
        Held::No
    } else {
        Held::Unknown
    })
}

fn refs(path: &Path) -> Result<BTreeMap<BString, Ref>, GitError> {
    let format = "--format=%(objectname) %(refname) %(symref)";
    let said = needed(path, &["for-each-ref", format])?;
    let parsed = said.lines().filter_map(|line| {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let id = words.next()?.to_str_lossy().into_owned();
        let name = BString::from(words.next()?);
        let link = words.next().filter(|link| !link.is_empty());
        let link = link.map(BString::from);
        Some((name, Ref { id, link }))
    });
    Ok(parsed.collect())
}

fn short_branch(name: &BStr) -> String {
    let short = name.strip_prefix(b"refs/heads/").unwrap_or(name);
    short.to_str_lossy().into_owned()
}

/// Returns git's output; a no is an error.
fn needed<S: AsRef<OsStr>>(path: &Path, arguments: &[S]) -> Result<BString, GitError> {
    let said = cli::ask(path, arguments)?
        .ok_or_else(|| GitError::new(Cause::Other, "git can't read the clone"))?;
    Ok(said.trim_end_with(|it| it == '\n').into())
}

/// Returns git's output line, unless it is a no.
fn line(path: &Path, arguments: &[&str]) -> Result<Option<BString>, GitError> {
    let said = cli::ask(path, arguments)?;
    Ok(said.map(|said| said.trim_end_with(|it| it == '\n').into()))
}

fn number(text: &BStr) -> usize {
    text.to_str_lossy().trim().parse().unwrap_or_default()
}

fn as_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from(OsStr::from_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refspec_takes_what_its_source_names() {
        let cases = [
            ("+refs/heads/*:refs/remotes/origin/*", true),
            ("refs/heads/main:refs/remotes/origin/main", true),
            ("refs/heads/m*n", true),
            ("+refs/heads/dev:refs/remotes/origin/dev", false),
            ("+refs/heads/*x:refs/remotes/origin/*x", false),
        ];
        for (spec, expected) in cases {
            assert_eq!(source_matches(spec, "refs/heads/main"), expected, "{spec}");
        }
    }
}
