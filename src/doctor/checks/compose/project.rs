//! `compose.project`: the owner of the Compose project.

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
    /// Its owner.
    owner: Owner,
    /// An unused name.
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
            Owner::Nobody => Outcome::pass(format!("`{}` has no containers yet", seen.name)),
            Owner::Ours => Outcome::pass(format!("`{}`", seen.name)),
            Owner::Moved(from) => Outcome::info(format!(
                "the containers of `{}` were created in {from}, which no longer exists; treating them as this workspace's",
                seen.name
            )),
            Owner::Other(folder, what) => {
                let remedy = Remedy::run(setting.add_line(&owner::line(&seen.own_name)))
                    .and_note("`fitout copy` creates workspaces with their own names and ports");
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
        pass     compose.project  `vera` has no containers yet
        pass     compose.project  `vera`
        info     compose.project  the containers of `vera` were created in /home/ann/other, which no longer exists; treating them as this workspace's
        fail     compose.project  the Compose project `vera` belongs to /home/ann/other: its containers would be treated as this workspace's
                 $ echo 'COMPOSE_PROJECT_NAME=vera-2' >> ../.env
                 `fitout copy` creates workspaces with their own names and ports
        fail     compose.project  the Compose project `vera` belongs to /home/ann/other: its volumes, and the data in them, would be treated as this workspace's
                 $ echo 'COMPOSE_PROJECT_NAME=vera-2' >> ../.env
                 `fitout copy` creates workspaces with their own names and ports
        ");
    }
}
