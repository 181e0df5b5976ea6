//! Runs a program until it exits, with its output captured and a timeout.
//!
//! The child is the leader of its own process group, so that a hanging program is killed together
//! with everything that it started. It has no terminal to prompt on.
//!
//! Every program is started here, so that all of them are in the log: [`Traced`].

mod traced;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

pub use self::traced::Traced;
use self::traced::{Run, Words};
use crate::error::{Classified, Kind};

/// The result of a program, as text.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// The full output; invalid UTF-8 is replaced.
    pub stdout: String,
    /// The full output; invalid UTF-8 is replaced.
    pub stderr: String,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No such program on PATH.
    #[error("`{0}` is not installed or not on PATH")]
    NotFound(String),
    /// It was killed because of the timeout.
    #[error("`{program}` did not answer within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The program.
        program: String,
        /// The timeout.
        limit: Duration,
    },
    /// It was killed after Ctrl-C.
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

impl Classified for RunError {
    fn kind(&self) -> Kind {
        match self {
            RunError::Interrupted => Kind::Interrupted,
            RunError::NotFound(_) | RunError::TimedOut { .. } | RunError::Io { .. } => Kind::Failed,
        }
    }
}

/// The maximum number of bytes to keep of stdout and of stderr: more than any log that people read,
/// but little enough for many programs at once.
const MOST: usize = 16 << 20;

