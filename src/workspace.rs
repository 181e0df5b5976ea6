//! The manifest resolved: defaults filled in, names checked, references bound.
//!
//! This is what every other part of fitout works from. [`Workspace`] comes from the manifest alone,
//! so whatever is made from it is the same on every machine; what differs for one person is in
//! [`Personal`]. Pure: nothing here looks at the disk, at git or at Docker.

pub mod address;
pub mod image;
pub mod interpolation;
pub mod preset;
pub mod references;
pub mod resolve;
pub mod syntax;
pub mod volume;

use indexmap::IndexMap;

/// Everything that the manifest says, with all defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// The Compose project name that the compose file carries; without one, Compose takes the
    /// folder's name.
    pub name: Option<String>,
    /// The folder that repos are cloned into: relative to the workspace, empty for the workspace.
    pub repos_dir: String,
    /// In the order of the manifest.
    pub repos: Vec<Repo>,
    /// In the order of the manifest.
    pub services: Vec<Service>,
}

/// What `workspace.local.toml` says: one person's choices on one machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personal {
    /// How git work is done on this machine.
    pub git: GitSettings,
    /// By the repo's name.
    pub repos: IndexMap<String, PersonalRepo>,
    /// By the service's name.
    pub services: IndexMap<String, PersonalService>,
    /// Compose profiles that are switched on.
    pub profiles: Vec<String>,
    /// `DOCKER_HOST_IP`: where a container reaches this machine.
    pub host_ip: Option<String>,
    /// `DOCKER_HOST_GATEWAY`: what `host.docker.internal` maps to.
    pub host_gateway: Option<String>,
    /// What this workspace has of its own where it is a copy.
    pub copy: Option<CopyOf>,
}

/// What a copy of a workspace has of its own, so that it runs beside the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The folder of the workspace that it is a copy of, absolute.
    pub folder: String,
    /// The Compose project.
    pub project: String,
    /// Added to every published port of the host.
    pub port_offset: u16,
    /// Added, after a `_`, to the names of databases on a server of this machine.
    pub database_suffix: Option<String>,
}

/// One person's choices for a repo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalRepo {
    /// Clone from here instead.
    pub url: Option<String>,
    /// Work on this branch instead.
    pub branch: Option<String>,
    /// Keep the clone here; the manifest's path becomes a symbolic link to it.
    pub path: Option<String>,
    /// Leave this repo out on this machine.
    pub skip: bool,
}

/// One person's choices for a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonalService {
    /// Where the backing service runs.
    pub runs_on: Option<RunsOn>,
    /// Other host ports: the same form as in the manifest.
    pub ports: Vec<Port>,
}

/// A child git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// The name in the manifest.
    pub name: String,
    /// As git takes it. A relative path starts at the workspace's folder.
    pub url: String,
    /// The folder that the manifest gives it: relative to the workspace, `/` between parts, no
    /// `.` or `..`. The compose file names this one.
    pub path: String,
    /// Where the clone really is, relative to the workspace, when the personal file says so:
    /// `path` is then a symbolic link to it.
    pub local_path: Option<String>,
    /// What to have checked out.
    pub checkout: Checkout,
    /// Commits to fetch from each tip; everything where not set.
    pub depth: Option<u32>,
    /// Whether to clone submodules too.
    pub submodules: bool,
    /// Not wanted on this machine.
    pub skip: bool,
}

/// What a repo should have checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkout {
    /// The branch that the remote's HEAD names.
    RemoteDefault,
    /// A branch, kept up to date.
    Branch(String),
    /// A tag, as a detached HEAD.
    Tag(String),
    /// A full or abbreviated commit id, as a detached HEAD.
    Rev(String),
}

/// How git work is done on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Repos in flight at once; chosen by fitout where not set.
    pub jobs: Option<usize>,
    /// What does the network half.
    pub backend: Backend,
    /// Take no objects from earlier clones of this machine, and keep none.
    pub no_cache: bool,
}

/// What does the network half of git's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Backend {
    /// The built-in implementation (gix).
    #[default]
    BuiltIn,
    /// The user's own `git` program.
    Cli,
}

