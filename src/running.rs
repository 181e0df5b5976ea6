//! The running services of a workspace: matches its services with existing containers.
//!
//! Pure: states in, rows with a condition and URLs out. `up` and `status` show them.

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use crate::workspace::preset;
use crate::workspace::{Personal, Protocol, RunsOn, Service, Source, Workspace};

/// A host port that is published by a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    /// The address of the host.
    pub address: String,
    /// The host's port.
    pub published: u16,
    /// The container's port.
    pub target: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// One container of a service of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// The service.
    pub service: String,
    /// The container's name.
    pub container: String,
    /// `running`, `exited`, `restarting`, `created`, …
    pub state: String,
    /// `healthy`, `unhealthy`, `starting`; empty without a health check.
    pub health: String,
    /// The exit code, if the container has exited.
    pub exit_code: i64,
    /// The host ports that it publishes.
    pub ports: Vec<PublishedPort>,
    /// The project folder that it was created for; empty if unknown.
    pub folder: String,
}

/// A service and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The service.
    pub service: String,
    /// Its condition.
    pub condition: Condition,
    /// Its state for display: `running, healthy`, `exited (1)`.
    pub state: String,
    /// The URLs at which it can be reached from this machine.
    pub urls: Vec<String>,
}

/// The condition of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It is running, and its health check, if any, passes.
    Ready,
    /// It has exited with status 0: a job.
    Done,
    /// It is running, but its health check has not passed yet.
    Starting,
    /// It is unhealthy, keeps restarting, or has exited with an error.
    Broken,
    /// None of its containers is running.
    Stopped,
    /// It is a server on this machine, not a container.
    OnHost,
}

/// Returns a row per service, in the order of the manifest; services that are not in the manifest
/// (from an override) come last.
pub fn rows(workspace: &Workspace, personal: &Personal, states: &[ServiceState]) -> Vec<Row> {
    let mut by_service: IndexMap<&str, Vec<&ServiceState>> = IndexMap::new();
    for state in states {
        by_service.entry(&state.service).or_default().push(state);
    }
    let known = workspace.services.iter().map(|service| {
        let of_service = by_service.shift_remove(service.name.as_str());
        let of_service = of_service.unwrap_or_default();
        if of_service.is_empty() && personal.runs_on(service) == RunsOn::Host {
            return Row {
                service: service.name.clone(),
                condition: Condition::OnHost,
                state: "on this machine".to_owned(),
                urls: Vec::new(),
            };
        }
        row(&service.name, Some(service), &of_service)
    });
    let mut rows: Vec<Row> = known.collect();
    let others = by_service.iter();
    rows.extend(others.map(|(name, states)| row(name, None, states)));
    rows
}

/// Returns the state of a service from its containers.
pub fn of_service(name: &str, states: &[&ServiceState]) -> Row {
    row(name, None, states)
}

/// The state of a service is that of its worst container.
fn row(name: &str, service: Option<&Service>, states: &[&ServiceState]) -> Row {
    let worst = states.iter().max_by_key(|state| weight(condition(state)));
    let ports = states.iter().flat_map(|state| &state.ports);
    // Deduplicated: a port on all addresses is published over both IPv4 and IPv6.
    let urls: IndexSet<String> = ports.map(|port| url(service, port)).collect();
    Row {
        service: name.to_owned(),
        condition: worst.map_or(Condition::Stopped, |state| condition(state)),
        state: worst.map_or_else(|| "not started".to_owned(), |state| words(state)),
        urls: urls.into_iter().collect(),
    }
}

fn weight(condition: Condition) -> u8 {
    match condition {
        Condition::OnHost | Condition::Done => 0,
        Condition::Ready => 1,
        Condition::Starting => 2,
        Condition::Stopped => 3,
        Condition::Broken => 4,
    }
}

fn condition(state: &ServiceState) -> Condition {
    match (state.state.as_str(), state.health.as_str()) {
        ("running", "unhealthy") | ("restarting" | "dead", _) => Condition::Broken,
        ("running", "starting") => Condition::Starting,
        ("running", _) => Condition::Ready,
        ("exited", _) if state.exit_code == 0 => Condition::Done,
        // Killed by a signal that `stop` sends: that is intended.
        ("exited", _) if [130, 137, 143].contains(&state.exit_code) => Condition::Stopped,
        ("exited", _) => Condition::Broken,
        _ => Condition::Stopped,
    }
}

fn words(state: &ServiceState) -> String {
    match (state.state.as_str(), state.health.as_str()) {
        ("exited", _) => format!("exited ({})", state.exit_code),
        (state, "") => state.to_owned(),
        (state, health) => format!("{state}, {health}"),
    }
}

