//! What git has kept of a submodule without files at its place, and what is there instead: an update takes the
//! one and writes over the other. And what a command that is offered would do in submodules of submodules.

use std::fs;

use super::{ASKS, add, bump, bump_in, context, nest, remotes, url};
use crate::context::{Ran, TestContext};

/// Runs the command after `hint: app: `.
fn follow(context: &TestContext, ran: &Ran) {
    let mut hints = ran.stderr.lines();
    let hint = hints.find_map(|line| line.strip_prefix("hint: app: "));
    let hint = hint.unwrap_or_else(|| panic!("{}", ran.shown()));
    let hint = hint.replace("[TMP]", &context.path("").display().to_string());
    let mut command = context.command("sh");
    command.current_dir(context.ws("")).args(["-c", &hint]);
    let followed = command.output().unwrap();
    assert!(followed.status.success(), "{hint}: {followed:?}");
}

/// A commit of the user's that only HEAD leads to.
fn commit_on_no_branch(context: &TestContext, folder: &str) -> String {
    context.git(folder, &["checkout", "--quiet", "--detach"]);
    let commit = ["commit", "--quiet", "--allow-empty", "-m", "Mine"];
    context.git(folder, &commit);
    context.git(folder, &["rev-parse", "HEAD"])
}

fn move_away(context: &TestContext, work: &str) {
    fs::create_dir_all(context.path(&format!("{work}/libs"))).unwrap();
    context.git(work, &["mv", "lib", "libs/lib"]);
}

#[test]
fn files_in_the_place_of_one_stay() {
    for nested in [false, true] {
        let context = context(ASKS);
        let (owner, place) = if nested {
            nest(&context);
            ("ws/app/mid", "mid/lib")
        } else {
            ("ws/app", "lib")
        };
        context.fitout(&["sync"]);
        let folder = format!("ws/app/{place}");
        context.git(owner, &["submodule", "--quiet", "deinit", "lib"]);
        context.write(&format!("{folder}/README.md"), "mine\n");

        let ran = context.fitout(&["sync"]);

        let words = format!("not updated: `{place}/README.md` is in the way: move it away");
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(ran.stdout.contains(&words), "{}", ran.shown());
        assert_eq!(context.read(&format!("{folder}/README.md")), "mine\n");
        fs::remove_file(context.path(&format!("{folder}/README.md"))).unwrap();
        let after = context.fitout(&["sync"]);
        assert_eq!(after.code, Some(0), "{}", after.shown());
        assert_eq!(context.read(&format!("{folder}/README.md")), "# lib\n");
    }
}

#[test]
fn work_in_one_that_gets_another_place_stays() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    let mine = commit_on_no_branch(&context, "ws/app/lib");
    context.write("ws/app/lib/staged.txt", "mine\n");
    context.git("ws/app/lib", &["add", "staged.txt"]);
    fs::remove_file(context.ws("app/lib/staged.txt")).unwrap();
    move_away(&context, "work-app");
    context.push("app", "more.txt", "more\n");

    let held = context.fitout(&["sync"]);
    follow(&context, &held);
    let staged = context.fitout(&["sync"]);
    let in_index = context.git("ws/app/lib", &["ls-files", "staged.txt"]);
    context.git("ws/app/lib", &["reset", "--quiet", "--hard"]);
    let settled = context.fitout(&["sync"]);

    let words = "not updated: submodule `lib`: at ";
    assert_eq!(held.code, Some(1), "{}", held.shown());
    assert!(held.stdout.contains(words), "{}", held.shown());
    let words = "submodule `lib`: uncommitted changes";
    assert_eq!(staged.code, Some(1), "{}", staged.shown());
    assert!(staged.stdout.contains(words), "{}", staged.shown());
    assert_eq!(in_index, "staged.txt");
    assert_eq!(settled.code, Some(0), "{}", settled.shown());
    assert_eq!(context.read("ws/app/libs/lib/README.md"), "# lib\n");
    assert_eq!(rescued(&context, "ws/app/libs/lib"), mine);
}

/// What the branches of a repository lead to that keep a commit.
fn rescued(context: &TestContext, place: &str) -> String {
    let format = "--format=%(objectname)";
    context.git(place, &["for-each-ref", format, "refs/heads/rescue-*"])
}

#[test]
fn a_commit_of_one_whose_folder_is_gone_stays() {
    for nested in [false, true] {
        let context = context(ASKS);
        let place = if nested {
            nest(&context);
            "ws/app/mid/lib"
        } else {
            "ws/app/lib"
        };
        context.fitout(&["sync"]);
        let mine = commit_on_no_branch(&context, place);
        let top = if nested { "ws/app/mid" } else { place };
        fs::remove_dir_all(context.path(top)).unwrap();

        let held = context.fitout(&["sync"]);
        follow(&context, &held);
        let settled = context.fitout(&["sync"]);

        assert_eq!(held.code, Some(1), "{}", held.shown());
        let words = "which no branch holds";
        assert!(held.stdout.contains(words), "{}", held.shown());
        assert_eq!(settled.code, Some(0), "{}", settled.shown());
        assert_eq!(rescued(&context, place), mine);
    }
}

#[test]
fn one_without_work_gets_another_place_and_comes_back_after_its_folder_went() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    fs::remove_dir_all(context.ws("app/lib")).unwrap();
    let back = context.fitout(&["sync"]);
    assert_eq!(back.code, Some(0), "{}", back.shown());
    assert_eq!(context.read("ws/app/lib/README.md"), "# lib\n");
    move_away(&context, "work-app");
    context.push("app", "more.txt", "more\n");

    let moved = context.fitout(&["sync"]);

    assert_eq!(moved.code, Some(0), "{}", moved.shown());
    assert_eq!(context.read("ws/app/libs/lib/README.md"), "# lib\n");
}

#[test]
fn no_update_is_offered_that_leaves_a_commit_in_one_below_behind() {
    let context = remotes();
    nest(&context);
    context.manifest(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app/mid", &["switch", "--quiet", "-c", "topic"]);
    commit_on_no_branch(&context, "ws/app/mid/lib");
    context.push("lib", "new.txt", "new\n");
    bump_in(&context, "work-mid");

    for fetched in [false, true] {
        if fetched {
            context.git("ws/app/mid", &["fetch", "--quiet"]);
        }
        let ran = context.fitout(&["sync"]);

        let words = "submodule `mid`: on `topic`, not at ";
        assert!(ran.stdout.contains(words), "{}", ran.shown());
        let why = "submodule `mid/lib`: at ";
        assert!(ran.stdout.contains(why), "{}", ran.shown());
        assert!(!ran.stderr.contains("hint"), "{}", ran.shown());
    }
}

#[test]
fn no_update_is_offered_that_may_bring_a_file_over_an_ignored_one() {
    let context = remotes();
    context.push("lib", ".gitignore", "*.env\n");
    add(&context, "app", &url(&context, "lib"), "lib");
    context.manifest(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app/lib", &["switch", "--quiet", "-c", "topic"]);
    bump(&context, "new.txt");
    let without = context.fitout(&["sync"]);
    context.write("ws/app/lib/local.env", "mine\n");

    let ran = context.fitout(&["sync"]);
    context.git("ws/app/lib", &["fetch", "--quiet"]);
    let fetched = context.fitout(&["sync"]);

    let update = "git -C app submodule update --init --recursive lib";
    without.assert_says(update);
    let words = "its commit is not fetched yet, and `lib` has untracked files: fetch in it first";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert!(!ran.stderr.contains("hint"), "{}", ran.shown());
    fetched.assert_says(update);
}
