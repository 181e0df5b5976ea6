//! One more repo in the manifest, and what it can be run as.
//!
//! Clones first, because services are detected in the clone. The manifest is written last, and only
//! if it is valid with the new tables.

use std::path::PathBuf;

use anyhow::anyhow;

use super::detect::runnables;
use super::dockerfiles::{self, Offer, Wanted};
use super::edit::{address, edited};
use super::open::read;
use super::sync::{self, Options};
use super::{Context, Opened};
use crate::draft::{self, Defaults, FoundRepo, Taken};
use crate::error::{Exit, Failure, ResultExt as _};
use crate::git::survey::{self, Kind};
use crate::git::{local, url};
use crate::host::files::{self, Mode};
use crate::host::interrupt;
use crate::manifest::edit::{self, Section};
use crate::manifest::{self, Manifest};
use crate::shell;
use crate::stack::{self, Runnable};
use crate::ui::Ui;
use crate::workspace::{Repo, Source, Workspace, syntax};

/// What to add.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// A URL, a clone in the workspace, or a name that `[git] base_url` completes.
    pub repo: String,
    /// What its service is called; the repo's name where not set.
    pub service: Option<String>,
    /// Whether only the repo is added.
    pub no_service: bool,
    /// The branch to follow.
    pub branch: Option<String>,
    /// The folder of the clone in the workspace.
    pub path: Option<String>,
    /// Whether a `Dockerfile.dev` is written where the repo has none.
    pub dockerfiles: Wanted,
    /// Whether nothing may be cloned.
    pub dry_run: bool,
}

/// A manifest with more in it, which is not written yet.
pub(crate) struct Addition {
    /// The name of the repo.
    pub name: String,
    /// The manifest as it would be.
    pub text: String,
    /// The new tables; empty where it has them already.
    pub tables: String,
    /// What the user knows the addition by.
    pub added: String,
    root: PathBuf,
    offers: Vec<Offer>,
}

impl Addition {
    /// Clones the repo where that is missing, and looks at what it can be run as.
    pub(crate) fn of(context: &Context, request: &Request) -> Result<Self, Failure> {
        check_name(request.service.as_deref())?;
        let opened = context.open()?;
        let source = read(&opened.root, manifest::FILE)?.unwrap_or_default();

        let (name, with_repo, repo_table) = if let Some(name) = known(context, &opened, request) {
            (name, source.clone(), String::new())
        } else {
            let (name, table) = new_repo(context, &opened, &source, request)?;
            let text = edited(edit::add(&source, Section::Repos, &table), &table)?;
            (name, text, table)
        };
        let after = Opened::with(&opened.root, &with_repo)?;
        let (services_table, offers) = if request.no_service {
            (String::new(), Vec::new())
        } else {
            if !request.dry_run {
                clone(context, &after, &name)?;
            }
            service_tables(&context.ui, &after, &name, request)?
        };
        let text = if services_table.is_empty() {
            with_repo
        } else {
            let added = edit::add(&with_repo, Section::Services, &services_table);
            edited(added, &services_table)?
        };
        if text != source {
            Opened::with(&opened.root, &text)?;
        }
        let tables = format!("{}\n\n{}", repo_table.trim(), services_table.trim());
        let added = match &request.service {
            Some(service) if repo_table.is_empty() => service,
            _ => &name,
        };
        Ok(Addition {
            added: added.clone(),
            tables: if text == source {
                String::new()
            } else {
                tables.trim().to_owned()
            },
            name,
            text,
            root: opened.root,
            offers,
        })
    }

    /// Writes the manifest.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        Ok(files::write_within(
            &self.root,
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

/// Runs before anything is cloned.
fn check_name(service: Option<&str>) -> Result<(), Failure> {
    let Some(Err(invalid)) = service.map(syntax::name) else {
        return Ok(());
    };
    let failure = Failure::usage(anyhow!("`--service` {}", invalid.problem));
    Err(match invalid.help {
        Some(help) => failure.hint(help),
        None => failure,
    })
}

/// Finds a repo of the manifest by its name, folder or URL.
fn known(context: &Context, opened: &Opened, request: &Request) -> Option<String> {
    let given = request.repo.trim_end_matches('/');
    let absolute = url::resolve(&context.cwd, given);
    let meant = |repo: &&Repo| {
        repo.name == given
            || local::folder(&opened.root, repo) == context.cwd.join(given)
            || url::same(&url::resolve(&opened.root, &repo.url), &absolute)
    };
    opened
        .workspace
        .repos
        .iter()
        .find(meant)
        .map(|repo| repo.name.clone())
}

/// Returns the name and the table of a repo that is not in the manifest yet.
fn new_repo(
    context: &Context,
    opened: &Opened,
    source: &str,
    request: &Request,
) -> Result<(String, String), Failure> {
    let (table, _) = manifest::decode::manifest(source);
    let defaults = defaults(&table);
    let (url, path) = place(context, opened, &defaults, request)?;
    let path = match (&request.path, path) {
        (Some(path), _) => Some(path.clone()),
        (None, path) => path,
    };
    let found = FoundRepo {
        path,
        url,
        branch: request.branch.clone(),
        runnables: Vec::new(),
    };
    let taken = Taken::by(&opened.workspace);
    Ok(draft::repo_table(&found, &defaults, &taken))
}

fn defaults(manifest: &Manifest) -> Defaults<'_> {
    Defaults {
        repos_dir: manifest
            .workspace
            .repos_dir
            .as_ref()
            .map(|folder| folder.value.trim_matches(['.', '/']))
            .unwrap_or_default(),
        base_url: manifest.git.base_url.as_ref().map(|url| url.value.as_str()),
        branch: manifest
            .git
            .branch
            .as_ref()
            .map(|branch| branch.value.as_str()),
    }
}

