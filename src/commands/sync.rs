//! `fitout sync`: not written yet.

use super::Context;
use crate::error::{CommandResult, Exit};

/// Clone what is missing and update the rest, all repos at once
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(context: &Context, _args: &Args) -> CommandResult {
    let _ = context.open()?;
    Ok(Exit::Done)
}
