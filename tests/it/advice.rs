//! What a row of `fitout sync` says of trouble, and the command that it offers: run here, as a user would.

use std::process::Output;

use crate::context::{Ran, TestContext};
use crate::http_server::{Behaviour, HttpServer};

/// A clone of `web`, whose remote has taken a commit back since.
fn taken_back(own: bool, with_another: bool) -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    context.push("web", "secret.txt", "secret\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    let cloned = context.fitout(&["sync"]);
    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    if own {
        context.commit("web", "own.txt", "own\n");
    }
    context.git("work-web", &["reset", "--quiet", "--hard", "HEAD~1"]);
    if with_another {
        context.write("work-web/clean.txt", "clean\n");
        context.git("work-web", &["add", "."]);
        context.git("work-web", &["commit", "--quiet", "-m", "Add clean.txt"]);
    }
    context.git("work-web", &["push", "--quiet", "--force"]);
    context
}

/// Runs the command after `hint: web: `.
fn follow(context: &TestContext, ran: &Ran) -> Output {
    let hint = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: web: "))
        .unwrap_or_else(|| panic!("no hint:\n{}", ran.shown()));
    let hint = hint.replace("[TMP]", &context.path("").display().to_string());
    let mut command = context.command("sh");
    command.current_dir(context.ws("")).args(["-c", &hint]);
    command.output().unwrap()
}

#[test]
fn what_the_remote_has_taken_back_is_not_published_again() {
    for own in [false, true] {
        for with_another in [false, true] {
            let context = taken_back(own, with_another);
            context.write("ws/web/notes.txt", "mine\n");
            // As well at a later sync as at the first one.
            context.fitout(&["sync"]);

            let ran = context.fitout(&["sync"]);
            let followed = follow(&context, &ran);
            let settled = context.fitout(&["sync"]);

            let words = "`origin/main` was rewritten: 1 commit here is no longer there";
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            assert!(ran.stdout.contains(words), "{}", ran.shown());
            assert!(followed.status.success(), "{followed:?}");
            let log = context.git("ws/web", &["log", "--format=%s", "origin/main..HEAD"]);
            let expected = if own { "Add own.txt" } else { "" };
            assert_eq!(log, expected, "{}", ran.shown());
            assert!(!context.ws("web/secret.txt").exists());
            assert_eq!(context.read("ws/web/notes.txt"), "mine\n");
            assert_eq!(settled.code, Some(0), "{}", settled.shown());
            // Not lost either: it may have been the user's, and be nowhere else now.
            let log = context.git("ws/web", &["log", "--branches=rescue-*", "--format=%s"]);
            assert!(log.contains("Change secret.txt"), "{log}");
        }
    }
}

/// A state for which a command is offered that checks something out.
#[derive(Clone, Copy, Debug)]
enum Offered {
    Merge,
    Rebase,
    Reset,
    Switch,
    SwitchBack,
    Detach,
}

#[test]
fn no_command_is_offered_that_overwrites_what_git_ignores() {
    use Offered::*;
    for offered in [Merge, Rebase, Reset, Switch, SwitchBack, Detach] {
        let context = TestContext::new();
        context.remote("web");
        context.push("web", "secret.txt", "secret\n");
        let manifest = "[repos.web]\nurl = \"../remotes/web.git\"\n";
        context.manifest(manifest);
        context.fitout(&["sync"]);
        match offered {
            Merge | Detach => context.write("ws/web/README.md", "changed\n"),
            Rebase => context.commit("web", "own.txt", "own\n"),
            Reset => {
                context.git("work-web", &["reset", "--quiet", "--hard", "HEAD~1"]);
            }
            Switch => {
                context.git("ws/web", &["switch", "--quiet", "-c", "topic", "HEAD~1"]);
            }
            SwitchBack => {
                context.git("ws/web", &["switch", "--quiet", "--detach", "HEAD~1"]);
            }
        }
        let conf = match offered {
            // What they add is not on the branch that is here, and secret.txt is.
            Switch | SwitchBack => "secret.txt",
            Merge | Rebase | Reset | Detach => "conf/.env",
        };
        context.write("work-web/conf/.env", "theirs\n");
        context.git("work-web", &["add", "."]);
        context.git("work-web", &["commit", "--quiet", "-m", "Add conf/.env"]);
        context.git("work-web", &["push", "--quiet", "--force"]);
        if matches!(offered, Detach) {
            context.git("work-web", &["tag", "v1"]);
            context.git("work-web", &["push", "--quiet", "--tags"]);
            context.manifest(&format!("{manifest}tag = \"v1\"\n"));
        }
        context.write("ws/web/.git/info/exclude", ".env\nsecret.txt\n");
        context.write(&format!("ws/web/{conf}"), "mine\n");

        let blocked = context.fitout(&["sync"]);
        let doctor = context.fitout(&["doctor", "-v", "--only", "repos"]);

        let words = format!("; `{conf}` is in the way: move it away");
        for ran in [&blocked, &doctor] {
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(&words), "{offered:?}: {}", ran.shown());
            assert!(!said.contains("git -C"), "{offered:?}: {}", ran.shown());
        }
        context.git("ws", &["-C", "web", "status", "--short"]);
        assert_eq!(context.read(&format!("ws/web/{conf}")), "mine\n");

        std::fs::rename(context.ws(&format!("web/{conf}")), context.path("kept")).unwrap();
        let free = context.fitout(&["sync"]);
        let followed = follow(&context, &free);
        assert!(!free.stdout.contains("in the way"), "{}", free.shown());
        assert!(followed.status.success(), "{offered:?}: {followed:?}");
        assert!(context.ws(&format!("web/{conf}")).exists(), "{offered:?}");
    }
}

