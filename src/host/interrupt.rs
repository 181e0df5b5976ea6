//! Ctrl-C, and a closed terminal: the first one asks the work to stop at the next safe point, the
//! second one ends the process immediately.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The flag that long work checks: true once the user has pressed Ctrl-C.
pub fn flag() -> &'static AtomicBool {
    REQUESTED.get_or_init(Arc::default)
}

/// Whether the user has pressed Ctrl-C.
pub fn requested() -> bool {
    flag().load(Ordering::Relaxed)
}

/// Starts listening for SIGINT, SIGTERM and SIGHUP. Call once, from a command that can stop
/// cleanly; other commands keep the default behavior and end immediately.
pub fn listen() -> std::io::Result<()> {
    let flag = REQUESTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The order matters: a second signal finds the flag set and ends the process, 128 + SIGINT.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    if !hangup_is_ignored() {
        // A closed terminal may send this twice, which doesn't mean that the user wants to end
        // immediately.
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(flag))?;
    }
    Ok(())
}

/// Whether this process was started to outlive the terminal: `nohup`. Only known on Linux.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}
