//! `fitout use`: where a backing service runs for this person, in a container or on this machine.
//!
//! Everything is worked out before anything is written: the two files, and what the running stack
//! has to do about them. Compose itself says whose configuration is another one with the new `.env`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use similar::{ChangeTag, TextDiff};

use super::doctor::{Depth, Examination};
use super::generate::{self, PlannedFile};
use super::project::Project;
use super::{Context, Opened, read, up};
use crate::docker::{Compose, Docker};
use crate::doctor::check::Status;
use crate::doctor::finding::Origin;
use crate::doctor::select::Selection;
use crate::doctor::variables::Variables;
use crate::doctor::{probes, started::started};
use crate::dotenv;
use crate::error::{CommandResult, Exit, Failure};
use crate::host::files::{self, Mode};
use crate::host::interrupt;
use crate::manifest::edit::{NotEditable, Section, value};
use crate::manifest::{self, report::closest};
use crate::running::{self, Condition, Row, ServiceState};
use crate::ui::Ui;
use crate::ui::style::{FAIL, PASS};
use crate::ui::table::Table;
use crate::workspace::syntax::variable_prefix;
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
pub struct Args {
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

/// A personal file that is new begins with this.
const PREAMBLE: &str = "\
# One person's choices on one machine; never committed. They go over what workspace.toml says.
";

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let Some((place, services)) = wanted(&opened, &args.words)? else {
        return show(context, &opened);
    };
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let change = Change::of(&opened, &services, place)?;
    let restart = if args.no_restart {
        Restart::default()
    } else {
        Restart::of(context, &opened, &change, &services)?
    };
    if args.dry_run {
        return change.show(&context.ui, &restart);
    }
    change.write(&context.ui, &opened.root)?;
    if !change.is_any() {
        say_unchanged(&context.ui, &services, place);
    }
    warn_of_contradictions(&context.ui, &change.after, &services, place)?;
    if args.no_restart {
        return Ok(Exit::Done);
    }
    let switched = Switched {
        context,
        opened: Arc::new(change.after),
        services,
        place,
    };
    switched.apply(&restart)
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
    up::reject_unknown(opened, names)?;
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
    if let Err(unknown) = up::reject_unknown(opened, names) {
        return unknown;
    }
    if opened.workspace.service(last).is_some() {
        let all = [names, &[last.to_owned()]].concat().join(" ");
        return Failure::usage(anyhow!("where is `{last}` to run?")).hint(format!(
            "`fitout use {all} host` or `fitout use {all} container`"
        ));
    }
    if names.is_empty()
        && let Err(unknown) = up::reject_unknown(opened, &[last.to_owned()])
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

fn names_of(services: &[&Service]) -> String {
    let names: Vec<&str> = services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    names.join(", ")
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
            word(opened.personal.runs_on(service)).into(),
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

fn word(place: RunsOn) -> &'static str {
    match place {
        RunsOn::Container => "container",
        RunsOn::Host => "host",
    }
}

/// What is written.
struct Change {
    /// The workspace as it is afterwards.
    after: Opened,
    /// The personal file as it was, and as it should be.
    personal: (Option<String>, String),
    env: PlannedFile,
    /// `.env` as it was.
    env_before: String,
}

impl Change {
    fn of(opened: &Opened, services: &[&Service], place: RunsOn) -> Result<Self, Failure> {
        let before = read(&opened.root, manifest::PERSONAL_FILE)?;
        let mut text = before.clone().unwrap_or_default();
        for service in services {
            text = with_choice(&text, service, place)?;
        }
        if before.is_none() && !text.is_empty() {
            text = format!("{PREAMBLE}\n{text}");
        }
        let after = opened.with_personal(text.clone())?;
        let plan = generate::plan(&after)?;
        let mut files = plan.files.into_iter();
        let env = files
            .find(|file| file.name == dotenv::FILE)
            .context("generate plans no `.env`")?;
        Ok(Change {
            env_before: files::read(&opened.root.join(dotenv::FILE))?.unwrap_or_default(),
            personal: (before, text),
            after,
            env,
        })
    }

    fn changes_personal(&self) -> bool {
        let (before, after) = &self.personal;
        before.as_deref().unwrap_or_default() != after
    }

    fn is_any(&self) -> bool {
        self.changes_personal() || self.env.change.is_some()
    }

    fn write(&self, ui: &Ui, root: &std::path::Path) -> Result<(), Failure> {
        if self.changes_personal() {
            let (before, after) = &self.personal;
            let path = root.join(manifest::PERSONAL_FILE);
            files::write(&path, after, Mode::Shared)?;
            let verb = if before.is_some() { "updated" } else { "wrote" };
            ui.say(format_args!("{verb} {}", manifest::PERSONAL_FILE));
        }
        self.env.write(ui, root)
    }

