//! `fitout up`: from whatever is there to every service running and healthy.

use crate::error::CommandResult;
use crate::ops::Context;
use crate::ops::start::{self, Repos, Request};

/// Start the services: check the machine, sync the repos, write the compose file, build and wait
///
/// First the checks that would stop it: an engine, Docker Compose, the variables that services
/// require, free ports. Then `fitout sync`, `fitout generate` and `docker compose up -d --build
/// --wait`, and a table of what runs where. Repos that are held back are used as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Start these services and what they depend on; all where none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Use the repos as they are
    #[arg(long)]
    no_sync: bool,
    /// How long to wait until all services are ready; no limit where not set
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let request = Request {
        services: args.services.clone(),
        repos: if args.no_sync {
            Repos::AsTheyAre
        } else {
            Repos::Synced
        },
        wait_timeout: args.wait_timeout,
    };
    start::start(context, context.open()?, &request)
}
