//! `compose.valid`: Compose's own opinion of the compose file.

use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;

/// Compose accepts the file, with the override.
pub struct Valid {
    /// Missing variables have their own check, and must not hide other problems: these variables
    /// get a placeholder.
    pub made_up: Vec<String>,
}

/// What Compose says of the file.
pub struct Seen {
    /// Compose accepts it.
    is_valid: bool,
    /// Compose's messages.
    messages: Vec<String>,
}

impl Check for Valid {
    type Seen = Seen;

    const PAGE: &'static Page = &Page {
        id: "compose.valid",
        in_order: "`docker compose config` accepts it, with the override",
        otherwise: &[
            (Status::Fail, "it doesn't"),
            (Status::Warn, "Compose warns"),
        ],
        fixed_by: "Compose's message: `docker compose config`",
    };

    fn about(&self) -> About {
        About::new("compose.valid", "Docker Compose accepts the file")
            .needs(["tools.compose", "compose.present"])
            .reads_env_file()
    }

    fn look(&self, machine: &Machine) -> Result<Seen, Fault> {
        let said = machine.compose(&self.made_up, &["config", "--quiet"])?;
        Ok(Seen {
            is_valid: said.is_success,
            messages: said.messages(),
        })
    }

    fn judge(&self, seen: Seen, _: &Setting) -> Outcome {
        let words = seen.messages.join("; ");
        let show = || Remedy::run("docker compose config -q");
        if !seen.is_valid {
            Outcome::fail(format!("Docker Compose doesn't accept it: {words}"), show())
        } else if seen.messages.is_empty() {
            Outcome::pass("accepted by Docker Compose")
        } else {
            Outcome::warn(words, show())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::examples;

    #[test]
    fn composes_own_words_are_shown() {
        let config = |is_valid, messages: &[&str]| Seen {
            is_valid,
            messages: messages.iter().map(ToString::to_string).collect(),
        };
        let seen = [
            config(true, &[]),
            config(
                true,
                &["The \"A\" variable is not set. Defaulting to a blank string."],
            ),
            config(
                false,
                &["services.api Additional property x is not allowed"],
            ),
        ];
        let made_up = Vec::new();
        insta::assert_snapshot!(examples(&Valid { made_up }, seen), @r#"
        pass     compose.valid  accepted by Docker Compose
        warn     compose.valid  The "A" variable is not set. Defaulting to a blank string.
                 $ docker compose config -q
        fail     compose.valid  Docker Compose doesn't accept it: services.api Additional property x is not allowed
                 $ docker compose config -q
        "#);
    }
}
