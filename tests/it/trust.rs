//! Workspaces whose manifest, files and remotes were made by somebody who means harm. Each has to be
//! refused, or to do no more than a friendly one would.

use std::fs;
use std::os::unix::fs::symlink;

use crate::context::{TestContext, exists};

#[test]
fn no_path_of_a_manifest_leads_into_a_git_folder() {
    for spelling in [".git", ".GIT", ".git.", "git~1", ".g\u{200c}it"] {
        for manifest in [
            format!("[repos.hooks]\nurl = \"../remotes/hooks.git\"\npath = \"{spelling}/hooks\"\n"),
            format!(
                "[repos.hooks]\nurl = \"../remotes/hooks.git\"\npath = \"web/{spelling}/hooks\"\n"
            ),
            format!("[workspace]\nrepos_dir = \"{spelling}\"\n"),
            format!(
                "[repos.a]\nurl = \"x\"\n[services.a]\nrepo = \"a\"\ncontext = \"{spelling}\"\n"
            ),
            format!(
                "[repos.a]\nurl = \"x\"\n[services.a]\nrepo = \"a\"\ndockerfile = \"{spelling}/d\"\n"
            ),
            format!(
                "[repos.a]\nurl = \"x\"\n[services.a]\nrepo = \"a\"\nenv_file = \"{spelling}/e\"\n"
            ),
            format!(
                "[repos.a]\nurl = \"x\"\n[services.a]\nrepo = \"a\"\nrebuild_on = \"{spelling}/r\"\n"
            ),
            format!(
                "[repos.a]\nurl = \"x\"\n[services.a]\nrepo = \"a\"\n\
                 mount = {{ source = \"{spelling}/hooks\", target = \"/app\" }}\n"
            ),
            format!("[services.a]\nimage = \"a:1\"\nvolumes = [\"./web/{spelling}/hooks:/app\"]\n"),
            format!("[services.a]\npreset = \"postgres\"\ninit = \"{spelling}/init.sql\"\n"),
        ] {
            let context = TestContext::new();
            context.manifest(&manifest);

            let ran = context.fitout(&["generate"]);

            assert_eq!(ran.code, Some(2), "{manifest}{}", ran.shown());
            assert!(
                ran.stderr.contains("leads into a `.git` folder"),
                "{manifest}{}",
                ran.shown()
            );
            assert_eq!(context.names("ws"), ["workspace.toml"]);
        }
    }
}

#[test]
fn no_clone_takes_the_place_of_a_file_of_fitouts_own() {
    for place in [
        ".env",
        "docker-compose.yml",
        "workspace.local.toml",
        "Workspace.TOML",
        ".fitout-clone-x",
    ] {
        let context = TestContext::new();
        context.remote("web");
        context.manifest(&format!(
            "[repos.web]\nurl = \"../remotes/web.git\"\npath = \"{place}\"\n"
        ));

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(2), "{place}: {}", ran.shown());
        ran.assert_says("a name of fitout's own");
        assert_eq!(context.names("ws"), ["workspace.toml"]);
    }
}

#[test]
fn a_line_break_in_a_path_is_refused_and_nothing_is_written() {
    let context = TestContext::new();
    context.manifest(
        "[repos.web]\nurl = \"../remotes/web.git\"\npath = \"web\\n*\\n# <<< fitout <<<\"\n",
    );

    let ran = context.fitout(&["generate"]);

    assert_eq!(ran.code, Some(2), "{}", ran.shown());
    ran.assert_says("has a control character in it");
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}

/// A workspace with one repo at `path`; `outside` is beside it.
fn with_repo_at(path: &str, settings: &str) -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    fs::create_dir(context.path("outside")).unwrap();
    context.manifest(&format!(
        "{settings}[repos.web]\nurl = \"../remotes/web.git\"\npath = \"{path}\"\n"
    ));
    context
}

#[test]
fn no_clone_is_made_beyond_a_link_that_leads_out_or_into_a_git_folder() {
    let repos_dir = "[workspace]\nrepos_dir = \"repos\"\n";
    for (link, target, path, settings, why) in [
        (
            "libs",
            "../outside",
            "libs/web",
            "",
            "`libs` is a link that leads out of the workspace",
        ),
        (
            "libs",
            "../outside",
            "libs/deep/er/web",
            "",
            "leads out of the workspace",
        ),
        (
            "repos",
            "../outside",
            "web",
            repos_dir,
            "`repos` is a link that leads out of the workspace",
        ),
        (
            "web",
            "../outside",
            "web",
            "",
            "`web` is a link that leads out of the workspace",
        ),
        (
            "g",
            "app/.git",
            "g/hooks",
            "",
            "`g` is a link into a `.git` folder",
        ),
        (
            "g",
            "later/.git",
            "g/hooks",
            "",
            "`g` is a link that leads nowhere",
        ),
        (
            "g",
            "../gone",
            "g/hooks",
            "",
            "`g` is a link that leads nowhere",
        ),
    ] {
        let context = with_repo_at(path, settings);
        fs::create_dir_all(context.ws("app/.git/hooks")).unwrap();
        symlink(target, context.ws(link)).unwrap();

        for arguments in [&["sync"][..], &["sync", "--dry-run"], &["status"]] {
            let ran = context.fitout(arguments);
            let shown = ran.shown();
            assert!(
                shown.contains(why),
                "{link} -> {target}: {arguments:?} {shown}"
            );
        }
        assert_eq!(context.fitout(&["sync"]).code, Some(1));
        assert!(context.names("outside").is_empty(), "{link}");
        assert!(context.names("ws/app/.git/hooks").is_empty(), "{link}");
        assert!(!exists(context.path("gone")));
        assert!(!exists(context.ws("later")));
    }
}

