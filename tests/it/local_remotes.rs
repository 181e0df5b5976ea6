//! Remotes of this machine: what git takes for one is one, also a bundle, and whom it does not trust is said.

use std::fs;

use crate::context::{Ran, TestContext};

/// `work-web`, which pushes to `remotes/web.git`, at its new commit.
fn new_commit(context: &TestContext, text: &str) {
    context.push("web", "src/main.txt", text);
}

#[track_caller]
fn assert_synced(context: &TestContext, ran: &Ran, said: &str, url: &str) {
    let shown = format!("{url}: {}", ran.shown());
    assert_eq!(ran.code, Some(0), "{shown}");
    assert!(ran.stdout.contains(said), "{shown}");
    let here = context.git("ws/web", &["rev-parse", "HEAD"]);
    assert_eq!(
        here,
        context.git("work-web", &["rev-parse", "HEAD"]),
        "{shown}"
    );
    assert_eq!(
        context.git("ws/web", &["status", "--porcelain"]),
        "",
        "{shown}"
    );
}

#[test]
fn a_remote_is_found_as_git_finds_it() {
    let context = TestContext::new();
    context.remote("web");
    fs::create_dir(context.path("a folder")).unwrap();
    let space = context.path("a folder/web.git");
    std::os::unix::fs::symlink(context.path("remotes/web.git"), space).unwrap();
    let at = |path: &str| context.path(path).display().to_string();
    let urls = [
        at("remotes/web"),
        at("remotes/web.git"),
        at("remotes/web.git/"),
        format!("file://{}", at("remotes/web")),
        at("a folder/web"),
        at("work-web"),
        at("work-web/.git"),
    ];
    for url in &urls {
        context.git(".", &["clone", "--quiet", url, "by-git"]);
        let stored = context.git("by-git", &["config", "remote.origin.url"]);
        context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
        assert_synced(&context, &context.fitout(&["sync"]), "cloned", url);
        assert_eq!(
            context.git("ws/web", &["config", "remote.origin.url"]),
            stored
        );
        new_commit(&context, url);
        assert_synced(&context, &context.fitout(&["sync"]), "1 new commit", url);
        assert_synced(&context, &context.fitout(&["sync"]), "up to date", url);
        for clone in ["by-git", "ws/web"] {
            fs::remove_dir_all(context.path(clone)).unwrap();
        }
    }
    for base in [
        at("remotes/"),
        at("remotes"),
        format!("file://{}/", at("remotes")),
    ] {
        context.manifest(&format!("[git]\nbase_url = \"{base}\"\n[repos.web]\n"));
        assert_synced(&context, &context.fitout(&["sync"]), "cloned", &base);
        assert_synced(&context, &context.fitout(&["sync"]), "up to date", &base);
        fs::remove_dir_all(context.ws("web")).unwrap();
    }
    context.manifest("[repos.web]\nurl = \"../remotes/none\"\n");
    let none = context.fitout(&["sync"]);
    assert!(
        none.stdout.contains("no git repository at"),
        "{}",
        none.shown()
    );
}

#[test]
fn a_bundle_is_cloned_and_what_it_has_later_is_fetched() {
    let context = TestContext::new();
    context.remote("web");
    let bundle = context.path("web.bundle").display().to_string();
    let create = ["bundle", "create", "--quiet", &bundle, "main", "HEAD"];
    context.git("work-web", &create);
    context.manifest(&format!("[repos.web]\nurl = \"{bundle}\"\n"));
    assert_synced(&context, &context.fitout(&["sync"]), "cloned", &bundle);
    new_commit(&context, "new\n");
    context.git("work-web", &create);
    assert_synced(
        &context,
        &context.fitout(&["sync"]),
        "1 new commit",
        &bundle,
    );
    assert_synced(&context, &context.fitout(&["sync"]), "up to date", &bundle);
    let locked = context.fitout(&["lock"]);
    assert_eq!(locked.code, Some(0), "{}", locked.shown());
}

/// `GIT_TEST_ASSUME_DIFFERENT_OWNER` has git take every repository for another user's.
#[test]
fn a_remote_of_another_user_is_said_with_the_command_that_trusts_it() {
    let context = TestContext::new();
    context.remote("web");
    let url = context.path("remotes/web.git").display().to_string();
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    let sync = || {
        let mut command = context.fitout_command(&["sync"]);
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        context.ran(&command.output().unwrap())
    };

    let refused = sync();

    let reason = "`[TMP]/remotes/web.git` belongs to another user of this machine";
    assert!(refused.stdout.contains(reason), "{}", refused.shown());
    refused.assert_says("git config --global --add safe.directory [TMP]/remotes/web.git");
    let trust = ["config", "--global", "--add", "safe.directory", &url];
    context.git("ws", &trust);
    assert_synced(&context, &sync(), "cloned", &url);
}

#[test]
#[ignore = "needs root"]
fn a_clone_of_another_user_is_read_where_git_was_told_to_trust_it() {
    let context = TestContext::new();
    context.remote("web");
    let url = context.path("remotes/web.git").display().to_string();
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    context.fitout(&["sync"]);
    let mut chown = context.command("chown");
    chown.args(["--recursive", "65534", "web"]);
    assert!(chown.status().unwrap().success());
    let with = |directory: Option<&str>, arguments: &[&str]| {
        let mut command = context.fitout_command(arguments);
        if let Some(directory) = directory {
            command.env("GIT_CONFIG_COUNT", "1");
            command.env("GIT_CONFIG_KEY_0", "safe.directory");
            command.env("GIT_CONFIG_VALUE_0", directory);
        }
        context.ran(&command.output().unwrap())
    };
    let clone = context.ws("web").display().to_string();

    let refused = with(None, &["sync"]);

    let reason = "the clone belongs to another user of this machine";
    assert!(refused.stdout.contains(reason), "{}", refused.shown());
    refused.assert_says("git -C web config --global --add safe.directory [TMP]/ws/web");
    let doctor = with(None, &["doctor"]);
    assert!(
        doctor.stdout.contains("safe.directory"),
        "{}",
        doctor.shown()
    );
    let pattern = context.ws("*").display().to_string();
    for directory in [clone.as_str(), &pattern, "*"] {
        let ran = with(Some(directory), &["sync"]);
        assert_eq!(ran.code, Some(0), "{directory}: {}", ran.shown());
        new_commit(&context, directory);
        let ran = with(Some(directory), &["sync"]);
        assert!(
            ran.stdout.contains("1 new commit"),
            "{directory}: {}",
            ran.shown()
        );
        let ran = with(Some(directory), &["status"]);
        assert!(ran.stdout.contains("main"), "{directory}: {}", ran.shown());
    }
    context.git("ws", &["config", "--global", "safe.directory", &pattern]);
    let ran = with(None, &["sync"]);
    assert!(ran.stdout.contains("up to date"), "{}", ran.shown());
}
