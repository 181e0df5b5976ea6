//! A cache of objects of previously cloned repositories, shared by all workspaces on this machine.
//!
//! One bare repository per URL, in the user's cache folder: its packs are hard links to those of
//! the original clone, so the first clone has no additional cost. The next clone of the same URL
//! starts with links to them, and only fetches the difference. Clones never refer to the cache:
//! either can be removed, repacked or garbage-collected without affecting the other.
//!
//! A fetch adds its objects ([`growth`]) if there is an entry.
//!
//! A pack that may have changed is verified before it is used ([`whole`]). A damaged entry is
//! dropped, and the clone gets everything from the server. Nothing here is worth waiting for: if an
//! entry is locked, it is not used.

mod growth;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;
use gix::bstr::BStr;
use sha2::{Digest, Sha256};

use super::local::RemoteRef;
use super::url;

/// The namespace of temporary refs to the cache's commits in an unfinished clone, so that the
/// server knows that they exist. They are removed before anyone sees the clone.
const SEED: &str = "refs/fitout-cache/";
/// A clone from an entry has its packs plus one. With this many, the entry is replaced.
const MOST_PACKS: usize = 16;

/// The cache of a user.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// The cache entry of a URL.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Without user and password.
    pub url: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that no clone shares, which are freed by removing it.
    pub own_bytes: u64,
    name: String,
}

/// The result of removing an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was removed.
    Yes,
    /// It is in use by a run.
    InUse,
}

