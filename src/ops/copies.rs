//! The registry of workspaces on this machine: commands that write [`record`] their workspace;
//! tells which is a copy of which.

mod files;
pub(crate) mod list;
pub(crate) mod lost;
pub(crate) mod make;
mod place;
pub(crate) mod remove;

use std::path::{Path, PathBuf};

use super::{Context, Opened};
use crate::doctor::ports::claimed;
use crate::doctor::variables::Variables;
use crate::dotenv;
use crate::host;
use crate::host::workspaces::{self, Known};
use crate::workspace::syntax::fixed_name;

/// Records this workspace, its ports and its names, so that others can avoid them. Failures are not
/// fatal.
pub(crate) fn record(context: &Context, opened: &Opened) {
    remember(context, &known_of(opened));
}

/// Like [`record`], for a workspace that is about to start: from now on it owns the volumes of its
/// project.
pub(crate) fn record_start(context: &Context, opened: &Opened) {
    let known = known_of(opened);
    remember(
        context,
        &Known {
            started_as: vec![known.project.clone()],
            ..known
        },
    );
}

fn remember(context: &Context, known: &Known) {
    if let Err(error) = workspaces::remember(known) {
        context
            .ui
            .detail(format_args!("can't record this workspace: {error:#}"));
    }
}

/// Warns if another workspace uses the same Compose project: Compose can't tell their containers
/// apart.
pub(crate) fn warn_of_namesakes(context: &Context, opened: &Opened) {
    let this = known_of(opened);
    let mut others = workspaces::known().into_iter();
    let namesake =
        others.find(|other| other.project == this.project && other.folder != this.folder);
    if let Some(other) = namesake {
        context.ui.warn(format_args!(
            "the workspace in {} uses the same Compose project `{}`: starting one replaces the containers of the other",
            other.folder.display(),
            this.project
        ));
        context.ui.hint(format_args!(
            "to run both, set a different COMPOSE_PROJECT_NAME and different ports in {}; `fitout copy` does that for new workspaces",
            dotenv::FILE
        ));
    }
}

/// Returns this workspace and all others on this machine, in their current state.
pub(crate) fn all(opened: &Opened) -> Vec<Known> {
    let this = known_of(opened);
    let others = workspaces::known().into_iter();
    let others = others.filter(|other| other.folder != this.folder);
    let mut all: Vec<Known> = others.map(as_it_is).collect();
    all.push(this);
    all.sort_by(|one, other| one.folder.cmp(&other.folder));
    all
}

/// The record may be older than the manifest, which may be invalid now.
pub(crate) fn as_it_is(known: Known) -> Known {
    Opened::read(&known.folder).map_or(known, |opened| known_of(&opened))
}

/// Derived from its files only: variables in this shell apply to the workspace that the user is in.
pub(crate) fn known_of(opened: &Opened) -> Known {
    let Opened {
        root,
        workspace,
        personal,
    } = opened;
    let folder = root.canonicalize().unwrap_or_else(|_| root.clone());
    let env_file = host::files::read(&folder.join(dotenv::FILE)).ok().flatten();
    let variables = Variables::new([], &env_file.unwrap_or_default());
    let copy = personal.copy.as_ref();
    Known {
        project: opened.selection_as_far_as_known(&variables).project,
        copy_of: copy.map(|copy| PathBuf::from(&copy.folder)),
        port_offset: copy.map_or(0, |copy| copy.port_offset),
        ports: claimed(workspace, personal, &variables),
        identity: workspaces::identity(&folder),
        started_as: Vec::new(),
        folder,
    }
}

/// Returns the workspace that this one is a copy of, or itself. If the original no longer exists,
/// returns a placeholder.
pub(crate) fn original(opened: &Opened, all: &[Known]) -> Known {
    let Some(copy) = &opened.personal.copy else {
        return known_of(opened);
    };
    let folder = PathBuf::from(&copy.folder);
    let found = all.iter().find(|known| known.folder == folder);
    found.cloned().unwrap_or_else(|| Known {
        project: opened
            .workspace
            .name
            .clone()
            .or_else(|| fixed_name(&folder_name(&folder)))
            .unwrap_or_default(),
        copy_of: None,
        port_offset: 0,
        ports: Vec::new(),
        identity: None,
        started_as: Vec::new(),
        folder,
    })
}

pub(crate) fn folder_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Returns a workspace with its original and the other copies of it.
pub(crate) fn family(all: &[Known], opened: &Opened) -> Vec<Known> {
    let original = original(opened, all).folder;
    let is_one = |known: &&Known| known.copy_of.as_ref().unwrap_or(&known.folder) == &original;
    all.iter().filter(is_one).cloned().collect()
}
