//! `files.SERVICE.env-secret`: git doesn't track a service's env file.

use super::{OfService, secret};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;

/// The env file is not committed.
pub struct EnvSecret(pub OfService);

impl Check for EnvSecret {
    /// Whether git would commit it.
    type Seen = bool;

    const PAGE: &'static Page = &Page {
        id: "files.SERVICE.env-secret",
        in_order: "the clone's git doesn't track that env file",
        otherwise: &[(Status::Warn, "it is committed")],
        fixed_by: "`git rm --cached`",
    };

    fn about(&self) -> About {
        let OfService { name, path, needs } = &self.0;
        About::new(
            format!("files.{name}.env-secret"),
            format!("git doesn't track `{path}`"),
        )
        .needs([needs])
    }

    fn look(&self, machine: &Machine) -> Result<bool, Fault> {
        Ok(machine.is_tracked(&self.0.path))
    }

    fn judge(&self, is_tracked: bool, setting: &Setting) -> Outcome {
        secret(is_tracked, &self.0.path, setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::files::tests::of_api;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn the_clone_forgets_it() {
        let check = EnvSecret(of_api("api/.env"));
        insta::assert_snapshot!(examples(&check, [false, true]), @r"
        pass     files.api.env-secret  `api/.env` is not committed
        warn     files.api.env-secret  `api/.env` is committed, with this machine's values and secrets
                 $ git -C ../api rm --cached .env
                 if it was pushed, consider those secrets leaked, and change them
        ");
    }
}
