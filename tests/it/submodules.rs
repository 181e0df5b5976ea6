//! What `fitout sync` does about submodules, with and without `submodules = true`.

use std::fs;

use crate::context::TestContext;

const ASKS: &str = "[repos.app]\nurl = \"../remotes/app.git\"\nsubmodules = true\n";
const DOES_NOT: &str = "[repos.app]\nurl = \"../remotes/app.git\"\n";

/// `app` has the submodule `lib`.
fn context(manifest: &str) -> TestContext {
    let context = TestContext::new();
    context.remote("lib");
    context.remote("app");
    let allow = ["config", "--global", "protocol.file.allow", "always"];
    context.git(".", &allow);
    let lib = context.path("remotes/lib.git").display().to_string();
    context.git("work-app", &["submodule", "--quiet", "add", &lib, "lib"]);
    context.push("app", "a.txt", "a\n");
    context.manifest(manifest);
    context
}

/// A new commit of `lib`, and one of `app` that follows it.
fn bump(context: &TestContext, name: &str) {
    context.push("lib", name, "new\n");

    context.git("work-app/lib", &["pull", "--quiet", "origin", "main"]);
    context.push("app", &format!("follows-{name}"), "new\n");
}

fn status(context: &TestContext) -> String {
    context.git("ws/app", &["status", "--short"])
}

#[test]
fn one_whose_server_was_away_is_named_and_comes_with_the_next_sync() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    bump(&context, "new.txt");
    let (lib, away) = (
        context.path("remotes/lib.git"),
        context.path("remotes/away.git"),
    );
    fs::rename(&lib, &away).unwrap();
    let failed = context.fitout(&["sync"]);
    fs::rename(&away, &lib).unwrap();

    let ran = context.fitout(&["sync"]);

    let words = "submodule `lib`: no git repository at [TMP]/remotes/lib.git";
    assert_eq!(failed.code, Some(1), "{}", failed.shown());
    assert!(failed.shown().contains(words), "{}", failed.shown());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/new.txt"), "new\n");
    assert_eq!(status(&context), "");
}

#[test]
fn one_that_has_moved_is_followed_and_a_url_of_the_users_own_stays() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    let mirror = context.path("remotes/mirror.git");
    let moved = context.path("remotes/moved.git");
    let (lib, mirrored) = (
        context.path("remotes/lib.git"),
        mirror.display().to_string(),
    );
    context.git("ws/app", &["config", "submodule.lib.url", &mirrored]);
    context.git("ws/app/lib", &["remote", "set-url", "origin", &mirrored]);
    bump(&context, "first.txt");
    fs::rename(&lib, &moved).unwrap();
    let moved = moved.display().to_string();
    context.git(".", &["clone", "--quiet", "--bare", &moved, &mirrored]);
    context.git(
        "work-app",
        &["submodule", "--quiet", "set-url", "lib", &moved],
    );
    context.push("app", "moved.txt", "new\n");

    let from_mirror = context.fitout(&["sync"]);
    let url = || context.git("ws/app", &["config", "submodule.lib.url"]);
    let with_mirror = (url(), status(&context));
    context.git("work-lib", &["remote", "set-url", "origin", &moved]);
    bump(&context, "second.txt");
    fs::remove_dir_all(&mirror).unwrap();
    let ran = context.fitout(&["sync"]);

    assert_eq!(from_mirror.code, Some(0), "{}", from_mirror.shown());
    assert_eq!(with_mirror, (mirrored, String::new()));
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(url(), moved);
    assert_eq!(context.read("ws/app/lib/second.txt"), "new\n");
    assert_eq!(status(&context), "");
}

#[test]
fn where_neither_url_serves_the_one_that_was_set_is_still_there() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app", &["config", "submodule.lib.url", "/no/mirror"]);
    let remote = ["remote", "set-url", "origin", "/no/mirror"];
    context.git("ws/app/lib", &remote);
    bump(&context, "new.txt");
    fs::rename(
        context.path("remotes/lib.git"),
        context.path("remotes/away.git"),
    )
    .unwrap();

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let url = context.git("ws/app", &["config", "submodule.lib.url"]);
    let inner = context.git("ws/app/lib", &["remote", "get-url", "origin"]);
    assert_eq!((url.as_str(), inner.as_str()), ("/no/mirror", "/no/mirror"));
}

