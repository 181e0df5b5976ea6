//! Decides what to do with a repo: [`first_step`] before anything is fetched, [`after_fetch`] after.
//!
//! The rows are those of the tables in `docs/sync.md`. Where two could apply, the more careful one wins.

use super::note::{Goal, Note, rescue};
use super::state::{Blocked, CloneState, Head, Link, Place, RepoState, Seen, Target, short};
use crate::plural::count;
use crate::shell;
use crate::workspace::{Repo, syntax};

/// What the user allows beyond updating the current branch. None of it may lose anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Switch from another branch, or a detached HEAD, to what the manifest wants.
    pub switch: bool,
    /// Set the remote of a clone with another URL to the manifest's.
    pub set_url: bool,
}

/// What to do before the remote is contacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Skipped on this machine.
    Skip,
    /// Doesn't exist: clone it.
    Clone,
    /// Fetch, then decide with [`after_fetch`].
    Fetch,
    /// Set that remote to the manifest's URL, or add `origin` if there is none, then fetch.
    SetUrl(Option<String>),
    /// Change nothing, and report why.
    Refuse(Note),
}

/// What to do with a clone whose remote-tracking refs are up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is where the manifest wants it. May have a note.
    Keep(Option<String>),
    /// Move the branch and the work tree forward by that many commits.
    FastForward(usize),
    /// Check out the manifest's branch, then decide again.
    Switch,
    /// Check out the pinned commit with a detached HEAD.
    Detach,
    /// It is up to the user; nothing is wrong.
    Leave(Note),
    /// It is behind, and updating could lose or mix up work.
    HoldBack(Note),
    /// The remote doesn't have what the manifest asks for.
    Fail(Note),
}

impl Action {
    /// Returns what it checks out, if it updates the clone.
    pub fn goal(&self) -> Option<Goal> {
        match self {
            Action::FastForward(_) => Some(Goal::Upstream),
            Action::Switch => Some(Goal::Branch),
            Action::Detach => Some(Goal::Pin),
            Action::Keep(_) | Action::Leave(_) | Action::HoldBack(_) | Action::Fail(_) => None,
        }
    }
}

/// Returns what the suggested command for this clone would check out.
pub fn offered(clone: &CloneState) -> Option<Goal> {
    match after_fetch(clone, Allowed::default()) {
        Action::Leave(note) | Action::HoldBack(note) => note.goal,
        Action::Keep(_)
        | Action::FastForward(_)
        | Action::Switch
        | Action::Detach
        | Action::Fail(_) => None,
    }
}

/// Decides what to do with a repo before anything is fetched.
pub fn first_step(repo: &Repo, state: &RepoState, allowed: Allowed) -> Step {
    if repo.skip {
        return Step::Skip;
    }
    if let Link::Blocked(what) = &state.link {
        return Step::Refuse(Note::new(format!(
            "`{}` is {what}, not a link to the clone",
            repo.path
        )));
    }
    let refuse = |command: Option<String>| {
        let why = state.place.obstacle().unwrap_or_default();
        Step::Refuse(Note {
            command,
            ..Note::new(why)
        })
    };
    let url = syntax::without_password(&repo.url);
    let url = shell::word(&url);
    match &state.place {
        Place::Missing => Step::Clone,
        Place::Occupied(what) => Step::Refuse(Note::new(format!("{what} is there: move it away"))),
        Place::Astray(why) => Step::Refuse(Note::new(format!(
            "{why}: remove the link, or keep the clone in another folder of the workspace: \
             `[repos.{}] path = \"…\"` in {}",
            repo.name,
            crate::manifest::PERSONAL_FILE
        ))),
        Place::OtherRemote(remote) if allowed.set_url => {
            Step::SetUrl(remote.as_ref().map(|remote| remote.name.clone()))
        }
        Place::OtherRemote(None) => refuse(Some(format!("remote add origin {url}"))),
        Place::OtherRemote(Some(remote)) => {
            refuse(Some(format!("remote set-url {} {url}", remote.name)))
        }
        Place::OtherOwner(path) => refuse(Some(shell::trusting(path))),
        Place::Unreadable(_) => refuse(None),
        Place::Clone(clone) => match clone.operation {
            Some(operation) => Step::Refuse(Note::with_command(
                format!("a {operation} is in progress"),
                "status",
            )),
            None => Step::Fetch,
        },
    }
}

/// The note for a clone in which a run of fitout was killed.
pub const HALF_MOVED: &str = "a killed run left it half updated";

