//! `workspace.lock`: the commit of every repo. Text in, data out, and back. Pure.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};
use crate::workspace::syntax::is_commit_id;

/// The file's name.
pub const FILE: &str = "workspace.lock";

/// Incremented when an older fitout can no longer read the file.
const VERSION: u32 = 1;

const HEADER: &str = "\
# Written by `fitout lock`: the commit of every repo. `fitout sync --locked` goes to them.
";

/// The contents of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// By the repo's name, in the order of the manifest: a full commit id.
    pub repos: IndexMap<String, String>,
}

impl Lock {
    /// Creates a lock for these commits.
    pub fn new(repos: IndexMap<String, String>) -> Self {
        Lock {
            version: VERSION,
            repos,
        }
    }

    /// The file's text.
    pub fn render(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Lock = toml::from_str(text)?;
        if lock.version != VERSION {
            return Err(LockError::Version(lock.version));
        }
        match lock.repos.iter().find(|(_, commit)| !is_commit_id(commit)) {
            Some((repo, commit)) => Err(LockError::Commit {
                repo: repo.clone(),
                commit: commit.clone(),
            }),
            None => Ok(lock),
        }
    }
}

/// Why a lock file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It is not TOML, or has other keys.
    #[error(transparent)]
    Syntax(#[from] toml::de::Error),
    /// A newer fitout wrote it.
    #[error("it has version {0}, and this fitout knows version {VERSION}")]
    Version(u32),
    /// A commit is not a full id.
    #[error("`{commit}`, the commit of `{repo}`, is not a full commit id")]
    Commit {
        /// The repo's name.
        repo: String,
        /// The value.
        commit: String,
    },
}

impl Classified for LockError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
        let lock = Lock::new(IndexMap::from([("web".to_owned(), commit)]));
        let text = lock.render().unwrap();
        insta::assert_snapshot!(text, @r#"
        # Written by `fitout lock`: the commit of every repo. `fitout sync --locked` goes to them.
        version = 1

        [repos]
        web = "0123456789abcdef0123456789abcdef01234567"
        "#);
        assert_eq!(Lock::parse(&text).unwrap(), lock);
    }

    #[test]
    fn what_cannot_be_a_lock_is_refused() {
        let cases = [
            ("version = 2\n[repos]\n", "version 2"),
            (
                "version = 1\n[repos]\nweb = \"main\"\n",
                "not a full commit id",
            ),
            ("version = 1\n[repo]\n", "unknown field"),
            ("<<<<<<< HEAD\n", "TOML"),
        ];
        for (text, expected) in cases {
            let error = Lock::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
