//! How `fitout sync` moves work trees: whole or not at all, beside what real git does in the same place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::context::{Ran, TestContext, exists};

/// What a commit has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Nothing,
    File,
    Link,
    Folder,
    OtherFolder,
    Submodule,
}

/// What the user has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mine {
    Nothing,
    Untracked,
    Ignored,
    Repository,
    EmptyFolder,
    /// Changed, and hidden from git.
    Changed,
}

use Shape::{Folder, Link, Nothing, OtherFolder, Submodule};

struct Case {
    name: String,
    path: &'static str,
    old: Shape,
    new: Shape,
    mine: Mine,
}

fn cases() -> Vec<Case> {
    let shapes = [Nothing, Shape::File, Link, Folder, OtherFolder, Submodule];
    let mut cases = Vec::new();
    for old in shapes {
        for new in shapes {
            let all = match old {
                Folder | OtherFolder => &[
                    Mine::Nothing,
                    Mine::Untracked,
                    Mine::Ignored,
                    Mine::Repository,
                    Mine::EmptyFolder,
                    Mine::Changed,
                ][..],
                Nothing => &[
                    Mine::Nothing,
                    Mine::Untracked,
                    Mine::Ignored,
                    Mine::Repository,
                    Mine::EmptyFolder,
                ],
                Submodule => &[Mine::Nothing, Mine::Untracked, Mine::Repository],
                Shape::File => &[Mine::Nothing, Mine::Changed],
                Link => &[Mine::Nothing],
            };
            for &mine in all.iter().filter(|_| old != new) {
                cases.push(Case {
                    name: format!("r{}", cases.len()),
                    path: ["it", "deep/er/it"][cases.len() % 2],
                    old,
                    new,
                    mine,
                });
            }
        }
    }
    cases
}

/// Gives a commit the shape.
fn shape(context: &TestContext, path: &str, shape: Shape) {
    let work = "work-web";
    let full = context.path(work).join(path);
    context.git(work, &["rm", "-rfq", "--ignore-unmatch", path]);
    let _ = fs::remove_dir_all(&full);
    let folder = |names: &[&str], text: &str| {
        for name in names {
            context.write(&format!("{work}/{path}/{name}"), text);
        }
    };
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    match shape {
        Nothing => {}
        Shape::File => fs::write(&full, "theirs\n").unwrap(),
        Link => symlink("README.md", &full).unwrap(),
        Folder => folder(&["keep", "in/keep"], "theirs\n"),
        OtherFolder => folder(&["keep", "more"], "theirs, too\n"),
        Submodule => {
            let head = context.git(work, &["rev-parse", "HEAD"]);
            let entry = format!("160000,{head},{path}");
            context.git(work, &["update-index", "--add", "--cacheinfo", &entry]);
        }
    }
    if shape != Submodule {
        context.git(work, &["add", "--all", "--force"]);
    }
    let message = format!("{shape:?}");
    context.git(
        work,
        &["commit", "--quiet", "--allow-empty", "-m", &message],
    );
}

/// Puts what is the user's into the clone.
fn lay(context: &TestContext, clone: &str, case: &Case) {
    let path = format!("{clone}/{}", case.path);
    let is_folder = matches!(case.old, Folder | OtherFolder | Submodule);
    let inside = |name: &str| {
        if is_folder {
            format!("{path}/{name}")
        } else {
            path.clone()
        }
    };
    match case.mine {
        Mine::Nothing => {}
        Mine::Untracked => context.write(&inside("notes.txt"), "mine\n"),
        Mine::Ignored => {
            context.write(&inside("notes.log"), "mine\n");
            let name = if is_folder { "*.log" } else { "it" };
            context.write(&format!("{clone}/.git/info/exclude"), name);
        }
        Mine::Repository => {
            let repository = match case.old {
                Folder | OtherFolder => inside("nested"),
                _ => path,
            };
            context.write(&format!("{repository}/mine.txt"), "mine\n");
            context.git(&repository, &["init", "--quiet"]);
            context.git(&repository, &["add", "--all"]);
            context.git(&repository, &["commit", "--quiet", "-m", "Mine"]);
        }
        Mine::EmptyFolder => fs::create_dir_all(context.path(&inside("empty"))).unwrap(),
        Mine::Changed => {
            let file = inside("keep");
            let tracked = file.strip_prefix(&format!("{clone}/")).unwrap();
            context.git(clone, &["update-index", "--assume-unchanged", tracked]);
            context.write(&file, "mine\n");
        }
    }
}

