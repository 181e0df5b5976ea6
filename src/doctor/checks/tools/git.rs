//! `tools.git`: the user's git, which fitout and its suggested commands use.

use super::version::{dotted, is_older};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;

/// `git switch`, which suggested commands use, requires this version.
const OLDEST: [u64; 3] = [2, 23, 0];

/// git is installed, and new enough.
pub struct Git;

impl Check for Git {
    /// Its version; none if it is not installed.
    type Seen = Option<String>;

    const PAGE: &'static Page = &Page {
        id: "tools.git",
        in_order: "git 2.23 or newer is on PATH",
        otherwise: &[(Status::Fail, "not found"), (Status::Warn, "older")],
        fixed_by: "the system's package",
    };

    fn about(&self) -> About {
        About::new("tools.git", "git is installed")
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(machine.git_version())
    }

    fn judge(&self, version: Self::Seen, setting: &Setting) -> Outcome {
        let install = || remedy::GIT.on(&setting.system);
        match version {
            None => Outcome::fail("git is not installed", install()),
            Some(version) if is_older(&version, OLDEST) => Outcome::warn(
                format!(
                    "git {version} has no `git switch`, which requires {}",
                    dotted(OLDEST)
                ),
                install(),
            ),
            Some(version) => Outcome::pass(format!("git {version}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn the_version_decides() {
        let version = |version: &str| Some(version.to_owned());
        insta::assert_snapshot!(examples(&Git, [None, version("2.17.1"), version("2.47.3")]), @r"
        fail     tools.git  git is not installed
                 $ sudo apt install git
        warn     tools.git  git 2.17.1 has no `git switch`, which requires 2.23.0
                 $ sudo apt install git
        pass     tools.git  git 2.47.3
        ");
    }
}
