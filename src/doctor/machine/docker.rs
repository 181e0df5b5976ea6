//! Docker: the client, the engine, containers, volumes, and Compose on this workspace.

use super::{
    Client, ComposeFound, Container, Endpoint, Engine, EngineProblem, Fault, Machine, workspaces,
};
use crate::compose::owner::{self, Owner};
use crate::compose::selection::PROFILES;
use crate::docker::{Asked, VolumeError, compose, probe};
use crate::host::process::{Output, RunError};
use crate::running::ServiceState;

/// The output of a program in a container, or of Compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether it succeeded.
    pub is_success: bool,
    /// Its exit status, unless killed by a signal.
    pub code: Option<i32>,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
}

impl Said {
    /// Compose's messages.
    pub fn messages(&self) -> Vec<String> {
        compose::messages(&self.stderr)
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Said {
            is_success: output.status.success(),
            code: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }
}

impl Machine {
    /// Returns the program named `docker`; none if there is none.
    pub fn docker_client(&self) -> Result<Option<Client>, Fault> {
        match self.docker.client_version() {
            Ok(client) => Ok(Some(client)),
            Err(RunError::NotFound(_)) => Ok(None),
            Err(error) => Err(blocked(error)),
        }
    }

    /// Returns the engine that the client uses.
    pub fn engine(&self) -> Result<&Engine, &EngineProblem> {
        self.engine.get_or_init(|| self.docker.engine()).as_ref()
    }

    /// Returns the endpoint of the client.
    pub fn endpoint(&self) -> &Endpoint {
        self.endpoint.get_or_init(|| self.docker.endpoint())
    }

    /// Docker Compose.
    pub fn compose_version(&self) -> Result<ComposeFound, Fault> {
        self.docker.compose_version().map_err(blocked)
    }

    /// Returns the version of buildx; none if it is not installed.
    pub fn buildx_version(&self) -> Result<Option<String>, Fault> {
        self.docker.buildx_version().map_err(blocked)
    }

    /// Returns Compose for this workspace, with placeholders for these variables.
    pub fn compose(&self, made_up: &[String], arguments: &[&str]) -> Result<Said, Fault> {
        let compose = self.docker.compose(&self.root, &self.selection);
        let compose = compose.with_made_up(made_up).args(arguments);
        Ok(compose.capture().map_err(blocked)?.into())
    }

    /// Like the above, with all profiles enabled.
    pub fn compose_in_full(&self, made_up: &[String], arguments: &[&str]) -> Result<Said, Fault> {
        let compose = self.docker.compose(&self.root, &self.selection);
        let compose = compose.with_made_up(made_up).env(PROFILES, "*");
        Ok(compose.args(arguments).capture().map_err(blocked)?.into())
    }

    /// Returns the containers of the project according to Compose, with placeholders for these
    /// variables.
    pub fn services(&self, made_up: &[String]) -> Result<&[ServiceState], Fault> {
        let services = self.services.get_or_init(|| {
            let compose = self.docker.compose(&self.root, &self.selection);
            let services = compose.with_made_up(made_up).services();
            services.map_err(|error| error.to_string())
        });
        match services {
            Ok(services) => Ok(services),
            Err(why) => Err(Fault::Blocked(why.clone())),
        }
    }

    /// Returns the last output of a container's health check.
    pub fn health_output(&self, container: &str) -> Option<String> {
        self.docker.health_output(container)
    }

    /// Returns all containers, including stopped ones. None if the engine doesn't respond: then, as
    /// far as is known, no container is running.
    pub fn containers(&self) -> &[Container] {
        self.containers
            .get_or_init(|| self.docker.containers().unwrap_or_default())
    }

    /// Returns the running container of a service of this workspace.
    pub fn running_container(&self, service: &str) -> Option<&Container> {
        self.containers().iter().find(|container| {
            container.project == self.selection.project
                && container.service == service
                && !container.is_one_off
                && container.service_state().state == "running"
        })
    }

    /// Runs an `sh` command line in a container.
    pub fn run_in(&self, container: &Container, line: &str) -> Result<Said, Fault> {
        let output = self.docker.run_in(&container.name, line);
        Ok(output.map_err(blocked)?.into())
    }

    /// Returns the owner of the Compose project.
    pub fn owner(&self) -> &Owner {
        self.owner.get_or_init(|| {
            let project = &self.selection.project;
            let containers = self.containers().iter();
            let own = containers.filter(|container| container.project == *project);
            let folders = own.map(|container| container.folder.as_str());
            self.docker.owner(&self.root, project, folders)
        })
    }

    /// Returns an unused project name.
    pub fn own_name(&self) -> String {
        let known = self.workspaces.get_or_init(workspaces::known);
        owner::own_name(&self.selection.project, |name| {
            let mut containers = self.containers().iter();
            containers.any(|container| container.project == name)
                || known.iter().any(|known| known.project == name)
        })
    }

    /// Returns the engine's name of a volume in the compose file.
    pub fn volume_name(&self, volume: &str) -> String {
        format!("{}_{volume}", self.selection.project)
    }

    /// Returns the volumes of a project: the engine's names, and those in the compose file.
    pub fn volumes_of(&self, project: &str) -> Result<Vec<(String, String)>, Fault> {
        let volumes = self.docker.volumes_of_project(project);
        volumes.ok_or_else(|| Fault::Blocked("no engine responds".to_owned()))
    }

    /// Returns when the engine created a volume, by the engine's name; none if it doesn't exist.
    pub fn volume_created_at(&self, name: &str) -> Option<jiff::Timestamp> {
        self.docker.volume_created(name)?.parse().ok()
    }

    /// Returns the first of these files that exists in a volume, with its text: read in the
    /// service's container if it is running, otherwise in a new one from its image, or a small one,
    /// if available.
    pub fn first_in_volume(
        &self,
        name: &str,
        files: &[String],
        service: &str,
        image: &str,
    ) -> Result<Option<(String, String)>, Fault> {
        let images = [image, probe::IMAGE];
        let asked = match self.running_container(service) {
            Some(container) => Asked::Container(&container.name),
            None if self.docker.volume_created(name).is_none() => return Ok(None),
            None => Asked::Images(&images),
        };
        let found = self.docker.first_in_volume(name, files, asked);
        found.map_err(|error| match error {
            VolumeError::Run(error) => blocked(error),
            VolumeError::Refused(_) => Fault::Blocked(error.to_string()),
        })
    }
}

fn blocked(error: RunError) -> Fault {
    match error {
        RunError::TimedOut { limit, .. } => Fault::TimedOut(limit),
        RunError::Io { program, source } => {
            Fault::Blocked(format!("can't run `{program}`: {source}"))
        }
        error => Fault::Blocked(error.to_string()),
    }
}
