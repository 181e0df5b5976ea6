//! `fitout sync` against real git servers and real repositories.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::context::{TestContext, exists, files_of, free_port, until};
use crate::http_server::{Behaviour, HttpServer};
use crate::terminal::{Prompt, on_a_terminal};

/// Ends a server when the test does.
pub struct Daemon(pub Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn wait_for_port(port: u16) {
    until("the server listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
}

/// A repository with what checkouts get wrong: line endings, modes, links, names, tags, branches.
pub fn varied_remote(context: &TestContext) {
    context.remote("varied");
    let work = context.path("work-varied");
    context.write(
        "work-varied/.gitattributes",
        "*.bat text eol=crlf\n*.bin binary\n",
    );
    context.write("work-varied/run.bat", "echo 1\necho 2\n");
    context.write("work-varied/größe/日本.txt", "names\n");
    fs::write(work.join("data.bin"), [0_u8, 13, 10, 255]).unwrap();
    context.write("work-varied/run.sh", "#!/bin/sh\n");
    fs::set_permissions(work.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src/main.txt", work.join("link")).unwrap();
    context.git("work-varied", &["add", "--all"]);
    context.git("work-varied", &["commit", "--quiet", "-m", "Vary"]);
    context.git("work-varied", &["tag", "-a", "-m", "First", "v1.0"]);
    context.git("work-varied", &["tag", "light", "HEAD~1"]);
    context.git("work-varied", &["branch", "topic/one", "HEAD~1"]);
    context.git("work-varied", &["push", "--quiet", "--all", "origin"]);
    context.git("work-varied", &["push", "--quiet", "--tags", "origin"]);
}

/// Everything that a clone is: refs, HEAD, configuration, reflogs, index, bytes and modes.
fn described(context: &TestContext, clone: &str) -> String {
    let mut text = String::new();
    for arguments in [
        &["symbolic-ref", "-q", "HEAD"][..],
        &[
            "for-each-ref",
            "--format=%(refname) %(objectname) %(symref)",
        ],
        &["config", "--local", "--list"],
        &["ls-files", "--stage"],
        &["status", "--short", "--branch"],
        &["fsck", "--no-progress"],
    ] {
        let mut lines: Vec<String> = context
            .git(clone, arguments)
            .lines()
            .map(str::to_owned)
            .collect();
        if arguments[0] == "config" {
            lines.sort();
        }
        writeln!(text, "# {}\n{}", arguments[0], lines.join("\n")).unwrap();
    }
    describe_logs(&context.path(clone).join(".git/logs"), &mut text);
    let packed = fs::read_to_string(context.path(clone).join(".git/packed-refs"));
    writeln!(text, "# packed-refs\n{}", packed.unwrap_or_default()).unwrap();
    describe_files(&context.path(clone), Path::new(""), &mut text);
    text
}

/// Every log of refs, without who wrote it and when.
fn describe_logs(folder: &Path, text: &mut String) {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            describe_logs(&path, text);
            continue;
        }
        let name = path.file_name().unwrap().display();
        for entry in fs::read_to_string(&path).unwrap().lines() {
            let (commits, what) = entry.split_once('\t').unwrap();
            writeln!(text, "log {name}: {} {what}", &commits[..81]).unwrap();
        }
    }
}

fn describe_files(root: &Path, folder: &Path, text: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != ".git")
        .collect();
    entries.sort();
    for name in entries {
        let path = folder.join(name);
        let full = root.join(&path);
        let metadata = full.symlink_metadata().unwrap();
        if metadata.is_dir() {
            describe_files(root, &path, text);
        } else if metadata.is_symlink() {
            let target = fs::read_link(&full).unwrap();
            writeln!(text, "{} -> {}", path.display(), target.display()).unwrap();
        } else {
            let mode = metadata.permissions().mode();
            let bytes = fs::read(&full).unwrap();
            writeln!(text, "{} {mode:o} {bytes:?}", path.display()).unwrap();
        }
    }
}

#[test]
fn a_clone_is_what_git_clone_makes_of_filters_submodules_many_refs_and_nothing_at_all() {
    let context = TestContext::new();
    let clone_and_compare = |name: &str| {
        let url = context
            .path(&format!("remotes/{name}.git"))
            .display()
            .to_string();
        assert_cloned_as_git_does(&context, &url);
    };
    // Filters.
    for (key, value) in [
        ("filter.shout.smudge", "tr a-z A-Z"),
        ("filter.shout.clean", "tr A-Z a-z"),
        ("filter.shout.required", "true"),
        ("protocol.file.allow", "always"),
    ] {
        context.git(".", &["config", "--global", key, value]);
    }
    context.remote("filters");
    context.push(
        "filters",
        ".gitattributes",
        "*.loud filter=shout\n*.lf text eol=lf\n",
    );
    context.push("filters", "sub/a.loud", "one\n");
    context.push("filters", "a.lf", "one\n");
    clone_and_compare("filters");
    // Submodules that the manifest does not ask for.
    context.remote("app");
    let lib = context.path("remotes/filters.git").display().to_string();
    context.git("work-app", &["submodule", "--quiet", "add", &lib, "lib"]);
    context.push("app", "a.txt", "a\n");
    clone_and_compare("app");
    // Many refs, packed ones among them, and names that are no ASCII.
    context.remote("refs");
    for number in 0..60 {
        let commit = context.git("remotes/refs.git", &["rev-parse", "main"]);
        let branch = format!("refs/heads/größe/{number}");
        context.git("remotes/refs.git", &["update-ref", &branch, &commit]);
        let tag = format!("refs/tags/日本-{number}");
        context.git("remotes/refs.git", &["update-ref", &tag, "main~1"]);
    }
    context.git(
        "remotes/refs.git",
        &["update-ref", "refs/pull/1/head", "main"],
    );
    context.git("remotes/refs.git", &["pack-refs", "--all"]);
    clone_and_compare("refs");
    fs::create_dir(context.path("remotes/empty.git")).unwrap();
    context.git("remotes/empty.git", &["init", "--quiet", "--bare"]);
    clone_and_compare("empty");
}

