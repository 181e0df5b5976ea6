//! `fitout doctor --fix`: shows what it would do, asks, and does it.
//!
//! What may be done is doctor's [`Fix`]: nothing that needs another user, removes or overwrites.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use super::{Args, Examination, Opened, depth};
use crate::commands::Format;
use crate::doctor::check::Fix;
use crate::doctor::report::Report;
use crate::doctor::select::Selection;
use crate::error::Failure;
use crate::host::files::{self, Mode};
use crate::host::interrupt;
use crate::ops::generate::{self, Overwrite};
use crate::ops::{Context, sync};

/// What is there afterwards.
pub(super) struct Fixed {
    pub report: Report,
    /// The user has seen it already, before the question.
    pub is_printed: bool,
}

/// Fixes what the report says can be fixed, and what comes to light by that.
pub(super) fn fix(
    context: &Context,
    args: &Args,
    opened: &Arc<Opened>,
    selection: &Selection,
    mut report: Report,
) -> Result<Fixed, Failure> {
    let mut tried: Vec<Fix> = Vec::new();
    loop {
        let mut fixes = report.fixes();
        fixes.retain(|fix| !tried.contains(fix));
        if fixes.is_empty() {
            if tried.is_empty() {
                context.ui.say("--fix finds nothing that it can safely do");
            }
            return Ok(Fixed {
                report,
                is_printed: false,
            });
        }
        let is_printed = args.format == Format::Text && !args.yes;
        if is_printed {
            super::print(context, args.format, &report)?;
            context.ui.say("");
        }
        context.ui.say("--fix will");
        for line in lines(&fixes) {
            context.ui.say(format_args!("  {line}"));
        }
        if !args.yes && !agreed(context)? {
            context.ui.say("nothing is changed");
            return Ok(Fixed { report, is_printed });
        }
        apply(context, opened, &fixes)?;
        if interrupt::requested() {
            return Err(Failure::interrupted());
        }
        tried.extend(fixes);
        report = Examination::of(Some(Arc::clone(opened)), depth(args))?.run(selection);
    }
}

/// What is done, in the order in which it is done.
fn lines(fixes: &[Fix]) -> Vec<String> {
    let lines = fixes.iter().map(|fix| match fix {
        Fix::Clone(repo) => format!("clone `{repo}`"),
        Fix::Generate => "write the generated files, as `fitout generate` does".to_owned(),
        Fix::Create { file, from } => format!("create `{file}` from `{from}`"),
    });
    lines.collect()
}

fn agreed(context: &Context) -> Result<bool, Failure> {
    if !context.ui.can_prompt() {
        let error = anyhow!("`--fix` asks before it changes something, and nobody can answer");
        return Err(
            Failure::usage(error).hint("to do it without asking: fitout doctor --fix --yes")
        );
    }
    Ok(context.ui.confirm("Do this?") == Some(true))
}

/// One that fails stops no other; the next report says what is left.
fn apply(context: &Context, opened: &Opened, fixes: &[Fix]) -> Result<(), Failure> {
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

/// It will hold secrets, so nobody else may read it.
fn create(opened: &Opened, file: &str, from: &str) -> anyhow::Result<()> {
    let text = files::read(&opened.root.join(from))?;
    let text = text.with_context(|| format!("`{from}` is gone"))?;
    files::create_within(&opened.root, file, &text, Mode::Private)
}
