//! Other linters of Dockerfiles on this machine: runs them and returns what they print.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::process::{self, Output, RunError};

/// For one file. trivy may download its checks at the first run.
const LIMIT: Duration = Duration::from_secs(120);

/// Whether a program is on PATH and can be started.
pub fn is_installed(program: &str) -> bool {
    process::run(Command::new(program).arg("--version"), LIMIT).is_ok()
}

/// `hadolint` over one file; JSON on stdout. It ends with 1 when it has found something.
pub fn hadolint(folder: &Path, file: &str) -> Result<Output, RunError> {
    let mut command = Command::new("hadolint");
    command.current_dir(folder);
    process::run(command.args(["--format", "json", "--", file]), LIMIT)
}

/// `trivy config` over one file; JSON on stdout.
pub fn trivy(folder: &Path, file: &str) -> Result<Output, RunError> {
    let mut command = Command::new("trivy");
    command.current_dir(folder);
    let arguments = ["config", "--quiet", "--format", "json", "--", file];
    process::run(command.args(arguments), LIMIT)
}
