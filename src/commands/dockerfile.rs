//! `fitout dockerfile`: generates Dockerfiles from the files of a folder.

use anyhow::anyhow;

use crate::error::{CommandResult, Exit, Failure};
use crate::ops::Context;
use crate::ops::dockerfiles::{self, DEVELOPMENT, Existing, IGNORE, PRODUCTION, Part, Place};
use crate::stack::{self, Dockerfiles};
use crate::ui::Ui;
use crate::workspace::syntax;

/// Write a Dockerfile for development and one for production
///
/// Detects language, version, package manager, port and commands from the files of a folder, and
/// prints a `Dockerfile.dev` for mounted sources with reload, a `Dockerfile` for production and a
/// `.dockerignore`. See docs/dockerfiles.md for what they contain and why. Nothing is guessed:
/// missing information is left open, with a warning.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A service, a repo, a folder, or a stack for an example (dotnet, go, java, node, php, python,
    /// ruby, rust); defaults to the current folder
    #[arg(value_name = "SERVICE|FOLDER|STACK")]
    of: Option<String>,
    /// Print only `Dockerfile.dev`
    #[arg(long, conflicts_with = "production")]
    dev: bool,
    /// Print only `Dockerfile`
    #[arg(long)]
    production: bool,
    /// Use this stack if the folder has several
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// Write the files and a `.dockerignore`; existing files are kept
    #[arg(long)]
    write: bool,
    /// Replace existing files
    #[arg(long, requires = "write")]
    force: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let ui = &context.ui;
    let place = dockerfiles::place(context, args.of.as_deref())?;
    let (files, stack) = dockerfiles::stack_of(ui, &place, args.stack.as_deref())?;
    let made = stack::dockerfiles(&files, &stack);
    ui.detail(format_args!("found {}", stack.describe()));
    let parts = parts(&made, args);
    if args.write {
        let replace = if args.force {
            Existing::Replace
        } else {
            Existing::Keep
        };
        let written = dockerfiles::write_all(ui, &place.folder, &place.shown, &parts, replace)?;
        if written == 0 {
            return Err(nothing_written(&place, &parts));
        }
    } else {
        print(ui, &place, &parts)?;
    }
    dockerfiles::say_what_is_missing(ui, &made, &parts);
    if !stack.serves {
        ui.warn(format_args!(
            "no port was detected; using {}, the usual one",
            stack.port
        ));
    }
    for note in &made.notes {
        ui.warn(note);
    }
    Ok(Exit::Done)
}

fn parts<'d>(made: &'d Dockerfiles, args: &Args) -> Vec<Part<'d>> {
    let mut parts: Vec<Part<'d>> = Vec::new();
    if !args.production {
        parts.push((DEVELOPMENT, &made.development));
    }
    if !args.dev {
        parts.push((PRODUCTION, &made.production));
    }
    if args.write || parts.len() > 1 {
        parts.push((IGNORE, &made.ignore));
    }
    parts
}

/// A single file is printed as it is, for redirection.
fn print(ui: &Ui, place: &Place, parts: &[Part<'_>]) -> Result<(), Failure> {
    if let [(_, only)] = parts {
        ui.file(only)?;
        return Ok(());
    }
    for (index, (name, text)) in parts.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let path = syntax::join(&place.shown, name);
        ui.file(&format!("{gap}==> {path} <==\n{text}"))?;
    }
    ui.hint("add `--write` to write them");
    Ok(())
}

fn nothing_written(place: &Place, parts: &[Part<'_>]) -> Failure {
    let paths: Vec<String> = parts
        .iter()
        .map(|(name, _)| format!("`{}`", syntax::join(&place.shown, name)))
        .collect();
    Failure::failed(anyhow!(
        "nothing was written: {} already exist",
        paths.join(", ")
    ))
    .hint("to replace them, add `--force`; to compare, omit `--write`")
}
