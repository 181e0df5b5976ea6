//! Clones that git opens and libgit2 does not: each command works in them as in any other.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use crate::context::TestContext;
use crate::http_server::{Behaviour, HttpServer};

/// Makes the clone `ws/a` of `remotes/a.git` in one of the formats.
type Make = fn(&TestContext);

const FORMATS: &[(&str, Make)] = &[
    ("reftable", |context| {
        clone(context, &["--ref-format=reftable"]);
    }),
    ("split index", |context| {
        clone(context, &[]);
        context.git("ws/a", &["config", "core.splitIndex", "true"]);
        context.git("ws/a", &["update-index", "--split-index"]);
    }),
    ("sparse index", |context| {
        clone(context, &[]);
        let cone = ["sparse-checkout", "set", "--cone", "--sparse-index", "src"];
        context.git("ws/a", &cone);
    }),
    ("reftable and a linked work tree", |context| {
        let url = context.path("remotes/a.git").display().to_string();
        let bare = ["clone", "--quiet", "--ref-format=reftable", "--no-checkout"];
        context.git(".", &[&bare[..], &[&url, "main"]].concat());
        let other = context.ws("a").display().to_string();
        context.git("main", &["switch", "--quiet", "--create", "other"]);
        context.git("main", &["worktree", "add", "--quiet", &other, "main"]);
    }),
];

fn clone(context: &TestContext, options: &[&str]) {
    let url = context.path("remotes/a.git").display().to_string();
    context.git(
        "ws",
        &[&["clone", "--quiet"], options, &[&url, "a"]].concat(),
    );
}

fn manifest(context: &TestContext, more: &str) {
    let url = context.path("remotes/a.git").display().to_string();
    context.manifest(&format!("[repos.a]\nurl = \"{url}\"\n{more}"));
}

/// A remote with files in two folders, and a clone in each format.
fn for_each_format(test: impl Fn(&TestContext, &str)) {
    for (name, make) in FORMATS {
        let context = TestContext::new();
        context.remote("a");
        context.push("a", "other/far.txt", "far\n");
        context.push("a", ".gitignore", "ignored*\n");
        make(&context);
        let library = git2::Repository::open(context.ws("a")).and_then(|it| it.index().map(drop));
        assert!(library.is_err(), "{name}: libgit2 reads it");
        manifest(&context, "");
        test(&context, name);
    }
}

/// Commits a file that may be ignored.
fn push_forced(context: &TestContext, file: &str, text: &str) {
    context.write(&format!("work-a/{file}"), text);
    context.git("work-a", &["add", "--force", file]);
    context.push("a", "src/more.txt", text);
}

#[track_caller]
fn assert_synced(context: &TestContext, format: &str, expected: &str) {
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{format}: {}", ran.shown());
    assert!(ran.stdout.contains(expected), "{format}: {}", ran.shown());
    assert_eq!(
        context.git("ws/a", &["status", "--porcelain"]),
        "",
        "{format}"
    );
    context.git("ws/a", &["fsck", "--no-progress"]);
}

fn head(context: &TestContext) -> String {
    context.git("ws/a", &["rev-parse", "HEAD"])
}

#[test]
fn they_are_updated() {
    for_each_format(|context, format| {
        assert_synced(context, format, "up to date");
        context.push("a", "src/main.txt", "changed\n");
        context.git("work-a", &["tag", "v1"]);
        context.git("work-a", &["push", "--quiet", "origin", "v1"]);

        assert_synced(context, format, "1 new commit");

        let there = context.git("work-a", &["rev-parse", "HEAD"]);
        assert_eq!(head(context), there, "{format}");
        assert_eq!(context.read("ws/a/src/main.txt"), "changed\n", "{format}");
        assert_eq!(context.git("ws/a", &["tag"]), "v1", "{format}");
        assert_synced(context, format, "up to date");
    });
}

