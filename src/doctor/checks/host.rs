//! Services that run on this machine, seen from here and from a container: the group `host`.

pub mod address;
pub mod listens;
pub mod reachable;

use crate::doctor::firewall;
use crate::doctor::host::HostService;
use crate::doctor::machine::{Machine, ReachSeen, Reached};
use crate::doctor::outcome::{Outcome, Remedy};
use crate::doctor::setting::Setting;
use crate::doctor::system::{Platform, System};
use crate::workspace::preset::{self, Packages};

/// The server on a port of this machine.
pub enum Listener {
    /// Listens on these addresses.
    On(Vec<String>),
    /// Not in this system's table, but the address accepts connections: Windows outside of WSL, or
    /// another machine.
    Elsewhere,
    /// Not in this WSL, but on Windows, which has this address.
    OnWindows(String),
    /// Nobody.
    Nothing,
}

/// Returns who listens for a service on this machine.
fn listener(service: &HostService, machine: &Machine) -> Listener {
    let addresses = machine.listeners(service.port);
    if !addresses.is_empty() {
        return Listener::On(addresses);
    }
    let answers = |address: &str| machine.takes_connections(address, service.port);
    if answers(&service.address) {
        return Listener::Elsewhere;
    }
    match machine.windows() {
        Some(windows) if answers(&windows) => Listener::OnWindows(windows),
        _ => Listener::Nothing,
    }
}

/// The verdict if there is no connection, and no other address that works.
fn unreached(
    reached: &Reached,
    at: &str,
    seen: &ReachSeen,
    port: Option<u16>,
    setting: &Setting,
) -> Outcome {
    let from = from(seen);
    // Only a rootless engine has these addresses (docs/host.md).
    let is_rootless = at.starts_with("10.0.2.1:") || at.starts_with("10.0.2.2:");
    let is_rootless = is_rootless || ["10.0.2.1", "10.0.2.2"].contains(&at);
    match reached {
        Reached::Refused | Reached::NoRoute | Reached::TimedOut if is_rootless => Outcome::fail(
            format!(
                "{at} doesn't respond: by default, a rootless engine doesn't let containers reach this machine"
            ),
            allow_host_loopback(),
        ),
        Reached::NoName => Outcome::fail(
            format!("the name in `{at}` can't be resolved in a container"),
            no_address(setting),
        ),
        Reached::TimedOut => Outcome::fail(
            format!("no answer at {at} within 5 s: a firewall drops connections from {from}"),
            firewall(seen, port, setting),
        ),
        Reached::Refused | Reached::NoRoute => Outcome::fail(
            format!(
                "{at} refuses containers: a firewall rejects connections from {from}, or it is another machine"
            ),
            firewall(seen, port, setting),
        ),
        Reached::Open => Outcome::fail(
            format!("another machine responds at {at}"),
            no_address(setting),
        ),
        Reached::Other(words) => Outcome::unknown(format!("{at}: {words}")),
    }
}

fn firewall(seen: &ReachSeen, port: Option<u16>, setting: &Setting) -> Remedy {
    firewall::let_containers_in(&setting.system, &from(seen), port)
}

/// Returns the project's subnet. A network that doesn't exist yet gets one of Docker's default
/// subnets (moby, `libnetwork/ipamutils`), usually from this one.
fn from(seen: &ReachSeen) -> String {
    match &seen.subnet {
        Some(subnet) if !seen.subnet_is_temporary => subnet.clone(),
        Some(subnet) if !subnet.starts_with("172.") => subnet.clone(),
        _ => "172.16.0.0/12".to_owned(),
    }
}

fn no_image() -> Outcome {
    Outcome {
        remedy: Remedy::run("docker pull busybox:1.37"),
        ..Outcome::unknown("no image on this machine can be used to check it from a container")
    }
}

fn set_address(address: &str, setting: &Setting) -> Remedy {
    Remedy::run("fitout generate").and_note(format!(
        "first add `[host]` with `ip = \"{address}\"` to {}",
        setting.shown("workspace.local.toml")
    ))
}

