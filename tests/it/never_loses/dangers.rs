//! Cases that are written down: each is one that a mistake in sync would lose work in, or that a mistake would
//! hold back without need.

use super::event::Event::{self, *};
use super::event::{Ground, Kind, Wanted, Wish};
use super::{in_threads, play};

/// What is there, how it is synced, and, for each list of what happened, what its row says.
type Dangers = (Ground, Wish, Vec<(Vec<Event>, &'static str)>);

#[expect(clippy::too_many_lines, reason = "one table")]
fn dangers() -> Vec<Dangers> {
    let plain = Wish::PLAIN;
    let wanted = |wanted| Wish { wanted, ..plain };
    let switch_to = |branch| Wish {
        wanted: Wanted::Branch(branch),
        switch: true,
        ..plain
    };
    let set_url = Wish {
        set_url: true,
        ..plain
    };
    let with_git = Wish {
        backend: "cli",
        ..plain
    };
    let news = || TheyCommit(0, 7);
    let beside = |event| Beside(Box::new(event));
    vec![
        (
            Ground::Clone,
            plain,
            vec![
                // In the way of an update.
                (vec![BothWrite(3)], "held back"),
                (vec![BothWrite(5)], "held back"),
                (vec![Write(6, 1), TheyCommit(6, 2)], "held back"),
                (vec![Link(3), TheyCommit(3, 1)], "held back"),
                (vec![Hide(0, 1), news()], "held back"),
                (vec![TheyNest(3), Write(3, 1)], "held back"),
                // A repository of the user's around what changes, all of which goes.
                (vec![Nest(0), TheyBecome(0, Kind::Nothing)], "held back"),
                // Beside an update.
                (vec![Write(3, 1), news()], "updated"),
                (vec![Write(5, 1), news()], "updated"),
                (vec![Hide(2, 1), news()], "updated"),
                (vec![Write(2, 1), news()], "held back"),
                (vec![Write(2, 1), Stage(2), news()], "held back"),
                (vec![Write(3, 1), Stage(3), news()], "held back"),
                (vec![Write(3, 1), Intend(3), news()], "held back"),
                (vec![Remove(2), news()], "held back"),
                (vec![Write(2, 1), Stash, news()], "updated"),
                (vec![Stop("merge"), news()], "refused"),
                (vec![Stop("rebase"), news()], "refused"),
                (vec![Stop("bisect"), news()], "refused"),
                // Nothing new: nothing to move.
                (vec![Write(2, 1), Stage(2)], "up to date"),
                (vec![Commit(1), news()], "held back"),
                (vec![TheyForce(1)], "held back"),
                (vec![CommitDetached(1), news()], "left as is"),
            ],
        ),
        (
            Ground::Clone,
            plain,
            vec![
                // A folder, a file or a link becomes another of them.
                (vec![TheyBecome(0, Kind::LinkToFolder)], "updated"),
                (
                    vec![Write(4, 1), TheyBecome(0, Kind::LinkToFolder)],
                    "held back",
                ),
                (vec![Write(7, 1), TheyBecome(0, Kind::Link)], "held back"),
                (vec![TheyBecome(1, Kind::File)], "updated"),
                (vec![Write(9, 1), TheyBecome(1, Kind::File)], "held back"),
                (vec![Write(10, 1), TheyBecome(2, Kind::Link)], "held back"),
                (vec![TheyBecome(3, Kind::Folder)], "updated"),
                (vec![TheyBecome(4, Kind::Folder)], "updated"),
                (vec![Write(1, 1), TheyBecome(3, Kind::Folder)], "held back"),
                (
                    vec![Become(4, Kind::Folder), TheyBecome(4, Kind::File)],
                    "held back",
                ),
                (
                    vec![Become(5, Kind::LinkToFolder), TheyCommit(6, 1)],
                    "held back",
                ),
                (vec![Become(5, Kind::File), TheyCommit(6, 1)], "held back"),
            ],
        ),
        (
            Ground::Sparse,
            plain,
            vec![
                (vec![news()], "updated"),
                (vec![TheyCommit(8, 1), news()], "updated"),
                (vec![BothWrite(3)], "held back"),
                (vec![BothWrite(5)], "held back"),
            ],
        ),
        (
            Ground::Encoded,
            plain,
            vec![(vec![TheyCommit(8, 17)], "updated")],
        ),
        (
            Ground::Crlf,
            plain,
            vec![(vec![TheyCommit(2, 17)], "updated")],
        ),
        (
            // Where `.gitattributes` is not yet, git takes files for clean that it did not write again.
            Ground::Crlf,
            switch_to("main"),
            vec![(vec![Detach(2)], "updated")],
        ),
        (
            Ground::Crlf,
            wanted(Wanted::FirstCommit),
            vec![(vec![Detach(2)], "updated")],
        ),
        (
            Ground::Filtered,
            plain,
            vec![(vec![TheyCommit(2, 17)], "updated")],
        ),
        (Ground::OtherHooks, plain, vec![(vec![news()], "updated")]),
        (
            Ground::Upstream,
            plain,
            vec![
                (vec![news()], "updated"),
                (vec![Commit(1), news()], "held back"),
            ],
        ),
        (
            Ground::HookedCheckout,
            switch_to("main"),
            vec![(
                vec![Write(5, 1), Stage(5), Commit(1), Detach(1), Write(5, 2)],
                "held back",
            )],
        ),
        (
            Ground::Nested,
            plain,
            vec![
                (vec![TheyBump(1)], "updated"),
                (vec![beside(CommitDetached(1)), TheyBump(1)], "held back"),
                // What it is in is where the clone has it.
                (
                    vec![beside(Detach(1)), beside(CommitDetached(1))],
                    "held back",
                ),
                (
                    vec![beside(Branch("own")), beside(Commit(1)), TheyBump(1)],
                    "updated",
                ),
                (
                    vec![IgnoreSubmodules, beside(CommitDetached(1)), TheyBump(1)],
                    "held back",
                ),
            ],
        ),
        (
            Ground::Submodules,
            plain,
            vec![(
                vec![IgnoreSubmodules, beside(CommitDetached(1)), TheyBump(1)],
                "held back",
            )],
        ),
        (
            Ground::Submodules,
            wanted(Wanted::LockedToNewest),
            vec![(
                vec![IgnoreSubmodules, beside(CommitDetached(1)), TheyBump(1)],
                "held back",
            )],
        ),
        (
            Ground::Clone,
            with_git,
            vec![(vec![BothWrite(3)], "held back")],
        ),
        (
            Ground::Clone,
            switch_to("main"),
            vec![
                (vec![Orphan, Write(3, 1), Stage(3)], "held back"),
                (vec![CommitDetached(1), news()], "held back"),
                (vec![Branch("own"), Write(2, 1)], "held back"),
                (vec![Branch("own"), Commit(1)], "updated"),
            ],
        ),
        (
            Ground::Clone,
            wanted(Wanted::Tag),
            vec![
                (vec![CommitDetached(1)], "held back"),
                (vec![Write(2, 1), Stage(2)], "held back"),
            ],
        ),
        (
            Ground::Clone,
            wanted(Wanted::FirstCommit),
            vec![(vec![Commit(1)], "left as is")],
        ),
        (
            Ground::Clone,
            wanted(Wanted::LockedToFirst),
            vec![
                (vec![CommitDetached(1)], "held back"),
                (vec![Write(0, 1)], "held back"),
                (vec![Commit(1)], "updated"),
            ],
        ),
        (
            Ground::Clone,
            wanted(Wanted::LockedToNewest),
            vec![(vec![BothWrite(3)], "held back")],
        ),
        (
            Ground::Hooked,
            plain,
            vec![
                (vec![BothWrite(3)], "held back"),
                (vec![BothWrite(5)], "held back"),
                (vec![Hide(0, 1), news()], "held back"),
                (vec![Write(3, 1), Write(5, 1), news()], "updated"),
            ],
        ),
        (
            Ground::Hooked,
            wanted(Wanted::LockedToNewest),
            vec![(vec![BothWrite(5)], "held back")],
        ),
        (
            Ground::Shallow,
            plain,
            vec![
                (vec![news()], "updated"),
                (vec![Commit(1), news()], "held back"),
                (vec![TheyForce(1)], "held back"),
                (vec![BothWrite(3)], "held back"),
            ],
        ),
        (
            Ground::Shallow,
            switch_to("main"),
            vec![(vec![CommitDetached(1), news()], "held back")],
        ),
        (
            Ground::Submodules,
            plain,
            vec![
                (vec![beside(Write(0, 1)), TheyBump(1)], "updated"),
                (vec![beside(CommitDetached(1)), TheyBump(1)], "held back"),
                (vec![beside(CommitDetached(1))], "up to date"),
                (vec![beside(Write(5, 1)), TheyDropSubmodule], "updated"),
            ],
        ),
        (
            Ground::HasWorkTree,
            plain,
            vec![(vec![beside(Write(0, 1)), news()], "updated")],
        ),
        (
            Ground::HasWorkTree,
            switch_to("topic"),
            vec![(vec![beside(Commit(1)), Commit(2)], "held back")],
        ),
        (
            Ground::IsWorkTree,
            plain,
            vec![(vec![beside(CommitDetached(1)), news()], "updated")],
        ),
        (
            Ground::IsWorkTree,
            wanted(Wanted::Tag),
            vec![(vec![CommitDetached(1)], "held back")],
        ),
        (Ground::Folder, plain, vec![(vec![], "refused")]),
        (Ground::NoRemote, plain, vec![(vec![Commit(1)], "refused")]),
        (
            Ground::NoRemote,
            set_url,
            vec![(vec![Commit(1), news()], "held back")],
        ),
        (Ground::OtherUrl, plain, vec![(vec![news()], "refused")]),
        (
            Ground::OtherUrl,
            set_url,
            vec![(vec![Commit(1), Write(3, 1), news()], "held back")],
        ),
    ]
}

#[test]
fn what_a_mistake_in_sync_would_lose_is_there_after_it() {
    let all: Vec<_> = dangers()
        .into_iter()
        .flat_map(|(ground, wish, cases)| {
            let with_ground = move |(events, outcome)| (ground, wish, events, outcome);
            cases.into_iter().map(with_ground)
        })
        .collect();
    let wrong = in_threads(&all, |(ground, wish, events, outcome)| {
        let case = format!("{ground:?}, {events:?}, {wish:?}");
        match play(*ground, events, &[*wish]) {
            Ok(shown) if row_says(&shown[0], outcome) => None,
            Ok(shown) => Some(format!("{case}: not {outcome}:\n{}", shown[0])),
            Err(lost) => Some(format!("{case}: {lost}")),
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Columns of the table are two spaces or more apart.
fn row_says(shown: &str, outcome: &str) -> bool {
    shown
        .lines()
        .filter(|line| line.starts_with("web "))
        .any(|line| line.split("  ").map(str::trim).any(|cell| cell == outcome))
}
