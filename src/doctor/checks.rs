//! All checks, one file each, and the table with their order.
//!
//! Checks only access the world through [`Machine`](super::machine::Machine). To add one, add its
//! file, and its line in the table (CONTRIBUTING.md).

mod access;
mod compose;
mod data;
mod env;
mod files;
mod host;
mod ports;
mod repos;
mod running;
mod tools;

pub use tools::compose::is_new_enough as is_compose_new_enough;

use super::check::Check;
use super::host::reach;
use super::required::unset;
use super::run::AnyCheck;
use super::variables::Variables;
use crate::workspace::{Personal, Preset, Repo, RunsOn, Service, Source, Workspace};

/// Checks in the order in which they are reported.
#[derive(Default)]
struct Table(Vec<AnyCheck>);

impl Table {
    fn one(&mut self, check: impl Check) {
        self.0.push(AnyCheck::of(check));
    }

    fn each<C: Check>(&mut self, checks: impl IntoIterator<Item = C>) {
        self.0.extend(checks.into_iter().map(AnyCheck::of));
    }
}

/// Without a workspace: what every machine needs.
pub fn of_machine() -> Vec<AnyCheck> {
    let mut table = Table::default();
    of_tools(&mut table, &[]);
    table.0
}

fn of_tools(table: &mut Table, repos: &[&Repo]) {
    table.one(tools::git::Git);
    table.one(tools::git_identity::GitIdentity::of(repos));
    table.one(tools::docker::DockerClient);
    table.one(tools::engine::DockerEngine);
    table.one(tools::compose::Compose);
    table.one(tools::buildx::Buildx);
    table.one(tools::disk::Disk);
    table.one(tools::memory::ForContainers);
    table.one(tools::inotify::Inotify);
    table.one(tools::wsl::Wsl);
    table.one(tools::rootless::Rootless);
}

/// All checks of a workspace and the machine that it is on.
pub fn of_workspace(
    workspace: &Workspace,
    personal: &Personal,
    variables: &Variables,
) -> Vec<AnyCheck> {
    let mut table = Table::default();
    let repos = personal.repos(workspace);
    let wanted: Vec<&Repo> = repos.iter().filter(|repo| !repo.skip).collect();
    of_tools(&mut table, &wanted);
    table.one(tools::git_lfs::GitLfs::of(&wanted));
    table.each(access::Access::each(&wanted));
    for repo in wanted {
        table.one(repos::cloned::Cloned::of(repo));
        table.one(repos::remote::Remote::of(repo));
        table.one(repos::branch::Branch::of(repo));
    }
    table.one(repos::extra::Extra);
    let is_skipped = |name: &str| repos.iter().any(|repo| repo.name == *name && repo.skip);
    for service in &workspace.services {
        if let Source::Build(build) = &service.source
            && !is_skipped(&build.repo)
        {
            table.one(files::dockerfile::Dockerfile(files::dockerfile(
                service, build,
            )));
            for file in files::env_files(service, build) {
                table.one(files::env_keys::EnvKeys::of(file.clone(), service));
                table.one(files::env_secret::EnvSecret(file));
            }
        }
    }
    table.one(files::env::EnvFile);
    table.each(env::Variable::each(workspace));
    let made_up = unset(workspace, variables);
    table.one(compose::present::Present);
    table.one(compose::drift::Drift);
    table.one(compose::env::EnvBlock);
    table.one(compose::selection::Selection);
    table.one(compose::project::Project);
    table.one(compose::valid::Valid {
        made_up: made_up.clone(),
    });
    table.one(compose::r#override::Override::of(workspace));
    table.each(ports::Port::each(workspace, personal, variables));
    let on_host = super::host::services(workspace, personal, variables);
    table.each(
        on_host
            .into_iter()
            .map(|service| host::listens::Listens { service }),
    );
    let containers = workspace.services.iter();
    let containers = containers.filter(|it| personal.runs_on(it) == RunsOn::Container);
    let containers: Vec<&Service> = containers.collect();
    table.each(
        containers
            .iter()
            .map(|it| running::Running::of(it, &made_up)),
    );
    table.one(data::project::Project::of(workspace));
    table.one(data::volumes::Volumes::of(workspace, &made_up));
    for service in containers {
        if let Source::Preset(preset) = &service.source {
            of_data(&mut table, service, preset, variables);
        }
    }
    table.0
}

fn of_data(table: &mut Table, service: &Service, preset: &Preset, variables: &Variables) {
    let Some(definition) = preset.definition() else {
        return;
    };
    table.each(data::databases::Databases::of(
        service, preset, definition, variables,
    ));
    table.each(data::login::Login::of(service, definition));
    table.each(data::version::Version::of(service, preset));
    table.each(data::init::Init::of(service, preset));
    table.each(data::volume::Volume::of(service));
}

/// The checks that start a temporary container (`--deep`).
pub fn of_deep(workspace: &Workspace, personal: &Personal, variables: &Variables) -> Vec<AnyCheck> {
    let mut table = Table::default();
    let reach = reach(workspace, personal, variables);
    table.one(host::address::Address {
        reach: reach.clone(),
    });
    let services = reach.services.iter();
    table.each(services.map(|service| host::reachable::Reachable {
        service: service.clone(),
        reach: reach.clone(),
    }));
    table.0
}

/// If `.env` can't be read, checks that depend on it are unknown.
pub fn need_env_file(checks: &mut [AnyCheck]) {
    for check in checks {
        if check.about.reads_env_file {
            check.about.needs.push(files::env::ID.to_owned());
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
