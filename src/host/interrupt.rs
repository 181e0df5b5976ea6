//! Ctrl-C, and a terminal that is closed: the first one asks the work to stop at the next safe point, the second one ends the
//! process at once.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The flag that long work looks at: true once the user has pressed Ctrl-C.
pub fn flag() -> &'static AtomicBool {
    REQUESTED.get_or_init(Arc::default)
}

/// Whether the user has asked to stop.
pub fn requested() -> bool {
    flag().load(Ordering::Relaxed)
}

/// Starts to listen for SIGINT, SIGTERM and SIGHUP. Call once, from a command that can stop in an orderly
/// way; other commands keep the system's own behaviour and end at once.
pub fn listen() -> std::io::Result<()> {
    let flag = REQUESTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The order matters: a second signal finds the flag set and ends the process, 128 + SIGINT.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    if !hangup_is_ignored() {
        // A terminal that is closed may say so twice, and that is nobody's wish to end at once.
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(flag))?;
    }
    Ok(())
}

/// Whether whoever started this process wants it to outlive the terminal: `nohup`. Only Linux tells.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}
