//! Dockerfiles for a folder, made from what its files say.
//!
//! Finds the folder and writes the files; the pure module `stack` determines their contents.
//! Existing files are only replaced on request.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::detect::look_into;
use super::{Context, Opened};
use crate::error::Failure;
use crate::host::files::{self, Mode};
use crate::manifest;
use crate::shell;
use crate::stack::{self, Dockerfiles, Files, Runnable, Stack};
use crate::ui::Ui;
use crate::workspace::{Source, syntax};

/// The folder to write Dockerfiles for.
pub(crate) struct Place {
    pub folder: PathBuf,
    /// As shown to the user; empty for the current folder.
    pub shown: String,
    /// The port of the service in the manifest.
    port: Option<u16>,
    /// The stack, if one was given instead of a folder.
    stack: Option<String>,
}

/// The folder that was named, or the one that the user is in.
pub(crate) fn place(context: &Context, named: Option<&str>) -> Result<Place, Failure> {
    let here = |stack: Option<String>| Place {
        folder: context.cwd.clone(),
        shown: String::new(),
        port: None,
        stack,
    };
    let Some(of) = named else {
        return Ok(here(None));
    };
    let is_path = of.contains('/') || of.starts_with('.');
    if !is_path {
        if has_workspace(context)
            && let Some(place) = in_workspace(&context.open()?, of)?
        {
            return Ok(place);
        }
        if stack::find(of).is_some() {
            return Ok(here(Some(of.to_owned())));
        }
    }
    let folder = context.cwd.join(of);
    if folder.is_dir() {
        return Ok(Place {
            folder,
            shown: of.trim_end_matches('/').trim_start_matches("./").to_owned(),
            ..here(None)
        });
    }
    let names: Vec<&str> = stack::names().collect();
    Err(
        Failure::usage(anyhow!("`{of}` is not a service, folder or stack"))
            .hint(format!("known stacks: {}", names.join(", "))),
    )
}

fn has_workspace(context: &Context) -> bool {
    let mut folders = context.cwd.ancestors();
    folders.any(|folder| folder.join(manifest::FILE).is_file())
}

/// The folder of a service or of a repo.
fn in_workspace(opened: &Opened, name: &str) -> Result<Option<Place>, Failure> {
    let (context, port) = if let Some(service) = opened.workspace.service(name) {
        let Source::Build(build) = &service.source else {
            let error = anyhow!("`services.{name}` runs an image that is built elsewhere");
            return Err(Failure::usage(error)
                .hint("only services with a `repo` have a Dockerfile; for others, give a folder"));
        };
        let port = service.ports.first().map(|port| port.target);
        (build.context.clone(), port)
    } else if let Some(repo) = opened.workspace.repo(name) {
        (repo.path.clone(), None)
    } else {
        return Ok(None);
    };
    crate::host::place::check(&opened.root, Path::new(&context))?;
    let folder = opened.root.join(&context);
    if !folder.is_dir() {
        let error = anyhow!("`{context}` doesn't exist, so nothing can be detected for `{name}`");
        return Err(Failure::failed(error).hint("run `fitout sync` to clone missing repos"));
    }
    Ok(Some(Place {
        folder,
        shown: context,
        port,
        stack: None,
    }))
}

/// Returns the stack of the folder's files, or that of an example.
pub(crate) fn stack_of(
    ui: &Ui,
    place: &Place,
    named: Option<&str>,
) -> Result<(Files, Stack), Failure> {
    let files = look_into(&place.folder);
    let found = stack::detect_on(&files, place.port);
    let wanted = named.or(place.stack.as_deref());
    let Some(wanted) = wanted else {
        let mut found = found.into_iter();
        let Some(first) = found.next() else {
            let error = anyhow!("no stack was detected in `{}`", place.folder.display());
            return Err(Failure::failed(error)
                .hint("to see an example, name a stack: `fitout dockerfile node`"));
        };
        for other in found {
            ui.say(format_args!(
                "also detected: {}; to use it: `--stack {}`",
                other.definition().title,
                other.name
            ));
        }
        return Ok((files, first));
    };
    if let Some(stack) = found.into_iter().find(|stack| stack.name == wanted) {
        return Ok((files, stack));
    }
    let Some(definition) = stack::find(wanted) else {
        let names: Vec<&str> = stack::names().collect();
        let error = anyhow!("there is no stack `{wanted}`");
        return Err(Failure::usage(error).hint(format!("known stacks: {}", names.join(", "))));
    };
    if named.is_some() {
        let error = anyhow!(
            "`{}` has no {} files: {}",
            place.folder.display(),
            definition.title,
            definition.files.join(", ")
        );
        return Err(Failure::failed(error));
    }
    let example = definition.example();
    let paths: Vec<&str> = example.paths().collect();
    ui.warn(format_args!(
        "this folder has no {} files; this is an example for {}",
        definition.title,
        paths.join(", ")
    ));
    let stack = stack::detect(&example)
        .into_iter()
        .find(|stack| stack.name == wanted);
    let stack = stack.ok_or_else(|| anyhow!("the example for `{wanted}` has a different stack"))?;
    Ok((example, stack))
}

