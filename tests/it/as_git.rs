//! What git does is what fitout does: tables of settings and of news, and two clones for each row, one that
//! the user's git makes and updates and one that fitout does. A new case is a new row.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::context::{TestContext, files_of};

/// The remote of every row: two commits on `main`, `topic` with one more, and two tags.
const REMOTE: &str = "
    git switch -q -c topic && echo t >t && git add t && git commit -qm topic
    git switch -q main && git tag -a -m one v1 main~1 && git tag light
    git push -q origin topic v1 light";

/// Settings of a user, under which a repo is cloned.
const CLONES: &[(&str, &str)] = &[
    ("nothing is set", ""),
    (
        "a remote of another name",
        "[clone]\ndefaultRemoteName = up",
    ),
    ("a first branch", "[init]\ndefaultBranch = trunk"),
    ("shared by a group", "[core]\nsharedRepository = group"),
    ("shared by all", "[core]\nsharedRepository = 0664"),
    ("shared by nobody", "[core]\nsharedRepository = umask"),
    (
        "a refspec",
        "[remote \"origin\"]\nfetch = +refs/pull/*/head:refs/remotes/origin/pull/*",
    ),
    (
        "a refspec of another remote",
        "[remote \"other\"]\nfetch = +refs/heads/*:refs/x/*",
    ),
    ("objects are checked", "[transfer]\nfsckObjects = true"),
    ("fetched ones are", "[fetch]\nfsckObjects = true"),
    ("prune", "[fetch]\nprune = true\npruneTags = true"),
    ("line ends", "[core]\nautocrlf = true"),
    ("line ends go", "[core]\nautocrlf = input"),
    ("line ends of another system", "[core]\neol = crlf"),
    ("no modes", "[core]\nfileMode = false"),
    ("no logs", "[core]\nlogAllRefUpdates = false"),
    ("all logs", "[core]\nlogAllRefUpdates = always"),
    ("rebases", "[branch]\nautoSetupRebase = always"),
    ("rebases of local ones", "[branch]\nautoSetupRebase = local"),
    ("an index of another version", "[index]\nversion = 4"),
    ("protocol 0", "[protocol]\nversion = 0"),
    ("protocol 1", "[protocol]\nversion = 1"),
    (
        "another address",
        "[url \"file://TMP/remotes/\"]\ninsteadOf = \"file://TMP/elsewhere/\"",
    ),
    ("tags are hidden", "[uploadpack]\nhideRefs = refs/tags"),
    (
        "a branch is hidden",
        "[transfer]\nhideRefs = refs/heads/topic",
    ),
    ("hooks elsewhere", "[core]\nhooksPath = /nonexistent"),
    ("submodules", "[submodule]\nrecurse = true"),
];

/// What is true of a clone, and then new on the remote.
struct News {
    name: &'static str,
    /// Of the user, for all clones.
    settings: &'static str,
    /// A script in both clones.
    here: &'static str,
    /// A script in a work tree of the remote.
    there: &'static str,
}

const COMMIT: &str =
    "echo new >new && git add new && git commit -qm new && git push -q origin main";
const RELEASE: &str = "git fetch -q ../work-web main:refs/remotes/origin/release";