#[test]
fn a_clone_has_the_head_that_git_clone_gives_it() {
    let context = TestContext::new();
    context.remote("web");
    context.git("remotes/web.git", &["branch", "zeta", "main"]);
    context.git("remotes/web.git", &["branch", "alpha", "main"]);
    let http = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let url = http.url("web");
    let set = |key: &str, value: &str| context.git(".", &["config", "--global", key, value]);
    // As the context has it for git.
    set("init.defaultBranch", "main");
    // An old server does not say which branch HEAD is.
    for version in ["2", "0"] {
        set("protocol.version", version);
        for head in ["refs/heads/main", "refs/heads/alpha", "refs/heads/none"] {
            context.git("remotes/web.git", &["symbolic-ref", "HEAD", head]);
            assert_cloned_as_git_does(&context, &url);
        }
        let commit = context.git("remotes/web.git", &["rev-parse", "main"]);
        context.git(
            "remotes/web.git",
            &["update-ref", "--no-deref", "HEAD", &commit],
        );
        assert_cloned_as_git_does(&context, &url);
        context.git("remotes/web.git", &["update-ref", "-d", "refs/heads/main"]);
        assert_cloned_as_git_does(&context, &url);
        context.git(
            "remotes/web.git",
            &["update-ref", "refs/heads/main", &commit],
        );
    }
    context.git(
        "remotes/web.git",
        &["symbolic-ref", "HEAD", "refs/heads/main"],
    );
    set("branch.autoSetupRebase", "always");
    set("clone.defaultRemoteName", "upstream");
    for logs in ["true", "false", "always"] {
        set("core.logAllRefUpdates", logs);
        assert_cloned_as_git_does(&context, &url);
    }
}

#[test]
fn a_clone_takes_what_git_clone_takes_from_the_users_template() {
    let context = TestContext::new();
    context.remote("web");
    let hook = "home/template/hooks/pre-commit";
    context.write_program(hook, "#!/bin/sh\nexit 0\n");
    context.write("home/template/info/exclude", "*.swp\n");
    context.write("home/template/config", "[alias]\n\tst = status\n");
    context.write("home/template/.hidden", "left out\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    for template in ["~/template", "~/nowhere", ""] {
        context.git(".", &["config", "--global", "init.templateDir", template]);
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(0), "{template}: {}", ran.shown());
        let remote = context.path("remotes/web.git").display().to_string();
        context.git(".", &["clone", "--quiet", &remote, "by-git"]);
        let templates = |clone: &str| {
            let git_dir = context.path(clone).join(".git");
            let mut text = String::new();
            for folder in ["hooks", "info"] {
                if git_dir.join(folder).is_dir() {
                    describe_files(&git_dir, Path::new(folder), &mut text);
                }
            }
            for name in ["description", ".hidden"] {
                writeln!(text, "{name}: {}", exists(git_dir.join(name))).unwrap();
            }
            text
        };
        similar_lines(&templates("ws/web"), &templates("by-git"));
        similar_lines(
            &described(&context, "ws/web"),
            &described(&context, "by-git"),
        );
        fs::remove_dir_all(context.path("by-git")).unwrap();
        fs::remove_dir_all(context.ws("web")).unwrap();
    }
}

/// Clones `url` with fitout and with git, and compares.
pub fn assert_cloned_as_git_does(context: &TestContext, url: &str) {
    context.manifest(&format!("[repos.varied]\nurl = \"{url}\"\n"));
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{url}: {}", ran.shown());
    context.git(".", &["clone", "--quiet", url, "by-git"]);
    similar_lines(
        &described(context, "ws/varied"),
        &described(context, "by-git"),
    );
    fs::remove_dir_all(context.path("by-git")).unwrap();
    fs::remove_dir_all(context.ws("varied")).unwrap();
}

/// A readable difference, where there is one.
fn similar_lines(ours: &str, theirs: &str) {
    if ours != theirs {
        let difference = similar::TextDiff::from_lines(theirs, ours);
        panic!(
            "git made -, fitout made +\n{}",
            difference.unified_diff().context_radius(1)
        );
    }
}

#[test]
fn a_clone_is_what_git_clone_makes_over_every_transport() {
    let context = TestContext::new();
    varied_remote(&context);
    let bare = context.path("remotes/varied.git").display().to_string();
    let http = HttpServer::start(&context.path("remotes"), Behaviour::default());
    for url in [bare.clone(), format!("file://{bare}"), http.url("varied")] {
        assert_cloned_as_git_does(&context, &url);
    }
    // Not every system's git comes with its daemon. Started as itself: `git daemon` would leave it
    // behind when it is ended.
    let daemon = Path::new(&context.git(".", &["--exec-path"])).join("git-daemon");
    if !daemon.exists() {
        // Without it, nothing here can serve git://.
        return;
    }
    let port = free_port();
    let child = context
        .command(daemon)
        .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", context.path("remotes").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _daemon = Daemon(child);
    wait_for_port(port);
    assert_cloned_as_git_does(&context, &format!("git://127.0.0.1:{port}/varied.git"));
}

#[test]
fn a_server_that_names_a_head_and_does_not_list_it_is_cloned_as_by_git() {
    let context = TestContext::new();
    varied_remote(&context);
    context.git(
        "remotes/varied.git",
        &["config", "transfer.hideRefs", "HEAD"],
    );
    context.git(".", &["config", "--global", "init.defaultBranch", "main"]);
    let bare = context.path("remotes/varied.git").display().to_string();
    let http = HttpServer::start(&context.path("remotes"), Behaviour::default());
    for version in ["0", "1", "2"] {
        context.git(".", &["config", "--global", "protocol.version", version]);
        for url in [format!("file://{bare}"), http.url("varied")] {
            assert_cloned_as_git_does(&context, &url);
        }
    }
}

