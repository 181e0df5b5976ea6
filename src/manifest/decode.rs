//! Parses a manifest into tables, and reports all errors.
//!
//! Hand-written, based on TOML values with spans, because a derive stops at the first error, but
//! users should see all errors at once. Only checks individual keys and values, not what they mean
//! together.

use toml::de::DeTable;

use super::model::{
    CopyTable, GitTable, HealthcheckTable, HostTable, LimitsTable, Manifest, PersonalFile,
    PersonalGitTable, PersonalRepoTable, PersonalServiceTable, RepoTable, ServiceTable,
    UrlProtocol, WorkspaceTable,
};
use super::report::Diagnostic;
use super::section::{NO_SUCH_KEY, Section};
use crate::workspace::{Backend, RunsOn};

/// Parses `workspace.toml`. Returns what could be parsed together with the errors; nothing if it is
/// not TOML.
pub fn manifest(source: &str) -> (Manifest, Vec<Diagnostic>) {
    decode(source, NO_SUCH_KEY, |root| Manifest {
        workspace: root.table("workspace", workspace),
        git: root.table("git", git),
        repos: root.entries("repos", repo),
        services: root.entries("services", service),
    })
}

/// Parses `workspace.local.toml`. Returns what could be parsed together with the errors.
pub fn personal_file(source: &str) -> (PersonalFile, Vec<Diagnostic>) {
    decode(source, NOT_PERSONAL, |root| PersonalFile {
        git: root.table("git", personal_git),
        repos: root.entries("repos", personal_repo),
        services: root.entries("services", personal_service),
        profiles: root.strings("profiles"),
        host: root.table("host", host),
        copy: root.spanned_table("copy", copy),
    })
}

/// The help for a key that is not allowed in the personal file.
const NOT_PERSONAL: &str = "this file only contains your own settings: {known}; for everything \
     else of the compose file there is `docker-compose.override.yml`";

fn decode<T: Default>(
    source: &str,
    unknown_help: &'static str,
    read: impl FnOnce(&mut Section<'_, '_>) -> T,
) -> (T, Vec<Diagnostic>) {
    let (table, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        // Recovered values are guesswork, and so would be any errors about them.
        return (T::default(), errors.iter().map(syntax_error).collect());
    }
    let mut problems = Vec::new();
    let mut root = Section::new(String::new(), table.get_ref(), unknown_help, &mut problems);
    let value = read(&mut root);
    root.finish();
    (value, problems)
}

fn syntax_error(error: &toml::de::Error) -> Diagnostic {
    let mut lines = error.message().lines();
    let mut message = lines.next().unwrap_or("not valid TOML").to_owned();
    for line in lines {
        message.push_str(", ");
        message.push_str(line);
    }
    Diagnostic::new(error.span().unwrap_or(0..0), message).label("not valid TOML here")
}

fn workspace(section: &mut Section<'_, '_>) -> WorkspaceTable {
    WorkspaceTable {
        name: section.string("name"),
        repos_dir: section.string("repos_dir"),
    }
}

fn git(section: &mut Section<'_, '_>) -> GitTable {
    GitTable {
        base_url: section.string("base_url"),
        branch: section.string("branch"),
    }
}

fn repo(section: &mut Section<'_, '_>) -> RepoTable {
    RepoTable {
        url: section.string("url"),
        branch: section.string("branch"),
        tag: section.string("tag"),
        rev: section.string("rev"),
        path: section.string("path"),
        depth: section.positive("depth"),
        submodules: section.boolean("submodules").unwrap_or_default(),
    }
}

fn service(section: &mut Section<'_, '_>) -> ServiceTable {
    ServiceTable {
        repo: section.string("repo"),
        image: section.string("image"),
        preset: section.string("preset"),
        tag: section.string("tag"),
        version: section.text("version"),
        runs_on: section.one_of("runs_on", RUNS_ON),
        databases: section.strings("databases"),
        init: section.string("init"),
        context: section.string("context"),
        dockerfile: section.string("dockerfile"),
        target: section.string("target"),
        build_args: section.variables("build_args"),
        mount: section.mounts("mount"),
        keep: section.one_or_more("keep"),
        rebuild_on: section.one_or_more("rebuild_on"),
        volumes: section.strings("volumes"),
        ports: section.ports("ports"),
        depends_on: section.dependencies("depends_on"),
        environment: section.variables("environment"),
        env_file: section.one_or_more("env_file"),
        required_env: section.strings("required_env"),
        healthcheck: section.spanned_table("healthcheck", healthcheck),
        command: section.command("command"),
        user: section.string("user"),
        profiles: section.strings("profiles"),
        limits: section.table("limits", limits),
        test: section.command("test"),
        job: section.spanned_boolean("job"),
        compose: section.json("compose"),
    }
}

fn healthcheck(section: &mut Section<'_, '_>) -> HealthcheckTable {
    HealthcheckTable {
        http: section.string("http"),
        tcp: section.positive("tcp"),
        port: section.positive("port"),
        test: section.command("test"),
        interval: section.string("interval"),
        timeout: section.string("timeout"),
        retries: section.positive("retries"),
        start_period: section.string("start_period"),
        start_interval: section.string("start_interval"),
        disable: section.boolean("disable").unwrap_or_default(),
    }
}

fn limits(section: &mut Section<'_, '_>) -> LimitsTable {
    LimitsTable {
        memory: section.string("memory"),
        cpus: section.number("cpus"),
        pids: section.positive("pids"),
    }
}

fn personal_git(section: &mut Section<'_, '_>) -> PersonalGitTable {
    PersonalGitTable {
        protocol: section.one_of("protocol", PROTOCOLS),
        jobs: section.positive("jobs"),
        backend: section.one_of("backend", BACKENDS),
        cache: section.boolean("cache"),
    }
}

fn personal_repo(section: &mut Section<'_, '_>) -> PersonalRepoTable {
    PersonalRepoTable {
        url: section.string("url"),
        branch: section.string("branch"),
        path: section.string("path"),
        skip: section.boolean("skip").unwrap_or_default(),
    }
}

fn personal_service(section: &mut Section<'_, '_>) -> PersonalServiceTable {
    PersonalServiceTable {
        runs_on: section.one_of("runs_on", RUNS_ON),
        ports: section.ports("ports"),
    }
}

fn host(section: &mut Section<'_, '_>) -> HostTable {
    HostTable {
        ip: section.string("ip"),
        gateway: section.string("gateway"),
    }
}

fn copy(section: &mut Section<'_, '_>) -> CopyTable {
    CopyTable {
        of: section.string("of"),
        project: section.string("project"),
        port_offset: section.positive("port_offset"),
        database_suffix: section.string("database_suffix"),
    }
}

const RUNS_ON: &[(&str, RunsOn)] = &[("container", RunsOn::Container), ("host", RunsOn::Host)];
const BACKENDS: &[(&str, Backend)] = &[("built-in", Backend::BuiltIn), ("cli", Backend::Cli)];
const PROTOCOLS: &[(&str, UrlProtocol)] =
    &[("https", UrlProtocol::Https), ("ssh", UrlProtocol::Ssh)];
