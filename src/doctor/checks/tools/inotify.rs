//! `tools.inotify`: how many files this user can watch for changes.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::{Inotify as Limits, Machine};
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::remedy;
use crate::doctor::setting::Setting;

/// The kernel's default until 5.11 was 8192; since then it grows with the memory, to 1048576. A
/// Node project alone watches tens of thousands.
const WATCHES: u64 = 65_536;
/// The kernel's default. All containers of a user share it.
const INSTANCES: u64 = 128;

/// Enough files can be watched.
pub struct Inotify;

impl Check for Inotify {
    /// The limits (inotify(7)); none if the system has no such limits.
    type Seen = Option<Limits>;

    const PAGE: &'static Page = &Page {
        id: "tools.inotify",
        in_order: "a user may watch 65536 files with 128 watchers",
        otherwise: &[(Status::Warn, "fewer, so hot reload may miss changes")],
        fixed_by: "a file in `/etc/sysctl.d`",
    };

    fn about(&self) -> About {
        About::new("tools.inotify", "enough files can be watched for changes")
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(machine.inotify())
    }

    fn judge(&self, limits: Self::Seen, setting: &Setting) -> Outcome {
        let Some(Limits { watches, instances }) = limits else {
            return Outcome::pass("this system has no such limit");
        };
        let found = format!("{watches} files, {instances} watchers");
        if watches < WATCHES || instances < INSTANCES {
            Outcome::warn(
                format!("only a few files can be watched, so hot reload may miss changes: {found}"),
                remedy::INOTIFY.on(&setting.system),
            )
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
    fn few_are_a_warning() {
        let limits = |watches, instances| Some(Limits { watches, instances });
        let seen = [None, limits(8192, 128), limits(524_288, 128)];
        insta::assert_snapshot!(examples(&Inotify, seen), @r"
        pass     tools.inotify  this system has no such limit
        warn     tools.inotify  only a few files can be watched, so hot reload may miss changes: 8192 files, 128 watchers
                 $ printf 'fs.inotify.max_user_watches=524288\nfs.inotify.max_user_instances=1024\n' | sudo tee /etc/sysctl.d/60-inotify.conf
                 $ sudo sysctl -p /etc/sysctl.d/60-inotify.conf
        pass     tools.inotify  524288 files, 128 watchers
        ");
    }
}
