//! The Compose project of a workspace as the day-two commands need it: which service is meant, and
//! what is said before Docker is asked.

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
    /// Compose for this workspace's files and project, whatever the shell says.
    pub(crate) fn compose(&self, docker: &Docker) -> Result<Compose, Failure> {
        let variables = machine::variables(&self.root).context("can't read `.env`")?;
        Ok(docker.compose(&self.root, &self.selection(&variables)?))
    }

    /// Which files and which project Compose is to work on here. Fails where a file may name the project
    /// and can't be read: what is changed then could be another one.
    pub(crate) fn selection(&self, variables: &Variables) -> Result<Selection, Failure> {
        let mut failure = None;
        let selection = self.select(variables, &mut failure);
        failure.map_or(Ok(selection), Err)
    }

    /// The same for who only looks, and reports files that can't be read by itself.
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

    /// The name that Compose gives the project: the variable's of `.env` (which `generate` sets to a
    /// copy's own), that of the last file that has one, or the folder's with what no project name may
    /// have left out (compose-go, `NormalizeProjectName`).
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

/// A Compose file that is more than fitout reads.
pub(crate) fn too_much(file: &str, excess: Excess) -> Failure {
    Failure::failed(anyhow!("`{file}`: {excess}")).hint(excess.hint())
}

/// What Compose makes of a folder's name.
pub(crate) fn project_of_folder(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    let allowed = |character: &char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(*character)
    };
    let name: String = name.chars().filter(allowed).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

/// A workspace, and where in it the user is.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    /// Where the user is.
    pub context: &'a Context,
    opened: &'a Opened,
    selected: OnceCell<Selection>,
}

impl<'a> Project<'a> {
    /// The project of a workspace.
    pub(crate) fn new(context: &'a Context, opened: &'a Opened) -> Self {
        Project {
            context,
            opened,
            selected: OnceCell::new(),
        }
    }

    /// Compose for this project and whatever its user wants of it.
    pub(crate) fn any(&self) -> Result<Compose, Failure> {
        let selection = self.selection(&self.variables()?)?;
        Ok(Docker::default().compose(&self.opened.root, selection))
    }

    /// The project, which is this workspace's own, for a command that needs all values of its file.
    pub(crate) fn compose(&self) -> Result<Compose, Failure> {
        self.require_file()?;
        let compose = self.any()?;
        self.require_own()?;
        Ok(compose)
    }

    /// What Compose is to work on. What this shell says otherwise is reported once.
    fn selection(&self, variables: &Variables) -> Result<&Selection, Failure> {
        if let Some(selection) = self.selected.get() {
            return Ok(selection);
        }
        let selection = self.opened.selection(variables)?;
        report(self.context, &selection);
        Ok(self.selected.get_or_init(|| selection))
    }

    /// Refuses where the project has containers or volumes of another workspace.
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

    /// The variables that Compose finds for this project.
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

    /// The same for a command that needs the compose file and not the values in it: a secret that is
    /// not set must not keep anyone from `fitout down`.
    pub(crate) fn to_change(&self) -> Result<Compose, Failure> {
        let compose = self.for_file()?;
        self.require_own()?;
        Ok(compose)
    }

    /// The same for a command that changes nothing.
    pub(crate) fn to_read(&self) -> Result<Compose, Failure> {
        let compose = self.for_file()?;
        compose_works(Docker::default().can_compose())?;
        Ok(compose)
    }

    /// The same before the engine is asked whether it is there.
    fn for_file(&self) -> Result<Compose, Failure> {
        self.require_file()?;
        let unset = required::unset(&self.opened.workspace, &self.variables()?);
        Ok(self.any()?.with_made_up(&unset))
    }

    /// Refuses services that there are not. Those of an override are known to Compose alone.
    pub(crate) fn known(&self, asked: &[String]) -> Result<(), Failure> {
        if self.opened.root.join(compose::OVERRIDE_FILE).exists() {
            return Ok(());
        }
        self.opened.require_services(asked)
    }

    /// The services that are named, or those of the repo that the user is in; empty for all.
    pub(crate) fn choice(&self, named: &[String], all: bool) -> Result<Vec<String>, Failure> {
        self.known(named)?;
        if all || !named.is_empty() {
            return Ok(named.to_vec());
        }
        let here = self.services_here().into_iter();
        Ok(here.map(|service| service.name.clone()).collect())
    }

    /// The service that is named, or that of the repo that the user is in.
    pub(crate) fn one(&self, named: Option<&str>) -> Result<String, Failure> {
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
                Failure::usage(anyhow!("which command is to run in `{service}`?"))
                    .hint(format!("`fitout sh {service}` opens a shell")),
            );
        }
        Ok((service, rest))
    }

    /// Compose for a command in the container of a service, which has to run.
    pub(crate) fn in_container(&self, name: &str) -> Result<Compose, Failure> {
        self.not_on_host(name)?;
        let compose = self.for_file()?;
        let states = compose.clone().services().map_err(|error| {
            // That the engine or the plugin is away says more than what the client makes of it.
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

/// Says what makes plain `docker compose` work on something else.
pub(crate) fn report(context: &Context, selection: &Selection) {
    for difference in &selection.differences {
        context.ui.warn(&difference.found);
        if let Some(command) = &difference.remedy {
            context.ui.hint(command);
        }
    }
}

/// Refuses a project that is another folder's, by the folders that its containers were made in.
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
            "to give this workspace a project of its own: echo '{line}' >> {file}"
        ))
        .hint("`fitout copy` makes workspaces that have names and ports of their own"))
}

/// With what says how to fix it.
fn compose_works(found: Result<(), ComposeProblem>) -> Result<(), Failure> {
    found.map_err(|problem| Failure::from(problem).hint("`fitout doctor` says how to fix it"))
}

fn names<'s>(services: impl IntoIterator<Item = &'s Service>) -> String {
    let names: Vec<&str> = services
        .into_iter()
        .map(|service| service.name.as_str())
        .collect();
    names.join(", ")
}

/// Compose makes a terminal in the container unless told otherwise; it needs one here too.
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
