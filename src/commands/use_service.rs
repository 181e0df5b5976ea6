//! `fitout use`: where a backing service runs for this person, in a container or on this machine.

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

/// Run a backing service on this machine, or in a container again
///
/// `fitout use db host` uses the server of this machine in the place of the container, for you alone:
/// the choice goes into workspace.local.toml, and what follows from it into .env. Where the stack is
/// up, the container is stopped or started, and the services whose environment changes are made anew;
/// nothing else is touched, and volumes stay. Without arguments it shows what can be switched.
///
/// Exit status 1 when the server of this machine can't be reached, or a service does not come up; the
/// choice is written all the same.
#[derive(Debug, clap::Args)]
#[command(override_usage = "fitout use [OPTIONS] [SERVICE... host|container]")]
pub(crate) struct Args {
    /// The services, and where they are to run: `host` or `container`
    #[arg(value_name = "SERVICE... host|container")]
    words: Vec<String>,
    /// Write the files, and leave what runs as it is
    #[arg(long)]
    no_restart: bool,
    /// Write nothing and restart nothing; print what would be done
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

/// Where which services are to run; none where nothing is asked for.
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
            .hint(format!("name one or more: {}", names_of(&all))));
    }
    Ok(Some((place, services)))
}

fn no_place(opened: &Opened, last: &str, names: &[String]) -> Failure {
    if let Err(unknown) = opened.require_services(names) {
        return unknown;
    }
    if opened.workspace.service(last).is_some() {
        let all = [names, &[last.to_owned()]].concat().join(" ");
        return Failure::usage(anyhow!("where is `{last}` to run?")).hint(format!(
            "`fitout use {all} host` or `fitout use {all} container`"
        ));
    }
    if names.is_empty()
        && let Err(unknown) = opened.require_services(&[last.to_owned()])
    {
        return unknown;
    }
    let failure = Failure::usage(anyhow!(
        "a service runs on the `host` or in a `container`, not on `{last}`"
    ));
    match closest(last, ["host", "container"]) {
        Some(place) => failure.hint(format!("did you mean `{place}`?")),
        None => failure,
    }
}

fn no_preset(opened: &Opened, service: &Service) -> Failure {
    let name = &service.name;
    let from = match &service.source {
        Source::Build(build) => format!("is built from the repo `{}`", build.repo),
        _ => "is an image of its own".to_owned(),
    };
    let failure = Failure::usage(anyhow!(
        "`{name}` {from}, so it runs in a container; only a preset can run on this machine"
    ));
    let all = presets(opened);
    if all.is_empty() {
        return failure;
    }
    failure.hint(format!("these can: {}", names_of(&all)))
}

fn presets(opened: &Opened) -> Vec<&Service> {
    let services = opened.workspace.services.iter();
    services
        .filter(|service| matches!(service.source, Source::Preset(_)))
        .collect()
}

/// What can be switched, where it runs, and who says so.
fn show(context: &Context, opened: &Opened) -> CommandResult {
    let presets = presets(opened);
    if presets.is_empty() {
        context
            .ui
            .say("no service is a preset, so none can run on this machine");
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
    let mut heading = vec!["service", "preset", "runs on", "as said in"];
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

/// What would be done, as data.
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
