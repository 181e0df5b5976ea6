//! What git does is what fitout does: tables of settings, variables, news and moves in the modules below, each
//! with two clones for a row; and here what fitout says where it does not do it, and what the tables can't say.

mod at_clone;
mod comparison;
mod described;
mod moves;
mod news;
mod row;
mod settings;
mod variables;

use std::fs;
use std::path::Path;

use self::comparison::run;
use crate::context::TestContext;

/// Two commits on `main`, `topic` with one more, and two tags.
const REMOTE: &str = "
    git switch -q -c topic && echo t >t && git add t && git commit -qm topic
    git switch -q main && git tag -a -m one v1 main~1 && git tag light
    git push -q origin topic v1 light";

const COMMIT: &str =
    "echo new >new && git add new && git commit -qm new && git push -q origin main";

fn with_remote(settings: &str) -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    run(&context, "work-web", REMOTE);
    context.write("home/.gitconfig", settings);
    context
}

fn absolute(context: &TestContext, relative: &str) -> String {
    context.path(relative).display().to_string()
}

#[test]
fn what_is_in_the_way_of_a_new_branch_is_named_with_the_command_that_removes_it() {
    let context = with_remote("");
    let url = context.path("remotes/web.git").display().to_string();
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    run(&context, "work-web", "git push -q origin main:release");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    run(
        &context,
        "work-web",
        "git push -q origin :release; git push -q origin main:release/1.0",
    );
    run(&context, "work-web", COMMIT);

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    ran.assert_says("`release/1.0` not fetched: `release` is in its way");
    ran.assert_says("1 new commit");
    let command = "git -C web remote prune origin";
    ran.assert_says(command);
    run(&context, "ws", command);
    let ran = context.fitout(&["sync"]);
    assert!(!ran.stderr.contains("in its way"), "{}", ran.shown());
    context.git("ws/web", &["rev-parse", "origin/release/1.0"]);
    context.git("ws/web", &["gc", "--quiet"]);
}

#[test]
fn a_tag_of_the_manifest_that_was_moved_is_reported_until_it_is_fetched() {
    let context = with_remote("");
    let url = context.path("remotes/web.git").display().to_string();
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\ntag = \"light\"\n"));
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    run(&context, "work-web", COMMIT);
    run(
        &context,
        "work-web",
        "git tag -f light && git push -qf origin light",
    );

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    ran.assert_says("held back");
    ran.assert_says("tag `light` was moved: ");
    let here = context.git("ws/web", &["rev-parse", "--short=9", "light"]);
    let command = format!(
        "git -C web branch --force rescue-{here} {here} && git -C web fetch origin +refs/tags/light:refs/tags/light"
    );
    ran.assert_says(&command);
    run(&context, "ws", &command);
    // Nothing but the tag may have led to it.
    context.git(
        "ws/web",
        &[
            "merge-base",
            "--is-ancestor",
            &here,
            &format!("rescue-{here}"),
        ],
    );
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    assert_eq!(
        context.git("ws/web", &["rev-parse", "HEAD"]),
        context.git("work-web", &["rev-parse", "main"])
    );
}

#[test]
fn a_clone_that_keeps_no_branch_of_its_remote_says_so() {
    for (case, spec) in [("none", ""), ("elsewhere", "+refs/heads/*:refs/upstream/*")] {
        let context = with_remote("");
        let url = format!("file://{}", context.path("remotes/web.git").display());
        for branch in ["", "branch = \"main\"\n"] {
            context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n{branch}"));
            let _ = fs::remove_dir_all(context.path("ws/web"));
            let _ = fs::remove_dir_all(context.path("bare"));
            context.git(".", &["clone", "--quiet", "--bare", &url, "bare"]);
            let place = absolute(&context, "ws/web");
            context.git("bare", &["worktree", "add", "--quiet", &place, "main"]);
            if !spec.is_empty() {
                context.git("bare", &["config", "remote.origin.fetch", spec]);
            }

            let ran = context.fitout(&["sync"]);

            assert_eq!(ran.code, Some(1), "{case}: {}", ran.shown());
            ran.assert_says("the clone follows no branch of `origin`");
            let command =
                "git -C web config --add remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'";
            ran.assert_says(command);
            run(&context, "ws", command);
            let ran = context.fitout(&["sync"]);
            assert_eq!(ran.code, Some(0), "{case}: {}", ran.shown());
        }
    }
}

