//! `fitout schema`: the JSON Schema of the manifest, for editors.

use clap::ValueEnum;

use crate::error::{CommandResult, Exit};
use crate::manifest::schema;
use crate::ops::Context;

/// Print the JSON Schema of workspace.toml, for completion and validation in editors
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File to print the schema of
    #[arg(value_enum, default_value = "workspace")]
    file: File,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum File {
    /// workspace.toml
    Workspace,
    /// workspace.local.toml
    Local,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let schema = match args.file {
        File::Workspace => schema::manifest(),
        File::Local => schema::personal_file(),
    };
    context.ui.json(&serde_json::to_string_pretty(&schema)?)?;
    Ok(Exit::Done)
}
