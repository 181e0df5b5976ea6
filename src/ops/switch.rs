//! Where backing services run for this person, changed: in a container, or on this machine.
//!
//! Everything is planned before anything is written: both files, and the changes to running
//! services.

pub(crate) mod change;
mod contradictions;
pub(crate) mod restart;
mod switched;

use std::sync::Arc;

use self::change::Change;
use self::restart::Restart;
use self::switched::Switched;
use super::{Context, Opened};
use crate::error::{CommandResult, Exit, Failure};
use crate::ui::Ui;
use crate::workspace::{RunsOn, Service};

/// What becomes of the running stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// Only the files are written.
    LeftAsItIs,
    /// Containers stop, start and are made again, as the choice wants it.
    BroughtInLine,
}

/// A choice that is worked out and not written yet.
pub(crate) struct Switch<'o> {
    services: Vec<&'o Service>,
    place: RunsOn,
    stack: Stack,
    pub(crate) change: Change,
    pub(crate) restart: Restart,
}

impl<'o> Switch<'o> {
    pub(crate) fn plan(
        context: &Context,
        opened: &Opened,
        services: Vec<&'o Service>,
        place: RunsOn,
        stack: Stack,
    ) -> Result<Self, Failure> {
        let change = Change::of(opened, &services, place)?;
        let restart = match stack {
            Stack::LeftAsItIs => Restart::default(),
            Stack::BroughtInLine => Restart::of(context, opened, &change, &services)?,
        };
        Ok(Switch {
            services,
            place,
            stack,
            change,
            restart,
        })
    }

    /// Writes the files, and brings the running stack in line with them.
    pub(crate) fn apply(self, context: &Context) -> CommandResult {
        let Switch {
            services,
            place,
            stack,
            change,
            restart,
        } = self;
        change.write(&context.ui, &change.after.root)?;
        if !change.is_any() {
            say_unchanged(&context.ui, &services, place);
        }
        contradictions::warn(&context.ui, &change.after, &services, place)?;
        if stack == Stack::LeftAsItIs {
            return Ok(Exit::Done);
        }
        let switched = Switched {
            context,
            opened: Arc::new(change.after),
            services,
            place,
        };
        switched.apply(&restart)
    }
}

/// `db, cache`.
pub(crate) fn names_of(services: &[&Service]) -> String {
    let names: Vec<&str> = services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    names.join(", ")
}

fn say_unchanged(ui: &Ui, services: &[&Service], place: RunsOn) {
    let verb = if services.len() == 1 { "runs" } else { "run" };
    let place = match place {
        RunsOn::Host => "on this machine",
        RunsOn::Container => "in a container",
    };
    ui.say(format_args!(
        "{} already {verb} {place}; nothing to change",
        names_of(services)
    ));
}
