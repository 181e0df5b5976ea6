//! What may stand in `workspace.toml` and `workspace.local.toml`.
//!
//! The doc comments are the descriptions in the JSON Schema (`fitout schema`), so they speak to
//! the person who writes a manifest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::schema::parts;
use crate::workspace::{Backend, Command, MountMode, RunsOn, Scalar};

/// A value and the bytes of the file that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// The same place, another value.
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

/// A table whose keys are names that the user chose, in the order of the file.
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
    /// The Compose project name; the folder's name where not set.
    pub name: Option<Spanned<String>>,
    /// Where repos are cloned, relative to this file; `.` where not set.
    pub repos_dir: Option<Spanned<String>>,
}

/// Defaults for all repos.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct GitTable {
    /// Joined with a repo's name when the repo gives no `url`.
    pub base_url: Option<Spanned<String>>,
    /// The branch of every repo that names none; the remote's own default branch where not set.
    pub branch: Option<Spanned<String>>,
}

/// A child git repository.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct RepoTable {
    /// Where to clone from; `[git] base_url` and the repo's name where not set. A relative path
    /// starts at the workspace's folder.
    pub url: Option<Spanned<String>>,
    /// Follow this branch.
    pub branch: Option<Spanned<String>>,
    /// Stay at this tag.
    pub tag: Option<Spanned<String>>,
    /// Stay at this commit.
    pub rev: Option<Spanned<String>>,
    /// The folder of the clone, relative to `repos_dir`; the repo's name where not set.
    pub path: Option<Spanned<String>>,
    /// Clone only so many commits of each branch.
    pub depth: Option<Spanned<u32>>,
    /// Clone submodules too.
    pub submodules: bool,
}

/// Keys that go into the compose file as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComposeTable {
    /// What stands there.
    pub keys: serde_json::Map<String, serde_json::Value>,
    /// Where each value stands, by its JSON pointer (`/volumes/0`).
    pub places: HashMap<String, Range<usize>>,
}

impl ComposeTable {
    /// The text of a key, and where it stands.
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
    /// Build it from this repo.
    pub repo: Option<Spanned<String>>,
    /// Run this image; beside `preset`, one that is built on the preset's own and stands in its place.
    pub image: Option<Spanned<String>>,
    /// Run a backing service that fitout knows.
    pub preset: Option<Spanned<String>>,
    /// The tag of the preset's image.
    pub tag: Option<Spanned<String>>,
    /// The version of the preset's program, such as `16`, where the image's tag does not say it.
    #[schemars(schema_with = "parts::version")]
    pub version: Option<Spanned<String>>,
    /// Where the preset runs: in a container, or as a server of this machine.
    pub runs_on: Option<Spanned<RunsOn>>,
    /// Databases of the preset; the first one is in its URL.
    pub databases: Vec<Spanned<String>>,
    /// A script that is run once on a new volume, relative to the workspace.
    pub init: Option<Spanned<String>>,
    /// The build context inside the repo; `.` where not set.
    pub context: Option<Spanned<String>>,
    /// The Dockerfile inside the context; `Dockerfile.dev` where not set.
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
    /// Folders under a mount that stay the container's own, such as `/app/node_modules`.
    #[schemars(schema_with = "parts::one_or_more_strings")]
    pub keep: Vec<Spanned<String>>,
    /// Lock files in the repo's context: when one changes, `docker compose watch` builds the image
    /// again.
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
    /// The user and group of the process: `${host.uid}:${host.gid}` is the person at this machine.
    pub user: Option<Spanned<String>>,
    /// Start it only when one of these profiles is switched on.
    pub profiles: Vec<Spanned<String>>,
    /// Most that the container may use.
    pub limits: LimitsTable,
    /// What `fitout test` runs in the container.
    #[schemars(schema_with = "parts::command")]
    pub test: Option<Spanned<Command>>,
    /// It runs once and ends, as migrations do: services that depend on it wait until it has ended
    /// with exit status 0.
    pub job: Option<Spanned<bool>>,
    /// Any keys of a Compose service, merged last as Compose merges a second file: lists such as
    /// `volumes` and `ports` are added to, `command` and `entrypoint` are replaced.
    #[schemars(schema_with = "parts::compose")]
    pub compose: Option<Spanned<ComposeTable>>,
}