/// Files and links of a work tree, those of nested repositories too.
pub fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_symlink() {
                found.insert(
                    name,
                    format!("-> {}", fs::read_link(path).unwrap().display()),
                );
            } else if !path.is_dir() {
                found.insert(name, fs::read_to_string(path).unwrap());
            } else if !path.ends_with(".git") {
                folders.push(path);
            }
        }
    }
    found
}

/// Whether git moves it, and nothing of the user's is lost or mixed up by that.
fn git_may(context: &TestContext, by_git: &str, case: &Case, new: &str) -> bool {
    let before = files(&context.path(by_git));
    let merge = [
        "merge",
        "--quiet",
        "--ff-only",
        "--no-overwrite-ignore",
        new,
    ];
    let mut command = context.command("git");
    command.current_dir(context.path(by_git)).args(merge);
    if !command.output().unwrap().status.success() {
        return false;
    }
    let after = files(&context.path(by_git));
    let mine = |text: &&String| text.as_str() == "mine\n";
    let kept = before.values().filter(mine).count() == after.values().filter(mine).count();
    let was_folder = matches!(case.old, Folder | OtherFolder);
    let has_mine = matches!(
        case.mine,
        Mine::Untracked | Mine::Ignored | Mine::Repository
    );
    let is_mixed = match case.new {
        // git writes into a repository that it does not track.
        Folder | OtherFolder => case.mine == Mine::Repository && !was_folder,
        // The submodule could not be cloned into its folder any more.
        Submodule => was_folder && has_mine,
        _ => false,
    };
    kept && !is_mixed
}

