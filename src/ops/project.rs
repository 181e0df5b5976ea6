//! The Compose project of a workspace for the day-two commands: determines the service, and reports
//! problems before Docker is called.

use std::cell::OnceCell;
use std::path::Path;

use anyhow::anyhow;

use super::{Context, Opened};
use crate::compose::owner::{self, Owner};
use crate::compose::selection::{self, Selection, Sources};
use crate::compose::yaml::Excess;
use crate::compose::{self, overrides};
use crate::docker::{Compose, ComposeProblem, Docker};
use crate::doctor::variables::Variables;
use crate::doctor::{machine, required};
use crate::dotenv;
use crate::error::{CommandResult, Failure, ResultExt as _};
use crate::host::{files, workspaces};
use crate::shell;
use crate::workspace::{Repo, RunsOn, Service, Source};

impl Opened {
    /// Returns Compose for this workspace's files and project, regardless of the shell.
    pub(crate) fn compose(&self, docker: &Docker) -> Result<Compose, Failure> {
        let variables = machine::variables(&self.root).context("can't read `.env`")?;
        Ok(docker.compose(&self.root, &self.selection(&variables)?))
    }

    /// Returns the files and the project that Compose should use. Fails if a file that may set the
    /// project name can't be read: otherwise another project might be changed.
    pub(crate) fn selection(&self, variables: &Variables) -> Result<Selection, Failure> {
        let mut failure = None;
        let selection = self.select(variables, &mut failure);
        failure.map_or(Ok(selection), Err)
    }

    /// Like [`Self::selection`], for callers that only read, and report unreadable files
    /// themselves.
    pub(crate) fn selection_as_far_as_known(&self, variables: &Variables) -> Selection {
        self.select(variables, &mut None)
    }

    fn select(&self, variables: &Variables, failure: &mut Option<Failure>) -> Selection {
        let sources = Sources {
            shell: &|name| variables.in_shell(name),
            env_file: &|name| variables.in_file(name),
            has_file: &|name| self.root.join(name).is_file(),
            in_folder: &|file| {
                let folder = self.root.join(file);
                let folder = folder
                    .parent()
                    .and_then(|folder| folder.canonicalize().ok());
                folder.is_some() && folder == self.root.canonicalize().ok()
            },
        };
        Selection::of(&sources, |files| {
            let name = self.project_name(variables, files);
            name.unwrap_or_else(|error| {
                *failure = Some(error);
                project_of_folder(&self.root)
            })
        })
    }

    /// Returns the project name as Compose determines it: from the variable in `.env` (which
    /// `generate` sets for copies), the last file that sets one, or the folder's name without
    /// characters that are not allowed (compose-go, `NormalizeProjectName`).
    fn project_name(&self, variables: &Variables, files: &[String]) -> Result<String, Failure> {
        let of_file = variables.in_file(selection::PROJECT);
        if let Some(name) = of_file.filter(|name| !name.is_empty()) {
            return Ok(name.to_owned());
        }
        if let Some(copy) = &self.personal.copy {
            return Ok(copy.project.clone());
        }
        for file in files.iter().rev() {
            if file.rsplit('/').next() == Some(compose::FILE) {
                if let Some(name) = &self.workspace.name {
                    return Ok(name.clone());
                }
                continue;
            }
            let text = files::read(&self.root.join(file))?.unwrap_or_default();
            let name = overrides::project_name(&text);
            if let Some(name) = name.map_err(|excess| too_much(file, excess))? {
                return Ok(name);
            }
        }
        Ok(project_of_folder(&self.root))
    }
}

/// An error for a Compose file that exceeds fitout's limits.
pub(crate) fn too_much(file: &str, excess: Excess) -> Failure {
    Failure::failed(anyhow!("`{file}`: {excess}")).hint(excess.hint())
}

/// Returns the project name that Compose derives from a folder's name.
pub(crate) fn project_of_folder(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    let allowed = |character: &char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(*character)
    };
    let name: String = name.chars().filter(allowed).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

/// A workspace, and the user's current folder in it.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    /// The user's current folder.
    pub context: &'a Context,
    opened: &'a Opened,
    selected: OnceCell<Selection>,
}

impl<'a> Project<'a> {
    /// Creates the project of a workspace.
    pub(crate) fn new(context: &'a Context, opened: &'a Opened) -> Self {
        Project {
            context,
            opened,
            selected: OnceCell::new(),
        }
    }

