//! `fitout sync` loses nothing: random work in a clone, random moves of its remote, real git.
//!
//! A case is a list of steps that a person or a colleague could take. Whatever came of them is
//! written down, fitout syncs, and all of it has to be there still. `FITOUT_PROPTEST_CASES` sets the
//! number of cases; a failing one is shrunk and printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::context::TestContext;

/// Enough to meet every pair of kinds of steps now and then, in about 20 s.
const CASES: u32 = 48;
const THREADS: u32 = 4;

/// Tracked from the start, or new to both sides; `*.log` is ignored, and committed by some.
const FILES: [&str; 7] = [
    "a.txt",
    "dir/b.txt",
    "c.txt",
    "new.txt",
    "dir/new.txt",
    "a.log",
    "new/deep.txt",
];

/// Something that happened before the sync.
#[derive(Clone, Debug)]
enum Event {
    Write(usize, u8),
    Remove(usize),
    Stage(usize),
    /// Marked as to be added, without its content.
    Intend(usize),
    Link(usize),
    /// Told git not to look at it, then changed it.
    Hide(usize, u8),
    Commit(u8),
    Stash,
    Branch(&'static str),
    Detach(u8),
    Orphan,
    /// A merge, rebase, cherry-pick, revert or bisect that stopped.
    Stop(&'static str),
    /// Both sides write a file.
    BothWrite(usize),
    TheyCommit(usize, u8),
    TheyRemove(usize),
    /// A file becomes a folder.
    TheyNest(usize),
    TheyForce(u8),
    TheyDelete(&'static str),
    TheyRename,
    TheyTag,
}

fn event() -> impl Strategy<Value = Event> {
    let file = 0..FILES.len();
    prop_oneof![
        4 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::Write(file, text)),
        1 => file.clone().prop_map(Event::Remove),
        2 => file.clone().prop_map(Event::Stage),
        1 => file.clone().prop_map(Event::Intend),
        1 => file.clone().prop_map(Event::Link),
        1 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::Hide(file, text)),
        3 => any::<u8>().prop_map(Event::Commit),
        1 => Just(Event::Stash),
        2 => prop::sample::select(vec!["main", "topic", "own"]).prop_map(Event::Branch),
        2 => (0..3_u8).prop_map(Event::Detach),
        1 => Just(Event::Orphan),
        1 => prop::sample::select(vec!["merge", "rebase", "cherry-pick", "revert", "bisect"])
            .prop_map(Event::Stop),
        4 => file.clone().prop_map(Event::BothWrite),
        5 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Event::TheyCommit(file, text)),
        1 => file.clone().prop_map(Event::TheyRemove),
        1 => file.prop_map(Event::TheyNest),
        2 => any::<u8>().prop_map(Event::TheyForce),
        1 => prop::sample::select(vec!["main", "topic"]).prop_map(Event::TheyDelete),
        1 => Just(Event::TheyRename),
        1 => Just(Event::TheyTag),
    ]
}

/// What the manifest wants, and how sync is called.
#[derive(Clone, Copy, Debug)]
struct Wish {
    checkout: &'static str,
    backend: &'static str,
    switch: bool,
}

fn wish() -> impl Strategy<Value = Wish> {
    let checkouts = vec![
        "",
        "",
        "branch = \"main\"",
        "branch = \"topic\"",
        "tag = \"v1\"",
        "rev = \"FIRST\"",
    ];
    (
        prop::sample::select(checkouts),
        prop::sample::select(vec!["built-in", "built-in", "cli"]),
        any::<bool>(),
    )
        .prop_map(|(checkout, backend, switch)| Wish {
            checkout,
            backend,
            switch,
        })
}

/// The clone that is synced, and the one that a colleague pushes from.
const MINE: &str = "ws/web";
const THEIRS: &str = "theirs";

struct Scene {
    context: TestContext,
}

