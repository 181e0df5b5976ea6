//! Carries out probes: the one file of doctor that looks at the machine.
//!
//! No probe asks a question, writes anything or leaves anything running. Those of `--deep` start a
//! container, and take it away again. What several checks need
//! to know (the engine, the running containers, a clone) is looked up once.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::check::{EnvKeysProbe, HostService, PortProbe, Probe, Reach, RunningProbe, Server};
use super::data::{DataProbe, DataSeen, Databases, MadeBy, Written};
use super::finding::{
    AccessSeen, AddressSeen, ClientSeen, Closed, ComposeSeen, ConfigSeen, DriftSeen, Endpoint,
    EngineSeen, EnvKeysSeen, Fault, FileSeen, Finding, Holder, InotifySeen, LfsSeen, ListenerSeen,
    PortSeen, ProjectSeen, ReachSeen, Reached, RootlessSeen, RunningSeen, WslSeen,
};
use super::system::System;
use super::variables::Variables;
use crate::compose::overrides;
use crate::compose::owner::{self, Owner};
use crate::compose::selection::{PROFILES, Selection};
use crate::docker::probe::{self, Answer, Attempt, ProbeError, Project};
use crate::docker::{
    Asked, ComposeFound, Container, Docker, EndpointSource, EngineProblem, VolumeError, compose,
};
use crate::dotenv;
use crate::git::network::{self, Privacy};
use crate::git::{self, Cause, local::Lfs};
use crate::host::nonce::Nonce;
use crate::host::workspaces::{self, Known};
use crate::host::{address, files, interrupt, os, ports, process::RunError, resources, user};
use crate::running::{self, PublishedPort, ServiceState};
use crate::runtime::{self, Runtime, Side};
use crate::sync::{Place, RepoState};
use crate::workspace::Repo;

/// A call of the engine ends a little before the probe that makes it does, and says why.
const DOCKER_LIMIT: Duration = Duration::from_secs(4);

/// Compares what is generated with what would be generated now.
pub type Compare = Box<dyn Fn() -> Result<Generated, String> + Send + Sync>;

/// Finds the clones that the manifest does not name: where each is, and where it comes from.
pub type Extra = Box<dyn Fn() -> Vec<(String, Option<String>)> + Send + Sync>;

/// What is generated, against what would be generated now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The committed files.
    pub drift: DriftSeen,
    /// Whether fitout's block of `.env` is up to date.
    pub env_block: bool,
}

/// The machine, and the workspace on it.
pub struct Machine {
    /// The workspace's folder; the user's where there is no workspace.
    root: PathBuf,
    /// What Compose is to work on.
    selection: Selection,
    variables: Variables,
    compare: Compare,
    extra: Extra,
    generated: OnceLock<Result<Generated, String>>,
    docker: Docker,
    engine: OnceLock<Result<crate::docker::Engine, EngineSeen>>,
    endpoint: OnceLock<crate::docker::Endpoint>,
    containers: OnceLock<Vec<Container>>,
    owner: OnceLock<Owner>,
    workspaces: OnceLock<Vec<Known>>,
    reached: OnceLock<Result<AddressSeen, String>>,
    services: OnceLock<Result<Vec<ServiceState>, String>>,
    clones: Mutex<HashMap<String, Arc<OnceLock<RepoState>>>>,
    /// Ports that a remedy names already: two services must not be sent to the same one.
    proposed: Mutex<Vec<u16>>,
}

impl Machine {
    /// Looks at nothing yet.
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
            compare,
            extra,
            generated: OnceLock::new(),
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

    /// What Compose is to work on.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Whose the Compose project is.
    pub fn owner(&self) -> &Owner {
        self.owner.get_or_init(|| {
            let project = &self.selection.project;
            let containers = self.containers().iter();
            let own = containers.filter(|container| container.project == *project);
            let folders = own.map(|container| container.folder.as_str());
            self.docker.owner(&self.root, project, folders)
        })
    }

