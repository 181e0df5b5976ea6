//! What `fitout sync` does about submodules, with and without `submodules = true`.

mod kept;

use std::fs;

use crate::context::TestContext;

const ASKS: &str = "[repos.app]\nurl = \"../remotes/app.git\"\nsubmodules = true\n";
const DOES_NOT: &str = "[repos.app]\nurl = \"../remotes/app.git\"\n";

/// `app` has the submodule `lib`.
fn context(manifest: &str) -> TestContext {
    let context = remotes();
    add(&context, "app", &url(&context, "lib"), "lib");
    context.manifest(manifest);
    context
}

fn remotes() -> TestContext {
    let context = TestContext::new();
    context.remote("lib");
    context.remote("app");
    let allow = ["config", "--global", "protocol.file.allow", "always"];
    context.git(".", &allow);
    context
}

fn url(context: &TestContext, name: &str) -> String {
    let path = context.path(&format!("remotes/{name}.git"));
    path.display().to_string()
}

/// Adds a submodule to a repo.
fn add(context: &TestContext, repo: &str, url: &str, path: &str) {
    let add = ["submodule", "--quiet", "add", url, path];
    context.git(&format!("work-{repo}"), &add);
    context.push(repo, &format!("with-{path}.txt"), "new\n");
}

/// A new commit of `lib`, and one of `app` that follows it.
fn bump(context: &TestContext, name: &str) {
    context.push("lib", name, "new\n");

    context.git("work-app/lib", &["pull", "--quiet", "origin", "main"]);
    context.push("app", &format!("follows-{name}"), "new\n");
}

/// A new commit of the repo that `lib` is in, which has the newest one of it; and one of `app`, if that is another.
fn bump_in(context: &TestContext, work: &str) {
    let lib = format!("{work}/lib");
    context.git(&lib, &["pull", "--quiet", "origin", "main"]);
    let follow = |work: &str| {
        context.git(
            work,
            &[
                "commit",
                "--quiet",
                "--all",
                "--allow-empty",
                "-m",
                "Follow",
            ],
        );
        context.git(work, &["push", "--quiet", "origin", "HEAD"]);
    };
    follow(work);
    if work != "work-app" {
        context.git("work-app/mid", &["pull", "--quiet", "origin", "main"]);
        follow("work-app");
    }
}

/// `app` has the submodule `mid` too, which has `lib`.
fn nest(context: &TestContext) {
    context.remote("mid");
    add(context, "mid", &url(context, "lib"), "lib");
    add(context, "app", &url(context, "mid"), "mid");
}

fn status(context: &TestContext) -> String {
    context.git("ws/app", &["status", "--short"])
}

#[test]
fn they_are_cloned_with_their_repo_where_the_manifest_asks_for_them() {
    let context = context(ASKS);

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/README.md"), "# lib\n");
    assert_eq!(status(&context), "");
}