#[test]
fn a_url_is_rewritten_as_the_users_configuration_says_and_kept_as_it_is_in_the_clone() {
    let context = TestContext::new();
    context.remote("web");
    let base = format!(
        "url.file://{}/.insteadOf",
        context.path("remotes").display()
    );
    context.git(".", &["config", "--global", &base, "forge:"]);
    context.manifest("[repos.web]\nurl = \"forge:web.git\"\n");
    let ran = [context.fitout(&["sync"]), context.fitout(&["sync"])];
    assert_eq!(ran[1].code, Some(0), "{}", ran[0].shown());
    let url = context.git("ws/web", &["config", "remote.origin.url"]);
    assert_eq!(url, "forge:web.git");
}

#[test]
fn each_state_of_a_repo_gets_what_is_safe_and_the_row_says_what_to_do() {
    let context = TestContext::new();
    let names = [
        "behind", "dirty", "ahead", "diverged", "topic", "detached", "rebasing", "current",
        "ignored",
    ];
    let mut manifest = "[git]\nbase_url = \"../remotes/\"\nbranch = \"main\"\n".to_owned();
    for name in names {
        context.remote(name);
        writeln!(manifest, "[repos.{name}]\nurl = \"../remotes/{name}.git\"").unwrap();
    }
    context.remote("missing");
    manifest.push_str(
        "[repos.missing]\nurl = \"../remotes/missing.git\"\n\
         [repos.foreign]\nurl = \"../remotes/behind.git\"\n\
         [repos.other]\nurl = \"../remotes/behind.git\"\n\
         [repos.nowhere]\nurl = \"../remotes/nowhere.git\"\n",
    );
    context.manifest(&manifest);
    let first: Vec<&str> = [&["sync"][..], &names].concat();
    assert_eq!(context.fitout(&first).code, Some(0));

    for name in ["behind", "dirty", "diverged", "ignored"] {
        context.push(name, "new.txt", "new\n");
    }
    context.write("ws/behind/untracked.txt", "mine\n");
    context.write("ws/dirty/README.md", "changed\n");
    context.commit("ahead", "own.txt", "own\n");
    context.commit("diverged", "own.txt", "own\n");
    context.git("ws/topic", &["switch", "--quiet", "-c", "topic"]);
    context.git("ws/detached", &["switch", "--quiet", "--detach", "HEAD~1"]);
    fs::create_dir(context.ws("rebasing/.git/rebase-merge")).unwrap();
    context.write("ws/ignored/.git/info/exclude", "new.txt\n");
    context.write("ws/ignored/new.txt", "mine\n");
    context.write("ws/foreign/file.txt", "mine\n");
    context.git("ws", &["clone", "--quiet", "../remotes/ahead.git", "other"]);

    let ran = context.fitout(&["sync"]);

    insta::assert_snapshot!(ran.stdout, @r"
    repo      at    result      note
    behind    main  updated     1 new commit
    dirty     main  held back   behind 1, not updated: 1 local change
    ahead     main  left as is  1 commit not pushed
    diverged  main  held back   diverged: 1 ahead and 1 behind origin/main
    topic     main  left as is  on `topic`, not on `main`
    detached  main  left as is  detached at cc95f5391, not on `main`
    rebasing  main  refused     a rebase is in progress
    current   main  up to date
    ignored   main  held back   not updated: `new.txt` is in the way: move it away
    missing   main  cloned
    foreign   main  refused     a folder that is not a git repository is there: move it away
    other     main  refused     a clone of [TMP]/ws/../remotes/ahead.git is there
    nowhere   main  failed      no git repository at [TMP]/remotes/nowhere.git: check the URL
    ");
    // Work trees are updated several at a time: their lines come in any order.
    let mut lines: Vec<&str> = ran.stderr.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r"
    13 repos: 1 cloned, 1 updated, 1 up to date, 3 left as is, 3 held back, 3 refused, 1 failed in [TIME]
    ahead: left as is: 1 commit not pushed
    behind: updated main: 1 new commit
    current: up to date
    detached: left as is: detached at cc95f5391, not on `main`
    dirty: held back: behind 1, not updated: 1 local change
    diverged: held back: diverged: 1 ahead and 1 behind origin/main
    foreign: refused: a folder that is not a git repository is there: move it away
    hint: ahead: git -C ahead push origin main
    hint: detached: git -C detached switch main
    hint: dirty: git -C dirty merge --ff-only --autostash origin/main
    hint: diverged: git -C diverged rebase origin/main
    hint: other: git -C other remote set-url origin [TMP]/remotes/behind.git
    hint: rebasing: git -C rebasing status
    hint: to use the manifest's URL: fitout sync --set-url other
    hint: topic: git -C topic switch main
    ignored: held back: not updated: `new.txt` is in the way: move it away
    missing: cloned main
    nowhere: failed: no git repository at [TMP]/remotes/nowhere.git: check the URL
    other: refused: a clone of [TMP]/ws/../remotes/ahead.git is there
    rebasing: refused: a rebase is in progress
    topic: left as is: on `topic`, not on `main`
    ");
    assert_eq!(ran.code, Some(1));
    assert_eq!(context.read("ws/behind/new.txt"), "new\n");
    assert_eq!(context.read("ws/behind/untracked.txt"), "mine\n");
    assert_eq!(
        context.git("ws/behind", &["status", "--short"]),
        "?? untracked.txt"
    );
    assert_eq!(
        context.git("ws/behind", &["log", "-g", "-1", "--format=%gs"]),
        "merge origin/main: Fast-forward"
    );
    assert_eq!(context.read("ws/dirty/README.md"), "changed\n");
    assert_eq!(context.read("ws/ignored/new.txt"), "mine\n");
}

#[test]
fn what_git_is_in_the_middle_of_is_named_and_left() {
    let context = TestContext::new();
    context.remote("web");
    context.push("web", "README.md", "theirs\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    let conflicting = |context: &TestContext| {
        context.fitout(&["sync"]);
        context.git("ws/web", &["switch", "--quiet", "-c", "other", "HEAD~1"]);
        context.commit("web", "README.md", "other\n");
        context.git(
            "ws/web",
            &["format-patch", "--quiet", "-1", "-o", "../patch"],
        );
        context.git("ws/web", &["switch", "--quiet", "main"]);
    };
    let cases: [(&str, &str); 6] = [
        ("merge", "git merge -q other"),
        ("rebase", "git rebase -q other"),
        ("cherry-pick", "git cherry-pick other"),
        ("revert", "git revert --no-edit HEAD~2"),
        ("git am", "git am -q ../patch/*.patch"),
        ("bisect", "git bisect start HEAD HEAD~2"),
    ];
    for (operation, command) in cases {
        conflicting(&context);
        // It stops at the conflict, and says so by its status.
        let output = context
            .command("sh")
            .args(["-c", command])
            .current_dir(context.ws("web"))
            .output()
            .unwrap();
        let before = context.git("ws/web", &["status", "--porcelain=v2", "--branch"]);
        let row = format!("refused  a {operation} is in progress");
        let ran = context.fitout(&["sync", "--switch"]);
        assert!(ran.stdout.contains(&row), "{output:?}: {}", ran.shown());
        let after = context.git("ws/web", &["status", "--porcelain=v2", "--branch"]);
        assert_eq!(before, after, "{operation}");
        fs::remove_dir_all(context.ws("web")).unwrap();
    }
}

#[test]
fn an_untracked_file_in_the_way_holds_the_repo_back() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    context.push("web", "notes.txt", "theirs\n");
    context.write("ws/web/notes.txt", "mine\n");

    let ran = context.fitout(&["sync"]);

    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    repo  at    result     note
    web   main  held back  not updated: `notes.txt` is in the way: move it away
    --- stderr
    web: held back: not updated: `notes.txt` is in the way: move it away
    1 repo: 1 held back in [TIME]
    ");
    assert_eq!(context.read("ws/web/notes.txt"), "mine\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let context = TestContext::new();
    context.remote("web");
    context.remote("api");
    context.manifest(
        "[repos.web]\nurl = \"../remotes/web.git\"\n[repos.api]\nurl = \"../remotes/api.git\"\n",
    );
    context.fitout(&["sync", "web"]);
    context.push("web", "new.txt", "new\n");
    let files = || files_of(&context.path(""), |_| true);
    let before = files();
    let ran = context.fitout(&["sync", "--dry-run"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 0
    --- stdout
    repo  would  note
    web   fetch  then update if it is behind
    api   clone  from [TMP]/remotes/api.git
    --- stderr
    ");
    let after = files();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(text))
        .map(|(path, _)| path)
        .chain(before.keys().filter(|path| !after.contains_key(*path)))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn programs_get_json() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    let ran = context.fitout(&["sync", "--format=json"]);
    insta::assert_snapshot!(ran.stdout, @r#"
    {
      "schema_version": 1,
      "interrupted": false,
      "repos": [
        {
          "name": "web",
          "path": "web",
          "reference": "main",
          "outcome": "cloned",
          "note": null,
          "command": null
        }
      ],
      "not_in_manifest": []
    }
    "#);
}

#[test]
fn an_empty_remote_is_cloned_and_followed_once_it_has_commits() {
    let context = TestContext::new();
    fs::create_dir(context.path("remotes/new.git")).unwrap();
    context.git("remotes/new.git", &["init", "--quiet", "--bare"]);
    context.manifest("[repos.new]\nurl = \"../remotes/new.git\"\n");
    let empty = [context.fitout(&["sync"]), context.fitout(&["sync"])];
    context.git(".", &["clone", "--quiet", "remotes/new.git", "work-new"]);
    context.push("new", "README.md", "# new\n");

    let ran = context.fitout(&["sync"]);

    assert_eq!(empty.map(|ran| ran.code), [Some(0), Some(0)]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/new/README.md"), "# new\n");
    assert_eq!(
        context.git("ws/new", &["status", "--short", "--branch"]),
        "## main...origin/main"
    );
}

#[test]
fn tags_commits_depth_and_other_branches_are_checked_out_as_the_manifest_says() {
    let context = TestContext::new();
    varied_remote(&context);
    let first = context.git("work-varied", &["rev-parse", "HEAD~2"]);
    let url = "url = \"file://../remotes/varied.git\"";
    context.manifest(&format!(
        "[repos.tag]\n{url}\ntag = \"v1.0\"\n\
         [repos.rev]\n{url}\nrev = \"{}\"\n\
         [repos.shallow]\n{url}\ndepth = 1\n\
         [repos.branch]\n{url}\nbranch = \"topic/one\"\n",
        &first[..10]
    ));
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let head = |clone: &str| context.git(clone, &["log", "-1", "--format=%H"]);
    let branch = |clone: &str| context.git(clone, &["branch", "--show-current"]);
    let again = context.fitout(&["sync"]);
    assert_eq!(head("ws/tag"), head("work-varied"));
    assert_eq!(head("ws/rev"), first);
    assert_eq!([branch("ws/tag"), branch("ws/rev")], ["", ""]);
    assert_eq!(branch("ws/branch"), "topic/one");
    assert_eq!(
        context.git("ws/shallow", &["rev-list", "--count", "HEAD"]),
        "1"
    );
    insta::assert_snapshot!(again.stdout.replace(&first[..10], "[REV]"), @r"
    repo     at          result      note
    tag      v1.0        up to date
    rev      [REV]  up to date
    shallow  main        up to date
    branch   topic/one   up to date
    ");
}

#[test]
fn a_pin_that_moves_is_followed_unless_a_commit_would_be_lost() {
    let context = TestContext::new();
    varied_remote(&context);
    let manifest = |tag: &str| {
        context.manifest(&format!(
            "[repos.varied]\nurl = \"../remotes/varied.git\"\ntag = \"{tag}\"\n"
        ));
    };
    manifest("v1.0");
    context.fitout(&["sync"]);
    let at = |name: &str| context.git("ws/varied", &["rev-parse", &format!("{name}^{{commit}}")]);
    assert_eq!(at("HEAD"), at("v1.0"));
    assert_ne!(at("v1.0"), at("light"));
    manifest("light");
    let moved = context.fitout(&["sync"]);
    assert_eq!(at("HEAD"), at("light"));
    assert_eq!(context.git("ws/varied", &["branch", "--show-current"]), "");
    assert_eq!(context.git("ws/varied", &["status", "--short"]), "");
    context.commit("varied", "own.txt", "own\n");
    let own = at("HEAD");
    manifest("v1.0");
    let held = context.fitout(&["sync"]);
    assert_eq!(at("HEAD"), own);
    assert_eq!(moved.code, Some(0), "{}", moved.shown());
    assert_eq!(held.code, Some(1), "{}", held.shown());
    assert_eq!(context.read("ws/varied/own.txt"), "own\n");
}

#[test]
fn a_clone_that_is_kept_elsewhere_is_linked() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest(
        "[workspace]\nrepos_dir = \"repos\"\n[repos.web]\nurl = \"../remotes/web.git\"\n",
    );
    context.write(
        "ws/workspace.local.toml",
        "[repos.web]\npath = \"elsewhere/web\"\n",
    );
    context.git("ws", &["init", "--quiet"]);
    context.write("ws/.git/info/exclude", "# mine\n*.swp");

    let ran = [context.fitout(&["sync"]), context.fitout(&["sync"])];

    assert_eq!(ran[1].code, Some(0), "{}", ran[0].shown());
    assert_eq!(context.read("ws/repos/web/README.md"), "# web\n");
    assert_eq!(
        fs::read_link(context.ws("repos/web")).unwrap(),
        Path::new("../elsewhere/web")
    );
    let shown = context.git("ws", &["status", "--short", "--", "elsewhere"]);
    assert_eq!(shown, "");
    let exclude = context.read("ws/.git/info/exclude");
    assert_eq!(exclude, "# mine\n*.swp\n/elsewhere/web\n");
    fs::remove_file(context.ws("repos/web")).unwrap();
    context.write("ws/repos/web/mine.txt", "mine\n");
    let blocked = context.fitout(&["sync"]);
    assert_eq!(blocked.code, Some(1));
    assert!(
        blocked.stdout.contains("`repos/web` is a folder"),
        "{}",
        blocked.stdout
    );
}

#[test]
fn files_that_a_filter_writes_are_updated_by_git_itself() {
    let context = TestContext::new();
    context.remote("web");
    context.git(
        ".",
        &["config", "--global", "filter.shout.smudge", "tr a-z A-Z"],
    );
    context.git(
        ".",
        &["config", "--global", "filter.shout.clean", "tr A-Z a-z"],
    );
    context.git(
        ".",
        &["config", "--global", "filter.shout.required", "true"],
    );
    context.push("web", ".gitattributes", "*.loud filter=shout\n");
    context.push("web", "a.loud", "one\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    let cloned = context.read("ws/web/a.loud");
    context.push("web", "a.loud", "two\n");

    let ran = context.fitout(&["sync"]);

    assert_eq!(cloned, "ONE\n");
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/web/a.loud"), "TWO\n");
    assert_eq!(context.git("ws/web", &["status", "--short"]), "");
}

/// What git can't look at may hold anything.
#[test]
fn a_clone_that_git_can_not_look_at_is_left_as_it_is() {
    let context = TestContext::new();
    context.remote("web");
    context.push("web", ".gitattributes", "*.txt filter=none\n");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    let before = context.git("ws/web", &["rev-parse", "HEAD"]);
    context.push("web", "new.txt", "new\n");
    let git = "#!/bin/sh\ncase \" $* \" in *' status '*) echo no >&2; exit 128;; esac\n\
               PATH=${PATH#*:} exec git \"$@\"\n";
    context.write_program("bin/git", git);
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", context.path("bin").display());
    for arguments in [&["sync"][..], &["sync", "--switch"]] {
        let mut command = context.fitout_command(arguments);
        let ran = context.ran(&command.env("PATH", &path).output().unwrap());
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), before);
    }
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(exists(context.ws("web/new.txt")));
}

#[test]
fn the_users_own_git_can_do_the_network_half() {
    let context = TestContext::new();
    varied_remote(&context);
    context.write("ws/workspace.local.toml", "[git]\nbackend = \"cli\"\n");
    context.manifest("[repos.varied]\nurl = \"../remotes/varied.git\"\n");
    let cloned = context.fitout(&["sync"]);
    context.push("varied", "new.txt", "new\n");
    let updated = context.fitout(&["sync"]);
    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    assert_eq!(updated.code, Some(0), "{}", updated.shown());
    assert_eq!(context.read("ws/varied/new.txt"), "new\n");
}

#[test]
fn a_server_that_is_busy_for_a_moment_is_asked_again() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            busy: Some((1, 503)),
            ..Behaviour::default()
        },
    );
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
}

