//! The registry of this user's workspaces that fitout has written to: a file in the user's state
//! folder (`~/.local/state/fitout/workspaces.json` on Linux).
//!
//! It is used to find the ports and project names of other workspaces, including stopped ones.
//! Nothing else is lost with it: each command that writes registers its workspace again.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::files::{self, Mode};
use super::state;
use crate::compose::owner::Place;
use crate::manifest;

/// One workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Absolute, without links.
    pub folder: PathBuf,
    /// Its Compose project.
    pub project: String,
    /// The folder of the workspace that it is a copy of.
    pub copy_of: Option<PathBuf>,
    /// The port offset; 0 if it is not a copy.
    pub port_offset: u16,
    /// The host ports that it publishes if all services are running.
    pub ports: Vec<u16>,
    /// Identifies its folder, regardless of its name.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// The Compose project names under which it was started, the latest last: it owns their
    /// volumes.
    #[serde(default)]
    pub started_as: Vec<String>,
}

/// Identifies a folder across renames: its file system and inode.
pub type Identity = (u64, u64);

#[derive(Default, Serialize, Deserialize)]
struct Registry {
    schema_version: u32,
    workspaces: Vec<Known>,
}

const SCHEMA_VERSION: u32 = 1;

/// Returns all existing workspaces, by folder.
pub fn known() -> Vec<Known> {
    let known = state::folder()
        .map(|folder| read(&folder))
        .unwrap_or_default();
    known.into_iter().filter(is_there).collect()
}

/// Records the current state of a workspace, and drops those that no longer exist. Writes nothing
/// if nothing has changed. Keeps its earlier project names, even if its folder was renamed.
pub fn remember(workspace: &Known) -> anyhow::Result<()> {
    change(|known| {
        let mut workspace = workspace.clone();
        let mut started_as = earlier(known, &workspace.folder, workspace.identity);
        started_as.retain(|project| !workspace.started_as.contains(project));
        started_as.append(&mut workspace.started_as);
        workspace.started_as = started_as;
        known.retain(|other| other.folder != workspace.folder && is_there(other));
        known.push(workspace);
    })
}

/// Returns the Compose project names under which the workspace in this folder was started, even if
/// the folder was renamed since.
pub fn started_as(folder: &Path) -> Vec<String> {
    let all = state::folder()
        .map(|folder| read(&folder))
        .unwrap_or_default();
    earlier(&all, folder, identity(folder))
}

fn earlier(known: &[Known], folder: &Path, identity: Option<Identity>) -> Vec<String> {
    let is_it = |other: &&Known| {
        let is_renamed = other.identity.is_some() && other.identity == identity;
        other.folder == folder || (is_renamed && !is_there(other))
    };
    let mut projects: Vec<String> = Vec::new();
    for project in known.iter().filter(is_it).flat_map(|it| &it.started_as) {
        if !projects.contains(project) {
            projects.push(project.clone());
        }
    }
    projects
}

/// Returns the identity of a folder, which is kept when it is renamed or moved; none if it can't be
/// accessed.
pub fn identity(folder: &Path) -> Option<Identity> {
    let metadata = fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Returns what exists in the folder that a container was created in, compared to the workspace in
/// `root`: it may be the same one through another path, a link, or on a case-insensitive file
/// system.
pub fn place(root: &Path, folder: &Path) -> Place {
    match fs::metadata(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Place::Gone;
        }
        // If it can't be accessed, it may be another user's.
        Err(_) => return Place::Elsewhere,
        Ok(_) => {}
    }
    if identity(root).is_some() && identity(root) == identity(folder) {
        return Place::Here;
    }
    // A project can be started from files with any name; after a move, only the folder may be left.
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Place::Gone,
        Ok(false) | Err(_) => Place::Elsewhere,
    }
}

/// Drops a workspace that was removed.
pub fn forget(root: &Path) -> anyhow::Result<()> {
    change(|known| known.retain(|other| other.folder != root && is_there(other)))
}

/// A lock that is held while names and ports of a new copy are chosen, until they are recorded.
#[derive(Debug)]
pub struct Choosing {
    _lock: File,
}

impl Choosing {
    /// Waits until no other run holds it. Returns none if the system has no folder for the lock.
    pub fn alone() -> anyhow::Result<Option<Self>> {
        let Some(folder) = state::folder() else {
            return Ok(None);
        };
        Ok(Some(Choosing {
            _lock: lock(&folder, "copies.lock")?,
        }))
    }
}

fn change(change: impl Fn(&mut Vec<Known>)) -> anyhow::Result<()> {
    let Some(folder) = state::folder() else {
        return Ok(());
    };
    let changed = |folder: &Path| {
        let before = read(folder);
        let mut after = before.clone();
        change(&mut after);
        after.sort_by(|one, other| one.folder.cmp(&other.folder));
        (before != after).then_some(after)
    };
    if changed(&folder).is_none() {
        return Ok(());
    }
    let _lock = lock(&folder, "workspaces.lock")?;
    // Another run may have written before this one had the lock.
    let Some(workspaces) = changed(&folder) else {
        return Ok(());
    };
    let registry = Registry {
        schema_version: SCHEMA_VERSION,
        workspaces,
    };
    let text = serde_json::to_string_pretty(&registry)?;
    files::write(&file(&folder), &text, Mode::Private)
}

/// An unreadable file is treated as missing.
fn read(folder: &Path) -> Vec<Known> {
    let text = files::read(&file(folder)).ok().flatten();
    let registry: Option<Registry> = text.and_then(|text| serde_json::from_str(&text).ok());
    registry.unwrap_or_default().workspaces
}

fn is_there(workspace: &Known) -> bool {
    workspace.folder.join(manifest::FILE).is_file()
}

fn file(folder: &Path) -> PathBuf {
    folder.join("workspaces.json")
}

fn lock(folder: &Path, name: &str) -> anyhow::Result<File> {
    let path = folder.join(name);
    let lock = || {
        fs::create_dir_all(folder)?;
        let file = File::options().create(true).append(true).open(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    };
    lock().with_context(|| format!("can't lock `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_anything_in_it_is_somebodys() {
        let all = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = all.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let (root, empty, other) = (folder("ws"), folder("empty"), folder("other"));
        fs::write(other.join("stack.yml"), "services: {}\n").unwrap();
        assert_eq!(place(&root, &root), Place::Here);
        assert_eq!(place(&root, &other), Place::Elsewhere);
        assert_eq!(place(&root, &empty), Place::Gone);
        assert_eq!(place(&root, &all.path().join("gone")), Place::Gone);
    }
}
