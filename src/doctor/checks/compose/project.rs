//! `compose.project`: whose the Compose project is.

use crate::compose::owner::{self, Owner};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// The project is this workspace's.
pub struct Project;

/// The Compose project of the workspace.
pub struct Seen {
    /// Its name.
    name: String,
    /// Whose it is.
    owner: Owner,
    /// Another one, which nobody has.
    own_name: String,
}

impl Check for Project {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "compose.project",
        in_order: "the Compose project is this workspace's",
        otherwise: &[
            (
                Status::Fail,
                "it has containers or volumes of another folder",
            ),
            (
                Status::Info,
                "its containers were created in a folder that no longer exists",
            ),
        ],
        fixed_by: "`COMPOSE_PROJECT_NAME` in `.env`",
    };

    fn about(&self) -> About {
        About::new("compose.project", "the Compose project is this workspace's")
            .needs(["tools.engine"])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        Ok(Seen {
            name: machine.selection().project.clone(),
            owner: machine.owner().clone(),
            own_name: machine.own_name(),
        })
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        match &seen.owner {
            Owner::Nobody => Outcome::pass(format!("`{}` has no container yet", seen.name)),
            Owner::Ours => Outcome::pass(format!("`{}`", seen.name)),
            Owner::Moved(from) => Outcome::info(format!(
                "the containers of `{}` were made in {from}, which is gone; they are taken for this workspace's",
                seen.name
            )),
            Owner::Other(folder, what) => {
                let remedy = Remedy::run(setting.add_line(&owner::line(&seen.own_name))).and_note(
                    "`fitout copy` makes workspaces that have names and ports of their own",
                );
                Outcome::fail(owner::refusal(&seen.name, folder, *what), remedy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::owner::Belongings;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn another_folders_project_is_not_touched() {
        let folder = || "/home/ann/other".to_owned();
        let seen = [
            Owner::Nobody,
            Owner::Ours,
            Owner::Moved(folder()),
            Owner::Other(folder(), Belongings::Containers),
            Owner::Other(folder(), Belongings::Volumes),
        ];
        let seen = seen.map(|owner| Seen {
            name: "vera".to_owned(),
            owner,
            own_name: "vera-2".to_owned(),
        });
        insta::assert_snapshot!(examples(&Project, seen), @r"
        pass     compose.project  `vera` has no container yet
        pass     compose.project  `vera`
        info     compose.project  the containers of `vera` were made in /home/ann/other, which is gone; they are taken for this workspace's
        fail     compose.project  the Compose project `vera` is that of /home/ann/other: its containers would be taken for this workspace's
                 $ echo 'COMPOSE_PROJECT_NAME=vera-2' >> ../.env
                 `fitout copy` makes workspaces that have names and ports of their own
        fail     compose.project  the Compose project `vera` is that of /home/ann/other: its volumes, and the data in them, would be taken for this workspace's
                 $ echo 'COMPOSE_PROJECT_NAME=vera-2' >> ../.env
                 `fitout copy` makes workspaces that have names and ports of their own
        ");
    }
}