#[test]
fn a_server_is_asked_once_what_it_can_do() {
    let context = TestContext::new();
    let names = ["api", "auth", "web"];
    for name in names {
        context.remote(name);
    }
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let manifest = |name| format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name));
    context.manifest(&names.map(manifest).concat());

    let cloned = context.fitout(&["sync"]);
    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    // Once what it can do; for each repo the references and the pack.
    assert_eq!(server.requests(), 1 + 2 * names.len());

    let again = context.fitout(&["sync"]);
    assert_eq!(again.code, Some(0), "{}", again.shown());
    assert_eq!(server.requests(), 1 + 2 * names.len() + 1 + names.len());
}

#[test]
fn a_repository_that_is_not_like_the_others_of_its_server_is_asked_itself() {
    let context = TestContext::new();
    let names = ["api", "auth", "web"];
    for name in names {
        context.remote(name);
    }
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            old: Some("web".to_owned()),
            ..Behaviour::default()
        },
    );
    let manifest = |name| format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name));
    context.manifest(&names.map(manifest).concat());

    for _ in 0..2 {
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }
    for name in names {
        assert!(context.path(&format!("ws/{name}/.git/HEAD")).exists());
    }
}

#[test]
fn a_login_that_is_not_there_is_an_error_and_never_a_question() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            // user:secret
            authorization: Some("Basic dXNlcjpzZWNyZXQ=".to_owned()),
            ..Behaviour::default()
        },
    );
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    let without = context.fitout(&["sync"]);
    let asked = server.requests();
    let helper = "!f() { test \"$1\" = get && echo username=user && echo password=secret; }; f";
    context.git(".", &["config", "--global", "credential.helper", helper]);
    let with = context.fitout(&["sync"]);
    assert_eq!(without.code, Some(1));
    assert!(
        without.stdout.contains("127.0.0.1 requires a login"),
        "{}",
        without.shown()
    );
    assert!(
        asked <= 2,
        "an authentication error is not retried: {asked} requests"
    );
    assert_eq!(with.code, Some(0), "{}", with.shown());
}

