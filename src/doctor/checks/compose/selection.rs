//! `compose.selection`: the files and the project according to the shell, `.env` and the folder.

use crate::compose::selection::Difference;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// Plain `docker compose` uses the same files and project as fitout.
pub struct Selection;

impl Check for Selection {
    type Seen = Vec<Difference>;

    const PAGE: &'static Page = &Page {
        id: "compose.selection",
        in_order: "plain `docker compose` in the folder uses this workspace's files and project",
        otherwise: &[(
            Status::Warn,
            "the shell or `.env` sets others (`COMPOSE_FILE`, `COMPOSE_PROJECT_NAME`, `COMPOSE_PROFILES`, `COMPOSE_ENV_FILES`, …), or the folder has a `compose.yaml`",
        )],
        fixed_by: "`unset`, a line in `.env`",
    };

    fn about(&self) -> About {
        About::new(
            "compose.selection",
            "plain `docker compose` uses this workspace",
        )
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(machine.selection().differences.clone())
    }

    fn judge(&self, differences: Self::Seen, _: &Setting) -> Outcome {
        if differences.is_empty() {
            return Outcome::pass("no variable overrides it");
        }
        let found: Vec<&str> = differences.iter().map(|it| it.found.as_str()).collect();
        let remedies = differences.iter().filter_map(|it| it.remedy.clone());
        let remedy = remedies.fold(Remedy::default(), Remedy::and_run);
        Outcome::warn(found.join("; "), remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn each_difference_is_named_with_what_ends_it() {
        let difference = |found: &str, remedy: Option<&str>| Difference {
            found: found.to_owned(),
            remedy: remedy.map(str::to_owned),
        };
        let seen = [
            Vec::new(),
            vec![
                difference(
                    "the shell sets `COMPOSE_FILE` to `x.yml`",
                    Some("unset COMPOSE_FILE"),
                ),
                difference("there is a `compose.yaml`", None),
                difference(
                    "the shell sets `COMPOSE_PROFILES`",
                    Some("echo 'COMPOSE_PROFILES=x' >> .env"),
                ),
            ],
        ];
        insta::assert_snapshot!(examples(&Selection, seen), @r"
        pass     compose.selection  no variable overrides it
        warn     compose.selection  the shell sets `COMPOSE_FILE` to `x.yml`; there is a `compose.yaml`; the shell sets `COMPOSE_PROFILES`
                 $ unset COMPOSE_FILE
                 $ echo 'COMPOSE_PROFILES=x' >> .env
        ");
    }
}
