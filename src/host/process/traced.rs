//! Starts programs so that the log has them: which, where, how they ended, and after how long.
//!
//! A log goes into bug reports. So it has no environment, no words of the user's own (scripts, and commands that run in
//! a container or in each repo), and nothing of a URL that may be secret.

use std::fmt::Display;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Instant;

use tracing::Level;

use crate::shell;
use crate::workspace::syntax::without_secrets;

/// [`Command`], logged.
pub trait Traced {
    /// [`Command::spawn`]; how the program ends is not logged.
    fn traced_spawn(&mut self) -> io::Result<Child>;
    /// [`Command::status`]
    fn traced_status(&mut self) -> io::Result<ExitStatus>;
    /// [`Command::output`]
    fn traced_output(&mut self) -> io::Result<Output>;
    /// `CommandExt::exec`
    fn traced_exec(&mut self) -> io::Error;
}

impl Traced for Command {
    fn traced_spawn(&mut self) -> io::Result<Child> {
        let run = Run::begin(self, Words::Ours);
        let child = self.spawn();
        if let Err(error) = &child {
            run.end(error);
        }
        child
    }

    fn traced_status(&mut self) -> io::Result<ExitStatus> {
        let run = Run::begin(self, Words::Ours);
        let status = self.status();
        run.end_with(&status);
        status
    }

    fn traced_output(&mut self) -> io::Result<Output> {
        let run = Run::begin(self, Words::Ours);
        let output = self.output();
        run.end_with(&output.as_ref().map(|output| output.status));
        output
    }

    fn traced_exec(&mut self) -> io::Error {
        let run = Run::begin(self, Words::Ours);
        let error = self.exec();
        run.end(&error);
        error
    }
}

/// Whose the words of a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    Ours,
    Users,
}

/// A program that was begun, for the log.
pub(super) struct Run {
    /// Empty unless it is logged.
    shown: String,
    since: Instant,
}

impl Run {
    pub(super) fn begin(command: &Command, words: Words) -> Self {
        let is_logged = tracing::enabled!(target: "program", Level::DEBUG);
        let shown = match words {
            _ if !is_logged => String::new(),
            Words::Ours => shown(command),
            Words::Users => program(command, 0),
        };
        if let Some(folder) = command.get_current_dir() {
            tracing::debug!(target: "program", "{shown} in {}", folder.display());
        } else {
            tracing::debug!(target: "program", "{shown}");
        }
        Run {
            shown,
            since: Instant::now(),
        }
    }

    pub(super) fn end(&self, how: impl Display) {
        let took = self.since.elapsed().as_millis();
        tracing::debug!(target: "program", "{}: {how}, after {took} ms", self.shown);
    }

    fn end_with(&self, status: &Result<ExitStatus, impl Display>) {
        match status {
            Ok(status) => self.end(status),
            Err(error) => self.end(error),
        }
    }
}

/// The command, as it can be typed, but for what may be the user's.
fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name();
    match name.and_then(|name| name.to_str()) {
        // What follows runs in a container.
        Some("docker" | "docker-compose") => {
            let arguments: Vec<_> = command.get_args().collect();
            let has = |word: &str| arguments.iter().position(|argument| *argument == word);
            let ours = match (has("compose"), has("run").or(has("exec"))) {
                // Its command; the words of that may be the user's.
                (Some(0), _) => 2,
                (_, Some(command)) => command + 1,
                _ => usize::MAX,
            };
            program(command, ours)
        }
        Some("git" | "lsof" | "ssh-add" | "ssh-agent" | "ssh-keygen" | "wslinfo") => {
            program(command, usize::MAX)
        }
        _ => program(command, 0),
    }
}

/// The program with so many of its arguments, and how many there are beyond.
fn program(command: &Command, ours: usize) -> String {
    let arguments = command.get_args().take(ours);
    let words = std::iter::once(command.get_program()).chain(arguments);
    let words = words.map(|word| without_secrets(&word.to_string_lossy()));
    let shown = shell::words(&words.collect::<Vec<_>>());
    match command.get_args().count().saturating_sub(ours) {
        0 => shown,
        others => format!("{shown} … ({others} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_words_are_counted_and_not_shown() {
        for (words, expected) in [
            (
                &["git", "clone", "https://user:secret@git.example/x", "a b"][..],
                "git clone https://git.example/x 'a b'",
            ),
            (&["docker", "ps", "--all"], "docker ps --all"),
            (
                &["docker", "compose", "build", "--build-arg", "T=secret"],
                "docker compose build … (2 more)",
            ),
            (
                &["git", "clone", "user:secret@git.example:x"],
                "git clone '…@git.example:x'",
            ),
            (
                &["docker", "run", "image", "secret"],
                "docker run … (2 more)",
            ),
            (
                &["docker", "compose", "exec", "db", "mysql", "-psecret"],
                "docker compose exec … (3 more)",
            ),
            (
                &["docker", "compose", "run", "-e", "TOKEN=secret", "web"],
                "docker compose run … (3 more)",
            ),
            (&["sh", "-c", "sshpass -p secret ssh"], "sh … (2 more)"),
            (&["/opt/own", "--token=secret"], "/opt/own … (1 more)"),
            (&["true"], "true"),
        ] {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).env("TOKEN", "secret");
            assert_eq!(shown(&command), expected);
            assert!(!program(&command, 0).contains("secret"));
        }
    }
}
