//! Files on this machine's disk: read completely, written atomically.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::OFlags;

use super::place;

/// The mode of a new file. An existing file keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0644
    Shared,
    /// 0600
    Private,
}

/// The maximum size of a file written by people or their programs: 4 MiB. Hand-written files are a
/// hundredth of that; larger ones are a mistake, or meant to exhaust memory.
pub const LONGEST: u64 = 4 << 20;

/// Returns the text of a file; `None` if it doesn't exist.
///
/// # Errors
///
/// Like [`read_bytes`] with [`LONGEST`], and if it is not UTF-8.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let text = read_bytes(path, LONGEST).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
    });
    match text {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read `{}`", path.display())),
    }
}

/// Adds the path to an OS error, which doesn't include it.
pub trait At {
    /// Adds this path to an error; its kind is kept.
    #[must_use]
    fn at(self, path: impl AsRef<Path>) -> Self;
}

impl<T> At for io::Result<T> {
    fn at(self, path: impl AsRef<Path>) -> Self {
        self.map_err(|error| {
            let path = path.as_ref().display();
            io::Error::new(error.kind(), format!("`{path}`: {error}"))
        })
    }
}

/// Reads an untrusted file. Never blocks: only regular files are read.
///
/// # Errors
///
/// If it is a folder, a device, a pipe or a socket, or a link to one, or longer than `most` bytes.
pub fn read_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    let too_long = || {
        let limit = match most {
            0x10_0000.. => format!("{} MiB", most >> 20),
            _ => format!("{most} bytes"),
        };
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit}, the limit for such files"),
        )
    };
    if metadata.len() > most {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // On some file systems, the length of a file is unknown.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_long());
    }
    Ok(bytes)
}

/// Whether a file begins with one of these texts. False if it is not a regular file.
pub fn begins_with(path: &Path, texts: &[&[u8]]) -> bool {
    let longest = texts
        .iter()
        .map(|text| text.len())
        .max()
        .unwrap_or_default();
    let mut start = Vec::new();
    let read = open(path).and_then(|file| file.take(longest as u64).read_to_end(&mut start));
    read.is_ok() && texts.iter().any(|text| start.starts_with(text))
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a device may have side effects, so its type is checked first; and again afterwards,
    // because the file may have been replaced.
    only_regular(&fs::metadata(path)?)?;
    let file = File::options()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
        .open(path)?;
    only_regular(&file.metadata()?)?;
    Ok(file)
}

fn only_regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    };
    Err(io::Error::other(format!("it is a {what}, not a file")))
}

/// Writes a new file in a workspace, atomically. Fails if anything exists at the path.
pub fn create_within(root: &Path, name: &str, text: &str, mode: Mode) -> anyhow::Result<()> {
    let path = root.join(name);
    let create = || -> anyhow::Result<()> {
        place::check(root, Path::new(name))?;
        let mut file = temporary(&path, &permissions(mode))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path)?;
        Ok(())
    };
    create().with_context(|| format!("can't write `{}`", path.display()))
}

/// Like [`write`], for a file in a workspace: `name` is relative to `root`. Doesn't write through a
/// link that leads out of it, or into a `.git` folder.
pub fn write_within(root: &Path, name: &str, text: &str, mode: Mode) -> anyhow::Result<()> {
    let path = root.join(name);
    place::check(root, Path::new(name))
        .map_err(anyhow::Error::new)
        .and_then(|()| Ok(replace(&path, text, mode)?))
        .with_context(|| format!("can't write `{}`", path.display()))
}

/// Writes a file atomically: a temporary file in the same folder is written, flushed to disk, and
/// renamed. For files in fitout's and the user's own folders; files in a workspace are written
/// [within](write_within) it.
pub fn write(path: &Path, text: &str, mode: Mode) -> anyhow::Result<()> {
    replace(path, text, mode).with_context(|| format!("can't write `{}`", path.display()))
}

