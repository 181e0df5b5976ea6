//! `tools.wsl`: Linux on Windows, and the location of the workspace.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// An engine can run in this WSL, and the workspace is in its Linux.
pub struct Wsl;

/// Linux on Windows.
pub struct Seen {
    /// The first version, which has no Linux kernel.
    is_version_1: bool,
    /// Whether the workspace is on a Windows drive.
    is_on_windows: bool,
}

impl Check for Wsl {
    /// None if this is not WSL.
    type Seen = Option<Seen>;

    const PAGE: &'static Page = &Page {
        id: "tools.wsl",
        in_order: "not WSL, or WSL 2 with the workspace in Linux",
        otherwise: &[
            (Status::Fail, "WSL 1"),
            (Status::Warn, "the workspace is on a Windows drive"),
        ],
        fixed_by: "`wsl.exe --set-version`; moving the workspace",
    };

    fn about(&self) -> About {
        About::new(
            "tools.wsl",
            "the workspace is in Linux, not on a Windows drive",
        )
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(machine.system().is_wsl.then(|| Seen {
            // `4.4.0-19041-Microsoft`; the second is `5.15.90.1-microsoft-standard-WSL2`.
            is_version_1: machine.kernel().contains("-Microsoft"),
            is_on_windows: machine.is_on_windows_drive(),
        }))
    }

    fn judge(&self, seen: Self::Seen, _: &Setting) -> Outcome {
        match seen {
            None => Outcome::pass("this is not WSL"),
            Some(Seen {
                is_version_1: true, ..
            }) => Outcome::fail(
                "this is WSL 1, which can't run a Docker engine",
                Remedy::run("wsl.exe --set-version \"$WSL_DISTRO_NAME\" 2")
                    .and_note("in PowerShell, while this distribution is stopped"),
            ),
            Some(Seen {
                is_on_windows: true,
                ..
            }) => Outcome::warn(
                "the workspace is on a Windows drive: slow, and without events for hot reload",
                Remedy::note("clone the workspace into your Linux home: cd ~ && git clone …"),
            ),
            Some(_) => Outcome::pass("WSL 2, and the workspace is in Linux"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn the_version_and_the_place_decide() {
        let wsl = |is_version_1, is_on_windows| {
            Some(Seen {
                is_version_1,
                is_on_windows,
            })
        };
        let seen = [None, wsl(true, false), wsl(false, true), wsl(false, false)];
        insta::assert_snapshot!(examples(&Wsl, seen), @r#"
        pass     tools.wsl  this is not WSL
        fail     tools.wsl  this is WSL 1, which can't run a Docker engine
                 $ wsl.exe --set-version "$WSL_DISTRO_NAME" 2
                 in PowerShell, while this distribution is stopped
        warn     tools.wsl  the workspace is on a Windows drive: slow, and without events for hot reload
                 clone the workspace into your Linux home: cd ~ && git clone …
        pass     tools.wsl  WSL 2, and the workspace is in Linux
        "#);
    }
}