/// Name and text of each file.
pub(crate) type Part<'d> = (&'static str, &'d str);

pub(crate) const DEVELOPMENT: &str = "Dockerfile.dev";
pub(crate) const PRODUCTION: &str = "Dockerfile";
pub(crate) const IGNORE: &str = ".dockerignore";

/// A `Dockerfile.dev` that could be written for a clone.
pub(crate) struct Offer {
    folder: PathBuf,
    shown: String,
    dockerfiles: Dockerfiles,
}

impl Offer {
    /// The path, as shown to the user.
    pub(crate) fn path(&self) -> String {
        syntax::join(&self.shown, DEVELOPMENT)
    }

    /// Writes it, and an ignore file if there is none.
    pub(crate) fn write(&self, ui: &Ui) -> Result<(), Failure> {
        let parts = [
            (DEVELOPMENT, self.dockerfiles.development.as_str()),
            (IGNORE, self.dockerfiles.ignore.as_str()),
        ];
        write_all(ui, &self.folder, &self.shown, &parts, Existing::Keep)?;
        say_what_is_missing(ui, &self.dockerfiles, &parts);
        Ok(())
    }
}

/// Returns the Dockerfile that could be written for a clone, and the services that it could then
/// run as.
pub(crate) fn offers(clone: &Path, shown: &str) -> (Vec<Offer>, Vec<Runnable>) {
    let mut files = look_into(clone);
    let mut offers = Vec::new();
    for runnable in stack::runnables(&files) {
        if let (None, Some(stack)) = (&runnable.dockerfile, &runnable.stack) {
            let context = &runnable.context;
            let dockerfiles = stack::dockerfiles(&files.below(context), stack);
            files = files.with(
                &syntax::join(context, DEVELOPMENT),
                &dockerfiles.development,
            );
            offers.push(Offer {
                folder: clone.join(context),
                shown: syntax::join(shown, context),
                dockerfiles,
            });
        }
    }
    (offers, stack::runnables(&files))
}

/// What the command line says about writing Dockerfiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    No,
    /// Nothing: ask the user, if there is a terminal.
    Unsaid,
}

impl Wanted {
    /// Whether `--dockerfile`, or a flag that disables prompts, was given.
    pub(crate) fn said(is_wanted: bool, asks_nothing: bool) -> Self {
        match (is_wanted, asks_nothing) {
            (true, _) => Wanted::Yes,
            (false, true) => Wanted::No,
            (false, false) => Wanted::Unsaid,
        }
    }
}

/// Whether to write the files.
pub(crate) fn accepts(ui: &Ui, offers: &[Offer], wanted: Wanted) -> Result<bool, Failure> {
    if offers.is_empty() {
        return Ok(false);
    }
    match wanted {
        Wanted::Yes => Ok(true),
        Wanted::Unsaid if ui.can_prompt() => {
            let paths: Vec<String> = offers.iter().map(Offer::path).collect();
            let it = if paths.len() == 1 { "it" } else { "them" };
            let question = format!("There is no {}. Write {it}?", paths.join(", "));
            ui.confirm(&question)
        }
        Wanted::No | Wanted::Unsaid => Ok(false),
    }
}

/// The command that writes a missing `Dockerfile.dev`.
pub(crate) fn command_for(folder: &str) -> String {
    let folder = shell::path(format!("./{folder}"));
    format!("to create one: `fitout dockerfile {folder} --dev --write`")
}

/// What to do with an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// Writes the files to a folder. Returns how many are now up to date.
pub(crate) fn write_all(
    ui: &Ui,
    folder: &Path,
    shown: &str,
    parts: &[Part<'_>],
    existing: Existing,
) -> Result<usize, Failure> {
    let mut written = 0;
    for (name, text) in parts {
        let path = folder.join(name);
        let shown = syntax::join(shown, name);
        match (files::read(&path)?, existing) {
            (None, _) => files::create_within(folder, name, text, Mode::Shared)?,
            (Some(old), _) if old == *text => {
                ui.say(format_args!("{shown} is up to date"));
                written += 1;
                continue;
            }
            (Some(_), Existing::Replace) => files::write_within(folder, name, text, Mode::Shared)?,
            (Some(_), Existing::Keep) => {
                ui.say(format_args!("{shown} already exists, skipped"));
                continue;
            }
        }
        ui.say(format_args!("wrote {shown}"));
        written += 1;
    }
    Ok(written)
}

/// Warns about what could not be detected and has to be filled in.
pub(crate) fn say_what_is_missing(ui: &Ui, dockerfiles: &Dockerfiles, parts: &[Part<'_>]) {
    for (name, _) in parts {
        let missing = match *name {
            DEVELOPMENT => &dockerfiles.missing_in_development,
            PRODUCTION => &dockerfiles.missing_in_production,
            _ => continue,
        };
        for missing in missing {
            ui.warn(format_args!("fill in {name}: {missing}"));
        }
    }
}
