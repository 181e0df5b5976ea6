//! The ports that a workspace publishes on this machine, which depend on its variables.

use super::started::started;
use super::variables::{Origin, Variables};
use crate::workspace::{Personal, Port, Workspace};

/// Returns the host ports that a workspace publishes if all services are running; without those
/// that Docker chooses.
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

/// A port that a service publishes, and its value on this machine.
pub struct Published<'a> {
    /// The service's name.
    pub service: &'a str,
    /// The port in the manifest.
    pub port: &'a Port,
    /// The port on this machine.
    pub host: HostPort,
}

/// The value of a port's variable.
pub enum HostPort {
    /// A number, and the origin of the variable, if it is set.
    Fixed(u16, Option<Origin>),
    /// Chosen by Docker, from a range or freely, or depends on other variables.
    Chosen,
    /// Not a port.
    Invalid(String, Origin),
}

/// Returns the ports that are published by the services that start.
pub fn published<'a>(
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

/// The variable's current value, otherwise what `generate` will write, otherwise the manifest's.
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
    /// Returns its number, if it is fixed.
    pub fn number(&self) -> Option<u16> {
        match self.host {
            HostPort::Fixed(number, _) => Some(number),
            HostPort::Chosen | HostPort::Invalid(..) => None,
        }
    }

    /// Whether both can't be published at once.
    pub fn clashes_with(&self, other: &Published) -> bool {
        let is_any = |address: &str| ["", "0.0.0.0", "::", "[::]"].contains(&address);
        let (one, two) = (self.port.host_ip.as_str(), other.port.host_ip.as_str());
        self.number().is_some()
            && self.number() == other.number()
            && self.port.protocol == other.port.protocol
            && (one == two || is_any(one) || is_any(two))
    }
}
