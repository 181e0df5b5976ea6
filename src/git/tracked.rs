//! Whether git would commit a file.

use std::path::Path;

use git2::Repository;

/// Whether the repository that holds `folder`, if there is one, has the file `path` below that
/// folder in its index.
pub fn is_tracked(folder: &Path, path: &Path) -> bool {
    let find = || -> Option<bool> {
        let repository = Repository::discover(folder).ok()?;
        let work_tree = repository.workdir()?.canonicalize().ok()?;
        let folder = folder.canonicalize().ok()?;
        let path = folder.strip_prefix(work_tree).ok()?.join(path);
        let index = repository.index().ok()?;
        Some(index.get_path(&path, 0).is_some())
    };
    find().unwrap_or(false)
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
    }
}