    /// What would be done, as data.
    fn show(&self, ui: &Ui, restart: &Restart) -> CommandResult {
        let (before, after) = &self.personal;
        let before = before.as_deref().unwrap_or_default();
        for (name, old, new) in [
            (manifest::PERSONAL_FILE, before, after),
            (dotenv::FILE, self.env_before.as_str(), &self.env.text),
        ] {
            if old == new {
                continue;
            }
            ui.data(format_args!("would write {name}"))?;
            for change in TextDiff::from_lines(old, new).iter_all_changes() {
                let line = change.value().trim_end();
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
        if !self.is_any() && *restart == Restart::default() {
            ui.say("nothing to do");
        }
        Ok(Exit::Done)
    }
}

/// The personal file with the choice. The manifest's own choice needs no word in it, and follows the
/// team when it changes its mind; a line that holds a comment stays, with the value.
fn with_choice(text: &str, service: &Service, place: RunsOn) -> Result<String, Failure> {
    let key = value::Place {
        section: Section::Services,
        entry: &service.name,
        key: "runs_on",
    };
    let by_hand = |error: NotEditable| {
        let error = anyhow::Error::new(error);
        Failure::usage(error.context(format!("can't edit {}", manifest::PERSONAL_FILE))).hint(
            format!(
                "edit it yourself:\n\n[services.{}]\n{} = \"{}\"",
                key.entry,
                key.key,
                word(place)
            ),
        )
    };
    if place == service.runs_on
        && let Some(without) = value::unset(text, key).map_err(by_hand)?
    {
        return Ok(without);
    }
    value::set(text, key, word(place)).map_err(by_hand)
}

fn say_unchanged(ui: &Ui, services: &[&Service], place: RunsOn) {
    let verb = if services.len() == 1 { "runs" } else { "run" };
    let place = match place {
        RunsOn::Host => "on this machine",
        RunsOn::Container => "in a container",
    };
    ui.say(format_args!(
        "{} {verb} {place} already; no file was changed",
        names_of(services)
    ));
}

/// What someone has set outside of the block of `.env`, or in the shell, goes over the choice.
fn warn_of_contradictions(
    ui: &Ui,
    opened: &Opened,
    services: &[&Service],
    place: RunsOn,
) -> Result<(), Failure> {
    let variables = probes::variables(&opened.root).context("can't read `.env`")?;
    for service in services {
        for (name, origin) in contradictions(service, place, &variables) {
            let (set, remedy) = match origin {
                Origin::Shell => ("in the shell", format!("unset {name}")),
                Origin::EnvFile => (
                    "in .env, outside of fitout's block",
                    format!("take `{name}` out of .env, then run `fitout generate`"),
                ),
            };
            ui.warn(format_args!(
                "`{name}` is set {set}, and goes over this choice for `{}`",
                service.name
            ));
            ui.hint(remedy);
        }
    }
    Ok(())
}

fn contradictions(
    service: &Service,
    place: RunsOn,
    variables: &Variables,
) -> Vec<(String, Origin)> {
    let prefix = variable_prefix(&service.name);
    let mut found = Vec::new();
    let containers = format!("{prefix}_CONTAINERS");
    if let Some((count, origin)) = variables.get_filled(&containers)
        && (count == "0") != (place == RunsOn::Host)
    {
        found.push((containers, origin));
    }
    if let (RunsOn::Container, Source::Preset(preset)) = (place, &service.source) {
        let in_container = [
            (format!("{prefix}_HOST"), service.name.clone()),
            (format!("{prefix}_PORT"), preset.port.to_string()),
        ];
        for (name, own) in in_container {
            if let Some((value, origin)) = variables.get_filled(&name)
                && value != own
            {
                found.push((name, origin));
            }
        }
    }
    found
}

/// What the running stack has to do.
#[derive(Default, PartialEq)]
struct Restart {
    /// Switched services whose containers go.
    stop: Vec<String>,
    /// Switched services that get a container.
    start: Vec<String>,
    /// Services that run, or jobs that have run, with another environment.
    recreate: Vec<String>,
}

impl Restart {
    /// Nothing where nothing runs, or Docker does not say what does: then the files are all.
    fn of(
        context: &Context,
        opened: &Opened,
        change: &Change,
        services: &[&Service],
    ) -> Result<Self, Failure> {
        if !opened.root.join(crate::compose::FILE).exists() {
            return Ok(Restart::default());
        }
        let project = Project::new(context, opened);
        let compose = match project.to_read() {
            Ok(compose) => compose,
            Err(failure) => {
                context.ui.warn(format_args!(
                    "{:#}, so what may run is left as it is",
                    failure.error
                ));
                return Ok(Restart::default());
            }
        };
        let states = compose.clone().services();
        let states = states.context("can't ask which services run")?;
        if !states.iter().any(is_up) {
            return Ok(Restart::default());
        }
        let [before, after] =
            [&change.env_before, &change.env.text].map(|text| hashes(&compose, text));
        let (before, after) = (before?, after?);
        let is_switched = |name: &str| services.iter().any(|service| service.name == name);
        let mut restart = Restart::default();
        for (name, hash) in &after {
            let mut of_service = states.iter().filter(|state| state.service == *name);
            let is_other = before.get(name) != Some(hash);
            if is_other
                && !is_switched(name)
                && of_service.any(|state| is_up(state) || is_done(state))
            {
                restart.recreate.push(name.clone());
            }
        }
        let variables = Variables::new([], &change.env.text);
        let after = &change.after;
        let started = started(&after.workspace, &after.personal, &variables, &[]);
        for service in services {
            let name = &service.name;
            let mut of_service = states.iter().filter(|state| state.service == *name);
            match after.personal.runs_on(service) {
                RunsOn::Host if of_service.next().is_some() => restart.stop.push(name.clone()),
                RunsOn::Container
                    if !of_service.any(is_up) && started.iter().any(|it| it.name == *name) =>
                {
                    restart.start.push(name.clone());
                }
                _ => {}
            }
        }
        Ok(restart)
    }
}

fn is_up(state: &ServiceState) -> bool {
    matches!(state.state.as_str(), "running" | "restarting" | "paused")
}

/// A job's work is to be done on the other server too.
fn is_done(state: &ServiceState) -> bool {
    state.state == "exited" && state.exit_code == 0
}

fn hashes(compose: &Compose, env: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut file = tempfile::NamedTempFile::new().context("can't make a temporary file")?;
    file.write_all(env.as_bytes())
        .context("can't write a temporary file")?;
    let hashes = compose.hashes(file.path());
    Ok(hashes.context("can't ask what changes in which service")?)
}

/// The files are written; what runs is still as it was.
struct Switched<'a> {
    context: &'a Context,
    opened: Arc<Opened>,
    services: Vec<&'a Service>,
    place: RunsOn,
}

impl Switched<'_> {
    fn apply(&self, restart: &Restart) -> CommandResult {
        let Restart {
            stop,
            start,
            recreate,
        } = restart;
        // A container that goes frees the port that the server of this machine listens on.
        self.compose_up(&["--no-deps"], stop)?;
        self.compose_up(&["--wait", "--no-recreate"], start)?;
        if self.place == RunsOn::Host
            && let Some(why) = self.unreachable()?
        {
            // What asks it can't work there yet, and stays as it is.
            let verb = if self.services.len() == 1 {
                "is"
            } else {
                "are"
            };
            return Err(Failure::failed(anyhow!(
                "the choice is written, and {} {verb} not within reach of containers yet\n\n{why}",
                names_of(&self.services)
            ))
            .hint("`fitout doctor --deep --only host` looks again")
            .hint("then `fitout up` brings the services over that use it"));
        }
        self.compose_up(&["--wait", "--no-deps"], recreate)?;
        let broken = self.show_state(&[start.as_slice(), recreate].concat())?;
        match broken.first() {
            None => Ok(Exit::Done),
            Some(first) => Err(Failure::failed(anyhow!("{} not up", broken.join(", ")))
                .hint(format!("fitout logs {first}"))),
        }
    }

