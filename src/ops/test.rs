//! A service's tests in containers of their own, of which nothing is left.

use std::fmt::Write as _;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::anyhow;

use super::project::Project;
use super::{Context, Opened};
use crate::compose::selection::Selection;
use crate::docker::{Compose, Docker};
use crate::doctor::{machine, required};
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::host::nonce::random_word;
use crate::host::process::RunError;
use crate::workspace::syntax::variable_prefix;
use crate::workspace::{Command, Source, Workspace};

/// Stopping all containers takes as long as stopping the slowest one.
const CLEANUP_LIMIT: Duration = Duration::from_secs(120);

/// Runs the tests of the service that is named, or of the one that the user is in.
pub(crate) fn run(context: &Context, opened: &Opened, named: Option<&str>) -> CommandResult {
    let project = Project::new(context, opened);
    let name = project.one(named)?;
    let service = opened.workspace.service(&name);
    let Some(test) = service.and_then(|service| service.test.as_ref()) else {
        return Err(
            Failure::usage(anyhow!("`{name}` has no `test` command in the manifest"))
                .hint(format!("add `test = \"…\"` to `[services.{name}]`")),
        );
    };
    project.compose()?;
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let stack = TestStack::new(opened, &name)?;
    let ended = stack.run(context, &name, test);
    let cleaned = stack.clean_up(context);
    if interrupt::requested() {
        cleaned?;
        return Err(Failure::interrupted());
    }
    let exit = ended?;
    cleaned?;
    Ok(exit)
}

/// A second project of the same compose file: other containers, volumes and ports.
struct TestStack<'a> {
    opened: &'a Opened,
    selection: Selection,
    unset: Vec<String>,
}

impl<'a> TestStack<'a> {
    fn new(opened: &'a Opened, service: &str) -> Result<Self, Failure> {
        let variables = machine::variables(&opened.root).context("can't read `.env`")?;
        let selection = opened.selection(&variables)?;
        let mut project = selection.project.clone();
        // Process ids are reused, and a killed run may have left its project.
        write!(project, "-test-{service}-{:.8}", random_word())?;
        Ok(TestStack {
            opened,
            selection: selection.named(&project),
            unset: required::unset(&opened.workspace, &variables),
        })
    }

    fn run(&self, context: &Context, service: &str, test: &Command) -> CommandResult {
        let build = self.compose().with_made_up(&self.unset);
        let built = build
            .args(["build", service])
            .pass_through_until_interrupt()?;
        if !built.success() || interrupt::requested() {
            return Ok(exit(built));
        }
        let mut run = self.compose().args(["run", "--rm"]);
        if !context.ui.has_terminal() {
            run = run.arg("-T");
        }
        run = run.arg(service);
        run = match test {
            Command::Line(line) => run.args(["sh", "-c", line]),
            Command::Arguments(arguments) => run.args(arguments),
        };
        Ok(exit(run.pass_through_until_interrupt()?))
    }

    /// Removes everything of this project. Ctrl-C doesn't stop this; pressed twice, it ends fitout,
    /// but Compose continues.
    fn clean_up(&self, context: &Context) -> Result<(), Failure> {
        let arguments = ["down", "--volumes", "--remove-orphans", "--timeout", "2"];
        let down = self
            .compose()
            .with_made_up(&self.unset)
            .args(arguments)
            .args(["--rmi", "local"]);
        context
            .ui
            .detail(format_args!("removing `{}`", self.selection.project));
        let output = match down.capture() {
            Err(RunError::Interrupted) => down.capture(),
            other => other,
        };
        let why = match output {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => Failure::failed(anyhow!(output.stderr.trim().to_owned())),
            Err(error) => error.into(),
        };
        Err(why
            .context("can't remove the containers of the test")
            .hint(format!(
                "docker compose -p {} down --volumes --rmi local",
                self.selection.project
            )))
    }

    fn compose(&self) -> Compose {
        let compose = Docker::default()
            .limit(CLEANUP_LIMIT)
            .compose(&self.opened.root, &self.selection);
        own_values(&self.opened.workspace)
            .into_iter()
            .fold(compose, |compose, (name, value)| compose.env(name, value))
    }
}

/// Returns the values that must differ from the running project: Docker chooses each host port, and
/// backing services run in containers, even if the user has switched to the machine's own server.
fn own_values(workspace: &Workspace) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for service in &workspace.services {
        let published = service.ports.iter().filter(|port| port.published.is_some());
        values.extend(published.map(|port| (port.variable.clone(), "0".to_owned())));
        if let Source::Preset(preset) = &service.source {
            let prefix = variable_prefix(&service.name);
            values.push((format!("{prefix}_CONTAINERS"), "1".to_owned()));
            values.push((format!("{prefix}_PULL_POLICY"), "missing".to_owned()));
            values.push((format!("{prefix}_HOST"), service.name.clone()));
            values.push((format!("{prefix}_PORT"), preset.port.to_string()));
        }
    }
    values
}

fn exit(status: ExitStatus) -> Exit {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Exit::Done,
        Some(code) => Exit::Child(code),
        // Killed by a signal.
        None => Exit::Findings,
    }
}
