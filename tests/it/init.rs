//! `fitout init`: a manifest made from what is in a folder.

use std::fs;
use std::process::Stdio;

use crate::context::TestContext;
use crate::terminal::{Prompt, on_a_terminal};

/// Clones with files in them, as a developer has them beside each other.
fn company() -> TestContext {
    let context = TestContext::new();
    for name in ["api", "web", "worker"] {
        context.remote(name);
    }
    context.push("api", "go.mod", "module x\n\ngo 1.22\n");
    context.push(
        "api",
        "Dockerfile.dev",
        "FROM golang:1.22\nWORKDIR /src\nEXPOSE 8080\n",
    );
    context.push(
        "web",
        "package.json",
        r#"{"scripts": {"dev": "next dev"}, "dependencies": {"next": "14"}}"#,
    );
    context.push(
        "web",
        "Dockerfile",
        "FROM node:20\nWORKDIR /app\nEXPOSE 80\n",
    );
    context.git("work-worker", &["switch", "--quiet", "-c", "develop"]);
    context.push("worker", "README.md", "# on develop\n");
    for name in ["api", "web", "worker"] {
        context.git(
            "ws",
            &["clone", "--quiet", &format!("../remotes/{name}.git"), name],
        );
    }
    context.git("ws/worker", &["switch", "--quiet", "develop"]);
    context
}