#[test]
fn they_are_cloned_when_the_manifest_begins_to_ask_for_them_and_follow_an_update() {
    let context = context(DOES_NOT);
    let is_there = || context.ws("app/lib/README.md").exists();
    context.fitout(&["sync"]);
    let without = is_there();
    context.manifest(ASKS);
    context.fitout(&["sync"]);
    let with = is_there();
    bump(&context, "new.txt");

    let ran = context.fitout(&["sync"]);

    assert_eq!((without, with), (false, true));
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/new.txt"), "new\n");
    assert_eq!(status(&context), "");
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

/// Gives `lib` another place, which `.gitmodules` has from now on. Returns it.
fn move_lib(context: &TestContext, name: &str, url: &str) -> String {
    let moved = context.path(&format!("remotes/{name}.git"));
    fs::rename(context.path("remotes/lib.git"), &moved).unwrap();
    let moved = moved.display().to_string();
    context.git("work-lib", &["remote", "set-url", "origin", &moved]);
    let set = ["submodule", "--quiet", "set-url", "lib", url];
    context.git("work-app", &set);
    context.git("work-app", &["submodule", "--quiet", "sync"]);
    context.push("app", "moved.txt", "new\n");
    moved
}

fn known_url(context: &TestContext) -> (String, String) {
    let known = context.git("ws/app", &["config", "submodule.lib.url"]);
    let fetched = context.git("ws/app/lib", &["remote", "get-url", "origin"]);
    (known, fetched)
}

#[test]
fn one_that_has_moved_is_followed_and_the_row_says_so() {
    for (name, url) in [("moved", None), ("beside", Some("../beside.git"))] {
        let context = context(ASKS);
        context.fitout(&["sync"]);
        let place = context.path(&format!("remotes/{name}.git"));
        let place = place.display().to_string();
        let moved = move_lib(&context, name, url.unwrap_or(&place));
        bump(&context, "new.txt");

        let ran = context.fitout(&["sync"]);

        let words = format!(
            "submodule `lib` now comes from [TMP]/remotes/{name}.git, as `.gitmodules` says"
        );
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(ran.stdout.contains(&words), "{}", ran.shown());
        assert_eq!(known_url(&context), (moved.clone(), moved));
        assert_eq!(context.read("ws/app/lib/new.txt"), "new\n");
        assert_eq!(status(&context), "");
        let settled = context.fitout(&["sync"]);
        assert!(!settled.stdout.contains("lib"), "{}", settled.shown());
    }
}

#[test]
fn one_with_a_relative_url_follows_its_clone_to_another_server() {
    let context = remotes();
    for name in ["lib", "own"] {
        add(&context, "app", "../lib.git", name);
    }
    context.manifest(ASKS);
    context.fitout(&["sync"]);
    let config = |key: &str| context.git("ws/app", &["config", key]);
    context.git("ws/app", &["config", "submodule.own.url", "/my/mirror"]);
    fs::rename(context.path("remotes"), context.path("others")).unwrap();
    context.manifest(&ASKS.replace("remotes", "others"));

    let ran = context.fitout(&["sync", "--set-url"]);

    let lib = context.path("others/lib.git").display().to_string();
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(known_url(&context), (lib.clone(), lib.clone()));
    assert_eq!(config("submodule.own.url"), "/my/mirror");
    assert_eq!(
        context.git("ws/app/own", &["remote", "get-url", "origin"]),
        lib
    );
}

#[test]
fn a_url_of_the_users_own_stays_whether_it_serves_or_not() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    let mirror = context.path("remotes/mirror.git");
    let mirrored = mirror.display().to_string();
    let lib = url(&context, "lib");
    context.git("ws/app", &["config", "submodule.lib.url", &mirrored]);
    context.git("ws/app/lib", &["remote", "set-url", "origin", &mirrored]);
    bump(&context, "first.txt");
    context.git(".", &["clone", "--quiet", "--bare", &lib, &mirrored]);
    let place = context.path("remotes/moved.git").display().to_string();
    move_lib(&context, "moved", &place);
    let from_mirror = context.fitout(&["sync"]);
    let with_mirror = (known_url(&context), status(&context));
    bump(&context, "second.txt");
    fs::rename(&mirror, context.path("remotes/away.git")).unwrap();

    let away = context.fitout(&["sync"]);

    let mine = (mirrored.clone(), mirrored);
    assert_eq!(from_mirror.code, Some(0), "{}", from_mirror.shown());
    assert_eq!(with_mirror, (mine.clone(), String::new()));
    assert_eq!(away.code, Some(1), "{}", away.shown());
    let words = "submodule `lib`: no git repository at [TMP]/remotes/mirror.git: check the URL; \
        the URL is set in the clone's configuration, while `.gitmodules` has [TMP]/remotes/moved.git";
    assert!(away.stdout.contains(words), "{}", away.shown());
    away.assert_says("git -C app submodule sync lib");
    assert_eq!(known_url(&context), mine);
    context.git("ws/app", &["submodule", "--quiet", "sync", "lib"]);
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    assert_eq!(context.read("ws/app/lib/second.txt"), "new\n");
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

#[test]
fn nothing_in_one_gives_way_to_an_update_whatever_git_thinks_of_it() {
    // What `lib` becomes, what of the user's is there, and what is in the way.
    type Case = (
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
    );
    const CASES: [Case; 4] = [
        (&[("local.env", "theirs\n")], "local.env", "lib/local.env"),
        (&[("x", "a file\n")], "x/local.env", "lib/x/local.env"),
        (&[("local/y", "theirs\n")], "local", "lib/local"),
        (&[("x", "a file\n")], "x/notes.txt", "lib/x/notes.txt"),
    ];
    for (nested, cases) in [(false, &CASES[..]), (true, &CASES[..2])] {
        for (becomes, mine, in_the_way) in cases {
            let context = context(ASKS);
            context.push("lib", ".gitignore", "*.env\nlocal\n");
            context.push("lib", "x/tracked", "tracked\n");
            let (folder, work) = if nested {
                nest(&context);
                ("ws/app/mid/lib", "work-mid")
            } else {
                ("ws/app/lib", "work-app")
            };
            bump_in(&context, work);
            assert_eq!(context.fitout(&["sync"]).code, Some(0));
            let before = context.git("ws/app", &["rev-parse", "HEAD"]);
            let before_in_it = context.git(folder, &["rev-parse", "HEAD"]);
            context.write(&format!("{folder}/{mine}"), "mine\n");
            for (path, text) in *becomes {
                if *path == "x" {
                    context.git("work-lib", &["rm", "--quiet", "-r", "x"]);
                }
                context.write(&format!("work-lib/{path}"), text);
                context.git("work-lib", &["add", "--force", path]);
            }
            context.push("lib", "more.txt", "more\n");
            bump_in(&context, work);
            context.push("app", "more.txt", "more\n");

            let ran = context.fitout(&["sync"]);

            let place = if nested { "mid/" } else { "" };
            let words = format!("not updated: `{place}{in_the_way}` is in the way: move it away");
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            assert!(ran.stdout.contains(&words), "{words}: {}", ran.shown());
            assert_eq!(context.read(&format!("{folder}/{mine}")), "mine\n");
            assert_eq!(context.git("ws/app", &["rev-parse", "HEAD"]), before);
            assert_eq!(context.git(folder, &["rev-parse", "HEAD"]), before_in_it);
            assert_eq!(status(&context).trim_start_matches("?? "), status(&context));
            fs::remove_file(context.path(&format!("{folder}/{mine}"))).unwrap();
            let after = context.fitout(&["sync"]);
            assert_eq!(after.code, Some(0), "{}", after.shown());
            assert_eq!(context.read(&format!("{folder}/more.txt")), "more\n");
            assert_eq!(status(&context), "");
        }
    }
}

#[test]
fn nothing_in_one_gives_way_where_its_clone_has_moved_before() {
    let context = context(ASKS);
    context.push("lib", ".gitignore", "*.env\n");
    bump_in(&context, "work-app");
    context.fitout(&["sync"]);
    context.write("ws/app/lib/local.env", "mine\n");
    context.write("work-lib/local.env", "theirs\n");
    context.git("work-lib", &["add", "--force", "local.env"]);
    context.push("lib", "more.txt", "more\n");
    bump_in(&context, "work-app");
    context.git("ws/app", &["pull", "--quiet", "--ff-only"]);

    let ran = context.fitout(&["sync"]);

    let words = "not updated: `lib/local.env` is in the way: move it away";
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/local.env"), "mine\n");
}

#[test]
fn what_is_in_the_way_in_one_that_stays_where_it_is_holds_nothing_back() {
    let context = context(ASKS);
    context.push("lib", ".gitignore", "*.env\n");
    bump_in(&context, "work-app");
    context.fitout(&["sync"]);
    context.git("ws/app/lib", &["switch", "--quiet", "-c", "topic"]);
    context.write("ws/app/lib/local.env", "mine\n");
    context.write("work-lib/local.env", "theirs\n");
    context.git("work-lib", &["add", "--force", "local.env"]);
    context.push("lib", "more.txt", "more\n");
    bump_in(&context, "work-app");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let words = "submodule `lib`: on `topic`, not at ";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert!(!ran.stderr.contains("submodule update"), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/local.env"), "mine\n");
    // Once its commit is here, the row names the file.
    context.git("ws/app/lib", &["fetch", "--quiet"]);
    let again = context.fitout(&["sync"]);
    let in_the_way = "`lib/local.env` is in the way: move it away";
    assert!(again.stdout.contains(in_the_way), "{}", again.shown());
    assert!(
        !again.stderr.contains("submodule update"),
        "{}",
        again.shown()
    );
}

#[test]
fn those_that_are_not_asked_for_are_counted_once() {
    let context = context(DOES_NOT);
    add(&context, "app", &url(&context, "lib"), "other");
    let one = "1 submodule is not cloned (`submodules = true`)";
    let two = "2 submodules are not cloned (`submodules = true`)";

    let cloned = context.fitout(&["sync"]);
    let again = context.fitout(&["sync"]);
    let status = context.fitout(&["status"]);
    let update = ["submodule", "--quiet", "update", "--init", "lib"];
    context.git("ws/app", &update);
    let with_one = context.fitout(&["status"]);
    context.manifest(ASKS);
    let asked = context.fitout(&["status"]);

    assert_eq!(cloned.stdout.matches(two).count(), 1, "{}", cloned.shown());
    assert!(!again.stdout.contains("submodule"), "{}", again.shown());
    assert_eq!(status.stdout.matches(two).count(), 1, "{}", status.shown());
    assert!(with_one.stdout.contains(one), "{}", with_one.shown());
    assert!(!asked.stdout.contains("submodule"), "{}", asked.shown());
}

/// A commit of `lib` that has `.env`, which `app` is at; and `lib` without its files, as the user left it.
fn deinitialized(manifest: &str) -> TestContext {
    let context = context(ASKS);
    context.push("lib", ".env", "theirs\n");
    bump_in(&context, "work-app");
    context.fitout(&["sync"]);
    context.manifest(manifest);
    context.git("ws/app", &["submodule", "--quiet", "deinit", "lib"]);
    context
}

#[test]
fn nothing_gives_way_in_the_folder_of_one_without_files_that_git_has_cloned_before() {
    for moves in [false, true] {
        for mine in [".env", "node_modules/x/.env"] {
            let context = deinitialized(ASKS);
            context.write(&format!("ws/app/lib/{mine}"), "mine\n");
            if moves {
                bump(&context, "new.txt");
            }
            let before = context.git("ws/app", &["rev-parse", "HEAD"]);

            let ran = context.fitout(&["sync"]);

            let top = mine.split('/').next().unwrap();
            let words = format!("not updated: `lib/{top}` is in the way: move it away");
            assert_eq!(ran.code, Some(1), "{}", ran.shown());
            assert!(ran.stdout.contains(&words), "{words}: {}", ran.shown());
            assert_eq!(context.read(&format!("ws/app/lib/{mine}")), "mine\n");
            assert_eq!(context.git("ws/app", &["rev-parse", "HEAD"]), before);
            fs::remove_dir_all(context.ws("app/lib")).unwrap();
            fs::create_dir(context.ws("app/lib")).unwrap();
            let after = context.fitout(&["sync"]);
            assert_eq!(after.code, Some(0), "{}", after.shown());
            assert_eq!(context.read("ws/app/lib/.env"), "theirs\n");
        }
    }
}

#[test]
fn what_is_in_the_place_of_one_without_files_is_left_there() {
    let context = deinitialized(ASKS);
    fs::remove_dir(context.ws("app/lib")).unwrap();
    context.write("ws/app/lib", "mine\n");
    let a_file = context.fitout(&["sync"]);
    let is_still_there = context.read("ws/app/lib") == "mine\n";
    fs::remove_file(context.ws("app/lib")).unwrap();
    context.write("mine/.env", "mine\n");
    std::os::unix::fs::symlink(context.path("mine"), context.ws("app/lib")).unwrap();

    let a_link = context.fitout(&["sync"]);

    for ran in [a_file, a_link] {
        let words = "not updated: `lib` is in the way: move it away";
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(ran.stdout.contains(words), "{}", ran.shown());
    }
    assert!(is_still_there);
    assert_eq!(context.read("mine/.env"), "mine\n");
}

#[test]
fn no_update_is_offered_that_would_overwrite_what_is_in_one_without_files() {
    let context = context(DOES_NOT);
    nest(&context);
    let app = url(&context, "app");
    let clone = ["clone", "--quiet", "--recurse-submodules", &app, "ws/app"];
    context.git(".", &clone);
    context.push("mid", "more.txt", "more\n");
    context.git("ws/app/mid", &["fetch", "--quiet"]);
    context.git("ws/app/mid", &["checkout", "--quiet", "origin/main"]);
    let deinit = ["submodule", "--quiet", "deinit", "lib"];
    context.git("ws/app/mid", &deinit);
    context.write("ws/app/mid/lib/README.md", "mine\n");

    let ran = context.fitout(&["sync"]);

    assert!(ran.stdout.contains("submodule `mid`"), "{}", ran.shown());
    let words = "`mid/lib/README.md` is in the way: move it away";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert!(!ran.stderr.contains("submodule update"), "{}", ran.shown());
}

#[test]
fn a_folder_that_becomes_one_goes_with_its_files_and_stays_with_the_users() {
    let context = remotes();
    context.push("app", "lib/tracked.txt", "tracked\n");
    context.push("app", "lib/x/tracked.txt", "tracked\n");
    context.manifest(ASKS);
    context.fitout(&["sync"]);
    context.git("work-app", &["rm", "--quiet", "-r", "lib"]);
    add(&context, "app", &url(&context, "lib"), "lib");
    context.write("ws/app/lib/x/mine.txt", "mine\n");
    let held_back = context.fitout(&["sync"]);
    let is_still_there = context.read("ws/app/lib/x/mine.txt") == "mine\n";
    fs::remove_file(context.ws("app/lib/x/mine.txt")).unwrap();

    let ran = context.fitout(&["sync"]);

    assert_eq!(held_back.code, Some(1), "{}", held_back.shown());
    assert!(is_still_there);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/app/lib/README.md"), "# lib\n");
    assert_eq!(status(&context), "");
}

#[test]
fn those_that_are_not_cloned_are_no_changes_of_the_users() {
    let context = context(DOES_NOT);
    context.fitout(&["sync"]);

    let ran = context.fitout(&["copies", "--format", "json"]);

    assert!(
        ran.stdout.contains("\"changed_repos\": 0"),
        "{}",
        ran.shown()
    );
}

#[test]
fn a_failure_of_this_machine_changes_no_url() {
    let context = context(ASKS);
    let script = "#!/bin/sh\nif test -e ~/fails; then rm ~/fails; exit 1; fi\nexec cat\n";
    context.write_program("home/filter", script);
    for (key, value) in [
        ("smudge", "~/filter"),
        ("clean", "cat"),
        ("required", "true"),
    ] {
        let key = format!("filter.event.{key}");
        context.git(".", &["config", "--global", &key, value]);
    }
    context.push("lib", ".gitattributes", "*.event filter=event\n");
    bump_in(&context, "work-app");
    context.fitout(&["sync"]);
    let before = known_url(&context);
    let place = context.path("remotes/moved.git");
    move_lib(&context, "moved", &place.display().to_string());
    // The old place serves as well.
    std::os::unix::fs::symlink(place, context.path("remotes/lib.git")).unwrap();
    bump(&context, "a.event");
    context.write("home/fails", "");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(!ran.stdout.contains("moved.git"), "{}", ran.shown());
    assert_eq!(known_url(&context), before);
    assert!(!context.path("home/fails").exists());
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
}

#[test]
fn a_command_that_is_offered_works_in_the_folder_that_fitout_was_started_in() {
    let context = context(ASKS);
    context.fitout(&["sync"]);
    context.git("ws/app", &["config", "submodule.lib.url", "/no/mirror"]);
    let remote = ["remote", "set-url", "origin", "/no/mirror"];
    context.git("ws/app/lib", &remote);
    let place = context.path("remotes/moved.git").display().to_string();
    move_lib(&context, "moved", &place);
    bump(&context, "new.txt");
    fs::create_dir(context.ws("docs")).unwrap();
    let cases: [(&str, &[&str], &str); 5] = [
        ("ws", &["sync"], "git -C app submodule sync lib"),
        (
            "ws/docs",
            &["sync"],
            "git -C [TMP]/ws/app submodule sync lib",
        ),
        ("ws/app", &["sync"], "git -C . submodule sync lib"),
        (
            ".",
            &["-C", "ws", "sync"],
            "git -C ws/app submodule sync lib",
        ),
        (
            "ws/docs",
            &["-C", "..", "sync"],
            "git -C [TMP]/ws/app submodule sync lib",
        ),
    ];
    for (folder, arguments, command) in cases {
        let mut fitout = context.fitout_command(arguments);
        fitout.current_dir(context.path(folder));

        let ran = context.ran(&fitout.output().unwrap());

        assert_eq!(ran.code, Some(1), "{folder} {}", ran.shown());
        ran.assert_says(&format!(": {command}\n"));
    }
}

/// git leaves those alone that it was told to (`submodule.NAME.update = none`), and so nothing of the user's in
/// them is in danger.
#[test]
fn one_that_git_does_not_update_holds_nothing_back() {
    let of_gitmodules = [
        "config",
        "--file",
        ".gitmodules",
        "submodule.lib.update",
        "none",
    ];
    for is_of_the_repo in [false, true] {
        for is_cloned in [true, false] {
            let context = context(ASKS);
            context.fitout(&["sync"]);
            if is_of_the_repo {
                context.git("work-app", &of_gitmodules);
                context.push("app", "now.txt", "has it\n");
            } else {
                context.git("ws/app", &["config", "submodule.lib.update", "none"]);
            }
            if !is_cloned {
                context.git("ws/app", &["submodule", "--quiet", "deinit", "lib"]);
                context.git("ws/app", &["config", "submodule.lib.update", "none"]);
            }
            context.write("ws/app/lib/README.md", "mine\n");
            bump(&context, "new.txt");

            let ran = context.fitout(&["sync"]);

            assert_eq!(ran.code, Some(0), "{}", ran.shown());
            assert_eq!(context.read("ws/app/follows-new.txt"), "new\n");
            assert_eq!(context.read("ws/app/lib/README.md"), "mine\n");
            assert!(!context.ws("app/lib/new.txt").exists());
            let again = context.fitout(&["sync"]);
            assert_eq!(again.code, Some(0), "{}", again.shown());
            context.manifest(DOES_NOT);
            let status = context.fitout(&["status"]);
            assert!(!status.stdout.contains("not cloned"), "{}", status.shown());
        }
    }
}
