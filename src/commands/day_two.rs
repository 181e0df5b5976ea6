//! Everyday commands: short forms of `docker compose` that work from any folder of the workspace.
//!
//! Each of them determines the project and the service, reports early what Docker would report late
//! or not at all, and then execs `docker compose`, so that exit status, signals and terminal are
//! handled by Compose.

use std::ffi::OsString;

use anyhow::anyhow;

use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::browser;
use crate::ops::project::{Project, become_compose, terminal};
use crate::ops::{Context, Opened};
use crate::running;
use crate::workspace::VolumeSource;

/// The commands of this family.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the logs of services
    Logs(LogsArgs),
    /// Run a command in the running container of a service
    ///
    /// Inside a repo, the service can be omitted: `fitout exec npm test`.
    Exec(RunArgs),
    /// Open a shell in the running container of a service: bash if available, otherwise sh
    Sh(ServiceArgs),
    /// Run a command in a new container of a service, and remove it afterwards
    ///
    /// Inside a repo, the service can be omitted. Dependencies of the service are started.
    Run(RunArgs),
    /// List the containers of the workspace
    Ps(NamesArgs),
    /// Show the CPU and memory usage of the containers
    Stats(NamesArgs),
    /// Stop services, but keep containers and data
    Stop(ChoiceArgs),
    /// Restart services
    Restart(ChoiceArgs),
    /// Remove the workspace's containers and network, and with --volumes its data
    Down(DownArgs),
    /// Open a service in the browser, or print its URL if there is no browser or no terminal
    Open(ServiceArgs),
    /// Run any docker compose command in the workspace's folder
    Compose(ComposeArgs),
}

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Follow the logs until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Number of lines to show per container
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<u64>,
    /// Only show logs since a time: `10m`, or a date and time
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Show timestamps
    #[arg(short, long)]
    timestamps: bool,
}

/// Several services, or those of the repo that the user is in, or all.
#[derive(Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// Services; defaults to those of the repo that you are in, or else to all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// All services, even inside a repo
    #[arg(short, long, conflicts_with = "services")]
    all: bool,
}

/// Some services, or all.
#[derive(Debug, clap::Args)]
pub(crate) struct NamesArgs {
    /// Services; defaults to all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// One service.
#[derive(Debug, clap::Args)]
pub(crate) struct ServiceArgs {
    /// Service; defaults to that of the repo that you are in
    #[arg(value_name = "SERVICE")]
    service: Option<String>,
}

/// A command for a service.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Service and command; inside a repo, the service can be omitted
    #[arg(
        value_name = "[SERVICE] COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

/// Arguments of `down`.
#[derive(Debug, clap::Args)]
pub(crate) struct DownArgs {
    /// Also remove the volumes; the data of all services is lost
    #[arg(long)]
    volumes: bool,
    /// Remove volumes without asking
    #[arg(short, long)]
    yes: bool,
}

/// Arguments of `compose`: anything.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ComposeArgs {
    /// Arguments for `docker compose`
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

/// The preferred shell, otherwise one that every image with a shell has.
const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi",
];

/// Runs one of the commands. Only returns if Compose can't be started.
pub(crate) fn run(context: &Context, command: &Command) -> CommandResult {
    let opened = context.open()?;
    let project = Project::new(context, &opened);
    match command {
        Command::Logs(args) => logs(&project, args),
        Command::Exec(args) => {
            let (service, words) = project.service_and_command(&args.words)?;
            exec(&project, &service, words)
        }
        Command::Sh(args) => exec(&project, &project.one(args.service.as_deref())?, &SHELL),
        Command::Run(args) => {
            let (service, words) = project.service_and_command(&args.words)?;
            let compose = terminal(project.compose()?.args(["run", "--rm"]), context);
            become_compose(compose.arg(service).args(words))
        }
        Command::Ps(args) => {
            project.known(&args.services)?;
            become_compose(project.to_read()?.arg("ps").args(&args.services))
        }
        Command::Stats(args) => {
            project.known(&args.services)?;
            let mut compose = project.to_read()?.arg("stats");
            if !context.ui.has_terminal() {
                compose = compose.arg("--no-stream");
            }
            become_compose(compose.args(&args.services))
        }
        Command::Stop(args) => on_choice(&project, "stop", args),
        Command::Restart(args) => on_choice(&project, "restart", args),
        Command::Down(args) => down(context, &opened, &project, args),
        Command::Open(args) => open(context, &opened, &project, args),
        Command::Compose(args) => {
            if changes(&args.arguments) {
                project.require_own()?;
            }
            become_compose(project.any()?.args(&args.arguments))
        }
    }
}