impl Scene {
    /// A copy of one that is made once: to make it takes longer than most cases do.
    fn new() -> Self {
        static ORIGINAL: LazyLock<Scene> = LazyLock::new(Scene::original);
        let scene = Scene {
            context: TestContext::new(),
        };
        for folder in ["remotes", "ws", THEIRS] {
            let copied = Command::new("cp")
                .arg("-a")
                .arg(ORIGINAL.context.path(folder))
                .arg(scene.context.path(""))
                .status()
                .unwrap();
            assert!(copied.success());
        }
        let folder = |scene: &Scene| scene.context.path("").display().to_string();
        for clone in [MINE, THEIRS] {
            let config = format!("{clone}/.git/config");
            let text = scene.context.read(&config);
            let text = text.replace(&folder(&ORIGINAL), &folder(&scene));
            scene.context.write(&config, &text);
        }
        scene
    }

    fn original() -> Self {
        let scene = Scene {
            context: TestContext::new(),
        };
        let context = &scene.context;
        context.remote("web");
        let work = "work-web";
        for (file, text) in [("a.txt", "a\n"), ("dir/b.txt", "b\n"), ("c.txt", "c\n")] {
            context.write(&format!("{work}/{file}"), text);
        }
        context.push("web", ".gitignore", "*.log\n");
        context.git(work, &["tag", "v1", "HEAD~1"]);
        context.git(
            work,
            &["push", "-q", "origin", "HEAD~1:refs/heads/topic", "v1"],
        );
        context.git(".", &["clone", "-q", "remotes/web.git", MINE]);
        context.git(".", &["clone", "-q", "remotes/web.git", THEIRS]);
        scene
    }

