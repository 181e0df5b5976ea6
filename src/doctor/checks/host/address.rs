//! `host.address`: a container can reach this machine at `DOCKER_HOST_IP`. It starts a container
//! (`--deep`).

use std::time::Duration;

use super::{no_image, set_address, unreached};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::host::Reach;
use crate::doctor::machine::{AddressSeen, Machine, Reached};
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;

/// Its connections have 5 s each, plus the time to start and remove the container.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Containers reach this machine.
pub struct Address {
    /// What containers must be able to reach.
    pub reach: Reach,
}

impl Check for Address {
    type Seen = AddressSeen;

    const PAGE: &'static Page = &Page {
        id: "host.address",
        in_order: "with `--deep`: a container reaches this machine at `DOCKER_HOST_IP`",
        otherwise: &[
            (
                Status::Fail,
                "the name doesn't resolve, a firewall drops the connection, another machine responds",
            ),
            (
                Status::Info,
                "the services are reachable, but not every port",
            ),
            (Status::Unknown, "there is no image to test with"),
        ],
        fixed_by: "a firewall rule for the project's subnet; `[host]` with `ip`; `docker pull`",
    };

    fn about(&self) -> About {
        About::new(
            "host.address",
            format!(
                "containers can reach this machine at `{}`",
                self.reach.address
            ),
        )
        .needs(["tools.engine"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<AddressSeen, Fault> {
        machine.reach(&self.reach).cloned()
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }

    fn judge(&self, seen: AddressSeen, setting: &Setting) -> Outcome {
        let AddressSeen::Probed(seen) = seen else {
            return no_image();
        };
        let at = &self.reach.address;
        if seen.word == Reached::Open {
            return Outcome::pass(format!("a container can reach this machine at `{at}`"));
        }
        if seen.ports.contains(&Reached::Open) {
            return Outcome::info(format!(
                "containers can reach the services at `{at}`, but not every port"
            ));
        }
        if let Some(better) = &seen.better {
            let found = format!("for containers, this machine is at `{better}`, not at `{at}`");
            return Outcome::fail(found, set_address(better, setting));
        }
        let port = self.reach.services.first().map(|service| service.port);
        unreached(&seen.word, at, &seen, port, setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::host::tests::{probed, reach};
    use crate::doctor::checks::tests::examples_of;

    #[test]
    fn what_the_word_met_on_its_way_decides() {
        let (open, refused, silent) = (Reached::Open, Reached::Refused, Reached::TimedOut);
        let at = |seen| (Address { reach: reach() }, seen);
        let rootless = Address {
            reach: Reach {
                address: "10.0.2.2".to_owned(),
                ..reach()
            },
        };
        let seen = [
            (rootless, probed(refused.clone(), refused.clone(), None)),
            at(probed(open.clone(), open.clone(), None)),
            at(probed(silent.clone(), open, None)),
            at(probed(silent.clone(), silent.clone(), None)),
            at(probed(refused.clone(), refused.clone(), Some("10.0.2.1"))),
            at(probed(refused.clone(), refused, None)),
            at(probed(Reached::NoRoute, Reached::NoRoute, None)),
            at(probed(Reached::NoName, Reached::NoName, None)),
            at(probed(Reached::Other("odd".to_owned()), silent, None)),
            at(AddressSeen::NoImage),
        ];
        insta::assert_snapshot!(examples_of(seen), @r#"
        fail     host.address  10.0.2.2 doesn't respond: by default, a rootless engine doesn't let containers reach this machine
                 $ mkdir -p ~/.config/systemd/user/docker.service.d
                 $ printf '[Service]\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false\n' > ~/.config/systemd/user/docker.service.d/host-loopback.conf
                 $ systemctl --user daemon-reload
                 $ systemctl --user restart docker
                 containers can then also reach servers on this machine's 127.0.0.1
        pass     host.address  a container can reach this machine at `172.17.0.1`
        info     host.address  containers can reach the services at `172.17.0.1`, but not every port
        fail     host.address  no answer at 172.17.0.1 within 5 s: a firewall drops connections from 172.18.0.0/16
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.address  for containers, this machine is at `10.0.2.1`, not at `172.17.0.1`
                 $ fitout generate
                 first add `[host]` with `ip = "10.0.2.1"` to ../workspace.local.toml
        fail     host.address  172.17.0.1 refuses containers: a firewall rejects connections from 172.18.0.0/16, or it is another machine
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.address  172.17.0.1 refuses containers: a firewall rejects connections from 172.18.0.0/16, or it is another machine
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.address  the name in `172.17.0.1` can't be resolved in a container
                 $ fitout generate
                 or add `[host]` with `ip = …` to ../workspace.local.toml: this machine's address on its network
        unknown  host.address  172.17.0.1: odd
        unknown  host.address  no image on this machine can be used to check it from a container
                 $ docker pull busybox:1.37
        "#);
    }
}
