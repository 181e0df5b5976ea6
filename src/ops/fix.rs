//! What `fitout doctor --fix` does.
//!
//! [`Fix`] lists the possible fixes: none of them needs root, removes or overwrites anything.

use super::generate::{self, Overwrite};
use super::{Context, Opened, sync};
use anyhow::anyhow;

use crate::doctor::outcome::Fix;
use crate::error::Failure;
use crate::host::files::{self, Mode};
use crate::host::interrupt;

/// Returns descriptions of the fixes, in order.
pub(crate) fn lines(fixes: &[Fix]) -> Vec<String> {
    let lines = fixes.iter().map(|fix| match fix {
        Fix::Clone(repo) => format!("clone `{repo}`"),
        Fix::Generate => "write the generated files, as `fitout generate` does".to_owned(),
        Fix::Create { file, from } => format!("create `{file}` from `{from}`"),
    });
    lines.collect()
}

/// A failing fix doesn't stop the others; the next report shows what is left.
pub(crate) fn apply(context: &Context, opened: &Opened, fixes: &[Fix]) -> Result<(), Failure> {
    let repos: Vec<String> = fixes
        .iter()
        .filter_map(|fix| match fix {
            Fix::Clone(repo) => Some(repo.clone()),
            Fix::Generate | Fix::Create { .. } => None,
        })
        .collect();
    if !repos.is_empty() {
        let options = sync::Options {
            repos,
            ..sync::Options::default()
        };
        let synced = sync::sync(context, opened, &options)?;
        for failed in synced.repos.iter().filter(|repo| !repo.outcome.is_fine()) {
            let why = failed.note.as_deref().unwrap_or_default();
            context.ui.warn(format_args!("{}: {why}", failed.name));
        }
    }
    for fix in fixes {
        if interrupt::requested() {
            return Ok(());
        }
        match fix {
            Fix::Clone(_) => {}
            Fix::Generate => {
                if let Err(failure) = generate::generate(context, opened, Overwrite::Never) {
                    context.ui.warn(format_args!("{:#}", failure.error));
                }
            }
            Fix::Create { file, from } => match create(opened, file, from) {
                Ok(()) => context.ui.say(format_args!("created {file}")),
                Err(error) => context.ui.warn(format_args!("{error:#}")),
            },
        }
    }
    Ok(())
}

/// It will contain secrets, so only this user may read it.
fn create(opened: &Opened, file: &str, from: &str) -> anyhow::Result<()> {
    let text = files::read(&opened.root.join(from))?;
    let text = text.ok_or_else(|| anyhow!("`{from}` no longer exists"))?;
    files::create_within(&opened.root, file, &text, Mode::Private)
}
