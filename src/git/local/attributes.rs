//! Finds attributes in a clone that not every engine handles like git. [`super::engine`] decides
//! which engine to use.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::Repository;
use gix::attrs::{Source, StateRef};
use gix::bstr::ByteSlice as _;

use super::transaction::Changes;
use crate::host::files;

/// git itself doesn't read larger ones, since 2.39: `ATTR_MAX_FILE_SIZE` in its attr.h, 100 MiB.
const LARGEST_FILE: u64 = 100 << 20;

/// git ignores longer lines, since 2.39: `ATTR_MAX_LINE_LENGTH` in its attr.h.
const LONGEST_LINE: usize = 2048;

/// What any of the files contains, for any path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is found or not by itself"
)]
pub(in crate::git) struct Attributes {
    pub filters: bool,
    /// A filter of Git LFS.
    pub lfs: bool,
    pub idents: bool,
    pub encodings: bool,
    /// A pattern in quotes.
    pub quotes: bool,
    /// Something that git ignores, but other engines may not.
    pub mistakes: bool,
    /// An untracked attributes file.
    pub untracked: bool,
}

impl Attributes {
    /// Reads the attributes of the user and of the repository itself. `file` is
    /// `core.attributesFile`.
    pub(in crate::git) fn of_user(common_dir: &Path, file: Option<PathBuf>) -> Self {
        let place = |source: Source| source.storage_location(&mut |name| std::env::var_os(name));
        let user = file.or_else(|| place(Source::Git));
        let own = common_dir.join("info/attributes");
        let mut attributes = Attributes::default();
        for path in [place(Source::System), user, Some(own)]
            .into_iter()
            .flatten()
        {
            if let Some(text) = read(&path) {
                attributes.add(&text);
            }
        }
        attributes
    }

    /// Adds those of the files in a clone: from the work tree, or from the index if a file is
    /// missing there, as git reads them to compare files.
    pub(super) fn of_clone(repository: &Repository) -> Self {
        Attributes::of_clone_and(repository, &Changes::new())
    }

    fn of_clone_and(repository: &Repository, changes: &Changes) -> Self {
        let config = repository.config();
        let file = config.and_then(|config| config.get_path("core.attributesFile"));
        let mut attributes = Attributes::of_user(repository.commondir(), file.ok());
        let Ok(index) = repository.index() else {
            return attributes;
        };
        let mut tracked = HashMap::new();
        let mut folders = HashSet::from([PathBuf::new()]);
        let mut last: Vec<u8> = Vec::new();
        for entry in index.iter() {
            if is_attributes(&entry.path) {
                tracked.insert(path_of(&entry.path), entry.id);
            }
            // They are sorted, so most are in the same folder as the previous one.
            let folder = &entry.path[..entry.path.rfind_byte(b'/').unwrap_or(0)];
            if *folder != *last {
                folder.clone_into(&mut last);
                add_folders(&path_of(folder), &mut folders);
            }
        }
        for folder in changes.keys().filter_map(|path| path.parent()) {
            add_folders(folder, &mut folders);
        }
        for folder in folders {
            let path = folder.join(NAME);
            let blob = tracked.get(&path);
            // Like git, which doesn't follow links here.
            let file = repository.workdir().map(|it| it.join(&path));
            let file = file.filter(|it| it.symlink_metadata().is_ok_and(|found| found.is_file()));
            let text = file.and_then(|file| read(&file));
            match (text, blob) {
                (Some(text), blob) => {
                    attributes.add(&text);
                    attributes.untracked |= blob.is_none();
                }
                (None, Some(blob)) => attributes.add_blob(repository, *blob),
                (None, None) => {}
            }
        }
        attributes
    }

    /// Adds those in the target of an update.
    pub(super) fn after(repository: &Repository, changes: &Changes) -> Self {
        let mut attributes = Attributes::of_clone_and(repository, changes);
        for (path, change) in changes {
            if let Some(new) = change
                .new
                .filter(|_| is_attributes(path.as_os_str().as_bytes()))
            {
                attributes.add_blob(repository, new.id);
            }
        }
        attributes
    }