fn no_address(setting: &Setting) -> Remedy {
    Remedy::run("fitout generate").and_note(format!(
        "or add `[host]` with `ip = …` to {}: this machine's address on its network",
        setting.shown("workspace.local.toml")
    ))
}

/// Starts the server of a service that runs on this machine.
fn start_service_of(system: &System, service: &HostService) -> Remedy {
    server(system, service, "start").and_note(format!(
        "or switch back to the container: `fitout use {} container`",
        service.name
    ))
}

/// Restarts it after a configuration change.
fn restart_service_of(system: &System, service: &HostService) -> Remedy {
    server(system, service, "restart")
}

/// An unknown preset's name is used as the unit.
fn server(system: &System, service: &HostService, verb: &str) -> Remedy {
    let preset = preset::find(&service.preset);
    let packages = match system.platform {
        Platform::Fedora | Platform::RedHat => Packages::RedHat,
        _ => Packages::Debian,
    };
    let unit = preset.map_or(service.preset.as_str(), |preset| preset.unit(packages));
    let formula = preset.map_or(service.preset.as_str(), |preset| preset.formula.as_str());
    Remedy::run(match system.platform {
        Platform::MacOs => format!("brew services {verb} {formula}"),
        _ if system.has_systemd => system.as_root(&format!("systemctl {verb} {unit}")),
        _ => system.as_root(&format!("service {unit} {verb}")),
    })
}

/// Lets the containers of a rootless engine reach this machine; since Docker 26.0 (moby, pull request
/// 47352).
fn allow_host_loopback() -> Remedy {
    let folder = "~/.config/systemd/user/docker.service.d";
    let setting = "Environment=DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false";
    Remedy::run(format!("mkdir -p {folder}"))
        .and_run(format!(
            "printf '[Service]\\n{setting}\\n' > {folder}/host-loopback.conf"
        ))
        .and_run("systemctl --user daemon-reload")
        .and_run("systemctl --user restart docker")
        .and_note("containers can then also reach servers on this machine's 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::host::Reach;
    use crate::doctor::machine::AddressSeen;
    use crate::doctor::remedy::tests::system;

    /// The service `db`, at an address of this machine.
    pub fn db() -> HostService {
        HostService {
            name: "db".to_owned(),
            preset: "postgres".to_owned(),
            address: "172.17.0.1".to_owned(),
            port: 5432,
        }
    }

    /// What a container has to reach of it.
    pub fn reach() -> Reach {
        Reach {
            address: "172.17.0.1".to_owned(),
            gateway: "host-gateway".to_owned(),
            services: vec![db()],
            made_up: Vec::new(),
        }
    }

    /// What a container saw: the word, the port of the service, and another address that works.
    pub fn probed(word: Reached, port: Reached, better: Option<&str>) -> AddressSeen {
        AddressSeen::Probed(ReachSeen {
            word,
            ports: vec![port],
            better: better.map(str::to_owned),
            subnet: Some("172.18.0.0/16".to_owned()),
            subnet_is_temporary: false,
        })
    }

    /// Listens on these addresses.
    pub fn on(addresses: &[&str]) -> Listener {
        Listener::On(addresses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_server_is_started_by_the_name_of_its_unit() {
        let service = |preset: &str| HostService {
            name: "db".to_owned(),
            preset: preset.to_owned(),
            address: String::new(),
            port: 1,
        };
        let start = |platform, preset: &str| {
            start_service_of(&system(platform), &service(preset))
                .run
                .join("\n")
        };
        let cases = [
            (
                Platform::Ubuntu,
                "postgres",
                "sudo systemctl start postgresql",
            ),
            (Platform::Ubuntu, "mysql", "sudo systemctl start mysql"),
            (Platform::Fedora, "mysql", "sudo systemctl start mysqld"),
            (
                Platform::Ubuntu,
                "redis",
                "sudo systemctl start redis-server",
            ),
            (Platform::MacOs, "redis", "brew services start redis"),
            (
                Platform::MacOs,
                "postgres",
                "brew services start postgresql",
            ),
            (
                Platform::MacOs,
                "mongo",
                "brew services start mongodb-community",
            ),
        ];
        for (platform, preset, expected) in cases {
            assert_eq!(start(platform, preset), expected);
        }
    }
}
