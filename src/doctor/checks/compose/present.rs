//! `compose.present`: the compose file is there.

use crate::compose::FILE;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::checks::files::present;
use crate::doctor::machine::{FileSeen, Machine};
use crate::doctor::outcome::{Fault, Fix, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// There is a compose file.
pub struct Present;

impl Check for Present {
    type Seen = FileSeen;

    const PAGE: &'static Page = &Page {
        id: "compose.present",
        in_order: "`docker-compose.yml` exists",
        otherwise: &[(Status::Fail, "it doesn't")],
        fixed_by: "`fitout generate`, `--fix`",
    };

    fn about(&self) -> About {
        About::new("compose.present", format!("`{FILE}` exists"))
    }

    fn look(&self, machine: &Machine) -> Result<FileSeen, Fault> {
        machine.file(FILE)
    }

    fn judge(&self, file: FileSeen, setting: &Setting) -> Outcome {
        let missing = Outcome::fail(
            format!("`{FILE}` is missing"),
            Remedy::run("fitout generate"),
        );
        present(file, FILE, setting, missing.fixed_by(Fix::Generate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn generate_writes_it() {
        let seen = [FileSeen::Present, FileSeen::Missing, FileSeen::NotAFile];
        insta::assert_snapshot!(examples(&Present, seen), @r"
        pass     compose.present  `docker-compose.yml`
        fail     compose.present  `docker-compose.yml` is missing
                 $ fitout generate
        fail     compose.present  `docker-compose.yml` is not a file
                 $ ls -ld ../docker-compose.yml
        ");
    }
}
