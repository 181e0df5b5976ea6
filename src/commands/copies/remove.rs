//! `fitout copies remove`: a copy with its containers, and never work that is nowhere else.

mod lost;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::compose::selection::PROFILES;
use crate::docker::{Docker, EngineProblem};
use crate::doctor::{probes, required};
use crate::dotenv;
use crate::error::{CommandResult, Exit, Failure};
use crate::git::staging;
use crate::host::workspaces::Known;
use crate::host::{interrupt, state, workspaces};
use crate::manifest;
use crate::ops::project;
use crate::ops::{Context, Opened, copies};
use crate::plural::count;
use crate::shell;
use lost::{Lost, listed};

/// Remove a copy: its containers, its images and its folder
///
/// Refused while it has work that is nowhere else: uncommitted or untracked files, commits that are
/// on no remote and in no other copy, stashes, in submodules too; hooks and settings; lines of `.env`
/// and `workspace.local.toml`. docs/copies.md has the whole list. The workspace that copies are made
/// of is never removed, and the others stay as they are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its folder, or its project
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    /// Remove its volumes too: the data of its services is lost
    #[arg(long)]
    volumes: bool,
    /// Remove it although it has work that is nowhere else; that is lost
    #[arg(long)]
    force: bool,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

/// Stopping all containers takes as long as the slowest of them.
const DOWN_LIMIT: Duration = Duration::from_secs(120);

/// Runs the command.
pub(super) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let folder = find(context, &args.copy)?;
    let opened = Opened::read(&folder)?;
    let shown = folder.display();
    let word = shell::path(&folder);
    let Some(own) = &opened.personal.copy else {
        return Err(Failure::usage(anyhow!(
            "{shown} is no copy: fitout removes only what it made"
        ))
        .hint("`fitout copies` lists the copies of the workspace that you are in"));
    };
    if context.cwd.starts_with(&folder) {
        return Err(
            Failure::usage(anyhow!("you are in {shown}, which is to be removed")).hint(format!(
                "cd {} && fitout copies remove {word}",
                shell::path(&own.folder)
            )),
        );
    }
    let others: Vec<Known> = copies::all(&opened)
        .into_iter()
        .filter(|known| known.folder != folder)
        .collect();
    let project = copies::known_of(&opened).project;
    if let Some(other) = others.iter().find(|other| other.project == project) {
        let error = anyhow!(
            "its Compose project `{project}` is also that of {}, whose containers would go",
            other.folder.display()
        );
        return Err(Failure::failed(error).hint(format!(
            "give one of them another COMPOSE_PROJECT_NAME in its {}",
            dotenv::FILE
        )));
    }

    let lost = lost::lost(&opened, &folder, &others);
    if !lost.is_empty() && !args.force {
        return Err(Failure::failed(anyhow!(
            "{shown} has work that is nowhere else\n{}",
            listed(&lost)
        ))
        .hint("push it, or take it elsewhere")
        .hint(format!("to lose it: fitout copies remove --force {word}")));
    }
    let stack = Stack::look(&project, args)?;
    if stack.is_there() {
        let containers = Docker::default().containers_of(&project);
        let containers = containers.unwrap_or_default();
        let folders = containers.iter().map(|container| container.folder.as_str());
        project::own(&opened, &project, folders)?;
    }
    let Some(volumes) = ask(context, args, &folder, &stack, &lost)? else {
        ui.say("nothing was removed");
        return Ok(Exit::Done);
    };
    interrupt::listen().context("can't listen for Ctrl-C")?;
    if stack.is_there() {
        ui.say(format_args!("taking down the project `{project}`"));
        stack.take_down(&opened, &folder, volumes)?;
    }
    // The question may have stood for long, and containers write until they are down.
    let lost = lost::lost(&opened, &folder, &others);
    if !lost.is_empty() && !args.force {
        return Err(Failure::failed(anyhow!(
            "{shown} has work by now that is nowhere else, so its folder stays\n{}",
            listed(&lost)
        )));
    }
    state::forget(&folder);
    remove_folder(&folder)?;
    workspaces::forget(&folder)?;
    ui.say(format_args!("removed {shown}"));
    if volumes == Volumes::Stay && !stack.volumes().is_empty() {
        ui.say(format_args!(
            "its data stays: {}",
            stack.volumes().join(", ")
        ));
        ui.hint(format_args!(
            "to remove that too: docker volume rm {}",
            stack.volumes().join(" ")
        ));
    }
    Ok(Exit::Done)
}

