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
    ran.assert_says("is not pushed");
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
