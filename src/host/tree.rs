//! The files below a folder: their paths, and the contents of some.

use std::fs;
use std::path::Path;

use super::files::read_bytes;

/// Longer files are not written by hand: 1 MiB.
const LONGEST: u64 = 1024 * 1024;

/// Returns the paths of files in `root` and up to `depth` folders below it, with `/` separators,
/// each with its text if `wanted` returns true, otherwise an empty one. Skips hidden folders, those
/// in `ignored`, and links to folders. Unreadable files have no text.
pub fn files(
    root: &Path,
    depth: usize,
    ignored: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, level)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if kind.is_dir() {
                let skipped = name.starts_with('.') || ignored.contains(&name.as_str());
                if level < depth && !skipped {
                    folders.push((entry.path(), format!("{path}/"), level + 1));
                }
            } else if entry.path().is_file() {
                let text = if wanted(&path) {
                    text(&entry.path())
                } else {
                    String::new()
                };
                found.push((path, text));
            }
        }
    }
    found
}

fn text(path: &Path) -> String {
    let bytes = read_bytes(path, LONGEST).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_deep_folders_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a", "b/c", "b/c2/d", ".git/x", "node_modules/y", "b/.env"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text").unwrap();
        }
        let mut found = files(folder.path(), 1, &["node_modules"], |path| path == "b/c");
        found.sort();
        let expected = [("a", ""), ("b/.env", ""), ("b/c", "text")];
        assert_eq!(
            found,
            expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
        );
    }
}
