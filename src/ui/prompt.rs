//! Prompts. Only used on a terminal ([`Ui::can_prompt`]).

use super::Ui;
use crate::error::Failure;
use crate::markup::shown;

impl Ui {
    /// Asks a yes-or-no question, with yes for Enter.
    ///
    /// # Errors
    ///
    /// [`Failure::interrupted`] when the user leaves it with Esc or Ctrl-C, or the terminal goes away.
    pub fn confirm(&self, question: &str) -> Result<bool, Failure> {
        ask(question, true)
    }

    /// Asks before something is lost, with no for Enter.
    ///
    /// # Errors
    ///
    /// As [`Ui::confirm`].
    pub fn confirm_loss(&self, question: &str) -> Result<bool, Failure> {
        ask(question, false)
    }

    /// Asks for a line of text. `None` when the user leaves it, and for an empty one.
    pub fn ask(&self, question: &str) -> Option<String> {
        let asked = dialoguer::Input::<String>::new()
            .with_prompt(shown::text(question))
            .allow_empty(true)
            .interact_text();
        asked.ok().filter(|text| !text.is_empty())
    }

    /// Asks for a line of text without echo. Returns `None` like [`Ui::ask`].
    pub fn ask_secretly(&self, question: &str) -> Option<String> {
        let asked = dialoguer::Password::new()
            .with_prompt(shown::text(question))
            .allow_empty_password(true)
            .interact();
        asked.ok().filter(|text| !text.is_empty())
    }
}

fn ask(question: &str, default: bool) -> Result<bool, Failure> {
    let asked = dialoguer::Confirm::new()
        .with_prompt(shown::text(question))
        .default(default)
        .interact_opt();
    asked.ok().flatten().ok_or_else(Failure::interrupted)
}
