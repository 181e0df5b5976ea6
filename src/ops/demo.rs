//! A small company in a folder, made from what this program carries, so that someone
//! new can see everything work before writing a manifest of their own.
//!
//! Needs no network, and Docker only to start containers. The files are in `templates/demo`: the
//! repos' sources, their history and the workspace.

use std::fs;
use std::io;
use std::iter;
use std::path::Path;

use anyhow::Context as _;
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::git::create::{self, Author, NewCommit, NewFile};

static TEMPLATE: Dir = include_dir!("$CARGO_MANIFEST_DIR/templates/demo");

/// Marks a folder as a demo. The text is for people who find it.
const MARKER: (&str, &str) = (
    ".fitout-demo",
    "Made by `fitout demo`. Everything in this folder can be deleted.\n",
);
/// The bare repositories, as on a git server.
const REMOTES: &str = "remotes";
/// The workspace.
pub(crate) const SERVICES: &str = "services";
const BRANCH: &str = "main";
const AUTHOR: Author = Author {
    name: "fitout demo",
    email: "demo@fitout.invalid",
};
/// The URL of the demo: port 4180 of `web` in `services/workspace.toml`.
pub(crate) const PAGE: &str = "http://localhost:4180";
/// 2026-01-05, 09:00 UTC, a Monday. Dates are fixed so that every demo has the same commit ids.
const FIRST_COMMIT: i64 = 1_767_603_600;
const DAY: i64 = 24 * 60 * 60;

/// The contents of the target folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// No such folder, or an empty one.
    Nobody,
    /// A demo that this command made.
    Demo,
    /// Anything else: must not be changed.
    Other,
}

pub(crate) fn occupant(folder: &Path) -> io::Result<Occupant> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nobody),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Occupant::Other),
        Err(error) => return Err(error),
    };
    if folder.join(MARKER.0).is_file() {
        return Ok(Occupant::Demo);
    }
    Ok(match entries.next() {
        None => Occupant::Nobody,
        Some(_) => Occupant::Other,
    })
}

/// Creates the demo next to `folder` and moves it there, atomically.
pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().context("can't create the root folder")?;
    fs::create_dir_all(parent)?;
    let staging = tempfile::Builder::new()
        .prefix(".fitout-demo-")
        .tempdir_in(parent)?;
    // A folder inside the temporary one: only this user can read that, which the demo should not
    // inherit.
    let built = staging.path().join("demo");
    fs::create_dir(&built)?;
    write(&built)?;
    if folder.is_dir() {
        // Empty, and maybe the current folder of the user's shell: so it is kept and filled. The
        // marker is written last, because it means that the demo is complete.
        for name in [REMOTES, SERVICES, MARKER.0] {
            fs::rename(built.join(name), folder.join(name))?;
        }
    } else {
        fs::rename(&built, folder)?;
    }
    Ok(())
}

/// Writes the whole demo into an empty folder.
fn write(folder: &Path) -> anyhow::Result<()> {
    let remotes = folder.join(REMOTES);
    fs::create_dir(&remotes)?;
    for (name, commits) in history()? {
        create::bare(
            &remotes.join(format!("{name}.git")),
            BRANCH,
            AUTHOR,
            &commits,
        )
        .with_context(|| format!("can't write the repo `{name}`"))?;
    }
    let first = NewCommit {
        message: "Add the repos and their services".to_owned(),
        seconds: FIRST_COMMIT + 7 * DAY,
        files: template_files("services", &["README.md", "workspace.toml"])?,
    };
    create::with_work_tree(&folder.join(SERVICES), BRANCH, AUTHOR, &[first])
        .context("can't write the workspace")?;
    fs::write(folder.join(MARKER.0), MARKER.1)?;
    Ok(())
}

/// Commits the first result of `generate`, as a team would.
pub(crate) fn commit_generated(services: &Path) -> anyhow::Result<bool> {
    create::commit_new(
        services,
        &["docker-compose.yml", ".gitignore"],
        AUTHOR,
        "Generate the compose file",
        FIRST_COMMIT + 8 * DAY,
    )
}

/// A commit in `history.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    message: String,
    files: Vec<String>,
}

