//! The way out: `backend = "cli"`, named where the user's own `git` gets through.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::git::error::{Cause, GitError};
use crate::git::{cli, url};

/// As long as a person waits for an answer to a failure.
const LIMIT: Duration = Duration::from_secs(15);

/// What came of asking `git`, by host: it is asked once, and only after a failure.
#[derive(Debug, Default)]
pub struct WayOut(Mutex<HashMap<String, Arc<OnceLock<bool>>>>);

impl WayOut {
    /// The error, which names the way out if there is one.
    pub(super) fn named_in(
        &self,
        mut error: GitError,
        url: &str,
        interrupt: &AtomicBool,
    ) -> GitError {
        let Some(host) = url::host(url).filter(|_| may_git_do_better(&error, url)) else {
            return error;
        };
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = Arc::clone(hosts.entry(host.to_owned()).or_default());
        drop(hosts);
        if *reached.get_or_init(|| cli::reaches(url, interrupt, LIMIT)) {
            error.command = Some(format!(
                "`git` itself reaches {host}: put `backend = \"cli\"` under `[git]` in workspace.local.toml"
            ));
        }
        error
    }
}

/// Over ssh both start the same ssh, so only failures that come after it can differ.
fn may_git_do_better(error: &GitError, url: &str) -> bool {
    match error.cause {
        Cause::Login | Cause::UnknownHost | Cause::Refused | Cause::Unreachable => {
            !url::is_ssh(url)
        }
        Cause::ClearText
        | Cause::Forbidden
        | Cause::Certificate
        | Cause::Proxy
        | Cause::NotGit
        | Cause::Connection
        | Cause::Timeout
        | Cause::Other => !url::is_local(url),
        // git asks the same helpers.
        Cause::LoginRefused
        | Cause::NotFound
        | Cause::HostKey
        | Cause::Busy
        | Cause::MissingReference
        | Cause::InTheWay
        | Cause::DiskFull
        | Cause::MissingProgram
        | Cause::Interrupted => false,
    }
}
