//! The Compose project of a workspace as the day-two commands need it: which service is meant, and
//! what is said before Docker is asked.

use anyhow::{Context as _, anyhow};

use super::{Context, Opened, up};
use crate::compose;
use crate::docker::{Compose, Docker, EngineProblem};
use crate::doctor::variables::Variables;
use crate::doctor::{probes, required};
use crate::error::Failure;
use crate::workspace::{Repo, RunsOn, Service, Source};

/// People's own additions to the compose file; they may hold services that the manifest has not.
const OVERRIDE: &str = "docker-compose.override.yml";

/// A workspace, and where in it the user is.
#[derive(Debug)]
pub struct Project<'a> {
    /// Where the user is.
    pub context: &'a Context,
    opened: &'a Opened,
}

impl<'a> Project<'a> {
    /// The project of a workspace.
    pub fn new(context: &'a Context, opened: &'a Opened) -> Self {
        Project { context, opened }
    }

    /// Compose for this project, once there is a compose file and an engine.
    pub fn compose(&self) -> Result<Compose, Failure> {
        let variables = self.variables()?;
        self.require_file(&variables)?;
        engine_answers()?;
        Ok(Docker::default().compose(&self.opened.root))
    }

    /// The variables that Compose finds for this project.
    pub fn variables(&self) -> Result<Variables, Failure> {
        Ok(probes::variables(&self.opened.root).context("can't read `.env`")?)
    }

    fn require_file(&self, variables: &Variables) -> Result<(), Failure> {
        let has_file = self.opened.root.join(compose::FILE).exists();
        if !has_file && variables.get_filled("COMPOSE_FILE").is_none() {
            return Err(
                Failure::failed(anyhow!("there is no `{}` yet", compose::FILE))
                    .hint("run `fitout generate`, or `fitout up` to start everything"),
            );
        }
        Ok(())
    }

    /// The same for a command that needs the compose file and not the values in it: a secret that is
    /// not set must not keep anyone from `fitout down`.
    pub fn to_read(&self) -> Result<Compose, Failure> {
        let compose = self.for_file()?;
        engine_answers()?;
        Ok(compose)
    }

    /// The same before the engine is asked whether it is there.
    fn for_file(&self) -> Result<Compose, Failure> {
        let variables = self.variables()?;
        self.require_file(&variables)?;
        let unset = required::unset(&self.opened.workspace, &variables);
        let compose = Docker::default().compose(&self.opened.root);
        Ok(compose.with_made_up(&unset))
    }

    /// Refuses services that there are not. Those of an override are known to Compose alone.
    pub fn known(&self, asked: &[String]) -> Result<(), Failure> {
        if self.opened.root.join(OVERRIDE).exists() {
            return Ok(());
        }
        up::reject_unknown(self.opened, asked)
    }

    /// The services that are named, or those of the repo that the user is in; empty for all.
    pub fn choice(&self, named: &[String], all: bool) -> Result<Vec<String>, Failure> {
        self.known(named)?;
        if all || !named.is_empty() {
            return Ok(named.to_vec());
        }
        let here = self.services_here().into_iter();
        Ok(here.map(|service| service.name.clone()).collect())
    }

    /// The service that is named, or that of the repo that the user is in.
    pub fn one(&self, named: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = named {
            self.known(&[name.to_owned()])?;
            return Ok(name.to_owned());
        }
        match self.services_here().as_slice() {
            [service] => Ok(service.name.clone()),
            [] => Err(
                Failure::usage(anyhow!("which service? This folder belongs to none")).hint(
                    format!("name one: {}", names(&self.opened.workspace.services)),
                ),
            ),
            several => Err(Failure::usage(anyhow!(
                "which service? The repo here has {}",
                several.len()
            ))
            .hint(format!("name one: {}", names(several.iter().copied())))),
        }
    }

