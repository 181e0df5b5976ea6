//! Compose: detects the installed version, and runs it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use indexmap::IndexSet;
use rustix::process::{Pid, Signal, kill_process};

use super::Docker;
use super::containers;
use crate::compose::selection::{self, Selection};
use crate::error::{Classified, Kind};
use crate::host::interrupt;
use crate::host::process::{self, Output, RunError, Traced as _};
use crate::running::ServiceState;

/// The Compose installed on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComposeFound {
    /// `docker compose`, of this version.
    Plugin(String),
    /// Only a `docker-compose` with this version: Compose 2 that is not installed as a plugin, or
    /// Compose 1.
    Standalone(String),
    /// None.
    Missing,
}

/// Why Compose failed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// It could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its error messages.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
}

impl Classified for ComposeError {
    fn kind(&self) -> Kind {
        match self {
            ComposeError::Run(error) => error.kind(),
            ComposeError::Refused(_) => Kind::Failed,
        }
    }
}

/// Compose's messages without its log format: `time="…" level=warning msg="…"`.
pub fn messages(stderr: &str) -> Vec<String> {
    let mut messages = IndexSet::new();
    for line in stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let message = match line.split_once(" msg=") {
            Some((_, quoted)) => serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned()),
            None => line.to_owned(),
        };
        messages.insert(message);
    }
    messages.into_iter().collect()
}

/// Looks for the plugin first and for `docker-compose` second.
pub(super) fn find(docker: &Docker) -> Result<ComposeFound, RunError> {
    let mut plugin = Command::new("docker");
    plugin.args(["compose", "version", "--short"]);
    let plugin = process::run(without_the_shells(&mut plugin), docker.limit)?;
    if plugin.status.success() {
        return Ok(ComposeFound::Plugin(clean_version(&plugin.stdout)));
    }
    let mut standalone = Command::new("docker-compose");
    standalone.args(["version", "--short"]);
    match process::run(without_the_shells(&mut standalone), docker.limit) {
        Ok(output) if output.status.success() => {
            Ok(ComposeFound::Standalone(clean_version(&output.stdout)))
        }
        // One that this user can't execute doesn't count.
        Ok(_) | Err(RunError::NotFound(_) | RunError::Io { .. }) => Ok(ComposeFound::Missing),
        Err(error) => Err(error),
    }
}

/// Whether the client certainly lacks the plugin. Starts no process if the plugin is in one of the
/// usual places.
pub(super) fn is_missing(docker: &Docker) -> bool {
    !plugin_folders()
        .iter()
        .any(|folder| folder.join("docker-compose").exists())
        && find(docker).is_ok_and(|found| !matches!(found, ComposeFound::Plugin(_)))
}

/// The client's plugin folders, except those in its configuration: docker/cli,
/// `cli-plugins/manager/manager_unix.go`.
fn plugin_folders() -> Vec<PathBuf> {
    let of_user = std::env::var_os("DOCKER_CONFIG")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".docker")));
    let of_all = ["local/lib", "local/libexec", "lib", "libexec"];
    let of_all = of_all.map(|folder| Path::new("/usr").join(folder).join("docker"));
    let folders = of_user.into_iter().chain(of_all);
    folders.map(|folder| folder.join("cli-plugins")).collect()
}

/// `v2.26.1` and `2.26.1-4` (Debian's package) are 2.26.1.
fn clean_version(text: &str) -> String {
    text.trim().trim_start_matches('v').to_owned()
}

/// With a missing env file, Compose doesn't even print its version.
fn without_the_shells(command: &mut Command) -> &mut Command {
    for name in selection::DECIDED {
        command.env_remove(name);
    }
    command
}

/// How long Compose may take to stop: Docker's own limit for a container.
const GRACE: Duration = Duration::from_secs(10);
/// How often a run checks for Ctrl-C.
const TICK: Duration = Duration::from_millis(20);

fn not_started(source: std::io::Error) -> RunError {
    let program = "docker".to_owned();
    match source.kind() {
        std::io::ErrorKind::NotFound => RunError::NotFound(program),
        _ => RunError::Io { program, source },
    }
}