    /// Looks.
    pub fn probe(&self, probe: &Probe) -> Result<Finding, Fault> {
        Ok(match probe {
            Probe::Git => Finding::Git(git::version().map(|version| version.to_string())),
            Probe::DockerClient => Finding::DockerClient(self.docker_client()?),
            Probe::Engine => Finding::Engine(match self.engine() {
                Ok(engine) => EngineSeen::Running {
                    version: engine.version.clone(),
                    system: engine.operating_system.clone(),
                    is_rootless: engine.is_rootless,
                },
                Err(seen) => seen.clone(),
            }),
            Probe::Compose => {
                Finding::Compose(match self.docker.compose_version().map_err(blocked)? {
                    ComposeFound::Plugin(version) => ComposeSeen::Plugin(version),
                    ComposeFound::Standalone(version) => ComposeSeen::Standalone(version),
                    ComposeFound::Missing => ComposeSeen::Missing,
                })
            }
            Probe::Buildx => Finding::Buildx(self.docker.buildx_version().map_err(blocked)?),
            Probe::Disk => Finding::Disk(
                resources::free_disk(&self.root)
                    .ok_or_else(|| Fault::Blocked("the system does not say".to_owned()))?,
            ),
            Probe::Memory => self.memory()?,
            Probe::GitLfs(repos) => Finding::GitLfs(self.git_lfs(repos)),
            Probe::Inotify => Finding::Inotify(resources::inotify().map(|limits| InotifySeen {
                watches: limits.watches,
                instances: limits.instances,
            })),
            Probe::Wsl => Finding::Wsl(self.wsl()),
            Probe::Rootless => Finding::Rootless(match self.engine() {
                Ok(engine) => RootlessSeen {
                    is_rootless: engine.is_rootless,
                    cgroup_driver: engine.cgroup_driver.clone(),
                },
                Err(_) => return Err(Fault::Blocked("no engine answers".to_owned())),
            }),
            Probe::Access(server) => Finding::Access(access(server)),
            Probe::Extra => Finding::Extra((self.extra)()),
            Probe::Repo(repo, _) => Finding::Repo(Box::new(self.clone_of(repo))),
            Probe::File(path) => Finding::File(file(&self.root.join(path))?),
            Probe::Tracked(path) => Finding::Tracked(self.is_tracked(path)),
            Probe::EnvKeys(keys) => Finding::EnvKeys(self.env_keys(keys)?),
            Probe::Variable(name) => {
                Finding::Variable(self.variables.get_filled(name).map(|(_, origin)| origin))
            }
            Probe::Drift => Finding::Drift(self.generated()?.drift.clone()),
            Probe::EnvBlock => Finding::EnvBlock(self.generated()?.env_block),
            Probe::ComposeConfig(made_up) => Finding::ComposeConfig(self.compose_config(made_up)?),
            Probe::Data(probe) => Finding::Data(self.data(probe)?),
            Probe::Selection => Finding::Selection(self.selection.differences.clone()),
            Probe::Owner => Finding::Owner(self.project_seen()),
            Probe::Override(workspace) => {
                let path = self.root.join(crate::compose::OVERRIDE_FILE);
                let text = crate::host::files::read(&path)
                    .map_err(|error| Fault::Blocked(format!("{error:#}")))?;
                let text = text.unwrap_or_default();
                Finding::Override(overrides::added_ports(&text, workspace))
            }
            Probe::Port(port) => Finding::Port(self.port(port)?),
            Probe::HostListener(service) => Finding::HostListener(host_listener(service)),
            Probe::HostAddress(reach) => Finding::HostAddress(self.reach(reach)?.clone()),
            Probe::HostReach(reach, service) => {
                Finding::HostReach(self.reach(reach)?.clone(), host_listener(service))
            }
            Probe::Running(probe) => Finding::Running(self.running(probe)?),
            Probe::Known(finding) => (**finding).clone(),
        })
    }

    fn git_lfs(&self, repos: &[Repo]) -> LfsSeen {
        let mut seen = LfsSeen::default();
        for repo in repos {
            let lfs = git::local::lfs(&git::local::folder(&self.root, repo));
            if lfs == Lfs::Unused {
                continue;
            }
            seen.users.push(repo.name.clone());
            if lfs == Lfs::Pointers {
                let path = repo.local_path.as_ref().unwrap_or(&repo.path);
                seen.pointers.push(path.clone());
            }
        }
        if !seen.users.is_empty() {
            seen.version = git::lfs_version();
        }
        seen
    }

