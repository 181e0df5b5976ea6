//! The checks of the servers that repos are cloned from.

use super::catalogue::check;
use super::check::{Check, Group, Probe, Server};
use crate::workspace::Repo;

/// One check a server and transport, by its first repo. A path of this machine needs none.
pub fn checks(repos: &[&Repo]) -> Vec<Check> {
    let mut servers: Vec<Server> = Vec::new();
    for repo in repos {
        let Some((transport, host)) = server(&repo.url) else {
            continue;
        };
        let is_known = |known: &Server| known.transport == transport && known.host == host;
        if !servers.iter().any(is_known) {
            servers.push(Server {
                host: host.to_owned(),
                transport: transport.to_owned(),
                repo: repo.name.clone(),
                url: repo.url.clone(),
            });
        }
    }
    let checks = servers.into_iter().map(|server| {
        let Server {
            host, transport, ..
        } = &server;
        check(
            Group::Access,
            &format!("{host}.{transport}"),
            &format!("{host} lets you clone over {transport}"),
            &[],
            Probe::Access(Box::new(server)),
        )
    });
    checks.collect()
}

/// How a URL is reached, and the host with its port; none for a path.
fn server(url: &str) -> Option<(&str, &str)> {
    let (transport, authority) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((scheme, rest)) => (
            scheme.strip_prefix("git+").unwrap_or(scheme),
            rest.split('/').next()?,
        ),
        // As git decides: `host:path` has its colon before any slash.
        None => {
            let (host, _) = url
                .split_once(':')
                .filter(|(host, _)| !host.contains('/'))?;
            ("ssh", host)
        }
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some((transport, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::catalogue::{tests::parse, workspace};
    use crate::doctor::variables::Variables;
    use crate::workspace::Personal;

    #[test]
    fn a_server_is_asked_once_a_transport() {
        let repo = |number: usize, url: &str| format!("[repos.r{number}]\nurl = \"{url}\"\n");
        let urls = [
            "git@git.example:acme/a.git",
            "ssh://git@git.example/acme/b.git",
            "https://user:token@git.example:8443/c",
            "https://git.example/d",
            "../e.git",
            "file:///f",
        ];
        let manifest: String = urls
            .iter()
            .enumerate()
            .map(|(number, url)| repo(number, url))
            .collect();
        let checks = workspace(
            &parse(&manifest),
            &Personal::default(),
            &Variables::default(),
        );
        let access = checks.iter().filter(|check| check.group == Group::Access);
        let ids: Vec<&str> = access.map(|check| check.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "access.git.example.ssh",
                "access.git.example:8443.https",
                "access.git.example.https"
            ]
        );
    }
}
