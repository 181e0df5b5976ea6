//! The address at which a container reaches this machine.

use std::net::IpAddr;

/// The name under which containers know this machine, on every runtime.
const NAME: &str = "host.docker.internal";
/// The bridge of a Docker Engine on Linux: containers reach the host at its address.
const BRIDGE: &str = "docker0";

/// What containers are told about this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// `DOCKER_HOST_IP`: an address where one is known, else a name.
    pub ip: String,
    /// `DOCKER_HOST_GATEWAY`: what the name `host.docker.internal` maps to.
    pub gateway: String,
}

/// Looks at this machine's network interfaces, and at nothing that could make it wait: `generate`
/// must work while no engine runs.
pub fn detect() -> HostAddress {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let bridge = interfaces
        .into_iter()
        .filter(|interface| interface.name == BRIDGE)
        .map(|interface| interface.ip())
        .find(IpAddr::is_ipv4);
    HostAddress {
        ip: bridge.map_or_else(|| NAME.to_owned(), |ip| ip.to_string()),
        gateway: "host-gateway".to_owned(),
    }
}