/// Decides what to do with a clone once its remote-tracking refs are up to date.
pub fn after_fetch(clone: &CloneState, allowed: Allowed) -> Action {
    let obstacle = clone.obstacle.as_deref();
    let safe = |note: Note| note.keeping(clone).unless(obstacle);
    match decided(clone, allowed) {
        Action::Leave(note) => Action::Leave(safe(note)),
        Action::HoldBack(note) => Action::HoldBack(safe(note)),
        action => action,
    }
}

fn decided(clone: &CloneState, allowed: Allowed) -> Action {
    match &clone.target {
        Target::Empty => Action::Keep(Some("the remote has no commits yet".to_owned())),
        Target::Unknown(name) => Action::Fail(Note::with_command(
            format!("the remote has no `{}`", short(name)),
            format!("ls-remote {}", clone.remote),
        )),
        Target::Unfollowed => Action::Fail(unfollowed(&clone.remote)),
        Target::NoDefault => Action::Fail(Note::with_command(
            "the remote has no default branch",
            format!("ls-remote {}", clone.remote),
        )),
        Target::Pin { name, reached } => pinned(clone, name, *reached, allowed),
        Target::Branch {
            name,
            ahead,
            own,
            behind,
        } => match elsewhere(&clone.head, name) {
            Some(place) => on_another(clone, name, &place, allowed),
            None if clone.changes.conflicted > 0 => conflicted(clone.changes.conflicted, *behind),
            None if own < ahead => rewritten(clone, name, ahead - own, *own),
            None => on_branch(clone, name, *ahead, *behind),
        },
    }
}

/// The note for a clone that tracks no branch of its remote.
pub fn unfollowed(remote: &str) -> Note {
    let spec = format!("+refs/heads/*:refs/remotes/{remote}/*");
    Note::with_command(
        format!("the clone follows no branch of `{remote}`"),
        format!("config --add remote.{remote}.fetch {}", shell::word(&spec)),
    )
}

/// Returns notes about the fetch: the manifest's tag was moved, or a ref could not be stored.
pub fn seen(clone: &CloneState, seen: &Seen) -> Option<Note> {
    if let (Some(moved), Target::Pin { name, .. }) = (&seen.moved_tag, &clone.target) {
        let tag = format!("refs/tags/{name}");
        let note = Note::with_command(
            format!(
                "tag `{name}` was moved: {} here, {} on the remote",
                short(&moved.here),
                short(&moved.there)
            ),
            format!(
                "fetch {} {}",
                clone.remote,
                shell::word(&format!("+{tag}:{tag}"))
            ),
        );
        // The commit may be the user's, and nothing but this tag may lead to it.
        return Some(Note {
            before: Some(rescue(short(&moved.here))),
            ..note
        });
    }
    let Blocked { name, by } = seen.blocked.first()?;
    let front = format!("refs/remotes/{}/", clone.remote);
    let plain = |name: &'_ str| {
        let name = name
            .strip_prefix(&front)
            .or_else(|| name.strip_prefix("refs/tags/"));
        name.map(str::to_owned)
    };
    let shown = |name: &str| plain(name).unwrap_or_else(|| name.to_owned());
    let why = format!(
        "`{}` not fetched: `{}` is in its way",
        shown(name),
        shown(by)
    );
    Some(if by.starts_with(&front) {
        Note::with_command(why, format!("remote prune {}", clone.remote))
    } else {
        Note::new(why)
    })
}

/// Describes where HEAD is, if it is not on the wanted branch.
fn elsewhere(head: &Head, wanted: &str) -> Option<String> {
    match head {
        Head::Detached(commit) => Some(format!("detached at {commit}, not on `{wanted}`")),
        Head::Branch(name) | Head::Unborn(name) if name != wanted => {
            Some(format!("on `{name}`, not on `{wanted}`"))
        }
        Head::Branch(_) | Head::Unborn(_) => None,
    }
}

/// Switching away from a branch keeps its commits, but not local changes or a commit that no ref
/// contains.
fn on_another(clone: &CloneState, wanted: &str, place: &str, allowed: Allowed) -> Action {
    let switch = format!("switch {}", shell::word(wanted));
    if !allowed.switch {
        return Action::Leave(Note::with_command(place, switch).to(Goal::Branch));
    }
    if clone.changes.own() > 0 {
        let changes = count(clone.changes.own(), "local change");
        let note = Note::with_command(format!("{place}: {changes}"), switch);
        return Action::HoldBack(note.to(Goal::Branch));
    }
    match &clone.head {
        Head::Detached(commit) if !clone.kept => Action::HoldBack(Note::with_command(
            format!("{place}: no branch holds {commit}"),
            rescue(commit),
        )),
        Head::Detached(_) | Head::Branch(_) | Head::Unborn(_) => Action::Switch,
    }
}