/// How often a run checks the clock and Ctrl-C.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// Runs `command` and waits for it at most `limit`. Its output is text.
pub fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    let output = to_its_end(
        command.stdout(Stdio::piped()),
        Words::Ours,
        Some(limit),
        &interrupted(),
    )?;
    Ok(Output {
        status: output.status,
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Runs a command of the user's and waits for it at most `limit`. It has ended when its own process has: one that it
/// leaves in the background is not waited for, and what that prints later is not read.
pub fn capture(command: &mut Command, limit: Duration) -> Result<process::Output, RunError> {
    to_its_end(
        command.stdout(Stdio::piped()),
        Words::Users,
        Some(limit),
        &interrupted(),
    )
}

/// Whether Ctrl-C was pressed since.
fn interrupted() -> impl Fn() -> bool {
    // The current state still has to be reported after Ctrl-C.
    let after_interrupt = super::interrupt::requested();
    move || !after_interrupt && super::interrupt::requested()
}

/// Runs `command` without a timeout, or until `interrupt` is set. Its stdout is discarded. Only
/// waits for its own process, like [`capture`].
pub fn until(command: &mut Command, interrupt: &AtomicBool) -> Result<process::Output, RunError> {
    command.stdout(Stdio::null());
    to_its_end(command, Words::Ours, None, &|| {
        interrupt.load(Ordering::Relaxed)
    })
}

fn to_its_end(
    command: &mut Command,
    words: Words,
    limit: Option<Duration>,
    interrupted: &dyn Fn() -> bool,
) -> Result<process::Output, RunError> {
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
    let started = Instant::now();
    let run = Run::begin(command, words);
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .inspect_err(|error| run.end(error))
        .map_err(io_error)?;
    let mut pipes = [
        Pipe::new(child.stdout.take().map(OwnedFd::from)),
        Pipe::new(child.stderr.take().map(OwnedFd::from)),
    ];
    let is_late = || limit.is_some_and(|limit| started.elapsed() >= limit);
    let ended = wait(&mut child, &mut pipes, &is_late, interrupted);
    if !matches!(ended, Ok(Ended::Exited(_))) {
        end_group(&mut child);
    }
    let [(stdout, of_stdout), (mut stderr, of_stderr)] = pipes.map(Pipe::into_bytes);
    for (name, left_out) in [("stdout", of_stdout), ("stderr", of_stderr)] {
        if left_out > 0 {
            let note = format!("[the first {left_out} bytes of {name} are omitted]\n");
            stderr.splice(..0, note.into_bytes());
        }
    }
    match &ended {
        Ok(Ended::Exited(status)) => run.end(status),
        Ok(Ended::TimedOut) => run.end("took too long, and was ended"),
        Ok(Ended::Interrupted) => run.end("was ended by Ctrl-C"),
        Err(error) => run.end(error),
    }
    match ended.map_err(io_error)? {
        Ended::Exited(status) => Ok(process::Output {
            status,
            stdout,
            stderr,
        }),
        Ended::TimedOut => Err(RunError::TimedOut {
            program,
            limit: limit.unwrap_or_default(),
        }),
        Ended::Interrupted => Err(RunError::Interrupted),
    }
}

enum Ended {
    Exited(ExitStatus),
    TimedOut,
    Interrupted,
}

/// The output of a program.
struct Pipe {
    /// None once all writers have closed it.
    end: Option<File>,
    bytes: Vec<u8>,
    /// The number of earlier bytes that were dropped.
    left_out: usize,
}

impl Pipe {
    fn new(end: Option<OwnedFd>) -> Self {
        Pipe {
            end: end.map(File::from),
            bytes: Vec::new(),
            left_out: 0,
        }
    }

    /// Reads once; must only be called if that doesn't block. Returns the number of bytes.
    fn read(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        let Some(end) = &mut self.end else { return 0 };
        match end.read(&mut chunk) {
            Ok(count) if count > 0 => {
                self.keep(&chunk[..count]);
                count
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            // A broken pipe has no more data.
            Ok(_) | Err(_) => {
                self.end = None;
                0
            }
        }
    }

    /// If the limit is exceeded, keeps the end, which contains the result.
    fn keep(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > 2 * MOST {
            let over = self.bytes.len() - MOST;
            self.bytes.drain(..over);
            self.left_out += over;
        }
    }

    /// Returns complete lines if earlier bytes were dropped, and the number of dropped bytes.
    fn into_bytes(mut self) -> (Vec<u8>, usize) {
        let mut over = self.bytes.len().saturating_sub(MOST);
        if self.left_out + over > 0 {
            // Unless it is a line without end.
            let mut line = self.bytes[over..].iter().take(64 << 10);
            let end = line.position(|byte| *byte == b'\n');
            over += end.map_or(0, |end| end + 1);
        }
        self.bytes.drain(..over);
        (self.bytes, self.left_out + over)
    }

    /// Reads what is in the pipe now. Other writers may add more at any time.
    fn read_rest(&mut self) {
        let there = self.end.as_ref().map(rustix::io::ioctl_fionread);
        let mut left = there.and_then(Result::ok).unwrap_or(0);
        while left > 0 && self.end.is_some() {
            left = left.saturating_sub(self.read() as u64);
        }
    }
}

/// Waits for the process and reads its output in the meantime.
fn wait(
    child: &mut Child,
    pipes: &mut [Pipe; 2],
    is_late: &dyn Fn() -> bool,
    interrupted: &dyn Fn() -> bool,
) -> io::Result<Ended> {
    loop {
        if pipes.iter().all(|pipe| pipe.end.is_none()) {
            // The pipes close slightly before the process exits.
            thread::sleep(Duration::from_millis(1));
        } else {
            read_what_comes(pipes)?;
        }
        if let Some(status) = child.try_wait()? {
            pipes.iter_mut().for_each(Pipe::read_rest);
            return Ok(Ended::Exited(status));
        }
        if interrupted() {
            return Ok(Ended::Interrupted);
        }
        if is_late() {
            return Ok(Ended::TimedOut);
        }
    }
}

/// Reads from pipes with data, and waits briefly for it.
fn read_what_comes(pipes: &mut [Pipe; 2]) -> io::Result<()> {
    let mut open: Vec<&mut Pipe> = pipes.iter_mut().filter(|pipe| pipe.end.is_some()).collect();
    let ends = open.iter().filter_map(|pipe| pipe.end.as_ref());
    let mut asked: Vec<PollFd> = ends.map(|end| PollFd::new(end, PollFlags::IN)).collect();
    match poll(&mut asked, Some(&TICK)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let ready: Vec<bool> = asked.iter().map(|it| !it.revents().is_empty()).collect();
    for (pipe, is_ready) in open.iter_mut().zip(ready) {
        if is_ready {
            let _ = pipe.read();
        }
    }
    Ok(())
}

/// Kills a process group leader, and everything that it started.
fn end_group(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The group may have exited by itself since.
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
    fn what_ctrl_c_ends_has_its_exit_code() {
        let ended = until(&mut shell("sleep 60"), &AtomicBool::new(true));
        assert_eq!(crate::error::Failure::from(ended.unwrap_err()).code(), 130);
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
    fn what_it_printed_is_whole_whoever_else_holds_the_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        // More than a pipe holds, and the last of it right before the end.
        let script = format!(
            "sleep 600 & echo $! > {}; head -c 300000 /dev/zero; printf '\\377end'",
            pid_file.display()
        );
        let output = capture(&mut shell(&script), Duration::from_secs(60)).unwrap();
        assert_eq!(output.stdout.len(), 300_004);
        assert!(output.stdout.ends_with(b"\xffend"));
        let left: i32 = std::fs::read_to_string(pid_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert!(is_running(left), "it is the user's");
        rustix::process::kill_process(Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
    }

    #[test]
    fn of_what_is_printed_without_end_the_last_lines_are_kept() {
        // A line of 64 bytes, so that the first that is kept is cut.
        let lines = 3 * MOST / 64;
        let script = format!(
            "echo first; yes {} | head -n {lines}; echo last",
            "x".repeat(63)
        );
        let output = capture(&mut shell(&script), Duration::from_secs(60)).unwrap();
        let all = "first\nlast\n".len() + lines * 64;
        let note = format!(
            "[the first {} bytes of stdout are omitted]\n",
            all - output.stdout.len()
        );
        assert_eq!(String::from_utf8(output.stderr).unwrap(), note);
        assert!(output.stdout.len() <= MOST && output.stdout.len() > MOST - 64);
        assert!(output.stdout.starts_with(b"xxx"));
        assert_eq!(
            output.stdout.iter().position(|byte| *byte == b'\n'),
            Some(63)
        );
        assert!(output.stdout.ends_with(b"x\nlast\n"));
    }

    #[test]
    fn a_background_process_that_prints_without_end_is_not_waited_for() {
        let output = capture(
            &mut shell("yes 2> /dev/null & echo $! >&2"),
            Duration::from_secs(60),
        );
        // `yes` ends by itself: nobody reads from it any more.
        assert!(output.unwrap().status.success());
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
