//! `fitout copy`: one more workspace of the same manifest on this machine, which runs beside the
//! others.

use std::path::PathBuf;
use std::time::Instant;

use crate::error::{CommandResult, Exit};
use crate::ops::copies::make::{self, Copied, Request};
use crate::ops::{Context, Opened, start, sync};
use crate::plural::count;
use crate::shell;
use crate::ui::repos;
use crate::workspace::{Source, preset};

/// Make one more workspace of this one, with ports, containers and data of its own
///
/// The workspace's repository and all repos are cloned from what is on this disk, with the remotes
/// that they have here and on the manifest's branches, as of the last fetch: no server is asked. A
/// repo that is not here is cloned from its remote. Commits that were never pushed, uncommitted
/// changes and stashes stay here, and are named; nothing here is changed.
///
/// The copy runs beside this workspace: its Compose project is named after its folder, and all its
/// ports are moved by one number. docs/copies.md says more; `fitout copies` lists all copies.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to make it, beside this workspace for example: `../vera-2`
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Its Compose project; made from the name of the folder where not given
    #[arg(long, value_name = "PROJECT")]
    name: Option<String>,
    /// What to add to every published port; the first number that fits where not given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    port_offset: Option<u16>,
    /// Start it as well, as `fitout up` does
    #[arg(long)]
    up: bool,
}

/// Ports that are named one by one; of more, only their number is said.
const MOST_NAMED: usize = 12;

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let begun = Instant::now();
    let request = Request {
        folder: args.folder.clone(),
        name: args.name.clone(),
        port_offset: args.port_offset,
    };
    let made = make::make(context, &context.open()?, &request)?;
    let number = made.repos.iter().filter(|repo| repo.missing.is_none());
    context.ui.say(format_args!(
        "copied the workspace and {} to {} in {:.1} s",
        count(number.count(), "repo"),
        args.folder.display(),
        begun.elapsed().as_secs_f64()
    ));
    describe(context, &made.opened);
    for note in &made.notes {
        context.ui.warn(note);
    }
    finish(context, args, &made.opened, &made.repos)
}

/// Its names and its ports.
fn describe(context: &Context, copied: &Opened) {
    let ui = &context.ui;
    let Some(own) = &copied.personal.copy else {
        return;
    };
    ui.say(format_args!("project  {}", own.project));
    let services = copied.workspace.services.iter();
    let ports: Vec<String> = services
        .flat_map(|service| {
            let ports = service.ports.iter();
            ports.filter_map(|port| {
                let number = copied.personal.published(&service.name, port)?;
                Some(format!("{} {number}", service.name))
            })
        })
        .collect();
    let offset = own.port_offset;
    match ports.len() {
        0 => {}
        1..=MOST_NAMED => ui.say(format_args!("ports    +{offset}: {}", ports.join(", "))),
        more => ui.say(format_args!("ports    +{offset}: {more} of them")),
    }
    for service in &copied.workspace.services {
        let (Some(database), Source::Preset(preset)) =
            (copied.personal.database(service), &service.source)
        else {
            continue;
        };
        ui.say(format_args!(
            "`{}` runs on this machine; the copy uses the database `{database}` there",
            service.name
        ));
        let create = preset::find(&preset.name)
            .and_then(|preset| preset.init.as_ref())
            .and_then(|init| init.create_database.as_ref());
        if let Some(create) = create {
            let statement = create.replace("{database}", &database);
            ui.hint(format_args!("to create it, run there: {statement}"));
        }
    }
}

/// Gets what was not here, and starts the copy when that was asked for.
fn finish(context: &Context, args: &Args, copied: &Opened, repos: &[Copied]) -> CommandResult {
    let ui = &context.ui;
    let inside = Context {
        cwd: copied.root.clone(),
        ..context.clone()
    };
    let mut exit = Exit::Done;
    let missing: Vec<&Copied> = repos.iter().filter(|repo| repo.missing.is_some()).collect();
    if !missing.is_empty() {
        for repo in &missing {
            let why = repo.missing.as_deref().unwrap_or_default();
            ui.say(format_args!("{} comes from its remote: {why}", repo.name));
        }
        let options = sync::Options {
            repos: missing.iter().map(|repo| repo.name.clone()).collect(),
            ..sync::Options::default()
        };
        let synced = sync::sync(&inside, copied, &options)?;
        repos::print(&inside.ui, &synced)?;
        exit = synced.exit();
    }
    if args.up && exit != Exit::Interrupted {
        return start::start(&inside, inside.open()?, &start::Request::default());
    }
    let folder = shell::path(&args.folder);
    match exit {
        Exit::Done => ui.hint(format_args!(
            "to start it beside this one: cd {folder} && fitout up"
        )),
        _ => ui.hint(format_args!(
            "the copy is whole but for these repos; to go on: cd {folder} && fitout sync"
        )),
    }
    Ok(exit)
}
