//! From whatever is there to every service running and healthy.
//!
//! Checks preconditions before it starts anything, then syncs, generates and runs `docker compose
//! up`, whose output is passed through.

mod preconditions;
mod renew;

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::anyhow;

use preconditions::Preconditions;

use super::examine::{Depth, Examination};
use super::generate::{self, Overwrite};
use super::{Context, Opened, copies, project, sync};
use crate::docker::{Container, Docker};
use crate::doctor::machine;
use crate::doctor::select::Selection;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::markup::style;
use crate::running::{self, Condition, Row, ServiceState};
use crate::ui::Verbosity;
use crate::ui::{repos, services};
use crate::workspace::RunsOn;

/// Number of log lines to show for a broken service.
const LOG_LINES: &str = "20";
/// Number of lines of its health check's output: enough for a shell's error, but not a usage text.
const HEALTH_LINES: usize = 5;

/// What to start, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// These services and what they depend on; all where empty.
    pub services: Vec<String>,
    /// What becomes of the repos before.
    pub repos: Repos,
    /// Seconds to wait until all services are ready; no limit where not set.
    pub wait_timeout: Option<u64>,
}

/// What becomes of the repos before a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Repos {
    /// They are synced.
    #[default]
    Synced,
    /// They are used as they are.
    AsTheyAre,
}

/// From whatever is there to every service running and healthy.
pub(crate) fn start(context: &Context, opened: Opened, request: &Request) -> CommandResult {
    let opened = Arc::new(opened);
    opened.require_services(&request.services)?;
    interrupt::listen().context("can't listen for Ctrl-C")?;

    let variables = machine::variables(&opened.root).context("can't read `.env`")?;
    project::report(context, &opened.selection(&variables)?);
    let preconditions = Preconditions::of_machine(&opened, &request.services)?;
    if let Some(from) = preconditions.moved_from() {
        context.ui.say(format_args!(
            "this workspace was previously in {from}, which no longer exists: taking over its containers"
        ));
    }
    if request.repos == Repos::Synced {
        sync_repos(context, &opened)?;
    }
    if interrupt::requested() {
        return Err(interrupted_before_start());
    }
    generate::generate(context, &opened, Overwrite::Never)?;
    copies::record_start(context, &opened);
    copies::warn_of_namesakes(context, &opened);
    preconditions.of_workspace()?;

    if interrupt::requested() {
        return Err(interrupted_before_start());
    }
    bring_up(context, &opened, request, &preconditions)
}

/// A repo that could not be updated is used as it is; a missing repo is reported by the checks that
/// follow.
fn sync_repos(context: &Context, opened: &Opened) -> Result<(), Failure> {
    let synced = sync::sync(context, opened, &sync::Options::default())?;
    let all_is_fine = synced.repos.iter().all(|report| report.outcome.is_fine());
    if !all_is_fine || context.ui.verbosity() == Verbosity::Verbose {
        repos::print(&context.ui, &synced)?;
    }
    Ok(())
}

fn bring_up(
    context: &Context,
    opened: &Arc<Opened>,
    request: &Request,
    preconditions: &Preconditions,
) -> CommandResult {
    let docker = Docker::default();
    if let Err(failure) = renew::renew(context, opened, preconditions.started()) {
        preconditions.left_out()?;
        return Err(failure);
    }
    let mut compose = opened
        .compose(&docker)?
        .args(["up", "--detach", "--build", "--wait"]);
    if let Some(seconds) = request.wait_timeout {
        compose = compose.arg("--wait-timeout").arg(seconds.to_string());
    }
    let status = compose
        .args(&request.services)
        .pass_through()
        .context("can't start the services")?;
    if !status.success() {
        preconditions.left_out()?;
    }

    let asked = preconditions.started();
    let (states, containers) = states(opened, &docker, asked)?;
    let rows: Vec<Row> = running::rows(&opened.workspace, &opened.personal, &states)
        .into_iter()
        .filter(|row| {
            asked.contains(row.service.as_str()) || opened.workspace.service(&row.service).is_none()
        })
        .collect();
    if interrupt::requested() {
        services::print(&context.ui, &rows)?;
        return Err(Failure::interrupted().hint(
            "started services keep running; stop them with `docker compose stop`, or continue with `fitout up`",
        ));
    }
    if rows.is_empty() && status.success() {
        context.ui.say("no service to start");
        return Ok(Exit::Done);
    }
    services::print(&context.ui, &rows)?;
    for checked in preconditions.data_of_new(&containers)? {
        let outcome = &checked.outcome;
        context.ui.warn(&outcome.found);
        for hint in outcome.remedy.run.iter().chain(&outcome.remedy.note) {
            context.ui.hint(hint);
        }
    }
    let broken: Vec<&Row> = rows.iter().filter(|row| is_broken(row)).collect();
    for row in &broken {
        show_cause(context, opened, &docker, row, &states);
    }
    if !broken.is_empty() {
        show_unreachable_host(context, opened)?;
    }
    if let Some(first) = broken.first() {
        let names: Vec<String> = broken
            .iter()
            .map(|row| format!("`{}`", row.service))
            .collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        return Err(
            Failure::failed(anyhow!("{} {verb} not up", names.join(", ")))
                .hint(format!("docker compose logs {}", first.service)),
        );
    }
    // With `--wait`, Compose treats a finished job as not running.
    let all_is_well = rows.iter().all(|row| {
        matches!(
            row.condition,
            Condition::Ready | Condition::Done | Condition::OnHost
        )
    });
    if status.success() || (all_is_well && has_job(&states)) {
        return Ok(Exit::Done);
    }
    Err(Failure::failed(anyhow!(
        "`docker compose up` ended with {}",
        status
            .code()
            .map_or("a signal".to_owned(), |code| format!("exit status {code}"))
    ))
    .hint("see its output above"))
}

