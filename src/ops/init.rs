//! A manifest for a new workspace, made from the clones that are there.
//!
//! Only reads; the pure modules `stack` and `draft` interpret and format the result. An existing
//! manifest is never changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Context;
use super::detect::{look_into, runnables};
use super::dockerfiles::{self, Offer, Wanted};
use super::edit::address;
use super::open::decode;
use super::project::project_of_folder;
use crate::compose::owner;
use crate::draft::{self, FoundRepo};
use crate::error::{Failure, ResultExt as _};
use crate::git::survey::{self, Kind, RemoteBranches};
use crate::git::url;
use crate::host::files::{self, Mode};
use crate::host::{place, workspaces};
use crate::manifest;
use crate::plural::count;
use crate::shell;
use crate::stack;
use crate::ui::Ui;
use crate::workspace::{Workspace, syntax};

/// Branches that teams usually work on. Any other branch that is checked out is someone's current
/// work, and not meant for everyone to follow.
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

/// What the new workspace is to be.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its folder, as the user wrote it; made where it is missing.
    pub folder: PathBuf,
    /// Addresses of repos that are not cloned yet.
    pub repos: Vec<String>,
    /// Whether a `Dockerfile.dev` is written where a repo has none.
    pub dockerfiles: Wanted,
    /// Whether it may be inside of another workspace.
    pub nested: bool,
}

/// A manifest that is not written yet.
pub(crate) struct Draft {
    root: PathBuf,
    pub text: String,
    pub workspace: Workspace,
    pub notes: Vec<Note>,
    /// Whether it has nothing but examples.
    pub is_empty: bool,
    offers: Vec<Offer>,
}

impl Draft {
    /// Of what is in the folder.
    pub(crate) fn of(context: &Context, request: &Request) -> Result<Self, Failure> {
        let root = root(context, request)?;
        refuse_existing(&root, request)?;
        let mut notes = Vec::new();
        let mut found = clones(&root, &mut notes);
        let offers = offers(&context.ui, &root, &mut found, request)?;
        add_urls(&mut found, context, &root, request)?;
        if found.is_empty() {
            notes.extend(elsewhere(context, &root));
        }

        let text = draft::manifest(&project(&root, &mut notes), &found);
        let workspace = decode(&text)?;
        notes.extend(to_fix(&workspace, &found));
        Ok(Draft {
            root,
            text,
            workspace,
            notes,
            is_empty: found.is_empty(),
            offers,
        })
    }

    /// Writes the manifest, if there is none.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let root = &self.root;
        fs::create_dir_all(root).with_context(|| format!("can't create `{}`", root.display()))?;
        Ok(files::create_within(
            root,
            manifest::FILE,
            &self.text,
            Mode::Shared,
        )?)
    }

    /// Writes the Dockerfiles that were accepted.
    pub(crate) fn write_dockerfiles(&self, ui: &Ui) -> Result<(), Failure> {
        self.offers.iter().try_for_each(|offer| offer.write(ui))
    }
}

/// Returns the name of the Compose project: the folder's, unless another workspace uses it.
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
        "the workspace in {} already uses the Compose project `{name}`; using `{own}` for this one",
        other.folder.display()
    )));
    own
}

/// Returns the Dockerfiles to write for clones that have none, and adds the services that they can
/// then run as.
fn offers(
    ui: &Ui,
    root: &Path,
    found: &mut [FoundRepo],
    request: &Request,
) -> Result<Vec<Offer>, Failure> {
    let mut offers = Vec::new();
    let mut runnables = Vec::new();
    for repo in &mut *found {
        let path = repo.path.as_deref().unwrap_or_default();
        let (of_repo, with_them) = dockerfiles::offers(&root.join(path), path);
        offers.extend(of_repo);
        runnables.push(with_them);
    }
    if !dockerfiles::accepts(ui, &offers, request.dockerfiles)? {
        return Ok(Vec::new());
    }
    for (repo, runnables) in found.iter_mut().zip(runnables) {
        repo.runnables = runnables;
    }
    Ok(offers)
}

