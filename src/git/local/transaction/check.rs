//! Decides, before anything is touched, whether a work tree can be updated, and in which steps.
//!
//! A tracked file that is removed or replaced must match the index, and nothing untracked may be in
//! the way of a new path: no file, ignored or not, in a folder that is replaced, no link as a
//! parent of a path, no repository containing it. Links are not followed. Changes nothing.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexEntryExtendedFlag};

use super::changes::{Change, Changes, Contents, EXECUTABLE, Entry, LINK};
use super::steps::{Kind, Mark, Step, is_absent};
use crate::git::local::attributes::is_attributes;

/// The maximum number of paths in the way to collect.
const MOST_IN_THE_WAY: usize = 20;

/// An index entry flag: `git update-index --assume-unchanged`.
pub(super) const ASSUMED_VALID: u16 = 0x8000;

/// The steps that update a work tree.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Marks of new files are not known yet.
    pub steps: Vec<Step>,
    /// The state of the taken files when they were checked.
    pub checked: HashMap<PathBuf, Checked>,
    /// Folders that may be empty at the end, inner ones first.
    pub emptied: Vec<PathBuf>,
    /// Untracked paths that are in the way of a new path. If there are any, the rest is incomplete.
    pub in_the_way: Vec<PathBuf>,
    /// Tracked paths that differ from the index. If there are any, the rest is incomplete.
    pub changed: Vec<PathBuf>,
    /// Unchanged files that match the index, except for their time.
    pub still: HashMap<PathBuf, Metadata>,
}

/// A file that was found to match the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub mark: Mark,
    /// Its content, if time and size are not sufficient.
    pub content: Option<Entry>,
}

/// Checks everything in the work tree that is affected by the changes.
pub(super) fn plan(
    work_tree: &Path,
    index: &Index,
    changes: &Changes,
    contents: &mut Contents<'_>,
    settings: Settings,
) -> io::Result<Plan> {
    let mut check = Check::new(work_tree, index, changes, contents, settings);
    check.changes()?;
    let mut paths = changes.keys();
    if paths.any(|path| is_attributes(path.as_os_str().as_bytes())) {
        check.stays()?;
    }
    Ok(check.plan)
}

/// Returns untracked files that are in the way of a new path; nothing else is checked.
pub(super) fn in_the_way(
    work_tree: &Path,
    index: &Index,
    changes: &Changes,
    contents: &mut Contents<'_>,
    settings: Settings,
) -> io::Result<Vec<PathBuf>> {
    let mut check = Check::new(work_tree, index, changes, contents, settings);
    check.changes()?;
    Ok(check.plan.in_the_way)
}

/// The clone's configuration of its work tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// `core.fileMode`
    pub has_modes: bool,
    /// `core.symlinks`
    pub has_links: bool,
    /// Tracked files may intentionally be missing.
    pub is_sparse: bool,
    /// Whether git compares the contents of tracked files itself, and refuses to update if they
    /// differ.
    pub is_left_to_git: bool,
}

struct Check<'a, 'b> {
    work_tree: &'a Path,
    index: &'a Index,
    changes: &'a Changes,
    contents: &'a mut Contents<'b>,
    settings: Settings,
    /// A file that is not older than the index may have changed since, with the same time and size.
    index_time: Option<(i64, i64)>,
    above: HashMap<PathBuf, Above>,
    /// Device and inode of tracked files that are replaced: a name that differs only in case may
    /// refer to one.
    taken: HashSet<(u64, u64)>,
    plan: Plan,
}

/// The state of a parent folder of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Above {
    Folder,
    /// It doesn't exist, or is tracked and will be replaced.
    Absent,
    /// It belongs to the user, with its path.
    Blocked(PathBuf),
}

impl<'a, 'b> Check<'a, 'b> {
    fn new(
        work_tree: &'a Path,
        index: &'a Index,
        changes: &'a Changes,
        contents: &'a mut Contents<'b>,
        settings: Settings,
    ) -> Self {
        let index_time = index
            .path()
            .and_then(|path| path.symlink_metadata().ok())
            .map(|index| (index.mtime(), index.mtime_nsec()));
        Check {
            work_tree,
            index,
            changes,
            contents,
            settings,
            index_time,
            above: HashMap::new(),
            taken: HashSet::new(),
            plan: Plan::default(),
        }
    }

    fn changes(&mut self) -> io::Result<()> {
        for (path, change) in self.changes {
            if let Some(old) = change.old {
                self.leaves(path, old, change)?;
            }
        }
        let mut made = HashSet::new();
        for (path, change) in self.changes {
            if self.plan.in_the_way.len() >= MOST_IN_THE_WAY {
                break;
            }
            if let Some(new) = change.new {
                self.comes(path, new, change, &mut made)?;
            }
        }
        self.plan.in_the_way.sort();
        self.plan.in_the_way.dedup();
        Ok(())
    }

