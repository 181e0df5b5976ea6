//! `fitout lock`: writes the commit of every repo to the lock file, for `fitout sync --locked`.

use crate::error::{CommandResult, Exit};
use crate::host::files::{self, Mode};
use crate::manifest::lock::{FILE, Lock};
use crate::ops::{Context, lock};
use crate::plural::count;
use crate::sync::short;

/// Write the commit of every repo to workspace.lock
///
/// Commit that file: `fitout sync --locked` then checks out exactly these commits on every machine.
/// Each remote is contacted: a commit that is on none of its branches and tags is refused, because
/// nobody else could fetch it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing and contact no server; exit with status 1 if the file is not up to date
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let old = opened.lock()?;
    let found = lock::commits(context, &opened, old.as_ref())?;
    if !args.check {
        lock::ask_remotes(context, &opened, &found.checked_out)?;
    }
    let new = Lock::new(found.commits);
    if old.as_ref() == Some(&new) {
        context.ui.say(format_args!("{FILE} is up to date"));
        return Ok(Exit::Done);
    }
    if args.check {
        for (repo, commit) in &new.repos {
            let locked = old.as_ref().and_then(|old| old.repos.get(repo));
            if locked != Some(commit) {
                let locked = locked.map_or("nothing", |locked| short(locked));
                context.ui.data(format_args!(
                    "{repo}: at {}, locked at {locked}",
                    short(commit)
                ))?;
            }
        }
        context.ui.say(format_args!("{FILE} is not up to date"));
        context.ui.hint("fitout lock");
        return Ok(Exit::Findings);
    }
    files::write_within(&opened.root, FILE, &new.render()?, Mode::Shared)?;
    let repos = count(new.repos.len(), "repo");
    context.ui.say(format_args!("wrote {FILE}: {repos}"));
    Ok(Exit::Done)
}