#[test]
fn they_are_switched_and_detached() {
    for_each_format(|context, format| {
        context.git("work-a", &["switch", "--quiet", "-c", "dev"]);
        context.push("a", "src/dev.txt", "dev\n");
        context.git("work-a", &["tag", "v1", "main"]);
        context.git("work-a", &["push", "--quiet", "origin", "v1"]);
        manifest(context, "branch = \"dev\"\n");
        let left = context.fitout(&["sync"]);
        assert!(
            left.stdout.contains("on `main`, not on `dev`"),
            "{format}: {}",
            left.shown()
        );

        let switched = context.fitout(&["sync", "--switch"]);

        assert!(
            switched.stdout.contains("switched from `main`"),
            "{format}: {}",
            switched.shown()
        );
        let upstream = ["rev-parse", "--abbrev-ref", "dev@{upstream}"];
        assert_eq!(context.git("ws/a", &upstream), "origin/dev", "{format}");
        manifest(context, "tag = \"v1\"\n");
        let detached = context.fitout(&["sync", "--switch"]);
        assert_eq!(detached.code, Some(0), "{format}: {}", detached.shown());
        let name = ["rev-parse", "--abbrev-ref", "HEAD"];
        assert_eq!(context.git("ws/a", &name), "HEAD", "{format}");
    });
}

#[test]
fn nothing_of_the_users_gives_way_in_them() {
    type Case = (
        &'static str,
        fn(&TestContext),
        fn(&TestContext),
        &'static str,
    );
    let cases: &[Case] = &[
        (
            "an ignored file",
            |context| push_forced(context, "src/ignored.txt", "theirs\n"),
            |context| context.write("ws/a/src/ignored.txt", "mine\n"),
            "src/ignored.txt",
        ),
        (
            "an ignored file in a folder that becomes a file",
            |context| push_forced(context, "src/new", "theirs\n"),
            |context| context.write("ws/a/src/new/ignored", "mine\n"),
            "src/new/ignored",
        ),
        (
            "a repository around a new file",
            |context| push_forced(context, "src/own/file", "theirs\n"),
            |context| {
                fs::create_dir(context.ws("a/src/own")).unwrap();
                context.git("ws/a/src/own", &["init", "--quiet"]);
            },
            "src/own/.git/HEAD",
        ),
        (
            "an edit that git was told not to look at",
            |context| context.push("a", "src/main.txt", "theirs\n"),
            |context| {
                let hide = ["update-index", "--assume-unchanged", "src/main.txt"];
                context.git("ws/a", &hide);
                context.write("ws/a/src/main.txt", "mine\n");
            },
            "src/main.txt",
        ),
        (
            "an edit",
            |context| context.push("a", "src/main.txt", "theirs\n"),
            |context| context.write("ws/a/src/main.txt", "mine\n"),
            "src/main.txt",
        ),
    ];
    for (what, upstream, here, kept) in cases {
        for_each_format(|context, format| {
            upstream(context);
            here(context);
            let before = (head(context), context.read(&format!("ws/a/{kept}")));

            let ran = context.fitout(&["sync"]);

            let shown = format!("{what}, {format}: {}", ran.shown());
            assert!(ran.stdout.contains("held back"), "{shown}");
            assert_eq!(head(context), before.0, "{shown}");
            assert_eq!(context.read(&format!("ws/a/{kept}")), before.1, "{shown}");
        });
    }
}

#[test]
fn a_lock_holds_them_back() {
    for_each_format(|context, format| {
        context.push("a", "src/main.txt", "theirs\n");
        let git_dir = context.git("ws/a", &["rev-parse", "--absolute-git-dir"]);
        let lock = std::path::Path::new(&git_dir).join("index.lock");
        fs::write(&lock, "").unwrap();
        let before = head(context);

        let ran = context.fitout(&["sync"]);

        assert!(
            ran.stdout.contains("held back"),
            "{format}: {}",
            ran.shown()
        );
        assert_eq!(head(context), before, "{format}");
        fs::remove_file(lock).unwrap();
        assert_synced(context, format, "1 new commit");
    });
}

