//! `tools.rootless`: limitations of a rootless engine.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// Resource limits of containers take effect.
pub struct Rootless;

/// Who runs the engine.
pub struct Seen {
    /// A user does.
    is_rootless: bool,
    /// `systemd`, `cgroupfs`, or `none`, in which case memory and CPU limits have no effect.
    cgroup_driver: String,
}

impl Check for Rootless {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "tools.rootless",
        in_order: "limits of containers take effect",
        otherwise: &[(Status::Warn, "a rootless engine without a cgroup driver")],
        fixed_by: "delegating cgroups to the user",
    };

    fn about(&self) -> About {
        About::new(
            "tools.rootless",
            "resource limits of containers take effect",
        )
        .needs(["tools.engine"])
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        match machine.engine() {
            Ok(engine) => Ok(Seen {
                is_rootless: engine.is_rootless,
                cgroup_driver: engine.cgroup_driver.clone(),
            }),
            Err(_) => Err(Fault::Blocked("no engine responds".to_owned())),
        }
    }

    fn judge(&self, seen: Seen, _: &Setting) -> Outcome {
        match (seen.is_rootless, seen.cgroup_driver.as_str()) {
            (false, _) => Outcome::pass("the engine is not rootless"),
            (true, "none") => Outcome::warn(
                "the rootless engine has no cgroup driver: `limits` have no effect",
                Remedy::note(
                    "let systemd delegate cgroups: https://rootlesscontaine.rs/getting-started/common/cgroup2/",
                ),
            ),
            (true, driver) => Outcome::pass(format!("rootless, cgroup driver {driver}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn only_a_rootless_engine_can_lack_a_driver() {
        let seen = [(false, "systemd"), (true, "none"), (true, "systemd")];
        let seen = seen.map(|(is_rootless, driver)| Seen {
            is_rootless,
            cgroup_driver: driver.to_owned(),
        });
        insta::assert_snapshot!(examples(&Rootless, seen), @r"
        pass     tools.rootless  the engine is not rootless
        warn     tools.rootless  the rootless engine has no cgroup driver: `limits` have no effect
                 let systemd delegate cgroups: https://rootlesscontaine.rs/getting-started/common/cgroup2/
        pass     tools.rootless  rootless, cgroup driver systemd
        ");
    }
}