/// One Compose service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The name in the manifest and in the compose file.
    pub name: String,
    /// Where its image comes from.
    pub source: Source,
    /// Where a preset runs unless the personal file says otherwise; nothing else runs on the host.
    pub runs_on: RunsOn,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Services that start first.
    pub depends_on: Vec<Dependency>,
    /// Variables of the container; a value that is `None` is passed on from the shell, as in
    /// Compose. References are already Compose variables.
    pub environment: IndexMap<String, Option<Scalar>>,
    /// Relative to the workspace; a missing file is not an error.
    pub env_file: Vec<String>,
    /// Variables that must be set on the machine.
    pub required_env: Vec<String>,
    /// How Docker finds out whether it is healthy.
    pub healthcheck: Option<Healthcheck>,
    /// Source folders inside the container.
    pub mounts: Vec<Mount>,
    /// Folders under a mount that stay the container's own.
    pub keep: Vec<String>,
    /// Files, relative to the workspace, whose change makes another image: lock files.
    pub rebuild_on: Vec<String>,
    /// Volumes in Compose's short form.
    pub volumes: Vec<Volume>,
    /// Files whose text the compose file itself carries.
    pub configs: Vec<Config>,
    /// The container's command.
    pub command: Option<Command>,
    /// `uid:gid`, in Compose's form.
    pub user: Option<String>,
    /// The service starts only with one of these switched on; always where empty.
    pub profiles: Vec<String>,
    /// Most that the container may use.
    pub limits: Limits,
    /// What `fitout test` runs in the container.
    pub test: Option<Command>,
    /// Compose keys as they are, merged last.
    pub compose: serde_json::Map<String, serde_json::Value>,
}

/// Where a service's image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Built from a repo's Dockerfile.
    Build(Build),
    /// Run from an image that is pulled.
    Image(String),
    /// A backing service that fitout knows.
    Preset(Preset),
}

/// How an image is built from a repo.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// The repo's name.
    pub repo: String,
    /// Relative to the workspace: the repo's path, or a folder inside it.
    pub context: String,
    /// Relative to the context.
    pub dockerfile: String,
    /// A stage of the Dockerfile.
    pub target: Option<String>,
    /// Build arguments.
    pub args: IndexMap<String, Option<Scalar>>,
}

/// What a preset's file says of a backing service, bound to one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The preset's name: `postgres`.
    pub name: String,
    /// With its tag.
    pub image: String,
    /// The version of its program, where the manifest or the tag says it.
    pub version: Option<image::Version>,
    /// The port that clients connect to, in the container and by default on a host.
    pub port: u16,
    /// The port of its page for people.
    pub web_port: Option<u16>,
    /// The database that services use, where it has databases.
    pub database: Option<String>,
    /// All of its databases, the former first; empty where the manifest names none.
    pub databases: Vec<String>,
    /// The script that fills a new volume, relative to the workspace.
    pub init: Option<String>,
}

/// Where a backing service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum RunsOn {
    /// In a container of its own.
    #[default]
    Container,
    /// On this machine; the container is scaled to nothing.
    Host,
}

impl RunsOn {
    /// As the manifest writes it.
    pub fn word(self) -> &'static str {
        match self {
            RunsOn::Container => "container",
            RunsOn::Host => "host",
        }
    }
}

/// A port of a container that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The address of the host that it is bound to: `127.0.0.1` unless the manifest gives one.
    pub host_ip: String,
    /// The host's port; Docker chooses one where not set.
    pub published: Option<u16>,
    /// The container's port.
    pub target: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The Compose variable that changes `published` on one machine: `AUTH_PORT_3000`.
    pub variable: String,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A service that must start first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub service: String,
    /// What to wait for.
    pub condition: Condition,
    /// Whether a restart of it restarts this service as well.
    pub restart: bool,
    /// Whether this service can't start without it.
    pub required: bool,
}

/// What a dependent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Until the container runs.
    ServiceStarted,
    /// Until its health check passes.
    ServiceHealthy,
    /// Until it has ended with exit status 0.
    ServiceCompletedSuccessfully,
}

/// A value of an environment variable or a build argument.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Text, with Compose variables in it.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Command {
    /// As one string, split by Compose as a shell would.
    Line(String),
    /// As arguments.
    Arguments(Vec<String>),
}

/// A folder of the workspace inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Relative to the workspace.
    pub source: String,
    /// Absolute, in the container.
    pub target: String,
    /// How changes get there.
    pub mode: MountMode,
}

