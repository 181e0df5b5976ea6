//! `compose.override`: ports that the override unintentionally adds to those of the compose file.

use crate::compose::OVERRIDE_FILE;
use crate::compose::overrides::{self, AddedPort};
use crate::compose::yaml::Excess;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::workspace::Workspace;

/// The override adds no port that this workspace already publishes.
pub struct Override {
    workspace: Workspace,
}

impl Override {
    /// The check of a workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Override {
            workspace: workspace.clone(),
        }
    }
}

impl Check for Override {
    /// Ports that are published a second time, if the file can be read completely.
    type Seen = Result<Vec<AddedPort>, Excess>;

    const PAGE: &'static Page = &Page {
        id: "compose.override",
        in_order: "the override adds no port that is already published",
        otherwise: &[
            (Status::Warn, "it does"),
            (
                Status::Fail,
                "it is nested too deep, or has too many aliases",
            ),
        ],
        fixed_by: "`ports: !override`",
    };

    fn about(&self) -> About {
        About::new(
            "compose.override",
            format!("`{OVERRIDE_FILE}` doesn't publish ports twice"),
        )
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let text = machine.read(OVERRIDE_FILE)?.unwrap_or_default();
        Ok(overrides::added_ports(&text, &self.workspace))
    }

    fn judge(&self, added: Self::Seen, _: &Setting) -> Outcome {
        let added = match added {
            Ok(added) => added,
            Err(excess) => {
                return Outcome::fail(
                    format!("docker-compose.override.yml: {excess}"),
                    Remedy::note(excess.hint()),
                );
            }
        };
        if added.is_empty() {
            return Outcome::pass("no port is published twice");
        }
        let told: Vec<String> = added
            .iter()
            .map(|port| {
                format!(
                    "port {} of `{}` (line {})",
                    port.target, port.service, port.line
                )
            })
            .collect();
        Outcome::warn(
            format!(
                "docker-compose.override.yml adds to {} instead of replacing it",
                told.join(", ")
            ),
            Remedy::note("to replace the ports, write `ports: !override` there"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::{examples, parse};

    #[test]
    fn each_port_that_is_added_is_named_with_its_line() {
        let added = |ports: &[(u16, usize)]| {
            let ports = ports.iter().map(|(target, line)| AddedPort {
                service: "api".to_owned(),
                target: *target,
                line: *line,
            });
            Ok(ports.collect())
        };
        let seen = [
            added(&[]),
            added(&[(3000, 4), (9229, 4)]),
            Err(Excess::Nested),
        ];
        insta::assert_snapshot!(examples(&Override::of(&parse("")), seen), @r"
        pass     compose.override  no port is published twice
        warn     compose.override  docker-compose.override.yml adds to port 3000 of `api` (line 4), port 9229 of `api` (line 4) instead of replacing it
                 to replace the ports, write `ports: !override` there
        fail     compose.override  docker-compose.override.yml: its values are nested more than 128 levels deep, which is fitout's limit
                 nest its lists and mappings less deeply
        ");
    }
}
