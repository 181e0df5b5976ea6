//! A repo and its services, or one service, taken out of the manifest.
use anyhow::anyhow;

use super::edit::edited;
use super::open::read;
use super::{Context, Opened};
use crate::error::Failure;
use crate::git::local;
use crate::host::files::{self, Mode};
use crate::manifest;
use crate::manifest::edit::{self, Section};
use crate::manifest::report::closest;
use crate::workspace::{Source, Workspace};

/// What to take out.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Name of the repo or service.
    pub name: String,
    /// Whether it is the service of that name alone.
    pub service_alone: bool,
}

/// A manifest with less in it, which is not written yet.
pub(crate) struct Removal {
    /// The manifest as it is.
    pub source: String,
    /// The manifest as it would be.
    pub text: String,
    opened: Opened,
    entries: Vec<(Section, String)>,
}

impl Removal {
    pub(crate) fn of(context: &Context, request: &Request) -> Result<Self, Failure> {
        let opened = context.open()?;
        let source = read(&opened.root, manifest::FILE)?.unwrap_or_default();
        let entries = entries(&opened.workspace, request)?;
        let mut text = source.clone();
        for (section, name) in &entries {
            let by_hand = format!("remove `{}.{name}`", section.key());
            text = edited(edit::remove(&text, *section, name), &by_hand)?;
        }
        Opened::with(&opened.root, &text).map_err(|failure| {
            failure.hint(format!(
                "this is the manifest without `{}`: first remove what needs it",
                request.name
            ))
        })?;
        Ok(Removal {
            source,
            text,
            opened,
            entries,
        })
    }

    /// Writes the manifest.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let root = &self.opened.root;
        Ok(files::write_within(
            root,
            manifest::FILE,
            &self.text,
            Mode::Shared,
        )?)
    }

    /// The folders of clones that stay although their repo is taken out.
    pub(crate) fn clones_left(&self) -> Vec<String> {
        let Removal {
            opened, entries, ..
        } = self;
        let repos = opened.personal.repos(&opened.workspace).into_iter();
        repos
            .filter(|repo| entries.contains(&(Section::Repos, repo.name.clone())))
            .filter(|repo| local::folder(&opened.root, repo).exists())
            .map(|repo| repo.local_path.unwrap_or(repo.path))
            .collect()
    }
}

/// Returns the entries to remove: a repo's services are removed with it.
fn entries(workspace: &Workspace, request: &Request) -> Result<Vec<(Section, String)>, Failure> {
    let name = request.name.as_str();
    let repo = workspace.repo(name).filter(|_| !request.service_alone);
    let service = workspace.service(name);
    match (repo, service) {
        (Some(repo), None) => Ok([(Section::Repos, repo.name.clone())]
            .into_iter()
            .chain(built_from(workspace, name))
            .collect()),
        (Some(repo), Some(service)) => {
            let mut services = built_from(workspace, name);
            if !services.iter().any(|(_, built)| *built == service.name) {
                let error =
                    anyhow!("`{name}` is a repo, and also a service that is not built from it");
                return Err(Failure::usage(error).hint(format!(
                    "to remove the service, run `fitout remove {name} --service`"
                )));
            }
            services.insert(0, (Section::Repos, repo.name.clone()));
            Ok(services)
        }
        (None, Some(service)) => Ok(vec![(Section::Services, service.name.clone())]),
        (None, None) => Err(unknown(workspace, request)),
    }
}

fn built_from(workspace: &Workspace, repo: &str) -> Vec<(Section, String)> {
    let services = workspace
        .services
        .iter()
        .filter(|service| matches!(&service.source, Source::Build(build) if build.repo == repo));
    services
        .map(|service| (Section::Services, service.name.clone()))
        .collect()
}

fn unknown(workspace: &Workspace, request: &Request) -> Failure {
    let services = workspace.services.iter().map(|it| it.name.as_str());
    let (what, known): (_, Vec<&str>) = if request.service_alone {
        ("service", services.collect())
    } else {
        let repos = workspace.repos.iter().map(|it| it.name.as_str());
        ("repo or service", repos.chain(services).collect())
    };
    let failure = Failure::usage(anyhow!("there is no {what} `{}`", request.name));
    match closest(&request.name, known) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure.hint("run `fitout status` to list them"),
    }
}