fn replace(path: &Path, text: &str, mode: Mode) -> io::Result<()> {
    // A symbolic link is kept: its target is replaced.
    let path = match path.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let permissions = match fs::metadata(&path) {
        Ok(metadata) => {
            only_regular(&metadata)?;
            metadata.permissions()
        }
        Err(_) => self::permissions(mode),
    };
    let mut file = temporary(&path, &permissions)?;
    file.write_all(text.as_bytes())?;
    // The umask was applied at creation, but doesn't apply to the mode of an existing file.
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

fn permissions(mode: Mode) -> Permissions {
    Permissions::from_mode(match mode {
        Mode::Shared => 0o644,
        Mode::Private => 0o600,
    })
}

/// A temporary file in the same folder, so that only a rename remains. Its lock, which the system
/// releases when the process ends, tells the next run whether it is in use.
fn temporary(path: &Path, permissions: &Permissions) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    remove_stale(folder);
    let mut tries = 0;
    loop {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .rand_bytes(RANDOM)
            .permissions(permissions.clone())
            .tempfile_in(folder)?;
        file.as_file().lock()?;
        // Another run may have considered it abandoned before the lock was held.
        match fs::symlink_metadata(file.path()) {
            Ok(_) => return Ok(file),
            Err(_) if tries < 10 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The prefix of temporary file names, and the number of letters and digits after it.
const TEMPORARY: &str = ".fitout-write-";
const RANDOM: usize = 6;

/// Removes the temporary files of runs that were killed while they wrote to this folder: one may
/// contain a part of `.env`. Keeps those of running processes, and files with other names.
pub fn remove_stale(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name
            .as_encoded_bytes()
            .strip_prefix(TEMPORARY.as_bytes())
            .is_some_and(|random| {
                random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
            });
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let file = File::options()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(entry.path());
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_names_the_file_and_keeps_its_kind() {
        let error = fs::read("/no/such").at("/no/such").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/no/such`: No such file or directory (os error 2)"
        );
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn modes_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        write(&file, "one", Mode::Private).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "two", Mode::Shared).unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("two"));
        assert_eq!(mode(&file), 0o640);
        assert!(link.is_symlink());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_file_that_is_there_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        create_within(folder.path(), "file", "one", Mode::Shared).unwrap();
        assert!(create_within(folder.path(), "file", "two", Mode::Shared).is_err());
        assert_eq!(read(&file).unwrap().as_deref(), Some("one"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_a_killed_run_was_writing_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let alive = temporary(&path("file"), &permissions(Mode::Private)).unwrap();
        fs::write(path(".fitout-write-deadXY"), "SECRET=1").unwrap();
        fs::write(path("secret"), "mine").unwrap();
        let others = [
            ".fitout-write-notes.txt",
            ".fitout-write-",
            ".fitout-abcdef",
            "x",
        ];
        for name in others {
            fs::write(path(name), "mine").unwrap();
        }
        std::os::unix::fs::symlink("secret", path(".fitout-write-linkXY")).unwrap();

        write(&path("file"), "text", Mode::Shared).unwrap();

        assert!(!path(".fitout-write-deadXY").exists());
        assert!(alive.path().exists());
        assert!(path(".fitout-write-linkXY").is_symlink());
        for name in others {
            assert!(path(name).exists(), "{name}");
        }
    }

    #[test]
    fn only_regular_files_are_read_and_only_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = "x".repeat(16);
        fs::write(path("file"), &text).unwrap();
        fs::create_dir(path("folder")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("pipe"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for (target, link) in [
            ("/dev/zero", "device"),
            ("/dev/tty", "terminal"),
            ("pipe", "link"),
            ("/proc/self/mem", "memory"),
        ] {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
        }

        assert_eq!(read_bytes(&path("file"), 16).unwrap(), text.as_bytes());
        for (name, expected) in [
            ("file", "larger than 15 bytes"),
            ("folder", "it is a folder"),
            ("pipe", "it is a pipe"),
            ("link", "it is a pipe"),
            ("socket", "it is a socket"),
            ("device", "it is a device"),
            ("terminal", "it is a device"),
        ] {
            let error = read_bytes(&path(name), 15).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        // Its length is 0 for who asks.
        assert!(read_bytes(Path::new("/proc/self/status"), 15).is_err());
    }

    #[test]
    fn nothing_is_written_through_a_link_that_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("ws"), folder.path().join("bashrc"));
        fs::create_dir_all(root.join("web/.git")).unwrap();
        fs::write(&outside, "mine").unwrap();
        fs::write(root.join("inside"), "old").unwrap();
        for (target, link) in [
            ("../bashrc", "out"),
            ("../gone", "nowhere"),
            ("web/.git/config", "git"),
            ("inside", "near"),
        ] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        for name in ["out", "nowhere", "git", "folder/../out"] {
            assert!(
                write_within(&root, name, "new", Mode::Shared).is_err(),
                "{name}"
            );
            assert!(
                create_within(&root, name, "new", Mode::Shared).is_err(),
                "{name}"
            );
        }
        write_within(&root, "near", "new", Mode::Shared).unwrap();

        assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
        assert_eq!(fs::read_to_string(root.join("inside")).unwrap(), "new");
        assert!(root.join("near").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
