//! Every row of the decisions, from states that are made up.

use super::*;
use crate::sync::state::{Basis, Changes, MovedTag, Remote};
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
        half_moved: false,
        changes: Changes::default(),
        has_filters: false,
        only_git: false,
        not_cloned: 0,
        stashes: 0,
        target: Target::Branch {
            name: "main".to_owned(),
            ahead,
            own: ahead,
            behind,
        },
        published: true,
        kept: true,
        obstacle: None,
        basis: Basis {
            commit: Some("1234567".to_owned()),
            ..Basis::default()
        },
    }
}

fn taken_back(ahead: usize, own: usize, behind: usize) -> CloneState {
    CloneState {
        target: Target::Branch {
            name: "main".to_owned(),
            ahead,
            own,
            behind,
        },
        ..clone_with(ahead, behind)
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
            submodules: vec!["lib".to_owned()],
        },
        ..clone
    }
}

fn in_conflict(clone: CloneState) -> CloneState {
    CloneState {
        changes: Changes {
            conflicted: 1,
            ..Changes::default()
        },
        ..clone
    }
}

/// One line a case, so that the table reads as the rules do.
fn told(action: &Action) -> String {
    let note = |word: &str, note: &Note| {
        let command = note.typed("web").unwrap_or_else(|| "-".to_owned());
        format!("{word}: {} | {command}", note.why)
    };
    match action {
        Action::Keep(told) => format!("keep: {}", told.as_deref().unwrap_or("-")),
        Action::FastForward(behind) => format!("fast-forward {behind}"),
        Action::Switch => "switch".to_owned(),
        Action::Detach => "detach".to_owned(),
        Action::Leave(why) => note("leave", why),
        Action::HoldBack(why) => note("hold back", why),
        Action::Fail(why) => note("fail", why),
    }
}

/// What a row says, and the command that it offers, are in the tables of docs/sync.md.
fn assert_documented(why: &str, command: Option<&str>) {
    let page = include_str!("../../../docs/sync.md");
    let code = |text: &str| {
        if text.contains('`') {
            format!("`` {text} ``")
        } else {
            format!("`{text}`")
        }
    };
    let command = command.map(code);
    let is_row = |line: &&str| {
        let says = line.starts_with('|') && line.contains(&format!("| {} |", code(why)));
        says && command
            .as_ref()
            .is_none_or(|command| line.contains(&format!("| {command} |")))
    };
    let rows = page.lines().filter(is_row).count();
    assert_eq!(rows, 1, "rows of docs/sync.md for `{why}`, {command:?}");
}

/// Of an action, after it was compared with what is expected.
fn assert_action_documented(action: &Action) {
    match action {
        Action::Keep(Some(told)) => assert_documented(told, None),
        Action::Leave(note) | Action::HoldBack(note) | Action::Fail(note) => {
            assert_documented(&note.why, note.typed("web").as_deref());
        }
        Action::Keep(None) | Action::FastForward(_) | Action::Switch | Action::Detach => {}
    }
}

fn assert_told(cases: &[(&str, CloneState, &str)]) {
    for (case, clone, expected) in cases {
        let action = after_fetch(clone, Allowed::default());
        assert_eq!(told(&action), *expected, "{case}");
        assert_action_documented(&action);
    }
}

#[test]
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
            "ahead",
            clone_with(1, 0),
            "leave: 1 commit not pushed | git -C web push origin main",
        ),
        (
            "diverged",
            clone_with(1, 2),
            "hold back: diverged: 1 ahead and 2 behind origin/main | git -C web rebase origin/main",
        ),
        (
            "another branch",
            CloneState {
                head: branch("topic"),
                ..clone_with(1, 2)
            },
            "leave: on `topic`, not on `main` | git -C web switch main",
        ),
        (
            "detached",
            CloneState {
                head: detached(),
                ..clone_with(0, 2)
            },
            "leave: detached at 1234567, not on `main` | git -C web switch main",
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
            "fail: the remote has no `main` | git -C web ls-remote origin",
        ),
        (
            "no default branch at the remote",
            CloneState {
                target: Target::NoDefault,
                ..clone_with(0, 0)
            },
            "fail: the remote has no default branch | git -C web ls-remote origin",
        ),
        (
            "keeps no branch of the remote",
            CloneState {
                target: Target::Unfollowed,
                ..clone_with(0, 0)
            },
            "fail: the clone follows no branch of `origin` | git -C web config --add remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'",
        ),
        (
            "empty on both sides",
            CloneState {
                target: Target::Empty,
                ..clone_with(0, 0)
            },
            "keep: the remote has no commits yet",
        ),
    ];
    assert_told(&cases);
}

