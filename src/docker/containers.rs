//! Containers, their published ports, and the state of a project's services.

use serde::Deserialize;

use crate::running::{PublishedPort, ServiceState};
use crate::workspace::Protocol;

/// A container, possibly stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The Compose project that it belongs to; empty for none.
    pub project: String,
    /// The Compose service that it belongs to; empty for none.
    pub service: String,
    /// The folder of the Compose project; empty for none.
    pub folder: String,
    /// The version of the Compose that created it; empty for none.
    pub made_by: String,
    /// Whether it was created by `docker compose run`, in addition to the service's own.
    pub is_one_off: bool,
    /// The host ports that it publishes; none once it has exited.
    pub ports: Vec<PublishedPort>,
    /// The id of this container: one that replaces it under the same name has a different one.
    pub id: String,
    state: String,
    status: String,
}

impl Container {
    /// Its state, as Compose would report it.
    pub fn service_state(&self) -> ServiceState {
        // `Up 2 hours (healthy)`, `Up 1 second (health: starting)`, `Exited (1) 3 minutes ago`
        let in_brackets = self.status.split_once('(').unwrap_or_default().1;
        let in_brackets = in_brackets.split(')').next().unwrap_or_default();
        let health = match in_brackets {
            "healthy" | "unhealthy" => in_brackets,
            "health: starting" => "starting",
            _ => "",
        };
        ServiceState {
            service: self.service.clone(),
            container: self.name.clone(),
            state: self.state.clone(),
            health: health.to_owned(),
            exit_code: in_brackets.parse().unwrap_or_default(),
            ports: self.ports.clone(),
            folder: self.folder.clone(),
        }
    }
}

/// For `docker ps --format`: a container per line, with tab-separated fields. `{{json .}}` would
/// join all labels with commas, but labels can contain commas.
pub const FORMAT: &str = concat!(
    "{{.Names}}\t",
    "{{.Label \"com.docker.compose.project\"}}\t",
    "{{.Label \"com.docker.compose.service\"}}\t",
    "{{.Label \"com.docker.compose.project.working_dir\"}}\t",
    "{{.Label \"com.docker.compose.version\"}}\t",
    "{{.Label \"com.docker.compose.oneoff\"}}\t",
    "{{.Ports}}\t",
    "{{.State}}\t",
    "{{.Status}}\t",
    "{{.ID}}"
);

/// Parses the output of `docker ps` in [`FORMAT`]. Invalid lines are skipped.
pub fn parse(text: &str) -> Vec<Container> {
    let mut room = MOST_PORTS;
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            Some(Container {
                name: fields.next().filter(|name| !name.is_empty())?,
                project: fields.next()?,
                service: fields.next()?,
                folder: fields.next()?,
                made_by: fields.next()?,
                is_one_off: fields.next()? == "True",
                ports: parse_ports(&fields.next()?, &mut room),
                state: fields.next()?,
                status: fields.next()?,
                id: fields.next().unwrap_or_default(),
            })
        })
        .collect()
}

/// All ports of a host: TCP and UDP, for IPv4 and IPv6. Larger numbers are invalid.
const MOST_PORTS: usize = 4 * 65_535;

/// `127.0.0.1:3100->3000/tcp, :::8000-8001->8000-8001/tcp, 9000/tcp`: the last one is not
/// published. Takes from the remaining `room` for ports.
fn parse_ports(text: &str, room: &mut usize) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for entry in text.split(", ") {
        let Some((host, container)) = entry.split_once("->") else {
            continue;
        };
        let Some((address, published)) = host.rsplit_once(':') else {
            continue;
        };
        let (target, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
        let (Some(published), Some(target)) = (parse_range(published), parse_range(target)) else {
            continue;
        };
        for (published, target) in published.zip(target).take(*room) {
            *room -= 1;
            ports.push(PublishedPort {
                address: address.trim_matches(['[', ']']).to_owned(),
                published,
                target,
                protocol: protocol_of(protocol),
            });
        }
    }
    ports
}

