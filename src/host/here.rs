//! The folder that fitout was started in, regardless of `-C`. Printed commands are typed there.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::shell;

static HERE: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::current_dir().ok());

/// Returns an absolute path, quoted for a command that the user types.
pub fn typed(path: &Path) -> String {
    // Without a trailing slash.
    let path: PathBuf = path.components().collect();
    let below = HERE.as_ref().and_then(|here| path.strip_prefix(here).ok());
    match below {
        Some(below) if below.as_os_str().is_empty() => ".".to_owned(),
        Some(below) => shell::path(below),
        None => shell::path(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_typed_from_where_the_user_is() {
        let here = env::current_dir().unwrap();
        assert_eq!(typed(&here), ".");
        assert_eq!(typed(&here.join("a b/c/")), "'a b/c'");
        assert_eq!(typed(Path::new("/no/such")), "/no/such");
    }
}
