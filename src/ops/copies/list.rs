//! The workspaces of this machine, with their ports, branches and containers.

use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;

use super::{all, as_it_is, family};
use crate::docker::{Container, Docker};
use crate::error::Failure;
use crate::git::local;
use crate::host::workspaces::{self, Known};
use crate::ops::{Context, Opened};
use crate::sync::{Place, Target};

/// A workspace, and how it is.
#[derive(Serialize)]
pub(crate) struct Row {
    pub folder: PathBuf,
    pub project: String,
    pub copy_of: Option<PathBuf>,
    pub here: bool,
    pub port_offset: u16,
    pub ports: Vec<u16>,
    pub running: Option<usize>,
    pub branch: Option<String>,
    pub changed_repos: Option<usize>,
}

/// This workspace and its copies; outside of one, all workspaces in which fitout has written.
pub(crate) fn list(context: &Context) -> Result<Vec<Row>, Failure> {
    let known = match context.open_if_any()? {
        Some(opened) => family(&all(&opened), &opened),
        None => workspaces::known().into_iter().map(as_it_is).collect(),
    };
    let (containers, mut copies) = rayon::join(
        || Docker::default().containers().ok(),
        || known.into_par_iter().map(row).collect::<Vec<Row>>(),
    );
    let engine_answers = containers.is_some() && Docker::default().engine().is_ok();
    for row in &mut copies {
        row.here = context.cwd.starts_with(&row.folder);
        row.running = engine_answers.then(|| running(row, containers.as_deref()));
    }
    Ok(copies)
}

fn running(row: &Row, containers: Option<&[Container]>) -> usize {
    let containers = containers.unwrap_or_default().iter();
    containers
        .filter(|container| container.project == row.project && !container.is_one_off)
        .filter(|container| container.service_state().state == "running")
        .count()
}

fn row(known: Known) -> Row {
    let changed = Opened::read(&known.folder).ok().map(|opened| {
        let repos = opened.personal.repos(&opened.workspace);
        let changed = repos.par_iter().filter(|repo| {
            let place = local::observe(&opened.root, repo).place;
            matches!(place, Place::Clone(clone) if !clone.changes.is_empty()
                || matches!(clone.target, Target::Branch { ahead: 1.., .. }))
        });
        changed.count()
    });
    Row {
        branch: local::branch(&known.folder),
        here: false,
        running: None,
        changed_repos: changed,
        folder: known.folder,
        project: known.project,
        copy_of: known.copy_of,
        port_offset: known.port_offset,
        ports: known.ports,
    }
}
