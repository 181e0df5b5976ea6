//! Conditional includes in the user's configuration for a clone's path: `includeIf "gitdir:…"`.
//!
//! A clone is created elsewhere and then moved to its final path, so git and gix would not apply
//! these includes.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gix::bstr::BString;
use gix::config::File;

/// Settings that apply at a clone's final path, but not where it is created.
#[derive(Debug, Default)]
pub(super) struct Included {
    /// `section.name.key=value`
    pub settings: Vec<BString>,
    /// The included files.
    pub files: Vec<PathBuf>,
}

/// Whether anything in the user's configuration depends on where a repository is.
static DEPENDS_ON_PLACE: LazyLock<bool> = LazyLock::new(|| {
    let config = gix::config(None, &gix::open::Options::default());
    config.is_ok_and(|config| {
        let conditions = config.sections_by_name("includeIf");
        conditions.into_iter().flatten().any(|section| {
            let condition = section.header().subsection_name();
            condition.is_some_and(|condition| condition.starts_with(b"gitdir"))
        })
    })
});

impl Included {
    /// Returns the settings for a clone at `destination` that is created at `staged`.
    pub(super) fn at(destination: &Path, staged: &Path) -> Self {
        if !*DEPENDS_ON_PLACE {
            return Included::default();
        }
        let config = |folder: &Path| {
            let git_dir = folder.join(".git");
            gix::config(Some(&git_dir), &gix::open::Options::default()).ok()
        };
        let (Some(there), Some(here)) = (config(destination), config(staged)) else {
            return Included::default();
        };
        let known = paths(&here);
        let mut included = Included::default();
        for section in there.sections() {
            let Some(path) = section.meta().path.clone() else {
                continue;
            };
            if known.contains(&path) {
                continue;
            }
            let header = section.header();
            let front = match header.subsection_name() {
                Some(name) => format!("{}.{name}", header.name()),
                None => header.name().to_string(),
            };
            for key in section.value_names() {
                let values = section.values(&key).into_iter();
                let line = |value: BString| BString::from(format!("{front}.{key}={value}"));
                included.settings.extend(values.map(line));
            }
            if !included.files.contains(&path) {
                included.files.push(path);
            }
        }
        included
    }
}

fn paths(config: &File) -> Vec<PathBuf> {
    let paths = config.sections().filter_map(|it| it.meta().path.clone());
    paths.collect()
}
