//! Lists what would be lost with a copy, each with a command that shows it: the work in its
//! repositories, and what the user has written to the files of the workspace.
//!
//! Files that fitout wrote, and files that the original has too, are not lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::named_files;
use super::make::other_urls;
use crate::compose::{self, text};
use crate::dotenv;
use crate::git::local::work::{What, Work};
use crate::git::local::{self, work};
use crate::host::files;
use crate::host::workspaces::Known;
use crate::manifest::{self, copied};
use crate::ops::generate::{self, Plan};
use crate::ops::{Opened, open::read};
use crate::plural::{count, few};
use crate::shell;

/// Maximum number of names in a row.
const MOST_NAMED: usize = 5;
/// Files next to the repos are usually smaller: 64 MiB.
const LARGEST_COMPARED: u64 = 64 << 20;

/// Work in one place.
#[derive(Debug)]
pub(crate) struct Lost {
    /// `web: 1 untracked file: notes`
    what: String,
    /// A command that shows the work.
    show: String,
}

/// Returns a row per kind of work and place.
pub(crate) fn lost(opened: &Opened, folder: &Path, others: &[Known]) -> Vec<Lost> {
    let own = opened.personal.copy.as_ref();
    let original = own
        .map(|own| PathBuf::from(&own.folder))
        .unwrap_or_default();
    let mut elsewhere: Vec<PathBuf> = others.iter().map(|other| other.folder.clone()).collect();
    if !elsewhere.contains(&original) {
        elsewhere.push(original.clone());
    }
    let copy = Copy {
        opened,
        folder,
        original: &original,
        plan: generate::plan(opened).ok(),
    };
    let mut lost: Vec<Lost> = work::below(folder, &elsewhere)
        .into_iter()
        .filter_map(|work| copy.without_own(work))
        .map(|work| row(folder, &work))
        .collect();
    lost.extend(copy.loose());
    lost.extend(copy.carried());
    lost.extend(copy.variables());
    lost.extend(copy.choices());
    lost
}

/// Formats the rows, each command below the rows that it shows.
pub(crate) fn listed(lost: &[Lost]) -> String {
    let mut lines = Vec::new();
    for (at, row) in lost.iter().enumerate() {
        lines.push(format!("  {}", row.what));
        if lost.get(at + 1).is_none_or(|next| next.show != row.show) {
            lines.push(format!("      {}", row.show));
        }
    }
    lines.join("\n")
}

/// The workspace to be removed.
struct Copy<'o> {
    opened: &'o Opened,
    folder: &'o Path,
    original: &'o Path,
    /// The files that fitout would write there; none if that can't be determined.
    plan: Option<Plan>,
}

