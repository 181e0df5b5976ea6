//! The log: which programs and requests a run consists of, for `-vv`, `FITOUT_LOG` and reports of faults.
//!
//! What is logged is decided where it happens, with `tracing`; targets are `program` and `http`.

use std::io::{self, Write};
use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::to_stderr;
use crate::markup::shown;

/// Begins to log to stderr. `filter` is a level (`debug`), or levels of targets (`http=debug,program=off`).
pub fn start(filter: &str) -> Result<(), ParseError> {
    let filter = match filter.parse::<LevelFilter>() {
        Ok(level) => Targets::new().with_default(level),
        Err(_) => Targets::from_str(filter)?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(uptime())
        .with_ansi(false)
        .with_writer(Stderr);
    // A second one would be a second `main`.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    Ok(())
}

/// Whether anything is logged.
pub(super) fn is_on() -> bool {
    LevelFilter::current() > LevelFilter::OFF
}

/// stderr, through the filter that everything passes which is printed.
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Stderr
    }
}

impl Write for Stderr {
    /// Gets whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = shown::text(&String::from_utf8_lossy(bytes));
        to_stderr(&lines)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