#[test]
fn they_are_described_as_git_describes_them() {
    for_each_format(|context, format| {
        context.commit("a", "src/mine.txt", "mine\n");
        context.write("ws/a/src/main.txt", "edited\n");
        context.git("ws/a", &["stash", "--quiet"]);
        context.write("ws/a/src/main.txt", "edited again\n");
        context.write("ws/a/src/new.txt", "new\n");
        context.git("ws/a", &["add", "src/new.txt"]);

        let status = context.fitout(&["status"]);

        let words: Vec<&str> = status.stdout.split_whitespace().collect();
        let expected = "a main ahead 1 2 changes, 1 stash";
        assert_eq!(
            words[4..].join(" "),
            expected,
            "{format}: {}",
            status.shown()
        );
        for command in [
            &["foreach", "git", "log", "-1", "--format=%s"][..],
            &["copies"],
            &["sync", "--dry-run"],
        ] {
            let ran = context.fitout(command);
            assert_eq!(ran.code, Some(0), "{format}: {command:?}: {}", ran.shown());
        }
        let doctor = context.fitout(&["doctor"]);
        assert!(
            !doctor.stdout.contains("broken clone"),
            "{format}: {}",
            doctor.shown()
        );
        // A linked work tree belongs to another clone.
        if context.ws("a/.git").is_dir() {
            fs::remove_file(context.ws("workspace.toml")).unwrap();
            let draft = context.fitout(&["init", "--dry-run"]);
            assert!(
                draft.stdout.contains("[repos.a]"),
                "{format}: {}",
                draft.shown()
            );
        }
    });
}

#[test]
fn what_git_is_in_the_middle_of_is_said() {
    for_each_format(|context, format| {
        context.push("a", "src/main.txt", "theirs\n");
        context.commit("a", "src/main.txt", "mine\n");
        context.git("ws/a", &["fetch", "--quiet"]);
        let mut pick = context.command("git");
        pick.current_dir(context.ws("a"))
            .args(["cherry-pick", "origin/main"]);
        assert!(!pick.output().unwrap().status.success());

        let ran = context.fitout(&["sync"]);

        assert!(
            ran.stdout.contains("cherry-pick"),
            "{format}: {}",
            ran.shown()
        );
    });
}

#[test]
fn they_are_locked() {
    for_each_format(|context, format| {
        let locked = context.fitout(&["lock"]);
        assert_eq!(locked.code, Some(0), "{format}: {}", locked.shown());
        assert!(
            context.read("ws/workspace.lock").contains(&head(context)),
            "{format}"
        );
        context.commit("a", "src/mine.txt", "mine\n");
        let refused = context.fitout(&["lock"]);
        refused.assert_says("is not on `origin`");
    });
}

#[test]
fn a_clone_of_another_remote_is_left_alone_and_takes_the_url_when_asked() {
    for_each_format(|context, format| {
        let other = context.path("remotes/b.git");
        fs::rename(context.path("remotes/a.git"), &other).unwrap();
        context.manifest(&format!("[repos.a]\nurl = \"{}\"\n", other.display()));
        let refused = context.fitout(&["sync"]);
        assert!(
            refused.stdout.contains("is there"),
            "{format}: {}",
            refused.shown()
        );

        let set = context.fitout(&["sync", "--set-url"]);

        assert_eq!(set.code, Some(0), "{format}: {}", set.shown());
        let url = context.git("ws/a", &["remote", "get-url", "origin"]);
        assert_eq!(url, other.display().to_string(), "{format}");
    });
}

#[test]
fn hooks_that_come_from_the_remote_do_not_run_in_them() {
    for_each_format(|context, format| {
        context.git("ws", &["config", "--global", "core.hooksPath", "src"]);
        let hook = "#!/bin/sh\ntouch \"$HOME/ran\"\n";
        context.write_program("work-a/src/post-merge", hook);
        context.push("a", "src/main.txt", "changed\n");
        assert_synced(context, format, "1 new commit");
        context.push("a", "src/main.txt", "changed again\n");

        assert_synced(context, format, "it comes from the remote");

        assert!(!context.path("home/ran").exists(), "{format}");
    });
}