/// Compose commands that change neither running containers nor their data.
const READING: [&str; 15] = [
    "build", "config", "convert", "events", "help", "images", "logs", "ls", "port", "ps", "pull",
    "stats", "top", "version", "volumes",
];
/// Options before the command that take a value.
const WITH_VALUE: [&str; 8] = [
    "--ansi",
    "--env-file",
    "--file",
    "--parallel",
    "--profile",
    "--progress",
    "--project-directory",
    "-f",
];
/// Options before the command that select a project other than this workspace's.
const OTHER_PROJECT: [&str; 2] = ["-p", "--project-name"];

/// Whether this command line may change containers or volumes of this workspace's project.
fn changes(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        let option = word.split('=').next().unwrap_or_default();
        if OTHER_PROJECT.contains(&option) || word.starts_with("-p") {
            return false;
        }
        if ["-h", "--help", "-v", "--version"].contains(&word.as_ref()) {
            return false;
        }
        if WITH_VALUE.contains(&word.as_ref()) {
            words.next();
        } else if !word.starts_with('-') {
            return !READING.contains(&word.as_ref());
        }
    }
    false
}

fn logs(project: &Project, args: &LogsArgs) -> CommandResult {
    let services = project.choice(&args.choice.services, args.choice.all)?;
    let mut compose = project.to_read()?.arg("logs");
    if args.follow {
        compose = compose.arg("--follow");
    }
    if args.timestamps {
        compose = compose.arg("--timestamps");
    }
    if let Some(lines) = args.tail {
        compose = compose.arg("--tail").arg(lines.to_string());
    }
    if let Some(when) = &args.since {
        compose = compose.arg("--since").arg(when);
    }
    become_compose(compose.args(services))
}

fn exec<S: AsRef<std::ffi::OsStr>>(project: &Project, service: &str, words: &[S]) -> CommandResult {
    let compose = terminal(project.in_container(service)?.arg("exec"), project.context);
    become_compose(compose.arg(service).args(words))
}

fn on_choice(project: &Project, command: &str, args: &ChoiceArgs) -> CommandResult {
    let services = project.choice(&args.services, args.all)?;
    become_compose(project.to_change()?.arg(command).args(services))
}

fn down(context: &Context, opened: &Opened, project: &Project, args: &DownArgs) -> CommandResult {
    let compose = project.to_change()?.arg("down");
    if !args.volumes {
        return become_compose(compose);
    }
    if !args.yes {
        let question = format!(
            "Remove the data of {}? This can't be undone",
            volumes(opened)
        );
        if !context.ui.can_prompt() {
            return Err(Failure::usage(anyhow!(
                "`--volumes` removes data, and can't ask without a terminal"
            ))
            .hint("to remove it without asking, run `fitout down --volumes --yes`"));
        }
        if !context.ui.confirm_loss(&question)? {
            context.ui.say("nothing removed");
            return Ok(Exit::Done);
        }
    }
    become_compose(compose.arg("--volumes"))
}

/// Returns the services that have named volumes, for the prompt.
fn volumes(opened: &Opened) -> String {
    let named: Vec<String> = opened
        .workspace
        .services
        .iter()
        .filter(|service| {
            let mut volumes = service.volumes.iter();
            volumes.any(|volume| matches!(volume.source, VolumeSource::Named(_)))
        })
        .map(|service| format!("`{}`", service.name))
        .collect();
    if named.is_empty() {
        "all services".to_owned()
    } else {
        named.join(", ")
    }
}

fn open(
    context: &Context,
    opened: &Opened,
    project: &Project,
    args: &ServiceArgs,
) -> CommandResult {
    let service = project.one(args.service.as_deref())?;
    let states = project.to_read()?.services();
    let states = states.context("can't get the running services")?;
    let rows = running::rows(&opened.workspace, &opened.personal, &states);
    let row = rows.iter().find(|row| row.service == service);
    let urls = row.map_or(&[][..], |row| &row.urls);
    let Some(url) = urls.iter().find(|url| url.starts_with("http")) else {
        let state = row.map_or("not started", |row| row.state.as_str());
        let failure = Failure::failed(anyhow!("can't open `{service}`: it is {state}"));
        return Err(match urls.first() {
            Some(url) => failure.hint(format!("it listens at {url}, which is not a web page")),
            None => failure.hint(format!(
                "`fitout up {service}` starts it, if it has `ports`"
            )),
        });
    };
    if !(context.ui.has_terminal() && browser::open(url)) {
        context.ui.data(url)?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_for_compose_changes_something_unless_it_is_known_to_read() {
        let cases = [
            ("", false),
            ("--help", false),
            ("ps --all", false),
            ("-f more.yml logs", false),
            ("--file=more.yml config", false),
            ("--profile debug ps", false),
            ("down --volumes", true),
            ("--profile ps up", true),
            ("-f ps rm", true),
            ("--ansi never stop", true),
            ("exec db dropdb shop", true),
            ("something-new", true),
            // The user's own choice, as after `docker compose`.
            ("-p other down", false),
            ("-pother down", false),
            ("--project-name=other down", false),
        ];
        for (line, expected) in cases {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(changes(&words), expected, "{line}");
        }
    }
}
