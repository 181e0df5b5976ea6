//! `data.volumes`: volumes of the project that are no longer in any of its files: a service was
//! removed from the manifest, or renamed, and its data remains.

use super::named_volumes;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status, quoted};
use crate::doctor::setting::Setting;
use crate::shell;
use crate::workspace::Workspace;

/// Small, and available on most machines; any other image works too.
const IMAGE: &str = "busybox";

/// Every volume of the project is in one of its files.
pub struct Volumes {
    /// Volumes in the manifest.
    named: Vec<String>,
    /// Variables that Compose requires to read the file.
    made_up: Vec<String>,
}

impl Volumes {
    /// The check of a workspace.
    pub fn of(workspace: &Workspace, made_up: &[String]) -> Self {
        Volumes {
            named: named_volumes(workspace),
            made_up: made_up.to_vec(),
        }
    }
}

impl Check for Volumes {
    /// Remaining volumes, by the engine's names.
    type Seen = Vec<String>;

    const PAGE: &'static Page = &Page {
        id: "data.volumes",
        in_order: "every volume of the project is in one of its files",
        otherwise: &[(
            Status::Warn,
            "one isn't, because its service was removed or renamed",
        )],
        fixed_by: "inspecting it; `docker volume rm`",
    };

    fn about(&self) -> About {
        About::new(
            "data.volumes",
            "no volume is left behind by a removed service",
        )
        .needs(["tools.engine", "compose.present"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let mut left = machine.volumes_of(&machine.selection().project)?;
        left.retain(|(_, key)| !key.is_empty() && !self.named.contains(key));
        if left.is_empty() {
            return Ok(Vec::new());
        }
        // Compose knows the volumes in the override and other files.
        let said = machine.compose_in_full(&self.made_up, &["config", "--volumes"])?;
        if !said.is_success {
            return Err(Fault::Blocked(said.messages().join("; ")));
        }
        left.retain(|(_, key)| !said.stdout.lines().any(|named| named.trim() == key));
        Ok(left.into_iter().map(|(name, _)| name).collect())
    }

    fn judge(&self, volumes: Self::Seen, _: &Setting) -> Outcome {
        let Some(first) = volumes.first() else {
            return Outcome::pass("none is");
        };
        let is = if volumes.len() == 1 { "is" } else { "are" };
        let words: Vec<_> = volumes.iter().map(|name| shell::word(name)).collect();
        Outcome::warn(
        format!(
            "{} {is} in this project, but in none of its files: a removed or renamed service left data behind",
            quoted(&volumes)
        ),
        Remedy::run(format!(
            "docker run --rm --network none -v {}:/data:ro {IMAGE} ls -la /data",
            shell::word(first)
        ))
        .and_note(format!(
            "shows its contents; add the volume to workspace.toml to use it again, or remove what is no longer needed: `docker volume rm {}`",
            words.join(" ")
        )),
    )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{examples, parse};

    #[test]
    fn each_volume_is_named_with_how_to_look_into_it_and_how_to_remove_it() {
        let left = vec!["x_old-data".to_owned(), "x_b".to_owned()];
        let check = Volumes::of(&parse(""), &[]);
        insta::assert_snapshot!(examples(&check, [Vec::new(), left]), @r"
        pass     data.volumes  none is
        warn     data.volumes  `x_old-data`, `x_b` are in this project, but in none of its files: a removed or renamed service left data behind
                 $ docker run --rm --network none -v x_old-data:/data:ro busybox ls -la /data
                 shows its contents; add the volume to workspace.toml to use it again, or remove what is no longer needed: `docker volume rm x_old-data x_b`
        ");
    }
}
