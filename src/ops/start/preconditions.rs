//! The preconditions of `fitout up`.
//!
//! Starting a process costs more than most checks. If every service is already running, a single
//! `docker ps` has shown that the client, the engine and a sufficiently new Compose are there; then
//! these, and whether Compose can read the file, are only checked after the start has failed.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::anyhow;

use super::interrupted_before_start;
use crate::compose::owner::Owner;
use crate::docker::Container;
use crate::doctor::check::Checked;
use crate::doctor::checks;
use crate::doctor::outcome::Status;
use crate::doctor::select::Selection;
use crate::doctor::variables::Variables;
use crate::doctor::{machine, started::started};
use crate::error::{Failure, ResultExt as _};
use crate::host::interrupt;
use crate::ops::Opened;
use crate::ops::examine::{Depth, Examination};
use crate::running::{self, Condition};

/// Checks that a running container makes unnecessary.
const DOCKER: [&str; 3] = ["tools.docker", "tools.engine", "tools.compose"];
/// Checks that need no repo. The ports of the services to start are added to them.
const MACHINE: [&str; 4] = ["compose.project", "tools.disk", "tools.wsl", "env"];
/// Checks that need the repos and the compose file.
const WORKSPACE: [&str; 2] = ["files", VALID];
const VALID: &str = "compose.valid";

/// The checks of one run of `fitout up`.
pub(crate) struct Preconditions<'a> {
    opened: &'a Arc<Opened>,
    started: HashSet<&'a str>,
    all_run: bool,
    moved_from: Option<String>,
    containers: HashSet<String>,
}

impl<'a> Preconditions<'a> {
    /// Fails if something on this machine prevents the requested services (all by default) from
    /// starting.
    pub(crate) fn of_machine(opened: &'a Arc<Opened>, asked: &[String]) -> Result<Self, Failure> {
        let variables = machine::variables(&opened.root).context("can't read `.env`")?;
        let started = started(&opened.workspace, &opened.personal, &variables, asked);
        let started = started.into_iter().map(|service| service.name.as_str());
        let mut this = Preconditions {
            opened,
            started: started.collect(),
            all_run: false,
            moved_from: None,
            containers: HashSet::new(),
        };
        let examination = this.examination()?;
        let containers = examination.containers().iter();
        this.containers = containers.map(|container| container.id.clone()).collect();
        if let Owner::Moved(from) = examination.owner() {
            this.moved_from = Some(from.clone());
        }
        this.all_run = this.all_run(&variables, &examination);
        let docker: &[&str] = if this.all_run { &[] } else { &DOCKER };
        let mut beside = this.ports();
        if !this.all_run {
            let names = this.started.iter();
            beside.extend(names.map(|name| format!("data.{name}.version")));
        }
        let only = [docker, &MACHINE, &refs(&beside)].concat();
        let shown: &[&str] = if this.all_run { &DOCKER } else { &[] };
        this.require(examination, &only, shown)?;
        Ok(this)
    }

    /// The folder that this workspace's containers were created in, if it no longer exists.
    pub(crate) fn moved_from(&self) -> Option<&str> {
        self.moved_from.as_deref()
    }

    /// Returns the names of the services to start.
    pub(crate) fn started(&self) -> &HashSet<&'a str> {
        &self.started
    }

    /// Fails if something is missing in the repos, or Compose can't read the file.
    pub(crate) fn of_workspace(&self) -> Result<(), Failure> {
        let skip: &[&str] = if self.all_run { &[VALID] } else { &[] };
        // They have just passed.
        let skip = [skip, &["tools"]].concat();
        self.require(self.examination()?, &WORKSPACE, &skip)
    }

    /// After a failed start: fails with the cause, if it is one of the checks that were skipped
    /// before.
    pub(crate) fn left_out(&self) -> Result<(), Failure> {
        if !self.all_run || interrupt::requested() {
            return Ok(());
        }
        let ports = self.ports();
        let only = [&DOCKER[..], &MACHINE, &WORKSPACE, &refs(&ports)].concat();
        self.require(self.examination()?, &only, &[])
    }

    /// Checks the contents of volumes against the manifest, for services with a new container: for
    /// all others, nothing has changed.
    pub(crate) fn data_of_new(&self, containers: &[Container]) -> Result<Vec<Checked>, Failure> {
        let is_new = |container: &&Container| {
            self.started.contains(container.service.as_str())
                && !self.containers.contains(&container.id)
        };
        let new = containers.iter().filter(is_new);
        let mut only: Vec<String> = new
            .map(|container| format!("data.{}", container.service))
            .collect();
        if only.is_empty() {
            return Ok(Vec::new());
        }
        only.extend(["project", "volumes"].map(|name| format!("data.{name}")));
        // The version of the data was checked before the start.
        let names = self.started.iter();
        let mut skip: Vec<String> = names.map(|name| format!("data.{name}.version")).collect();
        skip.push("tools".to_owned());
        let selection = Selection { only, skip };
        let checked = self.examination()?.run(&selection).checked.into_iter();
        let is_told = |checked: &Checked| checked.outcome.status <= Status::Warn;
        Ok(checked.filter(is_told).collect())
    }

    fn examination(&self) -> Result<Examination, Failure> {
        Examination::of(Some(Arc::clone(self.opened)), Depth::Shallow)
    }

    fn ports(&self) -> Vec<String> {
        let names = self.started.iter();
        names.map(|name| format!("ports.{name}")).collect()
    }

    /// Only Compose knows the services in other files, which `COMPOSE_FILE` may add.
    fn all_run(&self, variables: &Variables, examination: &Examination) -> bool {
        let selection = self.opened.selection_as_far_as_known(variables);
        if self.started.is_empty() || selection.has_more_files() {
            return false;
        }
        let containers = examination.containers().iter();
        let own = containers.filter(|container| {
            container.project == examination.project() && !container.is_one_off
        });
        let own: Vec<&Container> = own.collect();
        let states: Vec<_> = own
            .iter()
            .map(|container| container.service_state())
            .collect();
        let Opened {
            workspace,
            personal,
            ..
        } = &**self.opened;
        own.iter()
            .all(|own| checks::is_compose_new_enough(&own.made_by))
            && running::rows(workspace, personal, &states)
                .iter()
                .filter(|row| self.started.contains(row.service.as_str()))
                .all(|row| {
                    matches!(
                        row.condition,
                        Condition::Ready | Condition::Starting | Condition::Done
                    )
                })
    }

    /// Runs these checks, and fails if one of them does.
    fn require(
        &self,
        examination: Examination,
        only: &[&str],
        skip: &[&str],
    ) -> Result<(), Failure> {
        // The Dockerfile of a service that is not started doesn't matter.
        let services = self.opened.workspace.services.iter();
        let others = services.filter(|service| !self.started.contains(service.name.as_str()));
        let others = others.map(|service| format!("files.{}", service.name));
        let selection = Selection {
            only: only.iter().map(ToString::to_string).collect(),
            skip: skip.iter().map(ToString::to_string).chain(others).collect(),
        };
        let report = examination.run(&selection);
        if interrupt::requested() {
            return Err(interrupted_before_start());
        }
        let failures = report.blocking().count();
        if failures == 0 {
            return Ok(());
        }
        let what = if failures == 1 {
            "1 problem prevents"
        } else {
            &format!("{failures} problems prevent")
        };
        Err(Failure::failed(anyhow!(
            "{what} the services from starting\n\n{}",
            report.blocking_text()
        ))
        .hint("run `fitout doctor` for all checks"))
    }
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
