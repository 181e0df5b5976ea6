//! Questions. Only asked where a person sits in front of a terminal ([`Ui::can_prompt`]).

use super::Ui;

impl Ui {
    /// Asks a yes-or-no question, with yes for Enter. `None` when the user leaves it with Esc or
    /// Ctrl-C, or the terminal goes away.
    pub fn confirm(&self, question: &str) -> Option<bool> {
        dialoguer::Confirm::new()
            .with_prompt(question)
            .default(true)
            .interact_opt()
            .ok()
            .flatten()
    }
}
