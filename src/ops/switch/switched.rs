//! Applies a written choice to the running services.

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

/// The files are written; running services are not changed yet.
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
        // Removing the container frees the port that this machine's server listens on.
        self.compose_up(&["--no-deps"], stop)?;
        self.compose_up(&["--wait", "--no-recreate"], start)?;
        if self.place == RunsOn::Host
            && let Some(why) = self.unreachable()?
        {
            // Its dependents can't work with the server yet, and are not changed.
            let verb = if self.services.len() == 1 {
                "is"
            } else {
                "are"
            };
            return Err(Failure::failed(anyhow!(
                "the choice was written, but {} {verb} not reachable from containers yet\n\n{why}",
                names_of(&self.services)
            ))
            .hint("to check again: fitout doctor --deep --only host")
            .hint("then run `fitout up` to switch the services that use it"));
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
            return Err(
                Failure::interrupted().hint("the choice was written; run `fitout up` to apply it")
            );
        }
        // Services that did not come up are shown, with their state, at the end.
        if !status.success() && !how.contains(&"--wait") {
            return Err(Failure::failed(anyhow!(
                "the choice was written, but Compose can't restart {}",
                services.join(", ")
            ))
            .hint("see its output above; to continue: fitout up"));
        }
        Ok(())
    }

    /// Returns why containers can't reach the services on this machine, with the fix.
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

    /// Prints a row for each started service. Returns the names of those that are not up.
    fn show_state(&self, changed: &[String]) -> Result<Vec<String>, Failure> {
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let states = self.opened.compose(&Docker::default())?.services();
        let states = states.context("can't get the running services")?;
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
