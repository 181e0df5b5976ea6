//! `fitout man`: manual pages, generated from the same text as `--help`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::error::{CommandResult, Exit, ResultExt as _};
use crate::host::files::{self, Mode};
use crate::ops::Context;
use crate::plural::count;

/// Print the manual page, or write those of all commands to a folder
///
/// `fitout man | man -l -` shows it. `fitout man --dir ~/.local/share/man/man1` installs all pages
/// for `man fitout` and `man fitout-up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write `fitout.1` and a page for each command to; created if it doesn't exist
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: &Args, command: Command) -> CommandResult {
    let mut root = command.disable_help_subcommand(true);
    root.build();
    let Some(folder) = &args.dir else {
        context.ui.file(&page(&root)?)?;
        return Ok(Exit::Done);
    };
    let folder = context.cwd.join(folder);
    fs::create_dir_all(&folder).with_context(|| format!("can't create `{}`", folder.display()))?;
    let mut commands = vec![&root];
    commands.extend(root.get_subcommands().filter(|it| !it.is_hide_set()));
    for command in &commands {
        let name = command.get_display_name().unwrap_or(command.get_name());
        files::write_within(&folder, &format!("{name}.1"), &page(command)?, Mode::Shared)?;
    }
    context.ui.say(format_args!(
        "wrote {} to {}",
        count(commands.len(), "page"),
        folder.display()
    ));
    Ok(Exit::Done)
}

fn page(command: &Command) -> io::Result<String> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
