//! What `${X.field}` can mean: the services of a manifest as references see them.

use indexmap::IndexMap;

use crate::manifest::Diagnostic;
use crate::manifest::model::ServiceTable;
use crate::manifest::report::closest;
use crate::workspace::image::Version;
use crate::workspace::preset::Definition;
use crate::workspace::references;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Port, Protocol, RunsOn};

/// Every service, by name, in the order of the manifest.
pub(super) type Scope<'m> = IndexMap<&'m str, Facts<'m>>;

/// The name under which a container reaches this machine, on every runtime.
const HOST_NAME: &str = "host.docker.internal";

/// What a reference can ask of one service.
pub(super) struct Facts<'m> {
    pub(super) name: String,
    pub(super) table: &'m ServiceTable,
    /// What the preset's file says of the version that the service runs.
    pub(super) preset: Option<&'static Definition>,
    /// That version, where the manifest or the image's tag says it.
    pub(super) version: Option<Version>,
    pub(super) runs_on: RunsOn,
    pub(super) ports: Vec<Port>,
    /// The first of `databases`, or the preset's own.
    pub(super) database: Option<String>,
}

impl Facts<'_> {
    /// A Compose variable of this service with its default: `${DB_HOST:-db}`.
    fn variable(&self, suffix: &str, default: &str) -> String {
        format!("${{{}_{suffix}:-{default}}}", variable_prefix(&self.name))
    }

    /// The port that its clients connect to, in the network.
    pub(super) fn port(&self) -> Option<u16> {
        let published = || self.tcp_ports().next().map(|port| port.target);
        self.preset.map(|preset| preset.port).or_else(published)
    }

    fn tcp_ports(&self) -> impl Iterator<Item = &Port> {
        self.ports
            .iter()
            .filter(|port| port.protocol == Protocol::Tcp)
    }

    fn host(&self) -> String {
        let default = match self.runs_on {
            RunsOn::Container => &self.name,
            RunsOn::Host => HOST_NAME,
        };
        self.variable("HOST", default)
    }

    /// What `field` of this service becomes, or why it has no such field.
    fn field(&self, field: &str) -> Result<String, Missing> {
        if self.table.preset.is_some() && self.preset.is_none() {
            // The unknown preset is reported already; what would follow from it is not.
            return Ok(String::new());
        }
        let name = &self.name;
        let port = || {
            let port = self.port().ok_or_else(|| {
                Missing::new(format!("`{name}` has no TCP port")).help(format!(
                    "add the port to `services.{name}`: `ports = [\"3000:3000\"]`"
                ))
            })?;
            Ok(self.variable("PORT", &port.to_string()))
        };
        let of_preset = |value: Option<&str>, suffix: &str| {
            let value = value.ok_or_else(|| match self.preset {
                Some(_) => Missing::new(format!("the preset of `{name}` has no {field}")),
                None => Missing::new(format!("`{name}` is not a preset, so it has no {field}")),
            })?;
            Ok(self.variable(suffix, value))
        };
        match field {
            "host" => Ok(self.host()),
            "port" => port(),
            "user" => of_preset(
                self.preset.and_then(|preset| preset.user.as_deref()),
                "USER",
            ),
            "password" => of_preset(
                self.preset.and_then(|preset| preset.password.as_deref()),
                "PASSWORD",
            ),
            "database" => of_preset(self.database.as_deref(), "DATABASE"),
            "url" => match self.preset {
                None => Ok(format!("http://{}:{}", self.host(), port()?)),
                Some(preset) => self.fill(&preset.url),
            },
            "public_url" => self.public_url(),
            _ => Err(Missing::new(format!("`{name}` has no field `{field}`")).suggest(field)),
        }
    }

    /// From the browser: the published port of this machine.
    fn public_url(&self) -> Result<String, Missing> {
        let name = &self.name;
        let wanted = self
            .preset
            .map(|preset| preset.web_port.unwrap_or(preset.published_port()));
        let port = self
            .tcp_ports()
            .find(|port| wanted.is_none_or(|wanted| wanted == port.target));
        let Some(Port {
            published: Some(published),
            variable,
            host_ip,
            ..
        }) = port
        else {
            return Err(
                Missing::new(format!("`{name}` has no host port")).help(format!(
                    "add it to `services.{name}`: `ports = [\"3100:3000\"]`"
                )),
            );
        };
        let host = match host_ip.as_str() {
            "127.0.0.1" | "0.0.0.0" | "::1" | "::" => "localhost".to_owned(),
            ip if ip.contains(':') => format!("[{ip}]"),
            ip => ip.to_owned(),
        };
        let published = format!("${{{variable}:-{published}}}");
        match self.preset {
            Some(preset) if preset.web_port.is_none() => {
                let url = references::replace(&preset.url, |_, field| match field {
                    "host" => Some(host.clone()),
                    "port" => Some(published.clone()),
                    _ => None,
                });
                self.fill(&url)
            }
            _ => Ok(format!("http://{host}:{published}")),
        }
    }

    /// A text of this service's own preset. Where nothing is published, its public address is the one
    /// that it would have.
    pub(super) fn fill_own(&self, text: &str) -> String {
        references::replace(text, |_, field| {
            let published = self.preset.map(Definition::published_port);
            let fallback = || published.map(|port| format!("localhost:{port}"));
            self.field(field).ok().or_else(fallback)
        })
    }

    /// A preset's text with every `${self.…}` replaced.
    pub(super) fn fill(&self, text: &str) -> Result<String, Missing> {
        let mut missing = None;
        let filled = references::replace(text, |_, field| {
            self.field(field)
                .map_err(|problem| missing = Some(problem))
                .ok()
        });
        missing.map_or(Ok(filled), Err)
    }
}