/// A manifest can't name such a branch, and the remote's default one may be called that.
#[test]
fn a_branch_whose_name_is_not_utf_8_is_followed() {
    let context = TestContext::new();
    context.remote("a");
    let git = |folder: &str, arguments: &[&[u8]]| {
        let mut command = context.command("git");
        let arguments = arguments.iter().map(|it| OsStr::from_bytes(it));
        command.current_dir(context.path(folder)).args(arguments);
        assert!(command.output().unwrap().status.success());
    };
    git("work-a", &[b"branch", b"-m", b"caf\xe9"]);
    git("work-a", &[b"push", b"--quiet", b"origin", b"caf\xe9"]);
    git(
        "remotes/a.git",
        &[b"symbolic-ref", b"HEAD", b"refs/heads/caf\xe9"],
    );
    manifest(&context, "");
    let cloned = context.fitout(&["sync"]);
    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    assert_synced(&context, "latin1", "up to date");
    context.push("a", "src/main.txt", "changed\n");

    assert_synced(&context, "latin1", "1 new commit");

    assert_eq!(context.read("ws/a/src/main.txt"), "changed\n");
    git("ws/a", &[b"switch", b"--quiet", b"--create", b"mine"]);
    let switched = context.fitout(&["sync", "--switch"]);
    assert_eq!(switched.code, Some(0), "{}", switched.shown());
    let head = fs::read(context.ws("a/.git/HEAD")).unwrap();
    assert_eq!(head, b"ref: refs/heads/caf\xe9\n");
    let status = context.fitout(&["status"]);
    assert!(status.stdout.contains("caf\u{fffd}"), "{}", status.shown());
}

#[test]
fn a_repository_with_other_object_names_is_cloned_and_updated_by_git() {
    let context = TestContext::new();
    let sha256 = ["init", "--quiet", "--bare", "--object-format=sha256"];
    context.git(".", &[&sha256[..], &["remotes/a.git"]].concat());
    context.git(".", &["clone", "--quiet", "remotes/a.git", "work-a"]);
    context.push("a", "src/main.txt", "one\n");
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let file = context.path("remotes/a.git").display().to_string();
    for url in [server.url("a"), file] {
        context.manifest(&format!("[repos.a]\nurl = \"{url}\"\n"));

        assert_synced(&context, &url, "cloned");

        context.push("a", "src/main.txt", &url);
        assert_synced(&context, &url, "1 new commit");
        assert_synced(&context, &url, "up to date");
        fs::remove_dir_all(context.ws("a")).unwrap();
    }
}

/// As with `git clone`, and with its hook.
#[test]
fn a_new_clone_has_the_refs_that_the_user_wants() {
    let context = TestContext::new();
    context.remote("a");
    context.git(
        "ws",
        &["config", "--global", "init.defaultRefFormat", "reftable"],
    );
    context.git("ws", &["config", "--global", "core.hooksPath", "~/hooks"]);
    let hook = "#!/bin/sh\npwd >\"$HOME/ran\"\n";
    context.write_program("home/hooks/post-checkout", hook);
    manifest(&context, "");

    assert_synced(&context, "default", "cloned");

    let format = ["rev-parse", "--show-ref-format"];
    assert_eq!(context.git("ws/a", &format), "reftable");
    assert_eq!(
        context.read("home/ran").trim_end(),
        context.ws("a").display().to_string()
    );
}

#[test]
fn submodules_of_them_are_left_to_the_user_with_the_command() {
    let context = TestContext::new();
    context.remote("lib");
    context.remote("a");
    context.git(
        "ws",
        &["config", "--global", "protocol.file.allow", "always"],
    );
    let lib = context.path("remotes/lib.git").display().to_string();
    context.git("work-a", &["submodule", "--quiet", "add", &lib, "lib"]);
    context.push("a", "src/main.txt", "changed\n");
    clone(&context, &["--ref-format=reftable"]);
    manifest(&context, "submodules = true\n");

    let ran = context.fitout(&["sync"]);

    let command = "git -C a submodule update --init --recursive";
    assert!(ran.stdout.contains(command), "{}", ran.shown());
    context.git("ws", &command.split(' ').skip(1).collect::<Vec<_>>());
    assert_synced(&context, "reftable", "up to date");
    assert_eq!(context.read("ws/a/lib/src/main.txt"), "one\ntwo\nthree\n");
}

