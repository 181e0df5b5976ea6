//! The client of a backing service, at its server, wherever that runs.
//!
//! The client comes from the preset's image, so none needs to be installed: it runs in the server's
//! container or, for a server on this machine, in a temporary container.

use std::ffi::OsString;

use anyhow::anyhow;

use super::project::{Project, become_compose, terminal};
use super::{Context, Opened};
use crate::doctor::host;
use crate::error::{CommandResult, Failure};
use crate::workspace::preset::Definition;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{RunsOn, Service, Source};

/// The address of a container's own server.
const LOOPBACK: &str = "127.0.0.1";

/// Execs the client of the given service, or of the default one. Only returns if Compose can't be
/// started.
pub(crate) fn open(
    context: &Context,
    opened: &Opened,
    named: Option<&str>,
    arguments: &[OsString],
) -> CommandResult {
    let project = Project::new(context, opened);
    let (service, definition) = chosen(&project, opened, named)?;
    let Some(client) = &definition.client else {
        return Err(no_client(service, definition));
    };
    let variables = project.variables()?;
    let mut environment: Vec<String> = Vec::new();
    let mut set = |name: &str, value: &str| environment.push(format!("{name}={value}"));
    if let Some(user) = &definition.user {
        let own = variables.get_filled(&format!("{}_USER", variable_prefix(&service.name)));
        set("SERVER_USER", own.map_or(user, |(user, _)| user));
    }
    let name = service.name.as_str();
    let compose = match opened.personal.runs_on(service) {
        RunsOn::Container => {
            set("SERVER_HOST", LOOPBACK);
            set("SERVER_PORT", &definition.port.to_string());
            project.in_container(name)?.arg("exec")
        }
        RunsOn::Host => {
            if !definition.client_reaches_out() {
                return Err(Failure::failed(anyhow!(
                    "the client of `{name}` only works in the server's own container, but `{name}` runs on this machine"
                ))
                .hint("use the client that came with the server"));
            }
            let on_host = host::services(&opened.workspace, &opened.personal, &variables);
            if let Some(server) = on_host.iter().find(|server| server.name == name) {
                set("SERVER_HOST", &server.address);
                set("SERVER_PORT", &server.port.to_string());
            }
            let run = ["run", "--rm", "--no-deps", "--entrypoint", "sh"];
            project.compose()?.args(run)
        }
    };
    let mut compose = terminal(compose, context);
    for variable in environment {
        compose = compose.arg("--env").arg(variable);
    }
    compose = compose.arg(name);
    if opened.personal.runs_on(service) == RunsOn::Container {
        compose = compose.arg("sh");
    }
    become_compose(compose.args(["-c", client, "sh"]).args(arguments))
}

/// Returns the given service, or the default one.
fn chosen<'o>(
    project: &Project<'o>,
    opened: &'o Opened,
    named: Option<&str>,
) -> Result<(&'o Service, &'static Definition), Failure> {
    if let Some(name) = named {
        project.known(&[name.to_owned()])?;
        let service = opened.workspace.service(name);
        return service.and_then(with_definition).ok_or_else(|| {
            let failure = Failure::usage(anyhow!(
                "`{name}` is not a preset, so fitout doesn't know its client"
            ));
            failure.hint(format!(
                "run one in its container: `fitout exec {name} COMMAND`"
            ))
        });
    }
    let all: Vec<&Service> = opened.workspace.services.iter().collect();
    let here: Vec<&Service> = project
        .services_here()
        .iter()
        .flat_map(|service| &service.depends_on)
        .filter_map(|dependency| opened.workspace.service(&dependency.service))
        .collect();
    let candidates = [here, all]
        .map(|services| with_clients(&services))
        .into_iter()
        .find(|candidates| !candidates.is_empty());
    let Some(candidates) = candidates else {
        return Err(
            Failure::usage(anyhow!("no service is a preset with a client"))
                .hint("run a command in a container: `fitout exec SERVICE COMMAND`"),
        );
    };
    let is_database = |(_, definition): &&(&Service, &Definition)| definition.database.is_some();
    let mut databases = candidates.iter().filter(is_database);
    match (databases.next(), databases.next(), candidates.as_slice()) {
        (Some(only), None, _) | (None, _, [only]) => Ok(*only),
        _ => {
            let names: Vec<&str> = candidates
                .iter()
                .map(|(service, _)| service.name.as_str())
                .collect();
            Err(Failure::usage(anyhow!("which service?"))
                .hint(format!("name one: {}", names.join(", "))))
        }
    }
}

/// Returns each service once, with its preset.
fn with_clients<'o>(services: &[&'o Service]) -> Vec<(&'o Service, &'static Definition)> {
    let mut found: Vec<(&Service, &Definition)> = Vec::new();
    for (service, definition) in services.iter().copied().filter_map(with_definition) {
        let is_new = !found.iter().any(|(known, _)| known.name == service.name);
        if is_new && definition.client.is_some() {
            found.push((service, definition));
        }
    }
    found
}

fn with_definition(service: &Service) -> Option<(&Service, &'static Definition)> {
    match &service.source {
        Source::Preset(preset) => Some((service, preset.definition()?)),
        Source::Build(_) | Source::Image(_) => None,
    }
}

fn no_client(service: &Service, definition: &Definition) -> Failure {
    let name = &service.name;
    let failure = Failure::failed(anyhow!("the image of `{name}` contains no client"));
    if definition.web_port.is_some() || definition.url.starts_with("http") {
        failure.hint(format!("open it in the browser: `fitout open {name}`"))
    } else {
        failure.hint(format!("open a shell in its container: `fitout sh {name}`"))
    }
}
