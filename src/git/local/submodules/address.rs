//! The URLs of a submodule: the one that git has configured, those in current and earlier
//! `.gitmodules`, and whether the user has set the first one. Contacts no server.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Tree};
use gix::bstr::ByteSlice as _;
use gix::config::File;
use gix::config::file::Metadata;
use gix::config::file::init::Options;

use crate::git::error::GitError;
use crate::git::local::remote::first_url;
use crate::host::files;

/// The URLs of one submodule.
pub(in crate::git) struct Address {
    owner: Repository,
    /// The commit that its parent will be updated to, if any.
    at: Option<Oid>,
    name: String,
    folder: PathBuf,
    /// `submodule.NAME.url`, which is set once it was initialized.
    known: Option<String>,
    /// The URL of its own repository, once it was cloned.
    fetched: Option<String>,
    /// The URL in `.gitmodules`, as interpreted by git.
    declared: String,
}

impl Address {
    /// Returns the submodule at `path` of the repository in `owner`; none if `.gitmodules` has none
    /// there.
    pub(in crate::git) fn of(owner: &Path, at: Option<Oid>, path: &Path) -> Option<Self> {
        let repository = Repository::open(owner).ok()?;
        let (name, entry) = declared(&repository, at)?
            .into_iter()
            .find(|(_, entry)| Path::new(&entry.path) == path)?;
        let declared = resolved(&default_url(&repository), &entry.url);
        let config = repository.config().ok()?;
        let folder = owner.join(path);
        let fetched = || {
            let inner = Repository::open(&folder).ok()?;
            first_url(&inner.config().ok()?, &remote(&folder))
        };
        Some(Address {
            at,
            known: config.get_string(&key(&name)).ok(),
            fetched: folder.join(".git").exists().then(fetched).flatten(),
            owner: repository,
            name,
            declared,
            folder,
        })
    }

    /// Returns the URL that git uses.
    pub(in crate::git) fn first(&self) -> &str {
        let known = self.fetched.as_deref().or(self.known.as_deref());
        known.unwrap_or(&self.declared)
    }

    /// Returns the URL in `.gitmodules`, if git uses a different one.
    pub(in crate::git) fn other(&self) -> Option<&str> {
        (self.first() != self.declared).then_some(&self.declared)
    }

    /// Whether the user has set the configured URL: as far as can be determined, no commit that the
    /// clone was at, or in its history, has it in `.gitmodules`.
    pub(in crate::git) fn is_users(&self) -> bool {
        let mut left: HashSet<&str> = [&self.known, &self.fetched]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        left.remove(self.declared.as_str());
        // Unreadable commits may contain anything, and the user's settings are not changed based on
        // a guess. If the history can't be read, the remaining URLs are considered the user's.
        let _ = self.strike_former(&mut left);
        !left.is_empty()
    }

