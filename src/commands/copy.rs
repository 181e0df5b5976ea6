//! `fitout copy`: one more workspace of the same manifest on this machine, which runs beside the
//! others.
//!
//! It is made whole in a folder beside its place and renamed, so that a run that is killed leaves
//! nothing that looks like a workspace. The original is only read.

mod files;
mod place;

pub(super) use files::named_files;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use rayon::prelude::*;

use super::up;
use crate::copies::{self as own, Names, Original};
use crate::docker::Docker;
use crate::doctor::{ports::claimed, variables::Variables};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::GitError;
use crate::git::local::copy::{Start, copy, copy_submodules};
use crate::git::local::work::{self, What, Work};
use crate::git::staging::{Staging, remove_stale};
use crate::git::{local, url};
use crate::host::workspaces::{Choosing, Known};
use crate::host::{here, interrupt, ports};
use crate::ops::{Context, Opened, copies, generate, sync};
use crate::plural::{count, few};
use crate::shell;
use crate::sync::Link;
use crate::ui::repos;
use crate::workspace::{CopyOf, Repo, Source, preset, syntax};

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
pub struct Args {
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

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let begun = Instant::now();
    let opened = context.open()?;
    let target = place::target(context, &opened, &args.folder)?;
    interrupt::listen().context("can't listen for Ctrl-C")?;
    // Where the state folder can't be written, two copies at once are the user's own affair.
    let choosing = Choosing::alone();
    let others = copies::all(&opened);
    let names = names(args, &opened, &target, &others)?;

    if let Some(parent) = target.parent() {
        remove_stale(parent);
    }
    let shown = args.folder.display();
    let staging = Staging::default();
    let staged = staging
        .beside(&target)
        .with_context(|| format!("can't make `{shown}`"))?;
    let made = make(args, &opened, staged.path(), &target, names, &others)?;
    staged
        .move_to(&target)
        .with_context(|| format!("can't move the copy to `{shown}`"))?;
    drop(staging);
    let copied = Opened {
        root: target,
        ..made.opened
    };
    copies::record(context, &copied);
    drop(choosing);

    let number = made.repos.iter().filter(|repo| repo.missing.is_none());
    context.ui.say(format_args!(
        "copied the workspace and {} to {shown} in {:.1} s",
        count(number.count(), "repo"),
        begun.elapsed().as_secs_f64()
    ));
    describe(context, &copied);
    for note in &made.notes {
        context.ui.warn(note);
    }
    finish(context, args, &copied, &made.repos)
}

/// What came of making it.
struct Made {
    /// Its root is still the folder in which it was made.
    opened: Opened,
    repos: Vec<Copied>,
    notes: Vec<String>,
}

/// What came of a repo.
struct Copied {
    name: String,
    /// Why it has to come from its remote.
    missing: Option<String>,
    /// What of the user's stays in the original.
    left: Vec<Work>,
    /// Why its submodules are not all there.
    submodules: Option<String>,
    /// What was done in the original about a run that was killed.
    recovered: Option<String>,
}

fn names(args: &Args, opened: &Opened, target: &Path, others: &[Known]) -> Result<Names, Failure> {
    let first = copies::original(opened, others);
    let original = Original {
        folder: &copies::folder_name(&first.folder),
        project: &first.project,
    };
    let is_taken = |name: &str| others.iter().any(|other| other.project == name);
    let names = match &args.name {
        Some(name) => {
            if let Err(invalid) = syntax::name(name) {
                let failure = Failure::usage(anyhow!("`{name}` {}", invalid.problem));
                return Err(match syntax::fixed_name(name) {
                    Some(fixed) => failure.hint(format!("--name {fixed}")),
                    None => failure,
                });
            }
            own::named(original, name)
        }
        None => own::names(original, &copies::folder_name(target), is_taken),
    };
    let project = &names.project;
    if let Some(other) = others.iter().find(|other| other.project == *project) {
        let error = anyhow!(
            "the workspace in {} is the Compose project `{project}` already",
            other.folder.display()
        );
        return Err(Failure::failed(error).hint("give the copy another one: --name NAME"));
    }
    let found = Docker::default().of_project(project).unwrap_or_default();
    if !found.is_empty() {
        let error = anyhow!(
            "Docker has something of a project `{project}` already: {}",
            few(&found, 1)
        );
        return Err(Failure::failed(error)
            .hint("give the copy another one: --name NAME")
            .hint(format!(
                "or remove what is left of it, its data too: docker compose -p {project} down --volumes"
            )));
    }
    Ok(names)
}

