//! `host.SERVICE.reachable`: a container can connect to the port of a service on this machine; uses
//! the container of `host.address` (`--deep`).

use std::time::Duration;

use super::address::PATIENCE;
use super::{Listener, firewall, listener, no_image, restart_service_of, unreached};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::host::{HostService, Reach};
use crate::doctor::machine::{AddressSeen, Machine, Reached};
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;
use crate::workspace::preset;

/// Containers reach the service.
pub struct Reachable {
    /// The service.
    pub service: HostService,
    /// What containers must be able to reach.
    pub reach: Reach,
}

impl Check for Reachable {
    /// From a container, and from here.
    type Seen = (AddressSeen, Listener);

    const PAGE: &'static Page = &Page {
        id: "host.SERVICE.reachable",
        in_order: "with `--deep`: a container can connect to the service's port",
        otherwise: &[
            (
                Status::Fail,
                "it listens on 127.0.0.1 only, a firewall drops the connection, nothing listens",
            ),
            (Status::Unknown, "there is no image to test with"),
        ],
        fixed_by: "the server's own setting; a firewall rule; `docker pull`",
    };

    fn about(&self) -> About {
        let name = &self.service.name;
        About::new(
            format!("host.{name}.reachable"),
            format!("containers can reach `{name}` on this machine"),
        )
        .needs(["tools.engine", "host.address"])
        .needs([format!("host.{name}.listens")])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        let reached = machine.reach(&self.reach)?.clone();
        Ok((reached, listener(&self.service, machine)))
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }

    fn judge(&self, (seen, listener): Self::Seen, setting: &Setting) -> Outcome {
        let AddressSeen::Probed(seen) = seen else {
            return no_image();
        };
        let service = &self.service;
        let mut pairs = self.reach.services.iter().zip(&seen.ports);
        let Some((_, port)) = pairs.find(|(other, _)| *other == service) else {
            return Outcome::unknown("the container did not check it");
        };
        let HostService { name, address, .. } = service;
        let at = format!("{address}:{}", service.port);
        match port {
            Reached::Open => Outcome::pass(format!("a container can reach `{name}` at {at}")),
            Reached::Refused => {
                let own: Vec<&str> = match &listener {
                    Listener::On(addresses) => addresses.iter().map(String::as_str).collect(),
                    _ => Vec::new(),
                };
                let is_open = |own: &&str| ["0.0.0.0", "::", address.as_str()].contains(own);
                if own.is_empty() || own.iter().any(is_open) {
                    return Outcome::fail(
                        format!(
                            "{at} refuses containers, although `{name}` listens there: a firewall rejects them"
                        ),
                        firewall(&seen, Some(service.port), setting),
                    );
                }
                let listen = preset::find(&service.preset)
                    .map_or("its address to listen on", |preset| preset.listen.as_str());
                Outcome::fail(
                    format!(
                        "`{name}` only listens on {}, but containers connect to {at}",
                        own.join(" and ")
                    ),
                    restart_service_of(&setting.system, service)
                        .and_note(format!("first set {listen}")),
                )
            }
            other => unreached(other, &at, &seen, Some(service.port), setting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::host::tests::{db, on, probed, reach};
    use crate::doctor::checks::tests::examples;

    #[test]
    fn a_server_for_this_machine_alone_is_told_from_a_firewall() {
        let port = |port: Reached, listener| (probed(Reached::Open, port, None), listener);
        let everywhere = || on(&["0.0.0.0", "::"]);
        let seen = [
            port(Reached::Open, everywhere()),
            port(Reached::Refused, on(&["127.0.0.1", "::1"])),
            port(Reached::Refused, everywhere()),
            port(Reached::Refused, on(&["192.168.1.5"])),
            port(Reached::Refused, Listener::Elsewhere),
            port(Reached::TimedOut, everywhere()),
            port(Reached::NoRoute, everywhere()),
            (AddressSeen::NoImage, everywhere()),
        ];
        let check = Reachable {
            service: db(),
            reach: reach(),
        };
        insta::assert_snapshot!(examples(&check, seen), @r"
        pass     host.db.reachable  a container can reach `db` at 172.17.0.1:5432
        fail     host.db.reachable  `db` only listens on 127.0.0.1 and ::1, but containers connect to 172.17.0.1:5432
                 $ sudo systemctl restart postgresql
                 first set `listen_addresses = '*'` in postgresql.conf, and a `host` line for Docker's networks in pg_hba.conf
        fail     host.db.reachable  172.17.0.1:5432 refuses containers, although `db` listens there: a firewall rejects them
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.db.reachable  `db` only listens on 192.168.1.5, but containers connect to 172.17.0.1:5432
                 $ sudo systemctl restart postgresql
                 first set `listen_addresses = '*'` in postgresql.conf, and a `host` line for Docker's networks in pg_hba.conf
        fail     host.db.reachable  172.17.0.1:5432 refuses containers, although `db` listens there: a firewall rejects them
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.db.reachable  no answer at 172.17.0.1:5432 within 5 s: a firewall drops connections from 172.18.0.0/16
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        fail     host.db.reachable  172.17.0.1:5432 refuses containers: a firewall rejects connections from 172.18.0.0/16, or it is another machine
                 $ sudo iptables -I INPUT -s 172.18.0.0/16 -p tcp --dport 5432 -j ACCEPT
        unknown  host.db.reachable  no image on this machine can be used to check it from a container
                 $ docker pull busybox:1.37
        ");
    }
}
