//! `fitout db`: opens the client of a backing service, wherever the service runs.

use std::ffi::OsString;

use crate::error::CommandResult;
use crate::ops::{Context, client};

/// Open the client of a database or another backing service: psql, mysql, mongosh, redis-cli, …
///
/// The client comes from the service's image, and uses the same login as the services. It reaches a
/// service that runs on this machine over the same route as containers do. Pipes work: `fitout db <
/// dump.sql`. The exit status is the client's.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Service; defaults to the only database, or the one used by the repo that you are in
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// Arguments for the client: `fitout db -- -c 'select 1'`
    #[arg(value_name = "ARGUMENT", last = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    client::open(context, &opened, args.service.as_deref(), &args.arguments)
}