    fn wsl(&self) -> Option<WslSeen> {
        let facts = os::facts(&[]);
        let system = System::new(facts.os, &facts.os_release, &facts.kernel);
        system.is_wsl.then(|| WslSeen {
            // `4.4.0-19041-Microsoft`; the second is `5.15.90.1-microsoft-standard-WSL2`.
            is_version_1: facts.kernel.contains("-Microsoft"),
            is_on_windows: resources::is_over_9p(&self.root),
        })
    }

    /// In the repository that holds it, which may be a clone in the workspace.
    fn is_tracked(&self, path: &str) -> bool {
        let path = self.root.join(path);
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => git::is_tracked(folder, Path::new(name)),
            _ => false,
        }
    }

    fn env_keys(&self, probe: &EnvKeysProbe) -> Result<EnvKeysSeen, Fault> {
        let read = |path: &str| {
            files::read(&self.root.join(path)).map_err(|error| Fault::Blocked(format!("{error:#}")))
        };
        let Some(example) = read(&probe.example)? else {
            return Ok(EnvKeysSeen::NoExample);
        };
        let Some(text) = read(&probe.file)? else {
            return Ok(EnvKeysSeen::Missing);
        };
        let set: Vec<&str> = dotenv::variables(&text).collect();
        let mut lacking: Vec<String> = Vec::new();
        for key in dotenv::variables(&example) {
            let is_given = set.contains(&key) || probe.given.iter().any(|given| given == key);
            if !is_given && !lacking.iter().any(|named| named == key) {
                lacking.push(key.to_owned());
            }
        }
        Ok(EnvKeysSeen::Lacks(lacking))
    }

    fn running(&self, probe: &RunningProbe) -> Result<RunningSeen, Fault> {
        let services = self.services.get_or_init(|| {
            let compose = self.docker.compose(&self.root, &self.selection);
            let services = compose.with_made_up(&probe.made_up).services();
            services.map_err(|error| error.to_string())
        });
        let services = services
            .as_ref()
            .map_err(|why| Fault::Blocked(why.clone()))?;
        let own = services
            .iter()
            .filter(|state| state.service == probe.service);
        let own: Vec<&ServiceState> = own.collect();
        let unhealthy = own.iter().find(|state| state.health == "unhealthy");
        let row = running::of_service(&probe.service, &own);
        Ok(RunningSeen {
            condition: row.condition,
            state: row.state,
            health: unhealthy.and_then(|state| self.docker.health_output(&state.container)),
        })
    }

    fn docker_client(&self) -> Result<ClientSeen, Fault> {
        match self.docker.client_version() {
            Ok(client) if client.is_podman => Ok(ClientSeen::Podman(client.version)),
            Ok(client) => Ok(ClientSeen::Docker(client.version)),
            Err(RunError::NotFound(_)) => Ok(ClientSeen::Missing),
            Err(error) => Err(blocked(error)),
        }
    }

    fn engine(&self) -> &Result<crate::docker::Engine, EngineSeen> {
        self.engine.get_or_init(|| {
            self.docker.engine().map_err(|problem| match problem {
                EngineProblem::NoClient => EngineSeen::Other("no `docker` program".to_owned()),
                EngineProblem::NotRunning(at) => EngineSeen::NotRunning(endpoint(at)),
                EngineProblem::PermissionDenied(at) => EngineSeen::PermissionDenied(endpoint(at)),
                EngineProblem::Unreachable(at, words) => {
                    EngineSeen::Unreachable(endpoint(at), words)
                }
                EngineProblem::TimedOut(at) => EngineSeen::TimedOut(endpoint(at)),
                EngineProblem::Other(_, words) => EngineSeen::Other(words),
            })
        })
    }

    /// Of this machine where its kernel says it, else of the engine's virtual machine.
    fn memory(&self) -> Result<Finding, Fault> {
        if let Some(memory) = resources::memory() {
            return Ok(Finding::Memory {
                total: memory.total,
                available: Some(memory.available),
            });
        }
        match self.engine() {
            Ok(engine) => Ok(Finding::Memory {
                total: engine.memory,
                available: None,
            }),
            Err(_) => Err(Fault::Blocked("only the engine could say".to_owned())),
        }
    }

    fn generated(&self) -> Result<&Generated, Fault> {
        let generated = self.generated.get_or_init(|| (self.compare)());
        generated
            .as_ref()
            .map_err(|why| Fault::Blocked(why.clone()))
    }

    fn clone_of(&self, repo: &Repo) -> RepoState {
        let seen = {
            let mut clones = self.clones.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(clones.entry(repo.name.clone()).or_default())
        };
        let look = || {
            let mut state = git::local::observe(&self.root, repo);
            if let Place::Clone(clone) = &mut state.place {
                clone.obstacle = git::local::obstacle(&self.root, repo, clone);
            }
            state
        };
        seen.get_or_init(look).clone()
    }

    fn compose_config(&self, made_up: &[String]) -> Result<ConfigSeen, Fault> {
        let output = self
            .docker
            .compose(&self.root, &self.selection)
            .with_made_up(made_up)
            .args(["config", "--quiet"])
            .capture()
            .map_err(blocked)?;
        Ok(ConfigSeen {
            is_valid: output.status.success(),
            messages: compose::messages(&output.stderr),
        })
    }

    fn running_container(&self, service: &str) -> Option<&Container> {
        self.containers().iter().find(|container| {
            container.project == self.selection.project
                && container.service == service
                && !container.is_one_off
                && container.service_state().state == "running"
        })
    }

    /// Asks a running server with a line for `sh` in its container.
    fn ask_server(
        &self,
        service: &str,
        line: &str,
        answered: impl FnOnce(&str) -> DataSeen,
    ) -> Result<DataSeen, Fault> {
        // sh(1): found and not a program, or not found.
        const NO_PROGRAM: [Option<i32>; 2] = [Some(126), Some(127)];
        let Some(container) = self.running_container(service) else {
            return Ok(DataSeen::NotRunning);
        };
        let output = self.docker.run_in(&container.name, line).map_err(blocked)?;
        if output.status.success() {
            return Ok(answered(&output.stdout));
        }
        let health = container.service_state().health;
        if health == "starting" || health == "unhealthy" {
            return Err(Fault::Blocked(format!("`{service}` is {health}")));
        }
        let words = output.stderr.lines().rfind(|line| !line.trim().is_empty());
        let words = words.unwrap_or_default().trim().to_owned();
        if NO_PROGRAM.contains(&output.status.code()) {
            return Err(Fault::Blocked(format!("its image has no client: {words}")));
        }
        Ok(DataSeen::Refused(words))
    }

    /// The volumes of the project that none of its files names, by the engine's names.
    fn left_volumes(&self, named: &[String], made_up: &[String]) -> Result<Vec<String>, Fault> {
        let no_engine = || Fault::Blocked("no engine answers".to_owned());
        let mut left = self
            .docker
            .volumes_of_project(&self.selection.project)
            .ok_or_else(no_engine)?;
        left.retain(|(_, key)| !key.is_empty() && !named.contains(key));
        if left.is_empty() {
            return Ok(Vec::new());
        }
        // What the override and other files name, Compose knows.
        let output = self
            .docker
            .compose(&self.root, &self.selection)
            .with_made_up(made_up)
            .env(PROFILES, "*")
            .args(["config", "--volumes"])
            .capture()
            .map_err(blocked)?;
        if !output.status.success() {
            let words = compose::messages(&output.stderr).join("; ");
            return Err(Fault::Blocked(words));
        }
        left.retain(|(_, key)| !output.stdout.lines().any(|named| named.trim() == key));
        Ok(left.into_iter().map(|(name, _)| name).collect())
    }

    fn made_by(&self, made_by: &MadeBy) -> Result<Written, Fault> {
        let volume = format!("{}_{}", self.selection.project, made_by.volume);
        let images = [made_by.image.as_str(), probe::IMAGE];
        let asked = match self.running_container(&made_by.service) {
            Some(container) => Asked::Container(&container.name),
            None if self.docker.volume_created(&volume).is_none() => {
                let found = None;
                return Ok(Written { volume, found });
            }
            None => Asked::Images(&images),
        };
        let found = self.docker.first_in_volume(&volume, &made_by.files, asked);
        let found = found.map_err(|error| match error {
            VolumeError::Run(error) => blocked(error),
            VolumeError::Refused(_) => Fault::Blocked(error.to_string()),
        })?;
        Ok(Written { volume, found })
    }

    fn data(&self, probe: &DataProbe) -> Result<DataSeen, Fault> {
        match probe {
            DataProbe::Databases(Databases { service, list, .. }) => {
                self.ask_server(service, list, |answer| {
                    let names = answer.lines().map(str::trim).map(str::to_owned);
                    DataSeen::Databases(names.collect())
                })
            }
            DataProbe::Login { service, line } => {
                self.ask_server(service, line, |_| DataSeen::LoginTaken)
            }
            DataProbe::Left { named, made_up } => {
                Ok(DataSeen::Left(self.left_volumes(named, made_up)?))
            }
            DataProbe::MadeBy(made_by) => Ok(DataSeen::MadeBy(self.made_by(made_by)?)),
            DataProbe::Init { script, volume, .. } => {
                let path = self.root.join(script);
                let seen = file(&path)?;
                let created = volume.as_ref().and_then(|volume| {
                    let name = format!("{}_{volume}", self.selection.project);
                    let created = self.docker.volume_created(&name)?;
                    created.parse::<jiff::Timestamp>().ok()
                });
                let changed = fs::metadata(&path).and_then(|metadata| metadata.modified());
                let changed = changed
                    .ok()
                    .and_then(|at| jiff::Timestamp::try_from(at).ok());
                let is_newer = created.is_some() && changed > created;
                Ok(DataSeen::Init(seen, is_newer && seen == FileSeen::Present))
            }
            DataProbe::Earlier(volumes) => {
                let mut found = Vec::new();
                for project in workspaces::started_as(&self.root) {
                    if project == self.selection.project {
                        continue;
                    }
                    let of_project = self.docker.of_project(&project).unwrap_or_default();
                    for volume in volumes {
                        let name = format!("{project}_{volume}");
                        if of_project.contains(&format!("volume {name}")) {
                            found.push((project.clone(), name));
                        }
                    }
                }
                Ok(DataSeen::Earlier(found))
            }
        }
    }

    fn project_seen(&self) -> ProjectSeen {
        let project = &self.selection.project;
        let own_name = owner::own_name(project, |name| {
            let mut containers = self.containers().iter();
            containers.any(|container| container.project == name)
                || self.workspaces().iter().any(|known| known.project == name)
        });
        ProjectSeen {
            name: project.clone(),
            owner: self.owner().clone(),
            own_name,
        }
    }

    fn port(&self, probe: &PortProbe) -> Result<PortSeen, Fault> {
        let text = probe.address.trim_matches(['[', ']']);
        let address: IpAddr = match text {
            "" => IpAddr::from([0, 0, 0, 0]),
            text => text
                .parse()
                .map_err(|_| Fault::Blocked(format!("`{text}` is no IP address")))?,
        };
        // Asked first: an engine without userland proxy holds ports that can still be bound.
        let container = self.containers().iter().find(|container| {
            container
                .ports
                .iter()
                .any(|port| overlaps(port, probe, address))
        });
        if let Some(own) = container
            && own.project == self.selection.project
            && own.service == probe.service
        {
            return Ok(PortSeen::Own(own.name.clone()));
        }
        let endpoint = self.endpoint.get_or_init(|| self.docker.endpoint());
        if endpoint.is_remote() {
            return Ok(PortSeen::Elsewhere(endpoint.address.clone()));
        }
        if let Some(container) = container {
            return Ok(self.taken(probe, address, Some(self.holder(container))));
        }
        let availability = ports::availability(address, probe.published, probe.protocol)
            .map_err(|error| Fault::Blocked(error.to_string()))?;
        Ok(match availability {
            ports::Availability::Free => PortSeen::Free,
            ports::Availability::NoSuchAddress => PortSeen::NoSuchAddress,
            ports::Availability::Taken => {
                let holder = ports::holder(probe.published, probe.protocol);
                let process = holder.map(|holder| Holder::Process {
                    pid: holder.pid,
                    program: holder.program,
                    command: holder.command,
                });
                self.taken(probe, address, process)
            }
        })
    }

    /// One container tries everything, once for all checks.
    fn reach(&self, reach: &Reach) -> Result<&AddressSeen, Fault> {
        let reached = self.reached.get_or_init(|| self.try_reach(reach));
        reached.as_ref().map_err(|why| Fault::Blocked(why.clone()))
    }

    fn try_reach(&self, reach: &Reach) -> Result<AddressSeen, String> {
        let nonce = Nonce::listen().map_err(|error| format!("can't listen: {error}"))?;
        let docker = Docker::default();
        let others = other_addresses(&docker, &reach.address);
        let words = std::iter::once(&reach.address).chain(&others);
        let mut attempts: Vec<Attempt> = words
            .map(|address| Attempt::Word(address, nonce.port))
            .collect();
        let ports = reach.services.iter();
        attempts.extend(ports.map(|service| Attempt::Open(&service.address, service.port)));
        let project = Project {
            folder: &self.root,
            selection: &self.selection,
            gateway: &reach.gateway,
            made_up: &reach.made_up,
        };
        let probed = match docker.probe(&project, &attempts) {
            Ok(probed) => probed,
            Err(ProbeError::NoImage) => return Ok(AddressSeen::NoImage),
            Err(error) => return Err(error.to_string()),
        };
        let reached = |answer: &Answer| Reached::of(answer.status, &answer.words);
        let heard = |answer: &Answer| match reached(answer) {
            Reached::Open if answer.words.trim() != nonce.word => {
                Reached::Other("somebody else answers".to_owned())
            }
            reached => reached,
        };
        let (words, ports) = probed.answers.split_at(1 + others.len());
        let mut better = others.into_iter().zip(&words[1..]);
        let better = better.find(|(_, answer)| heard(answer) == Reached::Open);
        Ok(AddressSeen::Probed(ReachSeen {
            word: heard(&words[0]),
            ports: ports.iter().map(reached).collect(),
            better: better.map(|(address, _)| address),
            subnet: probed.subnet,
            subnet_is_temporary: probed.network_is_temporary,
        }))
    }

    /// A container, as a part of the workspace that it belongs to where that is known.
    fn holder(&self, container: &Container) -> Holder {
        let workspace = self.workspaces().iter().find(|workspace| {
            workspace.project == container.project && workspace.folder != self.root
        });
        match workspace {
            Some(workspace) => Holder::Workspace {
                folder: workspace.folder.display().to_string(),
                is_copy: workspace.copy_of.is_some(),
                container: container.name.clone(),
            },
            None => Holder::Container {
                name: container.name.clone(),
                folder: Some(container.folder.clone()).filter(|folder| !folder.is_empty()),
            },
        }
    }

    fn taken(&self, probe: &PortProbe, address: IpAddr, holder: Option<Holder>) -> PortSeen {
        let mut proposed = self.proposed.lock().unwrap_or_else(PoisonError::into_inner);
        // A port of a workspace that is stopped would be taken as soon as that starts.
        let of_others: Vec<u16> = self
            .workspaces()
            .iter()
            .filter(|other| other.folder != self.root)
            .flat_map(|other| other.ports.iter().copied())
            .collect();
        let avoid = [probe.avoid.as_slice(), proposed.as_slice(), &of_others].concat();
        let next = probe.published.saturating_add(1);
        let next_free = ports::next_free(address, next, probe.protocol, &avoid);
        proposed.extend(next_free);
        PortSeen::Taken { holder, next_free }
    }

    /// The workspaces of this machine.
    fn workspaces(&self) -> &[Known] {
        self.workspaces.get_or_init(workspaces::known)
    }

    /// Also those that have ended. None where the engine does not answer: then no container runs
    /// either, as far as we can see.
    pub fn containers(&self) -> &[Container] {
        self.containers
            .get_or_init(|| self.docker.containers().unwrap_or_default())
    }
}

