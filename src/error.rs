//! Errors of commands, and exit codes.
//!
//! A command returns `Result<Exit, Failure>`. A [`Failure`] is an error with its source chain, a
//! kind that determines the exit status, and hints: commands that the user can paste. Only
//! `main.rs` turns either of them into a process exit code; the codes are defined only here.

use std::fmt::Display;

/// How a command ended if it was not stopped by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything succeeded.
    Done,
    /// 1: partial success, or something to report: a failed repo, a finding, drift.
    Findings,
    /// 130: interrupted by Ctrl-C; started work was completed or undone.
    Interrupted,
    /// The exit status of the command that was run for the user (`exec`, `run`, `test`, `compose`).
    Child(u8),
}

impl Exit {
    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Interrupted => 130,
            Exit::Child(code) => code,
        }
    }
}

/// What kind of error stopped a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: the command failed.
    Failed,
    /// 2: the command line or the manifest is invalid; nothing was done.
    Usage,
    /// 130: Ctrl-C.
    Interrupted,
}

/// An error on its way to the user: what happened, why, and the commands that fix it.
#[derive(Debug)]
pub struct Failure {
    /// Determines the exit code.
    pub kind: Kind,
    /// What happened; its source chain becomes the `caused by:` lines.
    pub error: anyhow::Error,
    /// Lines printed after `hint: `, each with a command to run.
    pub hints: Vec<String>,
}

impl Failure {
    /// The command line or the manifest is invalid (exit code 2).
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Failure {
            kind: Kind::Usage,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// The command failed (exit code 1).
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Failure {
            kind: Kind::Failed,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// The user pressed Ctrl-C (exit code 130).
    pub fn interrupted() -> Self {
        Failure {
            kind: Kind::Interrupted,
            error: anyhow::anyhow!("interrupted"),
            hints: Vec::new(),
        }
    }

    /// Says what could not be done because of it.
    #[must_use]
    pub fn context(mut self, what: impl Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(what);
        self
    }

    /// Adds a hint: a sentence with the command that fixes this.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// The process exit code.
    pub fn code(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Interrupted => 130,
        }
    }
}

/// An error type that says, where it is defined, what kind of failure its errors are. `?` keeps that.
pub trait Classified: std::error::Error + Send + Sync + 'static {
    /// What kind of failure it is.
    fn kind(&self) -> Kind;
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure {
            kind: error.kind(),
            error: error.into(),
            hints: Vec::new(),
        }
    }
}

/// One that is made of words alone: the work could not be done.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::failed(error)
    }
}

/// Errors of libraries that are failures, and not caused by invalid input.
macro_rules! failed {
    ($($error:ty),*) => {
        $(impl Classified for $error {
            fn kind(&self) -> Kind {
                Kind::Failed
            }
        })*
    };
}

failed!(
    std::io::Error,
    std::fmt::Error,
    serde_json::Error,
    toml::ser::Error,
    toml_edit::TomlError,
    rayon::ThreadPoolBuildError
);

impl Classified for clap::Error {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

/// Says what could not be done because of an error, which keeps its kind and its hints.
pub trait ResultExt<T> {
    /// In these words.
    fn context(self, what: impl Display + Send + Sync + 'static) -> Result<T, Failure>;

    /// In words that are made only where they are needed.
    fn with_context<C: Display + Send + Sync + 'static>(
        self,
        what: impl FnOnce() -> C,
    ) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> ResultExt<T> for Result<T, E> {
    fn context(self, what: impl Display + Send + Sync + 'static) -> Result<T, Failure> {
        self.with_context(|| what)
    }

    fn with_context<C: Display + Send + Sync + 'static>(
        self,
        what: impl FnOnce() -> C,
    ) -> Result<T, Failure> {
        self.map_err(|error| error.into().context(what()))
    }
}

/// What every command returns.
pub type CommandResult = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it is written wrong")]
    struct Wrong;

    impl Classified for Wrong {
        fn kind(&self) -> Kind {
            Kind::Usage
        }
    }

    #[test]
    fn the_type_of_an_error_decides_the_exit_code_whatever_is_said_about_it() {
        let wrong = || Err::<(), Wrong>(Wrong);
        let passed_on = || -> Result<(), Failure> { Ok(wrong()?) };
        let explained = || wrong().context("can't read it");
        let twice = || explained().with_context(|| "can't begin");
        for result in [passed_on(), explained(), twice()] {
            assert_eq!(result.unwrap_err().code(), 2);
        }
        let failure = twice().unwrap_err();
        let said: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["can't begin", "can't read it", "it is written wrong"]
        );
        assert!(failure.error.downcast_ref::<Wrong>().is_some());
    }

    #[test]
    fn what_failed_without_a_type_is_the_works() {
        let lost = || -> Result<(), Failure> { Err(anyhow::anyhow!("no words"))? };
        assert_eq!(lost().unwrap_err().code(), 1);
        let hinted = lost().map_err(|failure| failure.hint("try it"));
        let hinted = hinted.context("can't").unwrap_err();
        assert_eq!((hinted.code(), hinted.hints.len()), (1, 1));
    }
}