#[test]
fn a_changed_clone_is_left_to_the_user() {
    let cases = [
        (
            "dirty, nothing new",
            dirty(clone_with(0, 0)),
            "keep: 3 local changes",
        ),
        (
            "dirty and behind",
            dirty(clone_with(0, 2)),
            "hold back: behind 2, not updated: 3 local changes | git -C web stash && git -C web merge --ff-only origin/main && git -C web stash pop --index",
        ),
        (
            "dirty and behind, nothing staged",
            CloneState {
                changes: Changes {
                    unstaged: 3,
                    ..Changes::default()
                },
                ..clone_with(0, 2)
            },
            "hold back: behind 2, not updated: 3 local changes | git -C web merge --ff-only --autostash origin/main",
        ),
        (
            "in conflict",
            in_conflict(clone_with(0, 0)),
            "leave: 1 file in conflict | git -C web status",
        ),
        (
            "in conflict, and behind",
            in_conflict(clone_with(0, 2)),
            "hold back: behind 2, not updated: 1 file in conflict | git -C web status",
        ),
    ];
    assert_told(&cases);
}

#[test]
fn what_the_remote_took_back_is_kept_on_a_branch() {
    let cases = [
        (
            "taken back",
            taken_back(1, 0, 2),
            "hold back: `origin/main` was rewritten: 1 commit here is no longer there | git -C web branch --force rescue-1234567 1234567 && git -C web reset --keep origin/main",
        ),
        (
            "taken back, and nothing new",
            taken_back(1, 0, 0),
            "hold back: `origin/main` was rewritten: 1 commit here is no longer there | git -C web branch --force rescue-1234567 1234567 && git -C web reset --keep origin/main",
        ),
        (
            "taken back, below own",
            taken_back(2, 1, 2),
            "hold back: `origin/main` was rewritten: 1 commit here is no longer there, and 1 commit not pushed | git -C web branch --force rescue-1234567 1234567 && git -C web rebase --fork-point origin/main",
        ),
    ];
    assert_told(&cases);
}

#[test]
fn a_command_that_is_offered_leaves_no_commit_that_only_head_leads_to() {
    let adrift = |clone: CloneState| CloneState {
        head: Head::Detached("1234567".to_owned()),
        kept: false,
        ..clone
    };
    let cases = [
        (
            "detached at a commit of its own",
            adrift(clone_with(1, 2)),
            "leave: detached at 1234567, not on `main` | git -C web branch --force rescue-1234567 1234567 && git -C web switch main",
        ),
        (
            "dirty, and not at its tag",
            adrift(dirty(pin(Head::Branch("main".to_owned()), false))),
            "hold back: not at v1: 3 local changes | git -C web branch --force rescue-1234567 1234567 && git -C web switch --detach v1",
        ),
    ];
    assert_told(&cases);
    let allowed = Allowed {
        switch: true,
        ..Allowed::default()
    };
    let action = after_fetch(&adrift(dirty(clone_with(1, 2))), allowed);
    let expected = "hold back: detached at 1234567, not on `main`: 3 local changes | git -C web branch --force rescue-1234567 1234567 && git -C web switch main";
    assert_eq!(told(&action), expected);
}

#[test]
fn a_clone_goes_to_its_tag_only_where_nothing_can_be_lost() {
    let branch = |name: &str| Head::Branch(name.to_owned());
    let detached = || Head::Detached("1234567".to_owned());
    let cases = [
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
            "leave: on `topic`, which has commits of its own, not at v1 | git -C web switch --detach v1",
        ),
        (
            "detached at a commit of its own",
            CloneState {
                kept: false,
                ..pin(detached(), false)
            },
            "hold back: not at v1: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
        ),
        (
            "dirty, not at its tag",
            dirty(pin(detached(), false)),
            "hold back: not at v1: 3 local changes | git -C web switch --detach v1",
        ),
    ];
    assert_told(&cases);
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
            "refuse: a rebase is in progress | git -C web status",
        ),
        (
            state(Place::Occupied("a file".to_owned())),
            "refuse: a file is there: move it away | -",
        ),
        (
            state(Place::OtherRemote(Some(other_remote()))),
            "refuse: a clone of https://git.example/x is there | git -C web remote set-url origin https://git.example/web",
        ),
        (
            state(Place::OtherRemote(None)),
            "refuse: a git repository without a remote is there | git -C web remote add origin https://git.example/web",
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
        let told = match first_step(&repo(), &state, Allowed::default()) {
            Step::Skip => "skip".to_owned(),
            Step::Clone => "clone".to_owned(),
            Step::Fetch => "fetch".to_owned(),
            Step::SetUrl(remote) => format!("set url of {remote:?}"),
            Step::Refuse(note) => {
                let command = note.typed("web");
                assert_documented(&note.why, command.as_deref());
                format!(
                    "refuse: {} | {}",
                    note.why,
                    command.as_deref().unwrap_or("-")
                )
            }
        };
        assert_eq!(told, expected);
    }
    let skipped = Repo {
        skip: true,
        ..repo()
    };
    assert_eq!(
        first_step(&skipped, &state(Place::Missing), Allowed::default()),
        Step::Skip
    );
}