/// A `.git` that git does not open is broken, whatever repository is around it.
#[test]
fn a_repository_around_a_broken_clone_is_not_taken_for_it() {
    let context = TestContext::new();
    context.remote("a");
    clone(&context, &[]);
    manifest(&context, "");
    context.git("ws", &["init", "--quiet", "--ref-format=reftable"]);
    fs::remove_file(context.ws("a/.git/HEAD")).unwrap();

    let ran = context.fitout(&["sync"]);

    assert!(ran.stdout.contains("a broken clone"), "{}", ran.shown());
}

/// What the workspace's own repository tracks and ignores is asked of git where nothing else reads it.
#[test]
fn a_workspace_in_a_repository_that_only_git_reads_is_like_any_other() {
    let outcomes = ["files", "reftable"].map(|format| {
        let context = TestContext::new();
        context.remote("a");
        let option = format!("--ref-format={format}");
        context.git("ws", &["init", "--quiet", &option]);
        manifest(&context, "[services.a]\nrepo = \"a\"\n");
        let local = "[repos.a]\npath = \"elsewhere/a\"\n";
        context.write("ws/workspace.local.toml", local);
        context.write("ws/.env", "A=1\n");
        context.git("ws", &["add", "--force", ".env"]);
        let synced = context.fitout(&["sync"]);
        assert_eq!(synced.code, Some(0), "{format}: {}", synced.shown());
        let exclude = context.read("ws/.git/info/exclude");
        let doctor = context.fitout(&["doctor", "--only", "files.*"]);
        let lines = exclude.lines().filter(|line| !line.starts_with('#'));
        let status = context.git("ws", &["status", "--short"]);
        let lines = lines.map(str::to_owned).collect::<Vec<_>>();
        assert_ne!(doctor.stdout, "", "{}", doctor.shown());
        (lines, doctor.stdout, status)
    });
    assert!(
        outcomes[0].0.contains(&"/elsewhere/a".to_owned()),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[0], outcomes[1]);
}

/// The copy itself is one that everything reads, so that what is in it is known when it is removed.
#[test]
fn they_are_copied_and_the_copies_removed() {
    for_each_format(|context, format| {
        context.git("work-a", &["tag", "-a", "-m", "First", "v1"]);
        context.git("work-a", &["push", "--quiet", "origin", "v1"]);
        manifest(
            context,
            "[services.x]\nimage = \"alpine\"\n[workspace]\nname = \"w\"\n",
        );
        context.git("ws", &["init", "--quiet", "--ref-format=reftable"]);
        context.write("ws/.gitignore", "/a/\n");
        context.git("ws", &["add", "--all"]);
        context.git("ws", &["commit", "--quiet", "-m", "Workspace"]);
        context.fitout(&["sync"]);

        let copied = context.fitout(&["copy", "../ws-2"]);

        assert_eq!(copied.code, Some(0), "{format}: {}", copied.shown());
        for clone in ["", "/a"] {
            let (here, there) = (format!("ws{clone}"), format!("ws-2{clone}"));
            for question in [
                &["rev-parse", "HEAD"][..],
                &["symbolic-ref", "HEAD"],
                &["for-each-ref", "refs/remotes", "refs/tags"],
                &["config", "--get-regexp", "^(remote|branch)[.]"],
            ] {
                let ask = |clone: &str| {
                    let output = context
                        .command("git")
                        .current_dir(context.path(clone))
                        .args(question)
                        .output();
                    String::from_utf8(output.unwrap().stdout).unwrap()
                };
                assert_eq!(ask(&there), ask(&here), "{format}: {there}: {question:?}");
            }
            context.git(&there, &["fsck", "--no-progress"]);
        }
        assert_eq!(
            context.git("ws-2/a", &["status", "--porcelain"]),
            "",
            "{format}"
        );
        // Without an engine nobody can say whether it has containers.
        let removed = context.fitout(&["copies", "remove", "--yes", "--force", "../ws-2"]);
        assert_eq!(removed.code, Some(0), "{format}: {}", removed.shown());
    });
}
