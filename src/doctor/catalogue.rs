//! Which checks there are for a workspace. Adding a check starts here.

use super::check::{Aspect, Check, EnvKeysProbe, Group, Probe, RunningProbe, Server};
use super::finding::Finding;
use super::host;
use super::ports;
use super::variables::Variables;
use crate::workspace::{Build, Personal, Repo, RunsOn, Service, Source, Workspace};

/// Without a workspace: what every machine needs.
pub fn machine() -> Vec<Check> {
    let tool = |name: &str, subject: &str, needs: &[&str], probe| {
        check(Group::Tools, name, subject, needs, probe)
    };
    vec![
        tool("git", "git is installed", &[], Probe::Git),
        tool(
            "docker",
            "the `docker` client is installed",
            &[],
            Probe::DockerClient,
        ),
        tool(
            "engine",
            "the Docker engine answers",
            &["tools.docker"],
            Probe::Engine,
        ),
        tool(
            "compose",
            "Docker Compose is new enough",
            &["tools.docker"],
            Probe::Compose,
        ),
        tool(
            "buildx",
            "the buildx plugin is installed",
            &["tools.docker"],
            Probe::Buildx,
        ),
        tool("disk", "there is space on the disk", &[], Probe::Disk),
        tool(
            "memory",
            "there is memory for containers",
            &[],
            Probe::Memory,
        ),
        tool(
            "inotify",
            "enough files can be watched for changes",
            &[],
            Probe::Inotify,
        ),
        tool(
            "wsl",
            "the workspace is in Linux, not on a drive of Windows",
            &[],
            Probe::Wsl,
        ),
        tool(
            "rootless",
            "limits of containers have an effect",
            &["tools.engine"],
            Probe::Rootless,
        ),
    ]
}

/// All checks of a workspace, in the order in which they are reported.
pub fn workspace(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    let repos = personal.repos(workspace);
    let mut checks = machine();
    let wanted: Vec<&Repo> = repos.iter().filter(|repo| !repo.skip).collect();
    checks.push(git_lfs(&wanted));
    checks.extend(access(&wanted));
    checks.extend(wanted.iter().copied().flat_map(of_repo));
    checks.push(check(
        Group::Repos,
        "extra",
        "the manifest names every clone",
        &[],
        Probe::Extra,
    ));
    checks.extend(of_files(workspace, &repos));
    checks.extend(of_variables(workspace));
    checks.extend(of_compose(workspace, variables));
    checks.extend(ports::checks(workspace, personal, variables));
    checks.extend(host::checks(workspace, personal, variables));
    checks.extend(of_containers(workspace, personal, variables));
    checks
}

/// The checks that start something: a container for a moment (`--deep`).
pub fn deep(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    host::deep_checks(workspace, personal, variables, unset(workspace, variables))
}

/// Puts into the checks that `.env` can't be read: those that depend on what is in it can't tell.
pub fn env_file_unreadable(checks: &mut [Check], why: &str) {
    let id = "files.env";
    for check in checks {
        if check.id == id {
            check.probe = Probe::Known(Box::new(Finding::EnvFileUnreadable(why.to_owned())));
        } else if matches!(check.group, Group::Env | Group::Ports | Group::Host)
            || matches!(
                check.probe,
                Probe::EnvBlock | Probe::Drift | Probe::ComposeConfig(_)
            )
        {
            check.needs.push(id.to_owned());
        }
    }
}

/// The services that start when these are asked for (all where empty): with their dependencies, and
/// without those whose profile is off and those that run on this machine.
pub fn started<'a>(
    workspace: &'a Workspace,
    personal: &Personal,
    variables: &Variables,
    asked: &[String],
) -> Vec<&'a Service> {
    let chosen = variables.get("COMPOSE_PROFILES");
    let profiles: Vec<&str> = match chosen {
        Some((value, _)) => value.split(',').map(str::trim).collect(),
        None => personal.profiles.iter().map(String::as_str).collect(),
    };
    let is_on = |service: &Service| {
        service.profiles.is_empty()
            || profiles.contains(&"*")
            || service
                .profiles
                .iter()
                .any(|profile| profiles.contains(&profile.as_str()))
    };
    let mut names: Vec<&str> = if asked.is_empty() {
        let on = workspace.services.iter().filter(|service| is_on(service));
        on.map(|service| service.name.as_str()).collect()
    } else {
        asked.iter().map(String::as_str).collect()
    };
    let mut next = 0;
    while let Some(name) = names.get(next) {
        let dependencies = workspace.service(name).map(|service| &service.depends_on);
        for dependency in dependencies.into_iter().flatten() {
            if !names.contains(&dependency.service.as_str()) {
                names.push(&dependency.service);
            }
        }
        next += 1;
    }
    workspace
        .services
        .iter()
        .filter(|service| names.contains(&service.name.as_str()))
        .filter(|service| personal.runs_on(service) == RunsOn::Container)
        .collect()
}

