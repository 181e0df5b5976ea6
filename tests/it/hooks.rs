//! The user's hooks: `post-checkout` and `post-merge` run where git would run them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::context::{Ran, TestContext, exists};

/// What a hook was given, and what it finds where it runs.
const NOTES_DOWN: &str = "#!/bin/sh\n\
    { echo \"$(basename \"$0\") $*\"; pwd; echo \"$GIT_DIR\"; git rev-parse HEAD; \
    git status --short --branch; } >> \"$HOME/ran\"\n";

/// The user's template with a `post-checkout` hook, and the repo `web`.
fn with_template(context: &TestContext, script: &str) {
    context.remote("web");
    context.write_program("home/template/hooks/post-checkout", script);
    config(context, "init.templateDir", "~/template");
    web(context, "");
}

fn config(context: &TestContext, key: &str, value: &str) {
    context.git(".", &["config", "--global", key, value]);
}

fn web(context: &TestContext, line: &str) {
    context.manifest(&format!(
        "[repos.web]\nurl = \"../remotes/web.git\"\n{line}\n"
    ));
}

/// What the hooks wrote since the last time, with the clone's own folder as `CLONE`.
fn ran(context: &TestContext, clone: &str) -> String {
    let file = context.path("home/ran");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(file);
    text.replace(&context.path(clone).display().to_string(), "CLONE")
}