    /// Changed attributes affect unchanged files. git compares all files before the update, so that
    /// none of them is compared later and considered changed.
    fn stays(&mut self) -> io::Result<()> {
        for entry in self.index.iter() {
            let path = Path::new(OsStr::from_bytes(&entry.path));
            let stage = (entry.flags >> 12) & 3;
            if stage > 0 || !is_watched(&entry) || self.changes.contains_key(path) {
                continue;
            }
            let Some(found) = self.look(path)? else {
                continue;
            };
            let old = Entry {
                mode: entry.mode,
                id: entry.id,
            };
            let is_file = !old.is_submodule() && !found.is_dir();
            if is_file
                && self
                    .unchanged(path, old, &found)
                    .is_some_and(|it| it.content.is_some())
            {
                self.plan.still.insert(path.to_owned(), found);
            }
        }
        Ok(())
    }

    /// The old version must match the index.
    fn leaves(&mut self, path: &Path, old: Entry, change: &Change) -> io::Result<()> {
        let above = self.above(path)?;
        if let Above::Blocked(by) = above {
            self.blocks(by);
            return Ok(());
        }
        if old.is_submodule() {
            if change.new.is_none() {
                self.empties(path, true);
            }
            return Ok(());
        }
        let Some(found) = self.look(path)? else {
            // It may have been removed on both sides.
            let is_left_out = self.settings.is_sparse && self.is_left_out(path);
            if change.new.is_some() && !is_left_out {
                self.plan.changed.push(path.to_owned());
            }
            return Ok(());
        };
        match self.unchanged(path, old, &found) {
            Some(checked) => {
                self.taken.insert((found.dev(), found.ino()));
                self.plan.checked.insert(path.to_owned(), checked);
            }
            None => self.plan.changed.push(path.to_owned()),
        }
        if change.new.is_none() && !self.is_below_new(path) {
            self.step(Kind::Take, path, Mark::of(&found));
            self.empties(path, false);
        }
        Ok(())
    }

    /// Whether a parent folder of the path becomes a file or link, and is taken as a whole.
    fn is_below_new(&self, path: &Path) -> bool {
        path.ancestors().skip(1).any(|folder| {
            let change = self.changes.get(folder);
            change.is_some_and(|change| change.new.is_some_and(|new| !new.is_submodule()))
        })
    }

    /// The user's files must not be in the way of a new path.
    fn comes(
        &mut self,
        path: &Path,
        new: Entry,
        change: &Change,
        made: &mut HashSet<PathBuf>,
    ) -> io::Result<()> {
        if let Above::Blocked(by) = self.above(path)? {
            self.blocks(by);
            return Ok(());
        }
        let found = self.look(path)?;
        let was_file = change.old.is_some_and(|old| !old.is_submodule());
        match &found {
            // It was already checked as a removed path.
            Some(found) if was_file => self.step(Kind::Take, path, Mark::of(found)),
            Some(found) if found.is_dir() => {
                let is_repository = self.is_repository(path)?;
                let was_submodule = change.old.is_some_and(Entry::is_submodule);
                if new.is_submodule() && (is_repository || was_submodule) {
                    // The previous submodule, as in git; the contents of the folder are kept.
                    return Ok(());
                }
                if is_repository {
                    self.blocks(path.to_owned());
                    return Ok(());
                }
                let before = self.plan.in_the_way.len();
                self.must_give_way(path)?;
                let is_free = self.plan.in_the_way.len() == before;
                if is_free && !new.is_submodule() {
                    self.step(Kind::Take, path, Mark::of(found));
                }
            }
            Some(found) if self.taken.contains(&(found.dev(), found.ino())) => {}
            Some(_) => self.blocks(path.to_owned()),
            None => {}
        }
        let mut missing: Vec<&Path> = Vec::new();
        for folder in path.ancestors().skip(1) {
            if folder.as_os_str().is_empty() || self.above.get(folder) != Some(&Above::Absent) {
                break;
            }
            if made.insert(folder.to_owned()) {
                missing.push(folder);
            }
        }
        for folder in missing.into_iter().rev() {
            self.step(Kind::Make, folder, Mark::default());
        }
        let stays = found.is_some_and(|found| found.is_dir());
        match new.is_submodule() {
            true if stays => {}
            true => self.step(Kind::Make, path, Mark::default()),
            false => self.step(Kind::Put, path, Mark::default()),
        }
        Ok(())
    }

