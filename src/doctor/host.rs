//! The services that run on this machine, and how containers reach them.

use super::required;
use super::variables::Variables;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Personal, RunsOn, Source, Workspace};

/// The default for `host.docker.internal` if this machine's address is unknown.
const NAME: &str = "host.docker.internal";

/// A service that runs on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostService {
    /// Its name in the manifest.
    pub name: String,
    /// Its kind.
    pub preset: String,
    /// The address at which containers look for it.
    pub address: String,
    /// Its port on this machine.
    pub port: u16,
}

/// What containers must be able to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// `DOCKER_HOST_IP`.
    pub address: String,
    /// `DOCKER_HOST_GATEWAY`.
    pub gateway: String,
    /// The services that run on this machine.
    pub services: Vec<HostService>,
    /// Variables that Compose requires to read the file.
    pub made_up: Vec<String>,
}

/// Returns what containers of this workspace must be able to reach.
pub fn reach(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Reach {
    let value = |name: &str| {
        variables
            .get_filled(name)
            .map(|(value, _)| value.to_owned())
    };
    Reach {
        address: value("DOCKER_HOST_IP").unwrap_or_else(|| NAME.to_owned()),
        gateway: value("DOCKER_HOST_GATEWAY").unwrap_or_else(|| "host-gateway".to_owned()),
        services: services(workspace, personal, variables),
        made_up: required::unset(workspace, variables),
    }
}

/// Returns the services that run on this machine, and where containers look for them.
pub fn services(
    workspace: &Workspace,
    personal: &Personal,
    variables: &Variables,
) -> Vec<HostService> {
    let value = |name: String| {
        variables
            .get_filled(&name)
            .map(|(value, _)| value.to_owned())
    };
    let on_host = workspace
        .services
        .iter()
        .filter(|service| personal.runs_on(service) == RunsOn::Host);
    on_host
        .filter_map(|service| {
            let Source::Preset(preset) = &service.source else {
                return None;
            };
            let prefix = variable_prefix(&service.name);
            let port = value(format!("{prefix}_PORT")).and_then(|port| port.parse().ok());
            Some(HostService {
                name: service.name.clone(),
                preset: preset.name.clone(),
                address: value(format!("{prefix}_HOST"))
                    .or_else(|| value("DOCKER_HOST_IP".to_owned()))
                    .unwrap_or_else(|| NAME.to_owned()),
                port: port.unwrap_or(preset.port),
            })
        })
        .collect()
}
