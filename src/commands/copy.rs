//! `fitout copy`: creates another workspace of the same manifest on this machine, which can run at
//! the same time.

use std::path::PathBuf;
use std::time::Instant;

use crate::error::{CommandResult, Exit};
use crate::ops::copies::make::{self, Copied, Request};
use crate::ops::{Context, Opened, start, sync};
use crate::plural::count;
use crate::shell;
use crate::ui::repos;
use crate::workspace::{Source, preset};

/// Create a copy of this workspace, with its own ports, containers and data
///
/// The workspace's repository and all repos are cloned from this disk, with their current remotes
/// and at the manifest's branches, as of the last fetch; no server is contacted. A repo that is not
/// cloned here is cloned from its remote. Unpushed commits, uncommitted changes and stashes are not
/// copied, but listed. This workspace is not changed.
///
/// The copy can run at the same time as this workspace: its Compose project is named after its
/// folder, and all its ports are shifted by the same offset. See docs/copies.md for details;
/// `fitout copies` lists all copies.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to create the copy, for example next to this workspace: `../vera-2`
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Compose project name of the copy; derived from the folder's name by default
    #[arg(long, value_name = "PROJECT")]
    name: Option<String>,
    /// Offset to add to every published port; by default the first one with all ports free
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    port_offset: Option<u16>,
    /// Also start it, like `fitout up`
    #[arg(long)]
    up: bool,
}

/// Maximum number of ports to list; if there are more, only their number is shown.
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

/// Prints the names and the ports of the copy.
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
        more => ui.say(format_args!("ports    +{offset}: {more} ports")),
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

/// Clones missing repos, and starts the copy if requested.
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
            ui.say(format_args!("cloning {} from its remote: {why}", repo.name));
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
        Exit::Done => ui.hint(format_args!("to start it: cd {folder} && fitout up")),
        _ => ui.hint(format_args!(
            "the copy is complete except for these repos; to continue: cd {folder} && fitout sync"
        )),
    }
    Ok(exit)
}
