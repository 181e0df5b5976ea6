//! Copies the files that are in none of the repos: those of the workspace, and the user's.

use std::fs;
use std::path::Path;

use anyhow::anyhow;

use crate::compose;
use crate::dotenv;
use crate::error::{Failure, ResultExt as _};
use crate::git::local::committed;
use crate::git::local::copy::{Start, copy};
use crate::host::files::{self, Mode};
use crate::host::{interrupt, place};
use crate::manifest::{self, copied};
use crate::ops::{Opened, open::read};
use crate::shell;
use crate::workspace::{CopyOf, VolumeSource, Workspace};

/// The files that are copied from a workspace that is not a git repository.
const KNOWN: &[&str] = &[
    manifest::FILE,
    manifest::lock::FILE,
    compose::FILE,
    dotenv::IGNORE_FILE,
];

/// Copies the workspace's own repository to `root`, or its files if it is not a repository.
pub(crate) fn copy_workspace(opened: &Opened, root: &Path) -> Result<(), Failure> {
    let from = &opened.root;
    if !from.join(".git").exists() {
        fs::create_dir(root).context("can't create the copy's folder")?;
        for name in KNOWN.iter().filter(|name| from.join(name).is_file()) {
            fs::copy(from.join(name), root.join(name))
                .with_context(|| format!("can't copy `{name}`"))?;
        }
        return Ok(());
    }
    copy(from, from, root, Start::Head, interrupt::flag())
        .context("can't copy the workspace's own repository")?;
    let committed = read(root, manifest::FILE)?;
    if committed.is_none() {
        let file = manifest::FILE;
        return Err(Failure::failed(anyhow!(
            "`{file}` is not committed, and only committed files are copied"
        ))
        .hint(format!(
            "git -C {0} add {file} && git -C {0} commit -m 'Add {file}'",
            shell::path(from)
        )));
    }
    Ok(())
}

/// Returns which of these files differ in the copy, now that it is complete.
pub(crate) fn left_behind(opened: &Opened, root: &Path) -> Vec<String> {
    let from = &opened.root;
    let read = |folder: &Path, name: &str| files::read_bytes(&folder.join(name), files::LONGEST);
    let names = KNOWN.iter().filter(|name| from.join(name).is_file());
    names
        .filter(|name| read(from, name).ok() != read(root, name).ok())
        .map(|name| {
            if committed(root, Path::new(name)).is_some() {
                format!("the copy has the committed `{name}`, without your changes")
            } else if root.join(name).exists() {
                format!("`{name}` is not committed: it was generated again for the copy")
            } else {
                format!("not in the copy: `{name}`, which is not committed")
            }
        })
        .collect()
}

/// Writes the personal file of the copy, and opens the copy with it.
pub(crate) fn write_personal(
    opened: &Opened,
    root: &Path,
    own: &CopyOf,
    urls: &[(String, String)],
) -> Result<Opened, Failure> {
    let source = read(&opened.root, manifest::PERSONAL_FILE)?.unwrap_or_default();
    let text = copied::personal_file(&source, own, urls)
        .with_context(|| format!("can't change `{}`", manifest::PERSONAL_FILE))?;
    let to = root.join(manifest::PERSONAL_FILE);
    files::write_within(root, manifest::PERSONAL_FILE, &text, Mode::Shared)?;
    if let Ok(original) = fs::metadata(opened.root.join(manifest::PERSONAL_FILE)) {
        // It may contain a URL with a password.
        fs::set_permissions(&to, original.permissions())?;
    }
    Opened::read(root)
        .map_err(|failure| failure.hint("the copy would get the manifest as it is committed"))
}

/// Copies files that are in no commit: `.env` except for the copy's own values, the override, and
/// files that the manifest refers to. Returns notes for the user.
pub(crate) fn carry_over(opened: &Opened, copied: &Opened) -> Result<Vec<String>, Failure> {
    let (from, to) = (&opened.root, &copied.root);
    let mut notes = Vec::new();
    if let Some(text) = files::read(&from.join(dotenv::FILE))? {
        let carried = dotenv::carried_over(&text, &copied.workspace, &copied.personal);
        let (text, left_out) = carried
            .map_err(|broken| crate::ops::generate::broken_block(from, dotenv::FILE, broken))?;
        files::write_within(to, dotenv::FILE, &text, Mode::Private)?;
        if !left_out.is_empty() {
            notes.push(format!(
                "the copy doesn't use {} from {}, because it needs its own",
                left_out.join(", "),
                dotenv::FILE
            ));
        }
    }
    let mut names = named_files(&copied.workspace);
    names.push(compose::OVERRIDE_FILE);
    for name in names {
        let (here, there) = (from.join(name), to.join(name));
        if there.exists() || !here.exists() {
            continue;
        }
        if !here.is_file() {
            let what = if here.is_dir() { "the folder " } else { "" };
            notes.push(format!("not in the copy: {what}`{name}`"));
            continue;
        }
        if let Err(astray) = place::check(to, Path::new(name)) {
            notes.push(format!("not in the copy: `{name}`, as {astray}"));
            continue;
        }
        if let Some(parent) = there.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&here, &there).with_context(|| format!("can't copy `{name}`"))?;
    }
    let text = files::read(&to.join(compose::OVERRIDE_FILE))?.unwrap_or_default();
    if ["ports:", "container_name:"]
        .iter()
        .any(|key| text.contains(key))
    {
        notes.push(format!(
            "`{}` sets ports or names, which are the same in the copy: check it for conflicts",
            compose::OVERRIDE_FILE
        ));
    }
    Ok(notes)
}

/// Returns the files and folders of the workspace that services use, other than their repos.
pub(crate) fn named_files(workspace: &Workspace) -> Vec<&str> {
    let services = workspace.services.iter();
    let mut names: Vec<&str> = services
        .flat_map(|service| {
            let volumes = service
                .volumes
                .iter()
                .filter_map(|volume| match &volume.source {
                    VolumeSource::Path(path) => Some(path.as_str()),
                    VolumeSource::Named(_) | VolumeSource::Anonymous => None,
                });
            volumes.chain(service.env_file.iter().map(String::as_str))
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