/// A `docker compose` command to be run.
#[derive(Clone, Debug)]
pub struct Compose {
    limit: Duration,
    folder: PathBuf,
    selection: Selection,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
}

impl Compose {
    pub(super) fn new(limit: Duration, folder: &Path, selection: Selection) -> Self {
        Compose {
            limit,
            folder: folder.to_owned(),
            selection,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        let arguments = arguments.into_iter();
        self.arguments
            .extend(arguments.map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable for this call, overriding the shell and `.env`.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets variables to placeholders, for a call that only has to read the file.
    #[must_use]
    pub fn with_made_up(self, variables: &[String]) -> Self {
        // A number is accepted as a string, but not vice versa.
        variables
            .iter()
            .fold(self, |compose, name| compose.env(name, "1"))
    }

    /// Runs it with its output captured, within the client's timeout.
    pub fn capture(&self) -> Result<Output, RunError> {
        process::run(&mut self.command(), self.limit)
    }

    /// Runs it in the user's terminal, without a timeout. It is in our own process group, so that
    /// it receives Ctrl-C too.
    pub fn pass_through(&self) -> Result<ExitStatus, RunError> {
        self.command().traced_status().map_err(not_started)
    }

    /// Replaces this process with `docker compose`, which then handles exit status, signals and
    /// terminal. Only returns on failure.
    pub fn exec(self) -> RunError {
        not_started(self.command().traced_exec())
    }

    /// Runs it in the user's terminal. After Ctrl-C or SIGTERM it is asked to stop too, and killed
    /// if it doesn't.
    pub fn pass_through_until_interrupt(&self) -> Result<ExitStatus, RunError> {
        let mut child = self.command().traced_spawn().map_err(not_started)?;
        let mut asked: Option<Instant> = None;
        loop {
            if let Some(status) = child.try_wait().map_err(not_started)? {
                return Ok(status);
            }
            match asked {
                None if interrupt::requested() => {
                    // It may have exited in between, which is fine.
                    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
                    asked = Some(Instant::now());
                }
                Some(since) if since.elapsed() > GRACE => {
                    child.kill().map_err(not_started)?;
                }
                _ => {}
            }
            thread::sleep(TICK);
        }
    }

    /// Returns the containers of the project's services, including stopped ones.
    pub fn services(self) -> Result<Vec<ServiceState>, ComposeError> {
        let output = self.args(["ps", "--all", "--format", "json"]).capture()?;
        if !output.status.success() {
            return Err(ComposeError::Refused(messages(&output.stderr)));
        }
        Ok(containers::parse_services(&output.stdout))
    }

    /// Returns the configuration hash of each service: Compose replaces containers whose hash
    /// differs from their service's. `env_file` is used instead of `.env`.
    pub fn hashes(&self, env_file: &Path) -> Result<BTreeMap<String, String>, ComposeError> {
        let config = self.clone().arg("--env-file").arg(env_file);
        let output = config.args(["config", "--hash", "*"]).capture()?;
        if !output.status.success() {
            return Err(ComposeError::Refused(messages(&output.stderr)));
        }
        let lines = output.stdout.lines();
        let pairs = lines.filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(service, hash)| (service.to_owned(), hash.to_owned()))
            .collect())
    }

    /// The only place where Compose is called. It runs in the project's folder, as if started by a
    /// user, with the selected files and project, regardless of the shell.
    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        without_the_shells(&mut command)
            .arg("compose")
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env("PWD", &self.folder)
            .envs(self.selection.environment())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_their_log_format_and_their_repetitions() {
        let warning = "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"The \\\"A\\\" variable is not set. Defaulting to a blank string.\"";
        let stderr =
            format!("{warning}\n{warning}\nservices.api Additional property x is not allowed\n\n");
        assert_eq!(
            messages(&stderr),
            [
                "The \"A\" variable is not set. Defaulting to a blank string.",
                "services.api Additional property x is not allowed"
            ]
        );
    }

    #[test]
    fn versions_lose_their_prefix() {
        for (text, version) in [("v2.26.1\n", "2.26.1"), ("2.40.3-1\n", "2.40.3-1")] {
            assert_eq!(clean_version(text), version);
        }
    }
}
