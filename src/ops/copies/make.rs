//! Makes one more workspace of the same manifest on this machine, which runs beside the others.
//!
//! The copy is created in a temporary sibling folder and renamed, so that a killed run leaves
//! nothing that looks like a workspace. The original is only read.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use rayon::prelude::*;

use super::{files, folder_name, original, place};
use crate::copies::{self as own, Names, Original};
use crate::docker::Docker;
use crate::doctor::{ports::claimed, variables::Variables};
use crate::error::{Failure, ResultExt as _};
use crate::git::GitError;
use crate::git::local::copy::{Start, copy, copy_submodules};
use crate::git::local::work::{self, What, Work};
use crate::git::staging::{Staging, remove_stale};
use crate::git::{local, url};
use crate::host::workspaces::{Choosing, Known};
use crate::host::{here, interrupt, ports};
use crate::ops::{Context, Opened, copies, generate};
use crate::plural::few;
use crate::sync::Link;
use crate::workspace::{CopyOf, Repo, syntax};

/// What a copy is to be.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Where to make it, as the user wrote it.
    pub folder: PathBuf,
    /// Compose project name of the copy; derived from the folder's name by default.
    pub name: Option<String>,
    /// Offset to add to every published port; by default the first one with all ports free.
    pub port_offset: Option<u16>,
}

/// A copy that is at its place.
pub(crate) struct Copy {
    pub opened: Opened,
    pub repos: Vec<Copied>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// Makes a copy of the workspace.
pub(crate) fn make(context: &Context, opened: &Opened, request: &Request) -> Result<Copy, Failure> {
    let target = place::target(context, opened, &request.folder)?;
    interrupt::listen().context("can't listen for Ctrl-C")?;
    // If the state folder can't be written, concurrent copies are not coordinated.
    let choosing = Choosing::alone();
    let others = copies::all(opened);
    let names = names(request, opened, &target, &others)?;

    if let Some(parent) = target.parent() {
        remove_stale(parent);
    }
    let shown = request.folder.display();
    let staging = Staging::default();
    let staged = staging
        .beside(&target)
        .with_context(|| format!("can't create `{shown}`"))?;
    let made = stage(request, opened, staged.path(), &target, names, &others)?;
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

    Ok(Copy {
        opened: copied,
        repos: made.repos,
        notes: made.notes,
    })
}

/// The result of creating the copy.
struct Made {
    /// Its root is still the temporary folder.
    opened: Opened,
    repos: Vec<Copied>,
    notes: Vec<String>,
}

/// The result for a repo.
pub(crate) struct Copied {
    pub name: String,
    /// Why it has to be cloned from its remote.
    pub missing: Option<String>,
    /// The user's work that is not copied.
    left: Vec<Work>,
    /// Why some submodules are missing.
    submodules: Option<String>,
    /// How a killed run was recovered in the original.
    recovered: Option<String>,
}

fn names(
    request: &Request,
    opened: &Opened,
    target: &Path,
    others: &[Known],
) -> Result<Names, Failure> {
    let first = original(opened, others);
    let original = Original {
        folder: &folder_name(&first.folder),
        project: &first.project,
    };
    let is_taken = |name: &str| others.iter().any(|other| other.project == name);
    let names = match &request.name {
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
        None => own::names(original, &folder_name(target), is_taken),
    };
    let project = &names.project;
    if let Some(other) = others.iter().find(|other| other.project == *project) {
        let error = anyhow!(
            "the Compose project `{project}` is already used by the workspace in {}",
            other.folder.display()
        );
        return Err(Failure::failed(error).hint("choose another name: --name NAME"));
    }
    let found = Docker::default().of_project(project).unwrap_or_default();
    if !found.is_empty() {
        let error = anyhow!(
            "the Compose project `{project}` already exists in Docker: {}",
            few(&found, 1)
        );
        return Err(Failure::failed(error)
            .hint("choose another name: --name NAME")
            .hint(format!(
                "or remove it with its data: docker compose -p {project} down --volumes"
            )));
    }
    Ok(names)
}

/// Creates the copy in the folder `root`, which doesn't exist yet.
fn stage(
    request: &Request,
    opened: &Opened,
    root: &Path,
    target: &Path,
    names: Names,
    others: &[Known],
) -> Result<Made, Failure> {
    files::copy_workspace(opened, root)?;
    let mut own = CopyOf {
        folder: original(opened, others)
            .folder
            .to_string_lossy()
            .into_owned(),
        project: names.project,
        port_offset: 0,
        database_suffix: Some(names.database_suffix),
    };
    let urls = other_urls(opened, target);
    let unmoved = files::write_personal(opened, root, &own, &urls)?;
    own.port_offset = offset(request, &own.folder, &unmoved, others)?;
    let copied = files::write_personal(opened, root, &own, &urls)?;

    let repos = copy_repos(opened, &copied, target);
    if interrupt::requested() {
        return Err(Failure::interrupted().hint("the incomplete copy was removed"));
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

/// Returns repos whose relative URL would resolve differently from the copy's folder, with the URL
/// that it resolves to here.
pub(crate) fn other_urls(opened: &Opened, target: &Path) -> Vec<(String, String)> {
    let repos = opened.personal.repos(&opened.workspace).into_iter();
    repos
        .filter_map(|repo| {
            let here = url::resolve(&opened.root, &repo.url);
            (here != url::resolve(target, &repo.url)).then_some((repo.name, here))
        })
        .collect()
}

/// Returns the port offset of the copy, such that no port is in use now, or by another workspace
/// when that starts.
fn offset(
    request: &Request,
    original: &str,
    unmoved: &Opened,
    others: &[Known],
) -> Result<u16, Failure> {
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
    let Some(offset) = request.port_offset else {
        let siblings = others.iter().filter(|other| {
            let of = other.copy_of.as_deref();
            of == Some(Path::new(original))
        });
        let of_others: Vec<u16> = siblings.map(|sibling| sibling.port_offset).collect();
        return own::free_offset(&ports, &of_others, is_taken).ok_or_else(|| {
            Failure::failed(anyhow!("no port offset makes all ports of the copy free"))
                .hint("try one with --port-offset to see which port is in use")
                .hint("run `fitout copies` to list the ports of the workspaces on this machine")
        });
    };
    let Some(port) = own::taken_with(offset, &ports, is_taken) else {
        return Ok(offset);
    };
    let moved = u32::from(port) + u32::from(offset);
    let why = match u16::try_from(moved).ok() {
        None => "is above the last port, 65535".to_owned(),
        Some(moved) => match of_workspace(moved) {
            Some(other) => format!("belongs to the workspace in {}", other.folder.display()),
            None if is_taken(moved) => "is in use".to_owned(),
            None => "is reserved for the system (below 1024)".to_owned(),
        },
    };
    Err(
        Failure::usage(anyhow!("port {port} + {offset} = {moved} {why}"))
            .hint("without --port-offset, fitout picks a suitable one"),
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

/// Copies the repos. The copy is moved to `target` once it is complete.
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
                    missing: Some("it is not cloned in this workspace".to_owned()),
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
                        "some submodules of {} are missing: {}; to continue: \
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
        // A clone from the remote needs an empty folder.
        std::fs::remove_dir_all(&to)?;
    }
    made?;
    if local::observe(&copied.root, repo).link == Link::Missing {
        local::link(&copied.root, repo)?;
    }
    // If this fails, git shows the clone as untracked, and the next sync reports why.
    let _ = local::exclude(&copied.root, repo);
    Ok(())
}

/// Returns the user's work that is not copied, one sentence per kind.
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
