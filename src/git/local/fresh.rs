//! The `.git` of a fresh clone, as plain files.
//!
//! Nobody else uses a clone before it is moved to its final path, so there is nothing to lock, and
//! each file is written once: a lock and a rename for each ref, as libraries do for a repository in
//! use, would be a large part of a small clone's time. The result is the same as that of `git
//! clone` (gitrepository-layout(5), git-pack-refs(1)), except for sample hooks and the comments in
//! `info/exclude`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::LazyLock;

use gix::bstr::{BStr, BString, ByteSlice, ByteVec};
use gix::{ObjectId, config};

use super::template;
use crate::git::error::{Cause, GitError};
use crate::git::url;
use crate::host::files::At as _;

/// A ref of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) struct RemoteRef {
    /// `refs/heads/main`
    pub name: BString,
    /// A commit, or a tag object.
    pub id: ObjectId,
    /// The target of a tag object.
    pub peeled: Option<ObjectId>,
}

/// The HEAD of a new clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum FirstHead {
    /// A branch, by its short name; without a commit if the remote has none.
    Branch(BString, Option<ObjectId>),
    /// A commit.
    Detached(ObjectId),
}

/// The contents of a new clone, other than objects and files.
#[derive(Debug)]
pub(in crate::git) struct Refs<'a> {
    /// `origin`
    pub remote: &'a str,
    /// Its refspecs for later fetches.
    pub refspec: &'a str,
    /// Branches and tags of the remote that were fetched.
    pub taken: &'a [RemoteRef],
    /// The remote's default branch, by its short name.
    pub default: Option<&'a BStr>,
    /// What to check out.
    pub head: &'a FirstHead,
}

/// Whether the user has configured which refs have reflogs.
static DECIDES_ON_LOGS: LazyLock<bool> = LazyLock::new(|| {
    let config = git2::Config::open_default();
    config.is_ok_and(|config| config.get_entry("core.logAllRefUpdates").is_ok())
});

/// Creates a `.git` folder without refs, objects and remotes.
pub(in crate::git) fn begin(
    git_dir: &Path,
    capabilities: gix::fs::Capabilities,
) -> Result<(), GitError> {
    fs::create_dir_all(git_dir).at(git_dir)?;
    // Parents first.
    for folder in [
        "hooks",
        "info",
        "objects",
        "objects/info",
        "objects/pack",
        "refs",
        "refs/heads",
        "refs/tags",
    ] {
        fs::create_dir(git_dir.join(folder)).at(git_dir.join(folder))?;
    }
    let mut settings = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = {}\n\tbare = false\n",
        capabilities.executable_bit
    );
    for (is_said, line) in [
        (!*DECIDES_ON_LOGS, "logallrefupdates = true"),
        (!capabilities.symlink, "symlinks = false"),
        (capabilities.ignore_case, "ignorecase = true"),
        (capabilities.precompose_unicode, "precomposeunicode = true"),
    ] {
        if is_said {
            let _ = writeln!(settings, "\t{line}");
        }
    }
    for (file, text) in [
        ("HEAD", "ref: refs/heads/main\n"),
        ("config", &settings),
        (
            "description",
            "Unnamed repository; edit this file 'description' to name the repository.\n",
        ),
        (
            "info/exclude",
            "# Patterns of files to ignore in this clone only, one a line: see gitignore(5).\n",
        ),
    ] {
        fs::write(git_dir.join(file), text).at(git_dir.join(file))?;
    }
    template::apply(git_dir)
}

