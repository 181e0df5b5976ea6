//! What a run left that was killed in the middle of a move, at each call of a filter: the next one makes it good,
//! wherever the clone is by then.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use crate::context::{Ran, TestContext, exists, files_of, until};
use crate::sync_moves::{assert_moved, files, synced};

/// A clone that is killed when the filters have been called that often. Its files go through them when they
/// are compared, when they are written, and when they are looked at once more on their way out.
fn killed_at(call: usize) -> (TestContext, bool) {
    let context = TestContext::new();
    let script = "#!/bin/sh\necho >>~/calls\n\
        if test -e ~/kill && test $(wc -l <~/calls) = $(cat ~/kill); then kill -9 0; fi\nexec cat\n";
    context.write_program("home/filter", script);
    for key in ["smudge", "clean"] {
        let key = format!("filter.event.{key}");
        context.git(".", &["config", "--global", &key, "~/filter"]);
    }
    context.remote("web");
    context.write("work-web/.gitattributes", "*.event filter=event\n");
    context.write("work-web/old.event", "old\n");
    context.write("work-web/conf/in/old.event", "old\n");
    context.push("web", "a.event", "old\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    synced(&context);
    // Not older than the index: looked into each time.
    for file in ["a.event", "old.event", "conf/in/old.event"] {
        context.write(&format!("ws/web/{file}"), "old\n");
    }
    context.git("work-web", &["rm", "-rq", "conf", "old.event"]);
    context.write("work-web/old.event/deep", "new\n");
    context.write("work-web/conf", "new\n");
    context.write("work-web/b.event", "new\n");
    context.push("web", "a.event", "new\n");
    context.write("home/calls", "");
    context.write("home/kill", &call.to_string());
    let status = context
        .fitout_command(&["sync"])
        .process_group(0)
        .output()
        .unwrap()
        .status;
    fs::remove_file(context.path("home/kill")).unwrap();
    (context, status.code().is_none())
}

#[test]
fn a_move_that_was_killed_is_undone_by_the_next_run_which_then_makes_it() {
    let mut kills = 0;
    let mut begun = 0;
    for call in 1.. {
        let (context, was_killed) = killed_at(call);
        if !was_killed {
            break;
        }
        kills += 1;
        let half = context.git("ws/web", &["--no-optional-locks", "status", "--short"]);
        let ran = synced(&context);
        assert_moved(&context);
        if !half.is_empty() {
            begun += 1;
            assert!(
                ran.stdout.contains("undid what a killed run had begun"),
                "{}",
                ran.shown()
            );
        }
    }
    assert!(
        kills > 6 && begun > 1,
        "{kills} kills, {begun} in the middle"
    );
}

#[test]
fn a_move_that_was_killed_is_left_alone_where_the_user_went_on_from_it() {
    let mut begun = 0;
    for call in 1.. {
        let (context, was_killed) = killed_at(call);
        if !was_killed {
            break;
        }
        let git = |arguments: &[&str]| context.git("ws/web", arguments);
        if git(&["--no-optional-locks", "status", "--short"]).is_empty() {
            continue;
        }
        begun += 1;
        for lock in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
            let _ = fs::remove_file(context.ws("web/.git").join(lock));
        }
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "-m", "Mine"]);
        let (head, mine) = (git(&["rev-parse", "HEAD"]), files(&context.ws("web")));

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        ran.assert_says("the replaced files are in `.git/fitout-left-1`");
        assert_eq!(git(&["rev-parse", "HEAD"]), head);
        assert_eq!(files(&context.ws("web")), mine);
        assert_eq!(git(&["status", "--short"]), "");
        let replaced = context.ws("web/.git/fitout-left-1/old");
        assert!(replaced.read_dir().unwrap().next().is_some());
    }
    assert!(begun > 1, "{begun} in the middle");
}

/// Clones that were killed when a part of the files was moved, one for each call at which that is so.
fn in_the_middle() -> impl Iterator<Item = TestContext> {
    let killed = (1..).map(killed_at);
    let killed = killed.take_while(|(_, was_killed)| *was_killed);
    killed
        .map(|(context, _)| context)
        .filter(|context| exists(context.ws("web/.git/fitout-move/journal")))
}

/// A sync in another folder than the workspace was in.
fn synced_in(context: &TestContext, workspace: &str) -> Ran {
    let mut command = context.fitout_command(&["sync"]);
    command.current_dir(context.path(workspace));
    context.ran(&command.output().unwrap())
}

