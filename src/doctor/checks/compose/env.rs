//! `compose.env`: fitout's block of `.env`, which holds this machine's values for the compose file.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Fix, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// The block is what `fitout generate` would write.
pub struct EnvBlock;

impl Check for EnvBlock {
    /// Whether it is up to date.
    type Seen = bool;

    const PAGE: &'static Page = &Page {
        id: "compose.env",
        in_order: "fitout's block in `.env` has this machine's values",
        otherwise: &[(Status::Warn, "outdated")],
        fixed_by: "`fitout generate`, `--fix`",
    };

    fn about(&self) -> About {
        About::new("compose.env", "fitout's block in `.env` is up to date")
            .needs(["compose.present"])
            .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<bool, Fault> {
        Ok(machine.generated()?.env_block)
    }

    fn judge(&self, is_up_to_date: bool, _: &Setting) -> Outcome {
        if is_up_to_date {
            return Outcome::pass("`.env` is up to date");
        }
        let found = "`.env` has outdated values for this machine";
        Outcome::warn(found, Remedy::run("fitout generate")).fixed_by(Fix::Generate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn generate_writes_it() {
        insta::assert_snapshot!(examples(&EnvBlock, [true, false]), @r"
        pass     compose.env  `.env` is up to date
        warn     compose.env  `.env` has outdated values for this machine
                 $ fitout generate
        ");
    }
}
