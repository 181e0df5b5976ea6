//! Resolves `workspace.local.toml` against the workspace that it belongs to.

use indexmap::IndexMap;

use super::Problems;
use super::services::resolve_ports;
use crate::manifest::model::{CopyTable, Entries, PersonalRepoTable, UrlProtocol};
use crate::manifest::{Diagnostic, PersonalFile, Spanned};
use crate::workspace::{
    CopyOf, GitSettings, Personal, PersonalRepo, PersonalService, Source, Workspace,
};
use crate::workspace::{address, syntax};

/// Resolves the personal file. It is complete only where no problem is reported.
pub fn resolve(file: &PersonalFile, workspace: &Workspace) -> (Personal, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let protocol = file.git.protocol.as_ref().map(|protocol| protocol.value);
    let personal = Personal {
        git: GitSettings {
            jobs: file.git.jobs.as_ref().map(|jobs| jobs.value as usize),
            backend: file
                .git
                .backend
                .as_ref()
                .map(|backend| backend.value)
                .unwrap_or_default(),
            no_cache: file.git.cache == Some(false),
        },
        repos: repos(&file.repos, workspace, protocol, &mut problems),
        services: services(file, workspace, &mut problems),
        profiles: file
            .profiles
            .iter()
            .map(|profile| profile.value.clone())
            .collect(),
        host_ip: file.host.ip.as_ref().map(|ip| ip.value.clone()),
        host_gateway: file
            .host
            .gateway
            .as_ref()
            .map(|gateway| gateway.value.clone()),
        copy: None,
    };
    let personal = Personal {
        copy: file
            .copy
            .as_ref()
            .and_then(|table| copy(table, workspace, &personal, &mut problems)),
        ..personal
    };
    for profile in &file.profiles {
        let known = workspace
            .services
            .iter()
            .flat_map(|service| &service.profiles);
        let known: Vec<&str> = known.map(String::as_str).collect();
        if !known.contains(&profile.value.as_str()) {
            problems.push(
                Diagnostic::new(
                    profile.span.clone(),
                    format!("no service has the profile `{}`", profile.value),
                )
                .suggest(&profile.value, known),
            );
        }
    }
    (personal, problems.0)
}

fn repos(
    Entries(tables): &Entries<PersonalRepoTable>,
    workspace: &Workspace,
    protocol: Option<UrlProtocol>,
    problems: &mut Problems,
) -> IndexMap<String, PersonalRepo> {
    let mut choices: IndexMap<String, PersonalRepo> = IndexMap::new();
    if let Some(protocol) = protocol {
        for repo in &workspace.repos {
            let url = with_protocol(&repo.url, protocol);
            choices.insert(
                repo.name.clone(),
                PersonalRepo {
                    url,
                    ..PersonalRepo::default()
                },
            );
        }
    }
    for (name, table) in tables {
        let full = format!("repos.{}", name.value);
        let known = workspace.repos.iter().map(|repo| repo.name.as_str());
        if workspace.repo(&name.value).is_none() {
            problems.push(unknown(name, "repo", known));
            continue;
        }
        let choice = choices.entry(name.value.clone()).or_default();
        choice.skip = table.skip;
        if let Some(url) = &table.url {
            problems.check(url, &format!("{full}.url"), address::check(&url.value));
            choice.url = Some(url.value.clone());
        }
        if let Some(branch) = &table.branch {
            problems.check(
                branch,
                &format!("{full}.branch"),
                syntax::git_ref(&branch.value),
            );
            choice.branch = Some(branch.value.clone());
        }
        if let Some(path) = &table.path {
            let name = format!("{full}.path");
            choice.path = problems.valid(path, &name, syntax::clone_place(&path.value));
        }
    }
    choices
}

fn services(
    file: &PersonalFile,
    workspace: &Workspace,
    problems: &mut Problems,
) -> IndexMap<String, PersonalService> {
    let mut choices = IndexMap::new();
    let Entries(tables) = &file.services;
    for (name, table) in tables {
        let Some(service) = workspace.service(&name.value) else {
            let known = workspace
                .services
                .iter()
                .map(|service| service.name.as_str());
            problems.push(unknown(name, "service", known));
            continue;
        };
        if let (Some(runs_on), Source::Build(_) | Source::Image(_)) =
            (&table.runs_on, &service.source)
        {
            problems.push(Diagnostic::new(
                runs_on.span.clone(),
                format!(
                    "`{}` is not a preset, so it can't run on the host",
                    name.value
                ),
            ));
        }
        let full = format!("services.{}.ports", name.value);
        let ports = resolve_ports(&name.value, &full, table.ports.as_deref(), 0, problems);
        for (port, span) in &ports {
            let mut known = service.ports.iter();
            if !known.any(|known| known.variable == port.variable) {
                let mut known = service.ports.iter();
                let is_there = known
                    .any(|known| known.target == port.target && known.protocol == port.protocol);
                let often = if is_there { " so often" } else { "" };
                problems.push(
                    Diagnostic::new(
                        span.clone(),
                        format!(
                            "`{}` does not publish port {}{often}",
                            name.value, port.target
                        ),
                    )
                    .help("only the host port of a published port can be changed here"),
                );
            }
        }
        let choice = PersonalService {
            runs_on: table.runs_on.as_ref().map(|runs_on| runs_on.value),
            ports: ports.into_iter().map(|(port, _)| port).collect(),
        };
        choices.insert(name.value.clone(), choice);
    }
    choices
}

