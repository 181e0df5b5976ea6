//! The checks of files: what a service is built from, and what holds its variables.

use super::catalogue::check;
use super::check::{Check, EnvKeysProbe, Group, Probe};
use crate::workspace::{Build, Repo, Service, Source, Workspace};

/// Those of the services that are built from a repo of this machine, and of the workspace itself.
pub fn checks(workspace: &Workspace, repos: &[Repo]) -> Vec<Check> {
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

fn join(folder: &str, file: &str) -> String {
    match folder {
        "" | "." => file.to_owned(),
        folder => format!("{}/{file}", folder.trim_end_matches('/')),
    }
}