fn parse_range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

fn protocol_of(name: &str) -> Protocol {
    if name == "udp" {
        Protocol::Udp
    } else {
        Protocol::Tcp
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PsEntry {
    service: String,
    name: String,
    state: String,
    #[serde(default)]
    health: String,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    labels: String,
    publishers: Option<Vec<Publisher>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publisher {
    #[serde(rename = "URL", default)]
    address: String,
    target_port: u16,
    published_port: u16,
    #[serde(default)]
    protocol: String,
}

/// Parses the output of `docker compose ps --format json`: an object per line since Compose 2.21,
/// an array before. Invalid entries are skipped.
pub fn parse_services(text: &str) -> Vec<ServiceState> {
    let text = text.trim();
    let entries: Vec<PsEntry> = if text.starts_with('[') {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    };
    entries.into_iter().map(ServiceState::from).collect()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HealthLogEntry {
    output: String,
}

/// From the log in `docker inspect`, oldest first.
pub fn last_health_output(json: &str) -> Option<String> {
    let log: Vec<HealthLogEntry> = serde_json::from_str(json).ok()?;
    let last = log.last()?.output.trim();
    (!last.is_empty()).then(|| last.to_owned())
}

impl From<PsEntry> for ServiceState {
    fn from(entry: PsEntry) -> Self {
        let mut ports: Vec<PublishedPort> = Vec::new();
        for publisher in entry.publishers.unwrap_or_default() {
            // An exposed port that is not published has the host port 0.
            if publisher.published_port == 0 {
                continue;
            }
            ports.push(PublishedPort {
                address: publisher.address,
                published: publisher.published_port,
                target: publisher.target_port,
                protocol: protocol_of(&publisher.protocol),
            });
        }
        ServiceState {
            service: entry.service,
            container: entry.name,
            state: entry.state,
            health: entry.health,
            exit_code: entry.exit_code,
            ports,
            folder: folder_of(&entry.labels).unwrap_or_default().to_owned(),
        }
    }
}

/// Returns the project's folder from comma-separated `name=value` labels, whose values can contain
/// commas too: it ends at the next label of Compose, or one with a dot in its name.
fn folder_of(labels: &str) -> Option<&str> {
    let (_, rest) = labels.split_once("com.docker.compose.project.working_dir=")?;
    let is_label = |text: &str| {
        let name = text
            .split('=')
            .next()
            .filter(|name| name.len() < text.len());
        name.is_some_and(|name| name.contains('.') && !name.contains(['/', ' ', ',']))
    };
    let mut commas = rest.match_indices(',').map(|(at, _)| at);
    let end = commas.find(|at| is_label(&rest[at + 1..]));
    Some(&rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(address: &str, published: u16, target: u16) -> PublishedPort {
        PublishedPort {
            address: address.to_owned(),
            published,
            target,
            protocol: Protocol::Tcp,
        }
    }

    #[test]
    fn reads_published_ports_and_ranges() {
        let cases = [
            ("", vec![]),
            ("9000/tcp", vec![]),
            (
                "127.0.0.1:3100->3000/tcp",
                vec![tcp("127.0.0.1", 3100, 3000)],
            ),
            (
                "0.0.0.0:80->8080/tcp, :::80->8080/tcp, 443/tcp",
                vec![tcp("0.0.0.0", 80, 8080), tcp("::", 80, 8080)],
            ),
            ("[::]:80->8080/tcp", vec![tcp("::", 80, 8080)]),
            (
                "127.0.0.1:9000-9001->7000-7001/tcp",
                vec![tcp("127.0.0.1", 9000, 7000), tcp("127.0.0.1", 9001, 7001)],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_ports(text, &mut 9), expected, "{text}");
        }
    }

    #[test]
    fn containers_hold_no_more_ports_than_a_host_has() {
        let all = ["0.0.0.0:1-65535->1-65535/tcp"; 3].join(", ");
        let line = format!("web\t\t\t\t\t\t{all}\trunning\tUp 2 hours\n");
        let held = parse(&line.repeat(2));
        let held = held.iter().map(|container| container.ports.len());
        assert_eq!(held.collect::<Vec<_>>(), [3 * 65_535, 65_535]);
    }

    #[test]
    fn reads_a_container_that_is_no_part_of_a_project() {
        let containers = parse("web\t\t\t\t\t\t127.0.0.1:3100->3000/tcp\trunning\tUp 2 hours\n");
        assert_eq!(containers[0].name, "web");
        assert_eq!(containers[0].project, "");
        assert!(!containers[0].is_one_off);
        assert_eq!(containers[0].ports, [tcp("127.0.0.1", 3100, 3000)]);
    }

    #[test]
    fn the_status_tells_health_and_exit_code() {
        let cases = [
            ("running", "Up 2 hours", "", 0),
            ("running", "Up 2 minutes (healthy)", "healthy", 0),
            ("running", "Up 2 minutes (unhealthy)", "unhealthy", 0),
            (
                "running",
                "Up Less than a second (health: starting)",
                "starting",
                0,
            ),
            ("paused", "Up 2 hours (Paused)", "", 0),
            ("exited", "Exited (137) 3 weeks ago", "", 137),
            ("restarting", "Restarting (1) 4 seconds ago", "", 1),
            ("created", "Created", "", 0),
        ];
        for (state, status, health, exit_code) in cases {
            let line = format!("vera-api-1\tvera\tapi\t/w\t2.40.3\tFalse\t\t{state}\t{status}\n");
            let found = parse(&line)[0].service_state();
            assert_eq!(
                (found.state.as_str(), found.health.as_str(), found.exit_code),
                (state, health, exit_code),
                "{status}"
            );
            assert_eq!(
                (found.service.as_str(), found.container.as_str()),
                ("api", "vera-api-1")
            );
        }
    }

    #[test]
    fn both_forms_of_compose_ps_give_the_same_services() {
        let api = r#"{"Service":"api","Name":"vera-api-1","State":"running","Health":"healthy","ExitCode":0,"Publishers":[{"URL":"127.0.0.1","TargetPort":3000,"PublishedPort":3100,"Protocol":"tcp"},{"URL":"","TargetPort":9229,"PublishedPort":0,"Protocol":"tcp"}]}"#;
        let worker = r#"{"Service":"worker","Name":"vera-worker-1","State":"exited","Health":"","ExitCode":1,"Publishers":null}"#;
        let lines = parse_services(&format!("{api}\n{worker}\n"));
        let array = parse_services(&format!("[{api},{worker}]"));
        assert_eq!(lines, array);
        assert_eq!(lines[0].ports, [tcp("127.0.0.1", 3100, 3000)]);
        assert_eq!(lines[1].exit_code, 1);
    }

    #[test]
    fn the_last_word_of_a_health_check_is_read() {
        let log = r#"[{"ExitCode":1,"Output":"old"},{"ExitCode":1,"Output":"nc: bad option\n"}]"#;
        assert_eq!(last_health_output(log).as_deref(), Some("nc: bad option"));
        assert_eq!(last_health_output("[]"), None);
        assert_eq!(last_health_output(""), None);
    }

    #[test]
    fn the_folder_is_found_among_the_labels() {
        let dir = "com.docker.compose.project.working_dir";
        for (labels, expected) in [
            (String::new(), None),
            (format!("{dir}=/w"), Some("/w")),
            (
                format!("a.b=1,{dir}=/w,com.docker.compose.service=api"),
                Some("/w"),
            ),
            (format!("{dir}=/w, or so,org.label=x,y"), Some("/w, or so")),
        ] {
            assert_eq!(folder_of(&labels), expected, "{labels}");
        }
    }

    #[test]
    fn nothing_runs() {
        assert!(parse_services("").is_empty());
        assert!(parse_services("[]\n").is_empty());
    }
}
