//! Reads the text of a manifest into its tables, and reports everything that does not fit.
//!
//! Written by hand over TOML values with spans, because a derive stops at the first error and the
//! user should see all of them at once. Knows which keys there are; knows nothing of what they
//! mean together.

use std::ops::Range;

use toml::Spanned as TomlSpanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::model::{
    DependencyTable, Entries, GitTable, HealthcheckTable, HostTable, LimitsTable, Manifest,
    MountTable, PersonalFile, PersonalGitTable, PersonalRepoTable, PersonalServiceTable, PortTable,
    PortValue, RepoTable, ServiceTable, Spanned, UrlProtocol, Variable, WorkspaceTable,
};
use super::report::Diagnostic;
use crate::workspace::{Backend, Command, Condition, MountMode, RunsOn, Scalar};

/// Reads `workspace.toml`. What could be read is returned together with what is wrong; of text that
/// is no TOML, nothing.
pub fn manifest(source: &str) -> (Manifest, Vec<Diagnostic>) {
    decode(source, NO_SUCH_KEY, |root, problems| Manifest {
        workspace: root.table("workspace", problems, workspace),
        git: root.table("git", problems, git),
        repos: root.entries("repos", problems, repo),
        services: root.entries("services", problems, service),
    })
}

/// Reads `workspace.local.toml`. What could be read is returned together with what is wrong.
pub fn personal_file(source: &str) -> (PersonalFile, Vec<Diagnostic>) {
    decode(source, NOT_PERSONAL, |root, problems| PersonalFile {
        git: root.table("git", problems, personal_git),
        repos: root.entries("repos", problems, personal_repo),
        services: root.entries("services", problems, personal_service),
        profiles: root.strings("profiles", problems),
        host: root.table("host", problems, host),
    })
}

/// What to say under an unknown key that resembles none of the known ones.
const NO_SUCH_KEY: &str = "the known keys are: {known}";
const NOT_PERSONAL: &str = "this file holds one person's choices only: {known}; for everything \
     else of the compose file there is `docker-compose.override.yml`";

