//! `fitout up`: brings the workspace from any state to all services running and healthy.

use crate::error::CommandResult;
use crate::ops::Context;
use crate::ops::start::{self, Repos, Request};

/// Start the services: check the machine, sync the repos, write the compose file, build and wait
///
/// First checks the preconditions: an engine, Docker Compose, required variables, free ports. Then
/// runs `fitout sync`, `fitout generate` and `docker compose up -d --build --wait`, and prints a
/// table of the services with their URLs. Repos that are held back are used as they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services to start, with their dependencies; defaults to all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Don't sync; use the repos as they are
    #[arg(long)]
    no_sync: bool,
    /// How long to wait until all services are ready; no limit by default
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
