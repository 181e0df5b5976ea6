//! The tables of `workspace.toml` and `workspace.local.toml`.
//!
//! The doc comments are the descriptions in the JSON Schema (`fitout schema`), so they address the
//! author of a manifest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schema::parts;
use crate::workspace::{Backend, Command, MountMode, RunsOn, Scalar};

/// A value and its byte range in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its span.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// Returns another value with the same span.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// A table whose keys are user-defined names, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<BTreeMap<String, T>>()
    }
}

/// The manifest of a fitout workspace: its child git repositories and its Compose services.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields, title = "fitout workspace.toml")]
pub struct Manifest {
    /// The workspace itself.
    pub workspace: WorkspaceTable,
    /// Defaults for all repos.
    pub git: GitTable,
    /// Child git repositories, by name.
    pub repos: Entries<RepoTable>,
    /// Compose services, by name.
    pub services: Entries<ServiceTable>,
}

/// The workspace itself.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct WorkspaceTable {
    /// The Compose project name. Default: the folder's name.
    pub name: Option<Spanned<String>>,
    /// Where to clone repos, relative to this file. Default: `.`.
    pub repos_dir: Option<Spanned<String>>,
}

/// Defaults for all repos.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct GitTable {
    /// Prefix of a repo's name, for repos without `url`.
    pub base_url: Option<Spanned<String>>,
    /// The default branch for repos that don't set one. Default: the remote's default branch.
    pub branch: Option<Spanned<String>>,
}

/// A child git repository.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct RepoTable {
    /// Where to clone from. Default: `[git] base_url` and the repo's name. Relative paths are
    /// relative to the workspace's folder.
    pub url: Option<Spanned<String>>,
    /// Branch to follow.
    pub branch: Option<Spanned<String>>,
    /// Tag to check out.
    pub tag: Option<Spanned<String>>,
    /// Commit to check out.
    pub rev: Option<Spanned<String>>,
    /// The folder of the clone, relative to `repos_dir`. Default: the repo's name.
    pub path: Option<Spanned<String>>,
    /// Number of commits to clone from each branch.
    pub depth: Option<Spanned<u32>>,
    /// Also clone submodules.
    pub submodules: bool,
}

/// Keys that are passed through to the compose file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComposeTable {
    /// The value.
    pub keys: serde_json::Map<String, serde_json::Value>,
    /// The span of each value, by its JSON pointer (`/volumes/0`).
    pub places: HashMap<String, Range<usize>>,
}

impl ComposeTable {
    /// Returns the text of a key, with its span.
    pub fn text(&self, key: &str) -> Option<Spanned<String>> {
        Some(Spanned {
            value: self.keys.get(key)?.as_str()?.to_owned(),
            span: self.places.get(&format!("/{key}"))?.clone(),
        })
    }
}