/// How a change in a source folder gets into the container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum MountMode {
    /// The same folder: a bind mount.
    #[default]
    Bind,
    /// Copied by `docker compose watch`.
    Sync,
}

/// A volume in Compose's short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What is mounted.
    pub source: VolumeSource,
    /// Absolute, in the container.
    pub target: String,
    /// Whether the container can't write to it.
    pub read_only: bool,
}

/// What a volume mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A named volume of the project.
    Named(String),
    /// A file or folder, relative to the workspace.
    Path(String),
    /// A new volume for each container.
    Anonymous,
}

/// A file in the container whose text the compose file carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name in the compose file.
    pub name: String,
    /// Absolute, in the container.
    pub target: String,
    /// The text.
    pub content: String,
}

/// A health check with Compose's own keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
    /// Between two checks, as Compose writes durations: `10s`.
    pub interval: Option<String>,
    /// Of one check.
    pub timeout: Option<String>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u64>,
    /// During which failures don't count.
    pub start_period: Option<String>,
    /// Between two checks during the start period; needs Engine 25.
    pub start_interval: Option<String>,
    /// Switches off the image's own check.
    pub disable: bool,
}

/// Most that a container may use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes, in Compose's form: `512m`.
    pub memory: Option<String>,
    /// Cores.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

impl Preset {
    /// What the preset's file says of this version of its image.
    pub fn definition(&self) -> Option<&'static preset::Definition> {
        Some(preset::find(&self.name)?.at(self.version.as_ref()))
    }
}

impl Service {
    /// Folders that an anonymous volume keeps from the bind mount above it. Under a folder that is
    /// synced there is nothing to be kept from: the container's own files are there.
    pub fn kept_volumes(&self) -> impl Iterator<Item = &str> {
        self.keep.iter().map(String::as_str).filter(|folder| {
            let above = self.mounts.iter().filter(|mount| mount.holds(folder));
            let nearest = above.max_by_key(|mount| mount.target.len());
            nearest.is_some_and(|mount| mount.mode == MountMode::Bind)
        })
    }
}

impl Mount {
    /// Whether a folder of the container is below the mount.
    pub fn holds(&self, folder: &str) -> bool {
        let rest = folder.strip_prefix(self.target.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
    }
}

impl Workspace {
    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The repo of that name.
    pub fn repo(&self, name: &str) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.name == name)
    }
}

impl Personal {
    /// The repos of a workspace as this person wants them.
    pub fn repos(&self, workspace: &Workspace) -> Vec<Repo> {
        workspace
            .repos
            .iter()
            .map(|repo| {
                let mut repo = repo.clone();
                if let Some(choice) = self.repos.get(&repo.name) {
                    repo.skip = choice.skip;
                    repo.local_path.clone_from(&choice.path);
                    if let Some(url) = &choice.url {
                        repo.url.clone_from(url);
                    }
                    if let Some(branch) = &choice.branch {
                        repo.checkout = Checkout::Branch(branch.clone());
                    }
                }
                repo
            })
            .collect()
    }

    /// Where a backing service runs for this person.
    pub fn runs_on(&self, service: &Service) -> RunsOn {
        self.services
            .get(&service.name)
            .and_then(|choice| choice.runs_on)
            .unwrap_or(service.runs_on)
    }

    /// The port of the host that a port of a service is published on here, unless a variable says
    /// otherwise; none where Docker chooses.
    pub fn published(&self, service: &str, port: &Port) -> Option<u16> {
        let own = self.services.get(service).and_then(|choice| {
            let mut ports = choice.ports.iter();
            ports.find(|own| own.variable == port.variable)
        });
        let published = own.unwrap_or(port).published?;
        let offset = self.copy.as_ref().map_or(0, |copy| copy.port_offset);
        // Resolving the personal file has refused an offset that leads beyond the last port.
        published.checked_add(offset)
    }

    /// The database that a copy uses on this machine's own server; none where the manifest's is
    /// used.
    pub fn database(&self, service: &Service) -> Option<String> {
        let suffix = self.copy.as_ref()?.database_suffix.as_ref()?;
        match &service.source {
            Source::Preset(preset) if self.runs_on(service) == RunsOn::Host => {
                Some(format!("{}_{suffix}", preset.database.as_ref()?))
            }
            _ => None,
        }
    }
}
