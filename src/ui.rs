//! The terminal: everything that fitout prints goes through a [`Ui`] that is passed down.
//!
//! Data goes to stdout, all else to stderr. This module knows no manifest, no git and no Docker.

pub(crate) mod differences;
pub(crate) mod log;
pub mod progress;
pub mod prompt;
pub(crate) mod repos;
pub(crate) mod services;
pub mod table;

use crate::markup::{shown, style};

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::error::Failure;

/// How much to say on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only (`-q`).
    Quiet,
    /// What was done.
    #[default]
    Normal,
    /// And how (`-v`).
    Verbose,
}

/// Whether to colour what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The terminal, or the pipe that stands in for it.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    verbosity: Verbosity,
    stderr_is_terminal: bool,
    can_prompt: bool,
}

impl Ui {
    /// Looks at this process's terminal once, and sets the colour choice for the whole process.
    pub fn new(verbosity: Verbosity, color: ColorWhen) -> Self {
        match color {
            ColorWhen::Auto => anstream::ColorChoice::Auto,
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        let stderr_is_terminal = io::stderr().is_terminal();
        Ui {
            verbosity,
            stderr_is_terminal,
            can_prompt: stderr_is_terminal && io::stdin().is_terminal(),
        }
    }

    /// Whether a person sits in front of it, so that a question can be asked.
    pub fn can_prompt(&self) -> bool {
        self.can_prompt
    }

    /// Whether a program that is run for the user can have the terminal to itself.
    pub fn has_terminal(&self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// How much to say.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether to draw progress bars: on a terminal, and neither with `-q` nor between the lines of a log.
    pub fn draws_progress(&self) -> bool {
        self.stderr_is_terminal && self.verbosity > Verbosity::Quiet && !log::is_on()
    }

    /// Columns of the terminal that stderr is, where it is one.
    pub fn width(&self) -> Option<usize> {
        let columns = rustix::termios::tcgetwinsize(io::stderr()).ok()?.ws_col;
        (self.stderr_is_terminal && columns > 0).then_some(usize::from(columns))
    }

    /// Writes lines for people to stdout. Fails with `BrokenPipe` when the reader has gone, which
    /// `main` takes for a normal end.
    pub fn data(&self, lines: impl Display) -> io::Result<()> {
        let lines = shown::text(&lines.to_string());
        writeln!(anstream::stdout().lock(), "{lines}")
    }

    /// Writes JSON to stdout, on lines of its own.
    pub fn json(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", shown::json(text))
    }

    /// Writes the text of a file to stdout: as it is, but on a terminal nothing in it is obeyed.
    pub fn file(&self, text: &str) -> io::Result<()> {
        if io::stdout().is_terminal() {
            return to_stdout(&shown::file(text));
        }
        to_stdout(text)
    }

    /// Passes on what a command of the user's own has printed, byte for byte.
    pub fn output_of_command(&self, stdout: &[u8], stderr: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(stdout)?;
        out.flush()?;
        if self.verbosity >= Verbosity::Normal && !stderr.is_empty() {
            let mut err = io::stderr().lock();
            let _ = err.write_all(stderr.trim_ascii_end());
            let _ = err.write_all(b"\n");
        }
        Ok(())
    }

    /// Says what was done. Silent with `-q`.
    pub fn say(&self, line: impl Display) {
        self.stderr_line(Verbosity::Normal, &line);
    }

    /// Says how something is done. Printed with `-v` only. Often in the words of a server: its further lines
    /// are indented, so that none looks like one of fitout's own.
    pub fn detail(&self, line: impl Display) {
        let line = line.to_string().replace('\n', "\n  ");
        self.stderr_line(
            Verbosity::Verbose,
            &format_args!("{}{line}{:#}", style::DIM, style::DIM),
        );
    }

    /// Says what the user should know although the work goes on. Silent with `-q`.
    pub fn warn(&self, line: impl Display) {
        let warn = style::WARN;
        self.stderr_line(
            Verbosity::Normal,
            &format_args!("{warn}warning:{warn:#} {line}"),
        );
    }

    /// Says what the user can do next: `hint: …`. Silent with `-q`.
    pub fn hint(&self, line: impl Display) {
        let hint = style::HINT;
        self.stderr_line(
            Verbosity::Normal,
            &format_args!("{hint}hint:{hint:#} {line}"),
        );
    }

    /// Prints an error, its causes and its hints, whatever the verbosity.
    pub fn failure(&self, failure: &Failure) {
        let (fail, hint) = (style::FAIL, style::HINT);
        if let Some(report) = failure.error.downcast_ref::<crate::manifest::Report>() {
            self.stderr_line(Verbosity::Quiet, &report.styled());
        } else {
            self.stderr_line(
                Verbosity::Quiet,
                &format_args!("{fail}error:{fail:#} {}", failure.error),
            );
            for cause in failure.error.chain().skip(1) {
                self.stderr_line(Verbosity::Quiet, &format_args!("caused by: {cause}"));
            }
        }
        if !failure.hints.is_empty() {
            self.stderr_line(Verbosity::Quiet, &"");
        }
        for line in &failure.hints {
            self.stderr_line(
                Verbosity::Quiet,
                &format_args!("{hint}hint:{hint:#} {line}"),
            );
        }
    }

    fn stderr_line(&self, at_least: Verbosity, line: &dyn Display) {
        if self.verbosity >= at_least {
            let line = shown::text(&line.to_string());
            // Nothing sensible is left to do when stderr itself is gone.
            let _ = to_stderr(&(line + "\n"));
        }
    }
}

fn to_stderr(text: &str) -> io::Result<()> {
    anstream::stderr().lock().write_all(text.as_bytes())
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
