//! `fitout doctor`: what on this machine is not ready, and the command that fixes it.

mod fix;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};

use fix::Fixed;

use super::Format;
use crate::compose::owner::Owner;
use crate::compose::selection::Selection as ComposeSelection;
use crate::compose::text::Origin;
use crate::docker::Container;
use crate::doctor::check::Check;
use crate::doctor::finding::DriftSeen;
use crate::doctor::judge::{self, Setting};
use crate::doctor::probes::{self, Generated, Machine};
use crate::doctor::report::{self, Detail, Report};
use crate::doctor::run::{self, Prober};
use crate::doctor::select::{self, Selection};
use crate::doctor::{catalogue, variables::Variables};
use crate::dotenv;
use crate::error::{CommandResult, Exit, Failure};
use crate::host::interrupt;
use crate::manifest;
use crate::ops::{Context, Opened, generate, sync};
use crate::ui::Verbosity;
use crate::ui::table::Table;

/// Check what is not ready on this machine, and say how to fix it
///
/// Failures come first, each with what was found and the command that fixes it; what is in order is
/// only counted (`-v` lists it). A check whose prerequisite failed is skipped, and a probe that
/// crashes or takes longer than 5 s is `unknown`, not failed. Nothing is changed without `--fix`.
///
/// `--deep` starts a container on the project's network for a moment. It proves that containers reach
/// this machine at `DOCKER_HOST_IP`, and each service that has `runs_on = "host"`. No image is pulled.
///
/// Exit status 1 when a check has failed. docs/doctor.md lists all checks.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub struct Args {
    /// Report these checks only, and what they need: an id, a group, or parts with `*`
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave these checks out
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Check also from inside of a container, which is started for it and removed again
    #[arg(long)]
    deep: bool,
    /// Do what can do no harm: clone, generate, create env files from their examples; asks first
    #[arg(long, conflicts_with = "list")]
    fix: bool,
    /// Don't ask before `--fix` does it
    #[arg(short, long, requires = "fix")]
    yes: bool,
    /// The mildest verdict that makes the exit status 1
    #[arg(long, value_name = "STATUS", default_value = "fail", value_enum)]
    fail_on: FailOn,
    /// List the checks and run none
    #[arg(long)]
    list: bool,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

/// What makes the exit status 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
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

/// Runs the command.
pub fn run(context: &Context, args: &Args) -> CommandResult {
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
        let error = anyhow!("`--fix` needs a workspace: it clones repos and writes files of one");
        return Err(Failure::usage(error)
            .hint("to make a workspace here: fitout init")
            .hint("to look at this machine alone: fitout doctor"));
    }
    if args.deep || args.fix {
        // What was made for a probe is taken away first; what was begun is made whole.
        interrupt::listen().context("can't listen for Ctrl-C")?;
    }
    let report = examination.run(&selection);
    if interrupt::requested() {
        return Err(Failure::interrupted());
    }
    let Fixed { report, is_printed } = match opened {
        Some(opened) if args.fix => fix::fix(context, args, &opened, &selection, report)?,
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

/// A new machine has no workspace yet, and can be looked at all the same.
fn opened(context: &Context) -> Result<Option<Opened>, Failure> {
    let mut folders = context.cwd.ancestors();
    if folders.any(|folder| folder.join(manifest::FILE).exists()) {
        return context.open().map(Some);
    }
    context.ui.say(format_args!(
        "there is no `{}` in `{}` or in a folder above it: only this machine is checked",
        manifest::FILE,
        context.cwd.display()
    ));
    Ok(None)
}

fn reject_unmatched(
    selection: &Selection,
    checks: &[Check],
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
        return Err(failure.hint("only `fitout doctor --deep` has this check"));
    }
    let failure = match select::meant(first, checks.iter().chain(&deep)) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure,
    };
    Err(failure.hint("`fitout doctor --deep --list` shows all checks"))
}