#[test]
fn the_clones_of_a_folder_become_a_manifest_that_works() {
    let context = company();
    context.git("ws/web", &["switch", "--quiet", "-c", "fix-login"]);

    let ran = context.fitout(&["init"]);

    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    wrote workspace.toml: 3 repos, 2 services
    warning: `web` is on `fix-login`; the manifest follows the remote's default branch, `main`

    Try next:
      fitout add URL  add another repo
      fitout up       check this machine, clone, generate, start, and wait until healthy
    "#);
    insta::assert_snapshot!(context.read("ws/workspace.toml"), @r#"
    # The git repositories of this workspace, and the services that run from them. After a change,
    # run `fitout generate`, review the difference and commit it. `fitout schema` knows every key.

    [workspace]
    name = "ws"                        # Compose project name

    [repos.api]
    url = "../remotes/api.git"

    [repos.web]
    url = "../remotes/web.git"

    [repos.worker]
    url = "../remotes/worker.git"
    branch = "develop"                 # not the remote's default branch

    # Go 1.22
    [services.api]
    repo = "api"
    mount = "/src"                     # mounts the source: changes need no rebuild
    ports = ["8080:8080"]              # host:container, on 127.0.0.1

    # Node.js, npm, Next.js
    [services.web]
    repo = "web"
    dockerfile = "Dockerfile"          # for production: changes need a rebuild
    ports = ["8081:80"]

    # Backing services take two lines. A service reads them from a reference such as `${db.url}`:
    # environment = { DATABASE_URL = "${db.url}" } and depends_on = ["db"].
    # [services.db]
    # preset = "postgres"              # or redis, mailpit
    "#);
    let ran = context.fitout(&["generate"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let ran = context.fitout(&["sync"]);
    let expected = "3 repos: 2 up to date, 1 left as is";
    ran.assert_says(expected);
}

#[test]
fn a_repo_without_a_dockerfile_gets_one_where_that_is_asked_for() {
    let context = company();
    context.shop();
    context.git("ws", &["clone", "--quiet", "../remotes/shop.git", "shop"]);

    let ran = context.fitout(&["init", "--dry-run"]);
    let hint = "`fitout dockerfile ./shop --dev --write`";
    ran.assert_says(hint);
    assert!(!context.ws("shop/Dockerfile.dev").exists());

    let ran = context.fitout(&["init", "--dockerfile"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    wrote workspace.toml: 4 repos, 3 services
    wrote shop/Dockerfile.dev
    wrote shop/.dockerignore

    Try next:
      fitout add URL  add another repo
      fitout up       check this machine, clone, generate, start, and wait until healthy
    "#);
    let manifest = context.read("ws/workspace.toml");
    assert!(manifest.contains("[services.shop]"), "{manifest}");
    let ran = context.fitout(&["lint", "shop"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
}

#[test]
fn most_addresses_share_their_beginning() {
    let context = TestContext::new();
    for (folder, url) in [
        ("repos/api", "git@github.com:acme/api.git"),
        ("repos/auth", "git@github.com:acme/auth-server"),
        (
            "repos/Reports",
            "https://user:secret@git.example.com/bi/Reports.git",
        ),
        ("repos/web", "ssh://git@host:2222/acme/web.git"),
    ] {
        fs::create_dir_all(context.ws(folder)).unwrap();
        context.git(&format!("ws/{folder}"), &["init", "--quiet"]);
        context.git(&format!("ws/{folder}"), &["remote", "add", "origin", url]);
    }
    let ran = context.fitout(&["init", "--stdout", "--repo", "git@github.com:acme/api"]);
    assert!(!ran.stdout.contains("secret"));
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    # The git repositories of this workspace, and the services that run from them. After a change,
    # run `fitout generate`, review the difference and commit it. `fitout schema` knows every key.

    [workspace]
    name = "ws"                        # Compose project name
    repos_dir = "repos"                # where the repos are cloned

    [git]
    base_url = "git@github.com:acme/"  # a repo's name is appended

    [repos.api]

    [repos.auth-server]
    path = "auth"                      # the folder of the clone

    [repos.reports]
    url = "https://git.example.com/bi/Reports.git"
    path = "Reports"

    [repos.web]
    url = "ssh://git@host:2222/acme/web.git"

    # Backing services take two lines. A service reads them from a reference such as `${db.url}`:
    # environment = { DATABASE_URL = "${db.url}" } and depends_on = ["db"].
    # [services.db]
    # preset = "postgres"              # or redis, mailpit
    --- stderr
    "#);
    assert_eq!(context.names("ws"), ["repos"]);
}

#[test]
fn what_a_manifest_can_not_name_is_left_out_and_said() {
    let context = company();
    fs::create_dir(context.ws("notes")).unwrap();
    context.git("ws/notes", &["init", "--quiet"]);
    context.git("ws/api", &["worktree", "add", "--quiet", "../api-fix"]);
    fs::create_dir_all(context.ws("broken/.git")).unwrap();
    let ran = context.fitout(&["init", "--dry-run"]);
    for name in ["notes", "api-fix", "broken"] {
        assert!(!ran.stdout.contains(&format!("[repos.{name}]")));
    }
    insta::assert_snapshot!(ran.stderr, @r#"
    warning: skipped `api-fix`: it is a submodule, or a linked work tree of another clone
    warning: skipped `broken`: git can't read it: could not find repository at '[TMP]/ws/broken'
    warning: skipped `notes`: it has no remote to clone from
    hint: `git -C notes remote add origin URL`, then `fitout add notes`
    "#);
}

#[test]
fn an_empty_folder_gets_a_manifest_to_start_from() {
    let context = TestContext::new();
    let ran = context.fitout(&["init", "new/place"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    --- stderr
    wrote new/place/workspace.toml, with commented examples

    Try next:
      fitout add URL  clone a repo and add its services
    "#);
    let mut command = context.fitout_command(&["generate"]);
    command.current_dir(context.ws("new/place"));
    assert!(command.stderr(Stdio::null()).status().unwrap().success());
}

#[test]
fn a_manifest_that_is_there_stays_as_it_is() {
    let context = company();
    context.manifest("# mine\n");
    let ran = context.fitout(&["init", "--yes"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `[TMP]/ws/workspace.toml` already exists

    hint: to add a repo to it, run `fitout add URL`
    hint: to set it up, run `fitout up`
    "#);
    assert_eq!(context.read("ws/workspace.toml"), "# mine\n");
}

/// What counts is the folder that is meant, and not the one in which this is said.
#[test]
fn a_folder_elsewhere_is_elsewhere_however_it_is_named() {
    let context = company();
    context.manifest("");
    std::fs::create_dir(context.path("there")).unwrap();
    std::os::unix::fs::symlink(context.path("there"), context.ws("link")).unwrap();
    let absolute = |name| context.path(name).display().to_string();
    for (given, folder) in [
        (absolute("new"), "new"),
        (absolute("deep/er/new"), "deep/er/new"),
        (absolute("ws/../dots"), "dots"),
        ("../beside".to_owned(), "beside"),
        ("link/new".to_owned(), "there/new"),
    ] {
        let ran = context.fitout(&["init", &given]);
        assert_eq!(ran.code, Some(0), "{given}: {}", ran.shown());
        assert!(
            context.path(folder).join("workspace.toml").exists(),
            "{given}"
        );
    }
    for inside in [absolute("ws/new"), "../ws/new".to_owned()] {
        let ran = context.fitout(&["init", &inside]);
        assert_eq!(ran.code, Some(2), "{inside}: {}", ran.shown());
        ran.assert_says("new` is inside another workspace");
    }
    // In one, about a folder that is in the other.
    let ran = context.fitout(&["-C", "../new", "init", &absolute("ws/new")]);
    ran.assert_says("is inside another workspace, `[TMP]/ws/workspace.toml`");
}

#[test]
fn inside_another_workspace_it_asks_for_a_word() {
    let context = company();
    context.manifest("");
    let ran = context.fitout(&["init", "api"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `api` is inside another workspace, `[TMP]/ws/workspace.toml`

    hint: to add a repo to that one, run `fitout add URL`
    hint: to create a nested workspace anyway, run `fitout init --nested`
    "#);
    assert!(!context.ws("api/workspace.toml").exists());
    let ran = context.fitout(&["init", "api", "--nested"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(context.ws("api/workspace.toml").exists());
}

#[test]
fn in_the_source_of_one_service_it_points_to_the_folder_above() {
    let context = company();
    let ran = context.fitout(&["-C", "api", "init", "--dry-run"]);
    insta::assert_snapshot!(ran.stderr, @r#"
    warning: this folder is the source of one service; a workspace is usually its parent folder, with several repos
    hint: to create the workspace there, run `fitout init ..`
    "#);
}

#[test]
fn wrong_input_is_a_wrong_command_line() {
    let context = company();
    context.write("ws/file", "");
    for arguments in [
        ["init", "file", "--yes"],
        ["init", "--repo", "api"],
        ["init", "--repo", "-oProxyCommand=x:y"],
    ] {
        let ran = context.fitout(&arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.shown());
        assert!(!context.ws("workspace.toml").exists());
    }
}

#[test]
fn a_missing_dockerfile_is_offered_on_a_terminal() {
    let context = TestContext::new();
    context.shop();
    context.git("ws", &["clone", "--quiet", "../remotes/shop.git", "shop"]);
    let no = [("Write it?", "n"), ("to workspace.toml?", "n")];
    let (code, screen) = on_a_terminal(&context, &["init"], Prompt::Key, &no);
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(context.names("ws"), ["shop"]);
    assert!(!context.ws("shop/Dockerfile.dev").exists());

    let yes = [("Write it?", "y"), ("to workspace.toml?", "y")];
    let (code, screen) = on_a_terminal(&context, &["init"], Prompt::Key, &yes);
    assert_eq!(code, Some(0), "{screen}");
    assert!(context.ws("shop/Dockerfile.dev").exists(), "{screen}");
    assert!(!screen.contains("doesn't exist yet"), "{screen}");
    let manifest = context.read("ws/workspace.toml");
    assert!(manifest.contains("build_args"), "{manifest}");
}

#[test]
fn a_project_that_this_machine_has_already_is_not_taken_again() {
    let context = TestContext::new();
    for folder in ["a/My Shop", "b/My Shop", "c/日本"] {
        fs::create_dir_all(context.path(folder)).unwrap();
        let command = |arguments: &[&str]| {
            let mut command = context.fitout_command(arguments);
            let output = command.current_dir(context.path(folder)).output().unwrap();
            context.ran(&output)
        };
        let ran = command(&["init", "--yes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        if folder.starts_with('b') {
            ran.assert_says(
                "the workspace in [TMP]/a/My Shop already uses the Compose project `myshop`",
            );
        }
        // Writes it down for others.
        assert_eq!(command(&["generate"]).code, Some(0));
    }
    for (folder, name) in [
        ("a/My Shop", "myshop"),
        ("b/My Shop", "myshop-2"),
        ("c/日本", "workspace"),
    ] {
        let manifest = context.read(&format!("{folder}/workspace.toml"));
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{manifest}"
        );
    }
}
