//! Ends an ssh whose server is silent, or that is no longer needed.
//!
//! gix reads from ssh as long as it is running. The watchdog checks the meter: if there is no
//! progress for the timeout, or after Ctrl-C, it ends the program, which also ends the read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::http::{RemoteFailure, Session};
use crate::git::error::Cause;
use crate::git::meter::{Meter, Phase};

const TICK: Duration = Duration::from_millis(100);

/// Watches a connection until dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches the program whose process id is in `pid_file`, once that exists. The program is only
    /// reaped afterwards, so the id is not reused in the meantime.
    pub(super) fn over(
        pid_file: PathBuf,
        meter: &Arc<Meter>,
        silence: Duration,
        interrupt: &'static AtomicBool,
        session: &Session,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let (meter, session) = (Arc::clone(meter), session.clone());
        let watch = move || {
            let mut last = (meter.pulse(), Instant::now());
            while stopped.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                let pulse = meter.pulse();
                if pulse != last.0 {
                    last = (pulse, Instant::now());
                }
                let waits = matches!(meter.read().phase, Phase::Connecting | Phase::Receiving);
                let is_silent = waits && last.1.elapsed() >= silence;
                if is_silent || interrupt.load(Ordering::Relaxed) {
                    if is_silent {
                        session.fail(RemoteFailure::new(Cause::Timeout, "silence"));
                    }
                    end(&pid_file);
                }
            }
        };
        Watchdog {
            stop: Some(stop),
            thread: std::thread::Builder::new().spawn(watch).ok(),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn end(pid_file: &PathBuf) {
    let pid = std::fs::read_to_string(pid_file).unwrap_or_default();
    if let Some(pid) = pid.trim().parse().ok().and_then(Pid::from_raw) {
        // It may have exited by itself.
        let _ = kill_process(pid, Signal::TERM);
    }
}
