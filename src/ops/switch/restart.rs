//! Determines what to restart after a choice. Compose itself reports which services have a
//! different configuration with the new `.env`.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::change::Change;
use crate::docker::Compose;
use crate::doctor::started::started;
use crate::doctor::variables::Variables;
use crate::error::{Failure, ResultExt as _};
use crate::ops::project::{self, Project};
use crate::ops::{Context, Opened};
use crate::running::ServiceState;
use crate::workspace::{RunsOn, Service};

/// The required changes to running services.
#[derive(Default, PartialEq)]
pub(crate) struct Restart {
    /// Switched services whose containers are removed.
    pub(crate) stop: Vec<String>,
    /// Switched services that get a container.
    pub(crate) start: Vec<String>,
    /// Running services, or finished jobs, with a different environment.
    pub(crate) recreate: Vec<String>,
}

impl Restart {
    /// Determines the changes; none if nothing is running, or Docker can't be asked: then only the
    /// files are written.
    pub(crate) fn of(
        context: &Context,
        opened: &Opened,
        change: &Change,
        services: &[&Service],
    ) -> Result<Self, Failure> {
        if !opened.root.join(crate::compose::FILE).exists() {
            return Ok(Restart::default());
        }
        let project = Project::new(context, opened);
        let compose = match project.to_read() {
            Ok(compose) => compose,
            Err(failure) => {
                context.ui.warn(format_args!(
                    "{:#}, so nothing was restarted",
                    failure.error
                ));
                return Ok(Restart::default());
            }
        };
        let states = compose.clone().services();
        let states = states.context("can't get the running services")?;
        let variables = project.variables()?;
        let folders = states.iter().map(|state| state.folder.as_str());
        project::own(opened, &opened.selection(&variables)?.project, folders)?;
        if !states.iter().any(is_up) {
            return Ok(Restart::default());
        }
        let [before, after] =
            [&change.env_before, &change.env.text].map(|text| hashes(&compose, text));
        let (before, after) = (before?, after?);
        let is_switched = |name: &str| services.iter().any(|service| service.name == name);
        let mut restart = Restart::default();
        for (name, hash) in &after {
            let mut of_service = states.iter().filter(|state| state.service == *name);
            let is_other = before.get(name) != Some(hash);
            if is_other
                && !is_switched(name)
                && of_service.any(|state| is_up(state) || is_done(state))
            {
                restart.recreate.push(name.clone());
            }
        }
        let variables = Variables::new([], &change.env.text);
        let after = &change.after;
        let started = started(&after.workspace, &after.personal, &variables, &[]);
        for service in services {
            let name = &service.name;
            let mut of_service = states.iter().filter(|state| state.service == *name);
            match after.personal.runs_on(service) {
                RunsOn::Host if of_service.next().is_some() => restart.stop.push(name.clone()),
                RunsOn::Container
                    if !of_service.any(is_up) && started.iter().any(|it| it.name == *name) =>
                {
                    restart.start.push(name.clone());
                }
                _ => {}
            }
        }
        Ok(restart)
    }
}

fn is_up(state: &ServiceState) -> bool {
    matches!(state.state.as_str(), "running" | "restarting" | "paused")
}

/// A finished job has to run on the other server too.
fn is_done(state: &ServiceState) -> bool {
    state.state == "exited" && state.exit_code == 0
}

fn hashes(compose: &Compose, env: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut file = tempfile::NamedTempFile::new().context("can't create a temporary file")?;
    file.write_all(env.as_bytes())
        .context("can't write a temporary file")?;
    let hashes = compose.hashes(file.path());
    hashes.context("can't get the configuration hashes of the services")
}
