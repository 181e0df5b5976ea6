//! `fitout db`: the client of a backing service, at its server, wherever that runs.

use std::ffi::OsString;

use crate::error::CommandResult;
use crate::ops::{Context, client};

/// Open the client of a database or another backing service: psql, mysql, mongosh, redis-cli, …
///
/// It comes out of the service's own image, and is logged in as the services are. For a service that
/// runs on this machine it goes the way that containers go. Pipes work: `fitout db < dump.sql`. The
/// exit status is the client's.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service; where none is named, the only database, or that of the repo that you are in
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
    /// What the client gets: `fitout db -- -c 'select 1'`
    #[arg(value_name = "ARGUMENT", last = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    client::open(context, &opened, args.service.as_deref(), &args.arguments)
}
