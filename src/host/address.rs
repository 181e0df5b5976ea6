//! Where a container reaches this machine: the values of `DOCKER_HOST_IP` and
//! `DOCKER_HOST_GATEWAY`.
//!
//! Today it knows Docker Engine on Linux, by the gateway of its bridge network, and leaves the
//! built-in name to all other runtimes.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use crate::docker::Docker;

/// The name under which containers know this machine, on every runtime.
const NAME: &str = "host.docker.internal";
/// The bridge of a Docker Engine on Linux, unless its configuration names another one.
const BRIDGE: &str = "docker0";
/// Longer than a busy engine takes, short enough to wait for.
const LIMIT: Duration = Duration::from_secs(2);

/// What containers are told about this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// `DOCKER_HOST_IP`: an address where one is known, else a name.
    pub ip: String,
    /// `DOCKER_HOST_GATEWAY`: what the name `host.docker.internal` maps to.
    pub gateway: String,
}

/// Looks at this machine's network interfaces, and asks the engine only where they don't tell.
/// Never fails: `generate` must work while no engine runs.
pub fn detect(docker: &Docker) -> HostAddress {
    let ip = bridge_interface().or_else(|| {
        // Elsewhere the engine runs in a virtual machine, and its bridge is there too.
        let gateways = if cfg!(target_os = "linux") {
            docker.clone().limit(LIMIT).bridge_gateways()
        } else {
            Vec::new()
        };
        choose(&gateways, is_of_this_machine)
    });
    HostAddress {
        ip: ip.map_or_else(|| NAME.to_owned(), |ip| ip.to_string()),
        gateway: "host-gateway".to_owned(),
    }
}

fn bridge_interface() -> Option<IpAddr> {
    if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| interface.name == BRIDGE)
        .map(|interface| interface.ip())
        .find(IpAddr::is_ipv4)
}

/// The gateway that is an address of this very machine, IPv4 first. Docker Desktop, a rootless
/// engine and an engine on another machine have a bridge too, but its gateway is not here.
fn choose(gateways: &[IpAddr], is_here: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let of = |is_family: fn(&IpAddr) -> bool| {
        let mut family = gateways.iter().copied().filter(is_family);
        family.find(|address| is_here(*address))
    };
    of(IpAddr::is_ipv4).or_else(|| of(IpAddr::is_ipv6))
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_counts_only_when_it_is_here_and_ipv4_comes_first() {
        let v4: IpAddr = "172.17.0.1".parse().unwrap();
        let v6: IpAddr = "fd00::1".parse().unwrap();
        let cases = [
            (vec![v6, v4], vec![v4, v6], Some(v4)),
            (vec![v6, v4], vec![v6], Some(v6)),
            (vec![v4], vec![], None),
            (vec![], vec![v4], None),
        ];
        for (gateways, here, expected) in cases {
            let chosen = choose(&gateways, |address| here.contains(&address));
            assert_eq!(chosen, expected, "{gateways:?} {here:?}");
        }
    }

    #[test]
    fn only_local_addresses_can_be_bound() {
        assert!(is_of_this_machine("127.0.0.1".parse().unwrap()));
        // TEST-NET-1 (RFC 5737) is nobody's.
        assert!(!is_of_this_machine("192.0.2.1".parse().unwrap()));
    }
}