/// The commits of each repo, in the order of `history.toml`.
fn history() -> anyhow::Result<IndexMap<String, Vec<NewCommit<'static>>>> {
    let text = TEMPLATE
        .get_file("history.toml")
        .and_then(include_dir::File::contents_utf8)
        .context("templates/demo/history.toml is missing")?;
    let entries: IndexMap<String, Vec<Entry>> =
        toml::from_str(text).context("templates/demo/history.toml can't be read")?;
    entries
        .into_iter()
        .map(|(name, entries)| {
            let folder = format!("repos/{name}");
            let commits = entries
                .into_iter()
                .zip(iter::successors(Some(FIRST_COMMIT), |date| {
                    Some(date + DAY)
                }))
                .map(|(entry, seconds)| {
                    Ok(NewCommit {
                        message: entry.message,
                        seconds,
                        files: template_files(&folder, &entry.files)?,
                    })
                })
                .collect::<anyhow::Result<Vec<_>>>()?;
            Ok((name, commits))
        })
        .collect()
}

/// Files of `templates/demo/FOLDER`, for a commit.
fn template_files<S: AsRef<str>>(
    folder: &str,
    paths: &[S],
) -> anyhow::Result<Vec<NewFile<'static>>> {
    let file = |path: &S| {
        let path = path.as_ref();
        let content = TEMPLATE
            .get_file(format!("{folder}/{path}"))
            .with_context(|| format!("templates/demo/{folder}/{path} is missing"))?
            .contents();
        Ok(NewFile {
            path: path.to_owned(),
            content,
            // Embedded files have no mode; every program in the demo is a script.
            executable: content.starts_with(b"#!"),
        })
    };
    paths.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every file below a folder of the template, relative to it.
    fn below<'a>(root: &Dir<'a>, folder: &Dir<'a>, found: &mut BTreeSet<String>) {
        for file in folder.files() {
            let path = file.path().strip_prefix(root.path()).unwrap();
            assert!(
                found.insert(path.to_str().unwrap().to_owned()),
                "two files of one name"
            );
        }
        for dir in folder.dirs() {
            below(root, dir, found);
        }
    }

    #[test]
    fn every_file_of_a_repo_is_in_exactly_one_commit() {
        let history = history().unwrap();
        assert_eq!(
            history.keys().collect::<Vec<_>>(),
            ["web", "api", "store", "worker"]
        );
        for (name, commits) in history {
            let repo = TEMPLATE.get_dir(format!("repos/{name}")).unwrap();
            let mut expected = BTreeSet::new();
            below(repo, repo, &mut expected);
            let committed: Vec<_> = commits
                .iter()
                .flat_map(|commit| commit.files.iter().map(|file| file.path.clone()))
                .collect();
            assert_eq!(BTreeSet::from_iter(committed.clone()), expected, "{name}");
            assert_eq!(
                committed.len(),
                expected.len(),
                "{name}: a file comes twice"
            );
        }
    }

    #[test]
    fn a_demo_is_made_whole_in_a_new_folder_and_in_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        for folder in [empty, dir.path().join("not/there/yet")] {
            assert_eq!(occupant(&folder).unwrap(), Occupant::Nobody);
            make(&folder).unwrap();
            assert_eq!(occupant(&folder).unwrap(), Occupant::Demo);
            for path in ["remotes/web.git/HEAD", "services/workspace.toml"] {
                assert!(folder.join(path).is_file(), "{path}");
            }
            // Nothing of the staging folder is left beside it.
            let beside = fs::read_dir(folder.parent().unwrap()).unwrap();
            let hidden = beside
                .map(|entry| entry.unwrap().file_name())
                .filter(|name| name.to_str().unwrap().starts_with('.'))
                .count();
            assert_eq!(hidden, 0);
        }
    }

    #[test]
    fn what_is_in_the_way_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "mine").unwrap();
        assert_eq!(occupant(dir.path()).unwrap(), Occupant::Other);
        assert_eq!(occupant(&dir.path().join("file")).unwrap(), Occupant::Other);
    }

    #[test]
    fn the_page_is_where_the_manifest_publishes_it() {
        let manifest = TEMPLATE.get_file("services/workspace.toml").unwrap();
        let port = PAGE.rsplit(':').next().unwrap();
        let published = format!("ports = [\"{port}:8080\"]");
        assert!(manifest.contents_utf8().unwrap().contains(&published));
    }
}