#[test]
fn a_branch_that_a_clone_of_one_branch_does_not_follow_is_fetched_each_time() {
    let context = with_remote("");
    let url = format!("file://{}", context.path("remotes/web.git").display());
    context.manifest(&format!(
        "[repos.web]\nurl = \"{url}\"\nbranch = \"topic\"\n"
    ));
    let clone = ["clone", "--quiet", "--single-branch", &url, "ws/web"];
    context.git(".", &clone);
    assert_eq!(context.fitout(&["sync", "--switch"]).code, Some(0));
    run(
        &context,
        "work-web",
        "git switch -q topic; echo n >n; git add n; git commit -qm n; git push -q origin topic",
    );

    let ran = context.fitout(&["sync", "--switch"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(
        context.git("ws/web", &["rev-parse", "HEAD"]),
        context.git("work-web", &["rev-parse", "topic"])
    );
}

#[test]
fn a_fetch_without_news_writes_nothing() {
    let context = with_remote("");
    let url = format!("file://{}", context.path("remotes/web.git").display());
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    context.git("ws/web", &["pack-refs", "--all"]);
    context.write("stamp", "");

    assert_eq!(context.fitout(&["sync"]).code, Some(0));

    let written = context
        .command("find")
        .args([".git", "-newer"])
        .arg(context.path("stamp"))
        .current_dir(context.path("ws/web"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&written.stdout), "");
}

#[test]
fn what_a_check_of_objects_refuses_is_not_cloned() {
    let context = with_remote("[transfer]\nfsckObjects = true");
    // A tree with a mode that git has long since stopped to write.
    run(
        &context,
        "remotes/web.git",
        r#"
        entry() { printf "$1 $2\0"; printf "$(printf %s "$3" | sed 's/../\\x&/g')"; }
        entry 100644 x "$(git rev-parse main:README.md)" >tree
        inner=$(git hash-object -w -t tree --literally tree)
        entry 040000 d "$inner" >tree
        outer=$(git hash-object -w -t tree --literally tree); rm tree
        git update-ref refs/heads/main $(git commit-tree -m odd $outer)"#,
    );
    let url = format!("file://{}", context.path("remotes/web.git").display());
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(!context.path("ws/web").exists());
}

#[test]
fn many_syncs_do_not_pile_up_packs() {
    let context = with_remote("[gc]\nautoPackLimit = 3\nautoDetach = false\n");
    let url = format!("file://{}", context.path("remotes/web.git").display());
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    for number in 0..5 {
        context.push("web", "new.txt", &format!("{number}\n"));
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }

    crate::context::eventually("one pack", || {
        let names = context.names("ws/web/.git/objects/pack");
        let packs = names
            .iter()
            .filter(|it| Path::new(it).extension() == Some("pack".as_ref()));
        (packs.count() <= 3).then_some(())
    });
    context.git("ws/web", &["fsck", "--no-progress"]);
}

#[test]
fn what_is_included_for_a_clones_own_place_holds_while_it_is_made() {
    for settings in ["", "[transfer]\nfsckObjects = true\n"] {
        let context = with_remote("");
        let place = absolute(&context, "ws/web");
        let included = absolute(&context, "included");
        context.write(
            "home/.gitconfig",
            &format!("{settings}[includeIf \"gitdir:{place}/\"]\npath = {included}\n"),
        );
        let remotes = absolute(&context, "remotes");
        context.write(
            "included",
            &format!("[url \"file://{remotes}/\"]\ninsteadOf = work:\n[user]\nname = There\n"),
        );
        context.manifest("[repos.web]\nurl = \"work:web.git\"\n");

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert_eq!(
            context.git("ws/web", &["config", "--local", "remote.origin.url"]),
            "work:web.git"
        );
        let again = context.fitout(&["sync"]);
        assert_eq!(again.code, Some(0), "{}", again.shown());
    }
}
