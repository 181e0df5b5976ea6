//! `fitout doctor`: reports what is not ready on this machine, and how to fix it.

use std::sync::Arc;

use anyhow::anyhow;

use super::Format;
use crate::doctor::check::About;
use crate::doctor::outcome::Fix;
use crate::doctor::report::{self, Detail, Report};
use crate::doctor::run::AnyCheck;
use crate::doctor::select::{self, Selection};
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::manifest;
use crate::ops::examine::{Depth, Examination};
use crate::ops::{Context, Opened, fix};
use crate::ui::Verbosity;
use crate::ui::table::Table;

/// Check this machine and workspace, and show how to fix problems
///
/// Failures come first, each with what was found and the command that fixes it; passed checks are
/// only counted (`-v` lists them). Checks whose prerequisite failed are skipped. If a check crashes
/// or takes longer than 5 s, its status is `unknown`. Nothing is changed without `--fix`.
///
/// `--deep` starts a temporary container on the project's network, to verify that containers can
/// reach this machine at `DOCKER_HOST_IP`, and each service with `runs_on = "host"`. No image is
/// pulled.
///
/// The exit status is 1 if a check has failed. docs/doctor.md lists all checks.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Only run these checks and their prerequisites: an id, a group, or a pattern with `*`
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Don't run these checks
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Also check from inside a temporary container
    #[arg(long)]
    deep: bool,
    /// Apply safe fixes: clone, generate, create env files from their examples; asks first
    #[arg(long, conflicts_with = "list")]
    fix: bool,
    /// Don't ask before applying fixes
    #[arg(short, long, requires = "fix")]
    yes: bool,
    /// Lowest severity that sets the exit status to 1
    #[arg(long, value_name = "STATUS", default_value = "fail", value_enum)]
    fail_on: FailOn,
    /// List the checks without running them
    #[arg(long)]
    list: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

/// What sets the exit status to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FailOn {
    /// A failure or a warning
    Warn,
    /// A failure
    #[default]
    Fail,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  workspace       the folder, or null outside of a workspace
  summary         how many checks are fail, warn, unknown, skipped, info, pass
  checks          in a fixed order, each with:
    id, group, subject  what is checked: `ports.auth.3000`, `ports`, a phrase
    status              fail | warn | unknown | skipped | info | pass
    found               what was found, a sentence
    remedy              null, or {\"run\": [commands], \"note\": text or null}
    needs               ids of the checks without which this one is skipped
    skipped_because     null, or the id of the check that failed
    fixable             whether --fix does something about it
With --list: schema_version, workspace, and checks with id, group, subject, needs.";

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let selection = Selection {
        only: args.only.clone(),
        skip: args.skip.clone(),
    };
    let opened = opened(context)?.map(Arc::new);
    let examination = Examination::of(opened.clone(), depth(args))?;
    reject_unmatched(
        &selection,
        &examination.checks,
        opened.as_ref(),
        depth(args),
    )?;
    if args.list {
        list(context, args.format, &examination, &selection)?;
        return Ok(Exit::Done);
    }
    if args.fix && opened.is_none() {
        let error = anyhow!("`--fix` needs a workspace");
        return Err(Failure::usage(error)
            .hint("to create a workspace here: fitout init")
            .hint("to check only this machine: fitout doctor"));
    }
    if args.deep || args.fix {
        // On Ctrl-C, temporary containers are removed and started work is completed first.
        interrupt::listen().context("can't listen for Ctrl-C")?;
    }
    let report = examination.run(&selection);
    if interrupt::requested() {
        return Err(Failure::interrupted());
    }
    let Fixed { report, is_printed } = match opened {
        Some(opened) if args.fix => fix(context, args, &opened, &selection, report)?,
        _ => Fixed {
            report,
            is_printed: false,
        },
    };
    if !is_printed {
        print(context, args.format, &report)?;
    }
    let is_bad = match args.fail_on {
        FailOn::Warn => report.has_failures() || report.has_warnings(),
        FailOn::Fail => report.has_failures(),
    };
    Ok(if is_bad { Exit::Findings } else { Exit::Done })
}

