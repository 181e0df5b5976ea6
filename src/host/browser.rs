//! The user's browser.

use std::env;
use std::process::{Command, Stdio};

use super::process::Traced as _;

/// Opens a page. Returns false if there is no browser.
pub fn open(url: &str) -> bool {
    let programs: &[&str] = if cfg!(target_os = "macos") {
        &["open"]
    } else if env::var_os("DISPLAY").is_some() || env::var_os("WAYLAND_DISPLAY").is_some() {
        &["xdg-open"]
    } else {
        // WSL without a display uses the browser of Windows.
        &["wslview"]
    };
    programs.iter().any(|program| {
        Command::new(program)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .traced_status()
            .is_ok_and(|status| status.success())
    })
}