#[test]
fn forty_repos_are_cloned_at_once_and_one_that_fails_stops_no_other() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let mut manifest = "[repos.gone]\nurl = \"../remotes/gone.git\"\n".to_owned();
    for number in 0..40 {
        let url = server.url("web");
        writeln!(manifest, "[repos.web-{number}]\nurl = \"{url}\"").unwrap();
    }
    context.manifest(&manifest);
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("41 repos: 40 cloned, 1 failed in [TIME]");
    for number in 0..40 {
        let clone = format!("ws/web-{number}");
        assert_eq!(context.git(&clone, &["status", "--short"]), "");
    }
}

/// A clone under way, half of its pack received.
fn half_cloned(context: &TestContext) -> (HttpServer, Child) {
    context.remote("web");
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            holds_packs: true,
            ..Behaviour::default()
        },
    );
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    let child = context
        .fitout_command(&["sync"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.wait_for_held(1);
    (server, child)
}

#[test]
fn a_kill_in_the_middle_of_a_clone_leaves_no_half_repo_and_the_next_run_completes() {
    let context = TestContext::new();
    let (server, mut child) = half_cloned(&context);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = context.names("ws");
    server.release();

    let ran = context.fitout(&["sync"]);

    assert!(!left.contains(&"web".to_owned()), "{left:?}");
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.names("ws"), ["web", "workspace.toml"]);
    assert_eq!(context.git("ws/web", &["status", "--short"]), "");
}

