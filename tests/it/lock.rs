//! `fitout lock` and `fitout sync --locked`: a workspace at exactly the commits of a file.

use crate::context::TestContext;

fn workspace() -> TestContext {
    let context = TestContext::new();
    for name in ["api", "web"] {
        context.remote(name);
    }
    context.manifest(
        "[repos.api]\nurl = \"../remotes/api.git\"\n[repos.web]\nurl = \"../remotes/web.git\"\n",
    );
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context
}

#[test]
fn a_locked_workspace_is_the_same_on_another_day_and_machine() {
    let context = workspace();
    let locked = context.fitout(&["lock"]);
    let commit = context.git("ws/api", &["rev-parse", "HEAD"]);
    let in_step = context.fitout(&["lock", "--check"]);
    context.push("api", "new.txt", "new\n");
    context.fitout(&["sync"]);
    let behind = [
        context.fitout(&["lock", "--check"]),
        context.fitout(&["sync", "--locked", "--check"]),
    ];
    std::fs::remove_dir_all(context.ws("web")).unwrap();

    let ran = context.fitout(&["sync", "--locked"]);

    assert_eq!([locked.code, in_step.code], [Some(0), Some(0)]);
    assert_eq!(behind.each_ref().map(|ran| ran.code), [Some(1), Some(1)]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.git("ws/api", &["rev-parse", "HEAD"]), commit);
    assert!(context.ws("web/README.md").exists());
    let checked = context.fitout(&["sync", "--locked", "--check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.shown());
}

#[test]
fn a_commit_that_nobody_else_can_get_is_not_locked() {
    let context = workspace();
    context.commit("web", "own.txt", "own\n");
    let ran = context.fitout(&["lock"]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("is not on `origin`");
    ran.assert_says("hint: git -C web push origin HEAD");
    assert!(!context.ws("workspace.lock").exists());
}

#[test]
fn a_lock_that_is_missing_or_short_of_a_repo_is_an_error_that_says_what_to_run() {
    let context = workspace();
    let missing = context.fitout(&["sync", "--locked"]);
    context.write("ws/workspace.lock", "version = 1\n[repos]\n");
    let short = context.fitout(&["sync", "--locked"]);
    context.write(
        "ws/workspace.lock",
        "version = 1\n[repos]\napi = \"main\"\n",
    );
    let wrong = context.fitout(&["sync", "--locked"]);
    for (ran, said) in [
        (missing, "there is no `workspace.lock`"),
        (short, "`workspace.lock` has no commit for `api`"),
        (
            wrong,
            "`main`, the commit of `api`, is not a full commit id",
        ),
    ] {
        assert_eq!(ran.code, Some(2), "{}", ran.shown());
        ran.assert_says(said);
        ran.assert_says("hint: ");
    }
}

#[test]
fn what_the_remote_does_not_have_now_is_not_locked_whatever_ref_holds_it_here() {
    let holders: [(&str, &[&[&str]]); 3] = [
        ("a tag", &[&["tag", "mine"]]),
        (
            "a fork",
            &[
                &["init", "--quiet", "--bare", "../../fork.git"],
                &["remote", "add", "fork", "../../fork.git"],
                &["push", "--quiet", "fork", "HEAD:main"],
            ],
        ),
        (
            "a branch that is gone",
            &[
                &["push", "--quiet", "origin", "HEAD:topic"],
                &["--git-dir=../../remotes/web.git", "branch", "-D", "topic"],
            ],
        ),
    ];
    for (holder, commands) in holders {
        for backend in ["built-in", "cli"] {
            let context = workspace();
            context.write(
                "ws/workspace.local.toml",
                &format!("[git]\nbackend = \"{backend}\"\n"),
            );
            context.commit("web", "own.txt", "own\n");
            for command in commands {
                context.git("ws/web", command);
            }

            let ran = context.fitout(&["lock"]);

            assert_eq!(ran.code, Some(1), "{holder}: {}", ran.shown());
            ran.assert_says(" is not on `origin`");
            assert!(!context.ws("workspace.lock").exists());
        }
    }
}

#[test]
fn what_others_built_upon_is_locked_and_what_they_removed_is_not() {
    let context = workspace();
    context.push("web", "later.txt", "later\n");
    let ahead = context.fitout(&["lock"]);
    assert_eq!(ahead.code, Some(0), "{}", ahead.shown());
    context.git("work-web", &["reset", "--quiet", "--hard", "HEAD~2"]);
    context.git(
        "work-web",
        &["commit", "--quiet", "--allow-empty", "-m", "Anew"],
    );
    context.git(
        "work-web",
        &["push", "--quiet", "--force", "origin", "HEAD"],
    );

    let ran = context.fitout(&["lock"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    ran.assert_says(" is not on `origin`");
}
