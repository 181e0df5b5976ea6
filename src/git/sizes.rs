//! The sizes of repositories when they were last cloned on this machine: the biggest start first,
//! so that none of them delays the end.
//!
//! A file in the user's state folder. If it is missing or unreadable, only a little time is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::url;
use crate::host::files::{self, Mode};
use crate::host::state;

/// Bytes of packs, by host and path of the URL: no user, no password.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    file: Option<PathBuf>,
    known: BTreeMap<String, u64>,
    learned: BTreeMap<String, u64>,
}

impl Sizes {
    /// Reads the sizes of this user's earlier runs.
    pub fn of_user() -> Self {
        let file = state::folder().map(|folder| folder.join("sizes.json"));
        Sizes {
            known: file.as_deref().map(read).unwrap_or_default(),
            learned: BTreeMap::new(),
            file,
        }
    }

    /// Returns the order in which to start: the biggest first. An unknown repo may be big, so it
    /// comes before all others; the order of equal ones is kept.
    pub fn biggest_first<'a>(&self, urls: impl Iterator<Item = &'a str>) -> Vec<usize> {
        let sizes: Vec<u64> = urls
            .map(|url| self.known.get(&key(url)).copied().unwrap_or(u64::MAX))
            .collect();
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(sizes[index]));
        order
    }

    /// Records a clone.
    pub fn learn(&mut self, url: &str, bytes: u64) {
        self.learned.insert(key(url), bytes);
    }

    /// Writes the recorded sizes, merged with those of other runs.
    pub fn save(&self) -> anyhow::Result<()> {
        let Some(file) = self.file.as_deref().filter(|_| !self.learned.is_empty()) else {
            return Ok(());
        };
        let mut known = read(file);
        known.extend(self.learned.clone());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        files::write(file, &serde_json::to_string_pretty(&known)?, Mode::Private)
    }
}

fn read(file: &Path) -> BTreeMap<String, u64> {
    let text = files::read(file).ok().flatten().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn key(address: &str) -> String {
    let (host, path) = url::place(address);
    format!("{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_come_first_then_the_biggest() {
        let known = [("git.example/small", 1), ("git.example/big", 9)];
        let sizes = Sizes {
            known: known.map(|(url, bytes)| (url.to_owned(), bytes)).into(),
            ..Sizes::default()
        };
        let urls = [
            "https://git.example/small",
            "https://me:secret@git.example/big.git",
            "git@git.example:new",
            "git@git.example:newer",
        ];
        assert_eq!(sizes.biggest_first(urls.into_iter()), [2, 3, 1, 0]);
    }
}
