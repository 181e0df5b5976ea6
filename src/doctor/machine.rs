//! The machine and the workspace on it: the only way in which checks access the world.
//!
//! It observes without a verdict. It never prompts, writes or leaves anything running; what
//! `--deep` starts is removed again. What several checks need (the engine, the running containers,
//! a clone) is looked up once.

mod docker;
mod network;
mod reach;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

pub use crate::docker::{
    Client, ComposeFound, Container, Endpoint, EndpointSource, Engine, EngineProblem,
};
pub use crate::git::Cause;
pub use crate::git::GitError;
pub use crate::git::identity::Role;
pub use crate::git::local::Lfs;
pub use crate::git::network::Privacy;
pub use crate::host::ports::{Availability, Holder as Process};
pub use crate::host::resources::{Inotify, Memory};
pub use crate::host::workspaces::Known;
pub use docker::Said;
pub use reach::{AddressSeen, ReachSeen, Reached};

use super::outcome::Fault;
use super::system::System;
use super::variables::Variables;
use crate::compose::owner::Owner;
use crate::compose::selection::Selection;
use crate::docker::Docker;
use crate::dotenv;
use crate::git;
use crate::host::{files, interrupt, os, resources, user, workspaces};
use crate::running::ServiceState;
use crate::sync::{self, RepoState};
use crate::workspace::Repo;

/// A call of the engine times out slightly before the check that makes it, so that it can report
/// why.
const DOCKER_LIMIT: Duration = Duration::from_secs(4);

/// Compares generated files with what would be generated now.
pub type Compare = Box<dyn Fn() -> Result<Generated, String> + Send + Sync>;

/// Finds clones that are not in the manifest, with their paths and remotes.
pub type Extra = Box<dyn Fn() -> Vec<(String, Option<String>)> + Send + Sync>;

/// Generated files, compared with what would be generated now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The committed files.
    pub drift: DriftSeen,
    /// Whether fitout's block of `.env` is up to date.
    pub env_block: bool,
}

/// The compose file against the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriftSeen {
    /// The file is what `generate` would write.
    Same,
    /// There is no file.
    Missing,
    /// The manifest has changed since; with the parts that differ.
    Outdated(Vec<String>),
    /// The file was changed by hand.
    EditedByHand,
    /// The file is not one that fitout wrote.
    Foreign,
}

/// What exists at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSeen {
    /// A file.
    Present,
    /// Nothing.
    Missing,
    /// A folder or something stranger.
    NotAFile,
}

/// Where to run git.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Outside of every repository.
    Anywhere,
    /// The workspace's folder.
    Workspace,
    /// A repo's clone.
    Clone(&'a Repo),
}

/// The machine, and the workspace on it.
pub struct Machine {
    /// The workspace's folder, or the user's if there is no workspace.
    root: PathBuf,
    /// The files and project for Compose.
    selection: Selection,
    variables: Variables,
    unreadable: Option<String>,
    compare: Compare,
    extra: Extra,
    generated: OnceLock<Result<Generated, String>>,
    system: OnceLock<System>,
    docker: Docker,
    engine: OnceLock<Result<Engine, EngineProblem>>,
    endpoint: OnceLock<Endpoint>,
    containers: OnceLock<Vec<Container>>,
    owner: OnceLock<Owner>,
    workspaces: OnceLock<Vec<Known>>,
    reached: OnceLock<Result<AddressSeen, String>>,
    services: OnceLock<Result<Vec<ServiceState>, String>>,
    clones: Mutex<HashMap<String, Arc<OnceLock<RepoState>>>>,
    /// Ports that a remedy already suggests: two services must not get the same one.
    proposed: Mutex<Vec<u16>>,
}

impl Machine {
    /// Creates a machine with a workspace in this folder. Doesn't access anything yet.
    pub fn new(
        root: PathBuf,
        selection: Selection,
        variables: Variables,
        compare: Compare,
        extra: Extra,
    ) -> Self {
        Machine {
            root,
            selection,
            variables,
            unreadable: None,
            compare,
            extra,
            generated: OnceLock::new(),
            system: OnceLock::new(),
            docker: Docker::default().limit(DOCKER_LIMIT),
            engine: OnceLock::new(),
            endpoint: OnceLock::new(),
            containers: OnceLock::new(),
            owner: OnceLock::new(),
            workspaces: OnceLock::new(),
            reached: OnceLock::new(),
            services: OnceLock::new(),
            clones: Mutex::default(),
            proposed: Mutex::default(),
        }
    }

    /// Creates a machine without a workspace, for this folder.
    pub fn bare(here: PathBuf) -> Self {
        let nothing = Box::new(|| Err("no workspace".to_owned()));
        let (selection, variables) = (Selection::default(), Variables::default());
        Machine::new(here, selection, variables, nothing, Box::new(Vec::new))
    }

    /// Sets why `.env` can't be read, if so.
    #[must_use]
    pub fn with_unreadable_env_file(self, why: Option<String>) -> Self {
        Machine {
            unreadable: why,
            ..self
        }
    }