    /// Not everything can be done in every state: what git refuses has not happened.
    fn git(&self, folder: &str, arguments: &[&str]) -> Option<String> {
        let output = self
            .context
            .command("git")
            .current_dir(self.context.path(folder))
            .args(["-c", "advice.detachedHead=false", "-c", "core.editor=true"])
            .args(arguments)
            .output()
            .unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn file(&self, folder: &str, file: usize) -> PathBuf {
        self.context.path(folder).join(FILES[file])
    }

    fn write(&self, folder: &str, file: usize, text: u8) {
        let path = self.file(folder, file);
        // A folder or a file in the way is there to stay.
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = fs::write(path, format!("{folder} {text}\n"));
    }

    fn happen(&self, event: &Event) {
        let mine = |arguments: &[&str]| self.git(MINE, arguments);
        match *event {
            Event::Write(file, text) => self.write(MINE, file, text),
            Event::Remove(file) => {
                let _ = fs::remove_file(self.file(MINE, file));
            }
            Event::Stage(file) => {
                mine(&["add", "--force", FILES[file]]);
            }
            Event::Intend(file) => {
                mine(&["add", "--force", "--intent-to-add", FILES[file]]);
            }
            Event::Link(file) => {
                let path = self.file(MINE, file);
                let _ = fs::remove_file(&path);
                let _ = symlink("nowhere", path);
            }
            Event::Hide(file, text) => {
                mine(&["update-index", "--skip-worktree", FILES[file]]);
                self.write(MINE, file, text);
            }
            Event::Commit(number) => {
                mine(&[
                    "commit",
                    "-q",
                    "--allow-empty",
                    "-am",
                    &format!("Mine {number}"),
                ]);
            }
            Event::Stash => {
                mine(&["stash", "push", "-q", "--include-untracked"]);
            }
            Event::Branch(name) => {
                if mine(&["switch", "-q", name]).is_none() {
                    mine(&["switch", "-q", "-c", name]);
                }
            }
            Event::Detach(back) => {
                mine(&["switch", "-q", "--detach", &format!("HEAD~{back}")]);
            }
            Event::Orphan => {
                mine(&["switch", "-q", "--orphan", "unborn"]);
            }
            Event::Stop(what) => self.stop(what),
            Event::BothWrite(file) => {
                self.write(MINE, file, 0);
                self.write(THEIRS, file, 0);
                self.publish(&[]);
            }
            Event::TheyCommit(file, text) => {
                self.write(THEIRS, file, text);
                self.publish(&[]);
            }
            Event::TheyRemove(file) => {
                let _ = fs::remove_file(self.file(THEIRS, file));
                self.publish(&[]);
            }
            Event::TheyNest(file) => {
                let path = self.file(THEIRS, file);
                let _ = fs::remove_file(&path);
                let _ = fs::create_dir_all(&path);
                let _ = fs::write(path.join("inner.txt"), "theirs\n");
                self.publish(&[]);
            }
            Event::TheyForce(text) => {
                self.git(THEIRS, &["reset", "-q", "--hard", "HEAD~1"]);
                self.write(THEIRS, usize::from(text) % FILES.len(), text);
                self.publish(&["--force"]);
            }
            Event::TheyDelete(name) => {
                // A server does not let its HEAD's branch go; somebody with access to it can.
                self.git(
                    "remotes/web.git",
                    &["update-ref", "-d", &format!("refs/heads/{name}")],
                );
            }
            Event::TheyRename => {
                self.git("remotes/web.git", &["branch", "-M", "trunk"]);
                self.git(THEIRS, &["branch", "-M", "trunk"]);
            }
            Event::TheyTag => {
                self.git(THEIRS, &["tag", "--force", "v1"]);
                self.git(THEIRS, &["push", "-q", "--force", "origin", "v1"]);
            }
        }
    }

    /// `git fsck` also complains of a HEAD without a commit, which is nobody's fault.
    fn is_sound(&self) -> bool {
        let fsck = ["fsck", "--connectivity-only", "--no-progress"];
        self.git(MINE, &fsck).is_some()
    }

    fn publish(&self, more: &[&str]) {
        self.git(THEIRS, &["add", "--all", "--force"]);
        self.git(THEIRS, &["commit", "-q", "--allow-empty", "-m", "Theirs"]);
        let push = [&["push", "-q"], more, &["origin", "HEAD"]].concat();
        self.git(THEIRS, &push);
    }

    /// Stops in the middle of something, by a conflict in `c.txt`.
    fn stop(&self, what: &str) {
        if what == "bisect" {
            self.git(MINE, &["bisect", "start", "HEAD", "HEAD~2"]);
            return;
        }
        let commit = |text: &str| {
            self.context.write(&format!("{MINE}/c.txt"), text);
            self.git(MINE, &["commit", "-qam", text])
        };
        self.git(MINE, &["switch", "-q", "-c", "other"]);
        if commit("other\n").is_none() || self.git(MINE, &["switch", "-q", "main"]).is_none() {
            return;
        }
        commit("main\n");
        commit("main again\n");
        match what {
            "merge" => self.git(MINE, &["merge", "-q", "other"]),
            "rebase" => self.git(MINE, &["rebase", "-q", "other"]),
            "cherry-pick" => self.git(MINE, &["cherry-pick", "other"]),
            _ => self.git(MINE, &["revert", "--no-edit", "HEAD~1"]),
        };
    }

    fn sync(&self, wish: Wish) {
        let first = self.git(THEIRS, &["rev-list", "--max-parents=0", "v1"]);
        let first = first.unwrap_or_default();
        let checkout = wish.checkout.replace("FIRST", first.trim());
        self.context.manifest(&format!(
            "[repos.web]\nurl = \"../remotes/web.git\"\n{checkout}\n"
        ));
        self.context.write(
            "ws/workspace.local.toml",
            &format!("[git]\nbackend = \"{}\"\n", wish.backend),
        );
        let arguments: &[&str] = if wish.switch {
            &["sync", "--switch"]
        } else {
            &["sync"]
        };
        let ran = self.context.fitout(arguments);
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.shown());
        assert!(!ran.stderr.contains("panicked"), "{}", ran.shown());
    }
}

/// Everything of the user's in a clone.
#[derive(Debug)]
struct Work {
    /// Commits that a branch, a tag, the stash or HEAD leads to.
    held: BTreeSet<String>,
    /// And those that a remote-tracking ref or a reflog leads to.
    known: BTreeSet<String>,
    /// Entries of the index that differ from HEAD: path, stage, mode and blob.
    staged: BTreeSet<String>,
    /// Files that are not as HEAD has them, with their content or where they link to.
    files: BTreeMap<PathBuf, Vec<u8>>,
    stash: String,
    /// What git is in the middle of.
    operation: Vec<String>,
}