#[test]
fn another_run_leaves_a_clone_under_way_alone() {
    let context = TestContext::new();
    let (server, child) = half_cloned(&context);
    context.remote("api");
    context.write(
        "ws/workspace.toml",
        "[repos.api]\nurl = \"../remotes/api.git\"\n",
    );
    let other = context.fitout(&["sync"]);
    server.release();
    let first = context.ran(&child.wait_with_output().unwrap());
    assert_eq!(other.code, Some(0), "{}", other.shown());
    assert_eq!(first.code, Some(0), "{}", first.shown());
    assert_eq!(context.names("ws"), ["api", "web", "workspace.toml"]);
}

#[test]
fn a_signal_to_end_removes_what_is_half_done_and_says_so() {
    // Ctrl-C, `kill`, and a terminal that is closed.
    for signal in ["-INT", "-TERM", "-HUP"] {
        let context = TestContext::new();
        let (server, child) = half_cloned(&context);
        let pid = child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
        // The worker sees the request with the next bytes that come.
        server.release();
        let ran = context.ran(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(130), "{signal}: {}", ran.shown());
        assert_eq!(context.names("ws"), ["workspace.toml"], "{signal}");
    }
}

#[test]
fn who_is_to_outlive_the_terminal_does() {
    let context = TestContext::new();
    context.remote("web");
    let behaviour = Behaviour {
        holds_packs: true,
        ..Behaviour::default()
    };
    let server = HttpServer::start(&context.path("remotes"), behaviour);
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    let fitout = context.fitout_command(&["sync"]);
    let mut nohup = context.command("nohup");
    let child = nohup.arg(fitout.get_program()).args(fitout.get_args());
    let child = child
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    server.wait_for_held(1);
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &pid])
            .status()
            .unwrap()
            .success()
    );
    server.release();
    let ran = context.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.names("ws"), ["web", "workspace.toml"]);
}