/// Makes the copy in the folder `root`, which is not there yet.
fn make(
    args: &Args,
    opened: &Opened,
    root: &Path,
    target: &Path,
    names: Names,
    others: &[Known],
) -> Result<Made, Failure> {
    files::copy_workspace(opened, root)?;
    let mut own = CopyOf {
        folder: copies::original(opened, others)
            .folder
            .to_string_lossy()
            .into_owned(),
        project: names.project,
        port_offset: 0,
        database_suffix: Some(names.database_suffix),
    };
    let urls = other_urls(opened, target);
    let unmoved = files::write_personal(opened, root, &own, &urls)?;
    own.port_offset = offset(args, &own.folder, &unmoved, others)?;
    let copied = files::write_personal(opened, root, &own, &urls)?;

    let repos = copy_repos(opened, &copied, target);
    if interrupt::requested() {
        return Err(Failure::interrupted().hint("nothing of the copy is left"));
    }
    let carried = files::carry_over(opened, &copied)?;
    generate::complete(&copied)?;
    let mut notes = files::left_behind(opened, root);
    notes.extend(carried);
    notes.extend(repos.iter().filter_map(|repo| repo.recovered.clone()));
    notes.extend(repos.iter().filter_map(|repo| repo.submodules.clone()));
    notes.extend(left_behind(&repos));
    Ok(Made {
        opened: copied,
        repos,
        notes,
    })
}

/// Repos whose relative URL leads elsewhere from the copy's folder, and where it leads from here.
pub(super) fn other_urls(opened: &Opened, target: &Path) -> Vec<(String, String)> {
    let repos = opened.personal.repos(&opened.workspace).into_iter();
    repos
        .filter_map(|repo| {
            let here = url::resolve(&opened.root, &repo.url);
            (here != url::resolve(target, &repo.url)).then_some((repo.name, here))
        })
        .collect()
}

/// What is added to the ports of the copy, so that nobody has them: neither now, nor when another
/// workspace starts.
fn offset(args: &Args, original: &str, unmoved: &Opened, others: &[Known]) -> Result<u16, Failure> {
    let Opened {
        workspace,
        personal,
        ..
    } = unmoved;
    let ports = claimed(workspace, personal, &Variables::default());
    let published: Vec<u16> = Docker::default()
        .containers()
        .unwrap_or_default()
        .into_iter()
        .flat_map(|container| container.ports)
        .map(|port| port.published)
        .collect();
    let of_workspace = |port: u16| others.iter().find(|other| other.ports.contains(&port));
    let is_taken =
        |port: u16| of_workspace(port).is_some() || published.contains(&port) || !is_free(port);
    let Some(offset) = args.port_offset else {
        let siblings = others.iter().filter(|other| {
            let of = other.copy_of.as_deref();
            of == Some(Path::new(original))
        });
        let of_others: Vec<u16> = siblings.map(|sibling| sibling.port_offset).collect();
        return own::free_offset(&ports, &of_others, is_taken).ok_or_else(|| {
            Failure::failed(anyhow!(
                "no number can be added to all ports of the workspace so that each is free"
            ))
            .hint("name one with --port-offset to see which port stands in its way")
            .hint("`fitout copies` shows the ports of the workspaces on this machine")
        });
    };
    let Some(port) = own::taken_with(offset, &ports, is_taken) else {
        return Ok(offset);
    };
    let moved = u32::from(port) + u32::from(offset);
    let why = match u16::try_from(moved).ok() {
        None => "is beyond the last port, 65535".to_owned(),
        Some(moved) => match of_workspace(moved) {
            Some(other) => format!("belongs to the workspace in {}", other.folder.display()),
            None if is_taken(moved) => "is taken".to_owned(),
            None => "is one of the system's own, below 1024".to_owned(),
        },
    };
    Err(
        Failure::usage(anyhow!("port {port} + {offset} = {moved} {why}"))
            .hint("without --port-offset, fitout looks for one that fits"),
    )
}

