//! `fitout test`: runs a service's tests in separate, temporary containers.

use crate::error::CommandResult;
use crate::ops::{Context, test};

/// Run the tests of a service in temporary containers
///
/// Builds the service, starts its dependencies, waits until they are healthy, and runs the
/// service's `test` command. This happens in a separate Compose project, so running services and
/// their data are not affected, and everything is removed afterwards. The exit status is that of
/// the tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Service; defaults to that of the repo that you are in
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    test::run(context, &opened, args.service.as_deref())
}
