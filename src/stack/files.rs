//! What was found in a repo: paths, and the text of the few files that detection looks into.

use std::collections::BTreeMap;

use super::CATALOG;
use crate::dockerfile::name;

/// How many folders deep a repo is looked at: `services/api/Dockerfile` is the deepest file.
pub const DEPTH: usize = 2;

/// Folders that hold no source of the repo's own: dependencies and what a build makes.
pub const IGNORED: [&str; 11] = [
    "node_modules",
    "vendor",
    "target",
    "dist",
    "build",
    "out",
    "venv",
    "__pycache__",
    "site-packages",
    "obj",
    "coverage",
];

/// Files that show which variables a `.env` beside them should have.
pub(super) const ENV_EXAMPLES: [&str; 4] =
    [".env.example", ".env.sample", ".env.template", ".env.dist"];

/// Whether a folder, by its relative path, is one that nobody wrote by hand.
pub fn is_ignored(path: &str) -> bool {
    IGNORED.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Files of a repo by their path, `/` between the parts; the text of those that [`is_read`] names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(files: I) -> Self {
        Files(files.into_iter().collect())
    }
}

impl Files {
    /// Whether that file is there.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The files of one folder, with their paths as seen from there.
    #[must_use]
    pub fn below(&self, folder: &str) -> Files {
        if folder.is_empty() {
            return self.clone();
        }
        let prefix = format!("{folder}/");
        let inside = self
            .0
            .range(prefix.clone()..)
            .map_while(|(path, text)| Some((path.strip_prefix(&prefix)?.to_owned(), text.clone())));
        inside.collect()
    }

    /// The repo's folder (the empty string) and all below it that hold a file, the upper ones first.
    pub fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> = self.paths().map(folder_of).collect();
        folders.push("");
        folders.sort_by_key(|folder| (depth(folder), *folder));
        folders.dedup();
        folders
    }

    /// The first file that fits a pattern: a path, or one in which `*` stands for a part of a name.
    pub fn find(&self, pattern: &str) -> Option<&str> {
        match self.0.get_key_value(pattern) {
            Some((path, _)) => Some(path),
            None if pattern.contains('*') => self.paths().find(|path| fits(pattern, path)),
            None => None,
        }
    }

    /// All files that fit a pattern, sorted.
    pub fn all<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths().filter(move |path| fits(pattern, path))
    }

    /// The same with one more file, or another text of it.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Files {
        self.0.insert(path.to_owned(), text.to_owned());
        self
    }

    /// `PORT=3000` in a `.env.example`.
    pub(super) fn port_of_env_example(&self) -> Option<u16> {
        let text = ENV_EXAMPLES.iter().find_map(|name| self.text(name))?;
        text.lines().find_map(|line| {
            let value = line.trim().strip_prefix("PORT=")?;
            value.trim_matches(['"', '\'', ' ']).parse().ok()
        })
    }
}

/// Whether detection looks into the file at that path of a repo.
pub fn is_read(path: &str) -> bool {
    let name = name_of(path);
    let named_by_a_stack = CATALOG.values().any(|stack| {
        let versions = stack.versions.iter().map(|source| &source.file);
        versions
            .chain(&stack.files)
            .any(|pattern| fits(pattern, name))
    });
    let begins_a_program = CATALOG.values().any(|stack| {
        let mut mains = stack.main.iter().filter(|_| stack.read_main);
        mains.any(|main| name_of(main) == name)
    });
    named_by_a_stack
        || begins_a_program
        || name::use_of(path).is_some()
        || ENV_EXAMPLES.contains(&name)
}

/// Whether a package's name stands in a file, outside of a comment, and not as a part of another
/// package's name. Names of Python's packages have no case.
pub(super) fn names(text: &str, word: &str) -> bool {
    let part_of_a_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@');
    let word = word.to_ascii_lowercase();
    text.lines()
        .filter(|line| !line.trim_start().starts_with(['#', '/']))
        .map(str::to_ascii_lowercase)
        .any(|line| {
            line.match_indices(&word).any(|(start, _)| {
                !line[..start].ends_with(part_of_a_name)
                    && !line[start + word.len()..].starts_with(part_of_a_name)
            })
        })
}

pub(super) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// How many folders lead to a file in `folder`.
pub(super) fn depth(folder: &str) -> usize {
    match folder {
        "" => 0,
        folder => folder.split('/').count(),
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_fits(pattern, part) => {}
            _ => return false,
        }
    }
}

fn part_fits(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            part.len() > before.len() + after.len()
                && part.starts_with(before)
                && part.ends_with(after)
        }
        None => pattern == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_one_part_each() {
        for (pattern, path, expected) in [
            ("go.mod", "go.mod", true),
            ("go.mod", "tools/go.mod", false),
            ("*.csproj", "Shop.Api.csproj", true),
            ("*.csproj", ".csproj", false),
            ("cmd/*/main.go", "cmd/api/main.go", true),
            ("cmd/*/main.go", "cmd/main.go", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_nothing_beside_it() {
        let paths = ["a", "b-c/x", "b/x", "b/y/z", "b0/x"];
        let files = paths.map(|path| (path.to_owned(), String::new()));
        let files: Files = files.into_iter().collect();
        assert_eq!(files.below("b").paths().collect::<Vec<_>>(), ["x", "y/z"]);
        assert_eq!(files.folders(), ["", "b", "b-c", "b0", "b/y"]);
    }

    #[test]
    fn only_what_says_something_is_read() {
        for path in [
            "package.json",
            "api/Dockerfile.dev",
            ".nvmrc",
            "A.csproj",
            "src/app/main.py",
        ] {
            assert!(is_read(path), "{path}");
        }
        for path in ["package-lock.json", ".env", "src/main.rs", "README.md"] {
            assert!(!is_read(path), "{path}");
        }
    }
}
