//! `fitout generate`: writes the compose file, and the blocks of `.env` and `.gitignore`.

use super::Format;
use crate::compose;
use crate::compose::drift::Change;
use crate::compose::effect::Effects;
use crate::error::{CommandResult, Exit};
use crate::ops::generate::{self, Overwrite, Plan};
use crate::ops::{Context, Opened, copies};
use crate::ui::{Ui, differences};

/// Write docker-compose.yml from the manifest, and this machine's values to .env
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Write nothing; exit with status 1 if a committed file is not up to date
    #[arg(long, conflicts_with_all = ["stdout", "force"])]
    check: bool,
    /// Write nothing; show the changes per service
    #[arg(long, conflicts_with_all = ["stdout", "force"])]
    diff: bool,
    /// Write nothing; print the compose file
    #[arg(long)]
    stdout: bool,
    /// Overwrite a compose file that was edited by hand or not written by fitout
    #[arg(long)]
    force: bool,
    /// Output format of --check
    #[arg(long, value_enum, default_value = "text", requires = "check")]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--check --format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  drift           whether a committed file is not up to date
  hand_edited     whether the compose file was edited by hand, or is not fitout's
  files           each with path, committed, change (added | changed | removed, or null)
  differences     in the compose file, each with part (services.web), change, and effect (what becomes
                  of the service's containers, in words, or null)
  effects         of all changes, also in .env, each with service, effect";

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    if args.stdout {
        context.ui.file(&compose::render(&opened.workspace))?;
        return Ok(Exit::Done);
    }
    if args.check || args.diff {
        let plan = generate::plan(&opened)?;
        return check(&context.ui, args, &opened, &plan);
    }
    let overwrite = if args.force {
        Overwrite::HandEdits
    } else {
        Overwrite::Never
    };
    generate::generate(context, &opened, overwrite)?;
    copies::record(context, &opened);
    copies::warn_of_namesakes(context, &opened);
    Ok(Exit::Done)
}

fn check(ui: &Ui, args: &Args, opened: &Opened, plan: &Plan) -> CommandResult {
    match args.format {
        Format::Json => {
            let json = json(plan, &generate::effects(opened, plan));
            ui.json(&serde_json::to_string_pretty(&json)?)?;
        }
        Format::Text => {
            if args.diff {
                let shown = differences::text(&plan.differences, &generate::effects(opened, plan));
                if !shown.is_empty() {
                    ui.data(shown)?;
                }
            }
            for file in &plan.files {
                if let (Some(change), true) = (file.change, file.committed || args.diff) {
                    let what = match change {
                        Change::Added => "is missing",
                        Change::Changed | Change::Removed => "is not up to date",
                    };
                    ui.say(format_args!("{} {what}", file.name));
                }
            }
            if plan.would_lose_edits() {
                ui.say(format_args!("{} was edited by hand", compose::FILE));
            }
        }
    }
    let drift = plan.has_drift();
    if plan.would_lose_edits() {
        ui.hint("run `fitout generate` to see the edit and where it belongs");
    } else if drift {
        ui.hint("run `fitout generate` and commit the result");
    } else {
        ui.say(format_args!("{} is up to date", compose::FILE));
    }
    Ok(if args.check && drift {
        Exit::Findings
    } else {
        Exit::Done
    })
}

fn json(plan: &Plan, effects: &Effects) -> serde_json::Value {
    let files = plan.files.iter().map(|file| {
        serde_json::json!({
            "path": file.name,
            "committed": file.committed,
            "change": file.change,
        })
    });
    let differences = plan.differences.iter().map(|difference| {
        serde_json::json!({
            "part": difference.part,
            "change": difference.change,
            "effect": differences::effect_of(difference, effects).map(ToString::to_string),
        })
    });
    let effects = effects.iter().map(
        |(service, effect)| serde_json::json!({ "service": service, "effect": effect.to_string() }),
    );
    serde_json::json!({
        "schema_version": 1,
        "drift": plan.has_drift(),
        "hand_edited": plan.would_lose_edits(),
        "files": files.collect::<Vec<_>>(),
        "differences": differences.collect::<Vec<_>>(),
        "effects": effects.collect::<Vec<_>>(),
    })
}
