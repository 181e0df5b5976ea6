//! Finds what the user has set up in a repository, below its git directory: hooks, lines in
//! `info/exclude`, settings. Excludes what the repository elsewhere has too, and what git and
//! fitout write.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{Config, ConfigLevel, Repository};

use super::What;
use super::tips::Other;
use crate::git::error::GitError;
use crate::git::local::template;
use crate::host::files;

/// Files with the user's lines.
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

/// The target of a hook that is a link is kept.
fn hooks(common: &Path, same: &[&Path]) -> Result<Vec<String>, GitError> {
    let mut hooks = Vec::new();
    for entry in super::entries(&common.join("hooks"))? {
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

/// Without comments, which git's template contains.
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
        .filter(|setting| is_a_persons(&setting.0, &setting.1) && !known.contains(setting))
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

/// Keys that `git init`, `git clone`, `git worktree`, `git maintenance` and `git lfs` write by
/// themselves.
const WRITTEN: [&str; 17] = [
    "core.bare",
    "core.filemode",
    "core.ignorecase",
    "core.logallrefupdates",
    "core.precomposeunicode",
    "core.repositoryformatversion",
    "core.symlinks",
    "core.worktree",
    "extensions.objectformat",
    "extensions.partialclone",
    "extensions.refstorage",
    "extensions.worktreeconfig",
    "lfs.repositoryformatversion",
    "maintenance.auto",
    "maintenance.strategy",
    "remote.origin.url",
    "submodule.active",
];

/// Whether no program sets this by itself. git normalizes keys to lower case, but not the
/// subsection.
fn is_a_persons(name: &str, value: &str) -> bool {
    let Some((section, key)) = name.rsplit_once('.') else {
        return true;
    };
    let is_written = match section.split_once('.') {
        _ if WRITTEN.contains(&name) => true,
        // Except for a description, programs set these for new branches.
        Some(("branch", _)) => key != "description",
        Some(("filter", "lfs")) => true,
        Some(("lfs", _)) => key == "access",
        Some(("remote", "origin")) => match key {
            "fetch" => is_written_refspec(value),
            _ => matches!(key, "partialclonefilter" | "promisor" | "tagopt"),
        },
        Some(("submodule", _)) => matches!(key, "active" | "update" | "url"),
        _ => false,
    };
    !is_written
}

/// `+refs/heads/*:refs/remotes/origin/*`, or the same for one branch or tag, as with `--depth` and
/// `--single-branch`.
fn is_written_refspec(refspec: &str) -> bool {
    let Some((from, to)) = refspec.trim_start_matches('+').split_once(':') else {
        return false;
    };
    let branch = from.strip_prefix("refs/heads/");
    let is_tag = from.starts_with("refs/tags/") && from == to;
    is_tag || branch.is_some_and(|it| to.strip_prefix("refs/remotes/origin/") == Some(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_by_themselves_is_no_persons() {
        let written = [
            ("core.bare", "false"),
            ("branch.main.merge", "refs/heads/main"),
            ("branch.a.b.remote", "origin"),
            ("filter.lfs.process", "git-lfs filter-process"),
            ("lfs.https://git.example/a.git/info/lfs.access", "basic"),
            ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
            ("remote.origin.fetch", "+refs/heads/x:refs/remotes/origin/x"),
            ("remote.origin.fetch", "+refs/tags/v1:refs/tags/v1"),
            ("submodule.libs/a.b.url", "/srv/lib.git"),
        ];
        let own = [
            ("branch.main.description", "mine"),
            ("core.hookspath", "/mine"),
            ("gc.auto", "0"),
            ("lfs.fetchexclude", "*"),
            ("lfs.https://git.example/.locksverify", "true"),
            ("remote.origin.fetch", "+refs/heads/*:refs/heads/*"),
            ("remote.origin.fetch", "+refs/heads/*:refs/remotes/x/*"),
            ("remote.origin.fetch", "refs/notes/*:refs/notes/*"),
            ("remote.origin.pushurl", "/mine"),
            ("remote.fork.url", "/mine"),
            ("submodule.recurse", "true"),
            ("submodule.lib.ignore", "all"),
        ];
        for (name, value) in written {
            assert!(!is_a_persons(name, value), "{name} {value}");
        }
        for (name, value) in own {
            assert!(is_a_persons(name, value), "{name} {value}");
        }
    }
}
