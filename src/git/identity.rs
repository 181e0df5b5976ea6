//! Who git takes for the author and the committer of a commit.
//!
//! git itself is asked, and not its configuration: variables, `author.*` and `committer.*` next to `user.*`,
//! includes that depend on the repository, and `user.useConfigOnly` all have a say.

use std::path::Path;

use super::cli;
use crate::host::process::Traced as _;

/// Which of the two people of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who wrote it.
    Author,
    /// Who committed it.
    Committer,
}

/// Name and address for a commit in the repository around `folder`: `Ann <ann@git.example>`. git's own
/// words if it would refuse to commit. Each of `settings` takes precedence over the user's configuration.
pub fn identity(folder: &Path, role: Role, settings: &[&str]) -> Result<String, String> {
    let mut command = cli::quiet("git");
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.arg("-C").arg(folder).arg("var").arg(match role {
        Role::Author => "GIT_AUTHOR_IDENT",
        Role::Committer => "GIT_COMMITTER_IDENT",
    });
    let output = command.traced_output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        // `Ann <ann@git.example> 1700000000 +0000`
        let mut parts = said.trim_end().rsplitn(3, ' ');
        return Ok(parts.nth(2).unwrap_or_default().to_owned());
    }
    // Advice stands before it, and a command's usage behind.
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    let fatal = complaints.lines().find_map(|it| it.strip_prefix("fatal: "));
    Err(fatal.unwrap_or(complaints.trim()).to_owned())
}
