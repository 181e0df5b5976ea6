//! `--dry-run` and `--check`: compares the state on disk with the desired state. Contacts no
//! server, changes nothing.

use serde::Serialize;

use super::{Options, chosen};
use crate::error::Failure;
use crate::git::{local, url};
use crate::host::resources;
use crate::ops::Opened;
use crate::ops::parallel::in_parallel;
use crate::plural::count;
use crate::sync::{
    Action, Allowed, HALF_MOVED, Outcome, Place, RepoReport, RepoState, Step, Synced, Target,
    after_fetch, first_step,
};

/// Compares each repo on disk with the lock.
pub(crate) fn checked(opened: &Opened, options: &Options) -> Result<Synced, Failure> {
    let repos = chosen(opened, options)?;
    let cores = resources::cores();
    let reports = in_parallel(cores, &repos, |_, repo| {
        if repo.skip {
            return RepoReport::new(repo, Outcome::Skipped);
        }
        let place = local::observe(&opened.root, repo).place;
        let (outcome, note) = match &place {
            Place::Clone(clone) => match (&clone.target, clone.changes.tracked()) {
                _ if clone.half_moved => (Outcome::HeldBack, Some(HALF_MOVED.to_owned())),
                (Target::Pin { reached: true, .. }, 0) => (Outcome::UpToDate, None),
                (Target::Pin { reached: true, .. }, changes) => {
                    (Outcome::HeldBack, Some(count(changes, "local change")))
                }
                _ => (Outcome::HeldBack, Some("at another commit".to_owned())),
            },
            Place::Missing => (Outcome::Failed, Some("not cloned".to_owned())),
            other => (Outcome::Refused, other.obstacle()),
        };
        RepoReport::new(repo, outcome).told(note)
    })?;
    Ok(Synced {
        schema_version: Synced::SCHEMA_VERSION,
        interrupted: false,
        repos: reports,
        not_in_manifest: Vec::new(),
    })
}

/// A row of the plan.
#[derive(Serialize)]
pub(crate) struct Planned {
    pub name: String,
    pub path: String,
    pub step: &'static str,
    pub note: Option<String>,
}

/// Returns the plan, in the order of the manifest.
#[derive(Serialize)]
pub(crate) struct Plan {
    pub schema_version: u32,
    pub dry_run: bool,
    pub repos: Vec<Planned>,
}

/// Returns the plan for each repo.
pub(crate) fn plan(opened: &Opened, options: &Options) -> Result<Plan, Failure> {
    let repos = chosen(opened, options)?;
    let root = opened.root.as_path();
    let cores = resources::cores();
    let planned = in_parallel(cores, &repos, |_, repo| {
        let state = local::observe(root, repo);
        let (step, note) = match first_step(repo, &state, options.allowed) {
            Step::Skip => ("skip", None),
            Step::Clone => (
                "clone",
                Some(format!("from {}", url::without_password(&repo.url))),
            ),
            Step::SetUrl(_) => (
                "set url",
                Some(format!(
                    "to {}, then fetch",
                    url::without_password(&repo.url)
                )),
            ),
            Step::Refuse(note) => ("refuse", Some(note.why)),
            Step::Fetch if is_half_moved(&state.place) => {
                let note = format!("{HALF_MOVED}: that is undone or finished first");
                ("fetch", Some(note))
            }
            Step::Fetch => ("fetch", Some(expected(&state, options.allowed))),
        };
        Planned {
            name: repo.name.clone(),
            path: repo.path.clone(),
            step,
            note,
        }
    })?;
    Ok(Plan {
        schema_version: Synced::SCHEMA_VERSION,
        dry_run: true,
        repos: planned,
    })
}

fn is_half_moved(place: &Place) -> bool {
    matches!(place, Place::Clone(clone) if clone.half_moved)
}

/// Returns what would happen after a fetch, as far as that is known.
fn expected(state: &RepoState, allowed: Allowed) -> String {
    let Place::Clone(clone) = &state.place else {
        return String::new();
    };
    match after_fetch(clone, allowed) {
        Action::Switch => {
            let wanted = clone.target.branch().unwrap_or_default();
            format!("then switch to `{wanted}`")
        }
        Action::Keep(_) if clone.changes.tracked() == 0 => "then update if it is behind".to_owned(),
        Action::Keep(_) => "then hold back if it is behind: local changes".to_owned(),
        Action::FastForward(behind) => format!("then update: {behind} behind"),
        Action::Detach => "then check out the pinned commit".to_owned(),
        Action::Leave(note) => format!("then leave: {}", note.why),
        Action::HoldBack(note) => format!("then hold back: {}", note.why),
        Action::Fail(_) => "then see".to_owned(),
    }
}
