//! `fitout init`: a manifest for a new workspace, made from the clones that are there.
//!
//! Looks and reads; what it found is judged and written by the pure `stack` and `draft`. A manifest
//! that is there is never touched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::dockerfile::{self, Offer, Wanted};
use crate::compose::owner;
use crate::draft::{self, FoundRepo};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::survey::{self, Kind, RemoteBranches};
use crate::git::url;
use crate::host::files::{self, Mode};
use crate::host::{place, tree, workspaces};
use crate::manifest;
use crate::ops::project::project_of_folder;
use crate::ops::{Context, open::decode};
use crate::plural::count;
use crate::shell;
use crate::stack::{self, Files, Runnable};
use crate::ui::Ui;
use crate::ui::style::STRONG;
use crate::ui::table::{Cell, Table};
use crate::workspace::{Workspace, address, syntax};

/// Write a workspace.toml for the git repositories in a folder
///
/// Finds the clones in FOLDER, where each comes from, and what each can be run as: its Dockerfile,
/// its language, its port. What it finds is written into `workspace.toml`, for you to read and
/// change. In an empty folder it writes a commented manifest to start from. A `workspace.toml` that
/// is there is never changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the workspace, which holds the clones; made where it is missing
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// A repo that is not cloned yet; can be given more than once
    #[arg(long = "repo", value_name = "URL")]
    repos: Vec<String>,
    /// Write a `Dockerfile.dev` where a repo has none
    #[arg(long, conflicts_with = "no_dockerfile")]
    dockerfile: bool,
    /// Write no `Dockerfile.dev`, and do not ask
    #[arg(long)]
    no_dockerfile: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Write nothing; print the manifest
    #[arg(long, visible_alias = "stdout")]
    dry_run: bool,
    /// Make a workspace inside the folder of another one
    #[arg(long)]
    nested: bool,
}

/// Branches that teams work from. Any other that is checked out is somebody's work of today, and
/// not for everybody to follow.
const SHARED_BRANCHES: [&str; 9] = [
    "main",
    "master",
    "trunk",
    "develop",
    "development",
    "dev",
    "next",
    "staging",
    "integration",
];

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let root = root(context, args)?;
    refuse_existing(&root, args)?;
    let mut notes = Vec::new();
    let mut found = clones(&root, &mut notes);
    let offers = offers(ui, &root, &mut found, args)?;
    add_urls(&mut found, context, &root, args)?;
    if found.is_empty() {
        notes.extend(elsewhere(context, &root));
    }

    let text = draft::manifest(&project(&root, &mut notes), &found);
    let workspace = decode(&text)?;
    notes.extend(to_fix(&workspace, &found));
    if args.dry_run {
        ui.file(&text)?;
        show(ui, &notes);
        return Ok(Exit::Done);
    }
    if ui.can_prompt() && !args.yes {
        ui.say(format_args!("{text}"));
        match ui.confirm(&format!("Write this to {}?", manifest::FILE)) {
            Some(true) => {}
            Some(false) => {
                ui.say("nothing was written");
                return Ok(Exit::Done);
            }
            None => return Err(Failure::interrupted()),
        }
    }
    fs::create_dir_all(&root).with_context(|| format!("can't make `{}`", root.display()))?;
    files::create_within(&root, manifest::FILE, &text, Mode::Shared)?;
    let file = args.folder.join(manifest::FILE);
    let file = file.strip_prefix(".").unwrap_or(&file).display();
    if found.is_empty() {
        ui.say(format_args!("wrote {file}, with examples in comments"));
    } else {
        let repos = count(workspace.repos.len(), "repo");
        let services = count(workspace.services.len(), "service");
        ui.say(format_args!("wrote {file}: {repos}, {services}"));
    }
    for offer in offers {
        offer.write(ui)?;
    }
    show(ui, &notes);
    next_steps(ui, &workspace);
    Ok(Exit::Done)
}

/// The name of the Compose project: the folder's, unless another workspace has it.
fn project(root: &Path, notes: &mut Vec<Note>) -> String {
    let of_folder = project_of_folder(root);
    let name = if of_folder.is_empty() {
        "workspace".to_owned()
    } else {
        of_folder
    };
    let known = workspaces::known();
    let taken = |name: &str| {
        let mut others = known.iter().filter(|other| other.folder != root);
        others.find(|other| other.project == name)
    };
    let Some(other) = taken(&name) else {
        return name;
    };
    let own = owner::own_name(&name, |name| taken(name).is_some());
    notes.push(note(format!(
        "the workspace in {} is the Compose project `{name}`, so this one is `{own}`",
        other.folder.display()
    )));
    own
}