/// Returns the folder of the workspace, absolute; it may not exist yet.
fn root(context: &Context, request: &Request) -> Result<PathBuf, Failure> {
    let folder = context.cwd.join(&request.folder);
    if folder.exists() && !folder.is_dir() {
        let error = anyhow!("`{}` is not a folder", request.folder.display());
        return Err(Failure::usage(error).hint("use the folder that contains the clones"));
    }
    // If the folder is new, only its parent has a real path.
    Ok(place::resolved(&folder))
}

fn refuse_existing(root: &Path, request: &Request) -> Result<(), Failure> {
    let file = root.join(manifest::FILE);
    if file.symlink_metadata().is_ok() {
        let error = anyhow!("`{}` already exists", file.display());
        return Err(Failure::usage(error)
            .hint("to add a repo to it, run `fitout add URL`")
            .hint("to set it up, run `fitout up`"));
    }
    let above = root
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(manifest::FILE).is_file());
    match above {
        Some(above) if !request.nested => {
            let folder = match request.folder.as_os_str().as_encoded_bytes() {
                b"." => "this".to_owned(),
                _ => format!("`{}`", request.folder.display()),
            };
            let error = anyhow!(
                "{folder} is inside another workspace, `{}`",
                above.join(manifest::FILE).display()
            );
            Err(Failure::usage(error)
                .hint("to add a repo to that one, run `fitout add URL`")
                .hint("to create a nested workspace anyway, run `fitout init --nested`"))
        }
        _ => Ok(()),
    }
}

/// A note about a repo, whether it is in the manifest or not.
pub(crate) struct Note {
    pub text: String,
    pub hint: Option<String>,
}

fn note(text: String) -> Note {
    Note { text, hint: None }
}

/// Returns the clones in the folder that can be added to a manifest; the others become notes.
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
                text: format!("skipped `{path}`: it has no remote to clone from"),
                hint: Some(format!(
                    "`git -C {0} remote add origin URL`, then `fitout add {0}`",
                    shell::path(&path)
                )),
            }),
            Kind::Linked => notes.push(note(format!(
                "skipped `{path}`: it is a submodule, or a linked work tree of another clone"
            ))),
            Kind::Broken(why) => {
                notes.push(note(format!("skipped `{path}`: git can't read it: {why}")));
            }
        }
    }
    clones
}

/// Returns the branch to follow: the one that is checked out, if teams usually work on it and it is
/// not the remote's default branch.
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

/// Adds the URLs from the command line to the detected repos.
fn add_urls(
    found: &mut Vec<FoundRepo>,
    context: &Context,
    root: &Path,
    request: &Request,
) -> Result<(), Failure> {
    for given in &request.repos {
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

/// Returns notes about problems that `up` would report.
fn to_fix(workspace: &Workspace, found: &[FoundRepo]) -> Vec<Note> {
    let mut notes = Vec::new();
    for repo in &workspace.repos {
        if Path::new(&repo.url).is_absolute() || repo.url.starts_with("file:///") {
            notes.push(Note {
                text: format!(
                    "the remote of `repos.{}` is a folder on this machine",
                    repo.name
                ),
                hint: Some("use a URL that your colleagues can clone from".to_owned()),
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
            text: format!("`{folder}/Dockerfile.dev` doesn't exist yet"),
            hint: Some(dockerfiles::command_for(&folder)),
        });
    }
    notes
}

/// Suggests where the clones may be if there are none here.
fn elsewhere(context: &Context, root: &Path) -> Option<Note> {
    let parent = root.parent()?;
    let beside = survey::repositories(parent, stack::is_ignored)
        .into_iter()
        .filter(|found| !found.path.contains('/') && parent.join(&found.path) != root)
        .count();
    let is_source = root.join(".git").exists() && !stack::detect(&look_into(root)).is_empty();
    let text = if is_source {
        "this folder is the source of one service; a workspace is usually its parent folder, with several repos"
            .to_owned()
    } else if beside > 0 {
        format!(
            "there are no clones in this folder, but {} next to it; a workspace contains its clones",
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
            "to create the workspace there, run `fitout init {there}`"
        )),
    })
}
