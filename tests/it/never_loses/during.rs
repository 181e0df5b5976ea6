//! Things that happen while a sync is under way: between its look at a clone and its decision, and between
//! the decision and the move. The part of a sync that needs no server is run for this by the library,
//! in a process of its own that waits at both places.

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, Stdio};

use fitout::git::local;
use fitout::manifest;
use fitout::sync::{Action, Allowed, Place, after_fetch};
use fitout::workspace::resolve;
use proptest::prelude::*;

use super::event::Event::{self, *};
use super::event::{Ground, Kind, Wanted, Wish, events, ground, mine, wish};
use super::scene::Scene;
use super::work::May;
use super::{cases, in_threads, times};

/// The written ones below are the half of it.
const CASES: u32 = 40;

/// Says whether `--switch` is given.
const SWITCH: &str = "FITOUT_TEST_SWITCH";

#[test]
#[ignore = "a part of the tests below, for a process of its own"]
fn the_local_half_of_a_sync() {
    let Ok(switch) = env::var(SWITCH) else { return };
    let allowed = Allowed {
        switch: switch == "true",
        ..Allowed::default()
    };
    let root = env::current_dir().unwrap();
    let source = std::fs::read_to_string(root.join("workspace.toml")).unwrap();
    let (workspace, _) = resolve::workspace(&manifest::decode::manifest(&source).0);
    let repo = &workspace.repos[0];
    let said = |words: &str| writeln!(io::stderr(), "{SAYS}{words}").unwrap();
    let wait = || io::stdin().read_line(&mut String::new()).unwrap();

    let place = local::observe(&root, repo).place;
    said("has looked");
    wait();
    let Place::Clone(before) = place else {
        return said("no clone");
    };
    if before.operation.is_some() {
        return said("an operation is in progress");
    }
    let clone = match local::refresh(&root, repo, &before) {
        Ok(clone) => clone,
        Err(error) => return said(&format!("failed: {error}")),
    };
    let action = after_fetch(&clone, allowed);
    said("has decided");
    wait();
    let moved = match action {
        Action::FastForward(_) => local::fast_forward(&root, repo, &clone),
        Action::Detach => local::detach(&root, repo, &clone),
        Action::Switch => local::switch(&root, repo, &clone),
        action => return said(&format!("decided otherwise: {action:?}")),
    };
    match moved {
        Ok(note) => said(&format!("{MOVED} {}", note.unwrap_or_default())),
        Err(error) => said(&format!("failed: {error}")),
    }
}

const SAYS: &str = "the local half: ";
const MOVED: &str = "moved";

struct LocalHalf {
    child: Child,
    says: io::Lines<BufReader<ChildStderr>>,
    waits: ChildStdin,
}

