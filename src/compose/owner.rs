//! Determines the owner of a Compose project by the folders that its containers were created in.
//!
//! Compose identifies a project by its name alone: it replaces and removes containers and volumes
//! of another folder's project with the same name. Pure: the contents of folders are passed in.

use super::selection::PROJECT;

/// What exists in the folder that a container was created in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This workspace, by any path.
    Here,
    /// Another workspace, or another Compose project.
    Elsewhere,
    /// It no longer exists.
    Gone,
}

/// The owner of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// No owner: it has no containers.
    #[default]
    Nobody,
    /// This workspace's.
    Ours,
    /// This workspace, previously in that folder.
    Moved(String),
    /// Another folder, with these resources.
    Other(String, Belongings),
}

/// The resources of a project that belong to another folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongings {
    /// Containers, running or not.
    Containers,
    /// Only volumes.
    Volumes,
}

/// Determines the owner by the folders that the project's containers were created in. Empty folders
/// are ignored: not everything with a project label was created by Compose.
pub fn of_containers<'a>(
    folders: impl IntoIterator<Item = &'a str>,
    place: impl Fn(&str) -> Place,
) -> Owner {
    let mut owner = Owner::Nobody;
    for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
        match place(folder) {
            Place::Here if owner == Owner::Nobody => owner = Owner::Ours,
            Place::Here => {}
            Place::Elsewhere => {
                return Owner::Other(folder.to_owned(), Belongings::Containers);
            }
            Place::Gone => owner = Owner::Moved(folder.to_owned()),
        }
    }
    owner
}

/// The message for a project with a different owner.
pub fn refusal(project: &str, folder: &str, what: Belongings) -> String {
    let what = match what {
        Belongings::Containers => "containers",
        Belongings::Volumes => "volumes, and the data in them,",
    };
    format!(
        "the Compose project `{project}` belongs to {folder}: its {what} would be treated as this workspace's"
    )
}

/// Returns an unused name: with the first suitable number from 2 on.
pub fn own_name(project: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut numbers = 2..u32::MAX;
    let free = numbers.find_map(|number| {
        let name = format!("{project}-{number}");
        (!is_taken(&name)).then_some(name)
    });
    free.unwrap_or_default()
}

/// Returns the line for `.env` that sets a workspace's project.
pub fn line(project: &str) -> String {
    format!("{PROJECT}={project}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &str) -> Place {
        match folder {
            "/ws" | "/link-to-ws" => Place::Here,
            "/gone" => Place::Gone,
            _ => Place::Elsewhere,
        }
    }

    #[test]
    fn a_project_is_that_of_the_folder_that_its_containers_name() {
        let other = || Owner::Other("/other".to_owned(), Belongings::Containers);
        let moved = || Owner::Moved("/gone".to_owned());
        let cases: [(&[&str], Owner); 7] = [
            (&[], Owner::Nobody),
            (&["", ""], Owner::Nobody),
            (&["/ws", "/link-to-ws"], Owner::Ours),
            (&["/gone"], moved()),
            (&["/gone", "/ws"], moved()),
            (&["/ws", "/other"], other()),
            (&["/gone", "/other", "/ws"], other()),
        ];
        for (folders, expected) in cases {
            let owner = of_containers(folders.iter().copied(), place);
            assert_eq!(owner, expected, "{folders:?}");
        }
    }

    #[test]
    fn a_name_that_is_proposed_is_nobodys() {
        let taken = |name: &str| ["vera-2", "vera-3"].contains(&name);
        assert_eq!(own_name("vera", taken), "vera-4");
    }
}
