//! `compose.drift`: compares the compose file, and other generated files that are committed, with
//! the manifest.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{DriftSeen, Machine};
use crate::doctor::outcome::{Fault, Fix, Outcome, Remedy, Status, one_line, quoted};
use crate::doctor::setting::Setting;

/// It is what `fitout generate` would write.
pub struct Drift;

impl Check for Drift {
    type Seen = DriftSeen;

    const PAGE: &'static Page = &Page {
        id: "compose.drift",
        in_order: "it matches the manifest",
        otherwise: &[(Status::Fail, "outdated, edited by hand, or not fitout's")],
        fixed_by: "`fitout generate`; `--fix` if outdated",
    };

    fn about(&self) -> About {
        About::new("compose.drift", "`docker-compose.yml` is up to date")
            .needs(["compose.present"])
            .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<DriftSeen, Fault> {
        Ok(machine.generated()?.drift.clone())
    }

    fn judge(&self, drift: DriftSeen, _: &Setting) -> Outcome {
        match drift {
        DriftSeen::Same => Outcome::pass("matches the manifest"),
        DriftSeen::Missing => {
            Outcome::fail("`docker-compose.yml` is missing", Remedy::run("fitout generate"))
                .fixed_by(Fix::Generate)
        }
        DriftSeen::Outdated(parts) => {
            let names = one_line(&quoted(&parts));
            let what = match parts.len() {
                0 => String::new(),
                1 => format!(": {names} differs"),
                _ => format!(": {names} differ"),
            };
            Outcome::fail(
                format!("the manifest has changed since `fitout generate`{what}"),
                Remedy::run("fitout generate --diff").and_run("fitout generate"),
            )
            .fixed_by(Fix::Generate)
        }
        DriftSeen::EditedByHand => Outcome::fail(
            "`docker-compose.yml` was edited by hand",
            Remedy::run("fitout generate --diff").and_note(
                "move the edit into workspace.toml (`compose = {…}`) or docker-compose.override.yml, then `fitout generate --force`",
            ),
        ),
        DriftSeen::Foreign => Outcome::fail(
            "`docker-compose.yml` was not written by fitout",
            Remedy::run("fitout generate --diff")
                .and_note("`fitout generate --force` replaces it"),
        ),
    }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn a_hand_edit_is_never_overwritten() {
        let outdated = |parts: &[&str]| {
            let parts = parts.iter().map(ToString::to_string);
            DriftSeen::Outdated(parts.collect())
        };
        let seen = [
            DriftSeen::Same,
            DriftSeen::Missing,
            outdated(&[]),
            outdated(&["services.api"]),
            outdated(&["services.api", ".gitignore"]),
            DriftSeen::EditedByHand,
            DriftSeen::Foreign,
        ];
        insta::assert_snapshot!(examples(&Drift, seen), @r"
        pass     compose.drift  matches the manifest
        fail     compose.drift  `docker-compose.yml` is missing
                 $ fitout generate
        fail     compose.drift  the manifest has changed since `fitout generate`
                 $ fitout generate --diff
                 $ fitout generate
        fail     compose.drift  the manifest has changed since `fitout generate`: `services.api` differs
                 $ fitout generate --diff
                 $ fitout generate
        fail     compose.drift  the manifest has changed since `fitout generate`: `services.api`, `.gitignore` differ
                 $ fitout generate --diff
                 $ fitout generate
        fail     compose.drift  `docker-compose.yml` was edited by hand
                 $ fitout generate --diff
                 move the edit into workspace.toml (`compose = {…}`) or docker-compose.override.yml, then `fitout generate --force`
        fail     compose.drift  `docker-compose.yml` was not written by fitout
                 $ fitout generate --diff
                 `fitout generate --force` replaces it
        ");
    }
}
