//! The checks of services that run on this machine, as data: whether somebody listens, and whether
//! a container gets there.

use super::catalogue::check;
use super::check::{Check, Group, HostService, Probe, Reach};
use super::variables::Variables;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Personal, RunsOn, Source, Workspace};

/// What `host.docker.internal` is where nothing says where this machine is.
const NAME: &str = "host.docker.internal";

/// From this machine: one check for each service that runs here.
pub fn checks(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    let services = services(workspace, personal, variables).into_iter();
    services
        .map(|service| {
            check(
                Group::Host,
                &format!("{}.listens", service.name),
                &format!("`{}` listens on this machine", service.name),
                &[],
                Probe::HostListener(service),
            )
        })
        .collect()
}

/// From a container, which is started for it (`--deep`).
pub fn deep_checks(
    workspace: &Workspace,
    personal: &Personal,
    variables: &Variables,
    made_up: Vec<String>,
) -> Vec<Check> {
    let value = |name: &str| {
        variables
            .get_filled(name)
            .map(|(value, _)| value.to_owned())
    };
    let reach = Reach {
        address: value("DOCKER_HOST_IP").unwrap_or_else(|| NAME.to_owned()),
        gateway: value("DOCKER_HOST_GATEWAY").unwrap_or_else(|| "host-gateway".to_owned()),
        services: services(workspace, personal, variables),
        made_up,
    };
    let mut checks = vec![check(
        Group::Host,
        "address",
        &format!("containers reach this machine at `{}`", reach.address),
        &["tools.engine"],
        Probe::HostAddress(Box::new(reach.clone())),
    )];
    for service in reach.services.clone() {
        let name = &service.name;
        checks.push(check(
            Group::Host,
            &format!("{name}.reachable"),
            &format!("containers reach `{name}` on this machine"),
            &[
                "tools.engine",
                "host.address",
                &format!("host.{name}.listens"),
            ],
            Probe::HostReach(Box::new(reach.clone()), service),
        ));
    }
    checks
}

/// The services that run on this machine, and where the stack looks for them.
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