/// Returns the URL of a new repo, and the folder of its clone if it is already cloned.
fn place(
    context: &Context,
    opened: &Opened,
    defaults: &Defaults<'_>,
    request: &Request,
) -> Result<(String, Option<String>), Failure> {
    let given = request.repo.trim_end_matches('/');
    let clones = survey::repositories(&opened.root, stack::is_ignored);
    let here = context.cwd.join(given.trim_start_matches("./"));
    if let Some(found) = clones
        .iter()
        .find(|found| opened.root.join(&found.path) == here)
    {
        return match &found.kind {
            Kind::Clone { url, .. } => {
                let url = draft::portable_url(url, &opened.root.to_string_lossy());
                Ok((url, Some(found.path.clone())))
            }
            _ => Err(
                Failure::usage(anyhow!("`{given}` has no remote to clone from")).hint(format!(
                    "`git -C {} remote add origin URL`, then again",
                    shell::path(given)
                )),
            ),
        };
    }
    if given.contains(['/', ':']) || given.starts_with('.') {
        return Ok((address(given, &context.cwd, &opened.root)?, None));
    }
    let Some(base) = defaults.base_url else {
        return Err(Failure::usage(anyhow!(
            "`{given}` is not a clone in the workspace, and `[git] base_url` is not set"
        ))
        .hint("use its URL: `fitout add git@github.com:acme/api.git`"));
    };
    let slash = if base.ends_with(['/', ':']) { "" } else { "/" };
    Ok((format!("{base}{slash}{given}"), None))
}

/// Clones a repo like `sync` does. An existing clone is not changed.
fn clone(context: &Context, opened: &Opened, name: &str) -> Result<(), Failure> {
    let folder = clone_folder(opened, name);
    if folder.is_some_and(|folder| folder.join(".git").exists()) {
        return Ok(());
    }
    interrupt::listen().context("can't listen for Ctrl-C")?;
    let options = Options {
        repos: vec![name.to_owned()],
        ..Options::default()
    };
    let synced = sync::sync(context, opened, &options)?;
    match synced.exit() {
        Exit::Done => Ok(()),
        Exit::Interrupted => Err(Failure::interrupted()),
        _ => Err(Failure::failed(anyhow!(
            "`{name}` can't be cloned, so {} was not changed",
            manifest::FILE
        ))
        .hint("to add the repo without detecting services, use `--no-service`")),
    }
}

fn clone_folder(opened: &Opened, name: &str) -> Option<PathBuf> {
    let repos = opened.personal.repos(&opened.workspace);
    let repo = repos.iter().find(|repo| repo.name == name)?;
    Some(local::folder(&opened.root, repo))
}

/// Returns the `[services]` tables for a repo of the manifest; none if it already has services.
fn service_tables(
    ui: &Ui,
    opened: &Opened,
    name: &str,
    request: &Request,
) -> Result<(String, Vec<Offer>), Failure> {
    let folder = clone_folder(opened, name);
    let mut runnables = match folder.as_deref().filter(|folder| folder.is_dir()) {
        Some(folder) => runnables(folder),
        None => Vec::new(),
    };
    let wanted = request.service.as_deref();
    if wanted.is_none() && has_service(&opened.workspace, name) {
        return Ok((String::new(), Vec::new()));
    }
    match (wanted, runnables.len()) {
        (None, 0) => {
            let what = if request.dry_run && folder.is_none_or(|folder| !folder.is_dir()) {
                "is not cloned, so its services can't be detected"
            } else {
                "has no Dockerfile, and no service was detected"
            };
            ui.warn(format_args!("`{name}` {what}"));
            ui.hint("to add a service anyway, name it: `--service NAME`");
            return Ok((String::new(), Vec::new()));
        }
        (Some(_), 0) => runnables.push(Runnable::unknown()),
        (Some(_), 2..) => {
            let error = anyhow!("`{name}` can be run as {} services", runnables.len());
            return Err(
                Failure::usage(error).hint("omit `--service`, then rename them in the file")
            );
        }
        _ => {}
    }
    let mut accepted = Vec::new();
    if let Some(folder) = folder {
        let shown = folder.strip_prefix(&opened.root).unwrap_or(&folder);
        let (offers, with_them) = dockerfiles::offers(&folder, &shown.to_string_lossy());
        if dockerfiles::accepts(ui, &offers, request.dockerfiles)? {
            (accepted, runnables) = (offers, with_them);
        }
    }
    say_what_is_missing(ui, opened, name, &runnables);
    let taken = Taken::by(&opened.workspace);
    let tables = draft::service_tables(wanted, name, &runnables, &taken);
    Ok((tables, accepted))
}

fn has_service(workspace: &Workspace, repo: &str) -> bool {
    workspace
        .services
        .iter()
        .any(|service| match &service.source {
            Source::Build(build) => build.repo == repo,
            Source::Image(_) | Source::Preset(_) => false,
        })
}

fn say_what_is_missing(ui: &Ui, opened: &Opened, name: &str, runnables: &[Runnable]) {
    let path = opened.workspace.repo(name).map_or("", |repo| &repo.path);
    for runnable in runnables.iter().filter(|it| it.dockerfile.is_none()) {
        let folder = syntax::join(path, &runnable.context);
        ui.warn(format_args!("`{folder}/Dockerfile.dev` doesn't exist yet"));
        ui.hint(dockerfiles::command_for(&folder));
    }
}
