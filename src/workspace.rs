//! The resolved manifest: defaults filled in, names checked, references bound.
//!
//! Every other part of fitout is based on this. [`Workspace`] is created from the manifest alone,
//! so whatever is generated from it is the same on every machine; the user's own settings are in
//! [`Personal`]. Pure: nothing here accesses the disk, git or Docker.

pub mod address;
pub mod image;
pub mod interpolation;
pub mod preset;
pub mod references;
pub mod resolve;
pub mod syntax;
pub mod volume;

use indexmap::IndexMap;

/// The contents of the manifest, with all defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// The Compose project name in the compose file; if none, Compose uses the folder's name.
    pub name: Option<String>,
    /// The folder that repos are cloned into: relative to the workspace, empty for the workspace.
    pub repos_dir: String,
    /// In the order of the manifest.
    pub repos: Vec<Repo>,
    /// In the order of the manifest.
    pub services: Vec<Service>,
}

/// The contents of `workspace.local.toml`: the user's choices on this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personal {
    /// Git settings of this machine.
    pub git: GitSettings,
    /// By the repo's name.
    pub repos: IndexMap<String, PersonalRepo>,
    /// By the service's name.
    pub services: IndexMap<String, PersonalService>,
    /// Enabled Compose profiles.
    pub profiles: Vec<String>,
    /// `DOCKER_HOST_IP`: where a container reaches this machine.
    pub host_ip: Option<String>,
    /// `DOCKER_HOST_GATEWAY`: what `host.docker.internal` maps to.
    pub host_gateway: Option<String>,
    /// The properties of this workspace if it is a copy.
    pub copy: Option<CopyOf>,
}

/// The properties of a copy of a workspace, which let it run at the same time as the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The folder of the original workspace, absolute.
    pub folder: String,
    /// The Compose project.
    pub project: String,
    /// Added to every published port of the host.
    pub port_offset: u16,
    /// Appended, after a `_`, to the names of databases on this machine's server.
    pub database_suffix: Option<String>,
}

/// The user's choices for a repo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalRepo {
    /// Clone from here instead.
    pub url: Option<String>,
    /// Follow this branch instead.
    pub branch: Option<String>,
    /// Keep the clone here; the manifest's path becomes a symbolic link to it.
    pub path: Option<String>,
    /// Skip this repo on this machine.
    pub skip: bool,
}

/// The user's choices for a service.
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
    /// As git accepts it. A relative path is relative to the workspace's folder.
    pub url: String,
    /// The folder in the manifest: relative to the workspace, with `/` separators, no `.` or `..`.
    /// The compose file uses this one.
    pub path: String,
    /// The real path of the clone, relative to the workspace, if the personal file sets one: `path`
    /// is then a symbolic link to it.
    pub local_path: Option<String>,
    /// What to have checked out.
    pub checkout: Checkout,
    /// The number of commits to fetch from each tip; everything by default.
    pub depth: Option<u32>,
    /// Whether to clone submodules too.
    pub submodules: bool,
    /// Skipped on this machine.
    pub skip: bool,
}

/// What a repo should have checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checkout {
    /// The branch that the remote's HEAD points to.
    RemoteDefault,
    /// A branch, kept up to date.
    Branch(String),
    /// A tag, as a detached HEAD.
    Tag(String),
    /// A full or abbreviated commit id, as a detached HEAD.
    Rev(String),
}

/// Git settings of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Number of repos to process in parallel; chosen by fitout by default.
    pub jobs: Option<usize>,
    /// What clones and fetches.
    pub backend: Backend,
    /// Don't use the clone cache.
    pub no_cache: bool,
}