fn depth(args: &Args) -> Depth {
    if args.deep {
        Depth::Deep
    } else {
        Depth::Shallow
    }
}

fn print(context: &Context, format: Format, report: &Report) -> Result<(), Failure> {
    match format {
        Format::Json => context.ui.json(&report.json()?)?,
        Format::Text => {
            let detail = match context.ui.verbosity() {
                Verbosity::Verbose => Detail::Full,
                Verbosity::Normal | Verbosity::Quiet => Detail::Brief,
            };
            context.ui.data(report.text(detail))?;
        }
    }
    Ok(())
}

/// A new machine has no workspace yet, but can be checked anyway.
fn opened(context: &Context) -> Result<Option<Opened>, Failure> {
    let opened = context.open_if_any()?;
    if opened.is_some() {
        return Ok(opened);
    }
    context.ui.say(format_args!(
        "there is no `{}` in `{}` or in a parent folder: only this machine is checked",
        manifest::FILE,
        context.cwd.display()
    ));
    Ok(None)
}

fn reject_unmatched(
    selection: &Selection,
    checks: &[AnyCheck],
    opened: Option<&Arc<Opened>>,
    depth: Depth,
) -> Result<(), Failure> {
    let unmatched = selection.unmatched(checks);
    let Some(first) = unmatched.first() else {
        return Ok(());
    };
    let failure = Failure::usage(anyhow!("no check matches `{first}`"));
    let deep = match depth {
        Depth::Deep => Vec::new(),
        Depth::Shallow => Examination::of(opened.cloned(), Depth::Deep)?.checks,
    };
    if !selection.unmatched(&deep).contains(first) && !deep.is_empty() {
        return Err(failure.hint("this check needs `--deep`: `fitout doctor --deep`"));
    }
    let all = checks.iter().chain(&deep).map(|check| &check.about);
    let failure = match select::meant(first, all) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure,
    };
    Err(failure.hint("run `fitout doctor --deep --list` to list all checks"))
}

fn list(
    context: &Context,
    format: Format,
    examination: &Examination,
    selection: &Selection,
) -> Result<(), Failure> {
    let all = examination.checks.iter().map(|check| &check.about);
    let listed = all.filter(|check| selection.wants(check));
    match format {
        Format::Json => {
            let workspace = examination.workspace.as_ref();
            let workspace = workspace.map(|root| root.display().to_string());
            let listed: Vec<&About> = listed.collect();
            let json = report::list_json(workspace.as_deref(), &listed)?;
            context.ui.json(&json)?;
        }
        Format::Text => {
            let mut table = Table::default();
            for check in listed {
                table.push(vec![
                    check.id.as_str().into(),
                    check.subject.as_str().into(),
                ]);
            }
            context.ui.data(table)?;
        }
    }
    Ok(())
}

/// The report after the fixes.
struct Fixed {
    report: Report,
    /// Already printed before the prompt.
    is_printed: bool,
}

/// Applies the fixes in the report, and those that become possible afterwards.
fn fix(
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
                context.ui.say("nothing can be fixed automatically");
            }
            return Ok(Fixed {
                report,
                is_printed: false,
            });
        }
        let is_printed = args.format == Format::Text && !args.yes;
        if is_printed {
            print(context, args.format, &report)?;
            context.ui.say("");
        }
        context.ui.say("will be fixed:");
        for line in fix::lines(&fixes) {
            context.ui.say(format_args!("  {line}"));
        }
        if !args.yes && !agreed(context)? {
            context.ui.say("nothing was changed");
            return Ok(Fixed { report, is_printed });
        }
        fix::apply(context, opened, &fixes)?;
        if interrupt::requested() {
            return Err(Failure::interrupted());
        }
        tried.extend(fixes);
        report = Examination::of(Some(Arc::clone(opened)), depth(args))?.run(selection);
    }
}

fn agreed(context: &Context) -> Result<bool, Failure> {
    if !context.ui.can_prompt() {
        let error = anyhow!("`--fix` asks before it changes something, which needs a terminal");
        return Err(
            Failure::usage(error).hint("to apply fixes without asking: fitout doctor --fix --yes")
        );
    }
    context.ui.confirm("Apply these fixes?")
}
