//! Resolves `[services]`: where the image comes from, and every key of the container.

mod checks;
mod data;
mod healthcheck;
mod keys;
mod ports;
mod preset;
mod version;

pub(super) use ports::resolve_ports;

use std::ops::Range;

use indexmap::IndexMap;

use super::Problems;
use super::scope::{self, Facts, Scope};
use crate::manifest::model::{ComposeTable, DependencyTable, Entries, ServiceTable, Variable};
use crate::manifest::{Diagnostic, Manifest, Spanned};
use crate::workspace::preset::{self as catalog, Definition};
use crate::workspace::syntax::{self, join};
use crate::workspace::{
    Build, Command, Condition, Dependency, Port, Preset, Repo, Scalar, Service, Source,
};

const DOCKERFILE: &str = "Dockerfile.dev";

pub(super) fn resolve(
    manifest: &Manifest,
    repos: &[Repo],
    problems: &mut Problems,
) -> Vec<Service> {
    let Entries(tables) = &manifest.services;
    checks::names(tables, problems);
    let mut published: Vec<(Port, Range<usize>)> = Vec::new();
    let mut scope: Scope<'_> = IndexMap::new();
    for (name, table) in tables {
        let facts = facts(name, table, &mut published, problems);
        scope.insert(name.value.as_str(), facts);
    }
    checks::duplicate_ports(&published, problems);
    checks::cycles(tables, problems);

    let repos = repos.iter().map(|repo| (repo.name.as_str(), repo));
    let resolver = Resolver {
        repos: repos.collect(),
        scope: &scope,
    };
    tables
        .iter()
        .filter_map(|(name, table)| resolver.service(name, table, problems))
        .collect()
}

fn facts<'m>(
    name: &Spanned<String>,
    table: &'m ServiceTable,
    published: &mut Vec<(Port, Range<usize>)>,
    problems: &mut Problems,
) -> Facts<'m> {
    let full = format!("services.{}", name.value);
    let newest = table
        .preset
        .as_ref()
        .and_then(|preset| find_preset(preset, &full, problems));
    let version = newest.and_then(|newest| version::of(&full, table, newest, problems));
    let preset = newest.map(|newest| newest.at(version.as_ref()));
    let ports = match (&table.ports, preset) {
        (None, Some(preset)) => ports::preset_ports(&name.value, name.span.clone(), preset),
        (ports, _) => resolve_ports(
            &name.value,
            &format!("{full}.ports"),
            ports.as_deref(),
            published.len(),
            problems,
        ),
    };
    let runs_on = table
        .runs_on
        .as_ref()
        .map(|runs_on| runs_on.value)
        .unwrap_or_default();
    let database = preset
        .and_then(|preset| preset.database.clone())
        .map(|default| {
            table
                .databases
                .first()
                .map_or(default, |database| database.value.clone())
        });
    if let Some(preset) = preset {
        ports::advertised(&full, table, preset, &ports, problems);
    }
    published.extend(ports.iter().cloned());
    let ports = ports.into_iter().map(|(port, _)| port).collect();
    Facts {
        name: name.value.clone(),
        table,
        preset,
        version,
        runs_on,
        ports,
        database,
    }
}

fn find_preset(
    name: &Spanned<String>,
    full: &str,
    problems: &mut Problems,
) -> Option<&'static Definition> {
    let found = catalog::find(&name.value);
    if found.is_none() {
        let known: Vec<String> = catalog::names().map(|known| format!("`{known}`")).collect();
        let mut problem = Diagnostic::new(
            name.span.clone(),
            format!("`{full}.preset`: there is no preset `{}`", name.value),
        )
        .suggest(&name.value, catalog::names());
        if problem.label.is_empty() {
            problem = problem.help(format!(
                "the presets are {}; for anything else, use `image`",
                known.join(", ")
            ));
        }
        problems.push(problem);
    }
    found
}

struct Resolver<'a> {
    repos: IndexMap<&'a str, &'a Repo>,
    scope: &'a Scope<'a>,
}

