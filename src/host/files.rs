//! Files on this machine's disk: read whole, written whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Who may read a file that is new. A file that exists keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 0644
    Shared,
    /// 0600
    Private,
}

/// The text of a file; `None` where there is none.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read `{}`", path.display())),
    }
}

/// Writes a new file, whole or not at all. Fails where there is one, whatever it is.
pub fn create(path: &Path, text: &str, mode: Mode) -> anyhow::Result<()> {
    let create = || -> io::Result<()> {
        let mut file = temporary(path, permissions(mode))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    create().with_context(|| format!("can't write `{}`", path.display()))
}

/// Writes a file so that whatever happens, the old text or the new one is there: a temporary file
/// in the same folder is filled, flushed to the disk, and renamed.
pub fn write(path: &Path, text: &str, mode: Mode) -> anyhow::Result<()> {
    replace(path, text, mode).with_context(|| format!("can't write `{}`", path.display()))
}

fn replace(path: &Path, text: &str, mode: Mode) -> io::Result<()> {
    // A symbolic link stays one: what it points at is replaced.
    let path = match path.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let permissions = match fs::metadata(&path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => self::permissions(mode),
    };
    let mut file = temporary(&path, permissions.clone())?;
    file.write_all(text.as_bytes())?;
    // The umask has had its say at the creation; the file that was there did not care for it.
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

/// A temporary file in the same folder, so that a rename is all that is left to do.
fn temporary(path: &Path, permissions: Permissions) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".fitout-")
        .permissions(permissions)
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        create(&file, "one", Mode::Shared).unwrap();
        assert!(create(&file, "two", Mode::Shared).is_err());
        assert_eq!(read(&file).unwrap().as_deref(), Some("one"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
