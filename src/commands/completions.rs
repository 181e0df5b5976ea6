//! `fitout completions`: prints shell completion scripts.

use clap_complete::Shell;

use crate::error::{CommandResult, Exit};
use crate::ops::Context;

/// Print a shell completion script
///
/// bash: `fitout completions bash > ~/.local/share/bash-completion/completions/fitout`.
/// zsh: the file `_fitout` in a folder of `$fpath`.
/// fish: `fitout completions fish > ~/.config/fish/completions/fitout.fish`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Shell to print completions for
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(context: &Context, args: &Args, mut command: clap::Command) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "fitout", &mut script);
    context.ui.file(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