#[test]
fn another_url_is_replaced_only_when_asked_for_and_a_password_is_never_shown() {
    let secret = Repo {
        url: "https://token:secret@git.example/web".to_owned(),
        ..repo()
    };
    let state = RepoState {
        place: Place::OtherRemote(Some(other_remote())),
        link: Link::NotWanted,
    };
    let allowed = Allowed {
        set_url: true,
        ..Allowed::default()
    };
    let Step::Refuse(note) = first_step(&secret, &state, Allowed::default()) else {
        panic!("it was not asked for");
    };
    assert_eq!(
        note.command.as_deref(),
        Some("remote set-url origin https://git.example/web")
    );
    assert_eq!(
        first_step(&secret, &state, allowed),
        Step::SetUrl(Some("origin".to_owned()))
    );
}

#[test]
fn what_a_fetch_saw_is_said_with_the_command_that_settles_it() {
    let moved = Seen {
        moved_tag: Some(MovedTag {
            here: "1234567".to_owned(),
            there: "89abcde".to_owned(),
        }),
        ..Seen::default()
    };
    let blocked = |name: &str, by: &str| Seen {
        blocked: vec![Blocked {
            name: name.to_owned(),
            by: by.to_owned(),
        }],
        ..Seen::default()
    };
    let at_tag = pin(Head::Detached("1234567".to_owned()), true);
    let cases = [
        (
            seen(&at_tag, &moved),
            "tag `v1` was moved: 1234567 here, 89abcde on the remote",
            Some("fetch origin +refs/tags/v1:refs/tags/v1"),
        ),
        (
            seen(
                &clone_with(0, 0),
                &blocked(
                    "refs/remotes/origin/release/1.0",
                    "refs/remotes/origin/release",
                ),
            ),
            "`release/1.0` not fetched: `release` is in its way",
            Some("remote prune origin"),
        ),
        (
            seen(
                &clone_with(0, 0),
                &blocked("refs/tags/v1/rc", "refs/tags/v1"),
            ),
            "`v1/rc` not fetched: `v1` is in its way",
            None,
        ),
    ];
    for (note, why, command) in cases {
        let note = note.unwrap();
        assert_eq!((note.why.as_str(), note.command.as_deref()), (why, command));
        let rescues = note.before.as_deref() == Some("branch --force rescue-1234567 1234567");
        assert_eq!(rescues, note.why.contains("was moved"), "{why}");
        if command.is_some() {
            assert_documented(why, note.typed("web").as_deref());
        }
    }
    assert_eq!(seen(&clone_with(0, 0), &Seen::default()), None);
}

#[test]
fn a_branch_is_left_when_asked_for_unless_something_would_be_lost() {
    let allowed = Allowed {
        switch: true,
        ..Allowed::default()
    };
    let on = |head: Head| CloneState {
        head,
        ..clone_with(0, 2)
    };
    let topic = || Head::Branch("topic".to_owned());
    let detached = || Head::Detached("1234567".to_owned());
    let cases = [
        ("another branch", on(topic()), "switch"),
        ("detached at a commit of a branch", on(detached()), "switch"),
        (
            "no commit yet",
            on(Head::Unborn("topic".to_owned())),
            "switch",
        ),
        (
            "detached at a commit of its own",
            CloneState {
                kept: false,
                ..on(detached())
            },
            "hold back: detached at 1234567, not on `main`: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
        ),
        (
            "another branch, dirty",
            dirty(on(topic())),
            "hold back: on `topic`, not on `main`: 3 local changes | git -C web switch main",
        ),
        (
            "there, and behind",
            on(Head::Branch("main".to_owned())),
            "fast-forward 2",
        ),
        (
            "not at its tag, on a branch with commits of its own",
            CloneState {
                published: false,
                ..pin(topic(), false)
            },
            "detach",
        ),
        (
            "not at its tag, detached at a commit of its own",
            CloneState {
                kept: false,
                ..pin(detached(), false)
            },
            "hold back: not at v1: no branch holds 1234567 | git -C web branch --force rescue-1234567 1234567",
        ),
    ];
    for (case, clone, expected) in cases {
        let action = after_fetch(&clone, allowed);
        assert_eq!(told(&action), expected, "{case}");
        assert_action_documented(&action);
    }
}

fn other_remote() -> Remote {
    Remote {
        name: "origin".to_owned(),
        url: "https://git.example/x".to_owned(),
    }
}
