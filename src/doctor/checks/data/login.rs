//! `data.SERVICE.login`: a running server accepts the login of its services, if it stores logins
//! with its data, but has no databases to query.

use super::{Answer, ask, not_running, refused};
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;
use crate::workspace::Service;
use crate::workspace::preset::Definition;

/// The server accepts the login.
pub struct Login {
    service: String,
    /// The `sh` command line that tries it.
    line: String,
}

impl Login {
    /// Returns the check of a service whose preset can try a login.
    pub fn of(service: &Service, definition: &Definition) -> Option<Self> {
        Some(Login {
            service: service.name.clone(),
            line: definition.login.clone()?,
        })
    }
}

impl Check for Login {
    type Seen = Answer<()>;

    const PAGE: &'static Page = &Page {
        id: "data.SERVICE.login",
        in_order: "the running server accepts its services' login, if logins are stored with the data (rabbitmq; mongo with `MONGO_INITDB_ROOT_USERNAME`)",
        otherwise: &[
            (
                Status::Fail,
                "the user or password has changed since the volume was created",
            ),
            (Status::Skipped, "it is not running"),
        ],
        fixed_by: "the old value",
    };

    fn about(&self) -> About {
        let name = &self.service;
        About::new(
            format!("data.{name}.login"),
            format!("`{name}` accepts the login of its services"),
        )
        .needs(["tools.engine"])
        .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Self::Seen, Fault> {
        Ok(match ask(machine, &self.service, &self.line)? {
            Answer::NotRunning => Answer::NotRunning,
            Answer::Refused(words) => Answer::Refused(words),
            Answer::Given(_) => Answer::Given(()),
        })
    }

    fn judge(&self, seen: Self::Seen, setting: &Setting) -> Outcome {
        match seen {
            Answer::NotRunning => not_running(&self.service),
            Answer::Refused(words) => refused(&self.service, &words, setting),
            Answer::Given(()) => Outcome::pass("it does"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn another_login_is_a_failure() {
        let check = Login {
            service: "queue".to_owned(),
            line: String::new(),
        };
        let seen = [
            Answer::NotRunning,
            Answer::Refused("invalid credentials".to_owned()),
            Answer::Given(()),
        ];
        insta::assert_snapshot!(examples(&check, seen), @r"
        skipped  data.queue.login  `queue` is not running
        fail     data.queue.login  `queue` doesn't accept the login of its services: invalid credentials
                 $ fitout sh queue
                 user and password are still those from when the volume was created: restore them (`QUEUE_PASSWORD` in `../.env`, or the manifest), or change them in the server
        pass     data.queue.login  it does
        ");
    }
}