fn git_lfs(repos: &[&Repo]) -> Check {
    check(
        Group::Tools,
        "git-lfs",
        "git-lfs is installed, where a repo needs it",
        &["tools.git"],
        Probe::GitLfs(repos.iter().map(|repo| (*repo).clone()).collect()),
    )
}

/// One check a server and transport, by its first repo. A path of this machine needs none.
fn access(repos: &[&Repo]) -> Vec<Check> {
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

fn of_repo(repo: &Repo) -> Vec<Check> {
    let name = &repo.name;
    let of = |what: &str, subject: &str, needs: &[&str], aspect| {
        let needs: Vec<String> = needs
            .iter()
            .map(|need| format!("repos.{name}.{need}"))
            .collect();
        Check {
            needs,
            ..check(
                Group::Repos,
                &format!("{name}.{what}"),
                &format!("`{name}` {subject}"),
                &[],
                Probe::Repo(Box::new(repo.clone()), aspect),
            )
        }
    };
    vec![
        of("cloned", "is cloned", &[], Aspect::Cloned),
        of(
            "remote",
            "is a clone of the manifest's repo",
            &["cloned"],
            Aspect::Remote,
        ),
        of(
            "branch",
            "can be updated by `fitout sync`",
            &["cloned", "remote"],
            Aspect::Branch,
        ),
    ]
}

fn of_files(workspace: &Workspace, repos: &[Repo]) -> Vec<Check> {
    let mut checks = Vec::new();
    for service in &workspace.services {
        let Source::Build(build) = &service.source else {
            continue;
        };
        if repos
            .iter()
            .any(|repo| repo.name == build.repo && repo.skip)
        {
            continue;
        }
        let path = join(&build.context, &build.dockerfile);
        checks.push(check(
            Group::Files,
            &format!("{}.dockerfile", service.name),
            &format!("`{path}` is there"),
            &[&format!("repos.{}.cloned", build.repo)],
            Probe::File(path),
        ));
        checks.extend(of_env_files(service, build));
    }
    checks.push(check(
        Group::Files,
        "env",
        "git does not commit `.env`",
        &[],
        Probe::Tracked(".env".to_owned()),
    ));
    checks
}

/// The env files of a service that is built from a repo: those that the manifest names, else the
/// `.env` that most stacks read by themselves.
fn of_env_files(service: &Service, build: &Build) -> Vec<Check> {
    let default = [join(&build.context, ".env")];
    let files = match service.env_file.as_slice() {
        [] => default.as_slice(),
        named => named,
    };
    let needs = format!("repos.{}.cloned", build.repo);
    let mut checks = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let name = match index {
            0 => service.name.clone(),
            more => format!("{}.{}", service.name, more + 1),
        };
        checks.push(check(
            Group::Files,
            &format!("{name}.env-keys"),
            &format!("`{file}` has the keys of its example"),
            &[&needs],
            Probe::EnvKeys(EnvKeysProbe {
                file: file.clone(),
                example: format!("{file}.example"),
                given: service.environment.keys().cloned().collect(),
            }),
        ));
        checks.push(check(
            Group::Files,
            &format!("{name}.env-secret"),
            &format!("git does not commit `{file}`"),
            &[&needs],
            Probe::Tracked(file.clone()),
        ));
    }
    checks
}