    /// Returns Compose for this project, for any command.
    pub(crate) fn any(&self) -> Result<Compose, Failure> {
        let selection = self.selection(&self.variables()?)?;
        Ok(Docker::default().compose(&self.opened.root, selection))
    }

    /// Returns Compose for this workspace's own project, for a command that needs all values of the
    /// compose file.
    pub(crate) fn compose(&self) -> Result<Compose, Failure> {
        self.require_file()?;
        let compose = self.any()?;
        self.require_own()?;
        Ok(compose)
    }

    /// Returns the files and project for Compose. Conflicting variables in the shell are reported
    /// once.
    fn selection(&self, variables: &Variables) -> Result<&Selection, Failure> {
        if let Some(selection) = self.selected.get() {
            return Ok(selection);
        }
        let selection = self.opened.selection(variables)?;
        report(self.context, &selection);
        Ok(self.selected.get_or_init(|| selection))
    }

    /// Fails if the project has containers or volumes of another workspace.
    pub(crate) fn require_own(&self) -> Result<(), Failure> {
        let project = self.selection(&self.variables()?)?.project.clone();
        let docker = Docker::default();
        let Some(found) = docker.containers_of(&project) else {
            return compose_works(docker.can_compose());
        };
        compose_works(docker.has_compose())?;
        let folders = found.iter().map(|container| container.folder.as_str());
        own(self.opened, &project, folders)
    }

    /// Returns the variables that Compose reads for this project.
    pub(crate) fn variables(&self) -> Result<Variables, Failure> {
        machine::variables(&self.opened.root).context("can't read `.env`")
    }

    fn require_file(&self) -> Result<(), Failure> {
        if !self.opened.root.join(compose::FILE).exists() {
            return Err(
                Failure::failed(anyhow!("there is no `{}` yet", compose::FILE))
                    .hint("run `fitout generate`, or `fitout up` to start everything"),
            );
        }
        Ok(())
    }

    /// Like [`Self::compose`], for a command that needs the compose file but not its values: a
    /// missing secret must not prevent `fitout down`.
    pub(crate) fn to_change(&self) -> Result<Compose, Failure> {
        let compose = self.for_file()?;
        self.require_own()?;
        Ok(compose)
    }

    /// Like [`Self::to_change`], for a command that changes nothing.
    pub(crate) fn to_read(&self) -> Result<Compose, Failure> {
        let compose = self.for_file()?;
        compose_works(Docker::default().can_compose())?;
        Ok(compose)
    }

    /// Like [`Self::to_read`], without checking for the engine.
    fn for_file(&self) -> Result<Compose, Failure> {
        self.require_file()?;
        let unset = required::unset(&self.opened.workspace, &self.variables()?);
        Ok(self.any()?.with_made_up(&unset))
    }

    /// Fails if a service doesn't exist. Services in an override are only known to Compose.
    pub(crate) fn known(&self, asked: &[String]) -> Result<(), Failure> {
        if self.opened.root.join(compose::OVERRIDE_FILE).exists() {
            return Ok(());
        }
        self.opened.require_services(asked)
    }

    /// Returns the given services, or those of the repo that the user is in; empty for all.
    pub(crate) fn choice(&self, named: &[String], all: bool) -> Result<Vec<String>, Failure> {
        self.known(named)?;
        if all || !named.is_empty() {
            return Ok(named.to_vec());
        }
        let here = self.services_here().into_iter();
        Ok(here.map(|service| service.name.clone()).collect())
    }

    /// Returns the given service, or that of the repo that the user is in.
    pub(crate) fn one(&self, named: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = named {
            self.known(&[name.to_owned()])?;
            return Ok(name.to_owned());
        }
        match self.services_here().as_slice() {
            [service] => Ok(service.name.clone()),
            [] => Err(Failure::usage(anyhow!(
                "which service? The current folder doesn't belong to one"
            ))
            .hint(format!(
                "name one: {}",
                names(&self.opened.workspace.services)
            ))),
            several => Err(Failure::usage(anyhow!(
                "which service? This repo has {}",
                several.len()
            ))
            .hint(format!("name one: {}", names(several.iter().copied())))),
        }
    }