fn is_free(port: u16) -> bool {
    use std::net::Ipv4Addr;
    [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST]
        .into_iter()
        .all(|address| {
            let found = ports::availability(address.into(), port, crate::workspace::Protocol::Tcp);
            matches!(found, Ok(ports::Availability::Free))
        })
}

/// The repos of the copy, which is put at `target` when it is whole.
fn copy_repos(opened: &Opened, copied: &Opened, target: &Path) -> Vec<Copied> {
    let originals = opened.personal.repos(&opened.workspace);
    let wanted = copied.personal.repos(&copied.workspace);
    wanted
        .par_iter()
        .filter(|repo| !repo.skip && !interrupt::requested())
        .map(|repo| {
            let from = originals.iter().find(|it| it.name == repo.name);
            let recovered = from.map(|from| local::recover(&opened.root, from));
            let from = from.map(|from| local::folder(&opened.root, from));
            let from = from.filter(|from| from.join(".git").exists());
            let Some(from) = from else {
                return Copied {
                    name: repo.name.clone(),
                    missing: Some("it is not cloned here".to_owned()),
                    left: Vec::new(),
                    submodules: None,
                    recovered: None,
                };
            };
            let recovered = recovered.transpose().map(Option::flatten);
            let (recovered, missing) = match recovered {
                Ok(note) => (note, copy_repo(opened, copied, repo, &from).err()),
                Err(error) => (None, Some(error)),
            };
            let recovered = recovered.map(|note| format!("{}: {note}", repo.name));
            let to = local::folder(&copied.root, repo);
            let has_submodules = repo.submodules && to.join(".gitmodules").exists();
            let submodules = has_submodules
                .then(|| copy_submodules(&from, &to, interrupt::flag()).err())
                .flatten();
            Copied {
                name: repo.name.clone(),
                missing: missing.map(|error| error.reason),
                left: work::in_clone(&from),
                submodules: submodules.map(|error| {
                    format!(
                        "the submodules of {} are not all there: {}; to go on: \
                         git -C {} submodule update --init --recursive",
                        repo.name,
                        error.reason,
                        here::typed(&local::folder(target, repo))
                    )
                }),
                recovered,
            }
        })
        .collect()
}

fn copy_repo(opened: &Opened, copied: &Opened, repo: &Repo, from: &Path) -> Result<(), GitError> {
    let to = local::folder(&copied.root, repo);
    local::within(&copied.root, to.strip_prefix(&copied.root).ok())?;
    let made = copy(
        &opened.root,
        from,
        &to,
        Start::Wanted(repo),
        interrupt::flag(),
    );
    if made.is_err() && to.exists() {
        // A clone from the remote needs an empty place.
        std::fs::remove_dir_all(&to)?;
    }
    made?;
    if local::observe(&copied.root, repo).link == Link::Missing {
        local::link(&copied.root, repo)?;
    }
    // Where this fails, git shows the clone, and the next sync says why.
    let _ = local::exclude(&copied.root, repo);
    Ok(())
}

/// What of the user's work is not in the copy, one sentence for each kind.
fn left_behind(repos: &[Copied]) -> Vec<String> {
    let named = |is_one: fn(&What) -> bool| {
        let with = repos
            .iter()
            .filter(|repo| repo.left.iter().any(|work| is_one(&work.what)));
        let names: Vec<&str> = with.map(|repo| repo.name.as_str()).collect();
        names.join(", ")
    };
    let kinds = [
        (
            "uncommitted changes",
            named(|what| matches!(what, What::Staged(_) | What::Changed(_) | What::Hidden(_))),
        ),
        (
            "files that were never committed",
            named(|what| matches!(what, What::Untracked(_))),
        ),
        (
            "commits that are on no remote",
            named(|what| matches!(what, What::Commits { .. })),
        ),
        ("stashes", named(|what| matches!(what, What::Stashes(_)))),
    ];
    kinds
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("not in the copy: {what} of {names}"))
        .collect()
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
        return up::run(&inside, &up::Args::default());
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
