//! The steps of an update in the work tree: old files are renamed into the staging folder, new
//! files are renamed out of it. Each step is atomic, nothing is ever overwritten, and all steps can
//! be undone in reverse order, even by another process. Uses paths and marks, not file contents.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// What to do with a path in the work tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Move the old file, link or folder to the staging folder.
    Take,
    /// Create a folder.
    Make,
    /// Move the new file or link out of the staging folder.
    Put,
}

/// A step of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub kind: Kind,
    /// Relative to the work tree.
    pub path: PathBuf,
    /// The mark of what is moved.
    pub mark: Mark,
}

/// Distinguishes a file from another one at the same path, and from itself after a modification. It
/// is not changed by a rename.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub ino: u64,
    pub size: u64,
    pub seconds: i64,
    pub nanoseconds: i64,
}

impl Mark {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Mark {
            ino: metadata.ino(),
            // A folder's size and time change with its contents.
            size: if metadata.is_dir() {
                0
            } else {
                metadata.size()
            },
            seconds: if metadata.is_dir() {
                0
            } else {
                metadata.mtime()
            },
            nanoseconds: if metadata.is_dir() {
                0
            } else {
                metadata.mtime_nsec()
            },
        }
    }
}

/// The folders that an update moves files between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    pub work_tree: &'a Path,
    pub staging: &'a Path,
}

impl Places<'_> {
    /// Returns the staged new version of a path.
    pub(super) fn staged(&self, path: &Path) -> PathBuf {
        self.staging.join("new").join(path)
    }

    /// Returns where the step keeps the old version.
    pub(super) fn taken(&self, number: usize) -> PathBuf {
        self.staging.join("old").join(number.to_string())
    }

    /// Does a step. Fails without changing anything if something is in the way.
    pub(super) fn take_step(&self, number: usize, step: &Step) -> io::Result<()> {
        let path = self.work_tree.join(&step.path);
        match step.kind {
            Kind::Take => rename(&path, &self.taken(number)),
            Kind::Make => fs::create_dir(path),
            Kind::Put => rename(&self.staged(&step.path), &path),
        }
    }

    /// Undoes completed steps, the last one first. Files that have changed since are kept, and a
    /// path that is blocked doesn't stop the others.
    pub(super) fn undo(&self, steps: &[Step]) -> Undone {
        let mut undone = Undone::default();
        // Taken files are checked before the next step.
        let mut is_checked = false;
        for (number, step) in steps.iter().enumerate().rev() {
            let path = self.work_tree.join(&step.path);
            match step.kind {
                Kind::Put => {
                    let is_done = self.staged(&step.path).symlink_metadata().is_err();
                    is_checked |= is_done;
                    if is_done && !self.take_back(step, &path) {
                        undone.add(&step.path);
                    }
                }
                // It is kept if it is not empty.
                Kind::Make => drop(fs::remove_dir(path)),
                Kind::Take => {
                    let taken = self.taken(number);
                    if taken.symlink_metadata().is_err() {
                        continue;
                    }
                    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
                    if let Err(error) = folder.and_then(|()| rename(&taken, &path)) {
                        undone.add(&step.path);
                        // git has the checked version; anything that now exists at its path belongs
                        // to the user.
                        undone.keeps_taken |=
                            !is_checked || error.kind() != io::ErrorKind::AlreadyExists;
                    }
                    is_checked = true;
                }
            }
        }
        undone
    }

    /// Takes back what a step has put; returns false if something else exists there.
    fn take_back(&self, step: &Step, path: &Path) -> bool {
        let staged = self.staged(&step.path);
        let is_it = |path: &Path| {
            let found = path.symlink_metadata();
            found.map(|found| Mark::of(&found) == step.mark)
        };
        match is_it(path) {
            Ok(true) => {}
            Err(error) if is_absent(&error) => return true,
            Ok(false) | Err(_) => return false,
        }
        if rename(path, &staged).is_err() {
            return false;
        }
        // It may have been written to in between.
        if is_it(&staged).unwrap_or(false) {
            return true;
        }
        drop(rename(&staged, path));
        false
    }
}

