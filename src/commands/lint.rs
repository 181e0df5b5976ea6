//! `fitout lint`: reports mistakes in the workspace's Dockerfiles, and fixes them.

use anyhow::anyhow;

use crate::dockerfile::finding::Level;
use crate::dockerfile::linters::Linter;
use crate::dockerfile::report::{Look, Report};
use crate::dockerfile::sarif;
use crate::error::{CommandResult, Exit, Failure};
use crate::ops::{Context, lint};

/// Check the Dockerfiles and ignore files of the repos
///
/// Checks the Dockerfile of each service, other Dockerfiles next to it, and those at the root of
/// its repo. `Dockerfile.dev` and the like are for development, all others for production. Each
/// finding has a rule, a location, a reason and a fix; docs/lint.md has the exact rules. To ignore
/// a rule for an instruction, put a comment above it: `# fitout: ignore=RULE reason`.
///
/// The exit status is 1 if there are findings.
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON_HELP)]
pub(crate) struct Args {
    /// Services to check; defaults to all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Only check production images
    #[arg(long)]
    production: bool,
    /// Apply mechanical fixes, then report the remaining findings
    #[arg(long)]
    fix: bool,
    /// Also run these linters; duplicate findings are reported once
    #[arg(long, value_name = "LINTER", value_delimiter = ',', value_enum)]
    with: Vec<Other>,
    /// Lowest level that sets the exit status to 1
    #[arg(long, value_name = "LEVEL", default_value = "info", value_enum)]
    fail_on: FailOn,
    /// Output format
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
    /// Human-readable text
    #[default]
    Text,
    /// JSON with a `schema_version`
    Json,
    /// SARIF 2.1.0, for code scanning tools
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

/// The lowest level that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Any finding
    #[default]
    Info,
    /// Costs time or security
    Warning,
    /// Wrong
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

/// A run without any files must not look like a run without findings.
fn nothing(context: &Context, args: &Args, skipped: &[String]) -> CommandResult {
    let what = if args.production {
        "production Dockerfile"
    } else {
        "Dockerfile"
    };
    if skipped.is_empty() && args.services.is_empty() {
        context.ui.say(format_args!("no {what} found"));
        if args.format != Format::Text {
            print(context, args.format, &Report::default())?;
        }
        return Ok(Exit::Done);
    }
    if skipped.is_empty() {
        let named = args.services.join("`, `");
        let error = anyhow!("no {what} found for `{named}`");
        return Err(Failure::failed(error).hint("run `fitout lint` to check those of all repos"));
    }
    Err(Failure::failed(anyhow!("no {what} found"))
        .hint("run `fitout sync` to clone missing repos"))
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
