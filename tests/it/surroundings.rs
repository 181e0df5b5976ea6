//! fitout is started by git, or with git's variables exported: it works on its own repos all the same, and
//! leaves the repository that it was started in alone.

use std::collections::BTreeMap;

use crate::context::{Ran, TestContext, files_of};

/// A services repo with one child repo that is not cloned yet, and something staged.
fn services_repo(backend: &str) -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    context.manifest(&format!(
        "[repos.web]\nurl = \"file://{}\"\n",
        context.path("remotes/web.git").display()
    ));
    context.write(
        "ws/workspace.local.toml",
        &format!("[git]\nbackend = \"{backend}\"\n"),
    );
    context.write("ws/.gitignore", "web/\n.env\nworkspace.local.toml\n");
    context.git("ws", &["init", "--quiet"]);
    context.git("ws", &["add", "--all"]);
    context.git("ws", &["commit", "--quiet", "-m", "Begin"]);
    context.write("ws/staged.txt", "keep\n");
    context.git("ws", &["add", "staged.txt"]);
    context
}

/// A hook that runs fitout and keeps what it says.
fn hook(context: &TestContext, name: &str, arguments: &str) {
    let fitout = assert_cmd::cargo::cargo_bin!("fitout").display();
    let script = format!("#!/bin/sh\n{fitout} {arguments} >> \"$HOME/said\" 2>&1\n");
    context.write_program(&format!("ws/.git/hooks/{name}"), &script);
}

#[track_caller]
fn assert_whole_clone(context: &TestContext, ran: &str) {
    assert_eq!(
        context.git("ws/web", &["rev-parse", "HEAD"]),
        context.git("work-web", &["rev-parse", "HEAD"]),
        "{ran}"
    );
    assert_eq!(context.git("ws/web", &["status", "--short"]), "", "{ran}");
    context.git("ws/web", &["fsck", "--strict"]);
}

#[test]
fn a_sync_in_a_commit_hook_leaves_the_commit_and_the_index_as_they_are() {
    for name in ["pre-commit", "prepare-commit-msg", "post-commit"] {
        for backend in ["built-in", "cli"] {
            let context = services_repo(backend);
            hook(&context, name, "sync");
            context.write("ws/.gitignore", "web/\nworkspace.local.toml\n");
            context.git("ws", &["commit", "--quiet", "-m", "Less", ".gitignore"]);
            let said = context.read("home/said");
            assert!(said.contains("1 cloned"), "{name}: {said}");
            assert_eq!(
                context.git("ws", &["ls-files"]),
                ".gitignore\nstaged.txt\nworkspace.toml",
                "{name} {backend}"
            );
            assert_eq!(context.git("ws", &["status", "--short"]), "A  staged.txt");
            assert_whole_clone(&context, &said);
            // The second one is a fetch, and moves a branch.
            context.push("web", "README.md", "new\n");
            context.git("ws", &["commit", "--quiet", "-m", "More"]);
            let said = context.read("home/said");
            assert_eq!(context.git("ws", &["status", "--short"]), "", "{said}");
            assert_whole_clone(&context, &said);
        }
    }
}

#[test]
fn a_command_of_foreach_in_a_hook_of_a_linked_work_tree_commits_to_its_own_repo() {
    let context = services_repo("built-in");
    context.git("ws", &["commit", "--quiet", "-m", "Staged"]);
    context.git("ws", &["worktree", "add", "--quiet", "../linked"]);
    let synced = context.fitout(&["-C", "../linked", "sync"]);
    assert_eq!(synced.code, Some(0), "{}", synced.shown());
    let head = context.git("linked", &["rev-parse", "HEAD"]);
    hook(
        &context,
        "post-checkout",
        "foreach 'git rev-parse --git-dir && git add --all && git commit --quiet -m Work'",
    );
    context.write("linked/web/README.md", "mine\n");
    context.git("linked", &["switch", "--quiet", "--create", "topic"]);
    let said = context.read("home/said");
    assert!(said.contains("\n.git\n"), "{said}");
    assert_eq!(context.git("linked", &["rev-parse", "HEAD"]), head);
    assert_eq!(context.git("linked", &["status", "--short"]), "");
    let subject = ["log", "-1", "--format=%s"];
    assert_eq!(context.git("linked/web", &subject), "Work");
}

#[test]
fn a_rebase_that_runs_sync_for_each_commit_ends_as_one_that_does_not() {
    let context = services_repo("built-in");
    context.git("ws", &["commit", "--quiet", "-m", "Staged"]);
    let tree = context.git("ws", &["rev-parse", "HEAD^{tree}"]);
    let fitout = assert_cmd::cargo::cargo_bin!("fitout")
        .display()
        .to_string();
    let exec = format!("{fitout} sync");
    let rebase = ["rebase", "--quiet", "--force-rebase", "--exec", &exec];
    context.git("ws", &[&rebase[..], &["--root"]].concat());
    assert_eq!(context.git("ws", &["rev-parse", "HEAD^{tree}"]), tree);
    assert_eq!(context.git("ws", &["status", "--short"]), "");
    assert_whole_clone(&context, "rebase");
}

/// Everything in the services repo's `.git`.
fn repository(context: &TestContext) -> BTreeMap<String, Vec<u8>> {
    files_of(&context.ws(".git"), |_| true)
}

#[test]
fn no_command_follows_variables_that_name_another_repository() {
    for backend in ["built-in", "cli"] {
        let context = services_repo(backend);
        let listed = context.git("ws", &["rev-parse", "--local-env-vars"]);
        let in_services_repo = |arguments: &[&str]| -> Ran {
            let mut command = context.fitout_command(arguments);
            for name in listed.lines().filter(|name| !name.contains("_CONFIG_")) {
                let place = match name {
                    "GIT_WORK_TREE" => "ws",
                    "GIT_OBJECT_DIRECTORY" => "ws/.git/objects",
                    "GIT_INDEX_FILE" => "ws/.git/index",
                    "GIT_DIR" | "GIT_COMMON_DIR" => "ws/.git",
                    _ => "nowhere",
                };
                command.env(name, context.path(place));
            }
            command.env("GIT_NAMESPACE", "theirs");
            command.env("GIT_QUARANTINE_PATH", context.ws(".git/objects"));
            context.ran(&command.output().unwrap())
        };
        let before = repository(&context);
        for arguments in [
            &["sync"][..],
            &["status"],
            &["lock"],
            &["foreach", "git commit --quiet --allow-empty -m Mine"],
            &["foreach", "git reset --quiet --hard HEAD~1"],
            &["generate"],
            &["copy", "../copied"],
            &["sync", "--locked"],
        ] {
            let ran = in_services_repo(arguments);
            assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.shown());
        }
        context.push("web", "README.md", "new\n");
        let ran = in_services_repo(&["sync"]);
        assert_whole_clone(&context, &ran.shown());
        assert!(repository(&context) == before, "{backend}");
    }
}

#[test]
fn settings_of_the_command_line_of_git_are_taken_along() {
    let context = services_repo("cli");
    let remotes = context.path("remotes").display().to_string();
    context.manifest("[repos.web]\nurl = \"work:web.git\"\n");
    let fitout = assert_cmd::cargo::cargo_bin!("fitout")
        .display()
        .to_string();
    let rewritten = format!("url.file://{remotes}/.insteadOf=work:");
    let alias = format!("alias.fit=!{fitout} sync");
    context.git("ws", &["-c", &rewritten, "-c", &alias, "fit"]);
    assert_whole_clone(&context, "git -c");
}
