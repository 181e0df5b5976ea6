//! `fitout lock`: writes down the commit of every repo, for `fitout sync --locked`.

use anyhow::anyhow;
use indexmap::IndexMap;

use super::{Context, Opened};
use crate::error::{CommandResult, Exit, Failure};
use crate::git::local;
use crate::host::files::{self, Mode};
use crate::manifest::lock::{self, Lock};
use crate::plural::count;
use crate::shell;
use crate::sync::{Place, short};

/// Write the commit of every repo into workspace.lock
///
/// Commit that file: `fitout sync --locked` then brings the whole workspace to exactly these commits,
/// on every machine. A commit that is not pushed is refused, since nobody else could get it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing; exit with 1 when the file does not say what is checked out
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    let old = read(&opened)?;
    let new = Lock::new(commits(context, &opened, old.as_ref())?);
    if old.as_ref() == Some(&new) {
        context.ui.say(format_args!("{} is up to date", lock::FILE));
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
        let file = lock::FILE;
        context.ui.say(format_args!("{file} is not up to date"));
        context.ui.hint("fitout lock");
        return Ok(Exit::Findings);
    }
    files::write_within(&opened.root, lock::FILE, &new.render()?, Mode::Shared)?;
    let repos = count(new.repos.len(), "repo");
    context
        .ui
        .say(format_args!("wrote {}: {repos}", lock::FILE));
    Ok(Exit::Done)
}

/// The lock file, if there is one.
pub fn read(opened: &Opened) -> Result<Option<Lock>, Failure> {
    let Some(text) = files::read(&opened.root.join(lock::FILE)).map_err(Failure::usage)? else {
        return Ok(None);
    };
    Lock::parse(&text).map(Some).map_err(|error| {
        Failure::usage(anyhow!(error).context(format!("can't read `{}`", lock::FILE)))
            .hint("to write it anew from what is checked out, remove it and run `fitout lock`")
    })
}

/// A repo that this person leaves out keeps its commit; every other one has to be there.
fn commits(
    context: &Context,
    opened: &Opened,
    old: Option<&Lock>,
) -> Result<IndexMap<String, String>, Failure> {
    let mut commits = IndexMap::new();
    for repo in opened.personal.repos(&opened.workspace) {
        let name = &repo.name;
        if repo.skip {
            if let Some(commit) = old.and_then(|old| old.repos.get(name)) {
                commits.insert(name.clone(), commit.clone());
            }
            continue;
        }
        let state = local::observe(&opened.root, &repo);
        let clone = match state.place {
            Place::Clone(clone) => clone,
            other => {
                let why = other
                    .obstacle()
                    .unwrap_or_else(|| "it is not cloned".to_owned());
                return Err(Failure::failed(anyhow!("can't lock `{name}`: {why}"))
                    .hint(format_args!("fitout sync {name}")));
            }
        };
        let (commit, is_published) = local::head_commit(&opened.root, &repo)
            .map_err(|error| anyhow!(error).context(format!("can't lock `{name}`")))?;
        if !is_published {
            let error = anyhow!("can't lock `{name}`: {} is not pushed", short(&commit));
            return Err(Failure::failed(error).hint(format_args!(
                "git -C {} push {} HEAD",
                shell::word(repo.local_path.as_ref().unwrap_or(&repo.path)),
                clone.remote
            )));
        }
        if clone.changes.tracked() > 0 {
            let changes = count(clone.changes.tracked(), "local change");
            context.ui.warn(format_args!(
                "{name} has {changes}, which a lock does not hold"
            ));
        }
        commits.insert(name.clone(), commit);
    }
    Ok(commits)
}