fn of_containers(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<Check> {
    let made_up = unset(workspace, variables);
    let services = workspace.services.iter();
    services
        .filter(|service| personal.runs_on(service) == RunsOn::Container)
        .map(|service| {
            check(
                Group::Running,
                &service.name,
                &format!("`{}` is healthy, if it runs", service.name),
                &["tools.engine", "tools.compose", "compose.present"],
                Probe::Running(RunningProbe {
                    service: service.name.clone(),
                    made_up: made_up.clone(),
                }),
            )
        })
        .collect()
}

fn join(folder: &str, file: &str) -> String {
    match folder {
        "" | "." => file.to_owned(),
        folder => format!("{}/{file}", folder.trim_end_matches('/')),
    }
}

/// Variables that a service requires, each once, with the services that do.
fn required(workspace: &Workspace) -> Vec<(&str, Vec<&str>)> {
    let mut required: Vec<(&str, Vec<&str>)> = Vec::new();
    for service in &workspace.services {
        for variable in &service.required_env {
            match required.iter_mut().find(|(name, _)| name == variable) {
                Some((_, services)) => services.push(&service.name),
                None => required.push((variable, vec![&service.name])),
            }
        }
    }
    required
}

fn of_variables(workspace: &Workspace) -> Vec<Check> {
    required(workspace)
        .into_iter()
        .map(|(variable, services)| {
            let services: Vec<String> = services.iter().map(|name| format!("`{name}`")).collect();
            check(
                Group::Env,
                variable,
                &format!("`{variable}` is set, for {}", services.join(", ")),
                &[],
                Probe::Variable(variable.to_owned()),
            )
        })
        .collect()
}

/// The variables that a service requires and nobody sets. Compose refuses to read the file without
/// them, so a call that needs the file but no value makes them up.
pub fn unset(workspace: &Workspace, variables: &Variables) -> Vec<String> {
    required(workspace)
        .into_iter()
        .filter(|(variable, _)| variables.get_filled(variable).is_none())
        .map(|(variable, _)| variable.to_owned())
        .collect()
}

fn of_compose(workspace: &Workspace, variables: &Variables) -> Vec<Check> {
    vec![
        check(
            Group::Compose,
            "present",
            "`docker-compose.yml` is there",
            &[],
            Probe::File("docker-compose.yml".to_owned()),
        ),
        check(
            Group::Compose,
            "drift",
            "`docker-compose.yml` is what the manifest says",
            &["compose.present"],
            Probe::Drift,
        ),
        check(
            Group::Compose,
            "env",
            "fitout's block of `.env` is up to date",
            &["compose.present"],
            Probe::EnvBlock,
        ),
        check(
            Group::Compose,
            "valid",
            "Docker Compose accepts the file",
            &["tools.compose", "compose.present"],
            // What is not set has a check of its own, and should not hide what else is wrong.
            Probe::ComposeConfig(unset(workspace, variables)),
        ),
        check(
            Group::Compose,
            "override",
            "`docker-compose.override.yml` replaces what it means to",
            &[],
            Probe::Override(Box::new(workspace.clone())),
        ),
    ]
}

/// A check whose id begins with its group.
pub(super) fn check(
    group: Group,
    name: &str,
    subject: &str,
    needs: &[&str],
    probe: Probe,
) -> Check {
    Check {
        id: format!("{}.{name}", group.name()),
        group,
        subject: subject.to_owned(),
        needs: needs.iter().map(ToString::to_string).collect(),
        probe,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::manifest;
    use crate::workspace::{PersonalRepo, PersonalService, resolve};

    /// A workspace from the text of its manifest.
    pub fn parse(manifest: &str) -> Workspace {
        let (table, problems) = manifest::decode::manifest(manifest);
        assert!(problems.is_empty(), "{problems:?}");
        let (workspace, problems) = resolve::workspace(&table);
        assert!(problems.is_empty(), "{problems:?}");
        workspace
    }

    const MANIFEST: &str = r#"
        [git]
        base_url = "https://git.example/"

        [repos.api]
        [repos.old]

        [services.api]
        repo = "api"
        context = "server"
        ports = ["3100:3000", "3200:3000"]
        depends_on = ["db"]
        required_env = ["KEY", "TOKEN"]

        [services.jobs]
        repo = "old"
        profiles = ["backend"]
        ports = ["3300:3000"]
        required_env = ["KEY"]

        [services.db]
        preset = "postgres"
        ports = ["5432:5432"]
    "#;

    fn ids(checks: &[Check]) -> Vec<&str> {
        checks.iter().map(|check| check.id.as_str()).collect()
    }

    #[test]
    fn every_part_of_a_workspace_has_its_checks() {
        let checks = workspace(
            &parse(MANIFEST),
            &Personal::default(),
            &Variables::default(),
        );
        let with_needs = checks.iter().map(|check| {
            let needs = check.needs.join(", ");
            format!("{} [{needs}] {}", check.id, check.subject)
        });
        insta::assert_snapshot!(with_needs.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn ids_are_unique_and_begin_with_their_group_and_needs_are_ids() {
        let checks = all();
        let ids = ids(&checks);
        for check in &checks {
            let same = ids.iter().filter(|id| **id == check.id).count();
            assert_eq!(same, 1, "{}", check.id);
            assert!(check.id.starts_with(check.group.name()), "{}", check.id);
            for need in &check.needs {
                assert!(ids.contains(&need.as_str()), "{}: {need}", check.id);
            }
        }
    }

    #[test]
    fn what_is_not_wanted_on_this_machine_is_not_checked() {
        let mut personal = Personal::default();
        personal.repos.insert(
            "old".to_owned(),
            PersonalRepo {
                skip: true,
                ..PersonalRepo::default()
            },
        );
        personal.services.insert(
            "db".to_owned(),
            PersonalService {
                runs_on: Some(RunsOn::Host),
                ..PersonalService::default()
            },
        );
        let checks = workspace(&parse(MANIFEST), &personal, &Variables::default());
        let ids = ids(&checks);
        for gone in [
            "repos.old.cloned",
            "files.jobs.dockerfile",
            "ports.jobs.3000",
            "ports.db.5432",
        ] {
            assert!(!ids.contains(&gone), "{gone}");
        }
        assert!(ids.contains(&"ports.api.3000"));
    }

    /// Ids in the first column of the table in docs/doctor.md.
    fn documented() -> Vec<&'static str> {
        let page = include_str!("../../docs/doctor.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let ids = rows.filter_map(|row| row.split('`').next());
        ids.filter(|id| id.contains('.') && !id.contains('['))
            .collect()
    }

    /// A part in capitals stands for one part or more.
    fn describes(pattern: &[&str], id: &[&str]) -> bool {
        let (Some((first, rest)), Some((part, more))) = (pattern.split_first(), id.split_first())
        else {
            return pattern.is_empty() && id.is_empty();
        };
        if first.chars().all(char::is_uppercase) {
            describes(rest, more) || describes(pattern, more)
        } else {
            first == part && describes(rest, more)
        }
    }

    /// Every check that there can be, with those of `--deep`.
    fn all() -> Vec<Check> {
        let manifest =
            format!("{MANIFEST}\n[services.cache]\npreset = \"redis\"\nruns_on = \"host\"\n");
        let (parsed, personal) = (parse(&manifest), Personal::default());
        let variables = Variables::default();
        let mut checks = workspace(&parsed, &personal, &variables);
        checks.extend(deep(&parsed, &personal, &variables));
        checks
    }

    #[test]
    fn the_page_in_docs_lists_exactly_these_checks() {
        let checks = all();
        let describes = |pattern: &str, id: &str| {
            let (pattern, id): (Vec<_>, Vec<_>) =
                (pattern.split('.').collect(), id.split('.').collect());
            describes(&pattern, &id)
        };
        let documented = documented();
        for id in ids(&checks) {
            let rows = documented.iter().filter(|row| describes(row, id)).count();
            assert_eq!(rows, 1, "rows of docs/doctor.md for `{id}`");
        }
        for row in documented {
            let is_there = ids(&checks).iter().any(|id| describes(row, id));
            assert!(is_there, "no check for the row `{row}` of docs/doctor.md");
        }
    }

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

    #[test]
    fn services_start_with_what_they_depend_on_and_by_profile() {
        let workspace = parse(MANIFEST);
        let shell = |value: &str| [("COMPOSE_PROFILES".to_owned(), value.to_owned())];
        let none = Variables::default;
        let cases: [(&[&str], Variables, &[&str]); 5] = [
            (&[], none(), &["api", "db"]),
            (&["api"], none(), &["api", "db"]),
            (&["jobs"], none(), &["jobs"]),
            (
                &[],
                Variables::new(shell("x, backend"), ""),
                &["api", "jobs", "db"],
            ),
            (&[], Variables::new(shell("*"), ""), &["api", "jobs", "db"]),
        ];
        for (asked, variables, expected) in cases {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            let started = started(&workspace, &Personal::default(), &variables, &asked);
            let names: Vec<&str> = started
                .iter()
                .map(|service| service.name.as_str())
                .collect();
            assert_eq!(names, expected, "{asked:?}");
        }
    }

    #[test]
    fn values_are_made_up_only_for_what_nobody_sets() {
        let variables = Variables::new([], "KEY=1\nTOKEN=\n");
        assert_eq!(unset(&parse(MANIFEST), &variables), ["TOKEN"]);
    }
}
