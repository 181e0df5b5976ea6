//! Finds out more about a host after a failure, once per host: whether the user's own `git` can
//! reach it (`backend = "cli"`), and which ssh key the host has.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::access;
use super::ssh::{self, Holder};
use crate::git::error::{Cause, GitError};
use crate::git::{cli, url};
use crate::shell;

/// As long as a user would wait for an explanation.
const LIMIT: Duration = Duration::from_secs(15);

/// Results by host.
#[derive(Debug, Default)]
pub struct WayOut {
    git_reaches: Once<bool>,
    git_fetches: Once<bool>,
    keys: Once<Option<Key>>,
    locked_keys: Once<Option<PathBuf>>,
}

#[derive(Clone, Debug)]
struct Key {
    shown: Option<String>,
    accepting: String,
}

impl WayOut {
    /// Adds a way out to the error, if git succeeds.
    pub(super) fn to_git(&self, mut error: GitError, url: &str) -> GitError {
        let Some(host) = url::host(url).filter(|_| may_git_do_better(&error, url)) else {
            return error;
        };
        // git has to succeed at the step that failed: these may occur after the server has listed
        // its refs.
        let gets_through = match error.cause {
            Cause::Connection | Cause::Other => {
                self.git_fetches.get(host, || cli::fetches(url, LIMIT))
            }
            _ => self.git_reaches.get(host, || cli::reaches(url, LIMIT)),
        };
        if gets_through {
            error.command = Some(format!(
                "`git` itself can reach {host}: set `backend = \"cli\"` under `[git]` in workspace.local.toml"
            ));
        }
        error
    }

    /// Adds what ssh would prompt for to the error: the fingerprint of an unknown host key, or a
    /// key that needs its passphrase.
    pub(super) fn to_host(&self, error: GitError, url: &str) -> GitError {
        match (error.cause, url::host(url)) {
            (Cause::HostKey, Some(host)) => self.with_fingerprint(error, url, host),
            (Cause::Login, Some(host)) => self.with_locked_key(error, url, host),
            _ => error,
        }
    }

    fn with_locked_key(&self, mut error: GitError, url: &str, host: &str) -> GitError {
        let ask = || access::ssh_host(url)?.locked_keys().into_iter().next();
        if let Some(key) = self.locked_keys.get(host, ask) {
            error.reason = format!(
                "{}: {} has a passphrase, and no agent holds it",
                error.reason,
                key.display()
            );
            let start = match ssh::holder() {
                Holder::UsersAgent => "",
                Holder::ThisRun => "eval \"$(ssh-agent)\" && ",
            };
            error.command = Some(format!("{start}ssh-add {}", shell::path(&key)));
        }
        error
    }

    fn with_fingerprint(&self, mut error: GitError, url: &str, host: &str) -> GitError {
        let ask = || {
            access::ssh_host(url).map(|host| Key {
                shown: host.key(),
                accepting: host.accepting(),
            })
        };
        if let Some(key) = self.keys.get(host, ask) {
            if let Some(shown) = key.shown {
                error.reason = format!(
                    "the ssh host key of {host} is not known here: {shown}; compare it with the one that its owner publishes"
                );
            }
            error.command = Some(key.accepting);
        }
        error
    }
}

/// One answer per host; others wait for it.
#[derive(Debug)]
struct Once<T>(Mutex<HashMap<String, Arc<OnceLock<T>>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once(Mutex::default())
    }
}

impl<T: Clone> Once<T> {
    fn get(&self, host: &str, ask: impl FnOnce() -> T) -> T {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = Arc::clone(hosts.entry(host.to_owned()).or_default());
        drop(hosts);
        answer.get_or_init(ask).clone()
    }
}

/// Both start the same ssh, so only later failures can differ.
fn may_git_do_better(error: &GitError, url: &str) -> bool {
    match error.cause {
        Cause::Login | Cause::UnknownHost | Cause::Refused | Cause::Unreachable => {
            !url::is_ssh(url)
        }
        Cause::Forbidden
        | Cause::Certificate
        | Cause::Proxy
        | Cause::NotGit
        | Cause::Connection
        | Cause::Other => !url::is_local(url),
        // git would get the same answer.
        Cause::Refusal
        // Nothing else may connect to it either.
        | Cause::Address
        // git uses the same helpers.
        | Cause::LoginRefused
        // It would read the same amount.
        | Cause::Oversized
        // It would wait just as long.
        | Cause::Timeout
        // git can't check that out either.
        | Cause::NotACommit
        // It was tried.
        | Cause::ObjectFormat
        // git reports it itself.
        | Cause::Owner
        | Cause::Unsigned
        | Cause::OtherFileSystem
        | Cause::Damaged
        | Cause::NotFound
        | Cause::HostKey
        | Cause::HostKeyChanged
        | Cause::Busy
        | Cause::MissingReference
        | Cause::InTheWay
        | Cause::Locked
        | Cause::Changed
        | Cause::DiskFull
        | Cause::NotWritable
        | Cause::Filter
        | Cause::MissingProgram
        | Cause::Interrupted => false,
    }
}
