//! Whose a Compose project is, by what its containers say of the folder that they were made in.
//!
//! Compose knows a project by its name alone: it takes the containers and volumes of another folder's
//! project of that name for its own, replaces them, and removes them. Pure: what is at a folder is
//! handed in.

use super::selection::PROJECT;

/// What is at the folder that a container was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This workspace, by whatever path.
    Here,
    /// Another workspace, or a project that is none.
    Elsewhere,
    /// Nothing any more.
    Gone,
}

/// Whose a project is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's: it has no containers.
    #[default]
    Nobody,
    /// This workspace's.
    Ours,
    /// This workspace's, which was in that folder before.
    Moved(String),
    /// That of another folder, which has this of it.
    Other(String, Belongings),
}

/// What somebody else has of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongings {
    /// Containers, running or not.
    Containers,
    /// Nothing but volumes.
    Volumes,
}

/// By the folders that the containers of a project were made in. Folders that nobody names are left
/// out: not all that has the label of a project was made by Compose.
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

/// That a project is somebody else's, as a sentence.
pub fn refusal(project: &str, folder: &str, what: Belongings) -> String {
    let what = match what {
        Belongings::Containers => "containers",
        Belongings::Volumes => "volumes, and the data in them,",
    };
    format!(
        "the Compose project `{project}` is that of {folder}: its {what} would be taken for this workspace's"
    )
}

/// A name that nobody has: with the first number from 2 on that makes it one.
pub fn own_name(project: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut numbers = 2..u32::MAX;
    let free = numbers.find_map(|number| {
        let name = format!("{project}-{number}");
        (!is_taken(&name)).then_some(name)
    });
    free.unwrap_or_default()
}

/// The line of `.env` that gives a workspace its project.
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
