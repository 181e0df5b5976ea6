//! Resolves published ports, and gives each the variable that changes it on one machine.

use std::collections::HashMap;
use std::ops::Range;

use super::Problems;
use crate::manifest::Diagnostic;
use crate::manifest::model::{PortValue, ServiceTable};
use crate::workspace::interpolation;
use crate::workspace::preset::Definition;
use crate::workspace::syntax::{self, ShortPort, variable_prefix};
use crate::workspace::{Port, Protocol};

/// Where published ports are bound unless the manifest gives an address: nobody else on the network
/// should reach a developer's database.
const LOOPBACK: &str = "127.0.0.1";

/// Ports that all services of a manifest may publish together. Engines start a program or a rule for each, and
/// a few hundred take them minutes.
const MOST_PUBLISHED: usize = 20_000;

/// The ports that a preset publishes where the manifest says nothing.
pub(super) fn preset_ports(
    service: &str,
    span: Range<usize>,
    preset: &Definition,
) -> Vec<(Port, Range<usize>)> {
    let mut ports: Vec<(Port, Range<usize>)> = [Some(preset.published_port()), preset.web_port]
        .into_iter()
        .flatten()
        .map(|port| {
            let short = ShortPort {
                host_ip: None,
                published: Some(port),
                target: port,
                protocol: Protocol::Tcp,
            };
            (with_variable(service, short), span.clone())
        })
        .collect();
    tell_apart(&mut ports);
    ports
}

/// Where several ports of the host lead to one port of the container, each has a variable of its own: the
/// first the plain one, the others with their number behind it.
fn tell_apart(ports: &mut [(Port, Range<usize>)]) {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for (port, _) in ports {
        let uses = uses.entry(port.variable.clone()).or_default();
        *uses += 1;
        if *uses > 1 {
            port.variable = format!("{}_{uses}", port.variable);
        }
    }
}

/// A port that tells its clients another address than they came by leads them nowhere.
pub(super) fn advertised(
    full: &str,
    table: &ServiceTable,
    preset: &Definition,
    ports: &[(Port, Range<usize>)],
    problems: &mut Problems,
) {
    let Some(public) = preset.public_port else {
        return;
    };
    let is_public = |(_, text): &(&String, &String)| text.contains("${self.public_url}");
    let names = preset.environment.iter().filter(is_public);
    let set: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    if table
        .environment
        .iter()
        .any(|(name, _)| set.contains(&name.value.as_str()))
    {
        // What is advertised is the user's own then.
        return;
    }
    let mut first = None;
    for (port, span) in ports
        .iter()
        .filter(|(port, _)| port.protocol == Protocol::Tcp)
    {
        let published = port.published.unwrap_or(public);
        let write = format!("write `ports = [\"{published}:{public}\"]`");
        let problem = if port.target == preset.port {
            format!(
                "`{full}` publishes port {}, which redirects clients to an address that only containers can reach",
                port.target
            )
        } else if port.target != public {
            continue;
        } else if port.published.is_none() {
            format!(
                "`{full}` publishes port {public} without a host port, but redirects clients to it"
            )
        } else if first.replace(published).is_some() {
            format!("`{full}` publishes port {public} twice, but redirects clients to the first")
        } else {
            continue;
        };
        problems.push(Diagnostic::new(span.clone(), problem).help(write));
    }
    let Some(compose) = &table.compose else {
        return;
    };
    let added = compose
        .value
        .keys
        .get("ports")
        .and_then(|ports| ports.as_array());
    for (index, entry) in added.into_iter().flatten().enumerate() {
        let targets: Vec<u16> = if let Some(short) = entry.as_str() {
            let short = interpolation::fill(short, &|_| None);
            let ports = syntax::ports(&short).unwrap_or_default();
            ports.iter().map(|port| port.target).collect()
        } else {
            let target = entry.get("target").unwrap_or(entry).as_u64();
            let target = target.and_then(|port| port.try_into().ok());
            target.into_iter().collect()
        };
        if targets
            .iter()
            .any(|target| [preset.port, public].contains(target))
        {
            let place = compose.value.places.get(&format!("/ports/{index}"));
            problems.push(
                Diagnostic::new(
                    place.unwrap_or(&compose.span).clone(),
                    format!("`{full}.compose.ports` publishes a port that redirects clients to another address"),
                )
                .help(format!("set it in the service itself: `ports = [\"{public}:{public}\"]`")),
            );
        }
    }
}

/// The ports of a service and where each stands in the file.
pub(in crate::workspace::resolve) fn resolve_ports(
    service: &str,
    full: &str,
    values: Option<&[PortValue]>,
    already: usize,
    problems: &mut Problems,
) -> Vec<(Port, Range<usize>)> {
    let mut ports: Vec<(Port, Range<usize>)> = Vec::new();
    for value in values.unwrap_or_default() {
        let (span, short) = match value {
            PortValue::Short(text) => {
                let valid = problems.valid(text, full, syntax::ports(&text.value));
                (text.span.clone(), valid.unwrap_or_default())
            }
            PortValue::Long(table) => {
                let port = &table.value;
                let host_ip = port.host_ip.as_ref();
                let protocol = port.protocol.as_ref();
                let short = ShortPort {
                    host_ip: host_ip
                        .and_then(|ip| problems.valid(ip, full, syntax::host_ip(&ip.value))),
                    published: port.published.as_ref().map(|published| published.value),
                    target: port.target.value,
                    protocol: protocol
                        .and_then(|name| problems.valid(name, full, syntax::protocol(&name.value)))
                        .unwrap_or(Protocol::Tcp),
                };
                (table.span.clone(), vec![short])
            }
        };
        if already + ports.len() + short.len() > MOST_PUBLISHED {
            // Said once, where it became too much.
            if already <= MOST_PUBLISHED {
                problems.push(
                    Diagnostic::new(
                        span,
                        format!("`{full}`: more than {MOST_PUBLISHED} ports are published"),
                    )
                    .help("only publish those that are used from outside"),
                );
            }
            break;
        }
        ports.extend(
            short
                .into_iter()
                .map(|port| (with_variable(service, port), span.clone())),
        );
    }
    tell_apart(&mut ports);
    ports
}

fn with_variable(service: &str, port: ShortPort) -> Port {
    let suffix = match port.protocol {
        Protocol::Tcp => "",
        Protocol::Udp => "_UDP",
    };
    Port {
        host_ip: port.host_ip.unwrap_or_else(|| LOOPBACK.to_owned()),
        published: port.published,
        target: port.target,
        protocol: port.protocol,
        variable: format!("{}_PORT_{}{suffix}", variable_prefix(service), port.target),
    }
}
