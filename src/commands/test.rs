//! `fitout test`: a service's tests in containers of their own, of which nothing is left.

use crate::error::CommandResult;
use crate::ops::{Context, test};

/// Run the tests of a service in its container, with what it depends on
///
/// Builds the service, starts what it depends on, waits until that is healthy, and runs the
/// service's `test`. All of it is a Compose project of its own: what runs already, and its data, is
/// not touched. Afterwards everything of it is removed. The exit status is that of the tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service; where none is named, that of the repo that you are in
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    test::run(context, &opened, args.service.as_deref())
}