#[track_caller]
fn synced(context: &TestContext, arguments: &[&str]) -> Ran {
    let ran = context.fitout(&[&["sync"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    ran
}

#[test]
fn a_clone_runs_the_users_hook_as_git_clone_does() {
    let context = TestContext::new();
    with_template(&context, NOTES_DOWN);
    context.git("work-web", &["tag", "v1", "HEAD~1"]);
    context.git("work-web", &["push", "--quiet", "origin", "v1"]);
    let remote = context.path("remotes/web.git").display().to_string();
    let compare = |line: &str, arguments: &[&str]| {
        web(&context, line);
        synced(&context, &[]);
        let ours = ran(&context, "ws/web");
        let clone = ["clone", "--quiet", "-c", "advice.detachedHead=false"];
        context.git(".", &[&clone[..], arguments, &[&remote, "by-git"]].concat());
        let theirs = ran(&context, "by-git");
        assert!(theirs.starts_with("post-checkout 0000"), "{theirs}");
        assert_eq!(ours, theirs, "{line}");
        fs::remove_dir_all(context.path("by-git")).unwrap();
        fs::remove_dir_all(context.ws("web")).unwrap();
    };
    compare("", &[]);
    compare("tag = \"v1\"", &["--branch", "v1"]);
    // Another folder, and a script that says nothing of what runs it.
    config(&context, "init.templateDir", "");
    let plain = NOTES_DOWN.replace("#!/bin/sh\n", "");
    context.write_program("home/hooks/post-checkout", &plain);
    config(&context, "core.hooksPath", "~/hooks");
    compare("", &[]);
}

#[test]
fn no_hook_runs_where_git_clone_runs_none() {
    let context = TestContext::new();
    with_template(&context, NOTES_DOWN);
    fs::create_dir(context.path("remotes/empty.git")).unwrap();
    context.git("remotes/empty.git", &["init", "--quiet", "--bare"]);
    context.manifest("[repos.empty]\nurl = \"../remotes/empty.git\"\n");
    synced(&context, &[]);
    assert_eq!(ran(&context, "ws/empty"), "");
    let hook = context.path("home/template/hooks/post-checkout");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o644)).unwrap();
    web(&context, "");
    synced(&context, &[]);
    assert_eq!(ran(&context, "ws/web"), "");
}

#[test]
fn a_hook_that_fails_undoes_no_clone_and_is_told_of() {
    let context = TestContext::new();
    let fails = "#!/bin/sh\necho to stdout\necho no npm here >&2\nexit 3\n";
    let note = "its `post-checkout` hook failed: no npm here";
    with_template(&context, fails);
    for backend in ["built-in", "cli"] {
        let personal = format!("[git]\nbackend = \"{backend}\"\n");
        context.write("ws/workspace.local.toml", &personal);
        let ran = synced(&context, &[]);
        let row = format!("cloned  {note}");
        assert!(ran.stdout.contains(&row), "{}", ran.shown());
        assert_eq!(context.git("ws/web", &["status", "--short"]), "");
        fs::remove_dir_all(context.ws("web")).unwrap();
    }
    context.write_program("home/template/hooks/post-checkout", "#!/nowhere\n");
    let ran = synced(&context, &[]);
    assert!(
        ran.stdout.contains("post-checkout: not found"),
        "{}",
        ran.shown()
    );
}

#[test]
fn a_hook_that_comes_from_the_remote_is_not_run_in_a_clone() {
    let context = TestContext::new();
    context.remote("web");
    context.write_program("work-web/.githooks/post-checkout", NOTES_DOWN);
    context.push("web", "README.md", "hooks\n");
    config(&context, "core.hooksPath", ".githooks");
    web(&context, "");
    let told = synced(&context, &[]);
    assert_eq!(ran(&context, "ws/web"), "");
    let note = "`.githooks/post-checkout` was not run: it comes from the remote";
    assert!(told.stdout.contains(note), "{}", told.shown());
}

#[test]
fn an_update_and_a_switch_run_the_hooks_that_git_runs() {
    let context = TestContext::new();
    with_template(&context, NOTES_DOWN);
    context.write_program("home/template/hooks/post-merge", NOTES_DOWN);
    synced(&context, &[]);
    let remote = context.path("remotes/web.git").display().to_string();
    context.git(".", &["clone", "--quiet", &remote, "by-git"]);
    fs::remove_file(context.path("home/ran")).unwrap();

    context.push("web", "README.md", "new\n");
    synced(&context, &[]);
    let ours = ran(&context, "ws/web");
    context.git("by-git", &["pull", "--quiet", "--ff-only"]);
    assert_eq!(ours, ran(&context, "by-git"));
    assert!(ours.starts_with("post-merge 0\n"), "{ours}");

    for clone in ["ws/web", "by-git"] {
        context.git(clone, &["switch", "--quiet", "-c", "topic", "HEAD~1"]);
        ran(&context, clone);
    }
    synced(&context, &["--switch"]);
    let ours = ran(&context, "ws/web");
    context.git("by-git", &["switch", "--quiet", "main"]);
    assert_eq!(ours, ran(&context, "by-git"));
    assert!(ours.starts_with("post-checkout "), "{ours}");
}

#[test]
fn a_hook_that_fails_after_a_switch_is_told_of() {
    let context = TestContext::new();
    with_template(&context, "#!/bin/sh\n");
    synced(&context, &[]);
    let fails = "#!/bin/sh\necho no npm here >&2\nexit 3\n";
    context.write_program("ws/web/.git/hooks/post-checkout", fails);
    let first = context.git("ws/web", &["rev-parse", "HEAD~1"]);
    let no_hooks = ["-c", "core.hooksPath=/dev/null", "switch", "--quiet", "-c"];
    context.git("ws/web", &[&no_hooks[..], &["topic"]].concat());
    let note = "its `post-checkout` hook failed: no npm here";

    let switched = synced(&context, &["--switch"]);
    assert!(switched.stdout.contains(note), "{}", switched.shown());
    assert_eq!(context.git("ws/web", &["branch", "--show-current"]), "main");

    web(&context, &format!("rev = \"{first}\""));
    let detached = synced(&context, &["--switch"]);
    assert!(detached.stdout.contains(note), "{}", detached.shown());
    assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), first);
    assert!(!exists(context.path("home/ran")));
}