const FETCHES: &[News] = &[
    news("nothing", "", "", ""),
    news("a commit", "", "", COMMIT),
    news("a branch", "", "", "git push -q origin topic:more"),
    news("a branch goes", "", "", "git push -q origin :topic"),
    news(
        "a branch is rewritten",
        "",
        "",
        "git push -qf origin main~1:topic",
    ),
    news(
        "a late tag",
        "",
        "",
        "git tag -am late late main~1 && git push -q origin late",
    ),
    news(
        "a late light tag",
        "",
        "",
        "git tag late && git push -q origin late",
    ),
    news(
        "a late tag of a tag",
        "",
        "",
        "git tag -am outer outer v1 && git push -q origin outer",
    ),
    news(
        "tags of new commits and old ones",
        "",
        "",
        "git tag -am old old main~1; echo n >n; git add n; git commit -qm n
         git tag -am new new; git tag light2; git push -q origin main old new light2",
    ),
    news(
        "a tag of a commit that does not come",
        "",
        "git config remote.origin.fetch +refs/heads/main:refs/remotes/origin/main",
        "git switch -q topic; echo s >s; git add s; git commit -qm s; git tag -am s side
         git tag side-light; git push -q origin side side-light",
    ),
    news(
        "a tag is moved",
        "",
        "",
        "git tag -fam moved v1 main && git push -qf origin v1",
    ),
    news("a tag goes", "", "", "git push -q origin :v1"),
    news(
        "a tag is moved, and may be",
        "",
        "git config --add remote.origin.fetch '+refs/tags/*:refs/tags/*'",
        "git tag -fam moved v1 main && git push -qf origin v1",
    ),
    news(
        "no tags",
        "",
        "git config remote.origin.tagOpt --no-tags",
        "git tag -am late late && git push -q origin late",
    ),
    news(
        "all tags",
        "",
        "git config remote.origin.tagOpt --tags",
        "git switch -q topic; echo s >s; git add s; git commit -qm s; git tag -am s side
         git push -q origin side",
    ),
    news(
        "prune",
        "[fetch]\nprune = true",
        "",
        "git push -q origin :topic",
    ),
    news(
        "prune of packed refs",
        "[fetch]\nprune = true",
        "git pack-refs --all",
        "git push -q origin :topic",
    ),
    news(
        "prune of this remote",
        "",
        "git config remote.origin.prune true",
        "git push -q origin :topic",
    ),
    news(
        "prune but not of this remote",
        "[fetch]\nprune = true",
        "git config remote.origin.prune false",
        "git push -q origin :topic",
    ),
    news(
        "prune of tags",
        "[fetch]\nprune = true\npruneTags = true",
        "git tag mine",
        "git push -q origin :v1",
    ),
    news(
        "prune of tags of this remote",
        "",
        "git config remote.origin.prune true; git config remote.origin.pruneTags true",
        "git push -q origin :v1",
    ),
    news(
        "prune of tags without prune",
        "[fetch]\npruneTags = true",
        "",
        "git push -q origin :v1 :topic",
    ),
    news(
        "all tags and prune",
        "[fetch]\nprune = true",
        "git config remote.origin.tagOpt --tags; git tag mine",
        "git push -q origin :v1",
    ),
    news(
        "a folder in place of a branch, pruned",
        "[fetch]\nprune = true",
        RELEASE,
        "git push -q origin main:release/1.0",
    ),
    news(
        "a folder in place of a packed branch, pruned",
        "[fetch]\nprune = true",
        "git fetch -q ../work-web main:refs/remotes/origin/release; git pack-refs --all",
        "git push -q origin main:release/1.0",
    ),
    news(
        "a folder in place of a branch",
        "",
        RELEASE,
        "git push -q origin main:release/1.0 main:other",
    ),
    news(
        "a folder in place of a packed branch",
        "",
        "git fetch -q ../work-web main:refs/remotes/origin/release; git pack-refs --all",
        "git push -q origin main:release/1.0 main:other",
    ),
    news(
        "a branch in place of a folder, pruned",
        "[fetch]\nprune = true",
        "git fetch -q ../work-web main:refs/remotes/origin/release/1.0",
        "git push -q origin main:release",
    ),
    news(
        "a branch in place of a folder",
        "",
        "git fetch -q ../work-web main:refs/remotes/origin/release/1.0",
        "git push -q origin main:release main:other",
    ),
    news(
        "one more namespace",
        "",
        "git config --add remote.origin.fetch '+refs/heads/*:refs/upstream/*'",
        COMMIT,
    ),
    news(
        "pull requests",
        "",
        "git config --add remote.origin.fetch '+refs/pull/*/head:refs/remotes/origin/pr/*'",
        "git push -q origin topic:refs/pull/7/head",
    ),
    news(
        "a branch that is left out",
        "",
        "git config --add remote.origin.fetch '^refs/heads/wip'",
        "git push -q origin topic:wip main:more",
    ),
    news(
        "a refspec without force",
        "",
        "git config remote.origin.fetch 'refs/heads/*:refs/remotes/origin/*'",
        "git push -qf origin main~1:topic; git push -q origin main:more",
    ),
    news(
        "objects are checked",
        "[transfer]\nfsckObjects = true",
        "",
        COMMIT,
    ),
    news(
        "shared by a group",
        "",
        "git config core.sharedRepository group",
        COMMIT,
    ),
    news("no logs", "[core]\nlogAllRefUpdates = false", "", COMMIT),
    news(
        "a graph of commits",
        "[fetch]\nwriteCommitGraph = true",
        "",
        COMMIT,
    ),
    news("protocol 0", "[protocol]\nversion = 0", "", COMMIT),
    news(
        "protocol 0 and a late tag",
        "[protocol]\nversion = 0",
        "",
        "git tag -am late late main~1 && git push -q origin late",
    ),
    news(
        "hidden tags",
        "[uploadpack]\nhideRefs = refs/tags",
        "",
        COMMIT,
    ),
    news(
        "another remote too",
        "",
        "git remote add fork $(git config remote.origin.url); git fetch -q fork",
        "git push -q origin :topic main:more",
    ),
];