impl LocalHalf {
    fn start(scene: &Scene, wish: Wish) -> Self {
        let mut child = scene
            .command(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture"])
            .arg("never_loses::during::the_local_half_of_a_sync")
            .env(SWITCH, wish.switch.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        LocalHalf {
            says: BufReader::new(child.stderr.take().unwrap()).lines(),
            waits: child.stdin.take().unwrap(),
            child,
        }
    }

    /// What it says next; all that it said where it ends without a word.
    fn says(&mut self) -> Result<String, String> {
        let mut said = String::new();
        for line in &mut self.says {
            let line = line.unwrap();
            if let Some(words) = line.strip_prefix(SAYS) {
                return Ok(words.to_owned());
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(format!("it ended: {said}"))
    }

    fn go_on(&mut self) -> Result<String, String> {
        // Where it has ended, it said why.
        let _ = self.waits.write_all(b"\n");
        self.says()
    }
}

impl Drop for LocalHalf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What happens before a sync, between its look and its decision, and between that and the move.
#[derive(Clone, Debug, Default)]
struct Story {
    before: Vec<Event>,
    before_decision: Vec<Event>,
    before_move: Vec<Event>,
}

/// Returns what it says of the move.
fn play(ground: Ground, wish: Wish, story: &Story) -> Result<String, String> {
    let scene = Scene::after(ground, &story.before);
    scene.want(wish);
    scene.fetch();
    let mut half = LocalHalf::start(&scene, wish);
    half.says()?;
    for event in &story.before_decision {
        scene.happen(event);
    }
    let says = half.go_on()?;
    for event in &story.before_move {
        scene.happen(event);
    }
    let was_sound = scene.is_sound();
    let before = scene.works();
    let says = if says == "has decided" {
        half.go_on()?
    } else {
        says
    };
    let after = scene.works();
    let mut move_branches: Vec<String> = before.iter().map(|work| work.head.clone()).collect();
    if wish.switch {
        move_branches.extend(["main", "topic", "trunk"].map(|name| format!("refs/heads/{name}")));
    }
    let may = May {
        move_branches,
        move_head: wish.may_move_head(),
        set_url: false,
        // As with git: a file that is not there is not in the way.
        restore: true,
    };
    for ((before, after), folder) in before.iter().zip(&after).zip(scene.folders()) {
        before
            .lost_in(after, &folder, &may)
            .map_err(|lost| format!("{lost}, in {}\n{says}", folder.display()))?;
    }
    let (before, after) = (&before[0], &after[0]);
    let stays = (&before.head, before.commit) == (&after.head, after.commit);
    let has_moved = says.starts_with(MOVED);
    if !has_moved && !stays {
        return Err(format!("it moved, and says: {says}"));
    }
    let is_wanted = match scene.pinned(wish.wanted) {
        Some(pin) => after.commit == Some(pin),
        None => after.is_published() || before.is_on_a_branch(after.commit),
    };
    if has_moved && !is_wanted {
        return Err(format!("it is where nobody wanted it, and says: {says}"));
    }
    if was_sound && !scene.is_sound() {
        return Err("git fsck finds something".to_owned());
    }
    Ok(says)
}

/// What has to come of a move that something happened before. In any case nothing is lost, and what is done
/// is done whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Moves,
    Stays,
    /// Which of both is as good as the other.
    Either,
}

/// What stands in the way of nothing.
fn harmless() -> Vec<(Vec<Event>, Then)> {
    let events = vec![
        vec![],
        vec![Collect],
        vec![PackRefs],
        vec![Touch(0)],
        vec![Write(3, 1)],
        vec![Write(5, 1)],
        vec![Fetch],
    ];
    all(Then::Moves, events)
}

/// HEAD is another one.
fn moved_on() -> Vec<Vec<Event>> {
    vec![
        vec![Commit(1)],
        vec![Write(2, 1), Commit(1)],
        vec![Amend(1)],
        vec![Branch("own")],
        vec![Branch("own"), Commit(1)],
        vec![CommitDetached(1)],
        vec![Detach(1)],
        vec![Orphan],
    ]
}

/// The index is another one, or may not be written.
fn stopped() -> Vec<Vec<Event>> {
    vec![
        vec![Write(3, 1), Stage(3)],
        vec![Write(2, 1), Stage(2)],
        vec![Write(0, 1), Stage(0)],
        vec![Write(3, 1), Intend(3)],
        vec![Stop("merge")],
        vec![Stop("rebase")],
        vec![Stop("cherry-pick")],
        vec![Hold("index.lock")],
        vec![Hold("refs/heads/main.lock"), Hold("HEAD.lock")],
    ]
}

/// Files are changed, which neither HEAD nor the index shows.
fn changed() -> Vec<Vec<Event>> {
    vec![
        vec![Write(0, 1)],
        vec![Link(0)],
        vec![Become(0, Kind::File)],
        vec![Become(0, Kind::Link)],
        vec![Become(0, Kind::LinkToFolder)],
        vec![Become(1, Kind::Folder)],
        vec![Remove(0)],
    ]
}

/// In the way of what the remote adds.
fn in_the_way() -> Vec<(Vec<Event>, Then)> {
    let mut events = all(
        Then::Stays,
        vec![
            vec![Write(3, 1)],
            vec![Write(5, 1)],
            vec![Become(5, Kind::File)],
            vec![Become(5, Kind::Link)],
            vec![Become(5, Kind::LinkToFolder)],
        ],
    );
    events.push((vec![Nest(5)], Then::Either));
    events
}

fn all(then: Then, events: Vec<Vec<Event>>) -> Vec<(Vec<Event>, Then)> {
    events.into_iter().map(|event| (event, then)).collect()
}

/// Each way to move: a fast-forward, a pin and a switch by fitout, and a move by the user's git.
const MOVES: [(Ground, Wish); 4] = [
    (Ground::Clone, Wish::PLAIN),
    (
        Ground::Clone,
        Wish {
            wanted: Wanted::Tag,
            ..Wish::PLAIN
        },
    ),
    (
        Ground::Clone,
        Wish {
            wanted: Wanted::Branch("topic"),
            switch: true,
            ..Wish::PLAIN
        },
    ),
    (Ground::Encoded, Wish::PLAIN),
];

struct Case {
    ground: Ground,
    wish: Wish,
    story: Story,
    then: Then,
}

/// These ways to move, with each of these events before the move, or before the decision.
fn check(
    moves: &[(Ground, Wish)],
    moved_on_then: Then,
    story: impl Fn(Vec<Event>, Vec<Event>) -> Story,
) {
    let events = [
        harmless(),
        all(moved_on_then, moved_on()),
        all(Then::Stays, stopped()),
        all(Then::Either, changed()),
    ]
    .concat();
    let news = vec![TheyCommit(0, 7), TheyCommit(1, 7), TheyCommit(8, 7)];
    let additions = vec![TheyCommit(3, 7), TheyCommit(5, 7), TheyCommit(6, 7)];
    let mut cases = Vec::new();
    for (ground, wish) in moves.iter().copied() {
        let mut add = |they: &Vec<Event>, events: &[(Vec<Event>, Then)]| {
            cases.extend(events.iter().map(|(event, then)| Case {
                ground,
                wish,
                story: story(they.clone(), event.clone()),
                then: *then,
            }));
        };
        add(&news, &events);
        // The tag and `topic` are ways back, which add nothing.
        if !wish.may_move_head() {
            add(&additions, &in_the_way());
        }
    }
    let wrong = in_threads(&cases, |case| {
        let Case { story, then, .. } = case;
        let shown = format!("{:?}, {story:?}, {:?}", case.ground, case.wish);
        match (play(case.ground, case.wish, story), then) {
            (Err(lost), _) => Some(format!("{shown}: {lost}")),
            (Ok(says), Then::Moves) if !says.starts_with(MOVED) => {
                Some(format!("{shown}: does not move: {says}"))
            }
            (Ok(says), Then::Stays) if says.starts_with(MOVED) => {
                Some(format!("{shown}: moves all the same"))
            }
            (Ok(_), _) => None,
        }
    });
    let (count, of) = (wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{count} of {of}\n{}", wrong.join("\n\n"));
}

#[test]
fn what_happens_after_the_decision_is_seen_by_the_move() {
    check(&MOVES, Then::Stays, |before, event| Story {
        before,
        before_move: event,
        ..Story::default()
    });
}

#[test]
fn what_happens_before_the_decision_is_seen_by_it_or_by_the_move() {
    // The decision knows HEAD as it is by then. How the clone is moved makes no difference yet.
    check(&MOVES[..1], Then::Either, |before, event| Story {
        before,
        before_decision: event,
        ..Story::default()
    });
}

#[test]
fn whatever_happens_during_a_sync_is_there_after_it() {
    let some = || prop::collection::vec(mine(), 0..3);
    let story = || (events(), some(), some());
    let input = || (ground(), wish(), story());
    cases(
        times(CASES),
        input,
        |(ground, wish, (before, before_decision, before_move))| {
            let story = Story {
                before,
                before_decision,
                before_move,
            };
            play(ground, wish.without_a_lock_file(), &story).map(|_| ())
        },
    );
}