    /// Removes URLs that are in some commit's `.gitmodules`, until none is left.
    fn strike_former(&self, left: &mut HashSet<&str>) -> Result<(), GitError> {
        if left.is_empty() {
            return Ok(());
        }
        let bases = urls_of_remotes(&self.owner);
        let mut former = Vec::new();
        // libgit2 creates a missing reflog when it reads it.
        if self.owner.path().join("logs/HEAD").exists() {
            let log = self.owner.reflog("HEAD")?;
            let ids = log
                .iter()
                .flat_map(|entry| [entry.id_new(), entry.id_old()]);
            former.extend(ids.map(Ok));
        }
        let mut walk = self.owner.revwalk()?;
        if let Some(at) = self.at {
            walk.push(at)?;
        }
        // An unborn HEAD has no history.
        let _ = walk.push_head();
        let mut seen = HashSet::new();
        for id in former.into_iter().chain(walk) {
            let tree = self.owner.find_commit(id?).and_then(|it| it.tree());
            let Some(blob) = tree.ok().and_then(|tree| blob_of(&tree)) else {
                continue;
            };
            if !seen.insert(blob) {
                continue;
            }
            let text = text_of(&self.owner, blob).unwrap_or_default();
            if let Some(entry) = entries(&text).get(&self.name) {
                for base in &bases {
                    left.remove(resolved(base, &entry.url).as_str());
                }
            }
            if left.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Does what `git submodule sync` does, but only for this submodule: nested ones may have URLs
    /// set by the user.
    pub(in crate::git) fn set(&self, url: &str) -> Result<(), GitError> {
        self.write(self.known.is_some().then_some(url), Some(url))
    }

    /// Replaces a configured URL with the one in `.gitmodules`. Returns whether it did.
    fn replace(&self, old: &str) -> Result<bool, GitError> {
        let [known, fetched] = [&self.known, &self.fetched].map(|url| {
            let is_old = url.as_deref() == Some(old);
            is_old.then_some(self.declared.as_str())
        });
        self.write(known, fetched)?;
        Ok(fetched.is_some())
    }

    /// Undoes [`set`](Self::set).
    pub(in crate::git) fn restore(&self) -> Result<(), GitError> {
        self.write(self.known.as_deref(), self.fetched.as_deref())
    }

    fn write(&self, known: Option<&str>, fetched: Option<&str>) -> Result<(), GitError> {
        if let Some(url) = known {
            self.owner.config()?.set_str(&key(&self.name), url)?;
        }
        if let Some(url) = fetched.filter(|_| self.fetched.is_some()) {
            let inner = Repository::open(&self.folder)?;
            inner.remote_set_url(&remote(&self.folder), url)?;
        }
        Ok(())
    }
}

/// Returns the name of the submodule at `path` in `.gitmodules`, at a commit or currently.
pub(super) fn name(owner: &Repository, at: Option<Oid>, path: &Path) -> Option<String> {
    let mut declared = declared(owner, at)?.into_iter();
    let (name, _) = declared.find(|(_, entry)| Path::new(&entry.path) == path)?;
    // git refuses such names too: `check_submodule_name` in its submodule-config.c.
    let leads_out = name.split(['/', '\\']).any(|part| part == "..");
    (!leads_out).then_some(name)
}

/// Updates submodules with relative URLs after their parent's URL has changed, like `git submodule
/// sync`; URLs set by the user are kept.
pub(in crate::git::local) fn follow_remote(owner: &Path, old: &str) -> Result<(), GitError> {
    let Ok(text) = files::read_bytes(&owner.join(".gitmodules"), LARGEST) else {
        return Ok(());
    };
    for entry in entries(&text).into_values() {
        let old = resolved(old, &entry.url);
        if let Some(address) = Address::of(owner, None, Path::new(&entry.path))
            && address.declared != old
            && address.replace(&old)?
        {
            follow_remote(&address.folder, &old)?;
        }
    }
    Ok(())
}

/// Returns the remote that git fetches a submodule with a detached HEAD from.
pub(in crate::git) fn remote(folder: &Path) -> String {
    let only = || {
        let repository = Repository::open(folder).ok()?;
        let remotes = repository.remotes().ok()?;
        let name = remotes.get(0).ok()??;
        (remotes.len() == 1).then(|| name.to_owned())
    };
    only().unwrap_or_else(|| "origin".to_owned())
}

fn key(name: &str) -> String {
    format!("submodule.{name}.url")
}

/// Returns the paths of submodules that git never updates: `submodule.NAME.update = none`, in the
/// clone's configuration or else in `.gitmodules`, from which `git submodule init` copies it.
pub(super) fn left_alone(repository: &Repository, at: Option<Oid>) -> Vec<PathBuf> {
    let declared = declared(repository, at).unwrap_or_default();
    let config = repository.config().and_then(|mut config| config.snapshot());
    let is_left_alone = |(name, entry): (String, Entry)| {
        let set = config.as_ref().ok().and_then(|config| {
            let set = config.get_string(&format!("submodule.{name}.update"));
            set.ok()
        });
        let update = set.or(entry.update)?;
        (update == "none").then(|| PathBuf::from(entry.path))
    };
    declared.into_iter().filter_map(is_left_alone).collect()
}

/// A submodule's entry in `.gitmodules`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    path: String,
    url: String,
    update: Option<String>,
}

/// Reads `.gitmodules`, in the work tree or at a commit.
fn declared(repository: &Repository, at: Option<Oid>) -> Option<BTreeMap<String, Entry>> {
    let text = match at {
        Some(at) => {
            let tree = repository.find_commit(at).ok()?.tree().ok()?;
            text_of(repository, blob_of(&tree)?)?
        }
        None => files::read_bytes(&repository.workdir()?.join(".gitmodules"), LARGEST).ok()?,
    };
    Some(entries(&text))
}

/// The same limit as for other files in a clone.
const LARGEST: u64 = 4 << 20;

/// Entries by name. Those that git ignores are omitted.
fn entries(text: &[u8]) -> BTreeMap<String, Entry> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let file = File::from_bytes_no_includes(text, Metadata::default(), Options::default());
    let Ok(file) = file else { return entries };
    for section in file.sections_by_name("submodule").into_iter().flatten() {
        let Some(name) = section.header().subsection_name() else {
            continue;
        };
        let value = |key: &str| {
            let value = section.value(key)?;
            value.to_str().ok().map(str::to_owned)
        };
        let entry = entries.entry(name.to_string()).or_default();
        if let Some(path) = value("path") {
            entry.path = path;
        }
        if let Some(url) = value("url").filter(|url| !url.starts_with('-')) {
            entry.url = url;
        }
        if let Some(update) = value("update") {
            entry.update = Some(update);
        }
    }
    entries.retain(|_, entry| !entry.path.is_empty() && !entry.url.is_empty());
    entries
}