#[test]
fn what_is_only_in_the_index_is_there_after_the_command_that_is_offered() {
    for is_taken_back in [false, true] {
        let context = if is_taken_back {
            taken_back(false, true)
        } else {
            let context = TestContext::new();
            context.remote("web");
            context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
            context.fitout(&["sync"]);
            context.push("web", "new.txt", "new\n");
            context
        };
        context.write("ws/web/README.md", "staged\n");
        context.git("ws/web", &["add", "README.md"]);
        context.write("ws/web/README.md", "changed again\n");

        let ran = context.fitout(&["sync"]);
        let followed = follow(&context, &ran);
        let after = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(followed.status.success(), "{followed:?}");
        assert_eq!(context.git("ws/web", &["show", ":README.md"]), "staged");
        assert_eq!(context.read("ws/web/README.md"), "changed again\n");
        assert!(after.stdout.contains("up to date"), "{}", after.shown());
    }
}

#[test]
fn a_stash_that_does_not_apply_is_said_to_be_in_conflict() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    context.write("ws/web/README.md", "mine\n");
    context.push("web", "README.md", "theirs\n");

    let behind = context.fitout(&["sync"]);
    let followed = follow(&context, &behind);
    let ran = context.fitout(&["sync"]);

    assert!(followed.status.success(), "{followed:?}");
    assert!(ran.stdout.contains("1 file in conflict"), "{}", ran.shown());
    assert!(
        ran.stderr.contains("hint: web: git -C web status"),
        "{}",
        ran.shown()
    );
    let stashed = context.git("ws/web", &["show", "stash@{0}:README.md"]);
    assert_eq!(stashed, "mine");
}

#[test]
fn commits_that_the_remote_never_had_are_for_pushing() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    context.commit("web", "own.txt", "own\n");
    let ran = context.fitout(&["sync"]);
    let followed = follow(&context, &ran);
    assert!(
        ran.stdout.contains("1 commit not pushed"),
        "{}",
        ran.shown()
    );
    assert!(followed.status.success(), "{followed:?}");
    assert_eq!(context.git("ws/web", &["log", "origin/main..HEAD"]), "");
}

#[test]
fn an_edit_that_git_was_told_not_to_look_at_is_named_with_what_shows_it() {
    for flag in ["skip-worktree", "assume-unchanged"] {
        let context = TestContext::new();
        context.remote("web");
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        context.fitout(&["sync"]);
        let set = format!("--{flag}");
        context.git("ws/web", &["update-index", &set, "README.md"]);
        context.write("ws/web/README.md", "mine\n");
        context.push("web", "README.md", "theirs\n");

        let ran = context.fitout(&["sync"]);

        let words = format!(
            "not updated: `README.md` has local changes, which git was told not to look at (`{flag}`)"
        );
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(ran.stdout.contains(&words), "{}", ran.shown());
        assert_eq!(context.read("ws/web/README.md"), "mine\n");
        let followed = follow(&context, &ran);
        assert!(followed.status.success(), "{followed:?}\n{}", ran.shown());
        let status = context.git("ws/web", &["status", "--short"]);
        assert_eq!(status, " M README.md", "{}", ran.shown());
    }
}

fn choose(context: &TestContext, backend: &str, url: &str) {
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    let personal = format!("[git]\nbackend = \"{backend}\"\n");
    context.write("ws/workspace.local.toml", &personal);
}

#[test]
fn what_a_server_says_before_it_gives_up_is_in_the_row() {
    let context = TestContext::new();
    context.remote("web");
    // It reads what it is to pack: else git fails to write that, and says nothing any more.
    let hook =
        "cat > /dev/null; echo 'archived on Monday: ask \\033platform@example.com' >&2; exit 1";
    context.write_program("home/hook", &format!("#!/bin/sh\n{hook}\n"));
    let path = context.path("home/hook").display().to_string();
    let set = ["config", "--global", "uploadpack.packObjectsHook", &path];
    context.git(".", &set);
    let url = format!("file://{}", context.path("remotes/web.git").display());
    for backend in ["built-in", "cli"] {
        choose(&context, backend, &url);
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        let words = "failed: archived on Monday: ask ";
        assert!(ran.stdout.contains(words), "{backend}: {}", ran.shown());
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.shown());
    }
}

