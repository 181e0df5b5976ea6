//! A terminal, and somebody at it who answers questions.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use rustix::pty::OpenptFlags;
use rustix::termios::LocalModes;

use crate::context::{TestContext, until};

const PATIENCE: Duration = Duration::from_secs(120);

/// Whose prompt it is: ours throws away what was typed before the terminal stopped to echo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    Ours,
    /// A question of ours that one key answers.
    Key,
    Ssh,
}

/// fitout on a terminal of its own: waits for each text, then types the answer to it. Its exit code,
/// and all that was on the screen.
pub fn on_a_terminal(
    context: &TestContext,
    arguments: &[&str],
    prompt: Prompt,
    dialogue: &[(&str, &str)],
) -> (Option<i32>, String) {
    talk(&context.fitout_command(arguments), prompt, dialogue)
}

/// The same with a command of the test's own making, which has an environment of its own.
pub fn talk(fitout: &Command, prompt: Prompt, dialogue: &[(&str, &str)]) -> (Option<i32>, String) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = rustix::pty::openpt(flags).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let open = || {
        let options = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap());
        Stdio::from(options.unwrap())
    };
    // ssh asks on the controlling terminal, so there has to be one.
    let mut command = Command::new("setsid");
    let variables = fitout.get_envs();
    command
        .args(["--wait", "--ctty"])
        .arg(fitout.get_program())
        .args(fitout.get_args())
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(fitout.get_current_dir().unwrap())
        .stdin(open())
        .stdout(open())
        .stderr(open());
    let mut child = command.spawn().unwrap();
    // Who asks what the test does not answer would wait for ever.
    let (_answered, is_answered) = mpsc::channel::<()>();
    let asker = Pid::from_child(&child);
    thread::spawn(move || {
        if is_answered.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(asker, Signal::KILL);
        }
    });
    // It holds the other side open, which would then never end.
    drop(command);
    let mut screen = File::from(master);
    let mut seen = Vec::new();
    let mut from = 0;
    for (text, answer) in dialogue {
        while !String::from_utf8_lossy(&seen[from..]).contains(text) {
            let mut byte = [0];
            // An error is how the end of the other side looks.
            let read = screen.read(&mut byte).unwrap_or(0);
            assert!(read > 0, "no `{text}`: {}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        from = seen.len();
        let echoes = || {
            let modes = rustix::termios::tcgetattr(&screen).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        if prompt != Prompt::Ssh {
            until("the terminal takes an answer", || !echoes());
        }
        let end = if prompt == Prompt::Key { "" } else { "\n" };
        write!(screen, "{answer}{end}").unwrap();
    }
    let mut byte = [0];
    while screen.read(&mut byte).is_ok_and(|read| read > 0) {
        seen.push(byte[0]);
    }
    let status = child.wait().unwrap();
    (status.code(), String::from_utf8_lossy(&seen).into_owned())
}
