//! Verdicts on services that run on this machine, seen from here and from a container.

use super::Setting;
use crate::doctor::check::{HostService, Outcome, Reach, Remedy};
use crate::doctor::finding::{AddressSeen, ListenerSeen, ReachSeen, Reached};
use crate::doctor::remedy;
use crate::workspace::preset;

pub(super) fn listener(seen: &ListenerSeen, service: &HostService, setting: &Setting) -> Outcome {
    let HostService { name, port, .. } = service;
    match seen {
        ListenerSeen::On(addresses) => Outcome::pass(format!(
            "port {port} is listened on at {}",
            addresses.join(", ")
        )),
        ListenerSeen::Elsewhere => {
            Outcome::pass(format!("{}:{port} takes connections", service.address))
        }
        ListenerSeen::OnWindows(windows) => Outcome::fail(
            format!(
                "nothing listens on port {port} in this Linux, and `{windows}`, which is Windows, does"
            ),
            set_address(windows, setting),
        ),
        ListenerSeen::Nothing => Outcome::fail(
            format!("`{name}` runs on this machine, and nothing listens on port {port}"),
            remedy::start_service_of(&setting.system, service),
        ),
    }
}

pub(super) fn address(seen: &AddressSeen, reach: &Reach, setting: &Setting) -> Outcome {
    let AddressSeen::Probed(seen) = seen else {
        return no_image();
    };
    let at = &reach.address;
    if seen.word == Reached::Open {
        return Outcome::pass(format!("a container reaches this machine at `{at}`"));
    }
    if seen.ports.contains(&Reached::Open) {
        return Outcome::info(format!(
            "containers reach the services at `{at}`, and not every port"
        ));
    }
    if let Some(better) = &seen.better {
        let found = format!("`{at}` is not this machine for a container, and `{better}` is");
        return Outcome::fail(found, set_address(better, setting));
    }
    let port = reach.services.first().map(|service| service.port);
    unreached(&seen.word, at, seen, port, setting)
}

pub(super) fn service(
    seen: &AddressSeen,
    listener: &ListenerSeen,
    reach: &Reach,
    service: &HostService,
    setting: &Setting,
) -> Outcome {
    let AddressSeen::Probed(seen) = seen else {
        return no_image();
    };
    let mut pairs = reach.services.iter().zip(&seen.ports);
    let Some((_, port)) = pairs.find(|(other, _)| *other == service) else {
        return Outcome::unknown("the container did not try it");
    };
    let HostService { name, address, .. } = service;
    let at = format!("{address}:{}", service.port);
    match port {
        Reached::Open => Outcome::pass(format!("a container reaches `{name}` at {at}")),
        Reached::Refused => {
            let own: Vec<&str> = match listener {
                ListenerSeen::On(addresses) => addresses.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            let is_open = |own: &&str| ["0.0.0.0", "::", address.as_str()].contains(own);
            if own.is_empty() || own.iter().any(is_open) {
                return Outcome::fail(
                    format!(
                        "{at} refuses containers, and `{name}` listens there: a firewall rejects them"
                    ),
                    firewall(seen, Some(service.port), setting),
                );
            }
            let listen = preset::find(&service.preset)
                .map_or("its address to listen on", |preset| preset.listen.as_str());
            Outcome::fail(
                format!(
                    "`{name}` listens on {} only, and containers come to {at}",
                    own.join(" and ")
                ),
                remedy::restart_service_of(&setting.system, service)
                    .and_note(format!("first set {listen}")),
            )
        }
        other => unreached(other, &at, seen, Some(service.port), setting),
    }
}

/// No connection at all, and no other address that works.
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
                "{at} does not answer: a rootless engine keeps containers away from this machine until it is told otherwise"
            ),
            remedy::allow_host_loopback(),
        ),
        Reached::NoName => Outcome::fail(
            format!("the name in `{at}` does not resolve in a container"),
            no_address(setting),
        ),
        Reached::TimedOut => Outcome::fail(
            format!("no answer at {at} within 5 s: a firewall drops what comes from {from}"),
            firewall(seen, port, setting),
        ),
        Reached::Refused | Reached::NoRoute => Outcome::fail(
            format!(
                "{at} turns containers away: a firewall rejects what comes from {from}, or it is another machine"
            ),
            firewall(seen, port, setting),
        ),
        Reached::Open => Outcome::fail(
            format!("somebody else than this machine answers at {at}"),
            no_address(setting),
        ),
        Reached::Other(words) => Outcome::unknown(format!("{at}: {words}")),
    }
}

fn firewall(seen: &ReachSeen, port: Option<u16>, setting: &Setting) -> Remedy {
    remedy::let_containers_in(&setting.system, &from(seen), port)
}

/// The project's subnet. A network that is not made yet gets one of those that Docker hands out by
/// default (moby, `libnetwork/ipamutils`), mostly of this one.
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
        ..Outcome::unknown("no image on this machine can try it from a container")
    }
}

fn set_address(address: &str, setting: &Setting) -> Remedy {
    Remedy::run("fitout generate").and_note(format!(
        "first put `[host]` with `ip = \"{address}\"` into {}",
        setting.shown("workspace.local.toml")
    ))
}

fn no_address(setting: &Setting) -> Remedy {
    Remedy::run("fitout generate").and_note(format!(
        "or put `[host]` with `ip = …` into {}: this machine's address on its network",
        setting.shown("workspace.local.toml")
    ))
}