fn work(scene: &Scene) -> Work {
    let lines = |arguments: &[&str]| -> BTreeSet<String> {
        let text = scene.git(MINE, arguments).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let clone = scene.context.path(MINE);
    let has_head = scene
        .git(MINE, &["rev-parse", "--verify", "HEAD"])
        .is_some();
    let head: &[&str] = if has_head { &["HEAD"] } else { &[] };
    let local = ["rev-list", "--branches", "--tags", "--glob=refs/stash"];
    let committed = if has_head {
        lines(&[
            "ls-tree",
            "-r",
            "-z",
            "--format=%(objectmode) %(objectname) 0%x09%(path)",
            "HEAD",
        ])
    } else {
        BTreeSet::new()
    };
    let committed = split(&committed);
    let staged = split(&lines(&["ls-files", "--stage", "-z"]));
    let mut files = BTreeMap::new();
    read_files(&clone, Path::new(""), &mut files);
    let tree = tree_of_head(scene, has_head);
    files.retain(|path, content| tree.get(path) != Some(content));
    Work {
        held: lines(&[&local[..], head].concat()),
        known: lines(&[&["rev-list", "--all", "--reflog"], head].concat()),
        staged: staged.difference(&committed).cloned().collect(),
        files,
        stash: scene
            .git(MINE, &["reflog", "show", "--format=%H %gs", "refs/stash"])
            .unwrap_or_default(),
        operation: [
            "MERGE_HEAD",
            "CHERRY_PICK_HEAD",
            "REVERT_HEAD",
            "BISECT_LOG",
            "rebase-merge",
            "rebase-apply",
        ]
        .into_iter()
        .filter(|name| clone.join(".git").join(name).exists())
        .map(str::to_owned)
        .collect(),
    }
}

/// Entries that end with a zero byte each.
fn split(lines: &BTreeSet<String>) -> BTreeSet<String> {
    lines
        .iter()
        .flat_map(|line| line.split('\0'))
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

fn tree_of_head(scene: &Scene, has_head: bool) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    if has_head {
        let folder = tempfile::tempdir().unwrap();
        let prefix = format!("--work-tree={}", folder.path().display());
        let index = folder.path().join(".git");
        let output = scene
            .context
            .command("git")
            .current_dir(scene.context.path(MINE))
            .env("GIT_INDEX_FILE", &index)
            .args([&prefix, "checkout", "-q", "HEAD", "--", "."])
            .output()
            .unwrap();
        assert!(output.status.success() || output.stderr.starts_with(b"error: pathspec"));
        read_files(folder.path(), Path::new(""), &mut files);
    }
    files
}

fn read_files(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if entry.file_name() == ".git" {
            continue;
        }
        if kind.is_dir() {
            read_files(root, &path, files);
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap();
            files.insert(path, format!("link to {}", target.display()).into_bytes());
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

fn all_is_there(before: &Work, after: &Work) -> Result<(), String> {
    let reachable: BTreeSet<&String> = after.held.union(&after.known).collect();
    for commit in &before.known {
        if !reachable.contains(commit) {
            return Err(format!("commit {commit} is lost"));
        }
    }
    for commit in &before.held {
        if !after.held.contains(commit) {
            return Err(format!(
                "no branch, tag, stash or HEAD holds {commit} any more"
            ));
        }
    }
    if before.stash != after.stash {
        return Err(format!(
            "the stash changed:\n{}\n{}",
            before.stash, after.stash
        ));
    }
    if before.operation != after.operation {
        return Err(format!(
            "{:?} became {:?}",
            before.operation, after.operation
        ));
    }
    for entry in &before.staged {
        if !after.staged.contains(entry) {
            return Err(format!("no longer staged: {entry}"));
        }
    }
    for (path, content) in &before.files {
        if after.files.get(path) != Some(content) {
            let shown = String::from_utf8_lossy(content);
            return Err(format!("{} is no longer {shown:?}", path.display()));
        }
    }
    Ok(())
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
        prop::collection::vec(event(), 1..9),
        prop::collection::vec(wish(), 1..3),
    );
    let result = runner.run(&input, |(events, wishes)| {
        let scene = Scene::new();
        for event in &events {
            scene.happen(event);
        }
        for wish in wishes {
            let before = work(&scene);
            let was_sound = scene.is_sound();
            scene.sync(wish);
            all_is_there(&before, &work(&scene)).map_err(TestCaseError::fail)?;
            prop_assert!(!was_sound || scene.is_sound(), "git fsck finds something");
        }
        Ok(())
    });
    result.map_err(|error| error.to_string())
}