#[test]
fn several_runs_at_once_all_find_the_workspace_whole() {
    const RUNS: usize = 5;
    let context = TestContext::new();
    let behaviour = Behaviour {
        holds_packs: true,
        ..Behaviour::default()
    };
    let server = HttpServer::start(&context.path("remotes"), behaviour);
    context.manifest(
        &["web", "api"]
            .map(|name| {
                context.remote(name);
                format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name))
            })
            .concat(),
    );
    let spawn = || {
        let mut command = context.fitout_command(&["sync"]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let runs: Vec<Child> = std::iter::repeat_with(spawn).take(RUNS).collect();
    // None has a clone yet, and all have asked for both.
    server.wait_for_held(2 * RUNS);
    server.release();
    for run in runs {
        let ran = context.ran(&run.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }
    assert_eq!(context.names("ws"), ["api", "web", "workspace.toml"]);
    assert_eq!(context.git("ws/web", &["status", "--short"]), "");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
}

/// What is left in a workspace by a run that was killed while it wrote a file, or removed a folder.
#[test]
fn what_killed_runs_left_is_removed() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.write("ws/.fitout-write-aB3dE9", "SECRET=1\n");
    context.write("ws/.fitout-clone-aB3dE9/lock", "");
    context.write(
        "ws/.fitout-clone-aB3dE9/0/.git/HEAD",
        "ref: refs/heads/main\n",
    );
    context.write("ws/.fitout-removed-aB3dE9/lock", "");
    context.write("ws/.fitout-removed-aB3dE9/0/web/README.md", "");
    context.write("ws/.fitout-notes", "mine\n");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(
        context.names("ws"),
        [".fitout-notes", "web", "workspace.toml"]
    );
}

#[test]
fn repositories_of_this_machine_need_no_git_program() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest(
        "[repos.web]\nurl = \"../remotes/web.git\"\n\n[repos.gone]\nurl = \"../remotes/gone.git\"\n",
    );
    let without_git = || {
        let mut command = context.fitout_command(&["sync"]);
        command.env("PATH", context.path("home"));
        context.ran(&command.output().unwrap())
    };
    let ran = without_git();
    assert!(ran.stderr.contains("web: cloned main"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("gone: failed: no git repository at"),
        "{}",
        ran.stderr
    );
    assert_eq!(context.git("ws/web", &["status", "--porcelain"]), "");
    context.git("ws/web", &["fsck", "--strict"]);

    context.push("web", "README.md", "# changed\n");
    let ran = without_git();
    assert!(ran.stderr.contains("web: updated"), "{}", ran.stderr);
    assert_eq!(context.read("ws/web/README.md"), "# changed\n");
}

#[test]
fn switch_goes_back_to_the_manifests_branch_where_that_loses_nothing() {
    let context = TestContext::new();
    let names = ["topic", "detached", "own", "dirty", "fresh"];
    let mut manifest = String::new();
    for name in names {
        context.remote(name);
        writeln!(manifest, "[repos.{name}]\nurl = \"../remotes/{name}.git\"").unwrap();
    }
    context.manifest(&manifest);
    context.fitout(&["sync"]);
    for name in ["topic", "dirty"] {
        context.git(&format!("ws/{name}"), &["switch", "--quiet", "-c", "topic"]);
    }
    context.commit("topic", "own.txt", "own\n");
    context.write("ws/dirty/README.md", "changed\n");
    for name in ["detached", "own"] {
        context.git(&format!("ws/{name}"), &["switch", "--quiet", "--detach"]);
    }
    context.commit("own", "own.txt", "own\n");
    context.git("ws/fresh", &["branch", "--quiet", "-m", "renamed"]);
    context.push("topic", "new.txt", "new\n");

    let ran = context.fitout(&["sync", "--switch"]);

    let commit = context.git("ws/own", &["rev-parse", "HEAD"]);
    let left = context.git("ws/detached", &["rev-parse", "HEAD"]);
    let shown = ran
        .stdout
        .replace(&commit[..9], "[OWN]")
        .replace(&left[..9], "[LEFT]");
    insta::assert_snapshot!(shown, @r"
    repo      at    result     note
    topic     main  updated    switched from `topic`; 1 new commit
    detached  main  updated    switched from [LEFT]
    own       main  held back  detached at [OWN], not on `main`: no branch holds [OWN]
    dirty     main  held back  on `topic`, not on `main`: 1 local change
    fresh     main  updated    switched from `renamed`
    ");
    assert_eq!(
        context.git("ws/topic", &["log", "-1", "--format=%s", "topic"]),
        "Add own.txt"
    );
    for name in ["topic", "detached", "fresh"] {
        let clone = format!("ws/{name}");
        let status = context.git(&clone, &["status", "--short", "--branch"]);
        assert_eq!(status, "## main...origin/main");
    }
}

#[test]
fn a_default_branch_that_was_renamed_is_followed_and_a_branch_that_is_gone_is_said() {
    for backend in ["built-in", "cli"] {
        let context = TestContext::new();
        context.remote("web");
        context.remote("api");
        context.manifest(
            "[repos.web]\nurl = \"../remotes/web.git\"\n\
             [repos.api]\nurl = \"../remotes/api.git\"\nbranch = \"main\"\n",
        );
        context.write(
            "ws/workspace.local.toml",
            &format!("[git]\nbackend = \"{backend}\"\n"),
        );
        context.fitout(&["sync"]);
        for name in ["web", "api"] {
            context.git(
                &format!("remotes/{name}.git"),
                &["branch", "-m", "main", "trunk"],
            );
        }

        let ran = [
            context.fitout(&["sync"]),
            context.fitout(&["sync", "--switch", "web"]),
        ];

        insta::allow_duplicates! {
            insta::assert_snapshot!(ran[0].stdout, @r"
    repo  at     result      note
    web   trunk  left as is  on `main`, not on `trunk`
    api   main   failed      the remote has no branch `main`
    ");
            insta::assert_snapshot!(ran[1].stdout, @r"
    repo  at     result   note
    web   trunk  updated  switched from `main`
    ");
        }
        assert_eq!(
            context.git("ws/web", &["status", "--short", "--branch"]),
            "## trunk...origin/trunk"
        );
    }
}

#[test]
fn another_url_is_given_to_a_clone_only_when_asked_for() {
    let context = TestContext::new();
    context.remote("web");
    context.remote("moved");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    context.manifest("[repos.web]\nurl = \"../remotes/moved.git\"\n");
    let planned = context.fitout(&["sync", "--dry-run", "--set-url"]);
    let refused = context.fitout(&["sync"]);
    let moved = context.fitout(&["sync", "--set-url"]);
    insta::assert_snapshot!(planned.stdout, @r"
    repo  would    note
    web   set url  to [TMP]/remotes/moved.git, then fetch
    ");
    insta::assert_snapshot!(refused.shown(), @r"
    exit: 1
    --- stdout
    repo  at  result   note
    web       refused  a clone of [TMP]/remotes/web.git is there
    --- stderr
    web: refused: a clone of [TMP]/remotes/web.git is there
    1 repo: 1 refused in [TIME]
    hint: web: git -C web remote set-url origin [TMP]/remotes/moved.git
    hint: to use the manifest's URL: fitout sync --set-url web
    ");
    assert!(moved.stdout.contains("was rewritten"), "{}", moved.shown());
    assert_eq!(
        context.git("ws/web", &["config", "remote.origin.url"]),
        context.path("remotes/moved.git").display().to_string()
    );
}

#[test]
fn on_a_terminal_the_answer_decides_whether_a_clone_gets_another_url() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    fs::rename(
        context.path("remotes/web.git"),
        context.path("remotes/moved.git"),
    )
    .unwrap();
    context.manifest("[repos.web]\nurl = \"../remotes/moved.git\"\n");
    for (answer, code, name) in [("n", Some(1), "web"), ("y", Some(0), "moved")] {
        let dialogue = [("Set the remote of web to the manifest's URL?", answer)];
        let (ended, screen) = on_a_terminal(&context, &["sync"], Prompt::Ours, &dialogue);
        assert_eq!(ended, code, "{screen}");
        assert_eq!(
            context.git("ws/web", &["config", "remote.origin.url"]),
            context
                .path(&format!("remotes/{name}.git"))
                .display()
                .to_string()
        );
    }
}

#[test]
fn a_shallow_clone_follows_its_remote_and_stays_shallow() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\ndepth = 1\n");
    context.fitout(&["sync"]);
    context.push("web", "a.txt", "a\n");
    context.push("web", "b.txt", "b\n");

    let ran = context.fitout(&["sync"]);

    insta::assert_snapshot!(ran.stdout, @r"
    repo  at    result   note
    web   main  updated  2 new commits
    ");
    assert_eq!(context.read("ws/web/b.txt"), "b\n");
    assert_eq!(context.git("ws/web", &["status", "--short"]), "");
    let git = |arguments: &[&str]| context.git("ws/web", arguments);
    assert_eq!(git(&["rev-parse", "--is-shallow-repository"]), "true");
    assert_eq!(git(&["rev-list", "--count", "HEAD"]), "3");
    git(&["fsck"]);
}

#[test]
fn a_branch_that_is_gone_is_said_of_a_shallow_clone_too() {
    let context = TestContext::new();
    context.remote("web");
    context.git("work-web", &["push", "--quiet", "origin", "HEAD:topic"]);
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"topic\"\ndepth = 1\n");
    context.fitout(&["sync"]);
    let before = context.git("ws/web", &["rev-parse", "HEAD"]);
    context.git("remotes/web.git", &["branch", "--quiet", "-D", "topic"]);

    let ran = context.fitout(&["sync"]);

    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    repo  at     result  note
    web   topic  failed  the remote has no branch `topic`
    --- stderr
    web: failed: the remote has no branch `topic`
    1 repo: 1 failed in [TIME]
    hint: web: git ls-remote [TMP]/remotes/web.git
    ");
    assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), before);
    assert_eq!(
        context.git("ws/web", &["status", "--short", "--branch"]),
        "## topic...origin/topic"
    );
}

#[test]
fn a_switch_leaves_a_branch_alone_that_another_work_tree_has() {
    let context = TestContext::new();
    context.remote("web");
    context.git(
        "work-web",
        &["push", "--quiet", "origin", "HEAD:topic", "HEAD:next"],
    );
    let wanting = |branch: &str| {
        context.manifest(&format!(
            "[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"{branch}\"\n"
        ));
        context.fitout(&["sync", "--switch"])
    };
    wanting("main");
    context.git("ws/web", &["worktree", "add", "-q", "../../other", "topic"]);
    let taken = wanting("topic");
    let free = wanting("next");
    assert_eq!(taken.code, Some(1), "{}", taken.shown());
    assert!(
        taken
            .stdout
            .contains("held back  not updated: `topic` is checked out in [TMP]/other"),
        "{}",
        taken.shown()
    );
    assert_eq!(free.code, Some(0), "{}", free.shown());
    assert_eq!(context.git("ws/web", &["branch", "--show-current"]), "next");
    assert_eq!(context.git("other", &["branch", "--show-current"]), "topic");
}

#[test]
fn a_clone_that_the_manifest_no_longer_names_is_reported_and_left() {
    let context = TestContext::new();
    context.remote("web");
    context.remote("old");
    context.manifest(
        "[repos.web]\nurl = \"../remotes/web.git\"\n[repos.old]\nurl = \"../remotes/old.git\"\n",
    );
    context.fitout(&["sync"]);
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0));
    ran.assert_says(
        "`old`, a clone of [TMP]/remotes/old.git, is not in the manifest; left as it is",
    );
    assert_eq!(context.read("ws/old/README.md"), "# old\n");
}

#[test]
fn a_branch_that_never_was_is_an_error_that_says_what_is_there() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\nbranch = \"master\"\n");
    let ran = context.fitout(&["sync"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    repo  at      result  note
    web   master  failed  the remote has no branch `master`; its default branch is `main`
    --- stderr
    web: failed: the remote has no branch `master`; its default branch is `main`
    1 repo: 1 failed in [TIME]
    hint: web: git ls-remote [TMP]/remotes/web.git
    ");
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}

#[test]
fn an_empty_remote_has_no_branch_to_clone() {
    let context = TestContext::new();
    fs::create_dir(context.path("remotes/new.git")).unwrap();
    context.git("remotes/new.git", &["init", "--quiet", "--bare"]);
    context.manifest("[repos.new]\nurl = \"../remotes/new.git\"\nbranch = \"main\"\n");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout.contains("the remote has no branch `main`"),
        "{}",
        ran.shown()
    );
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}
