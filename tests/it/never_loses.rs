//! `fitout sync` loses nothing: work in a clone, moves of its remote, real git.
//!
//! A case is what is at the repo's path, and a list of steps that a person or a colleague could take.
//! What came of them is read, fitout syncs, and all of it has to be there still. Some cases are written down
//! ([`dangers`]). Many more are made up: `FITOUT_PROPTEST_CASES` sets how many, and a failing one is shrunk and
//! printed. The same holds for what happens while a sync runs ([`during`]), and for one that is killed
//! ([`killed`]).

mod dangers;
mod during;
mod event;
mod killed;
mod scene;
mod work;

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::event::{Event, Ground, Wish};
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
        let has_to_reach = scene.has_to_reach(*wish, &before[0]);
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
                move_head: wish.may_move_head() || place > 0 && ground.has_submodules(),
                set_url: wish.set_url,
                restore: false,
            };
            before
                .lost_in(after, folder, &may)
                .map_err(|lost| format!("{lost}, in {}\n{}", folder.display(), ran.shown()))?;
        }
        if has_to_reach.is_some_and(|commit| after[0].commit != Some(commit)) {
            return Err(format!("it could be updated, and is not\n{}", ran.shown()));
        }
        before = after;
        shown.push(ran.shown());
    }
    if !scene.is_sound() && Scene::after(ground, events).is_sound() {
        return Err("git fsck finds something".to_owned());
    }
    Ok(shown)
}

#[test]
fn whatever_was_there_before_a_sync_is_there_after_it() {
    let wishes = || prop::collection::vec(event::wish(), 1..3);
    let input = || (event::ground(), event::events(), wishes());
    cases(times(CASES), input, |(ground, events, wishes)| {
        play(ground, &events, &wishes).map(|_| ())
    });
}

/// How often to try: `by_default`, or in proportion to how many cases are asked for.
fn times(by_default: u32) -> u32 {
    let asked = std::env::var("FITOUT_PROPTEST_CASES").ok();
    match asked.and_then(|cases| cases.parse::<u32>().ok()) {
        Some(asked) => (asked * by_default).div_ceil(CASES),
        None => by_default,
    }
}

/// Tries so many that are made up.
fn cases<S: Strategy>(
    cases: u32,
    input: impl Fn() -> S + Sync,
    play: impl Fn(S::Value) -> Result<(), String> + Sync,
) {
    let run = |(): &()| {
        let mut runner = TestRunner::new(Config {
            cases: cases.div_ceil(THREADS),
            max_shrink_iters: 60,
            failure_persistence: None,
            ..Config::default()
        });
        let result = runner.run(&input(), |value| play(value).map_err(TestCaseError::fail));
        result.err().map(|error| error.to_string())
    };
    let wrong = in_threads(&[(); THREADS as usize], run);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What each of these finds wrong. Most of the time goes into waiting for processes.
fn in_threads<T: Sync>(all: &[T], wrong: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(wrong(one));
        }
        found
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}
