//! Keys with a passphrase: `ssh-add` prompts for it once, and an agent signs for all workers. It is
//! the user's agent or, if none is running, one that ends with this run.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::host::process::Traced as _;

/// The agent that holds an unlocked key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The user's agent, as long as it is running.
    UsersAgent,
    /// fitout's own agent, as long as fitout is running.
    ThisRun,
}

/// The agent of this run, if any.
static OWN: Mutex<Option<Agent>> = Mutex::new(None);

struct Agent {
    socket: String,
    /// Closed by the system when this process ends, in whatever way, which ends the agent.
    _lifeline: ChildStdin,
}

/// Returns `SSH_AUTH_SOCK` for the programs of this run, if it differs from the user's.
pub(super) fn socket() -> Option<String> {
    let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    own.as_ref().map(|agent| agent.socket.clone())
}

/// Returns the agent that would hold a key.
pub(in crate::git::network) fn holder() -> Holder {
    match (socket(), keys()) {
        (None, Some(_)) => Holder::UsersAgent,
        _ => Holder::ThisRun,
    }
}

/// Returns the files that have a passphrase and are not in an agent.
pub(super) fn locked(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.retain(|file| has_passphrase(file));
    if !files.is_empty() {
        let held = keys().unwrap_or_default();
        files.retain(|file| fingerprint(file).is_none_or(|key| !held.contains(&key)));
    }
    files
}

/// Runs `ssh-add`, which prompts for a key's passphrase on the terminal. Returns whether an agent
/// holds the key now.
pub(super) fn unlock(key: &Path, holder: Holder) -> bool {
    if holder == Holder::ThisRun && socket().is_none() {
        let Ok(agent) = start() else {
            return false;
        };
        *OWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
    }
    let mut add = command("ssh-add");
    // It prompts if it is started from a terminal.
    let status = add
        .args(["-q", "--"])
        .arg(key)
        .stdin(Stdio::inherit())
        .traced_status();
    status.is_ok_and(|status| status.success())
}

/// With a command, `ssh-agent` ends when that command does.
fn start() -> io::Result<Agent> {
    let mut agent = Command::new("ssh-agent")
        .args(["sh", "-c", "echo \"$SSH_AUTH_SOCK\" && exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl-C is for fitout, which may have to clean up.
        .process_group(0)
        .traced_spawn()?;
    let (Some(lifeline), Some(said)) = (agent.stdin.take(), agent.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut socket = String::new();
    BufReader::new(said).read_line(&mut socket)?;
    match socket.trim() {
        "" => Err(io::ErrorKind::NotFound.into()),
        socket => Ok(Agent {
            socket: socket.to_owned(),
            _lifeline: lifeline,
        }),
    }
}

/// Returns the fingerprints of the agent's keys. Listing them doesn't prompt; signing may.
fn keys() -> Option<Vec<String>> {
    const NO_AGENT: i32 = 2;
    let output = command("ssh-add").arg("-l").traced_output().ok()?;
    let held = String::from_utf8_lossy(&output.stdout);
    let held = held.lines().filter_map(second_word).collect();
    (output.status.code() != Some(NO_AGENT)).then_some(held)
}

/// Returns the fingerprint of a private key, without its passphrase.
fn fingerprint(key: &Path) -> Option<String> {
    let output = command("ssh-keygen")
        .args(["-l", "-f"])
        .arg(key)
        .traced_output();
    second_word(&String::from_utf8_lossy(&output.ok()?.stdout))
}

/// `256 SHA256:… comment (ED25519)`
fn second_word(line: &str) -> Option<String> {
    line.split_whitespace().nth(1).map(str::to_owned)
}

fn has_passphrase(key: &Path) -> bool {
    let output = command("ssh-keygen")
        .args(["-y", "-P", "", "-f"])
        .arg(key)
        .traced_output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stderr).contains("incorrect passphrase")
    })
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    if let Some(socket) = socket() {
        command.env("SSH_AUTH_SOCK", socket);
    }
    command
}