/// The folder of the copy that was named by it, or by its project.
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
        format!("`{}` is no workspace", named.display())
    } else {
        format!("there is no copy `{}`", named.display())
    };
    Err(Failure::usage(anyhow!(what)).hint("`fitout copies` lists those that there are"))
}

/// What Docker has of the copy.
struct Stack {
    project: String,
    found: Vec<String>,
}

/// Whether the volumes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Volumes {
    Go,
    Stay,
}

impl Stack {
    fn look(project: &str, args: &Args) -> Result<Self, Failure> {
        let docker = Docker::default();
        let found = match docker.of_project(project) {
            Some(found) => found,
            // Without the program there are no containers; without an engine, nobody knows.
            None => match docker.engine() {
                Err(EngineProblem::NoClient) => Vec::new(),
                _ if args.force => Vec::new(),
                Err(problem) => {
                    return Err(Failure::failed(
                        anyhow!(problem).context("can't take down its containers"),
                    )
                    .hint("`fitout doctor` says how to fix it")
                    .hint("to leave its containers where they are, add --force"));
                }
                Ok(_) => {
                    return Err(Failure::failed(anyhow!(
                        "Docker does not say what it has of the project `{project}`"
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

    fn volumes(&self) -> Vec<&str> {
        let found = self.found.iter();
        found.filter_map(|it| it.strip_prefix("volume ")).collect()
    }

    fn containers(&self) -> usize {
        self.found.len() - self.volumes().len()
    }

    fn take_down(&self, opened: &Opened, folder: &Path, volumes: Volumes) -> Result<(), Failure> {
        let variables = probes::variables(folder).context("can't read `.env`")?;
        let mut down = Docker::default()
            .limit(DOWN_LIMIT)
            .compose(folder, &opened.selection(&variables)?.named(&self.project))
            .with_made_up(&required::unset(&opened.workspace, &variables))
            // Also what only some profile starts.
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
                anyhow!(words).context("can't take down its containers; its folder stays"),
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
            "something of it is left, so its folder stays: {}",
            left.join(", ")
        ))
        .hint(by_hand))
    }
}

/// Whether to remove it, and its volumes; none when the answer is no.
fn ask(
    context: &Context,
    args: &Args,
    folder: &Path,
    stack: &Stack,
    lost: &[Lost],
) -> Result<Option<Volumes>, Failure> {
    let ui = &context.ui;
    let asked_for = if args.volumes {
        Volumes::Go
    } else {
        Volumes::Stay
    };
    if args.yes {
        return Ok(Some(asked_for));
    }
    let shown = folder.display();
    if !ui.can_prompt() {
        let error = anyhow!("nobody can be asked whether to remove {shown}");
        return Err(Failure::usage(error).hint(format!(
            "fitout copies remove --yes {}",
            shell::path(folder)
        )));
    }
    if !lost.is_empty() {
        ui.warn(format_args!("this is lost:\n{}", listed(lost)));
    }
    let containers = match stack.containers() {
        0 => String::new(),
        some => format!(" and its {}", count(some, "container")),
    };
    match ui.confirm_loss(&format!("Remove {shown}{containers}?")) {
        Some(true) => {}
        Some(false) => return Ok(None),
        None => return Err(Failure::interrupted()),
    }
    if asked_for == Volumes::Go || stack.volumes().is_empty() {
        return Ok(Some(asked_for));
    }
    let question = format!(
        "Its data too ({})? It can't be undone",
        stack.volumes().join(", ")
    );
    match ui.confirm_loss(&question) {
        Some(true) => Ok(Some(Volumes::Go)),
        Some(false) => Ok(Some(Volumes::Stay)),
        None => Err(Failure::interrupted()),
    }
}

fn remove_folder(folder: &Path) -> Result<(), Failure> {
    staging::remove_folder(folder).map_err(|(left, error)| {
        if left == folder {
            let what = format!("can't remove {}", folder.display());
            return Failure::failed(anyhow!(error).context(what));
        }
        let what = format!("can't remove all of {}", left.display());
        // Containers that run as root leave files of root in the folders that they mount.
        Failure::failed(anyhow!(error).context(what))
            .hint(format!("sudo rm -r {}", shell::path(&left)))
    })
}