/// Returns the states of the services, and their containers. If not all of them are found by the
/// project's name, Compose is asked, which takes longer: it knows the files that `COMPOSE_FILE`
/// adds.
fn states(
    opened: &Opened,
    docker: &Docker,
    asked: &HashSet<&str>,
) -> Result<(Vec<ServiceState>, Vec<Container>), Failure> {
    let variables = machine::variables(&opened.root).context("can't read `.env`")?;
    let project = opened.selection(&variables)?.project;
    let mut own = docker.containers().unwrap_or_default();
    own.retain(|container| container.project == project && !container.is_one_off);
    let states: Vec<ServiceState> = own.iter().map(Container::service_state).collect();
    let has_state = |service: &&str| states.iter().any(|state| state.service == **service);
    if asked.iter().all(has_state) {
        return Ok((states, own));
    }
    let states = opened.compose(docker)?.services();
    Ok((states.context("can't get the running services")?, own))
}

fn is_broken(row: &Row) -> bool {
    row.condition == Condition::Broken
}

fn has_job(states: &[ServiceState]) -> bool {
    states
        .iter()
        .any(|state| state.state == "exited" && state.exit_code == 0)
}

/// Shows the output of its health check, and the end of its log.
fn show_cause(
    context: &Context,
    opened: &Opened,
    docker: &Docker,
    row: &Row,
    states: &[ServiceState],
) {
    let (strong, dim) = (style::STRONG, style::DIM);
    let ui = &context.ui;
    ui.say(format_args!(
        "\n{strong}{}{strong:#} is {}",
        row.service, row.state
    ));
    let of_service = states.iter().filter(|state| state.service == row.service);
    for state in of_service.filter(|state| state.health == "unhealthy") {
        if let Some(words) = docker.health_output(&state.container) {
            ui.say("output of its health check:");
            for line in words.lines().take(HEALTH_LINES) {
                ui.say(format_args!("  {line}"));
            }
        }
    }
    let arguments = ["--no-color", "--no-log-prefix", "--tail", LOG_LINES];
    let log = opened.compose(docker).and_then(|compose| {
        let logs = compose.arg("logs").args(arguments).arg(&row.service);
        Ok(logs.capture()?)
    });
    match log {
        Ok(output) => {
            let mut lines = output
                .stdout
                .lines()
                .chain(output.stderr.lines())
                .peekable();
            if lines.peek().is_none() {
                ui.say(format_args!("{dim}its log is empty{dim:#}"));
            } else {
                ui.say("the end of its log:");
            }
            for line in lines {
                ui.say(format_args!("  {line}"));
            }
        }
        Err(failure) => ui.warn(failure.error),
    }
    ui.say("");
}

/// If services run on this machine, a likely cause is that containers can't reach one.
fn show_unreachable_host(context: &Context, opened: &Arc<Opened>) -> Result<(), Failure> {
    let mut services = opened.workspace.services.iter();
    if !services.any(|service| opened.personal.runs_on(service) == RunsOn::Host) {
        return Ok(());
    }
    let selection = Selection {
        only: vec!["host".to_owned()],
        skip: Vec::new(),
    };
    let report = Examination::of(Some(Arc::clone(opened)), Depth::Deep)?.run(&selection);
    if report.has_failures() {
        context.ui.say(format_args!("{}\n", report.blocking_text()));
    }
    Ok(())
}

fn interrupted_before_start() -> Failure {
    Failure::interrupted().hint("no service was started; to continue: fitout up")
}