#[test]
fn whatever_becomes_of_a_path_a_work_tree_moves_where_git_moves_it_and_loses_nothing() {
    let context = TestContext::new();
    context.remote("web");
    let cases = cases();
    let base = context.git("work-web", &["rev-parse", "HEAD"]);
    let mut manifest = String::new();
    for case in &cases {
        context.git("work-web", &["checkout", "-qf", "-B", &case.name, &base]);
        context.git("work-web", &["clean", "-ffdxq"]);
        shape(&context, case.path, case.old);
        writeln!(
            manifest,
            "[repos.{0}]\nurl = \"../remotes/web.git\"\nbranch = \"{0}\"",
            case.name
        )
        .unwrap();
    }
    context.git("work-web", &["push", "--quiet", "--all", "origin"]);
    context.manifest(&manifest);
    let cloned = context.fitout(&["sync"]);
    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    for case in &cases {
        lay(&context, &format!("ws/{}", case.name), case);
        context.git("work-web", &["checkout", "-qf", &case.name]);
        context.git("work-web", &["clean", "-ffdxq"]);
        shape(&context, case.path, case.new);
    }
    context.git("work-web", &["push", "--quiet", "--all", "origin"]);
    let copied = context
        .command("cp")
        .args(["-a", "../ws", "../by-git"])
        .status()
        .unwrap();
    assert!(copied.success());
    let before: Vec<_> = cases
        .iter()
        .map(|case| files(&context.ws(&case.name)))
        .collect();

    let ran = context.fitout(&["sync"]);

    let mut wrong = Vec::new();
    for (case, before) in cases.iter().zip(before) {
        let (ours, by_git) = (format!("ws/{}", case.name), format!("by-git/{}", case.name));
        let upstream = context.git(&ours, &["rev-parse", "@{upstream}"]);
        context.git(&by_git, &["fetch", "--quiet"]);
        let may = git_may(&context, &by_git, case, &upstream);
        let moved = context.git(&ours, &["rev-parse", "HEAD"]) == upstream;
        let row = ran
            .stdout
            .lines()
            .find(|line| line.starts_with(&format!("{} ", case.name)));
        let told = format!(
            "{:?} to {:?} at {}, {:?}: {}",
            case.old,
            case.new,
            case.path,
            case.mine,
            row.unwrap_or_default()
        );
        let status = |clone: &str| context.git(clone, &["status", "--short", "--ignored"]);
        let after = files(&context.path(&ours));
        if moved != may {
            wrong.push(format!("{told}\n  git would: {may}"));
        } else if moved
            && (after != files(&context.path(&by_git)) || status(&ours) != status(&by_git))
        {
            wrong.push(format!(
                "{told}\n  not as git: {}\n{}",
                status(&ours),
                status(&by_git)
            ));
        } else if !moved && after != before {
            wrong.push(format!("{told}\n  not moved, and not as before"));
        } else if exists(context.path(&ours).join(".git/fitout-move"))
            || exists(context.path(&ours).join(".git/index.lock"))
        {
            wrong.push(format!("{told}\n  something is left in `.git`"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The repo `web`, cloned, and then one commit behind.
pub fn behind(context: &TestContext, line: &str) {
    context.remote("web");
    context.manifest(&format!(
        "[repos.web]\nurl = \"../remotes/web.git\"\n{line}\n"
    ));
    synced(context);
    context.push("web", "README.md", "new\n");
}

#[track_caller]
pub fn synced(context: &TestContext) -> Ran {
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    ran
}

#[track_caller]
pub fn assert_moved(context: &TestContext) {
    let git = |arguments: &[&str]| context.git("ws/web", arguments);
    assert_eq!(
        git(&["status", "--short", "--branch"]),
        "## main...origin/main"
    );
    let there = context.git("work-web", &["rev-parse", "HEAD"]);
    assert_eq!(git(&["rev-parse", "HEAD"]), there);
    for left in [
        "fitout-move",
        "index.lock",
        "HEAD.lock",
        "refs/heads/main.lock",
    ] {
        assert!(!exists(context.ws("web/.git").join(left)), "{left}");
    }
    git(&["fsck", "--no-progress"]);
}

/// In UTF-16, every letter of these is followed by a NUL.
#[test]
fn an_update_writes_a_file_in_the_encoding_that_its_attributes_name() {
    let context = TestContext::new();
    behind(&context, "");
    let texts = ["o\0n\0e\0\n\0", "t\0w\0o\0\n\0"];
    // First with the attributes that name it, then with those that are here.
    for (index, text) in texts.into_iter().enumerate() {
        if index == 0 {
            let line = "c.txt working-tree-encoding=UTF-16LE\n";
            context.push("web", ".gitattributes", line);
        }
        context.push("web", "c.txt", text);
        let stored = context.git("work-web", &["cat-file", "blob", "HEAD:c.txt"]);
        assert!(!stored.contains('\0'), "it is stored as UTF-8: {stored:?}");
        synced(&context);
        assert_eq!(context.read("ws/web/c.txt"), text);
        assert_moved(&context);
    }
}

#[test]
fn a_lock_is_named_with_its_age_and_nothing_is_touched() {
    let hour = Duration::from_secs(3_600);
    for lock in ["index.lock", "HEAD.lock", "refs/heads/main.lock"] {
        for (age, shown) in [(Duration::ZERO, " old)"), (3 * hour, "3 hours")] {
            for hook in [false, true] {
                let context = TestContext::new();
                behind(&context, "");
                if hook {
                    context.write_program("ws/web/.git/hooks/post-merge", "#!/bin/sh\n");
                }
                let path = context.ws("web/.git").join(lock);
                let file = File::create(&path).unwrap();
                file.set_modified(SystemTime::now() - age).unwrap();
                let ran = context.fitout(&["sync"]);
                let told = ran.shown();
                assert_eq!(ran.code, Some(1), "{told}");
                assert!(
                    ran.stdout
                        .contains(&format!("held back  not updated: `.git/{lock}` exists (")),
                    "{told}"
                );
                assert!(ran.stdout.contains(shown), "{told}");
                ran.assert_says(&format!("rm web/.git/{lock}"));
                assert_eq!(context.git("ws/web", &["status", "--short"]), "", "{told}");
                fs::remove_file(path).unwrap();
                synced(&context);
                assert_moved(&context);
            }
        }
    }
}

#[test]
fn a_lock_that_stops_a_fetch_is_named_too() {
    for lock in ["packed-refs.lock", "refs/remotes/origin/main.lock"] {
        let context = TestContext::new();
        behind(&context, "");
        let path = context.ws("web/.git").join(lock);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path).unwrap();
        let ran = context.fitout(&["sync"]);
        let told = format!("held back  not updated: `.git/{lock}` exists (");
        assert!(ran.stdout.contains(&told), "{}", ran.shown());
        ran.assert_says(&format!("rm web/.git/{lock}"));
        fs::remove_file(path).unwrap();
        synced(&context);
        assert_moved(&context);
    }
}

/// Runs `event` in the clone when fitout has decided and prepared everything, before it moves anything: by
/// a filter that the new file goes through.
fn while_moving(context: &TestContext, event: &str) {
    let script = format!(
        "#!/bin/sh\nif test -e ~/armed; then rm ~/armed; (cd ../ws/web 2>/dev/null || cd \"$HOME/../ws/web\"; \
         unset GIT_DIR GIT_INDEX_FILE; {event}) >&2 </dev/null; fi\nexec cat\n"
    );
    context.write_program("home/smudge", &script);
    for (key, value) in [("smudge", "~/smudge"), ("clean", "cat")] {
        let key = format!("filter.event.{key}");
        context.git(".", &["config", "--global", &key, value]);
    }
    context.remote("web");
    context.push("web", ".gitattributes", "*.event filter=event\n");
    context.push("web", "conf/keep", "theirs\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    synced(context);
    context.push("web", "README.md", "new\n");
    context.git("work-web", &["rm", "-rq", "conf"]);
    symlink("src", context.path("work-web/conf")).unwrap();
    context.push("web", "new.event", "new\n");
    context.write("home/armed", "");
}

#[test]
fn what_the_user_does_while_sync_runs_is_not_undone() {
    let cases = [
        (
            "git commit -q --allow-empty -m mine",
            "HEAD changed while sync ran",
        ),
        (
            "echo mine >mine; git add mine; git commit -qm mine",
            "HEAD changed while sync ran",
        ),
        ("git switch -q -c topic", "HEAD changed while sync ran"),
        ("git switch -q --detach", "HEAD changed while sync ran"),
        (
            "echo mine >mine; git add mine",
            "the index changed while sync ran",
        ),
        ("echo mine >README.md", "`README.md` has local changes"),
        ("rm README.md", "`README.md` has local changes"),
        (
            "echo mine >new.event",
            "`new.event` is in the way: move it away",
        ),
        (
            "echo mine >conf/mine",
            "`conf/mine` is in the way: move it away",
        ),
        (
            "rm -r conf; ln -s /nowhere conf",
            "`conf` is in the way: move it away",
        ),
        (">.git/index.lock", "`.git/index.lock` exists ("),
        (
            ">.git/refs/heads/main.lock",
            "`.git/refs/heads/main.lock` exists (",
        ),
    ];
    for (event, expected) in cases {
        let context = TestContext::new();
        while_moving(&context, event);
        let ran = context.fitout(&["sync"]);
        let told = format!("{event}: {}", ran.shown());
        assert!(!exists(context.path("home/armed")), "{told}");
        assert!(ran.stdout.contains(expected), "{told}");
        assert_eq!(ran.code, Some(1), "{told}");
        // What happened is what is there, and nothing else.
        let ours = files(&context.ws("web"));
        let head = context.git(
            "ws/web",
            &["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"],
        );
        let staged = context.git("ws/web", &["diff", "--cached", "--name-only"]);
        let again = TestContext::new();
        while_moving(&again, "true");
        let mut command = again.command("sh");
        let script = format!("cd web; {event}");
        assert!(command.args(["-c", &script]).status().unwrap().success());
        assert_eq!(ours, files(&again.ws("web")), "{told}");
        assert_eq!(
            staged,
            again.git("ws/web", &["diff", "--cached", "--name-only"]),
            "{told}"
        );
        assert_eq!(
            head,
            again.git(
                "ws/web",
                &["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"]
            ),
            "{told}"
        );
        assert!(!exists(context.ws("web/.git/fitout-move")), "{told}");
    }
}

#[test]
fn a_branch_that_was_rewritten_after_the_decision_is_not_moved_to() {
    use fitout::git::local;
    use fitout::sync::Place;
    let context = TestContext::new();
    context.remote("web");
    let manifest = "[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"main\"\n";
    context.manifest(manifest);
    context.fitout(&["sync"]);
    let table = fitout::manifest::decode::manifest(manifest).0;
    let (workspace, _) = fitout::workspace::resolve::workspace(&table);
    let (root, repo) = (context.ws(""), &workspace.repos[0]);
    context.push("web", "new.txt", "new\n");
    context.git("ws/web", &["fetch", "--quiet"]);
    let Place::Clone(before) = local::observe(&root, repo).place else {
        panic!("no clone");
    };
    let clone = local::refresh(&root, repo, &before).unwrap();
    // Another program fetches, and the remote has another history.
    context.git("work-web", &["checkout", "--quiet", "--orphan", "other"]);
    context.git("work-web", &["commit", "--quiet", "-m", "Begin again"]);
    let push = ["push", "--quiet", "--force", "origin", "other:main"];
    context.git("work-web", &push);
    context.git("ws/web", &["fetch", "--quiet"]);
    let head = context.git("ws/web", &["rev-parse", "HEAD"]);

    let moved = local::fast_forward(&root, repo, &clone);

    let reason = moved.unwrap_err().reason;
    assert_eq!(reason, "`origin/main` changed while sync ran");
    assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), head);
}

#[test]
fn a_branch_that_leaves_no_room_for_the_manifests_is_named() {
    for (there, wanted) in [("feature", "feature/x"), ("feature/x/y", "feature/x")] {
        for pack in [false, true] {
            let context = TestContext::new();
            context.remote("web");
            let branch = format!("HEAD:refs/heads/{wanted}");
            context.git("work-web", &["push", "--quiet", "origin", &branch]);
            context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"main\"\n");
            context.fitout(&["sync"]);
            context.git("ws/web", &["branch", there]);
            if pack {
                context.git("ws/web", &["pack-refs", "--all"]);
            }
            context.manifest(&format!(
                "[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"{wanted}\"\n"
            ));
            let ran = context.fitout(&["sync", "--switch"]);
            let words = format!("branch `{wanted}` conflicts with the branch `{there}`");
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            assert!(ran.stdout.contains(&words), "{}", ran.shown());
            let refs = context.git(
                "ws/web",
                &["for-each-ref", "--format=%(refname)", "refs/heads"],
            );
            assert_eq!(refs, format!("refs/heads/{there}\nrefs/heads/main"));
        }
    }
}

#[test]
fn what_git_was_told_not_to_look_at_it_is_not_made_to_look_at_by_an_update() {
    let context = TestContext::new();
    behind(&context, "");
    context.push("web", "src/main.txt", "new\n");
    let git = |arguments: &[&str]| context.git("ws/web", arguments);
    git(&["update-index", "--skip-worktree", "README.md"]);
    git(&["update-index", "--assume-unchanged", "src/main.txt"]);

    synced(&context);

    assert_eq!(git(&["ls-files", "-v"]), "S README.md\nh src/main.txt");
    assert_moved(&context);
}

#[test]
fn a_move_that_fails_when_all_but_head_is_done_is_undone_with_its_index() {
    let context = TestContext::new();
    behind(&context, "");
    let git = |arguments: &[&str]| context.git("ws/web", arguments);
    let head = git(&["rev-parse", "HEAD"]);
    let log = context.ws("web/.git/logs/HEAD");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert_eq!(git(&["rev-parse", "HEAD"]), head);
    assert_eq!(git(&["status", "--short"]), "");
    fs::remove_dir(&log).unwrap();
    synced(&context);
    assert_moved(&context);
}

#[test]
fn a_clone_that_another_run_is_moving_is_left_to_it() {
    let context = TestContext::new();
    let fitout = env!("CARGO_BIN_EXE_fitout");
    while_moving(&context, &format!("cd ..; {fitout} sync >../said; true"));

    synced(&context);

    let said = context.read("said");
    assert!(
        said.contains("not updated: another fitout is updating this clone"),
        "{said}"
    );
    assert_moved(&context);
}

#[test]
fn an_update_is_in_the_logs_of_head_and_its_branch_as_one_of_gits() {
    let context = TestContext::new();
    behind(&context, "");
    let old = context.git("ws/web", &["rev-parse", "HEAD"]);

    synced(&context);

    for name in ["HEAD", "main"] {
        let last = ["log", "-1", "--walk-reflogs", "--format=%gs", name];
        let last = context.git("ws/web", &last);
        assert_eq!(last, "merge origin/main: Fast-forward");
        let before = format!("{name}@{{1}}");
        assert_eq!(context.git("ws/web", &["rev-parse", &before]), old);
    }
}

/// A clone on `main`, and a manifest that wants a branch of which only the remote has heard.
fn wants_a_new_branch(context: &TestContext) {
    context.remote("web");
    context.git("work-web", &["switch", "--quiet", "--create", "topic"]);
    context.push("web", "README.md", "of the topic\n");
    let manifest = "[repos.web]\nurl = \"../remotes/web.git\"\nbranch = ";
    context.manifest(&format!("{manifest}\"main\"\n"));
    synced(context);
    context.manifest(&format!("{manifest}\"topic\"\n"));
}

#[test]
fn a_switch_that_fails_leaves_neither_branch_nor_configuration_behind() {
    type Obstacle = (&'static str, fn(&Path), &'static str);
    let obstacles: [Obstacle; 4] = [
        (
            "config.lock",
            |path| drop(File::create(path).unwrap()),
            "`.git/config.lock` exists (",
        ),
        (
            "refs/heads/topic.lock",
            |path| drop(File::create(path).unwrap()),
            "`.git/refs/heads/topic.lock` exists (",
        ),
        // After the branch was made.
        (
            "logs/HEAD",
            |path| fs::create_dir(path).unwrap(),
            "web/.git/logs/HEAD`: Is a directory",
        ),
        (
            "logs/refs/heads/topic",
            |path| fs::create_dir(path).unwrap(),
            "web/.git/logs/refs/heads/topic`: Is a directory",
        ),
    ];
    for by_git in [false, true] {
        for (name, obstruct, words) in obstacles {
            if by_git && name.starts_with("logs/") {
                continue;
            }
            let context = TestContext::new();
            wants_a_new_branch(&context);
            if by_git {
                context.git("ws/web", &["config", "core.sparseCheckout", "true"]);
            }
            let obstacle = context.ws("web/.git").join(name);
            let _ = fs::remove_file(&obstacle);
            obstruct(&obstacle);
            let config = context.read("ws/web/.git/config");

            let ran = context.fitout(&["sync", "--switch"]);

            let told = format!("{name}, by git: {by_git}: {}", ran.shown());
            assert_eq!(ran.code, Some(1), "{told}");
            assert!(ran.stdout.contains(words), "{told}");
            let git = |arguments: &[&str]| context.git("ws/web", arguments);
            let branches = git(&["for-each-ref", "--format=%(refname)", "refs/heads"]);
            assert_eq!(branches, "refs/heads/main", "{told}");
            assert_eq!(context.read("ws/web/.git/config"), config, "{told}");
            assert_eq!(
                git(&["status", "--short", "--branch"]),
                "## main...origin/main",
                "{told}"
            );
            let _ = fs::remove_file(&obstacle).or_else(|_| fs::remove_dir(&obstacle));
            let log = context.ws("web/.git/logs/refs/heads/topic");
            assert!(!exists(log), "{told}");
            let ran = context.fitout(&["sync", "--switch"]);
            assert_eq!(ran.code, Some(0), "{}", ran.shown());
            assert_eq!(
                git(&["status", "--short", "--branch"]),
                "## topic...origin/topic"
            );
        }
    }
}

#[test]
fn a_switch_writes_the_configuration_as_git_does() {
    for before in [
        "",
        "[branch \"topic\"]\n\tremote = gone\n\tdescription = mine\n",
    ] {
        let [ours, gits] = [true, false].map(|is_ours| {
            let context = TestContext::new();
            wants_a_new_branch(&context);
            let config = context.read("ws/web/.git/config");
            // Where it is a link, it stays one.
            context.write("config-of-web", &format!("{config}{before}"));
            let file = context.ws("web/.git/config");
            fs::remove_file(&file).unwrap();
            symlink("../../../config-of-web", &file).unwrap();
            if is_ours {
                let ran = context.fitout(&["sync", "--switch"]);
                assert_eq!(ran.code, Some(0), "{}", ran.shown());
            } else {
                let switch = [
                    "switch",
                    "--quiet",
                    "--create",
                    "topic",
                    "--track",
                    "origin/topic",
                ];
                context.git("ws/web", &["fetch", "--quiet"]);
                context.git("ws/web", &switch);
            }
            assert!(file.is_symlink());
            let url = context.path("remotes").display().to_string();
            context.read("config-of-web").replace(&url, "[REMOTES]")
        });
        assert_eq!(ours, gits);
    }
}

#[test]
fn where_git_verifies_signatures_a_commit_without_one_is_held_back() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    let key = context.path("home/key").display().to_string();
    let mut make = context.command("ssh-keygen");
    make.args(["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    assert!(make.status().unwrap().success());
    let public = context.read("home/key.pub");
    context.write("home/signers", &format!("committer@example.com {public}"));
    let signers = context.path("home/signers").display().to_string();
    for (name, value) in [
        ("merge.verifySignatures", "true"),
        ("gpg.format", "ssh"),
        ("gpg.ssh.allowedSignersFile", &signers),
        ("user.signingKey", &key),
    ] {
        context.git("ws", &["config", "--global", name, value]);
    }
    let before = context.git("ws/web", &["rev-parse", "HEAD"]);
    context.push("web", "src/main.txt", "unsigned\n");

    let held = context.fitout(&["sync"]);

    let reason = "git only accepts signed commits (`merge.verifySignatures`): commit ";
    assert!(held.stdout.contains("held back"), "{}", held.shown());
    assert!(held.stdout.contains(reason), "{}", held.shown());
    assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), before);
    assert_eq!(context.read("ws/web/src/main.txt"), "one\ntwo\nthree\n");
    let amend = [
        "-c",
        "commit.gpgSign=true",
        "commit",
        "--quiet",
        "--amend",
        "--no-edit",
    ];
    context.git("work-web", &amend);
    context.git(
        "work-web",
        &["push", "--quiet", "--force", "origin", "HEAD"],
    );
    let updated = context.fitout(&["sync"]);
    assert!(
        updated.stdout.contains("1 new commit"),
        "{}",
        updated.shown()
    );
    assert_eq!(context.read("ws/web/src/main.txt"), "unsigned\n");
}
