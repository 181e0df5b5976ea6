//! Which checks there are for a workspace. Adding a check starts here.

use super::check::{Aspect, Check, Group, Probe, RunningProbe};
use super::finding::Finding;
use super::required::{self, unset};
use super::variables::Variables;
use super::{access, data, files, host, ports};
use crate::workspace::{Personal, Repo, RunsOn, Workspace};

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
    checks.extend(access::checks(&wanted));
    checks.extend(wanted.iter().copied().flat_map(of_repo));
    checks.push(check(
        Group::Repos,
        "extra",
        "the manifest names every clone",
        &[],
        Probe::Extra,
    ));
    checks.extend(files::checks(workspace, &repos));
    checks.extend(required::checks(workspace));
    checks.extend(of_compose(workspace, variables));
    checks.extend(ports::checks(workspace, personal, variables));
    checks.extend(host::checks(workspace, personal, variables));
    checks.extend(of_containers(workspace, personal, variables));
    checks.extend(data::checks(workspace, personal, variables));
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
        } else if matches!(
            check.group,
            Group::Env | Group::Ports | Group::Host | Group::Data
        ) || matches!(
            check.probe,
            Probe::EnvBlock | Probe::Drift | Probe::ComposeConfig(_)
        ) {
            check.needs.push(id.to_owned());
        }
    }
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
            "selection",
            "plain `docker compose` works on this workspace",
            &[],
            Probe::Selection,
        ),
        check(
            Group::Compose,
            "project",
            "the Compose project is this workspace's",
            &["tools.engine"],
            Probe::Owner,
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

    /// With two services that are built, one of them behind a profile, and a preset.
    pub const MANIFEST: &str = r#"
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
        let manifest = format!(
            "{MANIFEST}init = \"seed.sql\"\n[services.cache]\npreset = \"redis\"\nruns_on = \"host\"\n\
             [services.queue]\npreset = \"rabbitmq\"\n"
        );
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
}
