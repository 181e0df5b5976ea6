//! The user's template of a `.git` folder (`init.templateDir`), which neither gix nor libgit2 looks at.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::git::error::GitError;
use crate::host::files::At as _;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(folder);

/// Whether the user has one.
pub(super) fn is_set() -> bool {
    FOLDER.is_some()
}

/// Where it is.
pub(super) fn path() -> Option<PathBuf> {
    FOLDER.clone()
}

/// Makes what a fresh clone has in its `.git` of its own accord what the user's template has there, where
/// there is one. The rules are those of gitrepository-layout and git-init(1), "TEMPLATE DIRECTORY".
pub(super) fn apply(git_dir: &Path) -> Result<(), GitError> {
    let Some(template) = &*FOLDER else {
        return Ok(());
    };
    let settings = git_dir.join("config");
    let own_settings = fs::read(&settings).at(&settings)?;
    for built_in in ["description", "hooks", "info/exclude"] {
        let path = git_dir.join(built_in);
        if path.is_dir() {
            fs::remove_dir_all(&path).at(&path)?;
        } else if path.exists() {
            fs::remove_file(&path).at(&path)?;
        }
    }
    // git says that there is none, and goes on.
    if !template.is_dir() {
        return Ok(());
    }
    copy(template, git_dir)?;
    if let Ok(mut text) = fs::read(template.join("config")) {
        text.push(b'\n');
        text.extend(own_settings);
        fs::write(&settings, text).at(&settings)?;
    }
    Ok(())
}

/// None where git has its own. An empty value is a template without a file.
fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("GIT_TEMPLATE_DIR") {
        return Some(folder.into());
    }
    let config = git2::Config::open_default().ok()?;
    config.get_path("init.templateDir").ok()
}

/// What is there already stays; names with a dot in front are left out.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to).at(to)?;
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let name = entry.file_name();
        let target = to.join(&name);
        let kind = entry.file_type().at(from)?;
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if target.symlink_metadata().is_err() {
            if kind.is_symlink() {
                let link = fs::read_link(entry.path()).at(entry.path())?;
                std::os::unix::fs::symlink(link, &target).at(&target)?;
            } else {
                fs::copy(entry.path(), &target).at(&target)?;
            }
        }
    }
    Ok(())
}
