//! How the repos and the services are. Works without Docker, and asks no server.

use rayon::prelude::*;
use serde::Serialize;

use super::Opened;
use crate::compose;
use crate::docker::{ComposeError, Docker};
use crate::doctor::{machine, required};
use crate::git;
use crate::running::{self, Row};
use crate::shell;
use crate::sync::{HALF_MOVED, Head, Link, Place, RepoState, Target, not_asked_for, unfollowed};
use crate::workspace::Repo;

/// A repo and its clone.
#[derive(Default, Serialize)]
pub(crate) struct RepoRow {
    pub name: String,
    pub path: String,
    pub state: &'static str,
    pub head: Option<String>,
    pub wanted: Option<String>,
    pub ahead: usize,
    pub behind: usize,
    pub changes: usize,
    pub stashes: usize,
    pub note: Option<String>,
}

/// How the services are, or why Docker does not say.
pub(crate) fn services(opened: &Opened) -> Result<Vec<Row>, String> {
    if opened.workspace.services.is_empty() {
        return Ok(Vec::new());
    }
    let docker = Docker::default();
    let variables = machine::variables(&opened.root).map_err(|error| format!(".env: {error}"))?;
    let selection = opened.selection_as_far_as_known(&variables);
    let states = docker
        .compose(&opened.root, &selection)
        .with_made_up(&required::unset(&opened.workspace, &variables))
        .services()
        .map_err(|error| why_not(opened, &docker, &error))?;
    Ok(running::rows(&opened.workspace, &opened.personal, &states))
}

/// Returns the most likely cause: Compose's message about a missing file or engine is long and
/// late.
fn why_not(opened: &Opened, docker: &Docker, error: &ComposeError) -> String {
    if !opened.root.join(compose::FILE).exists() {
        return format!("`{}` is missing; run `fitout generate`", compose::FILE);
    }
    match docker.can_compose() {
        Ok(()) => error.to_string(),
        Err(problem) => problem.to_string(),
    }
}

/// How the clones are that the filter takes; all repos where there is none.
pub(crate) fn repos(
    opened: &Opened,
    filter: Option<&(dyn Fn(&RepoState) -> bool + Sync)>,
) -> Vec<RepoRow> {
    opened
        .personal
        .repos(&opened.workspace)
        .par_iter()
        .filter_map(|repo| {
            if repo.skip {
                return filter.is_none().then(|| RepoRow {
                    state: "skipped",
                    ..named(repo)
                });
            }
            let state = git::local::observe_at_exit(&opened.root, repo);
            filter
                .is_none_or(|includes| includes(&state))
                .then(|| repo_row(repo, &state))
        })
        .collect()
}

fn named(repo: &Repo) -> RepoRow {
    RepoRow {
        name: repo.name.clone(),
        path: repo.local_path.as_ref().unwrap_or(&repo.path).clone(),
        ..RepoRow::default()
    }
}

fn repo_row(repo: &Repo, state: &RepoState) -> RepoRow {
    let Place::Clone(clone) = &state.place else {
        return RepoRow {
            state: if state.place == Place::Missing {
                "missing"
            } else {
                "refused"
            },
            note: state.place.obstacle(),
            ..named(repo)
        };
    };
    let (wanted, ahead, behind) = match &clone.target {
        Target::Branch {
            name,
            ahead,
            behind,
            ..
        } => (Some(name.clone()), *ahead, *behind),
        Target::Pin { name, .. } | Target::Unknown(name) => (Some(name.clone()), 0, 0),
        Target::Unfollowed | Target::NoDefault | Target::Empty => (None, 0, 0),
    };
    let is_unfollowed = clone.target == Target::Unfollowed;
    let unkept = is_unfollowed.then(|| unfollowed(&clone.remote).why);
    let link = match &state.link {
        Link::Missing => Some("not linked yet".to_owned()),
        Link::Blocked(what) => Some(format!("{what} is in the way of the link to it")),
        Link::NotWanted | Link::Right => None,
    };
    let half_moved = clone.half_moved.then(|| {
        format!(
            "{HALF_MOVED}; `fitout sync {}` completes it",
            shell::word(&repo.name)
        )
    });
    let operation = clone
        .operation
        .map(|operation| format!("{operation} in progress"));
    let submodules = not_asked_for(repo, clone.not_cloned);
    RepoRow {
        state: "cloned",
        head: Some(match &clone.head {
            Head::Branch(name) | Head::Unborn(name) => name.clone(),
            Head::Detached(commit) => format!("({commit})"),
        }),
        wanted,
        ahead,
        behind,
        changes: clone.changes.tracked() + clone.changes.untracked,
        stashes: clone.stashes,
        note: half_moved.or(operation).or(link).or(unkept).or(submodules),
        ..named(repo)
    }
}