/// A Compose service: built from a `repo`, run from an `image`, or a `preset`.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ServiceTable {
    /// Repo to build it from.
    pub repo: Option<Spanned<String>>,
    /// Image to run; together with `preset`, an image derived from the preset's.
    pub image: Option<Spanned<String>>,
    /// Backing service that fitout knows.
    pub preset: Option<Spanned<String>>,
    /// The tag of the preset's image.
    pub tag: Option<Spanned<String>>,
    /// The version of the preset's program, such as `16`, if the image's tag doesn't contain it.
    #[schemars(schema_with = "parts::version")]
    pub version: Option<Spanned<String>>,
    /// Where the preset runs: in a container, or as a server on this machine.
    pub runs_on: Option<Spanned<RunsOn>>,
    /// Databases of the preset; the first one is in its URL.
    pub databases: Vec<Spanned<String>>,
    /// A script that is run once on a new volume, relative to the workspace.
    pub init: Option<Spanned<String>>,
    /// The build context inside the repo. Default: `.`.
    pub context: Option<Spanned<String>>,
    /// The Dockerfile inside the context. Default: `Dockerfile.dev`.
    pub dockerfile: Option<Spanned<String>>,
    /// The stage to build.
    pub target: Option<Spanned<String>>,
    /// Build arguments.
    #[schemars(schema_with = "parts::environment")]
    pub build_args: Vec<Variable>,
    /// Source folders inside the container: a target for the whole context, or tables with
    /// `source`, `target` and `mode`.
    #[schemars(schema_with = "parts::mounts::<MountTable>")]
    pub mount: Vec<MountTable>,
    /// Folders under a mount that it must not hide, such as `/app/node_modules`.
    #[schemars(schema_with = "parts::one_or_more_strings")]
    pub keep: Vec<Spanned<String>>,
    /// Lock files in the repo's context: when one changes, `docker compose watch` rebuilds the
    /// image.
    #[schemars(schema_with = "parts::one_or_more_strings")]
    pub rebuild_on: Vec<Spanned<String>>,
    /// Volumes in Compose's short form: `name:/path`, `./path:/path`, each with `:ro` or without.
    pub volumes: Vec<Spanned<String>>,
    /// Published ports in Compose's short or long form; bound to 127.0.0.1 unless an address is
    /// given.
    #[schemars(schema_with = "parts::ports::<PortTable>")]
    pub ports: Option<Vec<PortValue>>,
    /// Services that start first: a list, or Compose's long form.
    #[schemars(schema_with = "parts::depends_on")]
    pub depends_on: Vec<DependencyTable>,
    /// Variables of the container: a table, or a list of `NAME=value`.
    #[schemars(schema_with = "parts::environment")]
    pub environment: Vec<Variable>,
    /// Files with variables, in the repo's context; a missing file is not an error.
    #[schemars(schema_with = "parts::one_or_more_strings")]
    pub env_file: Vec<Spanned<String>>,
    /// Secrets: variables that must be set on the machine and are never written anywhere.
    pub required_env: Vec<Spanned<String>>,
    /// `{ http = "/health" }`, `{ tcp = 3000 }`, or Compose's own form.
    pub healthcheck: Option<Spanned<HealthcheckTable>>,
    /// The container's command.
    #[schemars(schema_with = "parts::command")]
    pub command: Option<Spanned<Command>>,
    /// The user and group of the process: `${host.uid}:${host.gid}` is the current user of this
    /// machine.
    pub user: Option<Spanned<String>>,
    /// Only start it if one of these profiles is enabled.
    pub profiles: Vec<Spanned<String>>,
    /// Resource limits of the container.
    pub limits: LimitsTable,
    /// What `fitout test` runs in the container.
    #[schemars(schema_with = "parts::command")]
    pub test: Option<Spanned<Command>>,
    /// It runs once and exits, like a migration: services that depend on it wait until it has
    /// exited with status 0.
    pub job: Option<Spanned<bool>>,
    /// Any keys of a Compose service, merged last, like Compose merges a second file: lists such as
    /// `volumes` and `ports` are combined, `command` and `entrypoint` are replaced.
    #[schemars(schema_with = "parts::compose")]
    pub compose: Option<Spanned<ComposeTable>>,
}

/// A variable; without a value, it is passed through from the shell.
pub type Variable = (Spanned<String>, Option<Spanned<Scalar>>);

/// A source folder inside the container.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MountTable {
    /// A folder of the context. Default: `.`.
    pub source: Option<Spanned<String>>,
    /// The folder in the container, absolute.
    pub target: Spanned<String>,
    /// `bind`, or `sync` for `docker compose watch`. Default: `bind`.
    #[schemars(default)]
    pub mode: MountMode,
}

/// A published port.
#[derive(Clone, Debug, PartialEq)]
pub enum PortValue {
    /// `3100:3000`, in Compose's short form.
    Short(Spanned<String>),
    /// A table with Compose's own keys.
    Long(Spanned<PortTable>),
}

/// A published port in Compose's long form.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PortTable {
    /// The container's port.
    pub target: Spanned<u16>,
    /// The host's port; chosen by Docker by default.
    pub published: Option<Spanned<u16>>,
    /// The address of the host. Default: `127.0.0.1`.
    pub host_ip: Option<Spanned<String>>,
    /// `tcp` or `udp`. Default: `tcp`.
    pub protocol: Option<Spanned<String>>,
}

