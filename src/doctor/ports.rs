//! The checks of the ports that a workspace publishes on this machine.
//!
//! Which port that is depends on the variables; what can be said of it without looking at the
//! machine (no number, or two services that want the same one) is said here.

use std::collections::HashMap;

use super::catalogue::check;
use super::check::{Check, Group, PortProbe, Probe};
use super::finding::{Finding, Origin};
use super::started::started;
use super::variables::Variables;
use crate::workspace::{Personal, Port, Protocol, Workspace};

/// One check for each port that is published by a service that starts.
pub fn checks(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    let published = published(workspace, personal, variables);
    let avoid: Vec<u16> = published.iter().filter_map(Published::number).collect();
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut checks = Vec::new();
    for (index, this) in published.iter().enumerate() {
        let protocol = match this.port.protocol {
            Protocol::Tcp => "",
            Protocol::Udp => "/udp",
        };
        let mut name = format!("{}.{}{protocol}", this.service, this.port.target);
        let subject = format!("the host's port for `{name}` is free");
        // A container's port can be published more than once.
        let uses = names.entry(name.clone()).or_default();
        *uses += 1;
        if *uses > 1 {
            name = format!("{name}-{uses}");
        }
        let clash = published[..index]
            .iter()
            .find(|other| other.clashes_with(this));
        let probe = this.probe(clash, &avoid);
        checks.push(check(Group::Ports, &name, &subject, &[], probe));
    }
    checks
}

/// The ports of the host that a workspace publishes when all of it runs, whatever runs now; without
/// those that Docker chooses.
pub fn claimed(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<u16> {
    let services = workspace.services.iter();
    let ports = services.flat_map(|service| {
        let ports = service.ports.iter();
        ports.map(|port| host_port(&service.name, port, personal, variables))
    });
    let mut claimed: Vec<u16> = ports
        .filter_map(|port| match port {
            HostPort::Fixed(number, _) => Some(number),
            HostPort::Chosen | HostPort::Invalid(..) => None,
        })
        .collect();
    claimed.sort_unstable();
    claimed.dedup();
    claimed
}

/// A port that a service publishes, and what that comes to on this machine.
struct Published<'a> {
    service: &'a str,
    port: &'a Port,
    host: HostPort,
}

/// What a port's variable comes to.
enum HostPort {
    /// A number, and who sets the variable, if anyone does.
    Fixed(u16, Option<Origin>),
    /// Docker chooses, out of a range or freely, or the value depends on other variables.
    Chosen,
    /// No port.
    Invalid(String, Origin),
}

fn published<'a>(
    workspace: &'a Workspace,
    personal: &'a Personal,
    variables: &Variables,
) -> Vec<Published<'a>> {
    let mut published = Vec::new();
    for service in started(workspace, personal, variables, &[]) {
        for port in &service.ports {
            published.push(Published {
                service: &service.name,
                port,
                host: host_port(&service.name, port, personal, variables),
            });
        }
    }
    published
}

/// The variable's value as it is now, else what `generate` will write, else the manifest's.
fn host_port(service: &str, port: &Port, personal: &Personal, variables: &Variables) -> HostPort {
    if let Some((value, origin)) = variables.get_filled(&port.variable) {
        let is_range = value.split_once('-').is_some_and(|(first, last)| {
            first.parse::<u16>().is_ok() && last.parse::<u16>().is_ok()
        });
        return match value.parse::<u16>() {
            Ok(0) => HostPort::Chosen,
            Ok(port) => HostPort::Fixed(port, Some(origin)),
            Err(_) if is_range || value.contains('$') => HostPort::Chosen,
            Err(_) => HostPort::Invalid(value.to_owned(), origin),
        };
    }
    match personal.published(service, port) {
        Some(published) => HostPort::Fixed(published, None),
        None => HostPort::Chosen,
    }
}