#[test]
fn one_that_the_manifest_does_not_ask_for_is_named_and_holds_nothing_back() {
    let context = context(DOES_NOT);
    let app = context.path("remotes/app.git").display().to_string();
    let clone = ["clone", "--quiet", "--recurse-submodules", &app, "ws/app"];
    context.git(".", &clone);
    bump(&context, "new.txt");
    let followed = context.fitout(&["sync"]);
    context.push("app", "more.txt", "more\n");

    let ran = context.fitout(&["sync"]);
    let still = context.fitout(&["sync"]);

    for ran in [&followed, &ran, &still] {
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(
            ran.stdout.contains("submodule `lib`: at "),
            "{}",
            ran.shown()
        );
        ran.assert_says("git -C app submodule update --init --recursive lib");
    }
    assert_eq!(context.read("ws/app/more.txt"), "more\n");
    assert_eq!(status(&context), " M lib");
    context.git("ws/app", &["submodule", "--quiet", "update"]);
    let settled = context.fitout(&["sync"]);
    assert!(!settled.stdout.contains("lib"), "{}", settled.shown());
}

#[test]
fn a_change_in_one_holds_back_what_would_touch_it_and_nothing_else() {
    for manifest in [ASKS, DOES_NOT] {
        let context = context(ASKS);
        context.fitout(&["sync"]);
        context.manifest(manifest);
        context.write("ws/app/lib/README.md", "mine\n");
        context.push("app", "more.txt", "more\n");
        let beside = context.fitout(&["sync"]);
        assert_eq!(beside.code, Some(0), "{}", beside.shown());
        assert_eq!(context.read("ws/app/more.txt"), "more\n");
        bump(&context, "new.txt");

        let ran = context.fitout(&["sync"]);

        assert_eq!(context.read("ws/app/lib/README.md"), "mine\n");
        assert!(!context.ws("app/lib/new.txt").exists());
        if manifest == ASKS {
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            let words = "submodule `lib`: local changes, not at ";
            assert!(ran.stdout.contains(words), "{}", ran.shown());
            context.git("ws/app/lib", &["restore", "README.md"]);
            assert_eq!(context.fitout(&["sync"]).code, Some(0));
            assert!(context.ws("app/lib/new.txt").exists());
        }
    }
}

#[test]
fn a_branch_of_the_users_in_one_stays_checked_out() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app/lib", &["switch", "--quiet", "-c", "topic"]);
    context.commit("app/lib", "mine.txt", "mine\n");
    let before = context.fitout(&["sync"]);
    bump(&context, "new.txt");

    let ran = context.fitout(&["sync"]);

    for ran in [before, ran] {
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let words = "submodule `lib`: on `topic`, not at ";
        assert!(ran.stdout.contains(words), "{}", ran.shown());
    }
    assert_eq!(context.read("ws/app/lib/mine.txt"), "mine\n");
    let hint = ["submodule", "update", "--init", "--recursive", "lib"];
    context.git("ws/app", &hint);
    let settled = context.fitout(&["sync"]);
    assert!(!settled.stdout.contains("lib"), "{}", settled.shown());
    assert_eq!(status(&context), "");
}

#[test]
fn one_that_only_a_filter_makes_differ_is_not_changed() {
    let context = context(ASKS);
    for (key, program) in [("clean", "tr a-z A-Z"), ("smudge", "tr A-Z a-z")] {
        let key = format!("filter.event.{key}");
        context.git(".", &["config", "--global", &key, program]);
    }
    context.push("lib", ".gitattributes", "*.event filter=event\n");
    bump(&context, "a.event");
    context.fitout(&["sync"]);
    bump(&context, "b.txt");
    // The entry of the index no longer says that it is the same.
    context.write("ws/app/lib/a.event", "new\n");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/b.txt"), "new\n");
}

#[test]
fn a_broken_one_hides_no_update() {
    for (manifest, code) in [(ASKS, Some(1)), (DOES_NOT, Some(0))] {
        let context = context(ASKS);
        context.fitout(&["sync"]);
        context.manifest(manifest);
        context.write("ws/app/lib/.git", "gitdir: ../.git/modules/gone\n");
        context.push("app", "more.txt", "more\n");

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, code, "{}", ran.shown());
        assert_eq!(context.read("ws/app/more.txt"), "more\n");
        assert!(ran.stdout.contains("1 new commit; "), "{}", ran.shown());
    }
}

#[test]
fn one_in_the_middle_of_a_rebase_is_left_there() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app/lib", &["switch", "--quiet", "-c", "topic"]);
    context.commit("app/lib", "mine.txt", "mine\n");
    let stop = ["rebase", "--quiet", "--exec", "false", "HEAD~1"];
    let mut command = context.command("git");
    command.current_dir(context.ws("app/lib")).args(stop);
    assert!(!command.output().unwrap().status.success());
    let head = context.git("ws/app/lib", &["rev-parse", "HEAD"]);
    bump(&context, "new.txt");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let words = "submodule `lib`: a rebase is in progress";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert_eq!(context.git("ws/app/lib", &["rev-parse", "HEAD"]), head);
}
