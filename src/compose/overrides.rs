//! The known trap of `docker-compose.override.yml`: a list there is added to the list of the compose
//! file. Who writes `ports:` to change a port gets both. Pure: text in, findings out.
//!
//! Looks at lines, because a YAML reader does not tell `!override` from no tag. A service on one line
//! (`web: {ports: […]}`) is not seen.

use crate::workspace::Workspace;

/// A `ports:` of the override that publishes a container's port a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedPort {
    /// The service.
    pub service: String,
    /// The container's port that both files publish.
    pub target: u16,
    /// Of `ports:` in the override, counted from 1.
    pub line: usize,
}

/// The ports that the override adds although it looks as if it replaced them.
/// <https://docs.docker.com/reference/compose-file/merge/#replace-value>
pub fn added_ports(text: &str, workspace: &Workspace) -> Vec<AddedPort> {
    let mut found = Vec::new();
    // The keys that lead to a line, each with its indentation.
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut ports: Option<(String, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let content = without_comment(line).trim();
        if content.is_empty() {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let is_item = content.starts_with('-');
        path.retain(|(depth, _)| *depth < indent || (is_item && *depth == indent));
        let mut values = content;
        if let (false, Some((key, value))) = (is_item, content.split_once(':')) {
            path.push((indent, key.trim().trim_matches(['"', '\'']).to_owned()));
            let keys: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
            if let ["services", service, "ports"] = keys[..] {
                // `!override` replaces, `!reset` removes.
                let is_tagged = value.trim().starts_with('!');
                ports = (!is_tagged).then(|| (service.to_owned(), index + 1));
                values = value;
            } else if !matches!(keys[..], ["services", _, "ports", _]) {
                ports = None;
            }
        }
        let Some((service, line)) = &ports else {
            continue;
        };
        let published = workspace.service(service).map(|service| &service.ports);
        for target in targets(values) {
            let is_published =
                published.is_some_and(|all| all.iter().any(|port| port.target == target));
            let added = AddedPort {
                service: service.clone(),
                target,
                line: *line,
            };
            if is_published && !found.contains(&added) {
                found.push(added);
            }
        }
    }
    found
}

/// The container's ports that a line names: `- "3200:3000/tcp"`, `["3200:3000"]`, `target: 3000`.
fn targets(line: &str) -> Vec<u16> {
    let long_key = |text: &str| {
        let (key, _) = text.split_once(": ")?;
        Some(key.trim_matches(['-', ' ', '{']).to_owned())
    };
    line.trim_matches(['[', ']', ' '])
        .split(',')
        .filter(|part| long_key(part).is_none_or(|key| key == "target"))
        .filter_map(|part| {
            let text = part.trim_matches(['-', ' ', '"', '\'', '{', '}', '[', ']']);
            let port = text.rsplit(':').next()?.trim().trim_matches(['"', '\'']);
            port.split('/').next()?.parse().ok()
        })
        .collect()
}

/// A `#` begins a comment at the start of a line and after white space.
fn without_comment(line: &str) -> &str {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let comment = starts
        .into_iter()
        .find(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
    comment.map_or(line, |at| &line[..at])
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
            ("", &[]),
            ("ports: [\n", &[]),
        ];
        for (text, expected) in cases {
            let found: Vec<(u16, usize)> = added_ports(text, &workspace)
                .into_iter()
                .map(|added| (added.target, added.line))
                .collect();
            assert_eq!(found, *expected, "{text}");
        }
    }
}
