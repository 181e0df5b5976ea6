//! The terminal: everything that fitout prints goes through a [`Ui`], which is passed down.
//!
//! Data goes to stdout, everything else to stderr. This module must not know about the manifest,
//! git or Docker.

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

/// How much to print to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only (`-q`).
    Quiet,
    /// Results.
    #[default]
    Normal,
    /// Results and details (`-v`).
    Verbose,
}

/// Whether to use colors.
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

/// The terminal, or a pipe instead of it.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    verbosity: Verbosity,
    stderr_is_terminal: bool,
    can_prompt: bool,
}

impl Ui {
    /// Inspects this process's terminal once, and sets the color choice for the whole process.
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

    /// Whether there is a user at a terminal who can answer prompts.
    pub fn can_prompt(&self) -> bool {
        self.can_prompt
    }

    /// Whether a child program can use the terminal.
    pub fn has_terminal(&self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// How much to print.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Whether to draw progress bars: on a terminal, and neither with `-q` nor between the lines of a log.
    pub fn draws_progress(&self) -> bool {
        self.stderr_is_terminal && self.verbosity > Verbosity::Quiet && !log::is_on()
    }

    /// The width of stderr in columns, if it is a terminal.
    pub fn width(&self) -> Option<usize> {
        let columns = rustix::termios::tcgetwinsize(io::stderr()).ok()?.ws_col;
        (self.stderr_is_terminal && columns > 0).then_some(usize::from(columns))
    }

    /// Writes human-readable lines to stdout. Fails with `BrokenPipe` if the reader has exited,
    /// which `main` treats as success.
    pub fn data(&self, lines: impl Display) -> io::Result<()> {
        let lines = shown::text(&lines.to_string());
        writeln!(anstream::stdout().lock(), "{lines}")
    }

    /// Writes JSON and a newline to stdout.
    pub fn json(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", shown::json(text))
    }

    /// Writes the text of a file to stdout: unchanged, except that control characters are escaped
    /// on a terminal.
    pub fn file(&self, text: &str) -> io::Result<()> {
        if io::stdout().is_terminal() {
            return to_stdout(&shown::file(text));
        }
        to_stdout(text)
    }

    /// Passes through the output of a user's command, byte for byte.
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

    /// Prints a result. Silent with `-q`.
    pub fn say(&self, line: impl Display) {
        self.stderr_line(Verbosity::Normal, &line);
    }

    /// Prints details, with `-v` only. They often come from a server: lines after the first are
    /// indented, so that they can't be mistaken for fitout's own.
    pub fn detail(&self, line: impl Display) {
        let line = line.to_string().replace('\n', "\n  ");
        self.stderr_line(
            Verbosity::Verbose,
            &format_args!("{}{line}{:#}", style::DIM, style::DIM),
        );
    }

    /// Prints a warning. Silent with `-q`.
    pub fn warn(&self, line: impl Display) {
        let warn = style::WARN;
        self.stderr_line(
            Verbosity::Normal,
            &format_args!("{warn}warning:{warn:#} {line}"),
        );
    }

    /// Prints what the user can do next: `hint: …`. Silent with `-q`.
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
            // If stderr is closed, there is nothing left to do.
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
