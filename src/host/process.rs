//! Runs a program to its end, with its output captured and a limit on its time.
//!
//! The child is the leader of a process group of its own, so that a program that hangs is ended
//! together with everything that it started. It has no terminal to ask questions on.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// All of it; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// All of it; bytes that are no UTF-8 are replaced.
    pub stderr: String,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No such program on PATH.
    #[error("`{0}` is not installed or not on PATH")]
    NotFound(String),
    /// It was ended because it took longer than it may.
    #[error("`{program}` did not answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it had.
        limit: Duration,
    },
    /// Ctrl-C while it ran; it was ended.
    #[error("interrupted")]
    Interrupted,
    /// The system could not start it.
    #[error("can't run `{program}`")]
    Io {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// How often a run looks at the clock and at Ctrl-C.
const TICK: Duration = Duration::from_millis(20);

/// Runs `command` and waits for it at most `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let io_error = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            RunError::NotFound(program.clone())
        } else {
            RunError::Io {
                program: program.clone(),
                source,
            }
        }
    };
    let deadline = Instant::now() + limit;
    // After Ctrl-C there is still to be said what state things are in.
    let after_interrupt = super::interrupt::requested();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(io_error)?;
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let ended = wait(&mut child, [&stdout, &stderr], deadline, after_interrupt);
    if !matches!(ended, Ok(Ended::Exited(_))) {
        end_group(&mut child);
    }
    match ended.map_err(io_error)? {
        Ended::Exited(status) => Ok(Output {
            status,
            stdout: stdout.text(),
            stderr: stderr.text(),
        }),
        Ended::TimedOut => Err(RunError::TimedOut { program, limit }),
        Ended::Interrupted => Err(RunError::Interrupted),
    }
}

enum Ended {
    Exited(ExitStatus),
    TimedOut,
    Interrupted,
}

/// A pipe that a thread reads to its end.
struct Reading(mpsc::Receiver<Vec<u8>>, std::cell::RefCell<Option<Vec<u8>>>);

impl Reading {
    /// Waits a moment for the end of the pipe; true once it is there.
    fn is_over(&self, wait: Duration) -> bool {
        if self.1.borrow().is_some() {
            return true;
        }
        match self.0.recv_timeout(wait) {
            Ok(bytes) => self.1.replace(Some(bytes)),
            Err(mpsc::RecvTimeoutError::Disconnected) => self.1.replace(Some(Vec::new())),
            Err(mpsc::RecvTimeoutError::Timeout) => return false,
        };
        true
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.1.take().unwrap_or_default()).into_owned()
    }
}

fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> Reading {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks has given what it had.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    Reading(receiver, std::cell::RefCell::default())
}

/// Waits for the pipes first and the process second: a process that has ended may have left a
/// child that still writes.
fn wait(
    child: &mut Child,
    pipes: [&Reading; 2],
    deadline: Instant,
    after_interrupt: bool,
) -> io::Result<Ended> {
    loop {
        let pipes_over = pipes.iter().all(|pipe| pipe.is_over(TICK));
        if pipes_over && let Some(status) = child.try_wait()? {
            return Ok(Ended::Exited(status));
        }
        if !after_interrupt && super::interrupt::requested() {
            return Ok(Ended::Interrupted);
        }
        if Instant::now() >= deadline {
            return Ok(Ended::TimedOut);
        }
        if pipes_over {
            // The pipes close a moment before the process is gone.
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Ends a process that leads a group, and everything that it started.
pub fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The group may have ended by itself since.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn captures_both_streams_and_the_exit_status() {
        let output = run(
            &mut shell("echo out; echo err >&2; exit 3"),
            Duration::from_secs(20),
        )
        .unwrap();
        assert_eq!(
            (
                output.stdout.as_str(),
                output.stderr.as_str(),
                output.status.code()
            ),
            ("out\n", "err\n", Some(3))
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        let error = run(&mut shell(&script), Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, RunError::TimedOut { .. }), "{error:?}");
        let child: i32 = std::fs::read_to_string(pid_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        while is_running(child) {
            thread::yield_now();
        }
    }

    /// An orphan that was killed is a zombie until init has waited for it.
    fn is_running(pid: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
        !state.is_empty() && !state.starts_with(['Z', 'X'])
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        let error = run(
            &mut Command::new("fitout-no-such-program"),
            Duration::from_secs(20),
        )
        .unwrap_err();
        assert!(matches!(error, RunError::NotFound(_)), "{error:?}");
    }
}