impl Copy<'_> {
    /// Removes files that fitout wrote, and those that the original has too.
    fn without_own(&self, work: Work) -> Option<Work> {
        let place = &work.place;
        let what = match work.what {
            What::Untracked(mut paths) => {
                paths.retain(|path| !self.is_known(&place.join(path)));
                (!paths.is_empty()).then_some(What::Untracked(paths))
            }
            What::Unseen(mut paths) => {
                paths.retain(|path| !self.is_known(&place.join(path)));
                (!paths.is_empty()).then_some(What::Unseen(paths))
            }
            What::Changed(mut paths) if place.as_os_str().is_empty() => {
                paths.retain(|path| !self.is_fitouts(path));
                (!paths.is_empty()).then_some(What::Changed(paths))
            }
            what => Some(what),
        };
        what.map(|what| Work { what, ..work })
    }

    fn is_known(&self, path: &Path) -> bool {
        let has_rows_of_its_own = [dotenv::FILE, manifest::PERSONAL_FILE];
        has_rows_of_its_own
            .iter()
            .any(|file| path == Path::new(file))
            || self.is_fitouts(path)
            || is_same(&self.folder.join(path), &self.original.join(path))
    }

    /// Whether the file is byte for byte what fitout would write there, or has written.
    fn is_fitouts(&self, path: &Path) -> bool {
        let file = self.folder.join(path);
        if file.is_symlink() {
            return false;
        }
        let Ok(Some(text)) = files::read(&file) else {
            return false;
        };
        if path == Path::new(compose::FILE) {
            let is_planned = self.plan.as_ref().is_some_and(|plan| plan.compose == text);
            return is_planned || text::is_as_written(&text);
        }
        if path == Path::new(dotenv::IGNORE_FILE) {
            let committed = local::committed(self.folder, path).unwrap_or_default();
            let committed = String::from_utf8_lossy(&committed);
            let written = dotenv::gitignore(&committed, &self.opened.workspace);
            return written.is_ok_and(|written| written == text);
        }
        false
    }

    /// Files of a workspace that is not a repository itself. Files in the repos are already covered
    /// by git.
    fn loose(&self) -> Option<Lost> {
        if self.folder.join(".git").symlink_metadata().is_ok() {
            return None;
        }
        let mut found = Vec::new();
        if let Err(unreadable) = loose_files(self.folder, Path::new(""), &mut found) {
            return Some(Lost {
                what: format!("the workspace: {unreadable:#}"),
                show: format!("ls -la {}", shell::path(self.folder)),
            });
        }
        found.retain(|path| !self.is_known(path));
        if found.is_empty() {
            return None;
        }
        let words: Vec<String> = found
            .iter()
            .take(MOST_NAMED)
            .map(|path| shell::path(self.folder.join(path)))
            .collect();
        Some(Lost {
            what: format!(
                "the workspace: {} outside of a repository: {}",
                count(found.len(), "file"),
                named(&found)
            ),
            show: format!("ls -l {}", words.join(" ")),
        })
    }

    /// Files that `copy` copied although git ignores them, and that have changed since.
    fn carried(&self) -> Vec<Lost> {
        let mut names = named_files(&self.opened.workspace);
        names.push(compose::OVERRIDE_FILE);
        names.retain(|name| {
            let path = Path::new(name);
            let file = self.folder.join(path);
            file.is_file()
                && local::is_ignored(&file)
                && path != Path::new(dotenv::FILE)
                && !is_same(&file, &self.original.join(path))
        });
        let rows = names.into_iter().map(|name| Lost {
            what: format!("{name}: differs from the original"),
            show: self.compared(name),
        });
        rows.collect()
    }

    /// Lines in the copy's `.env` that the user has written and that the original doesn't have.
    /// Values are not shown, because they may be secrets.
    fn variables(&self) -> Option<Lost> {
        let lost = |what: String| Lost {
            what: format!("{}: {what}", dotenv::FILE),
            show: self.compared(dotenv::FILE),
        };
        let read = |root: &Path| files::read(&root.join(dotenv::FILE));
        let here = match read(self.folder) {
            Ok(here) => here?,
            Err(unreadable) => return Some(lost(format!("{unreadable:#}"))),
        };
        let there = read(self.original).ok().flatten().unwrap_or_default();
        let own = match dotenv::outside(&here) {
            Ok(own) => own,
            Err(broken) => return Some(lost(broken.to_string())),
        };
        let known: BTreeSet<&str> = there.lines().map(str::trim).collect();
        let own = own.filter(|(_, line)| !line.trim().is_empty() && !known.contains(line.trim()));
        let names: Vec<String> = own
            .map(|(number, line)| {
                let name = dotenv::variables(line).next();
                name.map_or_else(|| format!("line {number}"), str::to_owned)
            })
            .collect();
        (!names.is_empty()).then(|| lost(few(&names, MOST_NAMED)))
    }

    /// Lines in the copy's personal file that `copy` would not write.
    fn choices(&self) -> Option<Lost> {
        let name = manifest::PERSONAL_FILE;
        let lost = |what: String| Lost {
            what: format!("{name}: {what}"),
            show: self.compared(name),
        };
        let here = match read(self.folder, name) {
            Ok(here) => here?,
            Err(_) => return Some(lost("it can't be read".to_owned())),
        };
        let there = read(self.original, name).ok().flatten().unwrap_or_default();
        let urls = Opened::read(self.original)
            .map(|original| other_urls(&original, self.folder))
            .unwrap_or_default();
        let own = self.opened.personal.copy.as_ref();
        let written = own.and_then(|own| copied::personal_file(&there, own, &urls).ok());
        let written = written.unwrap_or_default();
        let known: BTreeSet<&str> = there
            .lines()
            .chain(written.lines())
            .map(str::trim)
            .collect();
        let own: Vec<String> = here
            .lines()
            .enumerate()
            .filter(|(_, line)| !known.contains(line.trim()) && !line.trim().is_empty())
            .map(|(at, _)| format!("line {}", at + 1))
            .collect();
        (!own.is_empty()).then(|| lost(few(&own, MOST_NAMED)))
    }

    fn compared(&self, name: &str) -> String {
        let path = |root: &Path| shell::path(root.join(name));
        format!("diff {} {}", path(self.original), path(self.folder))
    }
}