/// Who listens for a service on this machine.
fn host_listener(service: &HostService) -> ListenerSeen {
    let mut addresses: Vec<String> = ports::listeners(service.port)
        .iter()
        .map(ToString::to_string)
        .collect();
    addresses.sort();
    addresses.dedup();
    if !addresses.is_empty() {
        return ListenerSeen::On(addresses);
    }
    let answers = |address: &str| {
        let address = address.parse();
        address.is_ok_and(|address| ports::takes_connections(address, service.port))
    };
    if answers(&service.address) {
        return ListenerSeen::Elsewhere;
    }
    let network = address::network();
    match network.default_route {
        Some(windows) if network.wsl.is_some() && answers(&windows) => {
            ListenerSeen::OnWindows(windows)
        }
        _ => ListenerSeen::Nothing,
    }
}

/// Where else this machine may be found: what the engine's own answers lead to, and this machine's
/// addresses.
fn other_addresses(docker: &Docker, first: &str) -> Vec<String> {
    let network = address::network();
    let runtime = docker.runtime().unwrap_or_else(address::runtime);
    let known = [Side::Here, Side::Windows].map(|side| runtime.address(&network, side).ip);
    let mut others: Vec<String> = Vec::new();
    let of_podman = (runtime == Runtime::Podman).then(|| "host.containers.internal".to_owned());
    let name = Some(runtime::NAME.to_owned());
    let more = [name, of_podman, network.lan, network.bridge];
    for address in known.into_iter().chain(more.into_iter().flatten()) {
        if address != first && !others.contains(&address) {
            others.push(address);
        }
    }
    others
}