impl Resolver<'_> {
    fn service(
        &self,
        name: &Spanned<String>,
        table: &ServiceTable,
        problems: &mut Problems,
    ) -> Option<Service> {
        let full = format!("services.{}", name.value);
        let facts = self.scope.get(name.value.as_str())?;
        checks::keys_that_need_another(&full, table, problems);
        checks::job(&full, table, problems);
        let source = self.source(name, &full, table, facts, problems);
        let context = match &source {
            Some(Source::Build(build)) => build.context.as_str(),
            _ => "",
        };
        let mounts = keys::mounts(&full, context, &table.mount, problems);
        checks::keep(&full, &table.keep, &mounts, problems);
        checks::mounted_once(&full, table, problems);
        if let Some(preset) = facts.preset {
            data::check(&full, table, preset, problems);
        }
        let mut service = Service {
            name: name.value.clone(),
            source: Source::Image(String::new()),
            runs_on: facts.runs_on,
            ports: facts.ports.clone(),
            depends_on: self.dependencies(&full, name, table, problems),
            environment: self.variables(&full, "environment", &table.environment, problems),
            env_file: keys::paths(
                &format!("{full}.env_file"),
                context,
                &table.env_file,
                problems,
            ),
            required_env: keys::required_env(&full, table, problems),
            healthcheck: healthcheck::resolve(
                &full,
                table.healthcheck.as_ref(),
                facts,
                self.scope,
                problems,
            ),
            mounts,
            rebuild_on: keys::paths(
                &format!("{full}.rebuild_on"),
                context,
                &table.rebuild_on,
                problems,
            ),
            keep: table.keep.iter().map(|keep| keep.value.clone()).collect(),
            volumes: keys::volumes(&full, table, problems),
            configs: Vec::new(),
            command: self.command(table.command.as_ref(), problems),
            user: table
                .user
                .as_ref()
                .map(|user| scope::bind(&user.value, &user.span, self.scope, problems)),
            profiles: keys::profiles(&full, table, problems),
            limits: keys::limits(&full, table, problems),
            test: table.test.as_ref().map(|test| test.value.clone()),
            compose: self.compose(table, problems),
        };
        if let Some(preset) = facts.preset {
            preset::add(&mut service, preset, facts, table, problems);
        }
        service.source = source?;
        Some(service)
    }

    fn source(
        &self,
        name: &Spanned<String>,
        full: &str,
        table: &ServiceTable,
        facts: &Facts<'_>,
        problems: &mut Problems,
    ) -> Option<Source> {
        let given: Vec<(&str, &Spanned<String>)> = [
            ("repo", &table.repo),
            ("image", &table.image),
            ("preset", &table.preset),
        ]
        .into_iter()
        // Together with a preset, the image replaces the preset's own.
        .filter(|(key, _)| *key != "image" || table.preset.is_none())
        .filter_map(|(key, value)| Some((key, value.as_ref()?)))
        .collect();
        match given[..] {
            [] => {
                problems.push(
                    Diagnostic::new(
                        name.span.clone(),
                        format!("`{full}` has no `repo`, `image` or `preset`"),
                    )
                    .help("add one of `repo = \"…\"`, `image = \"…\"` or `preset = \"…\"`"),
                );
                None
            }
            [(first_key, first), (second_key, second), ..] => {
                problems.push(
                    Diagnostic::new(
                        second.span.clone(),
                        format!("`{full}` has both `{first_key}` and `{second_key}`"),
                    )
                    .related(first.span.clone(), "the other one")
                    .help("keep one of `repo`, `image` and `preset`"),
                );
                None
            }
            [("repo", repo)] => self.build(repo, full, table, problems).map(Source::Build),
            [("image", image)] => Some(Source::Image(scope::bind(
                &image.value,
                &image.span,
                self.scope,
                problems,
            ))),
            [_] => facts.preset.map(|definition| {
                let image = version::image(table, definition);
                Source::Preset(Preset {
                    name: table
                        .preset
                        .as_ref()
                        .map(|name| name.value.clone())
                        .unwrap_or_default(),
                    image: scope::bind(&image.value, &image.span, self.scope, problems),
                    version: facts.version.clone(),
                    port: definition.port,
                    web_port: definition.web_port,
                    database: facts.database.clone(),
                    databases: table.databases.iter().map(|it| it.value.clone()).collect(),
                    init: table.init.as_ref().map(|it| it.value.clone()),
                })
            }),
        }
    }

    fn build(
        &self,
        name: &Spanned<String>,
        full: &str,
        table: &ServiceTable,
        problems: &mut Problems,
    ) -> Option<Build> {
        let Some(repo) = self.repos.get(name.value.as_str()) else {
            let known: Vec<&str> = self.repos.keys().copied().collect();
            let mut problem = Diagnostic::new(
                name.span.clone(),
                format!("`{full}.repo`: there is no repo `{}`", name.value),
            )
            .suggest(&name.value, known);
            if problem.label.is_empty() {
                problem = problem.help(format!("add it: `[repos.{}]`", name.value));
            }
            problems.push(problem);
            return None;
        };
        let inside = |key: &str, value: Option<&Spanned<String>>, problems: &mut Problems| {
            let value = value?;
            let name = format!("{full}.{key}");
            problems.valid(value, &name, syntax::relative_path(&value.value))
        };
        let context = inside("context", table.context.as_ref(), problems).unwrap_or_default();
        let dockerfile = inside("dockerfile", table.dockerfile.as_ref(), problems);
        Some(Build {
            repo: repo.name.clone(),
            context: join(&repo.path, &context),
            dockerfile: dockerfile.unwrap_or_else(|| DOCKERFILE.to_owned()),
            target: table.target.as_ref().map(|target| target.value.clone()),
            args: self.variables(full, "build_args", &table.build_args, problems),
        })
    }

    fn variables(
        &self,
        full: &str,
        key: &str,
        variables: &[Variable],
        problems: &mut Problems,
    ) -> IndexMap<String, Option<Scalar>> {
        let mut result = IndexMap::new();
        for (name, value) in variables {
            problems.check(
                name,
                &format!("{full}.{key}.{}", name.value),
                syntax::container_variable(&name.value),
            );
            let value = value.as_ref().map(|value| match &value.value {
                Scalar::Text(text) => {
                    Scalar::Text(scope::bind(text, &value.span, self.scope, problems))
                }
                other => other.clone(),
            });
            if result.insert(name.value.clone(), value).is_some() {
                problems.push(Diagnostic::new(
                    name.span.clone(),
                    format!("`{full}.{key}` sets `{}` twice", name.value),
                ));
            }
        }
        result
    }

    fn dependencies(
        &self,
        full: &str,
        name: &Spanned<String>,
        table: &ServiceTable,
        problems: &mut Problems,
    ) -> Vec<Dependency> {
        let mut dependencies: Vec<Dependency> = Vec::new();
        for wanted in &table.depends_on {
            let DependencyTable {
                service,
                condition,
                restart,
                required,
            } = wanted;
            let at = service.span.clone();
            let Some(Facts { table: other, .. }) = self.scope.get(service.value.as_str()) else {
                let known = self.scope.keys().copied();
                problems.push(
                    Diagnostic::new(
                        at,
                        format!(
                            "`{full}.depends_on`: there is no service `{}`",
                            service.value
                        ),
                    )
                    .suggest(&service.value, known),
                );
                continue;
            };
            if service.value == name.value {
                problems.push(Diagnostic::new(at, format!("`{full}` depends on itself")));
                continue;
            }
            if dependencies
                .iter()
                .any(|known| known.service == service.value)
            {
                problems.push(Diagnostic::new(
                    at,
                    format!("`{full}.depends_on` lists `{}` twice", service.value),
                ));
                continue;
            }
            checks::dependency_profiles(
                full,
                table,
                service,
                other,
                required.unwrap_or(true),
                problems,
            );
            let condition = condition.unwrap_or_else(|| default_condition(other));
            let long_form = restart.is_some() || wanted.condition.is_some() || required.is_some();
            dependencies.push(Dependency {
                service: service.value.clone(),
                condition,
                // The long form is Compose's own, with its defaults. A job that runs again does not
                // take away what its dependents use.
                restart: restart.unwrap_or(!long_form && !is_job(other)),
                required: required.unwrap_or(true),
            });
        }
        dependencies
    }

    fn command(
        &self,
        command: Option<&Spanned<Command>>,
        problems: &mut Problems,
    ) -> Option<Command> {
        let Spanned { value, span } = command?;
        Some(match value {
            Command::Line(line) => Command::Line(scope::bind(line, span, self.scope, problems)),
            Command::Arguments(arguments) => Command::Arguments(
                arguments
                    .iter()
                    .map(|text| scope::bind(text, span, self.scope, problems))
                    .collect(),
            ),
        })
    }

    fn compose(
        &self,
        table: &ServiceTable,
        problems: &mut Problems,
    ) -> serde_json::Map<String, serde_json::Value> {
        let Some(compose) = &table.compose else {
            return serde_json::Map::new();
        };
        let keys = compose.value.keys.iter().map(|(key, value)| {
            let value = self.bind_json(value, &format!("/{key}"), compose, problems);
            (key.clone(), value)
        });
        keys.collect()
    }

    fn bind_json(
        &self,
        value: &serde_json::Value,
        pointer: &str,
        compose: &Spanned<ComposeTable>,
        problems: &mut Problems,
    ) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                let span = compose.value.places.get(pointer).unwrap_or(&compose.span);
                scope::bind(text, span, self.scope, problems).into()
            }
            Value::Array(items) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    self.bind_json(item, &format!("{pointer}/{index}"), compose, problems)
                });
                items.collect()
            }
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let pointer = format!("{pointer}/{key}");
                    (
                        key.clone(),
                        self.bind_json(value, &pointer, compose, problems),
                    )
                });
                entries.collect()
            }
            other => other.clone(),
        }
    }
}

fn is_job(table: &ServiceTable) -> bool {
    table.job.as_ref().is_some_and(|job| job.value)
}

/// Waits for the end of a job, and for healthy where there is a health check to wait for.
fn default_condition(other: &ServiceTable) -> Condition {
    if is_job(other) {
        return Condition::ServiceCompletedSuccessfully;
    }
    let checked = match &other.healthcheck {
        Some(healthcheck) => !healthcheck.value.disable,
        None => other.preset.is_some(),
    };
    if checked {
        Condition::ServiceHealthy
    } else {
        Condition::ServiceStarted
    }
}