/// What clones and fetches.
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
    /// Where a preset runs, unless overridden in the personal file; nothing else runs on the host.
    pub runs_on: RunsOn,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Services that start first.
    pub depends_on: Vec<Dependency>,
    /// Environment variables of the container; `None` is passed through from the shell, as in
    /// Compose. References are already Compose variables.
    pub environment: IndexMap<String, Option<Scalar>>,
    /// Relative to the workspace; a missing file is not an error.
    pub env_file: Vec<String>,
    /// Variables that must be set on the machine.
    pub required_env: Vec<String>,
    /// Its health check.
    pub healthcheck: Option<Healthcheck>,
    /// Source folders inside the container.
    pub mounts: Vec<Mount>,
    /// Folders under a mount that are not hidden by it.
    pub keep: Vec<String>,
    /// Files, relative to the workspace, that require a new image when they change: lock files.
    pub rebuild_on: Vec<String>,
    /// Volumes in Compose's short form.
    pub volumes: Vec<Volume>,
    /// Files whose text is embedded in the compose file.
    pub configs: Vec<Config>,
    /// The container's command.
    pub command: Option<Command>,
    /// `uid:gid`, in Compose's form.
    pub user: Option<String>,
    /// The service only starts if one of these is enabled; always if empty.
    pub profiles: Vec<String>,
    /// Resource limits of the container.
    pub limits: Limits,
    /// What `fitout test` runs in the container.
    pub test: Option<Command>,
    /// Any Compose keys, merged last.
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

/// The definition in a preset's file, bound to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The preset's name: `postgres`.
    pub name: String,
    /// With its tag.
    pub image: String,
    /// The version of its program, if the manifest or the tag contains it.
    pub version: Option<image::Version>,
    /// The port that clients connect to, in the container and by default on a host.
    pub port: u16,
    /// The port of its web page.
    pub web_port: Option<u16>,
    /// The database that services use, if it has databases.
    pub database: Option<String>,
    /// All of its databases, starting with the former; empty if the manifest lists none.
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
    /// The host address that it is bound to: `127.0.0.1` unless the manifest sets one.
    pub host_ip: String,
    /// The host's port; chosen by Docker by default.
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
    /// Whether restarting it also restarts this service.
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
    /// Until it has exited with status 0.
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
    /// A boolean.
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

/// How changes in a source folder get into the container.
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

/// A file in the container whose text is embedded in the compose file.
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
    /// The time between two checks, as a Compose duration: `10s`.
    pub interval: Option<String>,
    /// The timeout of a check.
    pub timeout: Option<String>,
    /// Consecutive failures that make it unhealthy.
    pub retries: Option<u64>,
    /// The time during which failures don't count.
    pub start_period: Option<String>,
    /// The time between two checks during the start period; needs Engine 25.
    pub start_interval: Option<String>,
    /// Disables the image's own health check.
    pub disable: bool,
}

/// Resource limits of a container.
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
    /// Returns the preset's definition for this version of its image.
    pub fn definition(&self) -> Option<&'static preset::Definition> {
        Some(preset::find(&self.name)?.at(self.version.as_ref()))
    }
}

impl Service {
    /// Returns the folders that an anonymous volume protects from the bind mount above it. Under a
    /// synced folder, no protection is needed: the container's own files are visible there.
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
    /// Returns the service with that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Returns the repo with that name.
    pub fn repo(&self, name: &str) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.name == name)
    }
}

impl Personal {
    /// Returns the repos of a workspace, with the user's choices applied.
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

    /// Returns where a backing service runs for this user.
    pub fn runs_on(&self, service: &Service) -> RunsOn {
        self.services
            .get(&service.name)
            .and_then(|choice| choice.runs_on)
            .unwrap_or(service.runs_on)
    }

    /// Returns the host port that a service's port is published on, unless overridden by a
    /// variable; none if Docker chooses.
    pub fn published(&self, service: &str, port: &Port) -> Option<u16> {
        let own = self.services.get(service).and_then(|choice| {
            let mut ports = choice.ports.iter();
            ports.find(|own| own.variable == port.variable)
        });
        let published = own.unwrap_or(port).published?;
        let offset = self.copy.as_ref().map_or(0, |copy| copy.port_offset);
        // The personal file was already checked for offsets beyond the last port.
        published.checked_add(offset)
    }

    /// Returns the database that a copy uses on this machine's server; none if it is the
    /// manifest's.
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
