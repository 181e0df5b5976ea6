//! A sync that is killed, at moments all over a large update: the next one leaves the clone as one that
//! nobody disturbed does, and nothing of the user's is lost on the way.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::times;
use crate::context::{TestContext, exists, files_of, until};

/// Enough that writing them is most of what a sync does.
const FILES: usize = 1500;
const PER_FOLDER: usize = 50;
/// Of each way to move; more where none of them hits the middle.
const KILLS: u32 = 4;
const MOST_KILLS: u32 = 10_000;

/// What the user has in there, untracked or ignored, in folders that an update changes, removes and replaces.
const OWN: [&str; 5] = [
    "own.txt",
    "f00/own.txt",
    "f01/own.log",
    "goes/own.log",
    "deep/er/own.log",
];

fn folder(number: usize) -> String {
    format!("f{:02}", number / PER_FOLDER)
}

fn file(number: usize) -> String {
    format!("{}/{number:04}.txt", folder(number))
}

fn text(version: usize, number: usize) -> String {
    format!("version {version} of {number}\n")
}

/// How a clone comes from the first commit to the second.
#[derive(Clone, Copy, Debug)]
enum Way {
    FastForward,
    Pin,
    Switch,
    /// To a branch that is made.
    NewBranch,
}

impl Way {
    const ALL: [Way; 4] = [Way::FastForward, Way::Pin, Way::Switch, Way::NewBranch];

    fn manifest(self) -> &'static str {
        match self {
            Way::FastForward | Way::Switch | Way::NewBranch => {
                "[repos.web]\nurl = \"../remotes/web.git\"\n"
            }
            Way::Pin => "[repos.web]\nurl = \"../remotes/web.git\"\ntag = \"second\"\n",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Way::Switch | Way::NewBranch => &["sync", "--switch"],
            Way::FastForward | Way::Pin => &["sync"],
        }
    }
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After a part of the time that the whole takes.
    After(Duration),
    /// When this file is written.
    Written(usize),
}

/// A remote with two commits, and a clone at the first of them.
fn large() -> TestContext {
    let context = TestContext::new();
    let config = "[init]\ntemplateDir =\n[core]\nfsync = none\n[gc]\nauto = 0\n";
    context.write("home/.gitconfig", config);
    context.remote("web");
    let work = "work-web";
    let write = |version, number| {
        context.write(&format!("{work}/{}", file(number)), &text(version, number));
    };
    (0..FILES).for_each(|number| write(1, number));
    for path in [
        "goes/a.txt",
        "deep/er/a.txt",
        "becomes-a-folder",
        "kept.txt",
    ] {
        context.write(&format!("{work}/{path}"), "1\n");
    }
    symlink("f00", context.path(work).join("becomes-a-file")).unwrap();
    context.push("web", ".gitignore", "*.log\n");
    context.git(".", &["clone", "-q", "remotes/web.git", "before"]);
    context.git("before", &["branch", "-q", "first"]);
    for path in OWN {
        context.write(&format!("before/{path}"), "mine\n");
    }
    (0..FILES).for_each(|number| write(2, number));
    let becomes = |path: &str| context.path(work).join(path);
    fs::remove_dir_all(becomes("goes")).unwrap();
    fs::remove_file(becomes("deep/er/a.txt")).unwrap();
    fs::remove_file(becomes("becomes-a-folder")).unwrap();
    fs::remove_file(becomes("becomes-a-file")).unwrap();
    context.write(&format!("{work}/becomes-a-folder/in/it.txt"), "2\n");
    context.write(&format!("{work}/becomes-a-file"), "2\n");
    context.write(&format!("{work}/new/file.txt"), "2\n");
    context.push("web", "kept.txt", "1\n2\n");
    context.git(work, &["tag", "second"]);
    context.git(work, &["push", "-q", "origin", "second"]);
    context.git("remotes/web.git", &["gc", "-q"]);
    context
}

/// A clone that is about to go that way.
struct Large<'a> {
    context: &'a TestContext,
    way: Way,
}

impl<'a> Large<'a> {
    fn new(context: &'a TestContext, way: Way) -> Self {
        context.manifest(way.manifest());
        match way {
            Way::FastForward => {}
            Way::Pin => drop(context.git("before", &["switch", "-q", "first"])),
            // `main` is where the remote's is; the user is on a branch at the commit before.
            Way::Switch => {
                context.git("before", &["fetch", "-q"]);
                context.git("before", &["switch", "-q", "first"]);
                let forced = ["branch", "-q", "-f", "main", "origin/main"];
                context.git("before", &forced);
            }
            Way::NewBranch => {
                context.git("before", &["switch", "-q", "first"]);
                context.git("before", &["branch", "-q", "-D", "main"]);
            }
        }
        Large { context, way }
    }

