//! Detects the container runtime, and the address at which its containers reach this machine
//! (docs/host.md).
//!
//! The runtime is detected by the endpoint, without contacting it, so that `generate` is fast, or
//! by the engine's own answers, for doctor. Pure: recorded texts in, addresses out.

pub mod wsl;

use std::fmt;

use serde::Deserialize;

/// The name under which containers know this machine.
pub const NAME: &str = "host.docker.internal";
/// An alias that an engine replaces with this machine's address; since Docker 20.10 and Podman 4.7.
pub const HOST_GATEWAY: &str = "host-gateway";

/// The addresses of this machine for containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddress {
    /// `DOCKER_HOST_IP`: an address if known, otherwise a name.
    pub ip: String,
    /// `DOCKER_HOST_GATEWAY`: what the name `host.docker.internal` maps to.
    pub gateway: String,
}

/// A container runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Docker Engine on this Linux.
    Engine,
    /// A rootless Docker Engine with this network driver.
    Rootless(Driver),
    /// Docker Desktop.
    DockerDesktop,
    /// `OrbStack`.
    OrbStack,
    /// Colima.
    Colima,
    /// Lima with a template of its own.
    Lima,
    /// Rancher Desktop.
    RancherDesktop,
    /// Podman behind Docker's API.
    Podman,
    /// An engine on another machine.
    Remote,
}

/// The network driver of a rootless engine (`RootlessKit`, `--net`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The default up to Docker 29.4.
    Slirp4netns,
    /// The default since Docker 29.5.
    GvisorTapVsock,
    /// Another driver, without a fixed address for this machine.
    Other,
}

/// Local information about this machine's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The address of Docker's own bridge on this machine.
    pub bridge: Option<String>,
    /// The gateway of the default route.
    pub default_route: Option<String>,
    /// This machine's address on the network of its default route.
    pub lan: Option<String>,
    /// The network mode of WSL, if this is WSL.
    pub wsl: Option<wsl::Mode>,
}

/// The side of WSL that the database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In this Linux.
    Here,
    /// On Windows.
    Windows,
}

