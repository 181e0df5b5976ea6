//! `tools.buildx`: the client's plugin for builds, which Compose doesn't require.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;

/// The plugin is installed.
pub struct Buildx;

impl Check for Buildx {
    /// Its version; none if it is not installed.
    type Seen = Option<String>;

    const PAGE: &'static Page = &Page {
        id: "tools.buildx",
        in_order: "the buildx plugin is installed",
        otherwise: &[(Status::Info, "Compose builds without it")],
        fixed_by: "",
    };

    fn about(&self) -> About {
        About::new("tools.buildx", "the buildx plugin is installed").needs(["tools.docker"])
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        machine.buildx_version()
    }

    fn judge(&self, version: Self::Seen, _: &Setting) -> Outcome {
        match version {
            Some(version) => Outcome::pass(format!("buildx {version}")),
            None => Outcome::info("no buildx plugin; Compose builds without it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn none_is_no_problem() {
        let seen = [None, Some("0.29.1".to_owned())];
        insta::assert_snapshot!(examples(&Buildx, seen), @r"
        info     tools.buildx  no buildx plugin; Compose builds without it
        pass     tools.buildx  buildx 0.29.1
        ");
    }
}
