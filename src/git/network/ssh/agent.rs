//! Keys of the user's that have a passphrase: `ssh-add` asks for it once, and an agent signs for all
//! workers. It is the user's agent; where none runs, one of this run's, which ends with it.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::host::process::Traced as _;

/// Who holds a key once it is unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The agent that the user runs, for as long as it runs.
    UsersAgent,
    /// An agent of fitout's own, for as long as fitout runs.
    ThisRun,
}

/// The agent of this run, if it has one.
static OWN: Mutex<Option<Agent>> = Mutex::new(None);

struct Agent {
    socket: String,
    /// Closed by the system when this process ends, however it ends; that ends the agent.
    _lifeline: ChildStdin,
}

/// `SSH_AUTH_SOCK` for the programs of this run, where it is not the user's.
pub(super) fn socket() -> Option<String> {
    let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    own.as_ref().map(|agent| agent.socket.clone())
}

/// Who would hold a key.
pub(in crate::git::network) fn holder() -> Holder {
    match (socket(), keys()) {
        (None, Some(_)) => Holder::UsersAgent,
        _ => Holder::ThisRun,
    }
}

/// Those of these files that have a passphrase and that no agent holds.
pub(super) fn locked(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.retain(|file| has_passphrase(file));
    if !files.is_empty() {
        let held = keys().unwrap_or_default();
        files.retain(|file| fingerprint(file).is_none_or(|key| !held.contains(&key)));
    }
    files
}

/// Lets `ssh-add` ask for a key's passphrase on the terminal, for the holder that there is. Whether an
/// agent holds the key now.
pub(super) fn unlock(key: &Path, holder: Holder) -> bool {
    if holder == Holder::ThisRun && socket().is_none() {
        let Ok(agent) = start() else {
            return false;
        };
        *OWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
    }
    let mut add = command("ssh-add");
    // It asks where it is started from a terminal.
    let status = add
        .args(["-q", "--"])
        .arg(key)
        .stdin(Stdio::inherit())
        .traced_status();
    status.is_ok_and(|status| status.success())
}

/// `ssh-agent` with a command ends when that command does.
fn start() -> io::Result<Agent> {
    let mut agent = Command::new("ssh-agent")
        .args(["sh", "-c", "echo \"$SSH_AUTH_SOCK\" && exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Ctrl-C is for fitout, which may have something to finish.
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

/// The fingerprints of the keys that the agent holds. To list them asks nobody; to sign may.
fn keys() -> Option<Vec<String>> {
    const NO_AGENT: i32 = 2;
    let output = command("ssh-add").arg("-l").traced_output().ok()?;
    let held = String::from_utf8_lossy(&output.stdout);
    let held = held.lines().filter_map(second_word).collect();
    (output.status.code() != Some(NO_AGENT)).then_some(held)
}

/// Of a private key, without its passphrase.
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
