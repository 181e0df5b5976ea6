//! Brings the running stack in line with a choice that is written.

use std::sync::Arc;

use anyhow::anyhow;

use super::names_of;
use super::restart::Restart;
use crate::docker::Docker;
use crate::doctor::outcome::Status;
use crate::doctor::select::Selection;
use crate::error::{CommandResult, Exit, Failure, ResultExt as _};
use crate::host::interrupt;
use crate::ops::examine::{Depth, Examination};
use crate::ops::{Context, Opened};
use crate::running::{self, Condition, Row};
use crate::ui::services;
use crate::workspace::{RunsOn, Service};

/// The files are written; what runs is still as it was.
pub(crate) struct Switched<'a> {
    pub(crate) context: &'a Context,
    pub(crate) opened: Arc<Opened>,
    pub(crate) services: Vec<&'a Service>,
    pub(crate) place: RunsOn,
}

impl Switched<'_> {
    pub(crate) fn apply(&self, restart: &Restart) -> CommandResult {
        let Restart {
            stop,
            start,
            recreate,
        } = restart;
        // A container that goes frees the port that the server of this machine listens on.
        self.compose_up(&["--no-deps"], stop)?;
        self.compose_up(&["--wait", "--no-recreate"], start)?;
        if self.place == RunsOn::Host
            && let Some(why) = self.unreachable()?
        {
            // What asks it can't work there yet, and stays as it is.
            let verb = if self.services.len() == 1 {
                "is"
            } else {
                "are"
            };
            return Err(Failure::failed(anyhow!(
                "the choice is written, and {} {verb} not within reach of containers yet\n\n{why}",
                names_of(&self.services)
            ))
            .hint("`fitout doctor --deep --only host` looks again")
            .hint("then `fitout up` brings the services over that use it"));
        }
        self.compose_up(&["--wait", "--no-deps"], recreate)?;
        let broken = self.show_state(&[start.as_slice(), recreate].concat())?;
        match broken.first() {
            None => Ok(Exit::Done),
            Some(first) => Err(Failure::failed(anyhow!("{} not up", broken.join(", ")))
                .hint(format!("fitout logs {first}"))),
        }
    }

    fn compose_up(&self, how: &[&str], services: &[String]) -> Result<(), Failure> {
        if services.is_empty() {
            return Ok(());
        }
        let status = self
            .opened
            .compose(&Docker::default())?
            .args(["up", "--detach"])
            .args(how)
            .args(services)
            .pass_through()
            .context("can't restart the services")?;
        if interrupt::requested() {
            return Err(Failure::interrupted()
                .hint("the choice is written; `fitout up` brings the stack in line with it"));
        }
        // What did not come up is shown, with its state, after the rest is done.
        if !status.success() && !how.contains(&"--wait") {
            return Err(Failure::failed(anyhow!(
                "the choice is written, and Compose can't restart {}",
                services.join(", ")
            ))
            .hint("its own words are above; `fitout up` goes on from here"));
        }
        Ok(())
    }

    /// Why containers don't reach what runs on this machine now, with the remedy.
    fn unreachable(&self) -> Result<Option<String>, Failure> {
        let depth = match Docker::default().engine() {
            Ok(_) => Depth::Deep,
            Err(_) => Depth::Shallow,
        };
        let only = self.services.iter();
        let selection = Selection {
            only: only
                .map(|service| format!("host.{}", service.name))
                .collect(),
            skip: Vec::new(),
        };
        let report = Examination::of(Some(Arc::clone(&self.opened)), depth)?.run(&selection);
        if interrupt::requested() {
            return Err(Failure::interrupted());
        }
        for checked in &report.checked {
            if checked.outcome.status == Status::Pass {
                self.context.ui.say(&checked.outcome.found);
            }
        }
        Ok(report.has_failures().then(|| report.blocking_text()))
    }

    /// A row for each service that was started; the names of those that are not up.
    fn show_state(&self, changed: &[String]) -> Result<Vec<String>, Failure> {
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let states = self.opened.compose(&Docker::default())?.services();
        let states = states.context("can't ask which services run")?;
        let rows = running::rows(&self.opened.workspace, &self.opened.personal, &states);
        let is_shown = |row: &Row| {
            changed.contains(&row.service)
                || self
                    .services
                    .iter()
                    .any(|service| service.name == row.service)
        };
        let rows: Vec<Row> = rows.into_iter().filter(is_shown).collect();
        services::print(&self.context.ui, &rows)?;
        let broken = rows
            .iter()
            .filter(|row| matches!(row.condition, Condition::Broken | Condition::Stopped));
        Ok(broken.map(|row| row.service.clone()).collect())
    }
}