/// Dockerfiles that are to be written for clones that have none; what they can then be run as.
fn offers(
    ui: &Ui,
    root: &Path,
    found: &mut [FoundRepo],
    args: &Args,
) -> Result<Vec<Offer>, Failure> {
    let mut offers = Vec::new();
    let mut runnables = Vec::new();
    for repo in &mut *found {
        let path = repo.path.as_deref().unwrap_or_default();
        let (of_repo, with_them) = dockerfile::offers(&root.join(path), path);
        offers.extend(of_repo);
        runnables.push(with_them);
    }
    let asks_nothing = args.no_dockerfile || args.yes || args.dry_run;
    let wanted = Wanted::said(args.dockerfile, asks_nothing);
    if !dockerfile::accepts(ui, &offers, wanted)? {
        return Ok(Vec::new());
    }
    for (repo, runnables) in found.iter_mut().zip(runnables) {
        repo.runnables = runnables;
    }
    Ok(offers)
}

/// The folder of the workspace, absolute; it may be missing.
fn root(context: &Context, args: &Args) -> Result<PathBuf, Failure> {
    let folder = context.cwd.join(&args.folder);
    if folder.exists() && !folder.is_dir() {
        let error = anyhow!("`{}` is not a folder", args.folder.display());
        return Err(Failure::usage(error).hint("name the folder that holds the clones"));
    }
    // Of a new folder, only what is above it has a real path.
    Ok(place::resolved(&folder))
}

fn refuse_existing(root: &Path, args: &Args) -> Result<(), Failure> {
    let file = root.join(manifest::FILE);
    if file.symlink_metadata().is_ok() {
        let error = anyhow!("`{}` is already there", file.display());
        return Err(Failure::usage(error)
            .hint("to add a repo to it, run `fitout add URL`")
            .hint("to set up what it says, run `fitout up`"));
    }
    let above = root
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(manifest::FILE).is_file());
    match above {
        Some(above) if !args.nested => {
            let folder = match args.folder.as_os_str().as_encoded_bytes() {
                b"." => "this".to_owned(),
                _ => format!("`{}`", args.folder.display()),
            };
            let error = anyhow!(
                "{folder} is inside another workspace, the one of `{}`",
                above.join(manifest::FILE).display()
            );
            Err(Failure::usage(error)
                .hint("to add a repo to that one, run `fitout add URL`")
                .hint("to make one inside it all the same, run `fitout init --nested`"))
        }
        _ => Ok(()),
    }
}

/// What can be said of a repo that is not in the manifest, or of one that is.
struct Note {
    text: String,
    hint: Option<String>,
}

fn note(text: String) -> Note {
    Note { text, hint: None }
}

fn show(ui: &Ui, notes: &[Note]) {
    for note in notes {
        ui.warn(&note.text);
        if let Some(hint) = &note.hint {
            ui.hint(hint);
        }
    }
}

/// The clones in the folder that a manifest can name; the others become notes.
fn clones(root: &Path, notes: &mut Vec<Note>) -> Vec<FoundRepo> {
    let mut clones = Vec::new();
    for survey::Found { path, kind } in survey::repositories(root, stack::is_ignored) {
        match kind {
            Kind::Clone {
                url,
                branch,
                remote,
            } => {
                let branch = shared_branch(&path, branch, remote, notes);
                clones.push(FoundRepo {
                    url: draft::portable_url(&url, &root.to_string_lossy()),
                    branch,
                    runnables: runnables(&root.join(&path)),
                    path: Some(path),
                });
            }
            Kind::NoRemote => notes.push(Note {
                text: format!(
                    "`{path}` is left out: it has no remote that it could be cloned from"
                ),
                hint: Some(format!(
                    "`git -C {0} remote add origin URL`, then `fitout add {0}`",
                    shell::path(&path)
                )),
            }),
            Kind::Linked => notes.push(note(format!(
                "`{path}` is left out: it is a submodule, or a work tree of another clone"
            ))),
            Kind::Broken(why) => notes.push(note(format!(
                "`{path}` is left out: git can't read it: {why}"
            ))),
        }
    }
    clones
}

/// The branch to follow: the one that is checked out, where a team works from it and it is not what
/// the remote gives anyway.
fn shared_branch(
    path: &str,
    current: Option<String>,
    remote: Option<RemoteBranches>,
    notes: &mut Vec<Note>,
) -> Option<String> {
    let (current, remote) = (current?, remote?);
    if current == remote.default {
        return None;
    }
    if remote.has_current && SHARED_BRANCHES.contains(&current.as_str()) {
        return Some(current);
    }
    notes.push(note(format!(
        "`{path}` is on `{current}`; the manifest follows the remote's default branch, `{}`",
        remote.default
    )));
    None
}