#[test]
fn a_clone_beyond_a_link_that_stays_in_the_workspace_is_made() {
    let context = with_repo_at("libs/web", "");
    fs::create_dir(context.ws("shared")).unwrap();
    symlink("shared", context.ws("libs")).unwrap();

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(exists(context.ws("shared/web/README.md")));
}

#[test]
fn no_file_of_fitouts_own_is_written_through_a_link_that_leads_out() {
    for (file, arguments) in [
        (".env", &["generate"][..]),
        (".gitignore", &["generate"]),
        ("docker-compose.yml", &["generate", "--force"]),
        ("workspace.lock", &["lock"]),
        ("workspace.local.toml", &["use", "db", "host"]),
        ("workspace.toml", &["add", "../remotes/api.git", "--yes"]),
    ] {
        let context = with_repo_at("web", "");
        let manifest = context.read("ws/workspace.toml") + "[services.db]\npreset = \"postgres\"\n";
        context.manifest(&manifest);
        context.remote("api");
        assert_eq!(context.fitout(&["sync"]).code, Some(0));
        let before = match file {
            "workspace.toml" => manifest,
            "workspace.lock" => "version = 1
[repos]
"
            .to_owned(),
            _ => String::new(),
        };
        context.write("outside/bashrc", &before);
        let _ = fs::remove_file(context.ws(file));
        symlink("../outside/bashrc", context.ws(file)).unwrap();

        let ran = context.fitout(arguments);

        assert_ne!(ran.code, Some(0), "{file}: {}", ran.shown());
        ran.assert_says(&format!(
            "`{file}` is a link that leads out of the workspace"
        ));
        assert_eq!(context.read("outside/bashrc"), before, "{file}");
    }
}

#[test]
fn what_no_run_has_made_is_not_cleaned_up() {
    let context = with_repo_at("web", "");
    context.write("outside/clone/work.txt", "not pushed\n");
    context.write("outside/lock", "");
    symlink("../outside", context.ws(".fitout-clone-x")).unwrap();
    context.write("ws/.fitout-clone-y/clone/work.txt", "not pushed\n");
    symlink("../../outside/lock", context.ws(".fitout-clone-y/lock")).unwrap();

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("outside/clone/work.txt"), "not pushed\n");
    assert_eq!(
        context.read("ws/.fitout-clone-y/clone/work.txt"),
        "not pushed\n"
    );
    assert!(exists(context.ws(".fitout-clone-x")));
}

#[test]
fn a_file_that_is_none_or_has_no_end_is_refused_by_name() {
    let manifest = "[services.db]\npreset = \"postgres\"\n";
    let large = "#".repeat(5 << 20);
    for file in [
        ".env",
        ".gitignore",
        "docker-compose.yml",
        "docker-compose.override.yml",
        "workspace.local.toml",
        "workspace.toml",
    ] {
        for what in ["device", "terminal", "pipe", "large"] {
            let context = TestContext::new();
            context.manifest(manifest);
            let _ = fs::remove_file(context.ws(file));
            if file == "workspace.toml" && what != "large" {
                // Then this is no workspace.
                continue;
            }
            let (target, why) = match what {
                "device" => ("/dev/zero", "it is a device, not a file"),
                "terminal" => ("/dev/tty", "it is a device, not a file"),
                "pipe" => ("pipe", "it is a pipe, not a file"),
                _ => ("large", "it is larger than 4 MiB"),
            };
            rustix::fs::mknodat(
                rustix::fs::CWD,
                context.ws("pipe"),
                rustix::fs::FileType::Fifo,
                0o600.into(),
                0,
            )
            .unwrap();
            context.write("ws/large", &large);
            symlink(target, context.ws(file)).unwrap();
            let command = if file.ends_with("override.yml") {
                &["doctor", "--only", "compose"][..]
            } else {
                &["generate"]
            };

            let ran = context.fitout(command);

            assert_ne!(ran.code, Some(0), "{file} {what}: {}", ran.shown());
            let shown = ran.shown();
            assert!(
                shown.contains(file) && shown.contains(why),
                "{file} {what}: {shown}"
            );
        }
    }
}
