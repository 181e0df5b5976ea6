//! Decides what to do with a repo: [`first_step`] before anything is fetched, [`after_fetch`] after.
//!
//! The rows are those of DESIGN.md section 8. Where two could apply, the more careful one wins.

use super::state::{CloneState, Head, Link, Place, RepoState, Target};
use crate::workspace::Repo;

/// What to do before anything is known of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not wanted on this machine.
    Skip,
    /// Nothing is there: clone it.
    Clone,
    /// Ask the remote what is new, then decide with [`after_fetch`].
    Fetch,
    /// Touch nothing; say why.
    Refuse(Note),
}

/// What to do with a clone whose remote-tracking refs are up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is where the manifest wants it. May still have something to tell.
    Keep(Option<String>),
    /// Move the branch and the work tree forward by that many commits.
    FastForward(usize),
    /// Check out the pinned commit with a detached HEAD.
    Detach,
    /// It is the user's to decide; nothing is wrong.
    Leave(Note),
    /// It is behind, and updating could lose or mix up work.
    HoldBack(Note),
    /// The manifest asks for what the remote does not have.
    Fail(Note),
}

/// Why, and the git command that settles it: its arguments after `git -C PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Lower case, no full stop.
    pub why: String,
    /// For the user to run.
    pub command: Option<String>,
}

impl Note {
    fn new(why: impl Into<String>) -> Self {
        Note {
            why: why.into(),
            command: None,
        }
    }

    fn with_command(why: impl Into<String>, command: impl Into<String>) -> Self {
        Note {
            why: why.into(),
            command: Some(command.into()),
        }
    }
}

/// What to do with a repo before anything is fetched.
pub fn first_step(repo: &Repo, state: &RepoState) -> Step {
    if repo.skip {
        return Step::Skip;
    }
    if let Link::Blocked(what) = &state.link {
        return Step::Refuse(Note::new(format!(
            "`{}` is {what}, not a link to the clone",
            repo.path
        )));
    }
    match &state.place {
        Place::Missing => Step::Clone,
        Place::Occupied(what) => Step::Refuse(Note::new(format!("{what} is there: move it away"))),
        Place::OtherRemote(None) => Step::Refuse(Note::with_command(
            "a git repository without a remote is there",
            format!("remote add origin {}", repo.url),
        )),
        Place::OtherRemote(Some(url)) => Step::Refuse(Note::with_command(
            format!("a clone of {url} is there"),
            format!("remote set-url origin {}", repo.url),
        )),
        Place::Unreadable(why) => Step::Refuse(Note::new(why.clone())),
        Place::Clone(clone) => match clone.operation {
            Some(operation) => Step::Refuse(Note::with_command(
                format!("a {operation} is in progress"),
                "status",
            )),
            None => Step::Fetch,
        },
    }
}

/// What to do with a clone once its remote-tracking refs are up to date.
pub fn after_fetch(clone: &CloneState) -> Action {
    match &clone.target {
        Target::Empty => Action::Keep(Some("the remote has no commits yet".to_owned())),
        Target::Unknown(name) => Action::Fail(Note::with_command(
            format!("the remote has no `{name}`"),
            format!("ls-remote {}", clone.remote),
        )),
        Target::Pin { name, reached } => pinned(clone, name, *reached),
        Target::Branch {
            name,
            ahead,
            behind,
        } => on_branch(clone, name, *ahead, *behind),
    }
}

fn on_branch(clone: &CloneState, wanted: &str, ahead: usize, behind: usize) -> Action {
    let upstream = format!("{}/{wanted}", clone.remote);
    match &clone.head {
        Head::Detached(commit) => {
            return Action::Leave(Note::with_command(
                format!("detached at {commit}, not on `{wanted}`"),
                format!("switch {wanted}"),
            ));
        }
        Head::Branch(name) | Head::Unborn(name) if name != wanted => {
            return Action::Leave(Note::with_command(
                format!("on `{name}`, not on `{wanted}`"),
                format!("switch {wanted}"),
            ));
        }
        Head::Branch(_) | Head::Unborn(_) => {}
    }
    match (ahead, behind) {
        (0, 0) => Action::Keep(match clone.changes.tracked() {
            0 => None,
            changes => Some(count(changes, "local change")),
        }),
        (ahead, 0) => Action::Leave(Note::with_command(
            format!("{} not pushed", count(ahead, "commit")),
            format!("push {} {wanted}", clone.remote),
        )),
        (0, behind) => match clone.changes.tracked() {
            0 => Action::FastForward(behind),
            changes => Action::HoldBack(Note::with_command(
                format!(
                    "behind {behind}, not updated: {}",
                    count(changes, "local change")
                ),
                format!("pull --ff-only --autostash {} {wanted}", clone.remote),
            )),
        },
        (ahead, behind) => Action::HoldBack(Note::with_command(
            format!("diverged: {ahead} ahead and {behind} behind {upstream}"),
            format!("rebase {upstream}"),
        )),
    }
}