    fn begin(&self) -> Child {
        let clone = self.context.ws("web");
        let _ = fs::remove_dir_all(&clone);
        super::scene::copy(&self.context.path("before"), &clone, None);
        self.context
            .fitout_command(self.way.arguments())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// How long the whole takes, and what is in the folder of git afterwards.
    fn undisturbed(&self) -> (Duration, BTreeSet<String>) {
        let mut child = self.begin();
        let start = Instant::now();
        assert!(child.wait().unwrap().success());
        let time = start.elapsed();
        self.assert_whole("undisturbed");
        (time, self.names_in_git())
    }

    fn names_in_git(&self) -> BTreeSet<String> {
        let git = self.context.ws("web/.git");
        let is_of_git = |path: &Path| !path.ends_with("objects") && !path.ends_with("logs");
        files_of(&git, is_of_git).into_keys().collect()
    }

    fn version_of(&self, number: usize) -> Option<usize> {
        let found = fs::read_to_string(self.context.ws("web").join(file(number))).ok()?;
        [1, 2]
            .into_iter()
            .find(|version| found == text(*version, number))
    }

    /// Whether a part of the files is as it was, and another as it will be.
    fn is_in_the_middle(&self) -> bool {
        let versions: BTreeSet<_> = (0..FILES).map(|number| self.version_of(number)).collect();
        versions.len() > 1
    }

    fn kill(&self, moment: Moment) {
        let mut child = self.begin();
        match moment {
            Moment::After(time) => {
                let over = Instant::now() + time;
                until("the moment has come", || Instant::now() >= over);
            }
            Moment::Written(number) => until("it is written, or all is over", || {
                self.version_of(number) != Some(1) || child.try_wait().unwrap().is_some()
            }),
        }
        let _ = child.kill();
        child.wait().unwrap();
    }

    fn assert_whole(&self, when: &str) {
        let context = self.context;
        let status = ["status", "--porcelain", "--untracked-files=all"];
        let status = context.git("ws/web", &status);
        assert_eq!(status, "?? f00/own.txt\n?? own.txt", "{when}");
        for path in OWN {
            assert_eq!(context.read(&format!("ws/web/{path}")), "mine\n", "{when}");
        }
        let at = context.git("ws/web", &["rev-parse", "HEAD"]);
        let wanted = context.git("remotes/web.git", &["rev-parse", "second"]);
        assert_eq!(at, wanted, "{when}");
        let branch = match self.way {
            Way::Pin => "",
            Way::FastForward | Way::Switch | Way::NewBranch => {
                let upstream = ["rev-parse", "--abbrev-ref", "main@{upstream}"];
                assert_eq!(context.git("ws/web", &upstream), "origin/main", "{when}");
                "main"
            }
        };
        let on = context.git("ws/web", &["branch", "--show-current"]);
        assert_eq!(on, branch, "{when}");
        context.git("ws/web", &["fsck", "--strict"]);
    }

    /// Kills at this moment, and has the next sync make it good. Returns whether it hit the middle.
    fn survives(&self, moment: Moment, names: &BTreeSet<String>) -> bool {
        self.kill(moment);
        let in_the_middle = self.is_in_the_middle();
        let when = format!("{:?}, {moment:?}, in the middle: {in_the_middle}", self.way);
        for path in OWN {
            let is_there = exists(self.context.ws("web").join(path));
            assert!(is_there, "{when}: {path} is gone after the kill");
        }
        let ran = self.context.fitout(self.way.arguments());
        assert_eq!(ran.code, Some(0), "{when}: {}", ran.shown());
        self.assert_whole(&when);
        let of_git = ["FETCH_HEAD", "ORIG_HEAD"];
        let mut left = self.names_in_git();
        left.retain(|name| !names.contains(name) && !of_git.contains(&name.as_str()));
        assert!(left.is_empty(), "{when}: left behind: {left:?}");
        in_the_middle
    }
}

#[test]
fn a_kill_at_any_moment_of_an_update_is_made_good_by_the_next_sync() {
    let kills = times(KILLS);
    let context = large();
    for way in Way::ALL {
        let large = Large::new(&context, way);
        let (time, names) = large.undisturbed();
        let mut hits = 0;
        for kill in 0..MOST_KILLS {
            if kill >= kills && hits > 0 {
                break;
            }
            // In turns, so that many are in the middle, and none of what comes before and after is left out.
            let part = kill % kills;
            let moment = if kill % 2 == 0 {
                Moment::Written(FILES * part as usize / kills as usize)
            } else {
                Moment::After(time * part / kills)
            };
            hits += u32::from(large.survives(moment, &names));
        }
        assert!(hits > 0, "{way:?}: no kill was in the middle");
    }
}