fn list(
    context: &Context,
    format: Format,
    examination: &Examination,
    selection: &Selection,
) -> Result<(), Failure> {
    let all = examination.checks.iter();
    let listed = all.filter(|check| selection.wants(check));
    match format {
        Format::Json => {
            let workspace = examination.workspace.as_ref();
            let workspace = workspace.map(|root| root.display().to_string());
            let listed: Vec<&Check> = listed.collect();
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

/// How far checks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// They look, and start nothing.
    Shallow,
    /// They may start a container for a moment.
    Deep,
}

/// The checks of this machine, ready to run.
pub struct Examination {
    /// All of them.
    pub checks: Vec<Check>,
    workspace: Option<PathBuf>,
    machine: Arc<Machine>,
    setting: Setting,
}

impl Examination {
    /// Of a workspace and the machine that it is on, or of the machine alone.
    pub fn of(opened: Option<Arc<Opened>>, depth: Depth) -> Result<Self, Failure> {
        let here = std::env::current_dir().context("can't find the working folder")?;
        let Some(opened) = opened else {
            let variables = Variables::default();
            let nothing = Box::new(|| Err("no workspace".to_owned()));
            return Ok(Examination {
                checks: catalogue::machine(),
                workspace: None,
                machine: Arc::new(Machine::new(
                    here,
                    ComposeSelection::default(),
                    variables,
                    nothing,
                    Box::new(Vec::new),
                )),
                setting: Setting {
                    system: probes::system(),
                    workspace: String::new(),
                },
            });
        };
        let root = opened.root.clone();
        // An unreadable `.env` is a finding; it should not keep the other checks from being made.
        let (variables, unreadable) = match probes::variables(&root) {
            Ok(variables) => (variables, None),
            Err(error) => (probes::variables_of(""), Some(error.to_string())),
        };
        let selection = opened.selection_as_far_as_known(&variables);
        let mut checks = catalogue::workspace(&opened.workspace, &opened.personal, &variables);
        if depth == Depth::Deep {
            let Opened {
                workspace,
                personal,
                ..
            } = &*opened;
            checks.extend(catalogue::deep(workspace, personal, &variables));
        }
        if let Some(why) = unreadable {
            catalogue::env_file_unreadable(&mut checks, &why);
        }
        let extra = {
            let opened = Arc::clone(&opened);
            Box::new(move || {
                let unnamed = sync::unnamed(&opened).into_iter();
                unnamed.map(|clone| (clone.path, clone.url)).collect()
            })
        };
        let compare = Box::new(move || compare(&opened));
        Ok(Examination {
            checks,
            setting: Setting {
                system: probes::system(),
                workspace: way_to(&here, &root),
            },
            machine: Arc::new(Machine::new(
                root.clone(),
                selection,
                variables,
                compare,
                extra,
            )),
            workspace: Some(root),
        })
    }

    /// The containers of this machine, also those that have ended: asked for once.
    pub fn containers(&self) -> &[Container] {
        self.machine.containers()
    }

    /// The name of the Compose project.
    pub fn project(&self) -> &str {
        &self.machine.selection().project
    }

    /// Whose that project is.
    pub fn owner(&self) -> &Owner {
        self.machine.owner()
    }

    /// Runs what is selected and what that needs. What it needs is reported when it is not in order.
    pub fn run(self, selection: &Selection) -> Report {
        let machine = self.machine;
        let prober: Prober = Arc::new(move |probe| machine.probe(probe));
        let checks = selection.apply(self.checks);
        let setting = self.setting;
        let mut checked = run::run(checks, run::LIMIT, &prober, |check, observed| {
            judge::judge(check, observed, &setting)
        });
        checked.retain(|checked| {
            let is_fine = checked.outcome.status > crate::doctor::check::Status::Skipped;
            selection.wants(&checked.check) || !is_fine
        });
        Report {
            workspace: self.workspace.map(|root| root.display().to_string()),
            checked,
        }
    }
}

/// What `generate` would change, in doctor's words.
fn compare(opened: &Opened) -> Result<Generated, String> {
    let plan = generate::plan(opened).map_err(|failure| format!("{:#}", failure.error))?;
    let changed = |name: &str| {
        let file = plan.files.iter().find(|file| file.name == name);
        file.is_some_and(|file| file.change.is_some())
    };
    let parts = plan
        .differences
        .iter()
        .map(|difference| difference.part.clone());
    let ignore_file = Some(dotenv::IGNORE_FILE.to_owned()).filter(|name| changed(name));
    let drift = match plan.origin {
        None => DriftSeen::Missing,
        Some(Origin::Edited) if plan.would_lose_edits() => DriftSeen::EditedByHand,
        Some(Origin::Foreign) if plan.would_lose_edits() => DriftSeen::Foreign,
        _ if plan.has_drift() => DriftSeen::Outdated(parts.chain(ignore_file).collect()),
        _ => DriftSeen::Same,
    };
    Ok(Generated {
        drift,
        env_block: !changed(dotenv::FILE),
    })
}

/// What to put before a path of the workspace, so that it can be typed here.
fn way_to(here: &Path, root: &Path) -> String {
    match here.strip_prefix(root) {
        Ok(below) => {
            let ups: Vec<&str> = below.components().map(|_| "..").collect();
            ups.join("/")
        }
        Err(_) => root.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_workspace_are_shown_as_the_user_can_type_them() {
        let cases = [
            ("/w", ""),
            ("/w/api", ".."),
            ("/w/api/src", "../.."),
            ("/elsewhere", "/w"),
        ];
        for (here, expected) in cases {
            assert_eq!(way_to(Path::new(here), Path::new("/w")), expected);
        }
    }
}
