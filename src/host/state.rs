//! The user's state folder (`~/.local/state/fitout` on Linux), and what fitout remembers about
//! workspaces there: a file per workspace. Nothing important is lost with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::files::{self, Mode};
use crate::compose::text::hash;

/// Returns its path; none if the system has no such folder. macOS has no separate one for state.
pub fn folder() -> Option<PathBuf> {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir)?;
    Some(folder.join("fitout"))
}

/// Returns the fingerprints of the lock files of a workspace's services when they were last
/// started.
pub fn lock_files(root: &Path) -> BTreeMap<String, String> {
    let Some(path) = path(root) else {
        return BTreeMap::new();
    };
    // An unreadable file is treated as missing.
    let text = files::read(&path).ok().flatten().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Stores them. Does nothing if the system has no state folder.
pub fn remember_lock_files(root: &Path, prints: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let Some(path) = path(root) else {
        return Ok(());
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("can't create the folder `{}`", folder.display()))?;
    }
    files::write(&path, &serde_json::to_string_pretty(prints)?, Mode::Private)
}

/// Forgets a workspace that is about to be removed.
pub fn forget(root: &Path) {
    if let Some(path) = path(root) {
        // If there is none, there is nothing to forget.
        let _ = fs::remove_file(path);
    }
}

/// Named after the workspace's folder: each copy has its own file.
fn path(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let name = hash(&root.to_string_lossy());
    Some(folder()?.join("lock-files").join(format!("{name}.json")))
}