/// What makes this workspace a copy: a project of its own, and ports that there are.
fn copy(
    table: &Spanned<CopyTable>,
    workspace: &Workspace,
    personal: &Personal,
    problems: &mut Problems,
) -> Option<CopyOf> {
    let CopyTable {
        of,
        project,
        port_offset,
        database_suffix,
    } = &table.value;
    let (Some(of), Some(project)) = (of, project) else {
        let lacking = if of.is_none() { "of" } else { "project" };
        problems.push(
            Diagnostic::new(table.span.clone(), format!("`copy` has no `{lacking}`"))
                .help("`fitout copy` writes this table; without it, this workspace is not a copy"),
        );
        return None;
    };
    problems.check(project, "copy.project", syntax::name(&project.value));
    if let Some(suffix) = database_suffix {
        problems.check(
            suffix,
            "copy.database_suffix",
            syntax::database_suffix(&suffix.value),
        );
    }
    if let Some(offset) = port_offset {
        let ports = workspace.services.iter().flat_map(|service| {
            let ports = service.ports.iter();
            ports.filter_map(move |port| Some((service, personal.published(&service.name, port)?)))
        });
        for (service, port) in ports {
            if port.checked_add(offset.value).is_none() {
                problems.push(Diagnostic::new(
                    offset.span.clone(),
                    format!(
                        "`copy.port_offset` exceeds the last port, 65535: `{}` is published on {port}",
                        service.name
                    ),
                ));
            }
        }
    }
    Some(CopyOf {
        folder: of.value.clone(),
        project: project.value.clone(),
        port_offset: port_offset.as_ref().map_or(0, |offset| offset.value),
        database_suffix: database_suffix.as_ref().map(|suffix| suffix.value.clone()),
    })
}

fn unknown<'a>(
    name: &Spanned<String>,
    kind: &str,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::new(
        name.span.clone(),
        format!("the manifest has no {kind} `{}`", name.value),
    )
    .suggest(&name.value, known)
}

/// The same remote over another protocol; `None` where it stays as it is (a path, another scheme).
fn with_protocol(url: &str, protocol: UrlProtocol) -> Option<String> {
    match protocol {
        UrlProtocol::Https => {
            let (host, path) = match url.strip_prefix("ssh://") {
                // A port of ssh says nothing about the port of https.
                Some(rest) => rest.split_once('/').map(|(host, path)| {
                    (host.rsplit_once(':').map_or(host, |(host, _)| host), path)
                })?,
                None if url.contains("://") => return None,
                None => url.split_once(':').filter(|(host, _)| host.contains('@'))?,
            };
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            Some(format!("https://{host}/{}", path.trim_start_matches('/')))
        }
        UrlProtocol::Ssh => {
            let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let host = host.split_once(':').map_or(host, |(host, _)| host);
            Some(format!("git@{host}:{path}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_of_the_host_can_be_changed_alone() {
        let manifest =
            "[services.mail]\nimage = \"x:1\"\nports = [\"1:25\", \"2:25\", \"3:25/udp\"]\n";
        let (workspace, problems) =
            crate::workspace::resolve::workspace(&crate::manifest::decode::manifest(manifest).0);
        assert_eq!(problems, []);
        let service = &workspace.services[0];
        let variables: Vec<&str> = service.ports.iter().map(|port| &*port.variable).collect();
        assert_eq!(
            variables,
            ["MAIL_PORT_25", "MAIL_PORT_25_2", "MAIL_PORT_25_UDP"]
        );
        for (ports, expected) in [
            ("[\"11:25\"]", [11, 2, 3]),
            ("[\"11:25\", \"12:25\"]", [11, 12, 3]),
            ("[\"13:25/udp\"]", [1, 2, 13]),
        ] {
            let source = format!("[services.mail]\nports = {ports}\n");
            let (file, _) = crate::manifest::decode::personal_file(&source);
            let (personal, problems) = resolve(&file, &workspace);
            assert_eq!(problems, [], "{ports}");
            let published = service.ports.iter();
            let published: Vec<u16> = published
                .filter_map(|port| personal.published("mail", port))
                .collect();
            assert_eq!(published, expected, "{ports}");
        }
    }

    #[test]
    fn a_url_over_another_protocol() {
        use UrlProtocol::{Https, Ssh};
        for (url, protocol, expected) in [
            (
                "git@github.com:acme/a",
                Https,
                Some("https://github.com/acme/a"),
            ),
            (
                "ssh://git@example.com:2222/acme/a.git",
                Https,
                Some("https://example.com/acme/a.git"),
            ),
            (
                "https://github.com/acme/a.git",
                Ssh,
                Some("git@github.com:acme/a.git"),
            ),
            (
                "https://me@example.com/acme/a",
                Ssh,
                Some("git@example.com:acme/a"),
            ),
            ("https://github.com/acme/a", Https, None),
            ("git@github.com:acme/a", Ssh, None),
            ("../remotes/a.git", Https, None),
            ("file:///srv/a", Ssh, None),
        ] {
            assert_eq!(with_protocol(url, protocol).as_deref(), expected, "{url}");
        }
    }
}
