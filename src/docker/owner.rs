//! Determines the owner of a Compose project, for a workspace on this machine.
//!
//! Containers record the folder that they were created in. Volumes don't, so for a project without
//! containers, the owner is determined by fitout's registry of workspaces.

use std::path::Path;

use super::Docker;
use crate::compose::owner::{self, Belongings, Owner, Place};
use crate::host::workspaces;

impl Docker {
    /// Returns the owner of the project, by the folders that its containers were created in. The
    /// engine is asked for volumes only if another workspace was started as the same project.
    pub fn owner<'a>(
        &self,
        root: &Path,
        project: &str,
        folders: impl IntoIterator<Item = &'a str>,
    ) -> Owner {
        let owner = owner::of_containers(folders, |folder| {
            match workspaces::place(root, Path::new(folder)) {
                // The folders of other users of a remote engine are not on this machine.
                Place::Gone if self.endpoint().is_remote() => Place::Elsewhere,
                place => place,
            }
        });
        match owner {
            Owner::Nobody => self.owner_of_volumes(root, project).unwrap_or(owner),
            owner => owner,
        }
    }

    fn owner_of_volumes(&self, root: &Path, project: &str) -> Option<Owner> {
        let was_started = |projects: &[String]| projects.iter().any(|name| name == project);
        let others = workspaces::known().into_iter();
        let mut others = others.filter(|other| {
            was_started(&other.started_as)
                && workspaces::place(root, &other.folder) == Place::Elsewhere
        });
        let other = others.next()?;
        if was_started(&workspaces::started_as(root)) {
            return None;
        }
        let found = self.of_project(project)?;
        let has_volumes = found.iter().any(|it| it.starts_with("volume "));
        has_volumes.then(|| Owner::Other(other.folder.display().to_string(), Belongings::Volumes))
    }
}