/// A service that starts first.
#[derive(Clone, Debug, PartialEq)]
pub struct DependencyTable {
    /// Its name.
    pub service: Spanned<String>,
    /// `service_started`, `service_healthy` or `service_completed_successfully`.
    pub condition: Option<crate::workspace::Condition>,
    /// Whether to restart this service when that one is restarted.
    pub restart: Option<bool>,
    /// Whether this service can't start without it.
    pub required: Option<bool>,
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct HealthcheckTable {
    /// A path on the service's HTTP server that returns a 2xx or 3xx status.
    pub http: Option<Spanned<String>>,
    /// A port that accepts connections.
    pub tcp: Option<Spanned<u16>>,
    /// The port of `http`. Default: the first one of `ports`.
    pub port: Option<Spanned<u16>>,
    /// A command in Compose's form.
    #[schemars(schema_with = "parts::command")]
    pub test: Option<Spanned<Command>>,
    /// The time between two checks: `5s`.
    pub interval: Option<Spanned<String>>,
    /// The timeout of a check: `3s`.
    pub timeout: Option<Spanned<String>>,
    /// Consecutive failures that make it unhealthy.
    pub retries: Option<Spanned<u32>>,
    /// The time during which failures don't count: `30s`.
    pub start_period: Option<Spanned<String>>,
    /// The time between two checks during the start period; needs Docker Engine 25.
    pub start_interval: Option<Spanned<String>>,
    /// Disable the image's own health check.
    pub disable: bool,
}

/// Resource limits of a container.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct LimitsTable {
    /// Memory: `512m`, `2g`.
    pub memory: Option<Spanned<String>>,
    /// Cores: `1.5`.
    pub cpus: Option<Spanned<f64>>,
    /// Processes and threads.
    pub pids: Option<Spanned<u32>>,
}

/// `workspace.local.toml`: your own settings for this machine.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields, title = "fitout workspace.local.toml")]
pub struct PersonalFile {
    /// Git settings.
    pub git: PersonalGitTable,
    /// Settings of individual repos, by name.
    pub repos: Entries<PersonalRepoTable>,
    /// Settings of individual services, by name.
    pub services: Entries<PersonalServiceTable>,
    /// Compose profiles to enable.
    pub profiles: Vec<Spanned<String>>,
    /// This machine's address.
    pub host: HostTable,
    /// The properties of a copy of a workspace; written by `fitout copy`.
    pub copy: Option<Spanned<CopyTable>>,
}

/// Git settings of this machine.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PersonalGitTable {
    /// Protocol to clone with, regardless of the manifest's URLs: `https` or `ssh`.
    pub protocol: Option<Spanned<UrlProtocol>>,
    /// Number of repos to process in parallel.
    pub jobs: Option<Spanned<u32>>,
    /// `built-in`, or `cli` for this machine's own `git`.
    pub backend: Option<Spanned<Backend>>,
    /// Whether to use the clone cache of this machine. Default: true.
    pub cache: Option<bool>,
}

/// How a remote is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum UrlProtocol {
    /// `https://host/path`
    Https,
    /// `git@host:path`
    Ssh,
}

/// The user's choices for a repo.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PersonalRepoTable {
    /// Clone from this URL instead, for example from a fork.
    pub url: Option<Spanned<String>>,
    /// Follow this branch instead.
    pub branch: Option<Spanned<String>>,
    /// Keep the clone in this folder of the workspace instead.
    pub path: Option<Spanned<String>>,
    /// Skip this repo.
    pub skip: bool,
}

/// The user's choices for a service.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PersonalServiceTable {
    /// Where the preset runs.
    pub runs_on: Option<Spanned<RunsOn>>,
    /// Other host ports, in the manifest's form.
    #[schemars(schema_with = "parts::ports::<PortTable>")]
    pub ports: Option<Vec<PortValue>>,
}

/// This machine's address, as containers see it.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct HostTable {
    /// The address at which a container reaches this machine (`DOCKER_HOST_IP`).
    pub ip: Option<Spanned<String>>,
    /// What `host.docker.internal` maps to (`DOCKER_HOST_GATEWAY`).
    pub gateway: Option<Spanned<String>>,
}

/// The properties of a copy of a workspace.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct CopyTable {
    /// The folder of the workspace that it is a copy of.
    pub of: Option<Spanned<String>>,
    /// Its Compose project, which containers, networks and volumes are named after.
    pub project: Option<Spanned<String>>,
    /// Added to every published port of the host.
    pub port_offset: Option<Spanned<u16>>,
    /// Appended, after a `_`, to the names of databases on this machine's server.
    pub database_suffix: Option<Spanned<String>>,
}