/// Well-known ports that don't use HTTP.
const NO_WEB: &[(u16, &str)] = &[
    (22, "ssh"),
    (25, "smtp"),
    (587, "smtp"),
    (1025, "smtp"),
    (1433, "sqlserver"),
    (1883, "mqtt"),
    (3306, "mysql"),
    (4222, "nats"),
    (5432, "postgres"),
    (5672, "amqp"),
    (6379, "redis"),
    (9092, "kafka"),
    (11211, "memcached"),
    (27017, "mongodb"),
];

/// Returns the URL of a published port on this machine.
fn url(service: Option<&Service>, port: &PublishedPort) -> String {
    let host = match port.address.as_str() {
        "" | "0.0.0.0" | "127.0.0.1" | "::" | "::1" => "localhost".to_owned(),
        address if address.contains(':') => format!("[{address}]"),
        address => address.to_owned(),
    };
    let address = format!("{host}:{}", port.published);
    if port.protocol == Protocol::Udp {
        return format!("{address}/udp");
    }
    let by_number = NO_WEB.iter().find(|(number, _)| *number == port.target);
    let scheme = match service.map(|service| &service.source) {
        Some(Source::Preset(preset)) if port.target == preset.port => {
            scheme_of_preset(&preset.name)
        }
        _ => by_number.map_or("http", |(_, scheme)| scheme),
    };
    match (scheme, port.target) {
        (_, 443 | 8443) => format!("https://{address}"),
        (scheme, _) => format!("{scheme}://{address}"),
    }
}

/// With the scheme of the preset's own URL.
fn scheme_of_preset(name: &str) -> &'static str {
    preset::find(name)
        .and_then(|definition| definition.url.split_once("://"))
        .map_or("tcp", |(scheme, _)| scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(service: &str, state: &str, health: &str, exit_code: i64) -> ServiceState {
        ServiceState {
            service: service.to_owned(),
            container: format!("vera-{service}-1"),
            state: state.to_owned(),
            health: health.to_owned(),
            exit_code,
            ports: Vec::new(),
            folder: String::new(),
        }
    }

    #[test]
    fn a_container_is_judged_by_its_state_and_its_health() {
        let cases = [
            (("running", "", 0), Condition::Ready, "running"),
            (
                ("running", "healthy", 0),
                Condition::Ready,
                "running, healthy",
            ),
            (
                ("running", "starting", 0),
                Condition::Starting,
                "running, starting",
            ),
            (
                ("running", "unhealthy", 0),
                Condition::Broken,
                "running, unhealthy",
            ),
            (("restarting", "", 1), Condition::Broken, "restarting"),
            (("exited", "", 0), Condition::Done, "exited (0)"),
            (("exited", "", 1), Condition::Broken, "exited (1)"),
            (("exited", "", 137), Condition::Stopped, "exited (137)"),
            (("created", "", 0), Condition::Stopped, "created"),
        ];
        for ((state_name, health, exit_code), expected, in_words) in cases {
            let state = state("api", state_name, health, exit_code);
            assert_eq!(condition(&state), expected, "{in_words}");
            assert_eq!(words(&state), in_words);
        }
    }

    #[test]
    fn each_address_is_named_once() {
        let of = |address: &str| {
            let ports = 1..=u16::MAX;
            let ports = ports.map(|number| PublishedPort {
                address: address.to_owned(),
                published: number,
                target: 80,
                protocol: Protocol::Tcp,
            });
            ports.collect::<Vec<_>>()
        };
        let mut container = state("web", "running", "", 0);
        container.ports = [of("0.0.0.0"), of("::")].concat();
        let row = of_service("web", &[&container]);
        assert_eq!(row.urls.len(), usize::from(u16::MAX));
    }

    #[test]
    fn one_bad_copy_makes_the_service_bad() {
        let good = state("api", "running", "healthy", 0);
        let bad = state("api", "exited", "", 1);
        let row = row("api", None, &[&good, &bad]);
        assert_eq!(row.condition, Condition::Broken);
    }

    #[test]
    fn a_port_becomes_an_address_that_people_can_use() {
        let port = |address: &str, published, target, protocol| PublishedPort {
            address: address.to_owned(),
            published,
            target,
            protocol,
        };
        let cases = [
            (
                port("127.0.0.1", 3100, 3000, Protocol::Tcp),
                "http://localhost:3100",
            ),
            (
                port("0.0.0.0", 3100, 3000, Protocol::Tcp),
                "http://localhost:3100",
            ),
            (
                port("192.168.1.5", 80, 80, Protocol::Tcp),
                "http://192.168.1.5:80",
            ),
            (
                port("127.0.0.1", 8443, 443, Protocol::Tcp),
                "https://localhost:8443",
            ),
            (
                port("127.0.0.1", 15432, 5432, Protocol::Tcp),
                "postgres://localhost:15432",
            ),
            (port("127.0.0.1", 53, 53, Protocol::Udp), "localhost:53/udp"),
        ];
        for (port, expected) in cases {
            assert_eq!(url(None, &port), expected);
        }
    }
}