/// The remote has dropped commits: pushing them, or a rebase of them, would publish them again.
fn rewritten(clone: &CloneState, wanted: &str, taken_back: usize, own: usize) -> Action {
    let upstream = format!("{}/{wanted}", clone.remote);
    let why = format!(
        "`{upstream}` was rewritten: {} here {} no longer there",
        count(taken_back, "commit"),
        if taken_back == 1 { "is" } else { "are" },
    );
    let upstream = shell::word(&upstream);
    let note = match own {
        0 => Note::with_command(why, format!("reset --keep {upstream}")).stashing(clone),
        own => Note::with_command(
            format!("{why}, and {} not pushed", count(own, "commit")),
            format!("rebase --fork-point {upstream}"),
        ),
    };
    // Dropped commits may be the user's, and exist only here.
    let commit = short(clone.basis.commit.as_deref().unwrap_or("HEAD"));
    Action::HoldBack(Note {
        before: Some(rescue(commit)),
        ..note.to(Goal::Upstream)
    })
}

/// For example after a stash that could not be applied.
fn conflicted(files: usize, behind: usize) -> Action {
    let files = format!("{} in conflict", count(files, "file"));
    if behind == 0 {
        Action::Leave(Note::with_command(files, "status"))
    } else {
        let why = format!("behind {behind}, not updated: {files}");
        Action::HoldBack(Note::with_command(why, "status"))
    }
}

fn on_branch(clone: &CloneState, wanted: &str, ahead: usize, behind: usize) -> Action {
    let upstream = format!("{}/{wanted}", clone.remote);
    match (ahead, behind) {
        (0, 0) => Action::Keep(match clone.changes.own() {
            0 => None,
            changes => Some(count(changes, "local change")),
        }),
        (ahead, 0) => Action::Leave(Note::with_command(
            format!("{} not pushed", count(ahead, "commit")),
            format!("push {} {}", clone.remote, shell::word(wanted)),
        )),
        (0, behind) => match clone.changes.own() {
            0 => Action::FastForward(behind),
            changes => {
                let why = format!(
                    "behind {behind}, not updated: {}",
                    count(changes, "local change")
                );
                let merge = match clone.changes.staged {
                    0 => "merge --ff-only --autostash",
                    _ => "merge --ff-only",
                };
                let merge = format!("{merge} {}", shell::word(&upstream));
                let note = Note::with_command(why, merge).stashing(clone);
                Action::HoldBack(note.to(Goal::Upstream))
            }
        },
        (ahead, behind) => {
            let why = format!("diverged: {ahead} ahead and {behind} behind {upstream}");
            let rebase = format!("rebase {}", shell::word(&upstream));
            Action::HoldBack(Note::with_command(why, rebase).to(Goal::Upstream))
        }
    }
}

fn pinned(clone: &CloneState, name: &str, reached: bool, allowed: Allowed) -> Action {
    let switch = format!("switch --detach {}", shell::word(name));
    let name = short(name);
    if reached {
        return Action::Keep(match &clone.head {
            Head::Branch(branch) | Head::Unborn(branch) => {
                Some(format!("on `{branch}`, at {name}"))
            }
            Head::Detached(_) => None,
        });
    }
    if clone.changes.own() > 0 {
        let changes = count(clone.changes.own(), "local change");
        let note = Note::with_command(format!("not at {name}: {changes}"), switch);
        return Action::HoldBack(note.to(Goal::Pin));
    }
    match &clone.head {
        Head::Detached(commit) if !clone.kept => Action::HoldBack(Note::with_command(
            format!("not at {name}: no branch holds {commit}"),
            rescue(commit),
        )),
        Head::Branch(branch) if !clone.published && !allowed.switch => {
            let why = format!("on `{branch}`, which has commits of its own, not at {name}");
            Action::Leave(Note::with_command(why, switch).to(Goal::Pin))
        }
        Head::Detached(_) | Head::Branch(_) | Head::Unborn(_) => Action::Detach,
    }
}

#[cfg(test)]
mod tests;
