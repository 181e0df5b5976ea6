//! `host.SERVICE.listens`: a service with `runs_on = "host"` listens on this machine.

use super::{Listener, listener, set_address, start_service_of};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::host::HostService;
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;

/// A server listens on the service's port.
pub struct Listens {
    /// The service.
    pub service: HostService,
}

impl Check for Listens {
    type Seen = Listener;

    const PAGE: &'static Page = &Page {
        id: "host.SERVICE.listens",
        in_order: "a service with `runs_on = \"host\"` listens on its port",
        otherwise: &[(
            Status::Fail,
            "nothing listens, or only on Windows around WSL",
        )],
        fixed_by: "starting the server; `[host]` with `ip` in `workspace.local.toml`",
    };

    fn about(&self) -> About {
        let name = &self.service.name;
        About::new(
            format!("host.{name}.listens"),
            format!("`{name}` listens on this machine"),
        )
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Listener, Fault> {
        Ok(listener(&self.service, machine))
    }

    fn judge(&self, seen: Listener, setting: &Setting) -> Outcome {
        let HostService { name, port, .. } = &self.service;
        match &seen {
            Listener::On(addresses) => Outcome::pass(format!(
                "a server listens on port {port} at {}",
                addresses.join(", ")
            )),
            Listener::Elsewhere => Outcome::pass(format!(
                "{}:{port} accepts connections",
                self.service.address
            )),
            Listener::OnWindows(windows) => Outcome::fail(
                format!(
                    "nothing listens on port {port} in this Linux, but `{windows}`, which is Windows, does"
                ),
                set_address(windows, setting),
            ),
            Listener::Nothing => Outcome::fail(
                format!("`{name}` runs on this machine, but nothing listens on port {port}"),
                start_service_of(&setting.system, &self.service),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::host::tests::{db, on};
    use crate::doctor::checks::tests::examples;

    #[test]
    fn windows_around_wsl_is_another_machine() {
        let seen = [
            on(&["0.0.0.0", "::"]),
            Listener::Elsewhere,
            Listener::OnWindows("172.27.128.1".to_owned()),
            Listener::Nothing,
        ];
        insta::assert_snapshot!(examples(&Listens { service: db() }, seen), @r#"
        pass     host.db.listens  a server listens on port 5432 at 0.0.0.0, ::
        pass     host.db.listens  172.17.0.1:5432 accepts connections
        fail     host.db.listens  nothing listens on port 5432 in this Linux, but `172.27.128.1`, which is Windows, does
                 $ fitout generate
                 first add `[host]` with `ip = "172.27.128.1"` to ../workspace.local.toml
        fail     host.db.listens  `db` runs on this machine, but nothing listens on port 5432
                 $ sudo systemctl start postgresql
                 or switch back to the container: `fitout use db container`
        "#);
    }
}