    /// Splits `api npm test`, or `npm test` inside the repo of `api`.
    pub(crate) fn service_and_command<'w>(
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
                Failure::usage(anyhow!("which command should run in `{service}`?"))
                    .hint(format!("to open a shell: fitout sh {service}")),
            );
        }
        Ok((service, rest))
    }

    /// Returns Compose for a command in the container of a service, which must be running.
    pub(crate) fn in_container(&self, name: &str) -> Result<Compose, Failure> {
        self.not_on_host(name)?;
        let compose = self.for_file()?;
        let states = compose.clone().services().map_err(|error| {
            // A missing engine or plugin is a better explanation than the client's error.
            let why = compose_works(Docker::default().can_compose()).err();
            why.unwrap_or_else(|| Failure::from(error))
        })?;
        let project = &self.selection(&self.variables()?)?.project;
        let folders = states.iter().map(|state| state.folder.as_str());
        own(self.opened, project, folders)?;
        let mut of_service = states.iter().filter(|state| state.service == name);
        if of_service.clone().any(|state| state.state == "running") {
            return Ok(compose);
        }
        let starts = format!("to start it: fitout up {name}");
        let Some(state) = of_service.next() else {
            return Err(Failure::failed(anyhow!("`{name}` has no containers yet")).hint(starts));
        };
        Err(Failure::failed(anyhow!(
            "`{name}` is not running: its container is {}",
            state.state
        ))
        .hint(format!("to see its logs: fitout logs {name}"))
        .hint(starts))
    }

    /// Fails for a service without a container, because the user has switched to the machine's own
    /// server.
    fn not_on_host(&self, name: &str) -> Result<(), Failure> {
        let service = self.opened.workspace.service(name);
        let on_host =
            service.is_some_and(|service| self.opened.personal.runs_on(service) == RunsOn::Host);
        if on_host {
            return Err(Failure::failed(anyhow!(
                "`{name}` runs on this machine, not in a container"
            ))
            .hint(format!("to check it: fitout doctor --only host; to run it in a container: fitout use {name} container")));
        }
        Ok(())
    }

    /// Returns the services that are built from the repo that the user is in: those with the
    /// nearest build context if there are several.
    pub(crate) fn services_here(&self) -> Vec<&'a Service> {
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

/// Warns about variables that make plain `docker compose` use something else.
pub(crate) fn report(context: &Context, selection: &Selection) {
    for difference in &selection.differences {
        context.ui.warn(&difference.found);
        if let Some(command) = &difference.remedy {
            context.ui.hint(command);
        }
    }
}

/// Fails if the project belongs to another folder, according to the folders that its containers
/// were created in.
pub(crate) fn own<'a>(
    opened: &Opened,
    project: &str,
    folders: impl IntoIterator<Item = &'a str>,
) -> Result<(), Failure> {
    let docker = Docker::default();
    let Owner::Other(folder, what) = docker.owner(&opened.root, project, folders) else {
        return Ok(());
    };
    let containers = docker.containers().unwrap_or_default();
    let known = workspaces::known();
    let own = owner::own_name(project, |name| {
        containers.iter().any(|container| container.project == name)
            || known.iter().any(|known| known.project == name)
    });
    let line = owner::line(&own);
    let file = shell::path(opened.root.join(dotenv::FILE));
    let failure = Failure::failed(anyhow!(owner::refusal(project, &folder, what)));
    Err(failure
        .hint(format!(
            "to give this workspace its own project: echo '{line}' >> {file}"
        ))
        .hint("`fitout copy` creates workspaces with their own names and ports"))
}

/// Adds a hint how to fix it.
fn compose_works(found: Result<(), ComposeProblem>) -> Result<(), Failure> {
    found.map_err(|problem| Failure::from(problem).hint("run `fitout doctor` to see how to fix it"))
}

fn names<'s>(services: impl IntoIterator<Item = &'s Service>) -> String {
    let names: Vec<&str> = services
        .into_iter()
        .map(|service| service.name.as_str())
        .collect();
    names.join(", ")
}

/// Compose allocates a terminal in the container by default, which requires one here too.
pub(crate) fn terminal(compose: Compose, context: &Context) -> Compose {
    if context.ui.has_terminal() {
        compose
    } else {
        compose.arg("-T")
    }
}

pub(crate) fn become_compose(compose: Compose) -> CommandResult {
    Err(compose.exec().into())
}
