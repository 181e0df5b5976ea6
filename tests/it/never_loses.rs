//! `fitout sync` loses nothing: work in a clone, moves of its remote, real git.
//!
//! A case is what is at the repo's path, and a list of steps that a person or a colleague could take.
//! Whatever came of them is written down, fitout syncs, and all of it has to be there still. Some cases
//! are written down: each is one that a mistake in sync would lose work in. Many more are made up;
//! `FITOUT_PROPTEST_CASES` sets how many, and a failing one is shrunk and printed.

mod event;
mod scene;
mod work;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::event::Event::{self, *};
use self::event::{Ground, Wanted, Wish};
use self::scene::Scene;
use self::work::May;

/// A mistake that loses something in one of 25 cases is found by this many in 99 of 100 runs.
const CASES: u32 = 120;
const THREADS: u32 = 4;

/// Syncs as each wish says; returns what was printed, or what was lost.
fn play(ground: Ground, events: &[Event], wishes: &[Wish]) -> Result<Vec<String>, String> {
    let scene = Scene::after(ground, events);
    let mut before = scene.works();
    let mut shown = Vec::new();
    for wish in wishes {
        let ran = scene.sync(*wish);
        let after = scene.works();
        let folders = scene.folders();
        let mut checked_out: Vec<String> = before.iter().map(|work| work.head.clone()).collect();
        if wish.switch {
            checked_out.extend(["main", "topic", "trunk"].map(|name| format!("refs/heads/{name}")));
        }
        for (place, ((before, after), folder)) in
            before.iter().zip(&after).zip(&folders).enumerate()
        {
            let may = May {
                move_branches: checked_out.clone(),
                // A submodule that follows its repo is detached.
                move_head: wish.may_move_head() || place > 0 && ground == Ground::Submodules,
                set_url: wish.set_url,
            };
            before
                .lost_in(after, folder, &may)
                .map_err(|lost| format!("{lost}, in {}\n{}", folder.display(), ran.shown()))?;
        }
        before = after;
        shown.push(ran.shown());
    }
    if !scene.is_sound() && Scene::after(ground, events).is_sound() {
        return Err("git fsck finds something".to_owned());
    }
    Ok(shown)
}

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
    let mut wrong = Vec::new();
    for (ground, wish, cases) in dangers() {
        for (events, outcome) in cases {
            let case = format!("{ground:?}, {events:?}, {wish:?}");
            match play(ground, &events, &[wish]) {
                Ok(shown) if row_says(&shown[0], outcome) => {}
                Ok(shown) => wrong.push(format!("{case}: not {outcome}:\n{}", shown[0])),
                Err(lost) => wrong.push(format!("{case}: {lost}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Columns of the table are two spaces or more apart.
fn row_says(shown: &str, outcome: &str) -> bool {
    shown
        .lines()
        .filter(|line| line.starts_with("web "))
        .any(|line| line.split("  ").map(str::trim).any(|cell| cell == outcome))
}

#[test]
fn whatever_was_there_before_a_sync_is_there_after_it() {
    let cases = std::env::var("FITOUT_PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(CASES);
    // Most of the time goes into waiting for processes.
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| run(cases.div_ceil(THREADS))))
            .collect();
        for run in runs {
            if let Err(error) = run.join().unwrap() {
                panic!("{error}");
            }
        }
    });
}

fn run(cases: u32) -> Result<(), String> {
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let input = (
        event::ground(),
        event::events(),
        prop::collection::vec(event::wish(), 1..3),
    );
    let result = runner.run(&input, |(ground, events, wishes)| {
        play(ground, &events, &wishes)
            .map(|_| ())
            .map_err(TestCaseError::fail)
    });
    result.map_err(|error| error.to_string())
}
