//! Resolves published ports, and gives each the variable that changes it on one machine.

use std::ops::Range;

use super::Problems;
use crate::manifest::model::PortValue;
use crate::workspace::preset::Definition;
use crate::workspace::syntax::{self, ShortPort, variable_prefix};
use crate::workspace::{Port, Protocol};

/// Where published ports are bound unless the manifest gives an address: nobody else on the network
/// should reach a developer's database.
const LOOPBACK: &str = "127.0.0.1";

/// The ports that a preset publishes where the manifest says nothing.
pub(super) fn preset_ports(
    service: &str,
    span: Range<usize>,
    preset: &Definition,
) -> Vec<(Port, Range<usize>)> {
    [Some(preset.published_port()), preset.web_port]
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
        .collect()
}

/// The ports of a service and where each stands in the file.
pub(in crate::workspace::resolve) fn resolve_ports(
    service: &str,
    full: &str,
    values: Option<&[PortValue]>,
    problems: &mut Problems,
) -> Vec<(Port, Range<usize>)> {
    let mut ports = Vec::new();
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
        ports.extend(
            short
                .into_iter()
                .map(|port| (with_variable(service, port), span.clone())),
        );
    }
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
