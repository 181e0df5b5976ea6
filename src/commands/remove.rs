//! `fitout remove`: a repo or a service out of the manifest. Never out of the disk.

use anyhow::anyhow;

use super::add::edited;
use crate::error::{CommandResult, Exit, Failure};
use crate::git::local;
use crate::host::files::{self, Mode};
use crate::manifest;
use crate::manifest::edit::{self, Section};
use crate::manifest::report::closest;
use crate::ops::{Context, Opened, open::read};
use crate::ui::style::{FAIL, unmarked};
use crate::workspace::{Source, Workspace};

/// Take a repo and its services, or one service, out of workspace.toml
///
/// Everything else in the file stays as it is. A clone is never deleted, and a service that other
/// services need is not removed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The repo or the service
    #[arg(value_name = "NAME")]
    name: String,
    /// Remove the service of that name alone, and keep the repo
    #[arg(long)]
    service: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Write nothing; print the manifest as it would be
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let opened = context.open()?;
    let source = read(&opened.root, manifest::FILE)?.unwrap_or_default();
    let entries = entries(&opened.workspace, args)?;
    let mut text = source.clone();
    for (section, name) in &entries {
        let by_hand = format!("take out `{}.{name}`", section.key());
        text = edited(edit::remove(&text, *section, name), &by_hand)?;
    }
    Opened::with(&opened.root, &text).map_err(|failure| {
        failure.hint(format!(
            "this is the manifest without `{}`: first take out what needs it",
            args.name
        ))
    })?;

    if args.dry_run {
        ui.file(&text)?;
        return Ok(Exit::Done);
    }
    for change in similar::TextDiff::from_lines(&source, &text).iter_all_changes() {
        let line = unmarked(change.value().trim_end());
        if change.tag() == similar::ChangeTag::Delete && !line.is_empty() {
            ui.say(format_args!("{FAIL}-{line}{FAIL:#}"));
        }
    }
    if ui.can_prompt() && !args.yes {
        match ui.confirm(&format!("Take this out of {}?", manifest::FILE)) {
            Some(true) => {}
            Some(false) => {
                ui.say(format_args!("{} was left as it is", manifest::FILE));
                return Ok(Exit::Done);
            }
            None => return Err(Failure::interrupted()),
        }
    }
    files::write_within(&opened.root, manifest::FILE, &text, Mode::Shared)?;
    ui.say(format_args!(
        "removed `{}` from {}",
        args.name,
        manifest::FILE
    ));
    for repo in opened.personal.repos(&opened.workspace) {
        let removed = entries.contains(&(Section::Repos, repo.name.clone()));
        if removed && local::folder(&opened.root, &repo).exists() {
            let path = repo.local_path.as_deref().unwrap_or(&repo.path);
            ui.say(format_args!(
                "the clone in `{path}` stays; it is yours to delete"
            ));
        }
    }
    ui.hint("run `fitout generate` to take it out of the compose file too");
    Ok(Exit::Done)
}

/// What goes: the services of a repo go with it.
fn entries(workspace: &Workspace, args: &Args) -> Result<Vec<(Section, String)>, Failure> {
    let name = args.name.as_str();
    let repo = workspace.repo(name).filter(|_| !args.service);
    let service = workspace.service(name);
    match (repo, service) {
        (Some(repo), None) => Ok([(Section::Repos, repo.name.clone())]
            .into_iter()
            .chain(built_from(workspace, name))
            .collect()),
        (Some(repo), Some(service)) => {
            let mut services = built_from(workspace, name);
            if !services.iter().any(|(_, built)| *built == service.name) {
                let error = anyhow!("`{name}` is a repo and a service that is not built from it");
                return Err(Failure::usage(error).hint(format!(
                    "to remove the service, run `fitout remove {name} --service`"
                )));
            }
            services.insert(0, (Section::Repos, repo.name.clone()));
            Ok(services)
        }
        (None, Some(service)) => Ok(vec![(Section::Services, service.name.clone())]),
        (None, None) => Err(unknown(workspace, args)),
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

fn unknown(workspace: &Workspace, args: &Args) -> Failure {
    let services = workspace.services.iter().map(|it| it.name.as_str());
    let (what, known): (_, Vec<&str>) = if args.service {
        ("service", services.collect())
    } else {
        let repos = workspace.repos.iter().map(|it| it.name.as_str());
        ("repo or service", repos.chain(services).collect())
    };
    let failure = Failure::usage(anyhow!("there is no {what} `{}`", args.name));
    match closest(&args.name, known) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure.hint("`fitout status` shows what there is"),
    }
}
