//! Data that no longer matches the manifest: the group `data`. The contents of a volume were
//! determined when it was created, and are not affected by later changes of the manifest.

pub mod databases;
pub mod init;
pub mod login;
pub mod project;
pub mod version;
pub mod volume;
pub mod volumes;

use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy};
use crate::doctor::setting::Setting;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Service, VolumeSource, Workspace};

/// Returns the volumes in the manifest.
fn named_volumes(workspace: &Workspace) -> Vec<String> {
    let services = workspace.services.iter();
    let volumes = services.flat_map(|service| &service.volumes);
    volumes
        .filter_map(|volume| match &volume.source {
            VolumeSource::Named(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// Returns the volume of the preset, and its target.
fn own_volume(service: &Service) -> Option<(&str, &str)> {
    let own = format!("{}-data", service.name);
    service
        .volumes
        .iter()
        .find_map(|volume| match &volume.source {
            VolumeSource::Named(name) if *name == own => {
                Some((name.as_str(), volume.target.as_str()))
            }
            _ => None,
        })
}

/// A running server's answer to a command of its preset.
pub enum Answer<T> {
    /// The service has no running container.
    NotRunning,
    /// It failed, for this reason.
    Refused(String),
    /// It answered.
    Given(T),
}

/// Runs an `sh` command line in the container of a running server.
fn ask(machine: &Machine, service: &str, line: &str) -> Result<Answer<String>, Fault> {
    // sh(1): found but not executable, or not found.
    const NO_PROGRAM: [Option<i32>; 2] = [Some(126), Some(127)];
    let Some(container) = machine.running_container(service) else {
        return Ok(Answer::NotRunning);
    };
    let said = machine.run_in(container, line)?;
    if said.is_success {
        return Ok(Answer::Given(said.stdout));
    }
    let health = container.service_state().health;
    if health == "starting" || health == "unhealthy" {
        return Err(Fault::Blocked(format!("`{service}` is {health}")));
    }
    let words = said.stderr.lines().rfind(|line| !line.trim().is_empty());
    let words = words.unwrap_or_default().trim().to_owned();
    if NO_PROGRAM.contains(&said.code) {
        return Err(Fault::Blocked(format!(
            "its image contains no client: {words}"
        )));
    }
    Ok(Answer::Refused(words))
}

/// The verdict if the service is not running.
fn not_running(service: &str) -> Outcome {
    Outcome {
        found: format!("`{service}` is not running"),
        ..Outcome::skipped(format!("running.{service}"))
    }
}

/// The verdict if the server has a different login.
fn refused(service: &str, words: &str, setting: &Setting) -> Outcome {
    let prefix = variable_prefix(service);
    Outcome::fail(
        format!("`{service}` doesn't accept the login of its services: {words}"),
        Remedy::run(format!("fitout sh {service}")).and_note(format!(
            "user and password are still those from when the volume was created: restore them \
             (`{prefix}_PASSWORD` in `{}`, or the manifest), or change them in the server",
            setting.shown(".env")
        )),
    )
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::tests::parse;
    use crate::workspace::Service;

    /// The service `db` of a preset, with more lines of the manifest.
    pub fn db(preset: &str, more: &str) -> Service {
        let manifest = format!("[services.db]\npreset = \"{preset}\"\n{more}\n");
        parse(&manifest).services.remove(0)
    }
}