/// The result of undoing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Undone {
    /// Paths that could not be restored.
    pub left: Vec<PathBuf>,
    /// Whether something that was taken, and that git may not have, is still in the staging folder.
    pub keeps_taken: bool,
}

impl Undone {
    fn add(&mut self, path: &Path) {
        if !self.left.iter().any(|left| left == path) {
            self.left.push(path.to_owned());
        }
    }
}

/// Renames, and fails if the new name exists.
pub(in crate::git) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that doesn't support this. Folders can't be hard-linked: only an empty one
        // can be replaced.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if from.symlink_metadata()?.is_dir() {
                if to.symlink_metadata().is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                return fs::rename(from, to);
            }
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

/// Whether nothing exists there, including because a parent is not a folder.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

const HEADER: &str = "fitout move 1";

/// The journal of an update, so that another process can roll it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// The content of HEAD, and the commit that it pointed to; empty if unborn.
    pub head: String,
    pub from: String,
    /// Their values after the update.
    pub new_head: String,
    pub to: String,
    pub steps: Vec<Step>,
}

impl Journal {
    /// Fields are terminated by a zero byte, which paths can't contain.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut field = |text: &[u8]| {
            bytes.extend_from_slice(text);
            bytes.push(0);
        };
        for text in [HEADER, &self.head, &self.from, &self.new_head, &self.to] {
            field(text.as_bytes());
        }
        for step in &self.steps {
            let kind = match step.kind {
                Kind::Take => "take",
                Kind::Make => "make",
                Kind::Put => "put",
            };
            let Mark {
                ino,
                size,
                seconds,
                nanoseconds,
            } = step.mark;
            field(format!("{kind} {ino} {size} {seconds} {nanoseconds}").as_bytes());
            field(step.path.as_os_str().as_bytes());
        }
        field(b"end");
        bytes
    }

    /// Returns none if it is incomplete.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.split(|byte| *byte == 0);
        let mut text = || String::from_utf8(fields.next()?.to_vec()).ok();
        if text()? != HEADER {
            return None;
        }
        let (head, from, new_head, to) = (text()?, text()?, text()?, text()?);
        let mut steps = Vec::new();
        loop {
            let line = String::from_utf8(fields.next()?.to_vec()).ok()?;
            if line == "end" {
                break;
            }
            let mut words = line.split(' ');
            let kind = match words.next()? {
                "take" => Kind::Take,
                "make" => Kind::Make,
                "put" => Kind::Put,
                _ => return None,
            };
            let mark = Mark {
                ino: words.next()?.parse().ok()?,
                size: words.next()?.parse().ok()?,
                seconds: words.next()?.parse().ok()?,
                nanoseconds: words.next()?.parse().ok()?,
            };
            let path = PathBuf::from(std::ffi::OsStr::from_bytes(fields.next()?));
            if !path
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
            {
                return None;
            }
            steps.push(Step { kind, path, mark });
        }
        Some(Journal {
            head,
            from,
            new_head,
            to,
            steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_whole_or_not_at_all() {
        let step = |kind, path: &[u8]| Step {
            kind,
            path: PathBuf::from(std::ffi::OsStr::from_bytes(path)),
            mark: Mark {
                ino: 7,
                size: 1,
                seconds: -2,
                nanoseconds: 3,
            },
        };
        let journal = Journal {
            head: "ref: refs/heads/main".to_owned(),
            from: String::new(),
            new_head: "ref: refs/heads/main".to_owned(),
            to: "1".repeat(40),
            steps: vec![
                step(Kind::Take, b"a b\nc"),
                step(Kind::Make, b"d"),
                step(Kind::Put, b"d/\xff"),
            ],
        };
        let bytes = journal.to_bytes();
        assert_eq!(Journal::parse(&bytes), Some(journal));
        for length in 0..bytes.len() - 1 {
            assert_eq!(Journal::parse(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn steps_are_undone_in_reverse_and_what_was_changed_since_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (work_tree, staging) = (folder.path().join("tree"), folder.path().join("staging"));
        for path in ["tree/conf", "staging/new/a", "staging/old"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(work_tree.join("a"), "old a").unwrap();
        fs::write(work_tree.join("b"), "old b").unwrap();
        fs::write(work_tree.join("conf/x"), "old x").unwrap();
        fs::write(staging.join("new/a/deep"), "new").unwrap();
        fs::write(staging.join("new/b"), "new b").unwrap();
        let places = Places {
            work_tree: &work_tree,
            staging: &staging,
        };
        let mark = |path: PathBuf| Mark::of(&path.symlink_metadata().unwrap());
        let step = |kind, path: &str| Step {
            kind,
            path: path.into(),
            mark: match kind {
                Kind::Take => mark(work_tree.join(path)),
                Kind::Make => Mark::default(),
                Kind::Put => mark(places.staged(Path::new(path))),
            },
        };
        let steps = [
            step(Kind::Take, "conf"),
            step(Kind::Take, "a"),
            step(Kind::Make, "a"),
            step(Kind::Put, "a/deep"),
            step(Kind::Take, "b"),
            step(Kind::Put, "b"),
        ];
        let read = |path: &str| fs::read_to_string(work_tree.join(path)).unwrap_or_default();
        for done in 0..=steps.len() {
            for (number, step) in steps[..done].iter().enumerate() {
                places.take_step(number, step).unwrap();
            }
            assert_eq!(places.undo(&steps), Undone::default(), "{done}");
            assert_eq!(
                [read("a"), read("b"), read("conf/x")],
                ["old a", "old b", "old x"]
            );
        }
        for (number, step) in steps.iter().enumerate() {
            places.take_step(number, step).unwrap();
        }
        fs::write(work_tree.join("b"), "mine, not theirs").unwrap();
        let undone = places.undo(&steps);
        assert_eq!((undone.left, undone.keeps_taken), (vec!["b".into()], false));
        assert_eq!([read("a"), read("b")], ["old a", "mine, not theirs"]);

        // `b` is restored: a blocked path doesn't stop the others, and unchecked files are kept.
        fs::write(work_tree.join("b"), "old b").unwrap();
        fs::write(staging.join("new/b"), "new b").unwrap();
        fs::remove_dir_all(staging.join("old")).unwrap();
        fs::create_dir(staging.join("old")).unwrap();
        for (number, step) in steps[..2].iter().enumerate() {
            places.take_step(number, step).unwrap();
        }
        fs::write(work_tree.join("a"), "mine").unwrap();
        let undone = places.undo(&steps);
        assert_eq!((undone.left, undone.keeps_taken), (vec!["a".into()], true));
        assert_eq!([read("a"), read("conf/x")], ["mine", "old x"]);
        let kept = fs::read_to_string(places.taken(1)).unwrap();
        assert_eq!(kept, "old a");

        // A file where a folder of the path was.
        fs::remove_file(places.taken(1)).unwrap();
        let inner = [step(Kind::Take, "conf/x"), step(Kind::Take, "b")];
        for (number, step) in inner.iter().enumerate() {
            places.take_step(number + 10, step).unwrap();
        }
        let mut steps = vec![inner[1].clone(); 12];
        steps[10] = inner[0].clone();
        fs::remove_dir(work_tree.join("conf")).unwrap();
        fs::write(work_tree.join("conf"), "mine").unwrap();
        let undone = places.undo(&steps);
        // It was looked at before `b` was taken: git has it.
        assert_eq!(
            (undone.left, undone.keeps_taken),
            (vec!["conf/x".into()], false)
        );
        assert_eq!([read("conf"), read("b")], ["mine", "old b"]);
    }
}