/// Returns the object id of `.gitmodules`.
fn blob_of(tree: &Tree<'_>) -> Option<Oid> {
    tree.get_name(".gitmodules").map(|entry| entry.id())
}

fn text_of(repository: &Repository, blob: Oid) -> Option<Vec<u8>> {
    let (size, _) = repository.odb().ok()?.read_header(blob).ok()?;
    let blob = repository
        .find_blob(blob)
        .ok()
        .filter(|_| size as u64 <= LARGEST)?;
    Some(blob.content().to_vec())
}

/// Returns the URL that a relative one is relative to.
fn default_url(repository: &Repository) -> String {
    let url = || {
        let config = repository.config().ok()?;
        let head = repository.head().ok();
        let branch = head
            .as_ref()
            .filter(|head| head.is_branch())
            .and_then(|head| head.shorthand().ok());
        let remote = branch
            .and_then(|branch| config.get_string(&format!("branch.{branch}.remote")).ok())
            .unwrap_or_else(|| remote(repository.path()));
        first_url(&config, &remote)
    };
    url().unwrap_or_else(|| {
        let folder = repository.workdir().unwrap_or(repository.path());
        folder.to_string_lossy().into_owned()
    })
}

fn urls_of_remotes(repository: &Repository) -> Vec<String> {
    let mut urls = vec![default_url(repository)];
    if let (Ok(remotes), Ok(config)) = (repository.remotes(), repository.config()) {
        let names = remotes.iter().filter_map(|name| name.ok()?);
        urls.extend(names.filter_map(|name| first_url(&config, name)));
    }
    urls
}

/// Resolves a URL in `.gitmodules` like git: `relative_url` in its remote.c.
fn resolved(base: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let mut base = base.strip_suffix('/').unwrap_or(base);
    let mut between = '/';
    let mut rest = url;
    loop {
        if let Some(inner) = rest.strip_prefix("../") {
            rest = inner;
            match (base.rfind('/'), base.rfind(':')) {
                (Some(at), _) => base = &base[..at],
                (None, Some(at)) => {
                    base = &base[..at];
                    between = ':';
                }
                (None, None) => base = ".",
            }
        } else if let Some(inner) = rest.strip_prefix("./") {
            rest = inner;
        } else {
            break;
        }
    }
    let joined = format!("{base}{between}{rest}");
    joined.strip_suffix('/').unwrap_or(&joined).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_url_is_what_git_makes_of_it() {
        // Each as `git submodule init` of git 2.47 writes it.
        let cases = [
            (
                "https://git.example/acme/app.git",
                "../lib.git",
                "https://git.example/acme/lib.git",
            ),
            (
                "https://git.example/acme/app/",
                "../lib/",
                "https://git.example/acme/lib",
            ),
            (
                "https://git.example/acme/app",
                "./lib",
                "https://git.example/acme/app/lib",
            ),
            (
                "git@git.example:acme/app",
                "../../other/lib",
                "git@git.example:other/lib",
            ),
            ("git@git.example:app", "../lib", "git@git.example:lib"),
            ("/srv/app.git", "../x/./lib", "/srv/x/./lib"),
            ("/srv/app.git", "/other/lib", "/other/lib"),
            (
                "/srv/app.git",
                "ssh://git.example/lib",
                "ssh://git.example/lib",
            ),
        ];
        for (base, url, expected) in cases {
            assert_eq!(resolved(base, url), expected, "{base} {url}");
        }
    }

    #[test]
    fn a_url_without_a_history_that_tells_is_the_users() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let text = "[submodule \"lib\"]\n\tpath = lib\n\turl = /srv/lib.git\n";
        std::fs::write(folder.path().join(".gitmodules"), text).unwrap();
        let mut config = repository.config().unwrap();
        config
            .set_str("submodule.lib.url", "/srv/mirror.git")
            .unwrap();
        let address = Address::of(folder.path(), None, Path::new("lib")).unwrap();
        assert!(address.is_users());
    }

    #[test]
    fn what_git_ignores_in_gitmodules_is_left_out() {
        let text = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../old\n\
            [submodule \"lib\"]\n\turl = ../new\n\
            [submodule \"option\"]\n\tpath = a\n\turl = -u\n\
            [submodule]\n\tpath = b\n\turl = ../b\n\
            [submodule \"pathless\"]\n\turl = ../c\n";
        let entry = Entry {
            path: "lib".to_owned(),
            url: "../new".to_owned(),
            update: None,
        };
        let expected = BTreeMap::from([("lib".to_owned(), entry)]);
        assert_eq!(entries(text.as_bytes()), expected);
        assert!(entries(b"[submodule").is_empty());
    }
}
