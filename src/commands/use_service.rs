//! `fitout use`: switches a backing service between a container and this machine, for this user.

use anyhow::anyhow;
use similar::{ChangeTag, TextDiff};

use crate::dotenv;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::manifest::{self, report::closest};
use crate::markup::style::{FAIL, PASS, unmarked};
use crate::ops::project::Project;
use crate::ops::switch::{Stack, Switch, names_of, restart::Restart};
use crate::ops::{Context, Opened};
use crate::running;
use crate::ui::Ui;
use crate::ui::table::Table;
use crate::workspace::{RunsOn, Service, Source};

/// Run a backing service on this machine or in a container
///
/// `fitout use db host` uses this machine's server instead of the container, just for you: the
/// choice is written to workspace.local.toml, and the resulting values to .env. If services are
/// running, the container is stopped or started, and services whose environment changes are
/// recreated; nothing else is touched, and volumes are kept. Without arguments, lists the services
/// that can be switched.
///
/// The exit status is 1 if this machine's server can't be reached, or a service doesn't come up;
/// the choice is written anyway.
#[derive(Debug, clap::Args)]
#[command(override_usage = "fitout use [OPTIONS] [SERVICE... host|container]")]
pub(crate) struct Args {
    /// Services, followed by where to run them: `host` or `container`
    #[arg(value_name = "SERVICE... host|container")]
    words: Vec<String>,
    /// Write the files without restarting anything
    #[arg(long)]
    no_restart: bool,
    /// Print the changes without writing or restarting anything
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let Some((place, services)) = wanted(&opened, &args.words)? else {
        return show(context, &opened);
    };
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let stack = if args.no_restart {
        Stack::LeftAsItIs
    } else {
        Stack::BroughtInLine
    };
    let switch = Switch::plan(context, &opened, services, place, stack)?;
    if args.dry_run {
        return show_plan(&context.ui, &switch);
    }
    switch.apply(context)
}

/// Returns the services and where to run them; none if no arguments were given.
fn wanted<'o>(
    opened: &'o Opened,
    words: &[String],
) -> Result<Option<(RunsOn, Vec<&'o Service>)>, Failure> {
    let Some((last, names)) = words.split_last() else {
        return Ok(None);
    };
    let place = match last.as_str() {
        "host" => RunsOn::Host,
        "container" => RunsOn::Container,
        other => return Err(no_place(opened, other, names)),
    };
    opened.require_services(names)?;
    let mut services = Vec::new();
    for service in &opened.workspace.services {
        if names.contains(&service.name) {
            if !matches!(service.source, Source::Preset(_)) {
                return Err(no_preset(opened, service));
            }
            services.push(service);
        }
    }
    if services.is_empty() {
        let all = presets(opened);
        return Err(Failure::usage(anyhow!("which service?"))
            .hint(format!("choose one or more: {}", names_of(&all))));
    }
    Ok(Some((place, services)))
}

fn no_place(opened: &Opened, last: &str, names: &[String]) -> Failure {
    if let Err(unknown) = opened.require_services(names) {
        return unknown;
    }
    if opened.workspace.service(last).is_some() {
        let all = [names, &[last.to_owned()]].concat().join(" ");
        return Failure::usage(anyhow!("where should `{last}` run?")).hint(format!(
            "`fitout use {all} host` or `fitout use {all} container`"
        ));
    }
    if names.is_empty()
        && let Err(unknown) = opened.require_services(&[last.to_owned()])
    {
        return unknown;
    }
    let failure = Failure::usage(anyhow!("expected `host` or `container`, not `{last}`"));
    match closest(last, ["host", "container"]) {
        Some(place) => failure.hint(format!("did you mean `{place}`?")),
        None => failure,
    }
}

fn no_preset(opened: &Opened, service: &Service) -> Failure {
    let name = &service.name;
    let from = match &service.source {
        Source::Build(build) => format!("is built from the repo `{}`", build.repo),
        _ => "uses an image of its own".to_owned(),
    };
    let failure = Failure::usage(anyhow!(
        "`{name}` {from}, so it runs in a container; only a preset can run on this machine"
    ));
    let all = presets(opened);
    if all.is_empty() {
        return failure;
    }
    failure.hint(format!("these are presets: {}", names_of(&all)))
}

fn presets(opened: &Opened) -> Vec<&Service> {
    let services = opened.workspace.services.iter();
    services
        .filter(|service| matches!(service.source, Source::Preset(_)))
        .collect()
}

/// Lists the services that can be switched, where they run, and which file says so.
fn show(context: &Context, opened: &Opened) -> CommandResult {
    let presets = presets(opened);
    if presets.is_empty() {
        context
            .ui
            .say("no service is a preset; only presets can run on this machine");
        return Ok(Exit::Done);
    }
    let states = Project::new(context, opened)
        .to_read()
        .ok()
        .and_then(|compose| compose.services().ok());
    let rows = running::rows(
        &opened.workspace,
        &opened.personal,
        states.as_deref().unwrap_or_default(),
    );
    let mut heading = vec!["service", "preset", "runs on", "set in"];
    if states.is_some() {
        heading.push("state");
    }
    let mut table = Table::with_heading(&heading);
    for service in presets {
        let Source::Preset(preset) = &service.source else {
            continue;
        };
        let choice = opened.personal.services.get(&service.name);
        let source = match choice.and_then(|choice| choice.runs_on) {
            Some(_) => manifest::PERSONAL_FILE,
            None if service.runs_on == RunsOn::Host => manifest::FILE,
            None => "(the default)",
        };
        let mut cells = vec![
            service.name.as_str().into(),
            preset.name.as_str().into(),
            opened.personal.runs_on(service).word().into(),
            source.into(),
        ];
        if states.is_some() {
            let row = rows.iter().find(|row| row.service == service.name);
            cells.push(row.map_or("", |row| &row.state).into());
        }
        table.push(cells);
    }
    context.ui.data(table)?;
    Ok(Exit::Done)
}

/// Prints the changes without making them.
fn show_plan(ui: &Ui, switch: &Switch) -> CommandResult {
    let Switch {
        change, restart, ..
    } = switch;
    let (before, after) = &change.personal;
    let before = before.as_deref().unwrap_or_default();
    for (name, old, new) in [
        (manifest::PERSONAL_FILE, before, after),
        (dotenv::FILE, change.env_before.as_str(), &change.env.text),
    ] {
        if old == new {
            continue;
        }
        ui.data(format_args!("would write {name}"))?;
        for change in TextDiff::from_lines(old, new).iter_all_changes() {
            let line = unmarked(change.value().trim_end());
            match change.tag() {
                ChangeTag::Delete => ui.data(format_args!("{FAIL}-{line}{FAIL:#}"))?,
                ChangeTag::Insert => ui.data(format_args!("{PASS}+{line}{PASS:#}"))?,
                ChangeTag::Equal => {}
            }
        }
    }
    for (what, services) in [
        ("stop", &restart.stop),
        ("start", &restart.start),
        ("make anew", &restart.recreate),
    ] {
        if !services.is_empty() {
            ui.data(format_args!("would {what} {}", services.join(", ")))?;
        }
    }
    if !change.is_any() && *restart == Restart::default() {
        ui.say("nothing to do");
    }
    Ok(Exit::Done)
}
