//! Workspaces whose manifest, files and remotes were made by somebody who means harm. Each has to be
//! refused, or to do no more than a friendly one would.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::thread;

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
        ran.assert_says("a name that fitout uses");
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
    ran.assert_says("contains a control character");
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
        ("g", "later/.git", "g/hooks", "", "`g` is a broken link"),
        ("g", "../gone", "g/hooks", "", "`g` is a broken link"),
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

#[test]
fn aliases_that_repeat_too_much_are_an_error_with_file_and_limit() {
    use std::fmt::Write as _;
    let mut aliases = "services: {}\nx-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..7 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(aliases, "x-{level}: &a{level} [{before}]").unwrap();
    }
    let deep = format!(
        "services: {{}}\nx: {}{}\n",
        "[".repeat(200),
        "]".repeat(200)
    );
    for (text, limit) in [
        (&aliases, "expand to more than 100000 values"),
        (&deep, "more than 128 levels deep"),
    ] {
        for file in ["docker-compose.override.yml", "compose.mine.yml"] {
            let context = TestContext::new();
            context.manifest("[services.db]\npreset = \"postgres\"\n");
            assert_eq!(context.fitout(&["generate"]).code, Some(0));
            let compose = context.read("ws/docker-compose.yml");
            context.write(&format!("ws/{file}"), text);
            let of_compose = format!("COMPOSE_FILE=docker-compose.yml:{file}\n");
            context.write("ws/.env", &of_compose);
            let commands: &[&[&str]] = match file {
                "compose.mine.yml" => &[&["down", "--volumes"], &["stop"], &["compose", "ps"]],
                _ => &[
                    &["generate"],
                    &["up", "--no-sync"],
                    &["down", "--volumes"],
                    &["doctor", "--only", "compose"],
                ],
            };
            for command in commands {
                let ran = context.fitout(command);
                let shown = ran.shown();
                assert_eq!(ran.code, Some(1), "{command:?} {shown}");
                assert!(shown.contains(file), "{command:?} {shown}");
                assert!(shown.contains(limit), "{command:?} {shown}");
            }
            assert_eq!(context.read("ws/docker-compose.yml"), compose);
        }
    }
}

/// What a terminal would obey, in all kinds.
const OBEYED: &str = "\u{1b}[2J\u{9b}2J\u{202e}x\u{2066}\u{61c}\u{8}\r\u{7f}\u{2028}";

/// Holds that no character of others is one that a terminal obeys; a style of fitout's own may be.
#[track_caller]
fn assert_obeyed_by_no_terminal(text: &str) {
    let is_obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}".contains(c)
    };
    let mut rest = text;
    while let Some(at) = rest.find(is_obeyed) {
        let style = rest[at..].strip_prefix("\u{1b}[").and_then(|codes| {
            let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            codes[end..].strip_prefix('m')
        });
        rest = style.unwrap_or_else(|| panic!("{:?} in:\n{text:?}", &rest[at..]));
    }
}

/// A git server that answers everybody with `ERR` and this.
fn server_that_says(words: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let line = format!("ERR {words}");
            let _ = write!(stream, "{:04x}{line}", line.len() + 4);
        }
    });
    port
}

#[test]
fn what_a_server_says_is_shown_as_it_is_and_obeyed_by_no_terminal() {
    let port = server_that_says(format!("{OBEYED}\nhint: sh evil{}", "y".repeat(60_000)));
    let context = TestContext::new();
    context.manifest(&format!(
        "[repos.web]\nurl = \"git://127.0.0.1:{port}/web.git\"\n"
    ));
    for format in ["text", "json"] {
        for color in ["always", "never"] {
            let arguments = ["sync", "-v", "--color", color, "--format", format];
            let output = context.fitout_command(&arguments).output().unwrap();
            let (stdout, stderr) = (
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap(),
            );
            assert_obeyed_by_no_terminal(&stdout);
            assert_obeyed_by_no_terminal(&stderr);
            assert!((stdout + &stderr).contains("sh evil"));
            assert!(stderr.lines().all(|line| line.chars().count() < 3000));
            assert!(!stderr.lines().any(|line| line.starts_with("hint: sh evil")));
        }
    }
}

#[test]
fn names_of_others_are_obeyed_by_no_terminal() {
    let context = with_repo_at("web", "");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    // git takes no control characters in a branch, but these two.
    let branch = "top\u{9b}2J\u{202e}ic";
    context.git("ws/web", &["switch", "--quiet", "--create", branch]);
    let url = format!("https://git.example/{OBEYED}");
    context.git(".", &["init", "--quiet", "ws/other"]);
    context.git("ws/other", &["remote", "add", "origin", &url]);
    let file = "Dockerfile.\u{1b}[2J\u{9b}";
    context.write(
        &format!("ws/web/{file}"),
        "FROM x:latest\nRUN \u{9b}2J\u{1b}[2J \\\n",
    );
    context.write(
        "ws/web/Dockerfile",
        "FROM x:latest\nRUNN \u{9b}2J\u{1b}[2J\u{202e}\n",
    );
    let manifest = context.read("ws/workspace.toml");
    for (manifest, arguments) in [
        (manifest.clone(), &["sync"][..]),
        (manifest.clone(), &["sync", "--dry-run"]),
        (manifest.clone(), &["status"]),
        (manifest.clone(), &["doctor", "--only", "repos"]),
        (manifest.clone(), &["lint"]),
        (manifest.clone(), &["foreach", "true"]),
        (
            format!("{manifest}\n[services.\"a\u{9b}2J\u{202e}\"]\nimage = \"x\"\n"),
            &["generate"],
        ),
        (
            format!("{manifest}\nbranch = \"\\u001b[2J\\u009b\"\n"),
            &["generate"],
        ),
        (
            format!("{manifest}\n# \u{1b}[2J\u{9b}\u{202e}\n"),
            &["generate"],
        ),
        (
            format!("{manifest}\n[services.db]\nimage = \"x\u{9b}\u{202e}\"\n"),
            &["generate", "--diff"],
        ),
    ] {
        context.manifest(&manifest);
        for color in ["always", "never"] {
            let mut arguments = arguments.to_vec();
            arguments.extend(["--color", color]);
            let output = context.fitout_command(&arguments).output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_obeyed_by_no_terminal(&said);
        }
    }
}