fn locks_in(context: &TestContext, workspace: &str) -> Vec<String> {
    let git = context.path(workspace).join("web/.git");
    let is_of_git = |path: &Path| !path.ends_with("objects");
    let names = files_of(&git, is_of_git).into_keys();
    let is_lock = |name: &String| Path::new(name).extension().is_some_and(|end| end == "lock");
    names.filter(is_lock).collect()
}

#[test]
fn a_killed_move_is_undone_where_the_workspace_was_moved_to() {
    let mut begun = 0;
    for context in in_the_middle() {
        begun += 1;
        assert_eq!(locks_in(&context, "ws").len(), 3);
        fs::rename(context.path("ws"), context.path("moved")).unwrap();
        let ran = synced_in(&context, "moved");
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(
            ran.stdout.contains("undid what a killed run had begun"),
            "{}",
            ran.shown()
        );
        fs::rename(context.path("moved"), context.path("ws")).unwrap();
        assert_moved(&context);
    }
    assert!(begun > 1, "{begun} in the middle");
}

#[test]
fn locks_of_a_killed_move_are_known_in_a_copy_too_and_no_others_are_taken_for_them() {
    let context = in_the_middle().next().unwrap();
    let copy = ["-r", "ws", "copied"];
    let mut cp = context.command("cp");
    let status = cp.current_dir(context.path("")).args(copy).status();
    assert!(status.unwrap().success());
    // A clone of somebody else's is at the old place by then.
    let theirs = context.ws("web/.git/index.lock");
    fs::remove_file(&theirs).unwrap();
    context.write("ws/web/.git/index.lock", "theirs");

    let ran = synced_in(&context, "copied");

    assert_eq!(locks_in(&context, "copied"), [""; 0], "{}", ran.shown());
    assert!(exists(theirs));
    let ran = context.fitout(&["sync"]);
    assert!(
        ran.stdout.contains("`.git/index.lock` exists ("),
        "{}",
        ran.shown()
    );
    assert_eq!(context.read("ws/web/.git/index.lock"), "theirs");
}

#[test]
fn a_killed_move_of_which_a_commit_is_gone_is_kept_and_holds_up_no_other_repo() {
    let context = in_the_middle().next().unwrap();
    let journal = context.ws("web/.git/fitout-move/journal");
    let to = context.git("work-web", &["rev-parse", "HEAD"]);
    let text = fs::read_to_string(&journal).unwrap();
    assert!(text.contains(&to));
    fs::write(&journal, text.replace(&to, &"1".repeat(40))).unwrap();
    context.remote("api");
    let repos =
        ["api", "web"].map(|name| format!("[repos.{name}]\nurl = \"../remotes/{name}.git\"\n"));
    context.manifest(&repos.concat());

    let ran = context.fitout(&["sync"]);

    let told = ran.shown();
    assert!(exists(context.ws("api/README.md")), "{told}");
    assert!(
        ran.stdout
            .contains("can't read what a killed run had begun ("),
        "{told}"
    );
    assert!(exists(context.ws("web/.git/fitout-left-1/old")), "{told}");
    assert_eq!(locks_in(&context, "ws"), [""; 0], "{told}");
    // The next one goes on from what is there.
    let git = |arguments: &[&str]| context.git("ws/web", arguments);
    git(&["stash", "--quiet", "--include-untracked"]);
    synced(&context);
    assert_moved(&context);
}

#[test]
fn who_only_looks_says_that_a_clone_is_half_updated_and_leaves_it_to_sync() {
    let context = in_the_middle().next().unwrap();
    let files = || {
        let mut files = files_of(&context.ws("web"), |_| true);
        // What filters say: of any process that has started some last.
        files.remove(".git/fitout-filters.log");
        files
    };
    let before = files();
    let words = "a killed run left it half updated";
    let looks: [&[&str]; 5] = [
        &["status"],
        &["sync", "--dry-run"],
        &["doctor", "--only", "repos"],
        &["doctor", "--format", "json", "--only", "repos"],
        &["lock"],
    ];
    for look in looks {
        let ran = context.fitout(look);
        assert!(ran.shown().contains(words), "{look:?}: {}", ran.shown());
        let is_plan = look.contains(&"--dry-run");
        let command = "fitout sync web";
        assert!(
            is_plan || ran.shown().contains(command),
            "{look:?}: {}",
            ran.shown()
        );
        let after = files();
        let is_changed = |name: &&String| before.get(*name) != after.get(*name);
        let changed: Vec<_> = before
            .keys()
            .chain(after.keys())
            .filter(is_changed)
            .collect();
        assert!(changed.is_empty(), "{look:?} writes {changed:?}");
    }
    // While the other one is at work, nothing is half updated.
    let owner = fs::File::open(context.ws("web/.git/fitout-move/owner")).unwrap();
    owner.lock().unwrap();
    let ran = context.fitout(&["status"]);
    assert!(!ran.shown().contains(words), "{}", ran.shown());
    drop(owner);
    synced(&context);
    assert_moved(&context);
    assert!(!context.fitout(&["status"]).shown().contains(words));
}