impl Published<'_> {
    fn number(&self) -> Option<u16> {
        match self.host {
            HostPort::Fixed(number, _) => Some(number),
            HostPort::Chosen | HostPort::Invalid(..) => None,
        }
    }

    fn clashes_with(&self, other: &Published) -> bool {
        let is_any = |address: &str| ["", "0.0.0.0", "::", "[::]"].contains(&address);
        let (one, two) = (self.port.host_ip.as_str(), other.port.host_ip.as_str());
        self.number().is_some()
            && self.number() == other.number()
            && self.port.protocol == other.port.protocol
            && (one == two || is_any(one) || is_any(two))
    }

    fn probe(&self, clash: Option<&Published>, avoid: &[u16]) -> Probe {
        let variable = self.port.variable.clone();
        let known = match (&self.host, clash) {
            (HostPort::Chosen, _) => Finding::PortChosen,
            (HostPort::Invalid(value, origin), _) => Finding::PortValue {
                variable,
                value: value.clone(),
                origin: *origin,
            },
            (HostPort::Fixed(published, _), Some(other)) => Finding::PortClash {
                published: *published,
                with: other.service.to_owned(),
                variable,
            },
            (HostPort::Fixed(published, origin), None) => {
                return Probe::Port(PortProbe {
                    service: self.service.to_owned(),
                    address: self.port.host_ip.clone(),
                    published: *published,
                    protocol: self.port.protocol,
                    variable,
                    set_in_shell: *origin == Some(Origin::Shell),
                    avoid: avoid.to_vec(),
                });
            }
        };
        Probe::Known(Box::new(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::tests::parse;
    use crate::workspace::PersonalService;

    const MANIFEST: &str = r#"
        [services.api]
        image = "acme/api:1"
        ports = ["3100:3000"]

        [services.web]
        image = "acme/web:1"
        ports = ["0.0.0.0:3200:80"]
    "#;

    /// What is known of the port of `api`, in a few words.
    fn known(personal: &Personal, env_file: &str) -> Vec<String> {
        let variables = Variables::new([], env_file);
        checks(&parse(MANIFEST), personal, &variables)
            .into_iter()
            .map(|check| match check.probe {
                Probe::Port(port) => {
                    format!("{} probe {}:{}", check.id, port.address, port.published)
                }
                Probe::Known(finding) => format!("{} {finding:?}", check.id),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_port_is_the_one_that_compose_would_publish() {
        let nobody = Personal::default();
        let mut own_ports = parse(MANIFEST).services.remove(0).ports;
        own_ports[0].published = Some(4100);
        let mut mine = Personal::default();
        mine.services.insert(
            "api".to_owned(),
            PersonalService {
                ports: own_ports,
                ..PersonalService::default()
            },
        );
        let cases = [
            (&nobody, "", "ports.api.3000 probe 127.0.0.1:3100"),
            (&mine, "", "ports.api.3000 probe 127.0.0.1:4100"),
            (
                &nobody,
                "API_PORT_3000=5100",
                "ports.api.3000 probe 127.0.0.1:5100",
            ),
            (
                &mine,
                "API_PORT_3000=5100",
                "ports.api.3000 probe 127.0.0.1:5100",
            ),
            (
                &nobody,
                "API_PORT_3000=",
                "ports.api.3000 probe 127.0.0.1:3100",
            ),
            (
                &nobody,
                "API_PORT_3000=5100-5110",
                "ports.api.3000 PortChosen",
            ),
            (
                &nobody,
                "API_PORT_3000=${BASE}00",
                "ports.api.3000 PortChosen",
            ),
            (&nobody, "API_PORT_3000=0", "ports.api.3000 PortChosen"),
            (
                &nobody,
                "API_PORT_3000=http",
                r#"ports.api.3000 PortValue { variable: "API_PORT_3000", value: "http", origin: EnvFile }"#,
            ),
        ];
        for (personal, env_file, expected) in cases {
            assert_eq!(known(personal, env_file)[0], expected, "{env_file}");
        }
    }

    #[test]
    fn two_services_on_one_port_are_one_problem_and_the_second_ones() {
        assert_eq!(
            known(&Personal::default(), "API_PORT_3000=3200"),
            [
                "ports.api.3000 probe 127.0.0.1:3200",
                r#"ports.web.80 PortClash { published: 3200, with: "api", variable: "WEB_PORT_80" }"#,
            ]
        );
    }
}