/// Writes the remote, its refs, HEAD and the reflogs. `who` is the committer in reflogs: name,
/// email and time.
pub(in crate::git) fn finish(
    git_dir: &Path,
    url: &str,
    refs: &Refs<'_>,
    who: &BStr,
    user: &config::File,
) -> Result<(), GitError> {
    let tracking = |branch: &BStr| joined(&["refs/remotes/", refs.remote, "/"], branch);
    let mut packed: Vec<(BString, &RemoteRef)> = refs
        .taken
        .iter()
        .map(|reference| {
            let branch = reference.name.strip_prefix(b"refs/heads/");
            let name = branch.map(|branch| tracking(branch.into()));
            (name.unwrap_or_else(|| reference.name.clone()), reference)
        })
        .collect();
    packed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let file = git_dir.join("packed-refs");
    // Existing refs are those of the cache.
    if !packed.is_empty() || file.exists() {
        replace(&file, &packed_refs(&packed))?;
    }
    // `always` is not a boolean.
    let has_logs = !matches!(user.boolean("core.logAllRefUpdates"), Ok(Some(false)));
    let log = |name: &BStr, id: ObjectId| {
        if !has_logs {
            return Ok(());
        }
        let mut line = BString::from(format!("{} {id} ", ObjectId::null(id.kind())));
        line.push_str(who);
        line.push_str(format!("\tclone: from {}\n", url::without_user(url)));
        write_below(git_dir, joined(&["logs/"], name).as_ref(), &line)
    };
    let has = |branch: &BStr| {
        let name = joined(&["refs/heads/"], branch);
        let found = refs.taken.iter().find(|reference| reference.name == name);
        found.map(|reference| reference.id)
    };
    if let Some(branch) = refs.default
        && let Some(id) = has(branch)
    {
        let name = tracking("HEAD".into());
        write_below(git_dir, name.as_ref(), &link_to(tracking(branch).as_ref()))?;
        log(name.as_ref(), id)?;
    }
    match refs.head {
        FirstHead::Branch(branch, id) => {
            let name = joined(&["refs/heads/"], branch.as_ref());
            replace(&git_dir.join("HEAD"), &link_to(name.as_ref()))?;
            if let Some(id) = id {
                write_below(git_dir, name.as_ref(), format!("{id}\n").as_bytes())?;
                log(name.as_ref(), *id)?;
                log("HEAD".into(), *id)?;
            }
        }
        FirstHead::Detached(id) => {
            replace(&git_dir.join("HEAD"), format!("{id}\n").as_bytes())?;
            log("HEAD".into(), *id)?;
        }
    }
    let settings = settings(url, refs, user)
        .map_err(|error| GitError::new(Cause::Other, error.to_string()))?;
    let path = git_dir.join("config");
    let mut file = File::options().append(true).open(&path).at(&path)?;
    Ok(file.write_all(&settings).at(&path)?)
}

/// Names are bytes: git supports any encoding.
fn joined(front: &[&str], name: &BStr) -> BString {
    let mut whole = BString::from(front.concat());
    whole.push_str(name);
    whole
}

fn link_to(name: &BStr) -> BString {
    let mut text = joined(&["ref: "], name);
    text.push_str("\n");
    text
}

fn packed_refs(refs: &[(BString, &RemoteRef)]) -> BString {
    let mut text = BString::from("# pack-refs with: peeled fully-peeled sorted \n");
    for (name, reference) in refs {
        text.push_str(format!("{} ", reference.id));
        text.push_str(name);
        text.push_str("\n");
        if let Some(peeled) = reference.peeled {
            text.push_str(format!("^{peeled}\n"));
        }
    }
    text
}

/// Returns the sections of the remote and of the branch.
fn settings(url: &str, refs: &Refs<'_>, user: &config::File) -> gix::Result<BString> {
    let mut settings = config::File::default();
    let mut section = settings.new_section("remote", Some(refs.remote.into()))?;
    section.push("url", url)?;
    section.push("fetch", refs.refspec)?;
    if let FirstHead::Branch(branch, _) = refs.head {
        let mut section = settings.new_section("branch", Some(branch.clone()))?;
        section.push("remote", refs.remote)?;
        section.push("merge", joined(&["refs/heads/"], branch.as_ref()).as_bstr())?;
        let rebases = user.string("branch.autoSetupRebase");
        if rebases.is_some_and(|when| matches!(when.as_bytes(), b"always" | b"remote")) {
            section.push("rebase", "true")?;
        }
    }
    Ok(settings.to_bstring())
}

/// Like `fs::write`, but an existing file is not truncated first, because ext4 flushes such a file
/// to disk as soon as it is closed.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .at(path)?;
    file.write_all(text).at(path)?;
    file.set_len(text.len() as u64).at(path)
}

fn write_below(git_dir: &Path, name: &BStr, text: &[u8]) -> io::Result<()> {
    let path = git_dir.join(name.to_path().map_err(io::Error::other)?);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(&path, text).at(&path)
}