impl Cache {
    /// Returns this user's cache; none if the system has no cache folder.
    pub fn of_user() -> Option<Self> {
        let folder = dirs::cache_dir()?.join("fitout").join("repos");
        Some(Cache { folder })
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns its entries, by URL.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_str()?.strip_suffix(".git")?.to_owned();
                let url = fs::read_to_string(entry.path().join("description")).ok()?;
                let (bytes, own_bytes) = sizes(&entry.path());
                Some(Entry {
                    url: url.trim().to_owned(),
                    bytes,
                    own_bytes,
                    name,
                })
            })
            .collect();
        entries.sort_by(|one, other| one.url.cmp(&other.url));
        entries
    }

    /// Removes an entry, unless it is in use. Clones created from it are not affected.
    pub fn remove(&self, entry: &Entry) -> io::Result<Removed> {
        let Some(_lock) = self.lock(&entry.name, Use::Alone)? else {
            return Ok(Removed::InUse);
        };
        fs::remove_dir_all(self.repository(&entry.name))?;
        Ok(Removed::Yes)
    }

    /// Adds the cached objects of a URL to a new repository. Returns whether there were any valid
    /// ones.
    pub(super) fn seed(&self, url: &str, git_dir: &Path) -> bool {
        let name = name(url);
        let entry = self.repository(&name);
        if !entry.exists() {
            return false;
        }
        let Ok(Some(lock)) = self.lock(&name, Use::Shared) else {
            return false;
        };
        let seeded = seed(&entry, git_dir);
        drop(lock);
        if !matches!(seeded, Ok(true)) {
            unseed(git_dir);
            self.forget(url);
            return false;
        }
        true
    }

    /// Stores a clone's packs and the remote's refs for the next clone. `seeded` if the clone
    /// started from the cache.
    pub(super) fn keep(&self, url: &str, git_dir: &Path, refs: &[RemoteRef], seeded: bool) {
        // A clone doesn't fail because the cache does.
        let _ = self.try_to_keep(url, git_dir, refs, seeded);
    }

    fn try_to_keep(
        &self,
        url: &str,
        git_dir: &Path,
        refs: &[RemoteRef],
        seeded: bool,
    ) -> io::Result<()> {
        let packs = packs(git_dir)?;
        let name = name(url);
        let entry = self.repository(&name);
        let has_all = seeded && self::packs(&entry).is_ok_and(|kept| kept.len() == packs.len());
        // A shallow history is incomplete.
        if packs.is_empty() || has_all || git_dir.join("shallow").exists() {
            return Ok(());
        }
        self.make_folder()?;
        let Some(_lock) = self.lock(&name, Use::Alone)? else {
            return Ok(());
        };
        let made = self.folder.join(format!(".making-{name}"));
        // Leftovers of a killed run: holding the lock means that no other run is using it.
        for folder in [&made, &entry] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        fill(&made, url, refs, &packs)
            .and_then(|()| fs::rename(&made, entry))
            .inspect_err(|_| drop(fs::remove_dir_all(&made)))
    }

    /// Stores the pack of a fetch, in a clone whose remote `remote` has this URL.
    pub(super) fn add(&self, url: &str, remote: &str, pack: &Path) {
        let name = name(url);
        let entry = self.repository(&name);
        // It is in `objects/pack`.
        let Some(git_dir) = pack.ancestors().nth(3) else {
            return;
        };
        if !entry.exists() || git_dir.join("shallow").exists() {
            return;
        }
        if let Ok(Some(_lock)) = self.lock(&name, Use::Alone) {
            // A fetch doesn't fail because the cache does.
            let _ = growth::add(&entry, git_dir, remote, pack);
        }
    }

    /// Drops the damaged entry of a URL.
    pub(super) fn forget(&self, url: &str) {
        let name = name(url);
        if let Ok(Some(_lock)) = self.lock(&name, Use::Alone) {
            let _ = fs::remove_dir_all(self.repository(&name));
        }
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.git"))
    }

    /// Private, because its contents may be.
    fn make_folder(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
    }

    /// Returns none if another run holds it.
    fn lock(&self, name: &str, how: Use) -> io::Result<Option<File>> {
        let lock = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{name}.lock")))?;
        let locked = match how {
            Use::Shared => lock.try_lock_shared(),
            Use::Alone => lock.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(lock)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[derive(Clone, Copy)]
enum Use {
    Shared,
    Alone,
}

/// Returns a readable and unique name for a URL, without user and password: the same repository
/// over https and ssh shares an entry.
fn name(address: &str) -> String {
    let (host, path) = url::place(address);
    let digest = Sha256::digest(format!("{host}/{path}"));
    let digest = gix::hash::ObjectId::from_bytes_or_panic(&digest[..20]);
    let short = digest.to_hex_with_len(12);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    let words: String = format!("{host}-{last}")
        .chars()
        .map(plain)
        .take(60)
        .collect();
    format!("{}-{short}", words.trim_start_matches(['.', '-']))
}

fn seed(entry: &Path, git_dir: &Path) -> io::Result<bool> {
    let packs = packs(entry)?;
    if packs.is_empty() || packs.len() >= MOST_PACKS {
        return Ok(false);
    }
    let folder = git_dir.join("objects/pack");
    fs::create_dir_all(&folder)?;
    if !whole::are_whole(entry, &packs)? {
        return Ok(false);
    }
    for pack in &packs {
        link_pack(pack, &folder)?;
    }
    let tips: BTreeSet<Oid> = refs_of(entry)?.into_iter().map(|(_, tip)| tip).collect();
    let seeds = tips.iter().enumerate();
    let text = packed_refs(seeds.map(|(number, tip)| format!("{tip} {SEED}{number:08}\n")));
    fs::write(git_dir.join("packed-refs"), text)?;
    Ok(!tips.is_empty())
}

/// The refs of an entry.
fn refs_of(entry: &Path) -> io::Result<Vec<(String, Oid)>> {
    let refs = fs::read_to_string(entry.join("packed-refs"))?;
    let lines = refs.lines().filter_map(|line| line.split_once(' '));
    Ok(lines
        .filter(|(tip, _)| tip.len() == 40)
        .filter_map(|(tip, name)| Some((name.to_owned(), Oid::from_str(tip).ok()?)))
        .collect())
}

/// Returns a packed-refs file, sorted by name, without peeled tags.
fn packed_refs(lines: impl Iterator<Item = String>) -> String {
    std::iter::once("# pack-refs with: sorted \n".to_owned())
        .chain(lines)
        .collect()
}

/// Undoes [`Cache::seed`].
fn unseed(git_dir: &Path) {
    let _ = fs::remove_file(git_dir.join("packed-refs"));
    let folder = git_dir.join("objects/pack");
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = fs::remove_file(file.path());
    }
}

/// Bytes of the packs of a repository.
pub(super) fn pack_bytes(git_dir: &Path) -> u64 {
    let packs = packs(git_dir).unwrap_or_default();
    let sizes = packs.iter().filter_map(|pack| fs::metadata(pack).ok());
    sizes.map(|metadata| metadata.len()).sum()
}

/// The packs of a repository that have an index.
fn packs(git_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut packs = Vec::new();
    for file in fs::read_dir(git_dir.join("objects/pack"))? {
        let path = file?.path();
        let is_pack = path
            .extension()
            .is_some_and(|extension| extension == "pack");
        if is_pack && path.with_extension("idx").exists() {
            packs.push(path);
        }
    }
    packs.sort();
    Ok(packs)
}

fn fill(made: &Path, url: &str, refs: &[RemoteRef], packs: &[PathBuf]) -> io::Result<()> {
    let folder = made.join("objects/pack");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(made.join("refs"))?;
    for pack in packs {
        link_pack(pack, &folder)?;
    }
    // They were verified while they were received.
    whole::note(made, &self::packs(made)?);
    let refs: BTreeMap<&BStr, &RemoteRef> = refs.iter().map(|it| (it.name.as_ref(), it)).collect();
    let refs = packed_refs(refs.iter().map(|(name, it)| format!("{} {name}\n", it.id)));
    let (host, path) = url::place(url);
    let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
    for (file, text) in [
        ("HEAD", "ref: refs/heads/main\n"),
        ("config", config),
        ("description", &format!("{host}/{path}\n")),
        ("packed-refs", &refs),
    ] {
        fs::write(made.join(file), text)?;
    }
    Ok(())
}

fn link_pack(pack: &Path, folder: &Path) -> io::Result<()> {
    for extension in ["pack", "idx", "rev"] {
        let file = pack.with_extension(extension);
        if let Some(name) = file.file_name().filter(|_| file.exists()) {
            let to = folder.join(name);
            match fs::hard_link(&file, &to) {
                Ok(()) => {}
                // A pack is named after its content. Writing to it would modify every clone that
                // shares it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Another file system, or one without hard links.
                Err(_) => drop(fs::copy(&file, &to)?),
            }
        }
    }
    Ok(())
}

fn sizes(folder: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let (mut bytes, mut own_bytes) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            let (inside, own) = sizes(&entry.path());
            bytes += inside;
            own_bytes += own;
        } else {
            bytes += metadata.len();
            if metadata.nlink() < 2 {
                own_bytes += metadata.len();
            }
        }
    }
    (bytes, own_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entrys_name_holds_no_secret_and_is_the_same_over_every_protocol() {
        let https = name("https://user:token@git.example/acme/web.git");
        assert_eq!(https, name("git@git.example:acme/web"));
        assert_eq!(https, name("https://other@git.example/acme/web/"));
        assert!(https.starts_with("git.example-web-"), "{https}");
        assert!(!https.contains("token"), "{https}");
        assert_ne!(https, name("git@git.example:other/web"));
        assert_ne!(https, name("https://git.example:8443/acme/web"));
    }
}