fn row(folder: &Path, work: &Work) -> Lost {
    let is_top = work.place.as_os_str().is_empty();
    let place = if is_top {
        folder.to_owned()
    } else {
        folder.join(&work.place)
    };
    let path = shell::path(&place);
    let git = if work.is_bare {
        // Its configured work tree may not exist.
        format!("git --git-dir={path} --work-tree=.")
    } else {
        format!("git -C {path}")
    };
    let git_dir = if work.is_bare {
        place
    } else {
        local::git_dir(&place).unwrap_or(place)
    };
    let (what, show) = described(work, &git, &path, &git_dir);
    let name = if is_top {
        "the workspace".to_owned()
    } else {
        work.place.display().to_string()
    };
    Lost {
        what: format!("{name}: {what}"),
        show,
    }
}

/// Returns a description and the command that shows it. `git` is the git command line for that
/// place.
fn described(work: &Work, git: &str, path: &str, git_dir: &Path) -> (String, String) {
    let below = |name: &str| shell::path(git_dir.join(name));
    let files = |paths: &[PathBuf], noun| {
        let number = count(paths.len(), noun);
        format!("{number}: {}", named(paths))
    };
    match &work.what {
        What::Staged(paths) if work.is_bare => (
            files(paths, "uncommitted change"),
            format!("{git} diff --cached"),
        ),
        What::Staged(paths) | What::Changed(paths) => {
            (files(paths, "uncommitted change"), format!("{git} status"))
        }
        What::Hidden(paths) => (
            format!(
                "{}, hidden from `git status`",
                files(paths, "uncommitted change")
            ),
            format!("{git} ls-files -v | grep '^[a-zS]'"),
        ),
        What::Untracked(paths) => (
            files(paths, "untracked file"),
            format!("{git} status --untracked-files"),
        ),
        What::Unseen(paths) => (
            format!(
                "{} at the path of a submodule: {}",
                count(paths.len(), "file"),
                named(paths)
            ),
            paths
                .iter()
                .take(MOST_NAMED)
                .fold("ls -l".to_owned(), |shown, it| {
                    format!("{shown} {path}/{}", shell::path(it))
                }),
        ),
        What::PutAside(folder) => (
            "files that a killed run replaced".to_owned(),
            format!("ls -lR {}", shell::path(folder)),
        ),
        What::Commits {
            name,
            revision,
            number,
        } => {
            let is_or_are = if *number == 1 { "is" } else { "are" };
            (
                format!(
                    "{} of `{name}` that {is_or_are} on no remote",
                    count(*number, "commit")
                ),
                format!("{git} log {} --not --remotes --", shell::word(revision)),
            )
        }
        What::Tag(name) => (
            format!("the annotated tag `{name}`, which no other workspace here has"),
            format!("{git} show {}", shell::word(&format!("tags/{name}"))),
        ),
        What::Object(name) => (
            format!("`{name}`, which is not a commit"),
            format!("{git} show {}", shell::word(name)),
        ),
        What::Stashes(1) => ("1 stash".to_owned(), format!("{git} stash list")),
        What::Stashes(more) => (format!("{more} stashes"), format!("{git} stash list")),
        What::Operation(operation) => (
            format!("a {operation} in progress"),
            format!("{git} status"),
        ),
        What::WorkTrees(paths) => (
            format!("{}, unusable without it", files(paths, "other work tree")),
            format!("{git} worktree list"),
        ),
        What::Hooks(names) => (
            format!("{}: {}", count(names.len(), "hook"), few(names, MOST_NAMED)),
            format!("ls -l {}", below("hooks")),
        ),
        What::Lines(file) => (
            format!("lines in `.git/{file}`"),
            format!("cat {}", below(file)),
        ),
        What::Settings(names) => (
            format!(
                "{}: {}",
                count(names.len(), "git setting"),
                few(names, MOST_NAMED)
            ),
            format!("{git} config --local --list"),
        ),
        What::Unreadable(why) if work.is_bare => {
            (format!("can't be read: {why}"), format!("ls -la {path}"))
        }
        What::Unreadable(why) => (format!("can't be read: {why}"), format!("{git} status")),
    }
}

fn named(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    few(&names, MOST_NAMED)
}

fn loose_files(folder: &Path, below: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.path().join(".git").symlink_metadata().is_ok() {
            continue;
        }
        if entry.file_type()?.is_dir() {
            loose_files(folder, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether both are files with the same content. Files that are too large to compare, and anything
/// that is not a regular file, count as different: the user is asked before they are removed.
fn is_same(here: &Path, there: &Path) -> bool {
    if here.is_symlink() || there.is_symlink() {
        let (here, there) = (fs::read_link(here).ok(), fs::read_link(there).ok());
        return here.is_some() && here == there;
    }
    let length = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.len());
    let read = |path: &Path| files::read_bytes(path, LARGEST_COMPARED).ok();
    length(here) == length(there) && read(here).is_some_and(|text| Some(text) == read(there))
}