#[test]
fn who_works_on_a_clone_has_it_made_whole_first() {
    for command in [&["foreach", "git status --short"][..], &["copy", "../copy"]] {
        let context = in_the_middle().next().unwrap();
        let ran = context.fitout(command);
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.shown());
        ran.assert_says("web: undid what a killed run had begun");
        assert_eq!(
            context.git("ws/web", &["status", "--short"]),
            "",
            "{command:?}"
        );
        if command[0] == "copy" {
            assert_eq!(context.git("copy/web", &["status", "--short"]), "");
        } else {
            assert!(!ran.stdout.contains(".event"), "{}", ran.shown());
        }
        synced(&context);
        assert_moved(&context);
    }
}

#[test]
fn what_is_done_about_a_killed_run_is_said_also_of_a_clone_that_a_filter_leaves_out() {
    let context = in_the_middle().next().unwrap();
    let undone = context.fitout(&["foreach", "--changed", "true"]);
    assert_eq!(undone.code, Some(0), "{}", undone.shown());
    undone.assert_says("web: undid what a killed run had begun");
    undone.assert_says("no clone matches `--changed`");

    let context = in_the_middle().next().unwrap();
    fs::remove_file(context.ws("web/.git/index.lock")).unwrap();
    context.write("ws/web/.git/index.lock", "of another program");
    let locked = context.fitout(&["foreach", "--on", "topic", "true"]);
    assert_eq!(locked.code, Some(1), "{}", locked.shown());
    locked.assert_says("index.lock");
}

/// What only git can write, git writes, in a process that goes on where fitout alone is killed.
#[test]
fn a_move_that_git_makes_is_finished_by_it_where_only_fitout_is_killed() {
    let context = TestContext::new();
    let script = "#!/bin/sh\nif test -e ~/armed; then\n\
        rm ~/armed; echo >~/reached; read line <~/go\nfi\nexec cat\n";
    context.write_program("home/filter", script);
    for (key, value) in [("smudge", "~/filter"), ("clean", "cat")] {
        let key = format!("filter.waits.{key}");
        context.git(".", &["config", "--global", &key, value]);
    }
    context.remote("web");
    context.push("web", ".gitattributes", "*.x filter=waits ident\n");
    context.push("web", "a.x", "old\n");
    context.push("web", "b.x", "old\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    synced(&context);
    context.write("work-web/a.x", "new\n");
    context.push("web", "b.x", "new\n");
    let mut fifo = context.command("mkfifo");
    assert!(
        fifo.arg(context.path("home/go"))
            .status()
            .unwrap()
            .success()
    );
    context.write("home/armed", "");

    let mut child = context.fitout_command(&["sync"]).spawn().unwrap();
    until("git writes", || exists(context.path("home/reached")));
    child.kill().unwrap();
    child.wait().unwrap();
    context.write("home/go", "\n");
    let head = context.git("work-web", &["rev-parse", "HEAD"]);
    until("git has ended", || {
        let at = context.git("ws/web", &["rev-parse", "HEAD"]);
        at == head && !exists(context.ws("web/.git/index.lock"))
    });

    synced(&context);
    assert_moved(&context);
    assert_eq!(context.read("ws/web/a.x"), "new\n");
}

#[test]
fn a_journal_that_a_crash_of_the_system_emptied_holds_no_later_sync_up() {
    let context = in_the_middle().next().unwrap();
    let folder = context.ws("web/.git/fitout-move");
    fs::write(folder.join("journal"), "").unwrap();
    let ran = context.fitout(&["sync"]);
    assert!(!folder.exists(), "{}", ran.shown());
    let words = "can't read what a killed run had begun";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert!(
        ran.stdout.contains("`.git/fitout-left-1`"),
        "{}",
        ran.shown()
    );
    assert!(context.ws("web/.git/fitout-left-1").exists());
}
