//! `files.env`: the workspace's own `.env`, with this machine's values.

use super::secret;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::dotenv::FILE;

/// The id, for the checks that are unknown if the file can't be read.
pub const ID: &str = "files.env";

/// The file can be read, and git doesn't track it.
pub struct EnvFile;

/// The file, as far as it can be seen.
pub enum Seen {
    /// It can't be read, for this reason.
    Unreadable(String),
    /// Whether git would commit it.
    Tracked(bool),
}

impl Check for EnvFile {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: ID,
        in_order: "the workspace's `.env` can be read, and git doesn't track it",
        otherwise: &[
            (Status::Fail, "it can't be read"),
            (Status::Warn, "it is committed"),
        ],
        fixed_by: "`git rm --cached`",
    };

    fn about(&self) -> About {
        About::new(ID, "git doesn't track `.env`")
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        Ok(match machine.unreadable_env_file() {
            Some(why) => Seen::Unreadable(why.to_owned()),
            None => Seen::Tracked(machine.is_tracked(FILE)),
        })
    }

    fn judge(&self, seen: Seen, setting: &Setting) -> Outcome {
        match seen {
            Seen::Unreadable(why) => Outcome::fail(
                format!("can't read `.env`: {why}"),
                Remedy::run(format!("ls -l {}", setting.typed(FILE))),
            ),
            Seen::Tracked(is_tracked) => secret(is_tracked, FILE, setting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn committed_is_a_warning_and_unreadable_a_failure() {
        let seen = [
            Seen::Tracked(false),
            Seen::Tracked(true),
            Seen::Unreadable("Is a directory (os error 21)".to_owned()),
        ];
        insta::assert_snapshot!(examples(&EnvFile, seen), @r"
        pass     files.env  `.env` is not committed
        warn     files.env  `.env` is committed, with this machine's values and secrets
                 $ git rm --cached ../.env
                 if it was pushed, consider those secrets leaked, and change them
        fail     files.env  can't read `.env`: Is a directory (os error 21)
                 $ ls -l ../.env
        ");
    }
}