    fn add_blob(&mut self, repository: &Repository, id: git2::Oid) {
        if let Ok(blob) = repository.find_blob(id) {
            self.add(blob.content());
        }
    }

    /// Adds the contents of a file.
    pub(in crate::git) fn add(&mut self, text: &[u8]) {
        // git treats a byte order mark as part of the pattern when it reads a blob.
        self.mistakes |= text.starts_with("\u{feff}".as_bytes())
            || text.lines().any(|line| line.len() > LONGEST_LINE);
        self.quotes |= text
            .lines()
            .any(|line| line.trim_start().starts_with(b"\""));
        for line in gix::attrs::parse(text) {
            let Ok((_, assignments, _)) = line else {
                self.mistakes = true;
                continue;
            };
            for assignment in assignments {
                let Ok(assignment) = assignment else {
                    self.mistakes = true;
                    continue;
                };
                let state = assignment.state;
                let is_off = matches!(state, StateRef::Unset | StateRef::Unspecified);
                match assignment.name.as_str() {
                    "filter" => {
                        self.filters |= !is_off;
                        let is_lfs = |value: &[u8]| value == b"lfs";
                        self.lfs |=
                            matches!(state, StateRef::Value(value) if is_lfs(value.as_bstr()));
                    }
                    "ident" => self.idents |= !is_off,
                    // gix treats `-working-tree-encoding` as an error.
                    "working-tree-encoding" => self.encodings |= state != StateRef::Unspecified,
                    _ => {}
                }
            }
        }
    }
}

const NAME: &str = ".gitattributes";

fn add_folders(folder: &Path, all: &mut HashSet<PathBuf>) {
    let new = folder.ancestors().take_while(|it| !all.contains(*it));
    let new: Vec<PathBuf> = new.map(Path::to_path_buf).collect();
    all.extend(new);
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Returns the content of a file, if git would read it.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    files::read_bytes(path, LARGEST_FILE).ok()
}

/// Whether it is an attributes file, by its path in the repository.
pub(in crate::git) fn is_attributes(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path)).file_name() == Some(OsStr::new(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_found_wherever_it_stands() {
        let none = Attributes::default();
        let filters = Attributes {
            filters: true,
            ..none
        };
        let idents = Attributes {
            idents: true,
            ..none
        };
        let encodings = Attributes {
            encodings: true,
            ..none
        };
        let quotes = Attributes {
            quotes: true,
            ..none
        };
        let mistakes = Attributes {
            mistakes: true,
            ..none
        };
        let long = format!("{} text", "x".repeat(LONGEST_LINE));
        let cases = [
            ("", none),
            ("* text=auto eol=crlf\n*.png binary\n", none),
            ("# *.c ident\n  # *.c filter=lfs\n", none),
            ("ident text\nfilter=lfs -text\n", none),
            ("*.c -ident !filter -filter !working-tree-encoding\n", none),
            (
                "*.bin filter=lfs diff=lfs merge=lfs -text\n",
                Attributes {
                    lfs: true,
                    ..filters
                },
            ),
            ("*.bin\tfilter=lfsx", filters),
            ("[attr]mine filter=up\n", filters),
            ("*.c text ident\r\n", idents),
            ("*.c ident=yes\n", idents),
            ("[attr]mine -text ident\n", idents),
            ("*.txt working-tree-encoding=UTF-16\n", encodings),
            ("*.txt -working-tree-encoding\n", encodings),
            (
                " \"a b\" ident\n",
                Attributes {
                    quotes: true,
                    ..idents
                },
            ),
            ("\"a eol=crlf\n", quotes),
            ("\u{feff}* text\n", mistakes),
            ("!a.txt text\n", mistakes),
            ("*.c text -=x\n", mistakes),
            (&long, mistakes),
        ];
        for (text, expected) in cases {
            let mut found = Attributes::default();
            found.add(text.as_bytes());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn files_of_attributes_are_known_by_their_names() {
        assert!(is_attributes(b".gitattributes"));
        assert!(is_attributes(b"a/b/.gitattributes"));
        assert!(!is_attributes(b"a.gitattributes"));
        assert!(!is_attributes(b".gitattributes/a"));
    }
}
