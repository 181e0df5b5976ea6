//! `data.project`: volumes of this workspace's previous projects, before its folder was renamed or
//! its name changed.

use super::named_volumes;
use crate::compose::owner;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::Workspace;

/// No data is left under an earlier name.
pub struct Project {
    /// Returns the volumes in the manifest.
    volumes: Vec<String>,
}

impl Project {
    /// The check of a workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Project {
            volumes: named_volumes(workspace),
        }
    }
}

/// A volume of an earlier project.
pub struct Volume {
    project: String,
    name: String,
}

impl Check for Project {
    type Seen = Vec<Volume>;

    const PAGE: &'static Page = &Page {
        id: "data.project",
        in_order: "earlier projects of this workspace have no volumes of its services",
        otherwise: &[(
            Status::Warn,
            "they do, because the folder was renamed or the name changed",
        )],
        fixed_by: "`COMPOSE_PROJECT_NAME` in `.env`, or `[workspace] name`",
    };

    fn about(&self) -> About {
        About::new(
            "data.project",
            "no data is left under a previous name of the project",
        )
        .needs(["tools.engine"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let mut found = Vec::new();
        for project in machine.earlier_projects() {
            let volumes = machine.volumes_of(&project).unwrap_or_default();
            for volume in &self.volumes {
                let name = format!("{project}_{volume}");
                if volumes.iter().any(|(volume, _)| *volume == name) {
                    let project = project.clone();
                    found.push(Volume { project, name });
                }
            }
        }
        Ok(found)
    }

    fn judge(&self, volumes: Self::Seen, setting: &Setting) -> Outcome {
        let Some(Volume { project, .. }) = volumes.last() else {
            return Outcome::pass("none is");
        };
        let names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        Outcome::warn(
            format!(
                "this workspace was previously the project `{project}`, which still has data: {}",
                names.join(", ")
            ),
            Remedy::run(setting.add_line(&owner::line(project))).and_note(format!(
                "to use it again; or set `[workspace] name = \"{project}\"` in workspace.toml"
            )),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{examples, parse};

    #[test]
    fn the_last_project_is_named() {
        let volume = |project: &str| Volume {
            project: project.to_owned(),
            name: format!("{project}_db-data"),
        };
        let seen = [Vec::new(), vec![volume("first"), volume("second")]];
        insta::assert_snapshot!(examples(&Project::of(&parse("")), seen), @r#"
        pass     data.project  none is
        warn     data.project  this workspace was previously the project `second`, which still has data: first_db-data, second_db-data
                 $ echo 'COMPOSE_PROJECT_NAME=second' >> ../.env
                 to use it again; or set `[workspace] name = "second"` in workspace.toml
        "#);
    }
}