/// What a clone can be run as.
pub(super) fn runnables(clone: &Path) -> Vec<Runnable> {
    stack::runnables(&look_into(clone))
}

pub(super) fn look_into(folder: &Path) -> Files {
    // One more for what a folder that deep holds, such as `cmd/api/main.go`.
    tree::files(folder, stack::DEPTH + 1, &stack::IGNORED, stack::is_read)
        .into_iter()
        .collect()
}

/// Adds the addresses of the command line to what was found.
fn add_urls(
    found: &mut Vec<FoundRepo>,
    context: &Context,
    root: &Path,
    args: &Args,
) -> Result<(), Failure> {
    for given in &args.repos {
        let url = address(given, &context.cwd, root)?;
        let known =
            |repo: &FoundRepo| url::same(&url::resolve(root, &repo.url), &url::resolve(root, &url));
        if !found.iter().any(known) {
            found.push(FoundRepo {
                path: None,
                url,
                branch: None,
                runnables: Vec::new(),
            });
        }
    }
    Ok(())
}

/// An address from the command line as it belongs into the manifest: a relative path starts at the
/// workspace's folder there, and at the user's here.
pub(super) fn address(given: &str, cwd: &Path, root: &Path) -> Result<String, Failure> {
    let valid = address::check(given).is_ok() && given.contains(['/', ':']);
    if !valid {
        let error = anyhow!("`{given}` is no address of a git repository");
        return Err(Failure::usage(error).hint(
            "write it as for `git clone`: `git@github.com:acme/api.git`, or `./api` for a folder",
        ));
    }
    let absolute = url::resolve(cwd, given);
    Ok(draft::portable_url(&absolute, &root.to_string_lossy()))
}

/// What `up` would stop at.
fn to_fix(workspace: &Workspace, found: &[FoundRepo]) -> Vec<Note> {
    let mut notes = Vec::new();
    for repo in &workspace.repos {
        if Path::new(&repo.url).is_absolute() || repo.url.starts_with("file:///") {
            notes.push(Note {
                text: format!("`repos.{}` comes from a folder of this machine", repo.name),
                hint: Some("write an address that your colleagues can clone from".to_owned()),
            });
        }
    }
    let missing = found
        .iter()
        .flat_map(|repo| {
            let folder = repo.path.as_deref().unwrap_or_default();
            let without = repo.runnables.iter().filter(|it| it.dockerfile.is_none());
            without.map(move |it| syntax::join(folder, &it.context))
        })
        .collect::<Vec<_>>();
    for folder in missing {
        notes.push(Note {
            text: format!("still to be written: `{folder}/Dockerfile.dev`"),
            hint: Some(dockerfile::command_for(&folder)),
        });
    }
    notes
}

/// Where the clones may be when there is none here.
fn elsewhere(context: &Context, root: &Path) -> Option<Note> {
    let parent = root.parent()?;
    let beside = survey::repositories(parent, stack::is_ignored)
        .into_iter()
        .filter(|found| !found.path.contains('/') && parent.join(&found.path) != root)
        .count();
    let is_source = root.join(".git").exists() && !stack::detect(&look_into(root)).is_empty();
    let text = if is_source {
        "this folder is the source of one service; a workspace is the folder above, which holds several"
            .to_owned()
    } else if beside > 0 {
        format!(
            "there is no clone in this folder, but {} beside it; a workspace holds its clones",
            count(beside, "git repo")
        )
    } else {
        return None;
    };
    let there = if root == context.cwd {
        "..".to_owned()
    } else {
        shell::path(parent)
    };
    Some(Note {
        text,
        hint: Some(format!(
            "to make the workspace there, run `fitout init {there}`"
        )),
    })
}

fn next_steps(ui: &Ui, workspace: &Workspace) {
    let mut table = Table::default();
    let mut step = |command: &str, effect: &str| {
        let command = Cell::styled(format!("  {command}"), STRONG);
        table.push(vec![command, effect.into()]);
    };
    if workspace.repos.is_empty() {
        step(
            "fitout add URL",
            "clone a repo, and write what it can be run as",
        );
    } else {
        step("fitout add URL", "one more repo");
        step(
            "fitout up",
            "check this machine, clone, generate, start, wait until healthy",
        );
    }
    ui.say(format_args!("\nTry next:\n{table}"));
}
