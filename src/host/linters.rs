//! Other Dockerfile linters on this machine: runs them and returns their output.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::process::{self, Output, RunError};

/// The timeout for one file. trivy may download its checks on the first run.
const LIMIT: Duration = Duration::from_secs(120);

/// Whether a program is on PATH and executable.
pub fn is_installed(program: &str) -> bool {
    process::run(Command::new(program).arg("--version"), LIMIT).is_ok()
}

/// Runs `hadolint` on a file; JSON on stdout. It exits with status 1 if there are findings.
pub fn hadolint(folder: &Path, file: &str) -> Result<Output, RunError> {
    let mut command = Command::new("hadolint");
    command.current_dir(folder);
    process::run(command.args(["--format", "json", "--", file]), LIMIT)
}

/// Runs `trivy config` on a file; JSON on stdout.
pub fn trivy(folder: &Path, file: &str) -> Result<Output, RunError> {
    let mut command = Command::new("trivy");
    command.current_dir(folder);
    let arguments = ["config", "--quiet", "--format", "json", "--", file];
    process::run(command.args(arguments), LIMIT)
}