fn pinned(clone: &CloneState, name: &str, reached: bool) -> Action {
    let switch = format!("switch --detach {name}");
    if reached {
        return Action::Keep(match &clone.head {
            Head::Branch(branch) | Head::Unborn(branch) => {
                Some(format!("on `{branch}`, at {name}"))
            }
            Head::Detached(_) => None,
        });
    }
    if clone.changes.tracked() > 0 {
        return Action::HoldBack(Note::with_command(
            format!(
                "not at {name}: {}",
                count(clone.changes.tracked(), "local change")
            ),
            switch,
        ));
    }
    match &clone.head {
        Head::Detached(commit) if !clone.kept => Action::HoldBack(Note::with_command(
            format!("not at {name}: no branch holds {commit}"),
            format!("branch rescue {commit}"),
        )),
        Head::Branch(branch) if !clone.published => Action::Leave(Note::with_command(
            format!("on `{branch}`, which has commits of its own, not at {name}"),
            switch,
        )),
        Head::Detached(_) | Head::Branch(_) | Head::Unborn(_) => Action::Detach,
    }
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::Changes;
    use super::*;
    use crate::workspace::Checkout;

    fn repo() -> Repo {
        Repo {
            name: "web".to_owned(),
            url: "https://git.example/web".to_owned(),
            path: "web".to_owned(),
            local_path: None,
            checkout: Checkout::Branch("main".to_owned()),
            depth: None,
            submodules: false,
            skip: false,
        }
    }

    fn clone_with(ahead: usize, behind: usize) -> CloneState {
        CloneState {
            remote: "origin".to_owned(),
            head: Head::Branch("main".to_owned()),
            operation: None,
            changes: Changes::default(),
            stashes: 0,
            target: Target::Branch {
                name: "main".to_owned(),
                ahead,
                behind,
            },
            published: true,
            kept: true,
        }
    }

    fn pin(head: Head, reached: bool) -> CloneState {
        CloneState {
            head,
            target: Target::Pin {
                name: "v1".to_owned(),
                reached,
            },
            ..clone_with(0, 0)
        }
    }

    fn dirty(clone: CloneState) -> CloneState {
        CloneState {
            changes: Changes {
                staged: 1,
                unstaged: 2,
                untracked: 5,
                conflicted: 0,
            },
            ..clone
        }
    }

    /// One line a case, so that the table reads as the rules do.
    fn told(action: &Action) -> String {
        let note = |word: &str, note: &Note| {
            let command = note.command.as_deref().unwrap_or("-");
            format!("{word}: {} | {command}", note.why)
        };
        match action {
            Action::Keep(told) => format!("keep: {}", told.as_deref().unwrap_or("-")),
            Action::FastForward(behind) => format!("fast-forward {behind}"),
            Action::Detach => "detach".to_owned(),
            Action::Leave(why) => note("leave", why),
            Action::HoldBack(why) => note("hold back", why),
            Action::Fail(why) => note("fail", why),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn after_a_fetch_a_clone_is_updated_only_where_nothing_can_be_lost() {
        let branch = |name: &str| Head::Branch(name.to_owned());
        let detached = || Head::Detached("1234567".to_owned());
        let cases = [
            ("up to date", clone_with(0, 0), "keep: -"),
            ("behind", clone_with(0, 3), "fast-forward 3"),
            (
                "untracked files only",
                CloneState {
                    changes: Changes {
                        untracked: 4,
                        ..Changes::default()
                    },
                    ..clone_with(0, 3)
                },
                "fast-forward 3",
            ),
            (
                "dirty, nothing new",
                dirty(clone_with(0, 0)),
                "keep: 3 local changes",
            ),
            (
                "dirty and behind",
                dirty(clone_with(0, 2)),
                "hold back: behind 2, not updated: 3 local changes | pull --ff-only --autostash origin main",
            ),
            (
                "ahead",
                clone_with(1, 0),
                "leave: 1 commit not pushed | push origin main",
            ),
            (
                "diverged",
                clone_with(1, 2),
                "hold back: diverged: 1 ahead and 2 behind origin/main | rebase origin/main",
            ),
            (
                "another branch",
                CloneState {
                    head: branch("topic"),
                    ..clone_with(1, 2)
                },
                "leave: on `topic`, not on `main` | switch main",
            ),
            (
                "detached",
                CloneState {
                    head: detached(),
                    ..clone_with(0, 2)
                },
                "leave: detached at 1234567, not on `main` | switch main",
            ),
            (
                "no commit here, some there",
                CloneState {
                    head: Head::Unborn("main".to_owned()),
                    ..clone_with(0, 2)
                },
                "fast-forward 2",
            ),
            (
                "branch gone from the remote",
                CloneState {
                    target: Target::Unknown("main".to_owned()),
                    ..clone_with(0, 0)
                },
                "fail: the remote has no `main` | ls-remote origin",
            ),
            (
                "empty on both sides",
                CloneState {
                    target: Target::Empty,
                    ..clone_with(0, 0)
                },
                "keep: the remote has no commits yet",
            ),
            ("at its tag", pin(detached(), true), "keep: -"),
            (
                "at its tag, on a branch",
                pin(branch("main"), true),
                "keep: on `main`, at v1",
            ),
            ("not at its tag", pin(detached(), false), "detach"),
            (
                "on a published branch",
                pin(branch("main"), false),
                "detach",
            ),
            (
                "on a branch with own commits",
                CloneState {
                    published: false,
                    ..pin(branch("topic"), false)
                },
                "leave: on `topic`, which has commits of its own, not at v1 | switch --detach v1",
            ),
            (
                "detached at a commit of its own",
                CloneState {
                    kept: false,
                    ..pin(detached(), false)
                },
                "hold back: not at v1: no branch holds 1234567 | branch rescue 1234567",
            ),
            (
                "dirty, not at its tag",
                dirty(pin(detached(), false)),
                "hold back: not at v1: 3 local changes | switch --detach v1",
            ),
        ];
        for (case, clone, expected) in cases {
            assert_eq!(told(&after_fetch(&clone)), expected, "{case}");
        }
    }

    #[test]
    fn the_first_step_touches_only_what_is_missing_or_a_clone_of_the_repo() {
        let state = |place: Place| RepoState {
            place,
            link: Link::NotWanted,
        };
        let clone = |operation| {
            Place::Clone(Box::new(CloneState {
                operation,
                ..clone_with(0, 0)
            }))
        };
        let cases = [
            (state(Place::Missing), "clone"),
            (state(clone(None)), "fetch"),
            (
                state(clone(Some("rebase"))),
                "refuse: a rebase is in progress | status",
            ),
            (
                state(Place::Occupied("a file".to_owned())),
                "refuse: a file is there: move it away | -",
            ),
            (
                state(Place::OtherRemote(Some("https://git.example/x".to_owned()))),
                "refuse: a clone of https://git.example/x is there | remote set-url origin https://git.example/web",
            ),
            (
                state(Place::OtherRemote(None)),
                "refuse: a git repository without a remote is there | remote add origin https://git.example/web",
            ),
            (
                RepoState {
                    link: Link::Blocked("a folder".to_owned()),
                    ..state(Place::Missing)
                },
                "refuse: `web` is a folder, not a link to the clone | -",
            ),
        ];
        for (state, expected) in cases {
            let told = match first_step(&repo(), &state) {
                Step::Skip => "skip".to_owned(),
                Step::Clone => "clone".to_owned(),
                Step::Fetch => "fetch".to_owned(),
                Step::Refuse(note) => format!(
                    "refuse: {} | {}",
                    note.why,
                    note.command.as_deref().unwrap_or("-")
                ),
            };
            assert_eq!(told, expected);
        }
        let skipped = Repo {
            skip: true,
            ..repo()
        };
        assert_eq!(first_step(&skipped, &state(Place::Missing)), Step::Skip);
    }
}