/// One variable; without a value it is passed on from the shell.
pub type Variable = (Spanned<String>, Option<Spanned<Scalar>>);

/// A source folder inside the container.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MountTable {
    /// A folder of the context; `.` where not set.
    pub source: Option<Spanned<String>>,
    /// The folder in the container, absolute.
    pub target: Spanned<String>,
    /// `bind`, or `sync` for `docker compose watch`; `bind` where not set.
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
    /// The host's port; Docker chooses one where not set.
    pub published: Option<Spanned<u16>>,
    /// The address of the host; `127.0.0.1` where not set.
    pub host_ip: Option<Spanned<String>>,
    /// `tcp` or `udp`; `tcp` where not set.
    pub protocol: Option<Spanned<String>>,
}

/// A service that starts first.
#[derive(Clone, Debug, PartialEq)]
pub struct DependencyTable {
    /// Its name.
    pub service: Spanned<String>,
    /// `service_started`, `service_healthy` or `service_completed_successfully`.
    pub condition: Option<crate::workspace::Condition>,
    /// Restart this service when that one is restarted.
    pub restart: Option<bool>,
    /// Whether this service can't start without it.
    pub required: Option<bool>,
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct HealthcheckTable {
    /// A path of the service's HTTP server that answers with a 2xx or 3xx status.
    pub http: Option<Spanned<String>>,
    /// A port that accepts connections.
    pub tcp: Option<Spanned<u16>>,
    /// The port of `http`; the first one of `ports` where not set.
    pub port: Option<Spanned<u16>>,
    /// A command in Compose's form.
    #[schemars(schema_with = "parts::command")]
    pub test: Option<Spanned<Command>>,
    /// Between two checks: `5s`.
    pub interval: Option<Spanned<String>>,
    /// Of one check: `3s`.
    pub timeout: Option<Spanned<String>>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<Spanned<u32>>,
    /// During which failures don't count: `30s`.
    pub start_period: Option<Spanned<String>>,
    /// Between two checks during the start period; needs Docker Engine 25.
    pub start_interval: Option<Spanned<String>>,
    /// Switch off the image's own health check.
    pub disable: bool,
}

/// Most that a container may use.
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

/// `workspace.local.toml`: one person's choices on one machine.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields, title = "fitout workspace.local.toml")]
pub struct PersonalFile {
    /// How git work is done.
    pub git: PersonalGitTable,
    /// Choices for single repos, by name.
    pub repos: Entries<PersonalRepoTable>,
    /// Choices for single services, by name.
    pub services: Entries<PersonalServiceTable>,
    /// Compose profiles to switch on.
    pub profiles: Vec<Spanned<String>>,
    /// This machine's address.
    pub host: HostTable,
    /// What a copy of a workspace has of its own; `fitout copy` writes it.
    pub copy: Option<Spanned<CopyTable>>,
}

/// How git work is done on this machine.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PersonalGitTable {
    /// Clone over this protocol whatever the manifest's URLs say: `https` or `ssh`.
    pub protocol: Option<Spanned<UrlProtocol>>,
    /// Repos in flight at once.
    pub jobs: Option<Spanned<u32>>,
    /// `built-in`, or `cli` for this machine's own `git`.
    pub backend: Option<Spanned<Backend>>,
    /// Whether clones share objects through a cache on this machine; yes where not set.
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

/// One person's choices for a repo.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct PersonalRepoTable {
    /// Clone from here instead, from a fork for example.
    pub url: Option<Spanned<String>>,
    /// Work on this branch instead.
    pub branch: Option<Spanned<String>>,
    /// Keep the clone in this folder of the workspace instead.
    pub path: Option<Spanned<String>>,
    /// Leave this repo out.
    pub skip: bool,
}

/// One person's choices for a service.
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

/// What a copy of a workspace has of its own.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct CopyTable {
    /// The folder of the workspace that it is a copy of.
    pub of: Option<Spanned<String>>,
    /// Its Compose project: what containers, networks and volumes are named after.
    pub project: Option<Spanned<String>>,
    /// Added to every published port of the host.
    pub port_offset: Option<Spanned<u16>>,
    /// Added, after a `_`, to the names of databases on a server of this machine.
    pub database_suffix: Option<Spanned<String>>,
}