const fn news(
    name: &'static str,
    settings: &'static str,
    here: &'static str,
    there: &'static str,
) -> News {
    News {
        name,
        settings,
        here,
        there,
    }
}

#[test]
fn a_clone_under_any_settings_is_the_one_that_git_makes() {
    let context = with_remote("");
    let mut differences = String::new();
    for (number, (name, settings)) in CLONES.iter().enumerate() {
        let temporary = context.path("").display().to_string();
        let temporary = temporary.trim_end_matches('/').to_owned();
        let settings = settings.replace("TMP", &temporary);
        let place = if settings.contains("elsewhere") {
            "elsewhere"
        } else {
            "remotes"
        };
        context.write("home/.gitconfig", &settings);
        let url = format!("file://{temporary}/{place}/web.git");
        context.manifest(&format!(
            "[repos.web]\nurl = \"{url}\"\npath = \"web{number}\"\n"
        ));
        let by_git = format!("by-git{number}");
        context.git(".", &["clone", "--quiet", &url, &by_git]);
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.shown());
        let ours = format!("ws/web{number}");
        compare(&context, name, &ours, &by_git, &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn after_any_news_a_clone_is_what_git_fetch_makes_of_it() {
    let mut differences = String::new();
    for row in FETCHES {
        let context = with_remote(row.settings);
        let url = format!("file://{}", context.path("remotes/web.git").display());
        context.manifest(&format!(
            "[repos.web]\nurl = \"{url}\"\nbranch = \"main\"\n"
        ));
        for place in ["by-git", "ws/web"] {
            context.git(".", &["clone", "--quiet", &url, place]);
            run(
                &context,
                place,
                &row.here
                    .replace("../work-web", &absolute(&context, "work-web")),
            );
        }
        run(&context, "work-web", row.there);
        // Some rows are of what git refuses in part.
        let fetch = context
            .command("git")
            .arg("fetch")
            .current_dir(context.path("by-git"))
            .output();
        assert!(fetch.is_ok());
        context.git("by-git", &["merge", "--quiet", "--ff-only", "origin/main"]);
        context.fitout(&["sync"]);
        compare(&context, row.name, "ws/web", "by-git", &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
}

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

#[track_caller]
fn run(context: &TestContext, folder: &str, script: &str) {
    let output = context
        .command("sh")
        .args(["-ec", script])
        .current_dir(context.path(folder))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
}

fn compare(context: &TestContext, name: &str, ours: &str, by_git: &str, differences: &mut String) {
    let (ours, by_git) = (described(context, ours), described(context, by_git));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (ours, by_git) = (lines(&ours), lines(&by_git));
    for line in by_git.iter().filter(|line| !ours.contains(line)) {
        writeln!(differences, "{name}: missing: {line}").unwrap();
    }
    for line in ours.iter().filter(|line| !by_git.contains(line)) {
        writeln!(differences, "{name}: of its own: {line}").unwrap();
    }
}

/// Refs, HEAD, configuration, index, work tree, and the logs of what a fetch moves.
fn described(context: &TestContext, clone: &str) -> String {
    let mut text = String::new();
    let refs = "--format=ref %(refname) %(objectname) %(symref)";
    for arguments in [
        &["symbolic-ref", "HEAD"][..],
        &["rev-parse", "HEAD"],
        &["for-each-ref", refs],
        &["config", "--local", "--list"],
        &["ls-files", "--stage", "--eol"],
        &["status", "--short", "--branch"],
        &["fsck", "--no-progress", "--no-dangling"],
    ] {
        writeln!(text, "{}", context.git(clone, arguments)).unwrap();
    }
    let folder = context.path(clone);
    let logs = folder.join(".git/logs/refs/remotes");
    if logs.exists() {
        for (log, bytes) in files_of(&logs, |_| true) {
            for line in String::from_utf8_lossy(&bytes).lines() {
                writeln!(text, "log {log} {line}").unwrap();
            }
        }
    }
    writeln!(text, "{}", modes(&folder.join(".git/objects"))).unwrap();
    text
}

/// Who may write to the objects.
fn modes(objects: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(objects).unwrap().permissions().mode();
    format!("mode of objects {:o}", mode & 0o7777)
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
    let command = "git -C web fetch origin +refs/tags/light:refs/tags/light";
    ran.assert_says(command);
    run(&context, "ws", command);
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
