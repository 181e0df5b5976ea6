//! The user's template of a `.git` folder (`init.templateDir`), which neither gix nor libgit2
//! supports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gix::bstr::ByteSlice as _;
use gix::config::File;
use gix::config::file::Metadata;
use gix::config::file::init::Options;

use crate::git::error::GitError;
use crate::host::files::At as _;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(folder);

/// Whether the user has one.
pub(super) fn is_set() -> bool {
    FOLDER.is_some()
}

/// Returns its folder.
pub(super) fn path() -> Option<PathBuf> {
    FOLDER.clone()
}

/// Replaces the default contents of a fresh clone's `.git` with the user's template, if any. The
/// rules are those of gitrepository-layout and git-init(1), "TEMPLATE DIRECTORY".
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
    // git warns that there is none, and continues.
    if !template.is_dir() {
        return Ok(());
    }
    copy(template, git_dir)?;
    if let Ok(text) = fs::read(template.join("config")) {
        fs::write(&settings, with_settings(&text, &own_settings)).at(&settings)?;
    }
    Ok(())
}

/// The settings of the template with those of a fresh clone in their places, or behind them. What can't be read
/// stays, and git complains of it.
fn with_settings(template: &[u8], own: &[u8]) -> Vec<u8> {
    let parse =
        |text: &[u8]| File::from_bytes_no_includes(text, Metadata::api(), Options::default());
    let (Ok(mut file), Ok(own_file)) = (parse(template), parse(own)) else {
        return [template, b"\n", own].concat();
    };
    for section in own_file.sections() {
        for key in section.value_names() {
            let Some(value) = section.value(&key) else {
                continue;
            };
            let name = format!("{}.{key}", section.header().name());
            if file.set_raw_value(name.as_str(), value.as_bstr()).is_err() {
                return [template, b"\n", own].concat();
            }
        }
    }
    file.to_bstring().into()
}

/// Returns none if git's own is used. An empty value is a template without files.
fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("GIT_TEMPLATE_DIR") {
        return Some(folder.into());
    }
    let config = git2::Config::open_default().ok()?;
    config.get_path("init.templateDir").ok()
}

/// Existing files are kept; names with a leading dot are skipped.
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