impl Runtime {
    /// Detects the runtime by the client's context name (empty for none) and endpoint, with socket
    /// links resolved.
    pub fn of_endpoint(context: &str, endpoint: &str, is_macos: bool) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| endpoint.contains(part));
        match context {
            "rancher-desktop" => return Runtime::RancherDesktop,
            "orbstack" => return Runtime::OrbStack,
            "desktop-linux" | "desktop-windows" => return Runtime::DockerDesktop,
            "rootless" => return Runtime::Rootless(Driver::Slirp4netns),
            _ => {}
        }
        if is(context, "colima") || has(&["/.colima/", "/colima/"]) {
            Runtime::Colima
        } else if has(&["/.rd/", "rancher-desktop"]) {
            Runtime::RancherDesktop
        } else if context.starts_with("lima-") || has(&["/.lima/"]) {
            Runtime::Lima
        } else if has(&["/.orbstack/"]) {
            Runtime::OrbStack
        } else if has(&["/.docker/run/", "/.docker/desktop/", "docker-desktop"]) {
            Runtime::DockerDesktop
        } else if has(&["podman"]) {
            Runtime::Podman
        } else if has(&["/run/user/"]) {
            Runtime::Rootless(Driver::Slirp4netns)
        } else if has(&["tcp://", "ssh://"]) && !has(&["//localhost", "//127.0.0.1", "//[::1]"]) {
            Runtime::Remote
        } else if is_macos {
            // No engine runs on macOS itself, and most virtual machines have the built-in name.
            Runtime::DockerDesktop
        } else {
            Runtime::Engine
        }
    }

    /// Detects the runtime by the engine's answers: `docker info --format '{{json .}}'` and `docker
    /// version --format '{{json .Server}}'`. Returns none if they can't be parsed.
    pub fn of_answers(info: &str, version: &str) -> Option<Self> {
        let info: Info = serde_json::from_str(info).ok()?;
        let version: Version = serde_json::from_str(version).unwrap_or_default();
        let component = |name: &str| {
            let mut components = version.components.iter();
            components.find(|component| component.name == name)
        };
        let system = info.operating_system.as_str();
        let options = info.security_options.unwrap_or_default();
        Some(if component("Podman Engine").is_some() {
            Runtime::Podman
        } else if system == "Docker Desktop" {
            Runtime::DockerDesktop
        } else if system == "OrbStack" {
            Runtime::OrbStack
        } else if system.starts_with("Rancher Desktop") || info.name == "lima-rancher-desktop" {
            Runtime::RancherDesktop
        } else if is(&info.name, "colima") {
            Runtime::Colima
        } else if info.name.starts_with("lima-") {
            Runtime::Lima
        } else if options.iter().any(|option| option == "name=rootless") {
            let driver = component("rootlesskit").and_then(|kit| kit.details.as_ref());
            Runtime::Rootless(
                match driver.map(|details| details.network_driver.as_str()) {
                    // Engines before Docker 23 don't report it, and there was no other default.
                    Some("slirp4netns") | None => Driver::Slirp4netns,
                    Some("gvisor-tap-vsock") => Driver::GvisorTapVsock,
                    Some(_) => Driver::Other,
                },
            )
        } else if info.server_version.is_empty() {
            return None;
        } else {
            Runtime::Engine
        })
    }

    /// Returns the addresses at which containers reach this machine.
    pub fn address(self, network: &Network, database: Side) -> HostAddress {
        let both = |ip: &str| HostAddress {
            ip: ip.to_owned(),
            gateway: ip.to_owned(),
        };
        let by_name = || HostAddress {
            ip: NAME.to_owned(),
            gateway: HOST_GATEWAY.to_owned(),
        };
        let or_name = |ip: &Option<String>| ip.as_deref().map_or_else(by_name, both);
        match (self, network.wsl) {
            (Runtime::Engine, Some(wsl::Mode::Mirrored))
            | (Runtime::Rootless(Driver::Other), _) => or_name(&network.lan),
            (Runtime::Engine, Some(_)) if database == Side::Windows => {
                or_name(&network.default_route)
            }
            (Runtime::Engine, _) => HostAddress {
                ip: network.bridge.clone().unwrap_or_else(|| NAME.to_owned()),
                gateway: HOST_GATEWAY.to_owned(),
            },
            // The gateway of its bridge is in its own network namespace, not on this machine.
            (Runtime::Rootless(Driver::Slirp4netns), _) => both("10.0.2.2"),
            (Runtime::Rootless(Driver::GvisorTapVsock), _) => both("10.0.2.1"),
            // The addresses that these use for `host.docker.internal`. Rancher Desktop's
            // `host-gateway` is the bridge inside its virtual machine.
            (Runtime::RancherDesktop, Some(_)) => both("192.168.127.254"),
            (Runtime::RancherDesktop | Runtime::Colima | Runtime::Lima, _) => both("192.168.5.2"),
            (Runtime::DockerDesktop | Runtime::OrbStack | Runtime::Podman | Runtime::Remote, _) => {
                by_name()
            }
        }
    }
}

/// Colima names all but its first virtual machine `colima-PROFILE`.
fn is(name: &str, program: &str) -> bool {
    name.strip_prefix(program)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl fmt::Display for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Runtime::Engine => "Docker Engine",
            Runtime::Rootless(_) => "rootless Docker Engine",
            Runtime::DockerDesktop => "Docker Desktop",
            Runtime::OrbStack => "OrbStack",
            Runtime::Colima => "Colima",
            Runtime::Lima => "Lima",
            Runtime::RancherDesktop => "Rancher Desktop",
            Runtime::Podman => "Podman",
            Runtime::Remote => "an engine on another machine",
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Info {
    name: String,
    operating_system: String,
    server_version: String,
    security_options: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Version {
    components: Vec<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Component {
    name: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Details {
    network_driver: String,
}

/// A default route of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network interface.
    pub interface: String,
    /// The router's IPv4 address.
    pub gateway: String,
}

/// Returns the default route with the lowest metric from the text of `/proc/net/route` (proc(5);
/// addresses are hexadecimal in the machine's byte order, which is little-endian on all platforms
/// that Docker supports).
pub fn default_route(table: &str) -> Option<Route> {
    /// include/uapi/linux/route.h: the route goes through a gateway.
    const RTF_GATEWAY: u32 = 2;
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let hex = |field: usize| u32::from_str_radix(fields.get(field)?, 16).ok();
            let is_default = hex(1)? == 0 && hex(7)? == 0 && hex(3)? & RTF_GATEWAY != 0;
            let metric: u64 = fields.get(6)?.parse().ok()?;
            let bytes = hex(2)?.to_le_bytes();
            let route = Route {
                interface: (*fields.first()?).to_owned(),
                gateway: bytes.map(|byte| byte.to_string()).join("."),
            };
            is_default.then_some((metric, route))
        })
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, route)| route)
}
