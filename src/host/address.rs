//! This machine's network according to its own files, for the address at which containers reach it.
//!
//! Contacts an engine only if Docker Engine's bridge is not `docker0`. `runtime` interprets the
//! facts.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process;
use crate::compose::text::hash;
use crate::runtime::{self, HostAddress, Network, Runtime, Side, wsl};

/// The bridge of a Docker Engine on Linux, unless configured otherwise.
const BRIDGE: &str = "docker0";
/// The client's default endpoint.
const SOCKET: &str = "/var/run/docker.sock";
/// Longer than a busy engine takes, but short enough to wait for.
const LIMIT: Duration = Duration::from_secs(2);

/// Returns the address at which containers reach this machine; `gateways` returns those of the
/// engine's bridge, and is only called if there is no `docker0`. Never fails: `generate` must work
/// without a running engine.
pub fn detect(gateways: impl FnOnce(Duration) -> Vec<IpAddr>) -> HostAddress {
    let runtime = runtime();
    let mut network = network();
    if runtime == Runtime::Engine && network.bridge.is_none() {
        let gateways = gateways(LIMIT);
        network.bridge = choose(&gateways, is_of_this_machine).map(|ip| ip.to_string());
    }
    runtime.address(&network, Side::Here)
}

/// Returns the runtime, by the client's configuration and its socket.
pub fn runtime() -> Runtime {
    let (context, endpoint) = endpoint();
    Runtime::of_endpoint(&context, &endpoint, cfg!(target_os = "macos"))
}

/// Returns what is known about this machine's network.
pub fn network() -> Network {
    let kernel = read("/proc/version");
    let route = runtime::default_route(&read("/proc/net/route"));
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let address_of = |name: &str| {
        let mut of_name = interfaces.iter().filter(|interface| interface.name == name);
        of_name
            .find(|interface| interface.ip().is_ipv4())
            .map(|interface| interface.ip().to_string())
    };
    Network {
        bridge: address_of(BRIDGE),
        lan: route
            .as_ref()
            .and_then(|route| address_of(&route.interface)),
        default_route: route.map(|route| route.gateway),
        wsl: wsl::is_wsl(&kernel).then(wsl_mode),
    }
}

/// Returns the context's name, empty for none, and the endpoint with socket links resolved. The
/// order is the client's: `DOCKER_HOST`, `DOCKER_CONTEXT`, its configuration (docs.docker.com,
/// "Docker contexts").
fn endpoint() -> (String, String) {
    if let Some(address) = variable("DOCKER_HOST") {
        return (String::new(), followed(&address));
    }
    let folder = variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| dirs::home_dir().map(|home| home.join(".docker")))
        .unwrap_or_default();
    let context = variable("DOCKER_CONTEXT").or_else(|| {
        json(&folder.join("config.json"))?
            .get("currentContext")?
            .as_str()
            .map(str::to_owned)
    });
    match context {
        Some(context) if context != "default" && !context.is_empty() => {
            let mut file = folder.join("contexts/meta");
            file.push(hash(&context));
            let meta = json(&file.join("meta.json"));
            let address = meta
                .as_ref()
                .and_then(|meta| meta.pointer("/Endpoints/docker/Host")?.as_str())
                .unwrap_or_default();
            (context, followed(address))
        }
        _ => (String::new(), followed(&format!("unix://{SOCKET}"))),
    }
}

/// Alternative runtimes replace Docker's socket with a link to their own.
fn followed(address: &str) -> String {
    let path = address.strip_prefix("unix://");
    path.and_then(|path| fs::canonicalize(path).ok())
        .map_or_else(
            || address.to_owned(),
            |path| format!("unix://{}", path.display()),
        )
}

/// WSL's own program first: it reports the effective mode. Not every version has it.
fn wsl_mode() -> wsl::Mode {
    let mut program = Command::new("wslinfo");
    let answer = process::run(program.arg("--networking-mode"), LIMIT);
    if let Ok(output) = answer
        && let Some(mode) = wsl::mode_in_force(&output.stdout)
    {
        return mode;
    }
    let users = format!("{}/c/Users", wsl::drives(&read("/etc/wsl.conf")));
    let mut configs = fs::read_dir(users)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|user| fs::read_to_string(user.path().join(".wslconfig")).ok());
    // The Windows account is unknown; usually there is only one with such a file.
    configs
        .next()
        .map_or(wsl::Mode::Nat, |config| wsl::mode_in_config(&config))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn json(path: &Path) -> Option<serde_json::Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns the gateway that is an address of this machine, IPv4 first. An engine whose socket is
/// forwarded also has a bridge, but its gateway is elsewhere.
fn choose(gateways: &[IpAddr], is_here: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let of = |is_family: fn(&IpAddr) -> bool| {
        let mut family = gateways.iter().copied().filter(is_family);
        family.find(|address| is_here(*address))
    };
    of(IpAddr::is_ipv4).or_else(|| of(IpAddr::is_ipv6))
}

/// Only addresses of this machine can be bound.
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
        // TEST-NET-1 (RFC 5737) is not in use.
        assert!(!is_of_this_machine("192.0.2.1".parse().unwrap()));
    }
}
