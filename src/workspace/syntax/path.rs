//! Paths of a manifest: relative to some folder, or inside a container.
//!
//! Manifests come from others, so a path never leads out of its folder, into a `.git` folder or to one of
//! fitout's own files. What is on disk (links, above all) is for `host::place` to look at.

use gix_validate::path::component;

use super::Invalid;

/// What fitout and Compose read and write in a workspace's folder. A clone at such a place would be taken
/// for it, or be in its way.
const OWN_FILES: &[&str] = &[
    ".env",
    ".gitignore",
    "docker-compose.override.yml",
    "docker-compose.yml",
    "workspace.local.toml",
    "workspace.lock",
    "workspace.toml",
];

/// What names of folders begin with that a run makes and the next one removes.
const OWN_PREFIX: &str = ".fitout";

/// A path relative to some folder, with `.` parts removed. Refuses absolute paths and any that
/// climb out of the folder or into a `.git` folder. The folder itself is the empty string.
pub fn relative_path(text: &str) -> Result<String, Invalid> {
    if text.starts_with('/') || text.starts_with('~') || text.get(1..3) == Some(":\\") {
        return Err(Invalid::new(
            "is an absolute path, which differs from machine to machine",
        ));
    }
    if text.contains('\\') {
        return Err(Invalid::new("contains a backslash").help("write `/` between folders"));
    }
    no_control_character(text)?;
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(Invalid::new("leads out of its folder"));
                }
            }
            part if is_git_folder(part) => {
                return Err(Invalid::new(
                    "leads into a `.git` folder, which is git's own",
                ));
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// A [`relative_path`] that clones are put at or below: none of its parts is a file of fitout's own.
pub fn clone_place(text: &str) -> Result<String, Invalid> {
    let path = relative_path(text)?;
    for part in path.split('/') {
        let folded = folded(part);
        if folded.starts_with(OWN_PREFIX) || OWN_FILES.contains(&folded.as_str()) {
            return Err(
                Invalid::new(format!("contains `{part}`, a name that fitout uses"))
                    .help("choose a different folder for the clone"),
            );
        }
    }
    Ok(path)
}

/// Whether some file system takes the name for `.git`, as git itself judges the names in a tree.
pub fn is_git_folder(name: &str) -> bool {
    let options = component::Options {
        // The names of devices are names like others elsewhere.
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    matches!(
        gix_validate::path::component(name.into(), None, options),
        Err(component::Error::DotGitDir)
    )
}

/// A name as file systems compare it that know no case (APFS, HFS+), skip some characters (HFS+) or drop
/// dots, spaces and streams at the end (NTFS).
fn folded(name: &str) -> String {
    let is_skipped = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let name = name.split(':').next().unwrap_or_default();
    let kept = name.chars().filter(|c| !is_skipped(*c));
    let folded = kept.collect::<String>().to_lowercase();
    folded.trim_end_matches(['.', ' ']).to_owned()
}

fn no_control_character(text: &str) -> Result<(), Invalid> {
    if text.contains(char::is_control) {
        return Err(Invalid::new("contains a control character"));
    }
    Ok(())
}

/// Checks a path in a container: absolute, and not the root.
pub fn container_path(text: &str) -> Result<(), Invalid> {
    if !text.starts_with('/') {
        return Err(Invalid::new("is not absolute").help(format!(
            "use the full path in the container: `/{}`",
            text.trim_start_matches("./")
        )));
    }
    no_control_character(text)?;
    if text
        .split('/')
        .all(|part| part.is_empty() || part == "." || part == "..")
    {
        return Err(Invalid::new("is the container's root folder"));
    }
    if text.contains(':') {
        return Err(Invalid::new("contains a `:`"));
    }
    Ok(())
}

/// Joins two relative paths, either of which may be empty.
pub fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for (text, expected) in [
            (".", ""),
            ("./a/", "a"),
            ("a/../b", "b"),
            ("a//b/./c", "a/b/c"),
            (".github/.gitkeep", ".github/.gitkeep"),
            ("git/.gitignore", "git/.gitignore"),
            ("con/aux", "con/aux"),
        ] {
            assert_eq!(relative_path(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["/a", "~/a", "..", "a/../..", "C:\\a", "a\\b"] {
            assert!(relative_path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_part_is_a_git_folder_in_any_spelling() {
        for part in [
            ".git",
            ".GIT",
            ".Git",
            ".git.",
            ".git ",
            ".git . .",
            "git~1",
            "GIT~1",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".g\u{200c}it",
            "\u{feff}.GI\u{202e}T",
        ] {
            for path in [
                part,
                &format!("{part}/hooks"),
                &format!("web/{part}/hooks/x"),
            ] {
                let invalid = relative_path(path).unwrap_err();
                assert!(invalid.problem.contains(".git"), "{path:?}: {invalid:?}");
            }
        }
    }

    #[test]
    fn no_path_holds_a_control_character() {
        for text in ["a\nb", "a\r", "\u{1b}[2J", "a\u{9b}b", "a\0b", "\u{7f}"] {
            assert!(relative_path(text).is_err(), "{text:?}");
            assert!(container_path(&format!("/{text}")).is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_clone_takes_the_place_of_a_file_of_fitouts_own() {
        for file in [
            crate::manifest::FILE,
            crate::manifest::PERSONAL_FILE,
            crate::manifest::lock::FILE,
            crate::compose::FILE,
            crate::compose::OVERRIDE_FILE,
            crate::dotenv::FILE,
            ".gitignore",
            ".ENV",
            ".env.",
            "Docker-Compose.yml",
            ".e\u{200d}nv",
            ".env::$DATA",
            ".fitout-clone-x",
            ".fitout",
            "services/.env",
        ] {
            assert!(clone_place(file).is_err(), "{file}");
        }
        for place in ["web", "env", ".env.d", "fitout", "docker-compose"] {
            assert_eq!(clone_place(place).as_deref(), Ok(place));
        }
    }
}
