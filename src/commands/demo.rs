//! `fitout demo`: creates a small company in a folder from embedded files, so that new users can
//! see everything work before writing their own manifest.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::markup::style::{DIM, STRONG};
use crate::ops::Context;
use crate::ops::demo::{self, Occupant, PAGE, SERVICES};
use crate::shell;

/// Create a small company to try fitout on, and set it up
///
/// Creates FOLDER with four git repositories (`remotes/`) and a workspace for them (`services/`),
/// then runs `sync`, `generate` and `doctor` there. Needs no network and no Docker. Continues if
/// FOLDER is an earlier demo.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to create it: a new or an empty folder
    #[arg(value_name = "FOLDER", default_value = "fitout-demo")]
    folder: PathBuf,
    /// Also start it, like `fitout up`; needs a Docker Engine
    #[arg(long)]
    up: bool,
}

/// `line` runs a fitout command line.
pub(crate) fn run(
    context: &Context,
    args: &Args,
    line: &dyn Fn(&Context, &[&str]) -> CommandResult,
) -> CommandResult {
    let ui = &context.ui;
    let folder = context.cwd.join(&args.folder);
    let shown = args.folder.display();
    let found = demo::occupant(&folder).with_context(|| format!("can't look into `{shown}`"))?;
    match found {
        Occupant::Nobody => {
            demo::make(&folder).with_context(|| format!("can't create the demo in `{shown}`"))?;
            ui.say(format_args!(
                "Created a small company in `{shown}`: four git repos and a workspace"
            ));
        }
        Occupant::Demo => ui.say(format_args!(
            "`{shown}` is an earlier demo: continuing with it"
        )),
        Occupant::Other => {
            return Err(Failure::failed(anyhow!(
                "`{shown}` already exists and is not an empty folder"
            ))
            .hint("choose another folder: `fitout demo my-demo`"));
        }
    }

    let inside = Context {
        cwd: folder.join(SERVICES),
        ..context.clone()
    };
    let step = |command: &str| {
        ui.say(format_args!(
            "\n{DIM}${DIM:#} {STRONG}fitout {command}{STRONG:#}"
        ));
        line(&inside, &[command])
    };
    let synced = step("sync")?;
    if synced == Exit::Interrupted {
        return Ok(synced);
    }
    step("generate")?;
    demo::commit_generated(&inside.cwd).context("can't commit the generated files")?;
    let exit = if args.up {
        step("up")?
    } else {
        // Problems with this machine are not failures of the demo: doctor has reported them.
        step("doctor")?;
        synced
    };
    match exit {
        Exit::Done if args.up => ui.say(format_args!("\n{}", next_steps(&args.folder, Stack::Up))),
        Exit::Done => ui.say(format_args!("\n{}", next_steps(&args.folder, Stack::Down))),
        _ => {
            let up = if args.up { " --up" } else { "" };
            ui.hint(format_args!(
                "once that is fixed, continue with `fitout demo {}{up}`",
                shell::path(&args.folder)
            ));
        }
    }
    Ok(exit)
}

/// Whether the demo's containers run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stack {
    Up,
    Down,
}

fn next_steps(folder: &Path, stack: Stack) -> String {
    let enter = shell::path(folder.join(SERVICES));
    let mut steps = vec![(format!("cd {enter}"), "")];
    if stack == Stack::Down {
        steps.push((
            "fitout up".to_owned(),
            "start everything and wait until it is healthy",
        ));
    }
    steps.extend(
        [
            (&*format!("open {PAGE}"), "web asks api, api asks store"),
            (
                "edit web/page.html",
                "and reload the page: no build, no restart",
            ),
            ("fitout status", "what is cloned and what runs"),
            ("less workspace.toml", "everything that fitout was given"),
            (
                "docker compose down -v",
                "remove everything; fitout isn't needed for that",
            ),
        ]
        .map(|(command, effect)| (command.to_owned(), effect)),
    );
    // The first step has no effect column.
    let widest = steps[1..].iter().map(|(command, _)| command.len()).max();
    let width = widest.unwrap_or_default() + 2;
    let mut text = String::from("Try next:");
    for (command, effect) in steps {
        let line = format!("  {command:width$}{effect}");
        text.push('\n');
        text.push_str(line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_steps_can_be_pasted() {
        let steps = next_steps(Path::new("it's a demo"), Stack::Up);
        assert!(steps.contains(r#"  cd "it's a demo/services""#), "{steps}");
    }
}
