//! Whether git would commit a file.

use std::ffi::OsStr;
use std::path::Path;

use git2::{ErrorCode, Repository};

use super::cli;

/// Whether the repository that contains `folder`, if any, has the file `path` below that folder in
/// its index.
pub fn is_tracked(folder: &Path, path: &Path) -> bool {
    let find = || -> Result<bool, git2::Error> {
        let repository = Repository::discover(folder)?;
        let index = repository.index()?;
        let in_index = || {
            let work_tree = repository.workdir()?.canonicalize().ok()?;
            let folder = folder.canonicalize().ok()?;
            let path = folder.strip_prefix(work_tree).ok()?.join(path);
            index.get_path(&path, 0)
        };
        Ok(in_index().is_some())
    };
    match find() {
        Ok(is_tracked) => is_tracked,
        Err(error) if error.code() == ErrorCode::NotFound => false,
        // Only git can read it.
        Err(_) => {
            let arguments = ["ls-files", "--error-unmatch", "--"].map(OsStr::new);
            let arguments = [&arguments[..], &[path.as_os_str()]].concat();
            matches!(cli::ask_around(folder, &arguments), Ok(Some(_)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_index_is_tracked_wherever_the_repository_begins() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("services");
        std::fs::create_dir(&below).unwrap();
        std::fs::write(below.join(".env"), "A=1\n").unwrap();
        assert!(!is_tracked(&below, Path::new(".env")), "no repository");

        let repository = Repository::init(folder.path()).unwrap();
        assert!(!is_tracked(&below, Path::new(".env")), "not added");

        let mut index = repository.index().unwrap();
        index.add_path(Path::new("services/.env")).unwrap();
        index.write().unwrap();
        assert!(is_tracked(&below, Path::new(".env")));

        let mut config = repository.config().unwrap();
        config.set_i32("core.repositoryFormatVersion", 1).unwrap();
        config.set_str("extensions.refStorage", "files").unwrap();
        drop(repository);
        assert!(Repository::open(folder.path()).is_err(), "libgit2 reads it");
        assert!(is_tracked(&below, Path::new(".env")), "only git reads it");
        assert!(!is_tracked(&below, Path::new("other")));
    }
}
