//! Adds fetched objects to an entry of the cache.
//!
//! The pack of a fetch builds on everything that the clone had, which may be more than the entry
//! has: the user's own commits, or manual fetches. So before the entry's refs are updated, all new
//! objects are looked up in it; missing ones are copied from the clone. Doesn't lock anything: the
//! caller has locked the entry.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use git2::{Commit, FileMode, Oid, Repository};

use super::{link_pack, packed_refs, packs, refs_of};
use crate::git::local;

/// With this many packs, all but the biggest are combined: each clone from the entry gets all of
/// them.
const MANY_PACKS: usize = 8;

/// Adds the objects of the remote's branches from the clone that `pack` was fetched into.
pub(super) fn add(entry: &Path, git_dir: &Path, remote: &str, pack: &Path) -> io::Result<()> {
    let mut branches = local::remote_refs(git_dir, remote).map_err(io::Error::other)?;
    branches.retain(|name, _| name.starts_with("refs/heads/"));
    let mut refs: BTreeMap<String, Oid> = refs_of(entry)?.into_iter().collect();
    let known: Vec<Oid> = refs.values().copied().collect();
    let tips: Vec<Oid> = branches.values().copied().collect();

    let folder = entry.join("objects/pack");
    link_pack(pack, &folder)?;
    let kept = Repository::open(entry).map_err(io::Error::other)?;
    if !has_all(&kept, &tips, &known) {
        copy_missing(git_dir, &kept, &tips, &known).map_err(io::Error::other)?;
    }
    refs.extend(branches);
    let lines = refs.iter().map(|(name, tip)| format!("{tip} {name}\n"));
    let made = entry.join("packed-refs.new");
    fs::write(&made, packed_refs(lines))?;
    fs::rename(made, entry.join("packed-refs"))?;
    if packs(entry)?.len() >= MANY_PACKS {
        unite_small_packs(entry)?;
    }
    Ok(())
}

/// Whether everything reachable from the tips exists, assuming that everything known does.
fn has_all(kept: &Repository, tips: &[Oid], known: &[Oid]) -> bool {
    let is_there = || -> Result<bool, git2::Error> {
        let mut walk = kept.revwalk()?;
        for tip in tips {
            walk.push(*tip)?;
        }
        for known in known {
            walk.hide(*known)?;
        }
        for id in walk {
            if !has_files(kept, &kept.find_commit(id?)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    // libgit2 returns an error for missing objects.
    is_there().unwrap_or(false)
}

/// Whether the files that a commit changes exist; if its folders can be compared, they do.
fn has_files(kept: &Repository, commit: &Commit<'_>) -> Result<bool, git2::Error> {
    let before = match commit.parent_count() {
        0 => None,
        _ => Some(commit.parent(0)?.tree()?),
    };
    let diff = kept.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
    let odb = kept.odb()?;
    let mut files = diff.deltas().map(|delta| delta.new_file());
    Ok(files.all(|file| {
        file.id().is_zero() || file.mode() == FileMode::Commit || odb.exists(file.id())
    }))
}

/// Creates a pack of everything that is reachable from the tips, but not from what is known.
fn copy_missing(
    git_dir: &Path,
    kept: &Repository,
    tips: &[Oid],
    known: &[Oid],
) -> Result<(), git2::Error> {
    let clone = Repository::open(git_dir)?;
    let mut walk = clone.revwalk()?;
    for tip in tips {
        walk.push(*tip)?;
    }
    // Another clone may have added objects that this one doesn't have.
    for known in known {
        let _ = walk.hide(*known);
    }
    let mut builder = clone.packbuilder()?;
    builder.insert_walk(&mut walk)?;
    write(&mut builder, kept)
}

fn unite_small_packs(entry: &Path) -> io::Result<()> {
    let before = packs(entry)?;
    let mut small = before.clone();
    small.sort_by_key(|pack| fs::metadata(pack).map_or(0, |file| file.len()));
    small.pop();
    let repository = Repository::open(entry).map_err(io::Error::other)?;
    unite(&repository, &small).map_err(io::Error::other)?;
    drop(repository);
    // One with the same name may already have existed.
    if packs(entry)?.len() == before.len() {
        return Ok(());
    }
    small.iter().try_for_each(|pack| remove_pack(pack))
}

fn unite(repository: &Repository, packs: &[PathBuf]) -> Result<(), git2::Error> {
    let mut builder = repository.packbuilder()?;
    for pack in packs {
        let index = pack.with_extension("idx");
        let index = gix::odb::pack::index::File::at(index, gix::hash::Kind::Sha1)
            .map_err(|error| git2::Error::from_str(&error.to_string()))?;
        for entry in index.iter() {
            builder.insert_object(Oid::from_bytes(entry.oid.as_bytes())?, None)?;
        }
    }
    write(&mut builder, repository)
}

fn write(builder: &mut git2::PackBuilder<'_>, to: &Repository) -> Result<(), git2::Error> {
    let odb = to.odb()?;
    let mut writer = odb.packwriter()?;
    builder.foreach(|bytes| writer.write_all(bytes).is_ok())?;
    writer.commit()?;
    Ok(())
}

/// The index first: without it, the rest is not a pack.
fn remove_pack(pack: &Path) -> io::Result<()> {
    for extension in ["idx", "rev", "pack"] {
        match fs::remove_file(pack.with_extension(extension)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