    fn compose_up(&self, how: &[&str], services: &[String]) -> Result<(), Failure> {
        if services.is_empty() {
            return Ok(());
        }
        let status = Docker::default()
            .compose(&self.opened.root)
            .args(["up", "--detach"])
            .args(how)
            .args(services)
            .pass_through()
            .context("can't restart the services")?;
        if interrupt::requested() {
            return Err(Failure::interrupted()
                .hint("the choice is written; `fitout up` brings the stack in line with it"));
        }
        // What did not come up is shown, with its state, after the rest is done.
        if !status.success() && !how.contains(&"--wait") {
            return Err(Failure::failed(anyhow!(
                "the choice is written, and Compose can't restart {}",
                services.join(", ")
            ))
            .hint("its own words are above; `fitout up` goes on from here"));
        }
        Ok(())
    }

    /// Why containers don't reach what runs on this machine now, with the remedy.
    fn unreachable(&self) -> Result<Option<String>, Failure> {
        let depth = match Docker::default().engine() {
            Ok(_) => Depth::Deep,
            Err(_) => Depth::Shallow,
        };
        let only = self.services.iter();
        let selection = Selection {
            only: only
                .map(|service| format!("host.{}", service.name))
                .collect(),
            skip: Vec::new(),
        };
        let report = Examination::of(Some(Arc::clone(&self.opened)), depth)?.run(&selection);
        if interrupt::requested() {
            return Err(Failure::interrupted());
        }
        for checked in &report.checked {
            if checked.outcome.status == Status::Pass {
                self.context.ui.say(&checked.outcome.found);
            }
        }
        Ok(report.has_failures().then(|| report.blocking_text()))
    }

    /// A row for each service that was started; the names of those that are not up.
    fn show_state(&self, changed: &[String]) -> Result<Vec<String>, Failure> {
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let states = Docker::default().compose(&self.opened.root).services();
        let states = states.context("can't ask which services run")?;
        let rows = running::rows(&self.opened.workspace, &self.opened.personal, &states);
        let is_shown = |row: &Row| {
            changed.contains(&row.service)
                || self
                    .services
                    .iter()
                    .any(|service| service.name == row.service)
        };
        let rows: Vec<Row> = rows.into_iter().filter(is_shown).collect();
        self.context.ui.data(up::table(&rows))?;
        let broken = rows
            .iter()
            .filter(|row| matches!(row.condition, Condition::Broken | Condition::Stopped));
        Ok(broken.map(|row| row.service.clone()).collect())
    }
}