/// Why a reference means nothing.
#[derive(Debug)]
pub(super) struct Missing {
    problem: String,
    suggestion: Option<String>,
    help: Option<String>,
}

impl Missing {
    fn new(problem: String) -> Self {
        Missing {
            problem,
            suggestion: None,
            help: None,
        }
    }

    fn help(mut self, help: String) -> Self {
        self.help = Some(help);
        self
    }

    fn suggest(mut self, field: &str) -> Self {
        self.suggestion = closest(field, FIELDS.iter().copied()).map(str::to_owned);
        self.help = Some(format!("the fields are {}", list(FIELDS)));
        self
    }
}

const FIELDS: &[&str] = &[
    "host",
    "port",
    "url",
    "public_url",
    "user",
    "password",
    "database",
];
const HOST_FIELDS: &[&str] = &["ip", "uid", "gid"];

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Replaces the references of `text` by Compose variables. Reports those that mean nothing.
pub(super) fn bind(
    text: &str,
    span: &std::ops::Range<usize>,
    scope: &Scope<'_>,
    problems: &mut super::Problems,
) -> String {
    references::replace(text, |service, field| match value(service, field, scope) {
        Ok(value) => Some(value),
        Err(missing) => {
            let reference = format!("${{{service}.{field}}}");
            let mut problem = Diagnostic::new(
                span.clone(),
                format!("`{reference}` can't be resolved: {}", missing.problem),
            );
            if let Some(suggestion) = missing.suggestion {
                problem = problem.label(format!("did you mean `{suggestion}`?"));
            } else {
                problem.help = missing.help;
            }
            problems.push(problem);
            None
        }
    })
}

fn value(service: &str, field: &str, scope: &Scope<'_>) -> Result<String, Missing> {
    if service == "host" {
        return match field {
            "ip" => Ok(format!("${{DOCKER_HOST_IP:-{HOST_NAME}}}")),
            "uid" => Ok("${HOST_UID:-1000}".to_owned()),
            "gid" => Ok("${HOST_GID:-1000}".to_owned()),
            _ => Err(Missing {
                problem: format!("`host` has no field `{field}`"),
                suggestion: None,
                help: Some(format!("the fields are {}", list(HOST_FIELDS))),
            }),
        };
    }
    let Some(facts) = scope.get(service) else {
        let names = scope.keys().copied();
        let suggestion = closest(service, names.clone()).map(|name| format!("${{{name}.{field}}}"));
        return Err(Missing {
            problem: format!("there is no service `{service}`"),
            suggestion,
            help: Some(format!(
                "the services are {}",
                list(&names.collect::<Vec<_>>())
            )),
        });
    };
    facts.field(field)
}