#[test]
fn a_refusal_in_plain_text_is_in_the_row_and_a_page_is_not() {
    for (kind, is_said) in [("text/plain; charset=utf-8", true), ("text/html", false)] {
        let context = TestContext::new();
        context.remote("web");
        let text = "The acme organization has enforced single sign-on.\nSee https://sso.example\n";
        let answer = format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let server = HttpServer::start(
            &context.path("remotes"),
            Behaviour {
                says: Some(answer.leak()),
                ..Behaviour::default()
            },
        );
        for backend in ["built-in", "cli"] {
            choose(&context, backend, &format!("{}/web.git", server.base()));
            let ran = context.fitout(&["sync"]);
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            let words =
                "the server says: The acme organization has enforced single sign-on.; See https";
            assert_eq!(
                ran.stdout.contains(words),
                is_said,
                "{backend}: {}",
                ran.shown()
            );
        }
    }
}

#[test]
fn a_tag_of_something_else_than_a_commit_is_said_to_be_one() {
    let context = TestContext::new();
    context.remote("web");
    context.git("work-web", &["tag", "-a", "-m", "t", "tree", "HEAD^{tree}"]);
    context.git("work-web", &["tag", "blob", "HEAD:README.md"]);
    context.git("work-web", &["push", "--quiet", "--tags"]);
    for name in ["tree", "blob"] {
        let manifest = format!("[repos.web]\nurl = \"../remotes/web.git\"\ntag = \"{name}\"\n");
        context.manifest(&manifest);
        let ran = context.fitout(&["sync"]);
        let words = format!("tag `{name}` is a {name}, not a commit");
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(ran.stdout.contains(&words), "{}", ran.shown());
        assert!(!context.ws("web").exists());
    }
}

#[test]
fn what_fsck_objects_finds_is_named() {
    let context = TestContext::new();
    context.remote("web");
    // A tree whose entry has a mode with a zero in front.
    let script = "cd ../remotes/web.git && b=$(git rev-parse main:README.md) && \
        t=$(printf '100644 x\\0%b' \"$(printf $b | sed 's/../\\\\x&/g')\" | \
        git hash-object -w -t tree --literally --stdin) && \
        r=$(printf '040000 d\\0%b' \"$(printf $t | sed 's/../\\\\x&/g')\" | \
        git hash-object -w -t tree --literally --stdin) && \
        git update-ref refs/heads/main $(git commit-tree -m x $r)";
    let mut command = context.command("bash");
    command.current_dir(context.ws("")).args(["-c", script]);
    let made = command.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    context.git(".", &["config", "--global", "transfer.fsckObjects", "true"]);
    let url = format!("file://{}", context.path("remotes/web.git").display());
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(
        ran.stdout.contains("(`fsckObjects`): object "),
        "{}",
        ran.shown()
    );
    assert!(ran.stdout.contains("zeroPaddedFilemode"), "{}", ran.shown());
}

#[test]
fn of_an_origin_with_two_urls_the_first_counts() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    let mirror = "https://mirror.example/web.git";
    context.git("ws/web", &["remote", "set-url", "--add", "origin", mirror]);
    context.push("web", "new.txt", "new\n");

    let ran = context.fitout(&["sync"]);
    let first = context.git("ws/web", &["remote", "get-url", "origin"]);
    let init = context.fitout(&["init", "--dry-run", "--force"]);
    context.remote("moved");
    context.manifest("[repos.web]\nurl = \"../remotes/moved.git\"\n");
    let set = context.fitout(&["sync", "--set-url"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/web/new.txt"), "new\n");
    assert!(!init.stdout.contains("mirror"), "{}", init.shown());
    assert!(!set.shown().contains("multivar"), "{}", set.shown());
    let all = context.git("ws/web", &["config", "--get-all", "remote.origin.url"]);
    let all: Vec<&str> = all.lines().collect();
    assert!(all[0].ends_with("remotes/moved.git"), "{first} {all:?}");
    assert_eq!(all[1..], [mirror]);
}

#[test]
fn foreach_runs_in_a_clone_that_only_git_can_read() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    context.git("ws/web", &["config", "core.splitIndex", "true"]);
    context.git("ws/web", &["update-index", "--split-index"]);
    let ran = context.fitout(&["foreach", "git", "ls-files"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(ran.stdout.contains("README.md"), "{}", ran.shown());
}
