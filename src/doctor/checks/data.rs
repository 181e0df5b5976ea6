//! Data that the manifest no longer matches: the group `data`. What a volume holds was decided when it was
//! made, and nothing that the manifest says later changes it.

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

/// The volumes that the manifest names.
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

/// The volume that the preset brings, and where it is.
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

/// What a running server said to a line of its preset.
pub enum Answer<T> {
    /// The service has no running container.
    NotRunning,
    /// It did not answer, for this reason.
    Refused(String),
    /// It answered.
    Given(T),
}

/// Asks a running server with a line for `sh` in its container.
fn ask(machine: &Machine, service: &str, line: &str) -> Result<Answer<String>, Fault> {
    // sh(1): found and not a program, or not found.
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
        return Err(Fault::Blocked(format!("its image has no client: {words}")));
    }
    Ok(Answer::Refused(words))
}

/// The verdict where the service does not run.
fn not_running(service: &str) -> Outcome {
    Outcome {
        found: format!("`{service}` does not run"),
        ..Outcome::skipped(format!("running.{service}"))
    }
}

/// The verdict where the server knows another login.
fn refused(service: &str, words: &str, setting: &Setting) -> Outcome {
    let prefix = variable_prefix(service);
    Outcome::fail(
        format!("`{service}` does not take the login that its services have: {words}"),
        Remedy::run(format!("fitout sh {service}")).and_note(format!(
            "user and password are those of the day on which the volume was made: put them back \
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