    /// Everything in the folder must be tracked and be removed by the update.
    fn must_give_way(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(self.work_tree.join(folder))? {
            if self.plan.in_the_way.len() >= MOST_IN_THE_WAY {
                return Ok(());
            }
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                if self.is_repository(&path)? {
                    self.blocks(path);
                } else {
                    self.must_give_way(&path)?;
                }
            } else if !self.plan.checked.contains_key(&path) && !self.plan.changed.contains(&path) {
                self.blocks(path);
            }
        }
        Ok(())
    }

    /// Returns the state of a path's parent folders.
    fn above(&mut self, path: &Path) -> io::Result<Above> {
        let mut above = Above::Folder;
        let mut unknown = Vec::new();
        // No recursion: the depth of a tree is untrusted.
        for folder in path.ancestors().skip(1) {
            if let Some(known) = self.above.get(folder) {
                above = known.clone();
                break;
            }
            if !folder.as_os_str().is_empty() {
                unknown.push(folder);
            }
        }
        for folder in unknown.into_iter().rev() {
            if matches!(above, Above::Folder) {
                above = match self.look(folder)? {
                    None => Above::Absent,
                    Some(found) if found.is_dir() => {
                        if self.is_repository(folder)? {
                            Above::Blocked(folder.to_owned())
                        } else {
                            Above::Folder
                        }
                    }
                    Some(_) if self.gives_way(folder) => Above::Absent,
                    Some(_) => Above::Blocked(folder.to_owned()),
                };
            }
            self.above.insert(folder.to_owned(), above.clone());
        }
        Ok(above)
    }

    /// Whether the path is tracked, and is removed or replaced by a folder.
    fn gives_way(&self, path: &Path) -> bool {
        self.changes.get(path).is_some_and(|change| {
            change.new.is_none() && change.old.is_some_and(|old| !old.is_submodule())
        })
    }

    fn is_repository(&self, folder: &Path) -> io::Result<bool> {
        Ok(self.look(&folder.join(".git"))?.is_some())
    }

    /// Returns the state of a tracked file, if it matches the index, and the index matches the old
    /// commit.
    fn unchanged(&mut self, path: &Path, old: Entry, found: &Metadata) -> Option<Checked> {
        let entry = self.index.get_path(path, 0)?;
        if entry.id != old.id || entry.mode != old.mode || !self.has_type(old, found) {
            return None;
        }
        let mark = Mark::of(found);
        if is_watched(&entry) && self.is_as_it_was(&entry, found) {
            let content = None;
            return Some(Checked { mark, content });
        }
        if self.settings.is_left_to_git && is_watched(&entry) {
            let content = None;
            return Some(Checked { mark, content });
        }
        let has_content = self.contents.are(&self.work_tree.join(path), path, old);
        let content = Some(old);
        has_content.then_some(Checked { mark, content })
    }

    fn has_type(&self, entry: Entry, found: &Metadata) -> bool {
        if entry.mode == LINK {
            return found.is_symlink() || !self.settings.has_links && found.is_file();
        }
        let is_executable = found.permissions().mode() & 0o100 > 0;
        found.is_file() && (!self.settings.has_modes || is_executable == (entry.mode == EXECUTABLE))
    }

    /// Whether time, size etc. show that it was not modified since the index was written.
    fn is_as_it_was(&self, entry: &IndexEntry, found: &Metadata) -> bool {
        let time = (found.mtime(), found.mtime_nsec());
        let is_older = self.index_time.is_some_and(|index| time < index);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an index has 32 bits of each"
        )]
        #[expect(clippy::cast_sign_loss, reason = "likewise")]
        let is_same = entry.mtime.seconds() == time.0 as i32
            && entry.mtime.nanoseconds() == time.1 as u32
            && entry.ctime.seconds() == found.ctime() as i32
            && entry.ino == found.ino() as u32
            && entry.file_size == found.size() as u32
            && entry.file_size > 0;
        is_older && is_same
    }

    /// Returns what exists there; nothing if a parent is not a folder.
    fn look(&self, path: &Path) -> io::Result<Option<Metadata>> {
        match self.work_tree.join(path).symlink_metadata() {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_left_out(&self, path: &Path) -> bool {
        let entry = self.index.get_path(path, 0);
        entry.is_some_and(|entry| is_skipped(&entry))
    }

    fn empties(&mut self, path: &Path, and_itself: bool) {
        let folders = path.ancestors().skip(usize::from(!and_itself));
        for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
            // A submodule's folder is kept, and is empty.
            if self
                .changes
                .get(folder)
                .is_none_or(|change| change.new.is_none())
            {
                self.plan.emptied.push(folder.to_owned());
            }
        }
    }

    fn blocks(&mut self, path: PathBuf) {
        self.plan.in_the_way.push(path);
    }

    fn step(&mut self, kind: Kind, path: &Path, mark: Mark) {
        let path = path.to_owned();
        self.plan.steps.push(Step { kind, path, mark });
    }
}

/// Whether git checks the file for changes.
fn is_watched(entry: &IndexEntry) -> bool {
    entry.flags & ASSUMED_VALID == 0 && !is_skipped(entry)
}

/// Returns the option of `git update-index` that hides the changes of a path from `git status`.
pub(super) fn hidden_by(index: &Index, path: &Path) -> Option<&'static str> {
    let entry = index.get_path(path, 0)?;
    if is_skipped(&entry) {
        Some("skip-worktree")
    } else {
        (!is_watched(&entry)).then_some("assume-unchanged")
    }
}

fn is_skipped(entry: &IndexEntry) -> bool {
    entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() > 0
}
