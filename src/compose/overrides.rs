//! A common mistake in `docker-compose.override.yml`: lists are added to those of the compose file,
//! so `ports:` adds a port instead of changing it. Pure: text in, findings out.
//!
//! Invalid YAML has no findings: Compose reports what is wrong with it. A text that exceeds the
//! limits is an error, because its effect is unknown.

use std::ops::RangeInclusive;

use super::yaml::{self, Excess, Node, Value};
use crate::workspace::{Protocol, Workspace};

/// A `ports:` of the override that publishes a container's port a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedPort {
    /// The service.
    pub service: String,
    /// The container's port that both files publish.
    pub target: u16,
    /// The line of `ports:` in the override, from 1.
    pub line: usize,
}

/// Returns ports that the override adds, although they look like replacements.
/// <https://docs.docker.com/reference/compose-file/merge/#replace-value>
pub fn added_ports(text: &str, workspace: &Workspace) -> Result<Vec<AddedPort>, Excess> {
    let root = yaml::parse(text)?;
    let services = root.as_ref().and_then(|root| merged(root, "services"));
    let mut found = Vec::new();
    for service in &workspace.services {
        let own = services.and_then(|services| merged(services, &service.name));
        let Some(ports) = own.and_then(|own| merged(own, "ports")) else {
            continue;
        };
        let Value::List(entries) = &ports.value else {
            continue;
        };
        let added: Vec<(RangeInclusive<u16>, Protocol)> =
            entries.iter().filter_map(published).collect();
        for port in &service.ports {
            let is_added = added.iter().any(|(targets, protocol)| {
                targets.contains(&port.target) && *protocol == port.protocol
            });
            if is_added {
                found.push(AddedPort {
                    service: service.name.clone(),
                    target: port.target,
                    line: ports.line,
                });
            }
        }
    }
    Ok(found)
}

/// Returns the project name in the override.
pub fn project_name(text: &str) -> Result<Option<String>, Excess> {
    let root = yaml::parse(text)?;
    let name = root.as_ref().and_then(|root| root.get("name")?.text());
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Returns the value that Compose merges with the compose file's: `!override` replaces that,
/// `!reset` removes it.
fn merged<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key)
        .filter(|node| !["override", "reset"].contains(&node.tag.as_str()))
}

/// Returns the container ports that an entry publishes: `3200:3000/tcp`, `3200-3201:3000-3001`,
/// `{target: 3000}`.
fn published(entry: &Node) -> Option<(RangeInclusive<u16>, Protocol)> {
    let text = |key: &str| entry.get(key).and_then(Node::text);
    let (targets, protocol) = match &entry.value {
        Value::Scalar(text) => {
            let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            (ports.rsplit(':').next().unwrap_or_default(), protocol)
        }
        _ => (text("target")?, text("protocol").unwrap_or("tcp")),
    };
    let (first, last) = targets.split_once('-').unwrap_or((targets, targets));
    let protocol = match protocol {
        "udp" => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    Some((first.parse().ok()?..=last.parse().ok()?, protocol))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;
    use crate::workspace::resolve;

    #[test]
    fn a_port_that_is_added_is_told_from_one_that_is_replaced() {
        let manifest = "[services.web]\nimage = \"x:1\"\nports = [\"3100:3000\", \"9229:9229\"]\n";
        let (table, problems) = manifest::decode::manifest(manifest);
        assert_eq!(problems, []);
        let (workspace, _) = resolve::workspace(&table);
        let cases: &[(&str, &[(u16, usize)])] = &[
            (
                "services:\n  web:\n    ports:\n      - \"3200:3000\"\n",
                &[(3000, 3)],
            ),
            (
                "services:\n  web:\n    ports:\n    - 127.0.0.1:3200:3000/tcp # mine\n",
                &[(3000, 3)],
            ),
            (
                "services:\n    web:\n        ports: [\"3200:3000\", '1:9229']\n",
                &[(3000, 3), (9229, 3)],
            ),
            (
                "services:\n  web:\n    ports:\n      - target: 3000\n        published: \"3200\"\n",
                &[(3000, 3)],
            ),
            (
                "services:\n  web:\n    ports:\n      - {target: 3000, published: 9229}\n",
                &[(3000, 3)],
            ),
            // Replaced, removed, another port, another service, a comment, another place.
            (
                "services:\n  web:\n    ports: !override\n      - \"3200:3000\"\n",
                &[],
            ),
            ("services:\n  web:\n    ports: !reset []\n", &[]),
            (
                "services:\n  web:\n    ports:\n      - \"4000:4000\"\n",
                &[],
            ),
            (
                "services:\n  web:\n    ports:\n      - published: 3000\n        target: 4000\n",
                &[],
            ),
            (
                "services:\n  other:\n    ports:\n      - \"3200:3000\"\n",
                &[],
            ),
            (
                "services:\n  web:\n    # ports:\n    #   - \"3200:3000\"\n    tty: true\n",
                &[],
            ),
            (
                "services:\n  web:\n    environment:\n      - ports=1:3000\n    expose:\n      - 3000\n",
                &[],
            ),
            ("x-ports:\n  web:\n    ports:\n      - 3200:3000\n", &[]),
            (
                "services:\n  web:\n    ports:\n      - 1:4000\n    expose:\n      - 3000\n",
                &[],
            ),
            // One line, flow style, quoted keys, ranges, anchors and merged keys.
            ("services: {web: {ports: [\"3200:3000\"]}}\n", &[(3000, 1)]),
            (
                "{\"services\": {\"web\": {\"ports\": [{\"target\": 9229}]}}}\n",
                &[(9229, 1)],
            ),
            (
                "services:\n  web: {ports: !override [\"3200:3000\"]}\n",
                &[],
            ),
            (
                "services:\n  web: !override\n    ports: [\"3200:3000\"]\n",
                &[],
            ),
            (
                "services:\n  web:\n    ports: [\n      \"1:3000\",\n    ]\n",
                &[(3000, 3)],
            ),
            (
                "services:\n  web:\n    ports: [\"9000-9001:9228-9229\"]\n",
                &[(9229, 3)],
            ),
            ("services:\n  web:\n    ports: [\"3200:3000/udp\"]\n", &[]),
            (
                "x-p: &p\n  ports: [\"1:3000\"]\nservices:\n  web:\n    <<: *p\n",
                &[(3000, 2)],
            ),
            ("services:\n  web:\n    ports:\n", &[]),
            ("", &[]),
            ("ports: [\n", &[]),
        ];
        for (text, expected) in cases {
            let found: Vec<(u16, usize)> = added_ports(text, &workspace)
                .unwrap()
                .into_iter()
                .map(|added| (added.target, added.line))
                .collect();
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn an_override_may_name_the_project() {
        for (text, expected) in [
            ("name: other\nservices: {}\n", Some("other")),
            ("services: {web: {name: x}}\n", None),
            ("name:\n", None),
            ("", None),
        ] {
            assert_eq!(project_name(text).unwrap().as_deref(), expected, "{text}");
        }
    }
}
