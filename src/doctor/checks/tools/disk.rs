//! `tools.disk`: free space where the workspace is.

use super::{GIB, gigabytes};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// A few images and a build cache can fill this in a day.
const ROOMY: u64 = 5 * GIB;
/// Even a clone may not fit.
const FULL: u64 = GIB / 4;

/// There is enough space.
pub struct Disk;

impl Check for Disk {
    /// Free bytes.
    type Seen = u64;

    const PAGE: &'static Page = &Page {
        id: "tools.disk",
        in_order: "5 GiB are free on the disk of the workspace",
        otherwise: &[(Status::Warn, "less"), (Status::Fail, "less than 256 MiB")],
        fixed_by: "`docker system df`, `docker builder prune`",
    };

    fn about(&self) -> About {
        About::new("tools.disk", "there is space on the disk")
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let silence = || Fault::Blocked("the system doesn't report it".to_owned());
        machine.free_disk().ok_or_else(silence)
    }

    fn judge(&self, free: Self::Seen, _: &Setting) -> Outcome {
        let found = format!("{} free", gigabytes(free));
        let fix = || {
            Remedy::run("docker system df").and_note("`docker builder prune` frees the build cache")
        };
        if free < FULL {
            Outcome::fail(format!("the disk is full: {found}"), fix())
        } else if free < ROOMY {
            Outcome::warn(format!("the disk is nearly full: {found}"), fix())
        } else {
            Outcome::pass(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn little_is_a_warning_and_nothing_a_failure() {
        insta::assert_snapshot!(examples(&Disk, [GIB / 8, 2 * GIB, 60 * GIB]), @r"
        fail     tools.disk  the disk is full: 0.1 GiB free
                 $ docker system df
                 `docker builder prune` frees the build cache
        warn     tools.disk  the disk is nearly full: 2.0 GiB free
                 $ docker system df
                 `docker builder prune` frees the build cache
        pass     tools.disk  60.0 GiB free
        ");
    }
}