/// Whether a published port stands in the way of another one.
fn overlaps(port: &PublishedPort, probe: &PortProbe, address: IpAddr) -> bool {
    let other: Option<IpAddr> = port.address.parse().ok();
    port.published == probe.published
        && port.protocol == probe.protocol
        && other.is_none_or(|other| {
            other == address || other.is_unspecified() || address.is_unspecified()
        })
}

/// By the same code that clones.
fn access(server: &Server) -> AccessSeen {
    match network::probe(&server.url, interrupt::flag()) {
        Ok(Privacy::Kept) => AccessSeen::Open,
        Ok(Privacy::InTheClear) => AccessSeen::InTheClear,
        Err(error) => AccessSeen::Closed {
            why: match error.cause {
                Cause::Login | Cause::LoginRefused => Closed::Login,
                Cause::HostKey => Closed::HostKey,
                Cause::HostKeyChanged => Closed::HostKeyChanged,
                Cause::NotFound | Cause::Forbidden | Cause::Refusal => Closed::NoAccess,
                Cause::UnknownHost
                | Cause::Refused
                | Cause::Timeout
                | Cause::Unreachable
                | Cause::Connection
                | Cause::Busy => Closed::Unreachable,
                _ => Closed::Other,
            },
            reason: error.reason,
            command: error.command,
        },
    }
}

/// What the remedies need to know of this system.
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

/// The variables of the shell, and of `.env` in this folder. A `.env` that is not there is empty.
pub fn variables(root: &Path) -> std::io::Result<Variables> {
    let text = match files::read_bytes(&root.join(dotenv::FILE), files::LONGEST) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Ok(variables_of(&text))
}

/// The variables of the shell, and of a `.env` with this text.
pub fn variables_of(text: &str) -> Variables {
    Variables::new(shell(), text)
}

fn shell() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn file(path: &Path) -> Result<FileSeen, Fault> {
    match fs::metadata(path) {
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

fn endpoint(of: crate::docker::Endpoint) -> Endpoint {
    Endpoint {
        address: of.address,
        is_docker_host: of.source == EndpointSource::DockerHost,
        context: match of.source {
            EndpointSource::Context(name) => Some(name),
            EndpointSource::Default | EndpointSource::DockerHost => None,
        },
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