    /// `api npm test`, or `npm test` inside the repo of `api`.
    pub fn service_and_command<'w>(
        &self,
        words: &'w [String],
    ) -> Result<(String, &'w [String]), Failure> {
        let Some((first, rest)) = words.split_first() else {
            return Err(Failure::usage(anyhow!("which command?")));
        };
        let is_service = self.opened.workspace.service(first).is_some();
        if !is_service && self.services_here().len() == 1 {
            return Ok((self.one(None)?, words));
        }
        let service = self.one(Some(first))?;
        if rest.is_empty() {
            return Err(
                Failure::usage(anyhow!("which command is to run in `{service}`?"))
                    .hint(format!("`fitout sh {service}` opens a shell")),
            );
        }
        Ok((service, rest))
    }

    /// Compose for a command in the container of a service, which has to run.
    pub fn in_container(&self, name: &str) -> Result<Compose, Failure> {
        self.not_on_host(name)?;
        let compose = self.for_file()?;
        let states = compose.clone().services().map_err(|error| {
            // That the engine is away says more than what Compose makes of it.
            let why = engine_answers().err();
            why.unwrap_or_else(|| Failure::failed(error))
        })?;
        let mut of_service = states.iter().filter(|state| state.service == name);
        if of_service.clone().any(|state| state.state == "running") {
            return Ok(compose);
        }
        let starts = format!("`fitout up {name}` starts it");
        let Some(state) = of_service.next() else {
            return Err(Failure::failed(anyhow!("`{name}` has no container yet")).hint(starts));
        };
        Err(Failure::failed(anyhow!(
            "`{name}` does not run: its container is {}",
            state.state
        ))
        .hint(format!("`fitout logs {name}` shows what it printed last"))
        .hint(starts))
    }

    /// Refuses a service that has no container because this person uses the machine's own server.
    fn not_on_host(&self, name: &str) -> Result<(), Failure> {
        let service = self.opened.workspace.service(name);
        let on_host =
            service.is_some_and(|service| self.opened.personal.runs_on(service) == RunsOn::Host);
        if on_host {
            return Err(Failure::failed(anyhow!(
                "`{name}` runs on this machine, not in a container"
            ))
            .hint(format!("`fitout doctor --only host` looks at it; `fitout use {name} container` changes where it runs")));
        }
        Ok(())
    }

    /// The services that are built from the repo that the user is in: those with the nearest
    /// context where it has several.
    pub fn services_here(&self) -> Vec<&'a Service> {
        let repos = self.opened.personal.repos(&self.opened.workspace);
        let here = repos.iter().find(|repo| self.is_in(repo));
        let Some(repo) = here else {
            return Vec::new();
        };
        let of_repo: Vec<(&Service, bool)> = self
            .opened
            .workspace
            .services
            .iter()
            .filter_map(|service| match &service.source {
                Source::Build(build) if build.repo == repo.name => {
                    let is_nested = build.context != repo.path;
                    let is_in = self
                        .context
                        .cwd
                        .starts_with(self.opened.root.join(&build.context));
                    Some((service, is_nested && is_in))
                }
                _ => None,
            })
            .collect();
        let has_nested = of_repo.iter().any(|(_, is_nested)| *is_nested);
        of_repo
            .into_iter()
            .filter(|(_, is_nested)| *is_nested || !has_nested)
            .map(|(service, _)| service)
            .collect()
    }

    fn is_in(&self, repo: &Repo) -> bool {
        let folders = [Some(&repo.path), repo.local_path.as_ref()];
        folders.into_iter().flatten().any(|folder| {
            let folder = self.opened.root.join(folder);
            folder != self.opened.root && self.context.cwd.starts_with(folder)
        })
    }
}

/// Says why no engine answers, and what says how to mend it.
fn engine_answers() -> Result<(), Failure> {
    match Docker::default().engine() {
        // A client can be wrong about an engine's health in words that Compose does not mind.
        Ok(_) | Err(EngineProblem::Other(..)) => Ok(()),
        Err(problem) => Err(Failure::failed(problem).hint("`fitout doctor` says how to mend it")),
    }
}

fn names<'s>(services: impl IntoIterator<Item = &'s Service>) -> String {
    let names: Vec<&str> = services
        .into_iter()
        .map(|service| service.name.as_str())
        .collect();
    names.join(", ")
}