#[test]
fn a_mark_for_styles_in_a_file_is_no_style() {
    let source = "x = [\n\u{fdd0}[31m\u{1b}[32m\n";
    let (_, problems) = fitout::manifest::decode::manifest(source);
    assert!(!problems.is_empty());
    let report = fitout::manifest::Report::new("workspace.toml", source, problems);
    let shown = fitout::markup::shown::text(&report.to_string());
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn nor_is_one_in_a_diff() {
    let context = TestContext::new();
    context.remote("web");
    // No style of fitout's own is magenta.
    let mark = "\u{fdd0}[35m";
    context.manifest(&format!(
        "[repos.web]\nurl = \"../remotes/web.git\"\n\n# {mark}\n[services.store]\nimage = \"busybox:1\"\n\
         environment = {{ A = \"{mark}\" }}\n[services.app]\nrepo = \"web\"\n"
    ));
    context.fitout(&["sync"]);
    context.fitout(&["generate"]);
    let compose = context
        .read("ws/docker-compose.yml")
        .replace("busybox", "other");
    context.write("ws/docker-compose.yml", &compose);
    let dockerfile = format!("FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci # {mark}\n");
    context.write("ws/web/Dockerfile", &dockerfile);
    for arguments in [
        &["lint"][..],
        &["generate", "--diff"],
        &["remove", "store", "--yes"],
    ] {
        let arguments = [arguments, &["--color", "always"]].concat();
        let output = context.fitout_command(&arguments).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.contains("\u{1b}[35m"), "{arguments:?}: {said:?}");
        assert!(
            said.contains("[35m") || arguments[0] == "use",
            "{arguments:?}: {said:?}"
        );
    }
}

/// Each takes seconds or gigabytes where its growth has no bound; a limit of memory ends it then.
#[test]
fn what_grows_without_end_is_refused_or_given_up() {
    let aliases = (1..12)
        .map(|level| {
            let before = format!("*a{}, ", level - 1).repeat(10);
            format!("a{level}: &a{level} [{before}]\n")
        })
        .collect::<Vec<_>>()
        .concat();
    let variables = (1..12)
        .map(|level| format!("ENV A{level}={}\n", format!("$A{}", level - 1).repeat(10)))
        .collect::<Vec<_>>()
        .concat();
    let stages = (1..3000)
        .map(|stage| format!("FROM s{} AS s{stage}\nENV V{stage}=1\n", stage - 1))
        .collect::<Vec<_>>()
        .concat();
    let web = "[repos.web]\nurl = \"x\"\n[services.web]\nrepo = \"web\"\n".to_owned();
    let wrong = (0..20_000)
        .map(|table| format!("[services.s{table}]\nimgae = \"x\"\n"))
        .collect::<Vec<_>>()
        .concat();
    let ports = "\"1-65535:1-65535\", ".repeat(20);
    for (manifest, file, text, arguments, expected) in [
        (
            web.clone(),
            "docker-compose.override.yml",
            format!("a0: &a0 [x]\n{aliases}"),
            &["generate"][..],
            "expand to more than 100000 values",
        ),
        (
            web.clone(),
            "web/Dockerfile.dev",
            format!("FROM a\nENV A0=xxxxxxxxxx\n{variables}"),
            &["lint"],
            "1 Dockerfile",
        ),
        (
            web,
            "web/Dockerfile.dev",
            format!("FROM a AS s0\n{stages}"),
            &["lint"],
            "1 Dockerfile",
        ),
        (
            wrong,
            "x",
            String::new(),
            &["generate"],
            "these are the first 100; 40000 problems",
        ),
        (
            format!("[services.x]\nimage = \"x\"\nports = [{ports}]\n"),
            "x",
            String::new(),
            &["generate"],
            "more than 20000 ports are published",
        ),
    ] {
        let context = TestContext::new();
        context.manifest(&manifest);
        context.write(&format!("ws/{file}"), &text);
        let fitout = context.fitout_command(arguments);
        let mut limited = context.command("sh");
        limited.args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\""]);
        let limited = limited.arg(fitout.get_program()).args(fitout.get_args());

        let ran = context.ran(&limited.output().unwrap());

        assert!(ran.shown().contains(expected), "{file}: {}", ran.shown());
    }
}
