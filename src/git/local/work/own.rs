//! What a person has set up in one repository, below its git directory: hooks, lines of `info/exclude`,
//! settings. What the repository elsewhere has too, and what git and fitout write, is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use git2::{Config, ConfigLevel, Repository};

use super::What;
use super::tips::Other;
use crate::git::error::GitError;
use crate::git::local::template;
use crate::host::files;

/// Files with a line for each thing that a person wants.
const FILES: [&str; 2] = ["info/exclude", "info/attributes"];

pub(super) fn work(repository: &Repository, others: &[Other]) -> Result<Vec<What>, GitError> {
    let common = repository.commondir();
    let mut same: Vec<&Path> = others.iter().map(|other| other.common.as_path()).collect();
    let template = template::path();
    same.extend(template.as_deref());
    let mut found = Vec::new();
    let hooks = hooks(common, &same)?;
    if !hooks.is_empty() {
        found.push(What::Hooks(hooks));
    }
    let own = FILES
        .into_iter()
        .filter(|file| has_lines(common, file, &same));
    found.extend(own.map(What::Lines));
    let settings = settings(repository, others)?;
    if !settings.is_empty() {
        found.push(What::Settings(settings));
    }
    Ok(found)
}

/// A hook that is a link leads to what stays.
fn hooks(common: &Path, same: &[&Path]) -> Result<Vec<String>, GitError> {
    let mut hooks = Vec::new();
    let Ok(entries) = fs::read_dir(common.join("hooks")) else {
        return Ok(hooks);
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_sample = Path::new(&name)
            .extension()
            .is_some_and(|end| end == "sample");
        let read = |common: &Path| {
            files::read_bytes(&common.join("hooks").join(&name), files::LONGEST).ok()
        };
        let text = read(common);
        let is_known = text.is_some() && same.iter().any(|other| read(other) == text);
        if !is_sample && !is_known && !entry.file_type()?.is_symlink() {
            hooks.push(name.to_string_lossy().into_owned());
        }
    }
    hooks.sort();
    Ok(hooks)
}

fn has_lines(common: &Path, file: &str, same: &[&Path]) -> bool {
    let path = common.join(file);
    if path.symlink_metadata().is_err() {
        return false;
    }
    let read = |path: &Path| files::read_bytes(path, files::LONGEST);
    let Ok(text) = read(&path) else {
        return true;
    };
    let known: Vec<Vec<u8>> = same
        .iter()
        .filter_map(|other| read(&other.join(file)).ok())
        .collect();
    let known: BTreeSet<&[u8]> = known.iter().flat_map(|text| lines(text)).collect();
    lines(&text).any(|line| !known.contains(line))
}

/// Without comments: git's template has some.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

fn settings(repository: &Repository, others: &[Other]) -> Result<Vec<String>, GitError> {
    let known: BTreeSet<(String, String)> = others
        .iter()
        .filter_map(|other| local_settings(&other.common).ok())
        .flatten()
        .collect();
    let mut own: Vec<String> = local_settings(repository.commondir())?
        .into_iter()
        .filter(|setting| is_a_persons(&setting.0) && !known.contains(setting))
        .map(|(name, _)| name)
        .collect();
    own.dedup();
    Ok(own)
}

fn local_settings(common: &Path) -> Result<BTreeSet<(String, String)>, GitError> {
    let mut config = Config::new()?;
    config.add_file(&common.join("config"), ConfigLevel::Local, false)?;
    let mut found = BTreeSet::new();
    config.entries(None)?.for_each(|entry| {
        if entry.include_depth() == 0 {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let value = if entry.has_value() {
                text(entry.value_bytes())
            } else {
                String::new()
            };
            found.insert((text(entry.name_bytes()), value));
        }
    })?;
    Ok(found)
}

/// Whether no program sets this by itself: a clone, `git lfs`, `git submodule`, `git maintenance`.
fn is_a_persons(name: &str) -> bool {
    const PROGRAMS: [&str; 8] = [
        "core.",
        "extensions.",
        "filter.lfs.",
        "gc.",
        "lfs.",
        "maintenance.",
        "remote.origin.",
        "submodule.",
    ];
    if name.starts_with("branch.") {
        return name.ends_with(".description");
    }
    !PROGRAMS.iter().any(|section| name.starts_with(section))
}
