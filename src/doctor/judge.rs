//! Verdicts: what a probe found, in; a status, a sentence and the command that fixes it, out.
//!
//! [`tools`] judges the machine, [`access`] the servers, [`workspace`] the workspace on it, [`host`]
//! what it uses of the machine. The bars are named where they are held up, each with its reason.

mod access;
mod host;
mod project;
pub mod tools;
mod workspace;

use super::check::{Check, Fix, Outcome, Probe, Remedy};
use super::data;
use super::finding::{Fault, Finding, Origin};
use super::system::System;

use crate::shell;

/// What a remedy depends on beside the finding.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The system that the remedy is for.
    pub system: System,
    /// How to get from the user's folder to the workspace: empty, or `../..`.
    pub workspace: String,
}

/// The verdict on what was found.
pub fn judge(check: &Check, observed: Result<Finding, Fault>, setting: &Setting) -> Outcome {
    let finding = match observed {
        Ok(finding) => finding,
        Err(Fault::Crashed(words)) => {
            return Outcome::unknown(format!("the probe crashed: {words}"));
        }
        Err(Fault::TimedOut(limit)) => {
            return Outcome::unknown(format!("no answer within {} s", limit.as_secs_f32()));
        }
        Err(Fault::Blocked(why)) => return Outcome::unknown(why),
    };
    let system = &setting.system;
    match (finding, &check.probe) {
        (Finding::Git(version), _) => tools::git(version.as_deref(), system),
        (Finding::DockerClient(client), _) => tools::docker_client(client, system),
        (Finding::Engine(engine), _) => tools::engine(engine, system),
        (Finding::Compose(compose), _) => tools::compose(compose, system),
        (Finding::Buildx(version), _) => match version {
            Some(version) => Outcome::pass(format!("buildx {version}")),
            None => Outcome::info("no buildx plugin; Compose builds without it"),
        },
        (Finding::Disk(free), _) => tools::disk(free),
        (Finding::Memory { total, available }, _) => tools::memory(total, available),
        (Finding::GitLfs(seen), _) => tools::git_lfs(&seen, setting),
        (Finding::Inotify(limits), _) => tools::inotify(limits, system),
        (Finding::Wsl(seen), _) => tools::wsl(seen),
        (Finding::Rootless(seen), _) => tools::rootless(&seen),
        (Finding::Access(seen), Probe::Access(server)) => access::access(seen, server),
        (Finding::Extra(clones), _) => workspace::extra(&clones),
        (Finding::EnvKeys(seen), Probe::EnvKeys(probe)) => {
            workspace::env_keys(seen, probe, setting)
        }
        (Finding::Running(seen), Probe::Running(probe)) => workspace::running(&seen, probe),
        (Finding::Repo(state), Probe::Repo(repo, aspect)) => {
            workspace::repo(repo, &state, *aspect, setting)
        }
        (Finding::File(file), Probe::File(path)) => workspace::file(file, path, setting),
        (Finding::Tracked(is_tracked), Probe::Tracked(path)) => {
            workspace::tracked(is_tracked, path, setting)
        }
        (Finding::Variable(origin), Probe::Variable(name)) => {
            workspace::variable(origin, name, setting)
        }
        (Finding::Drift(drift), _) => workspace::drift(&drift),
        (Finding::EnvBlock(true), _) => Outcome::pass("`.env` is up to date"),
        (Finding::EnvBlock(false), _) => Outcome::warn(
            "`.env` does not have this machine's values as they are now",
            Remedy::run("fitout generate"),
        )
        .fixed_by(Fix::Generate),
        (Finding::Selection(differences), _) => project::selection(&differences),
        (Finding::Owner(seen), _) => project::owner(&seen, setting),
        (Finding::Data(seen), probe) => data::judge(&seen, probe, setting),
        (Finding::Override(added), _) => workspace::added_ports(added),
        (Finding::ComposeConfig(config), _) => workspace::compose_config(&config),
        (Finding::Port(seen), Probe::Port(port)) => workspace::port(seen, port, setting),
        (
            Finding::PortValue {
                variable,
                value,
                origin,
            },
            _,
        ) => Outcome::fail(
            format!("`{variable}` is `{value}`, which is no port"),
            match origin {
                Origin::Shell => Remedy::run(format!("unset {variable}")),
                Origin::EnvFile => Remedy::note(format!("give `{variable}` a port in `.env`")),
            },
        ),
        (
            Finding::PortClash {
                published,
                with,
                variable,
            },
            _,
        ) => Outcome::fail(
            format!("`{with}` publishes port {published} too"),
            Remedy::note(format!("give `{variable}` another port in `.env`")),
        ),
        (Finding::HostListener(seen), Probe::HostListener(service)) => {
            host::listener(&seen, service, setting)
        }
        (Finding::HostAddress(seen), Probe::HostAddress(reach)) => {
            host::address(&seen, reach, setting)
        }
        (Finding::HostReach(seen, listener), Probe::HostReach(reach, service)) => {
            host::service(&seen, &listener, reach, service, setting)
        }
        (Finding::EnvFileUnreadable(why), _) => Outcome::fail(
            format!("can't read `.env`: {why}"),
            Remedy::run(format!("ls -l {}", setting.typed(".env"))),
        ),
        (Finding::PortChosen, _) => Outcome::pass("chosen when the container starts"),
        (finding, probe) => Outcome::unknown(format!("{probe:?} can't find {finding:?}")),
    }
}

impl Setting {
    /// A path of the workspace, from where the user is.
    pub fn shown(&self, path: &str) -> String {
        match self.workspace.as_str() {
            "" => path.to_owned(),
            workspace => format!("{workspace}/{path}"),
        }
    }

    /// The same, as a word of a command.
    pub fn typed(&self, path: &str) -> String {
        shell::path(self.shown(path))
    }

    /// Later lines of `.env` win over earlier ones.
    fn set_variable(&self, name: &str, value: &str) -> String {
        self.add_line(&format!("{name}={value}"))
    }
}

impl Setting {
    /// A command that adds a line to `.env`.
    pub(super) fn add_line(&self, line: &str) -> String {
        format!("echo '{line}' >> {}", self.typed(".env"))
    }
}

/// Long command lines and error texts, cut to what a person reads.
fn one_line(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > MOST {
        let cut: String = line.chars().take(MOST).collect();
        format!("{cut}…")
    } else {
        line
    }
}

#[cfg(test)]
mod tests;
