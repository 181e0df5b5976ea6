//! `fitout lint`: what the Dockerfiles of the workspace could do better, and the change that fixes it.

use anyhow::anyhow;

use crate::dockerfile::finding::Level;
use crate::dockerfile::linters::Linter;
use crate::dockerfile::report::{Look, Report};
use crate::dockerfile::sarif;
use crate::error::{CommandResult, Exit, Failure};
use crate::ops::{Context, lint};

/// Look for mistakes in the Dockerfiles and ignore files of the repos
///
/// Looks at the Dockerfile of each service and at the others beside it and at the top of its repo.
/// `Dockerfile.dev` and the like are for development, all others for production. Each finding has
/// its rule, place, reason and remedy; docs/lint.md has the exact rules. A comment above an
/// instruction silences a rule there: `# fitout: ignore=RULE reason`.
///
/// Exit status 1 when something was found.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Look at these services; all where none is named
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Look at the production images only
    #[arg(long)]
    production: bool,
    /// Change the files where the remedy is mechanical, then report what is left
    #[arg(long)]
    fix: bool,
    /// Ask these linters, too; what they and fitout both say is said once
    #[arg(long, value_name = "LINTER", value_delimiter = ',', value_enum)]
    with: Vec<Other>,
    /// Exit with 1 when a finding weighs at least that much
    #[arg(long, value_name = "LEVEL", default_value = "info", value_enum)]
    fail_on: FailOn,
    /// How to print the findings
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

const JSON_HELP: &str = "\
JSON (--format json), one object:
  schema_version  1; raised when a field changes its meaning or goes away
  summary         how many files were looked at; how many findings are error, warning, info
  files           each with its `path` and its `purposes`: development, production
  findings        by file and line, each with:
    tool, rule, level     fitout or another linter; the rule's id; error | warning | info
    file, line, column    where it starts, from 1; columns count characters
    end_line, end_column  where it ends
    message, why, help    sentences; `help` may be null
    fix                   null, or the change as a unified diff
    also                  other linters that say the same
  skipped         what could not be looked at, sentences
  fixed           files that --fix has changed";

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs, with a `schema_version`
    Json,
    /// For code-scanning pages: SARIF 2.1.0
    Sarif,
}

/// Another linter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Other {
    /// hadolint
    Hadolint,
    /// trivy config
    Trivy,
    /// docker buildx build --call=check
    Buildkit,
}

/// The least level that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Anything
    #[default]
    Info,
    /// What costs time or safety
    Warning,
    /// What is wrong
    Error,
}

pub(crate) fn run(context: &Context, args: &Args) -> CommandResult {
    let opened = context.open()?;
    opened.require_services(&args.services)?;
    let linters = linters(&args.with);
    lint::require(&linters)?;
    let (mut files, skipped) = lint::find(&opened, &args.services, args.production)?;
    for reason in &skipped {
        context.ui.warn(reason);
    }
    if files.is_empty() {
        return nothing(context, args, &skipped);
    }
    let mut fixed = Vec::new();
    if args.fix {
        fixed = lint::fix_all(&opened.root, &mut files)?;
        for path in &fixed {
            context.ui.say(format_args!("fixed {path}"));
        }
    }
    let report = Report {
        files: lint::lint(&opened.root, files, &linters)?,
        skipped,
        fixed,
    };
    print(context, args.format, &report)?;
    let least = match args.fail_on {
        FailOn::Info => Level::Info,
        FailOn::Warning => Level::Warning,
        FailOn::Error => Level::Error,
    };
    Ok(if report.has(least) {
        Exit::Findings
    } else {
        Exit::Done
    })
}

fn linters(with: &[Other]) -> Vec<Linter> {
    let mut linters: Vec<Linter> = with
        .iter()
        .map(|other| match other {
            Other::Hadolint => Linter::Hadolint,
            Other::Trivy => Linter::Trivy,
            Other::Buildkit => Linter::Buildkit,
        })
        .collect();
    linters.sort_unstable();
    linters.dedup();
    linters
}

/// A run that has looked at nothing must not pass for one that has found nothing.
fn nothing(context: &Context, args: &Args, skipped: &[String]) -> CommandResult {
    let what = if args.production {
        "production Dockerfile"
    } else {
        "Dockerfile"
    };
    if skipped.is_empty() && args.services.is_empty() {
        context
            .ui
            .say(format_args!("there is no {what} to look at"));
        if args.format != Format::Text {
            print(context, args.format, &Report::default())?;
        }
        return Ok(Exit::Done);
    }
    if skipped.is_empty() {
        let named = args.services.join("`, `");
        let error = anyhow!("there is no {what} of `{named}` to look at");
        return Err(Failure::failed(error).hint("`fitout lint` looks at those of all repos"));
    }
    Err(Failure::failed(anyhow!("there is no {what} to look at"))
        .hint("`fitout sync` clones what is missing"))
}

fn print(context: &Context, format: Format, report: &Report) -> Result<(), Failure> {
    match format {
        Format::Text => context.ui.data(report.text(Look::Styled))?,
        Format::Json => context
            .ui
            .json(&serde_json::to_string_pretty(&report.json())?)?,
        Format::Sarif => {
            let log = sarif::log(report, env!("CARGO_PKG_VERSION"));
            context.ui.json(&serde_json::to_string_pretty(&log)?)?;
        }
    }
    Ok(())
}