    /// Returns why `.env` can't be read, if so.
    pub fn unreadable_env_file(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// The shell's variables, and those of `.env`.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The files and project for Compose.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Generated files, compared with what would be generated now.
    pub fn generated(&self) -> Result<&Generated, Fault> {
        let generated = self.generated.get_or_init(|| (self.compare)());
        generated
            .as_ref()
            .map_err(|why| Fault::Blocked(why.clone()))
    }

    /// The clones that the manifest does not name: where each is, and where it comes from.
    pub fn unnamed_clones(&self) -> Vec<(String, Option<String>)> {
        (self.extra)()
    }

    /// What system this is.
    pub fn system(&self) -> &System {
        self.system.get_or_init(system)
    }

    /// Returns the kernel's version string.
    pub fn kernel(&self) -> String {
        os::facts(&[]).kernel
    }

    /// Returns the free bytes on the workspace's disk.
    pub fn free_disk(&self) -> Option<u64> {
        resources::free_disk(&self.root)
    }

    /// Returns the memory of this machine, if its kernel reports it.
    pub fn memory(&self) -> Option<Memory> {
        resources::memory()
    }

    /// Returns the kernel's limits on watching files, if it has any.
    pub fn inotify(&self) -> Option<Inotify> {
        resources::inotify()
    }

    /// Whether the workspace is on a Windows drive, in WSL.
    pub fn is_on_windows_drive(&self) -> bool {
        resources::is_over_9p(&self.root)
    }

    /// What is at a path of the workspace.
    pub fn file(&self, path: &str) -> Result<FileSeen, Fault> {
        match fs::metadata(self.root.join(path)) {
            Ok(metadata) if metadata.is_file() => Ok(FileSeen::Present),
            Ok(_) => Ok(FileSeen::NotAFile),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                    Ok(FileSeen::Missing)
                }
                _ => Err(Fault::Blocked(error.to_string())),
            },
        }
    }

    /// Returns the text of a file in the workspace; none if it doesn't exist.
    pub fn read(&self, path: &str) -> Result<Option<String>, Fault> {
        files::read(&self.root.join(path)).map_err(|error| Fault::Blocked(format!("{error:#}")))
    }

    /// When a file of the workspace was changed.
    pub fn changed_at(&self, path: &str) -> Option<jiff::Timestamp> {
        let metadata = fs::metadata(self.root.join(path)).ok()?;
        jiff::Timestamp::try_from(metadata.modified().ok()?).ok()
    }

    /// Returns the version of the user's git; none if git is not installed.
    pub fn git_version(&self) -> Option<String> {
        git::version().map(|version| version.to_string())
    }

    /// Returns the version of Git LFS; none if it is not installed.
    pub fn lfs_version(&self) -> Option<String> {
        git::lfs_version()
    }

    /// Returns the state of Git LFS in a repo's clone.
    pub fn lfs(&self, repo: &Repo) -> Lfs {
        git::local::lfs(&git::local::folder(&self.root, repo))
    }

    /// Returns what exists at the path of a repo's clone.
    pub fn clone_of(&self, repo: &Repo) -> RepoState {
        let seen = {
            let mut clones = self.clones.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(clones.entry(repo.name.clone()).or_default())
        };
        let look = || {
            let mut state = git::local::observe(&self.root, repo);
            if let sync::Place::Clone(clone) = &mut state.place {
                clone.obstacle = git::local::obstacle(&self.root, repo, clone);
            }
            state
        };
        seen.get_or_init(look).clone()
    }

    /// Whether a repo is cloned, or another repository exists at its path.
    pub fn has_clone(&self, repo: &Repo) -> bool {
        git::local::git_dir(&git::local::folder(&self.root, repo)).is_some()
    }

    /// Returns name and email for a commit, or git's error if it would refuse one. `settings` take
    /// precedence over the user's configuration.
    pub fn identity(&self, place: Place, role: Role, settings: &[&str]) -> Result<String, String> {
        match place {
            Place::Anywhere => git::identity::identity(Path::new("/"), role, settings),
            Place::Workspace => git::identity::identity(&self.root, role, settings),
            Place::Clone(repo) => {
                let clone = git::local::folder(&self.root, repo);
                git::identity::identity(&clone, role, settings)
            }
        }
    }

    /// Returns a shell variable, if it is set and not empty.
    pub fn shell_variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// Whether git would commit a file, in the repository that holds it: the workspace's, or a clone.
    pub fn is_tracked(&self, path: &str) -> bool {
        let path = self.root.join(path);
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => git::is_tracked(folder, Path::new(name)),
            _ => false,
        }
    }

    /// Requests a repo from a server, with the same code as a clone.
    pub fn ask_for_repo(&self, url: &str) -> Result<Privacy, GitError> {
        git::network::probe(url, interrupt::flag())
    }

    /// Returns the other workspaces on this machine.
    pub fn other_workspaces(&self) -> impl Iterator<Item = &Known> {
        let known = self.workspaces.get_or_init(workspaces::known).iter();
        known.filter(|known| known.folder != self.root)
    }

    /// Returns the project names under which this workspace was started before.
    pub fn earlier_projects(&self) -> Vec<String> {
        let mut projects = workspaces::started_as(&self.root);
        projects.retain(|project| *project != self.selection.project);
        projects
    }
}

/// Returns what the remedies need to know about this system.
pub fn system() -> System {
    let facts = os::facts(System::PROGRAMS);
    System {
        has_systemd: facts.systemd,
        is_root: facts.is_root,
        ufw_is_on: facts.ufw.lines().any(|line| line.trim() == "ENABLED=yes"),
        docker_group_at_next_login: facts.docker_group == user::Membership::NextLogin,
        programs: facts.programs,
        ..System::new(facts.os, &facts.os_release, &facts.kernel)
    }
}

/// Returns the variables of the shell, and of `.env` in this folder. A missing `.env` counts as
/// empty.
pub fn variables(root: &Path) -> std::io::Result<Variables> {
    let text = match files::read_bytes(&root.join(dotenv::FILE), files::LONGEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Ok(variables_of(&text))
}

/// Returns the variables of the shell, and of a `.env` with this text.
pub fn variables_of(text: &str) -> Variables {
    Variables::new(shell(), text)
}

fn shell() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
