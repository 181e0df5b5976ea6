//! Removes a copy with its containers, and never work that is nowhere else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;

use super::lost::{Lost, listed, lost};
use super::{all, known_of};
use crate::compose::selection::PROFILES;
use crate::docker::{Docker, EngineProblem};
use crate::doctor::{machine, required};
use crate::dotenv;
use crate::error::{Failure, ResultExt as _};
use crate::git::staging;
use crate::host::workspaces::Known;
use crate::host::{state, workspaces};
use crate::manifest;
use crate::ops::{Context, Opened, project};
use crate::shell;
use crate::ui::Ui;

/// Stopping all containers takes as long as stopping the slowest one.
const DOWN_LIMIT: Duration = Duration::from_secs(120);

/// What becomes of work that is nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing is removed.
    Refused,
    /// It is lost (`--force`).
    Accepted,
}

/// A copy that can be removed, and what goes with it.
pub(crate) struct Removal {
    pub folder: PathBuf,
    pub lost: Vec<Lost>,
    pub stack: Stack,
    opened: Opened,
    others: Vec<Known>,
    loss: Loss,
}

impl Removal {
    /// Of the copy with this folder or project.
    pub(crate) fn of(context: &Context, named: &Path, loss: Loss) -> Result<Self, Failure> {
        let folder = find(context, named)?;
        let opened = Opened::read(&folder)?;
        let shown = folder.display().to_string();
        let word = shell::path(&folder);
        let Some(own) = &opened.personal.copy else {
            return Err(Failure::usage(anyhow!(
                "{shown} is not a copy: fitout only removes workspaces made by `fitout copy`"
            ))
            .hint("run `fitout copies` to list the copies of the current workspace"));
        };
        if context.cwd.starts_with(&folder) {
            return Err(
                Failure::usage(anyhow!("can't remove {shown} while you are in it")).hint(format!(
                    "cd {} && fitout copies remove {word}",
                    shell::path(&own.folder)
                )),
            );
        }
        let others: Vec<Known> = all(&opened)
            .into_iter()
            .filter(|known| known.folder != folder)
            .collect();
        let project = known_of(&opened).project;
        if let Some(other) = others.iter().find(|other| other.project == project) {
            let error = anyhow!(
                "{} has the same Compose project `{project}`, and would lose its containers",
                other.folder.display()
            );
            return Err(Failure::failed(error).hint(format!(
                "set a different COMPOSE_PROJECT_NAME in the {} of one of them",
                dotenv::FILE
            )));
        }

        let lost = lost(&opened, &folder, &others);
        if !lost.is_empty() && loss == Loss::Refused {
            return Err(Failure::failed(anyhow!(
                "{shown} has work that exists nowhere else\n{}",
                listed(&lost)
            ))
            .hint("push it, or copy it elsewhere")
            .hint(format!(
                "to discard it: fitout copies remove --force {word}"
            )));
        }
        let stack = Stack::look(&project, loss)?;
        if stack.is_there() {
            let containers = Docker::default().containers_of(&project);
            let containers = containers.unwrap_or_default();
            let folders = containers.iter().map(|container| container.folder.as_str());
            project::own(&opened, &project, folders)?;
        }
        Ok(Removal {
            folder,
            lost,
            stack,
            opened,
            others,
            loss,
        })
    }

    /// Takes its containers down and removes it. Listen for Ctrl-C first.
    pub(crate) fn carry_out(&self, ui: &Ui, volumes: Volumes) -> Result<(), Failure> {
        let folder = &self.folder;
        if self.stack.is_there() {
            ui.say(format_args!(
                "removing the containers of `{}`",
                self.stack.project
            ));
            self.stack.take_down(&self.opened, folder, volumes)?;
        }
        // Time has passed since the question, and containers write until they are stopped.
        let lost = lost(&self.opened, folder, &self.others);
        if !lost.is_empty() && self.loss == Loss::Refused {
            return Err(Failure::failed(anyhow!(
                "{} now has work that exists nowhere else, so its folder was kept\n{}",
                folder.display(),
                listed(&lost)
            )));
        }
        state::forget(folder);
        remove_folder(folder)?;
        workspaces::forget(folder)?;
        Ok(())
    }
}