#[test]
fn a_hook_that_comes_from_the_remote_is_not_run_by_an_update_or_a_switch_either() {
    // The second is left to the user's git.
    for attributes in ["", "a.txt ident\n"] {
        let context = TestContext::new();
        context.remote("web");
        for name in ["post-checkout", "post-merge", "reference-transaction"] {
            context.write_program(&format!("work-web/.githooks/{name}"), NOTES_DOWN);
        }
        context.push("web", ".gitattributes", attributes);
        config(&context, "core.hooksPath", ".githooks");
        web(&context, "");
        synced(&context, &[]);
        // The helper's own pushes run hooks too.
        config(&context, "core.hooksPath", "/dev/null");
        context.push("web", "README.md", "new\n");
        config(&context, "core.hooksPath", ".githooks");
        ran(&context, "ws/web");

        let updated = synced(&context, &[]);
        assert_eq!(ran(&context, "ws/web"), "");
        let note = "`.githooks/post-merge` was not run: it comes from the remote";
        assert!(updated.stdout.contains(note), "{}", updated.shown());

        let aside = ["-c", "core.hooksPath=/dev/null", "switch", "--quiet", "-c"];
        context.git("ws/web", &[&aside[..], &["topic"]].concat());
        let switched = synced(&context, &["--switch"]);
        assert_eq!(ran(&context, "ws/web"), "");
        let note = "`.githooks/post-checkout` was not run: it comes from the remote";
        assert!(switched.stdout.contains(note), "{}", switched.shown());

        // The user's word on this clone, as `npm install` with husky writes it down.
        context.git("ws/web", &["config", "core.hooksPath", ".githooks"]);
        config(&context, "core.hooksPath", "/dev/null");
        context.push("web", "README.md", "newer\n");
        ran(&context, "ws/web");
        let trusted = synced(&context, &[]);
        let said = ran(&context, "ws/web");
        assert!(said.contains("post-merge 0\n"), "{said}{}", trusted.shown());
        assert!(!trusted.stdout.contains("not run"), "{}", trusted.shown());
    }
}

#[test]
fn what_a_hook_leaves_in_the_background_is_not_waited_for() {
    let context = TestContext::new();
    with_template(&context, "#!/bin/sh\n");
    synced(&context, &[]);
    let leaves = "#!/bin/sh\nsleep 600 &\necho $! > \"$HOME/left\"\n";
    context.write_program("ws/web/.git/hooks/post-merge", leaves);
    context.push("web", "README.md", "new\n");
    synced(&context, &[]);
    let left = context.read("home/left");
    // It is still there: nothing has waited for its end.
    context.git(
        ".",
        &["-c", &format!("alias.end=!kill {}", left.trim()), "end"],
    );
}

/// Its clone's own configuration says nothing of a submodule.
#[test]
fn a_hook_that_comes_with_a_submodule_is_not_run_whatever_its_clone_says() {
    let context = TestContext::new();
    context.remote("lib");
    context.remote("web");
    config(&context, "protocol.file.allow", "always");
    context.write_program("work-lib/.githooks/post-checkout", NOTES_DOWN);
    context.push("lib", "new.txt", "new\n");
    let lib = context.path("remotes/lib.git").display().to_string();
    context.git("work-web", &["submodule", "--quiet", "add", &lib, "lib"]);
    context.push("web", "new.txt", "new\n");
    web(&context, "submodules = true");
    synced(&context, &[]);
    context.push("lib", "more.txt", "more\n");
    let pull = ["pull", "--quiet", "origin", "main"];
    context.git("work-web/lib", &pull);
    context.push("web", "more.txt", "more\n");
    config(&context, "core.hooksPath", ".githooks");
    context.git("ws/web", &["config", "core.hooksPath", ".githooks"]);

    synced(&context, &[]);

    assert_eq!(context.read("ws/web/lib/more.txt"), "more\n");
    assert_eq!(ran(&context, "ws/web"), "");
}
