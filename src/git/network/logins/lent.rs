//! Shares logins that git would not find by itself with the programs that fitout starts: git for
//! submodules, and git-lfs. git's own `credential-cache` keeps them in memory, behind a socket in a
//! folder of this run, until the run ends, or for an hour at most.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gix::credentials::protocol::Context;
use tempfile::TempDir;

use crate::host::process::Traced as _;
use crate::shell;

/// The folder of the socket, once a login is lent. Only accessible by this user.
static FOLDER: Mutex<Option<TempDir>> = Mutex::new(None);

/// Removes all shared logins when dropped.
#[derive(Debug)]
pub struct Loans;

impl Drop for Loans {
    fn drop(&mut self) {
        if let Some(folder) = folder().take() {
            let _ = cache(&folder, "exit").traced_status();
        }
    }
}

/// Shares a login. Does nothing without git.
pub(super) fn lend(login: &Context) -> io::Result<()> {
    let mut folder = folder();
    let folder = match &mut *folder {
        Some(folder) => folder,
        none => {
            let mut folder = tempfile::Builder::new();
            let only_mine = Permissions::from_mode(0o700);
            none.insert(folder.prefix("fitout-").permissions(only_mine).tempdir()?)
        }
    };
    let mut store = cache(folder, "store")
        .stdin(Stdio::piped())
        .traced_spawn()?;
    if let Some(mut input) = store.stdin.take() {
        login.write_to(&mut input).map_err(io::Error::other)?;
        input.flush()?;
    }
    store.wait()?;
    Ok(())
}

/// Returns the environment for a program to use the shared logins.
pub(in crate::git::network) fn variables() -> Vec<(String, String)> {
    let Some(helper) = folder().as_ref().map(helper) else {
        return Vec::new();
    };
    // The user may already have some of these: git-config(1), "ENVIRONMENT".
    let before = std::env::var("GIT_CONFIG_COUNT").ok();
    let number: usize = before.and_then(|count| count.parse().ok()).unwrap_or(0);
    vec![
        ("GIT_CONFIG_COUNT".to_owned(), (number + 1).to_string()),
        (
            format!("GIT_CONFIG_KEY_{number}"),
            "credential.helper".to_owned(),
        ),
        (format!("GIT_CONFIG_VALUE_{number}"), helper),
    ]
}

fn folder() -> MutexGuard<'static, Option<TempDir>> {
    FOLDER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn helper(folder: &TempDir) -> String {
    // Run by `sh`, which may not support the quoting of printed paths.
    let socket = folder.path().join("logins");
    let socket = shell::word(&socket.to_string_lossy()).into_owned();
    format!("cache --timeout=3600 --socket={socket}")
}

fn cache(folder: &TempDir, action: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("git credential-{} {action}", helper(folder))])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for fitout, which removes the logins itself.
        .process_group(0);
    command
}