/// Returns the folder of the copy with this folder or project name.
fn find(context: &Context, named: &Path) -> Result<PathBuf, Failure> {
    let folder = context.cwd.join(named);
    if folder.join(manifest::FILE).is_file() {
        return Ok(folder.canonicalize()?);
    }
    let known = workspaces::known();
    let by_project = known
        .iter()
        .find(|known| Path::new(&known.project) == named);
    if let Some(found) = by_project {
        return Ok(found.folder.clone());
    }
    let what = if folder.exists() {
        format!("`{}` is not a workspace", named.display())
    } else {
        format!("there is no copy `{}`", named.display())
    };
    Err(Failure::usage(anyhow!(what)).hint("run `fitout copies` to list them"))
}

/// The containers, networks and images of the copy.
pub(crate) struct Stack {
    project: String,
    found: Vec<String>,
}

/// Whether to remove the volumes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volumes {
    Go,
    Stay,
}

impl Stack {
    fn look(project: &str, loss: Loss) -> Result<Self, Failure> {
        let docker = Docker::default();
        let found = match docker.of_project(project) {
            Some(found) => found,
            // Without the program there are no containers; without an engine, it is unknown.
            None => match docker.engine() {
                Err(EngineProblem::NoClient) => Vec::new(),
                _ if loss == Loss::Accepted => Vec::new(),
                Err(problem) => {
                    return Err(Failure::from(problem)
                        .context("can't remove its containers")
                        .hint("run `fitout doctor` to see how to fix it")
                        .hint("to remove the folder but not the containers, add --force"));
                }
                Ok(_) => {
                    return Err(Failure::failed(anyhow!(
                        "can't get the containers and volumes of `{project}` from Docker"
                    )));
                }
            },
        };
        Ok(Stack {
            project: project.to_owned(),
            found,
        })
    }

    fn is_there(&self) -> bool {
        !self.found.is_empty()
    }

    pub(crate) fn volumes(&self) -> Vec<&str> {
        let found = self.found.iter();
        found.filter_map(|it| it.strip_prefix("volume ")).collect()
    }

    pub(crate) fn containers(&self) -> usize {
        self.found.len() - self.volumes().len()
    }

    fn take_down(&self, opened: &Opened, folder: &Path, volumes: Volumes) -> Result<(), Failure> {
        let variables = machine::variables(folder).context("can't read `.env`")?;
        let mut down = Docker::default()
            .limit(DOWN_LIMIT)
            .compose(folder, &opened.selection(&variables)?.named(&self.project))
            .with_made_up(&required::unset(&opened.workspace, &variables))
            // Including services of all profiles.
            .env(PROFILES, "*")
            .args(["down", "--remove-orphans", "--rmi", "local"]);
        if volumes == Volumes::Go {
            down = down.arg("--volumes");
        }
        let output = down.capture()?;
        let by_hand = format!("docker compose -p {} down", self.project);
        if !output.status.success() {
            let words = output.stderr.trim().to_owned();
            return Err(Failure::failed(
                anyhow!(words).context("can't remove its containers; its folder was kept"),
            )
            .hint(by_hand));
        }
        let left = Docker::default().of_project(&self.project);
        let is_left = |name: &&String| volumes == Volumes::Go || name.starts_with("container ");
        let left = left.unwrap_or_default();
        let left: Vec<&str> = left.iter().filter(is_left).map(String::as_str).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(anyhow!(
            "some of it couldn't be removed, so its folder was kept: {}",
            left.join(", ")
        ))
        .hint(by_hand))
    }
}

fn remove_folder(folder: &Path) -> Result<(), Failure> {
    staging::remove_folder(folder).map_err(|(left, error)| {
        if left == folder {
            let what = format!("can't remove {}", folder.display());
            return Failure::from(error).context(what);
        }
        let what = format!("can't remove all of {}", left.display());
        // Containers that run as root leave files owned by root in mounted folders.
        Failure::from(error)
            .context(what)
            .hint(format!("sudo rm -r {}", shell::path(&left)))
    })
}