fn decode<T: Default>(
    source: &str,
    unknown_help: &'static str,
    read: impl FnOnce(&mut Section<'_>, &mut Vec<Diagnostic>) -> T,
) -> (T, Vec<Diagnostic>) {
    let (table, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() {
        // What was recovered is guesswork, and so would be what can be said of it.
        return (T::default(), errors.iter().map(syntax_error).collect());
    }
    let mut problems = Vec::new();
    let mut root = Section::new(String::new(), table.get_ref(), unknown_help);
    let value = read(&mut root, &mut problems);
    root.finish(&mut problems);
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

fn workspace(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> WorkspaceTable {
    WorkspaceTable {
        name: section.string("name", problems),
        repos_dir: section.string("repos_dir", problems),
    }
}

fn git(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> GitTable {
    GitTable {
        base_url: section.string("base_url", problems),
        branch: section.string("branch", problems),
    }
}

fn repo(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> RepoTable {
    RepoTable {
        url: section.string("url", problems),
        branch: section.string("branch", problems),
        tag: section.string("tag", problems),
        rev: section.string("rev", problems),
        path: section.string("path", problems),
        depth: section.positive("depth", problems),
        submodules: section.boolean("submodules", problems).unwrap_or_default(),
    }
}

fn service(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> ServiceTable {
    ServiceTable {
        repo: section.string("repo", problems),
        image: section.string("image", problems),
        preset: section.string("preset", problems),
        tag: section.string("tag", problems),
        runs_on: section.one_of("runs_on", problems, RUNS_ON),
        databases: section.strings("databases", problems),
        init: section.string("init", problems),
        context: section.string("context", problems),
        dockerfile: section.string("dockerfile", problems),
        target: section.string("target", problems),
        build_args: section.variables("build_args", problems),
        mount: section.mounts("mount", problems),
        keep: section.one_or_more("keep", problems),
        volumes: section.strings("volumes", problems),
        ports: section.ports("ports", problems),
        depends_on: section.dependencies("depends_on", problems),
        environment: section.variables("environment", problems),
        env_file: section.one_or_more("env_file", problems),
        required_env: section.strings("required_env", problems),
        healthcheck: section.spanned_table("healthcheck", problems, healthcheck),
        command: section.command("command", problems),
        user: section.string("user", problems),
        profiles: section.strings("profiles", problems),
        limits: section.table("limits", problems, limits),
        test: section.command("test", problems),
        compose: section.json("compose", problems),
    }
}

fn healthcheck(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> HealthcheckTable {
    HealthcheckTable {
        http: section.string("http", problems),
        tcp: section.positive("tcp", problems),
        port: section.positive("port", problems),
        test: section.command("test", problems),
        interval: section.string("interval", problems),
        timeout: section.string("timeout", problems),
        retries: section.positive("retries", problems),
        start_period: section.string("start_period", problems),
        start_interval: section.string("start_interval", problems),
        disable: section.boolean("disable", problems).unwrap_or_default(),
    }
}

fn limits(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> LimitsTable {
    LimitsTable {
        memory: section.string("memory", problems),
        cpus: section.number("cpus", problems),
        pids: section.positive("pids", problems),
    }
}

fn personal_git(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> PersonalGitTable {
    PersonalGitTable {
        protocol: section.one_of("protocol", problems, PROTOCOLS),
        jobs: section.positive("jobs", problems),
        backend: section.one_of("backend", problems, BACKENDS),
    }
}

fn personal_repo(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> PersonalRepoTable {
    PersonalRepoTable {
        url: section.string("url", problems),
        branch: section.string("branch", problems),
        path: section.string("path", problems),
        skip: section.boolean("skip", problems).unwrap_or_default(),
    }
}

fn personal_service(
    section: &mut Section<'_>,
    problems: &mut Vec<Diagnostic>,
) -> PersonalServiceTable {
    PersonalServiceTable {
        runs_on: section.one_of("runs_on", problems, RUNS_ON),
        ports: section.ports("ports", problems),
    }
}

fn host(section: &mut Section<'_>, problems: &mut Vec<Diagnostic>) -> HostTable {
    HostTable {
        ip: section.string("ip", problems),
        gateway: section.string("gateway", problems),
    }
}

const RUNS_ON: &[(&str, RunsOn)] = &[("container", RunsOn::Container), ("host", RunsOn::Host)];
const MOUNT_MODES: &[(&str, MountMode)] = &[("bind", MountMode::Bind), ("sync", MountMode::Sync)];
const BACKENDS: &[(&str, Backend)] = &[("built-in", Backend::BuiltIn), ("cli", Backend::Cli)];
const PROTOCOLS: &[(&str, UrlProtocol)] =
    &[("https", UrlProtocol::Https), ("ssh", UrlProtocol::Ssh)];
const CONDITIONS: &[(&str, Condition)] = &[
    ("service_started", Condition::ServiceStarted),
    ("service_healthy", Condition::ServiceHealthy),
    (
        "service_completed_successfully",
        Condition::ServiceCompletedSuccessfully,
    ),
];

/// A table that is being read. Every key that is asked for is a known key; `finish` reports the
/// others.
struct Section<'a> {
    /// `services.auth`; empty for the file itself.
    path: String,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    unknown_help: &'static str,
}

type Node<'a> = TomlSpanned<DeValue<'a>>;

impl<'a> Section<'a> {
    fn new(path: String, table: &'a DeTable<'a>, unknown_help: &'static str) -> Self {
        Section {
            path,
            table,
            known: Vec::new(),
            unknown_help,
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Node<'a>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The full name of a key, for messages: `services.auth.ports`.
    fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn string(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Spanned<String>> {
        let node = self.get(key)?;
        string(node, &self.name(key), "a string", problems)
    }

    fn boolean(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Option<bool> {
        let node = self.get(key)?;
        let value = node.get_ref().as_bool();
        if value.is_none() {
            problems.push(wrong_type(node, &self.name(key), "`true` or `false`"));
        }
        value
    }

    /// A whole number from 1 up to what `N` can hold.
    fn positive<N: TryFrom<i64>>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Spanned<N>> {
        let node = self.get(key)?;
        positive(node, &self.name(key), problems)
    }

    fn number(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Spanned<f64>> {
        let node = self.get(key)?;
        let number = match scalar(node.get_ref()) {
            Some(Scalar::Float(value)) => Some(value),
            // Limits are small numbers: no precision is lost.
            #[expect(clippy::cast_precision_loss)]
            Some(Scalar::Integer(value)) => Some(value as f64),
            _ => None,
        };
        let valid = number.filter(|number| number.is_finite() && *number > 0.0);
        if valid.is_none() {
            problems.push(wrong_type(node, &self.name(key), "a number above 0"));
        }
        Some(Spanned {
            value: valid?,
            span: node.span(),
        })
    }

    fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
        choices: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        let node = self.get(key)?;
        one_of(node, &self.name(key), choices, problems)
    }

    /// A list of strings.
    fn strings(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Spanned<String>> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        let Some(items) = node.get_ref().as_array() else {
            let mut problem = wrong_type(node, &name, "a list of strings");
            if let Some(text) = node.get_ref().as_str() {
                problem = problem.help(format!("write `{key} = [\"{text}\"]`"));
            }
            problems.push(problem);
            return Vec::new();
        };
        list(items, &name, problems)
    }

    /// A string, or a list of strings.
    fn one_or_more(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Spanned<String>> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => list(items, &name, problems),
            _ => string(node, &name, "a string or a list of strings", problems)
                .into_iter()
                .collect(),
        }
    }

    fn command(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Spanned<Command>> {
        let node = self.get(key)?;
        let name = self.name(key);
        let span = node.span();
        let value = match node.get_ref() {
            DeValue::Array(items) => {
                let arguments = items.iter().filter_map(|item| {
                    let text = item.get_ref().as_str();
                    if text.is_none() {
                        problems.push(wrong_type(item, &name, "a list of strings"));
                    }
                    text.map(str::to_owned)
                });
                Command::Arguments(arguments.collect())
            }
            _ => {
                Command::Line(string(node, &name, "a string or a list of strings", problems)?.value)
            }
        };
        let empty = match &value {
            Command::Line(line) => line.trim().is_empty(),
            Command::Arguments(arguments) => arguments.is_empty(),
        };
        if empty {
            problems.push(Diagnostic::new(span, format!("`{name}` is empty")));
            return None;
        }
        Some(Spanned { value, span })
    }

    fn table<T: Default>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
        read: impl FnOnce(&mut Section<'a>, &mut Vec<Diagnostic>) -> T,
    ) -> T {
        self.spanned_table(key, problems, read)
            .map(|table| table.value)
            .unwrap_or_default()
    }

    fn spanned_table<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
        read: impl FnOnce(&mut Section<'a>, &mut Vec<Diagnostic>) -> T,
    ) -> Option<Spanned<T>> {
        let node = self.get(key)?;
        let value = table(node, self.name(key), self.unknown_help, problems, read)?;
        Some(Spanned {
            value,
            span: node.span(),
        })
    }

    /// A table of tables with names that the user chose.
    fn entries<T>(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
        read: impl Fn(&mut Section<'a>, &mut Vec<Diagnostic>) -> T,
    ) -> Entries<T> {
        let Some(node) = self.get(key) else {
            return Entries::default();
        };
        let name = self.name(key);
        let Some(tables) = node.get_ref().as_table() else {
            problems.push(wrong_type(
                node,
                &name,
                &format!("tables such as `[{key}.name]`"),
            ));
            return Entries::default();
        };
        let entries = tables.iter().filter_map(|(entry, node)| {
            let path = format!("{name}.{}", entry.get_ref());
            let value = table(node, path, self.unknown_help, problems, &read)?;
            Some((
                Spanned {
                    value: entry.get_ref().to_string(),
                    span: entry.span(),
                },
                value,
            ))
        });
        Entries(entries.collect())
    }

    /// A table of values, or a list of `NAME=value`.
    fn variables(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Vec<Variable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .filter_map(|(variable, node)| {
                    let value = scalar(node.get_ref());
                    if value.is_none() {
                        let name = format!("{name}.{}", variable.get_ref());
                        problems.push(wrong_type(node, &name, "a string, a number or a boolean"));
                    }
                    let variable = Spanned {
                        value: variable.get_ref().to_string(),
                        span: variable.span(),
                    };
                    Some((
                        variable,
                        Some(Spanned {
                            value: value?,
                            span: node.span(),
                        }),
                    ))
                })
                .collect(),
            DeValue::Array(items) => list(items, &name, problems)
                .into_iter()
                .map(|item| {
                    let Spanned { value, span } = item;
                    match value.split_once('=') {
                        Some((variable, text)) => (
                            Spanned {
                                value: variable.to_owned(),
                                span: span.clone(),
                            },
                            Some(Spanned {
                                value: Scalar::Text(text.to_owned()),
                                span,
                            }),
                        ),
                        None => (Spanned { value, span }, None),
                    }
                })
                .collect(),
            _ => {
                problems.push(wrong_type(
                    node,
                    &name,
                    "a table, or a list of `NAME=value`",
                ));
                Vec::new()
            }
        }
    }

    fn mounts(&mut self, key: &'static str, problems: &mut Vec<Diagnostic>) -> Vec<MountTable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| mount(item, &name, problems))
                .collect(),
            _ => mount(node, &name, problems).into_iter().collect(),
        }
    }

    fn ports(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Vec<PortValue>> {
        let node = self.get(key)?;
        let name = self.name(key);
        let Some(items) = node.get_ref().as_array() else {
            problems.push(
                wrong_type(node, &name, "a list")
                    .help(format!("write `{key} = [\"3100:3000\"]` (host:container)")),
            );
            return None;
        };
        Some(
            items
                .iter()
                .filter_map(|item| port(item, &name, problems))
                .collect(),
        )
    }

    fn dependencies(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<DependencyTable> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let name = self.name(key);
        match node.get_ref() {
            DeValue::Array(items) => list(items, &name, problems)
                .into_iter()
                .map(|service| DependencyTable {
                    service,
                    condition: None,
                    restart: None,
                    required: None,
                })
                .collect(),
            DeValue::Table(entries) => entries
                .iter()
                .filter_map(|(service, node)| {
                    let path = format!("{name}.{}", service.get_ref());
                    let service = Spanned {
                        value: service.get_ref().to_string(),
                        span: service.span(),
                    };
                    table(node, path, NO_SUCH_KEY, problems, |section, problems| {
                        DependencyTable {
                            service,
                            condition: section
                                .one_of("condition", problems, CONDITIONS)
                                .map(|condition| condition.value),
                            restart: section.boolean("restart", problems),
                            required: section.boolean("required", problems),
                        }
                    })
                })
                .collect(),
            _ => {
                problems.push(wrong_type(node, &name, "a list of services, or a table"));
                Vec::new()
            }
        }
    }

    fn json(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Spanned<serde_json::Map<String, serde_json::Value>>> {
        let node = self.get(key)?;
        let serde_json::Value::Object(value) = json(node, &self.name(key), problems)? else {
            problems.push(wrong_type(node, &self.name(key), "a table of Compose keys"));
            return None;
        };
        Some(Spanned {
            value,
            span: node.span(),
        })
    }

    /// Reports every key that was not asked for.
    fn finish(self, problems: &mut Vec<Diagnostic>) {
        for (key, _) in self.table {
            let found = key.get_ref().as_ref();
            if self.known.contains(&found) {
                continue;
            }
            let place = if self.path.is_empty() {
                String::new()
            } else {
                format!(" in `{}`", self.path)
            };
            let mut problem = Diagnostic::new(key.span(), format!("unknown key `{found}`{place}"))
                .suggest(found, self.known.iter().copied());
            if problem.label.is_empty() {
                let known: Vec<String> = self
                    .known
                    .iter()
                    .map(|known| format!("`{known}`"))
                    .collect();
                problem = problem.help(self.unknown_help.replace("{known}", &known.join(", ")));
            }
            problems.push(problem);
        }
    }
}

fn table<'a, T>(
    node: &'a Node<'a>,
    path: String,
    unknown_help: &'static str,
    problems: &mut Vec<Diagnostic>,
    read: impl FnOnce(&mut Section<'a>, &mut Vec<Diagnostic>) -> T,
) -> Option<T> {
    let Some(table) = node.get_ref().as_table() else {
        problems.push(wrong_type(node, &path, "a table"));
        return None;
    };
    let mut section = Section::new(path, table, unknown_help);
    let value = read(&mut section, problems);
    section.finish(problems);
    Some(value)
}

fn string(
    node: &Node<'_>,
    name: &str,
    wanted: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<String>> {
    let Some(text) = node.get_ref().as_str() else {
        problems.push(wrong_type(node, name, wanted));
        return None;
    };
    if text.trim().is_empty() {
        problems.push(Diagnostic::new(node.span(), format!("`{name}` is empty")));
        return None;
    }
    Some(Spanned {
        value: text.to_owned(),
        span: node.span(),
    })
}

fn list(items: &DeArray<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Vec<Spanned<String>> {
    items
        .iter()
        .filter_map(|item| string(item, name, "a list of strings", problems))
        .collect()
}

fn positive<N: TryFrom<i64>>(
    node: &Node<'_>,
    name: &str,
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<N>> {
    let number = match scalar(node.get_ref()) {
        Some(Scalar::Integer(number)) if number > 0 => N::try_from(number).ok(),
        _ => None,
    };
    if number.is_none() {
        let most = match size_of::<N>() {
            2 => " up to 65535",
            _ => "",
        };
        problems.push(wrong_type(
            node,
            name,
            &format!("a whole number from 1{most}"),
        ));
    }
    Some(Spanned {
        value: number?,
        span: node.span(),
    })
}

fn one_of<T: Copy>(
    node: &Node<'_>,
    name: &str,
    choices: &[(&str, T)],
    problems: &mut Vec<Diagnostic>,
) -> Option<Spanned<T>> {
    let names: Vec<String> = choices
        .iter()
        .map(|(choice, _)| format!("`{choice}`"))
        .collect();
    let wanted = match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    };
    let text = string(node, name, &wanted, problems)?;
    let found = choices.iter().find(|(choice, _)| *choice == text.value);
    if found.is_none() {
        problems.push(
            Diagnostic::new(
                text.span.clone(),
                format!("`{name}` must be {wanted}, found `{}`", text.value),
            )
            .suggest(&text.value, choices.iter().map(|(choice, _)| *choice)),
        );
    }
    Some(Spanned {
        value: found?.1,
        span: text.span,
    })
}

fn mount(node: &Node<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Option<MountTable> {
    if !node.get_ref().is_table() {
        let target = string(node, name, "a path, a table, or a list of them", problems)?;
        return Some(MountTable {
            source: None,
            target,
            mode: MountMode::Bind,
        });
    }
    table(
        node,
        name.to_owned(),
        NO_SUCH_KEY,
        problems,
        |section, problems| {
            let source = section.string("source", problems);
            let target = section.string("target", problems);
            let mode = section.one_of("mode", problems, MOUNT_MODES);
            if target.is_none() && !section.table.contains_key("target") {
                problems.push(
                    Diagnostic::new(node.span(), format!("`{name}` has no `target`"))
                        .help("add the folder in the container: `target = \"/app\"`"),
                );
            }
            let mode = mode.map(|mode| mode.value).unwrap_or_default();
            target.map(|target| MountTable {
                source,
                target,
                mode,
            })
        },
    )?
}

fn port(node: &Node<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Option<PortValue> {
    match node.get_ref() {
        DeValue::Table(_) => table(
            node,
            name.to_owned(),
            NO_SUCH_KEY,
            problems,
            |section, problems| {
                let target = section.positive("target", problems);
                let published = section.positive("published", problems);
                let host_ip = section.string("host_ip", problems);
                let protocol = section.string("protocol", problems);
                if target.is_none() && !section.table.contains_key("target") {
                    problems.push(
                        Diagnostic::new(node.span(), format!("`{name}` has no `target`"))
                            .help("add the container's port: `target = 3000`"),
                    );
                }
                target.map(|target| {
                    let value = PortTable {
                        target,
                        published,
                        host_ip,
                        protocol,
                    };
                    PortValue::Long(Spanned {
                        value,
                        span: node.span(),
                    })
                })
            },
        )?,
        DeValue::Integer(_) => {
            let port: Spanned<u16> = positive(node, name, problems)?;
            Some(PortValue::Short(port.map(|port| port.to_string())))
        }
        _ => string(node, name, "a list of `\"host:container\"`", problems).map(PortValue::Short),
    }
}

/// A value as JSON, for keys that go into the compose file as they are.
fn json(node: &Node<'_>, name: &str, problems: &mut Vec<Diagnostic>) -> Option<serde_json::Value> {
    match node.get_ref() {
        DeValue::Table(table) => {
            let mut object = serde_json::Map::new();
            for (key, node) in table {
                let key = key.get_ref().to_string();
                if let Some(value) = json(node, &format!("{name}.{key}"), problems) {
                    object.insert(key, value);
                }
            }
            Some(serde_json::Value::Object(object))
        }
        DeValue::Array(items) => Some(
            items
                .iter()
                .filter_map(|item| json(item, name, problems))
                .collect(),
        ),
        value => match scalar(value) {
            Some(Scalar::Text(text)) => Some(text.into()),
            Some(Scalar::Integer(number)) => Some(number.into()),
            Some(Scalar::Bool(value)) => Some(value.into()),
            Some(Scalar::Float(number)) if number.is_finite() => Some(number.into()),
            _ => {
                problems.push(
                    wrong_type(node, name, "a value that YAML has too")
                        .help("write dates and times as strings"),
                );
                None
            }
        },
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Scalar> {
    match value {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(Scalar::Integer),
        DeValue::Float(number) => number.as_str().parse().ok().map(Scalar::Float),
        DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn wrong_type(node: &Node<'_>, name: &str, wanted: &str) -> Diagnostic {
    let found = match node.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    let span: Range<usize> = node.span();
    Diagnostic::new(span, format!("`{name}` must be {wanted}")).label(format!("this is {found}"))
}
