//! What goes wrong between here and a server: each failure has its end, its words and no half repo.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::context::{Ran, TestContext, until};
use crate::http_server::{Behaviour, HttpServer};
use crate::terminal::{Prompt, talk};

/// A workspace with one repo of a server that behaves like this.
fn behaving(context: &TestContext, behaviour: Behaviour) -> HttpServer {
    context.remote("web");
    let server = HttpServer::start(&context.path("remotes"), behaviour);
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    server
}

/// A server may be silent for a second in these tests, over whatever protocol.
fn in_a_hurry(context: &TestContext) {
    context.git(".", &["config", "--global", "http.lowSpeedTime", "1"]);
}

#[track_caller]
fn assert_failed(context: &TestContext, ran: &Ran, reason: &str) {
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(ran.stdout.contains(reason), "{}", ran.shown());
    assert_eq!(context.names("ws"), ["workspace.toml"], "{}", ran.shown());
}

#[test]
fn a_server_with_too_much_to_do_is_left_alone_for_as_long_as_it_says() {
    let context = TestContext::new();
    let server = behaving(
        &context,
        Behaviour {
            busy: Some((2, 429)),
            busy_header: Some("Retry-After: 2"),
            ..Behaviour::default()
        },
    );
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(server.too_early(), 0, "of {}", server.requests());
    assert_eq!(server.requests(), 2 + 3);
}

#[test]
fn a_server_that_takes_only_a_few_at_once_gets_only_a_few_at_once() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            most_at_once: Some(3),
            ..Behaviour::default()
        },
    );
    let entry = |number| format!("[repos.web-{number}]\nurl = \"{}\"\n", server.url("web"));
    context.manifest(&(0..40).map(entry).collect::<Vec<_>>().concat());
    let ran = context.fitout(&["sync", "--no-cache"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(server.refused() > 0, "it is too much at first");
    assert!(server.refused() < 80, "refused {} times", server.refused());
}

#[test]
fn a_pack_that_is_cut_is_asked_for_again() {
    let context = TestContext::new();
    let behaviour = Behaviour {
        cuts_packs: 2,
        ..Behaviour::default()
    };
    let _server = behaving(&context, behaviour);
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context.git("ws/web", &["fsck", "--strict"]);
}

#[test]
fn a_server_that_always_cuts_is_given_up() {
    let context = TestContext::new();
    let behaviour = Behaviour {
        cuts_packs: usize::MAX,
        ..Behaviour::default()
    };
    let _server = behaving(&context, behaviour);
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "the connection to 127.0.0.1 broke");
}

#[test]
fn a_pack_that_is_spoiled_is_no_repo() {
    let context = TestContext::new();
    let behaviour = Behaviour {
        spoils_packs: true,
        ..Behaviour::default()
    };
    let _server = behaving(&context, behaviour);
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "127.0.0.1 sent damaged data");
}

#[test]
fn what_is_no_git_server_is_said_to_be_none() {
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<p>log in</p>\n";
    let reason = "127.0.0.1 doesn't answer like a git server";
    for says in [page, "SSH-2.0-noise\r\n\r\n", "\u{1}\u{2}\u{3}\r\n\r\n"] {
        let context = TestContext::new();
        let server = behaving(
            &context,
            Behaviour {
                says: Some(says),
                ..Behaviour::default()
            },
        );
        let ran = context.fitout(&["sync"]);
        assert_failed(&context, &ran, reason);
        let asked = server.asked();
        let ours = asked.iter().filter(|asked| {
            asked
                .header("user-agent")
                .is_some_and(|agent| agent.contains("oxide"))
        });
        assert!(ours.count() <= 2, "garbage is not asked for again");
    }
}

#[test]
fn nobody_there_and_no_such_host_are_told_apart() {
    for (url, reason) in [
        (
            "http://127.0.0.1:1/web.git",
            "127.0.0.1 refuses the connection",
        ),
        (
            "git://127.0.0.1:1/web.git",
            "127.0.0.1 refuses the connection",
        ),
        (
            "http://no-such-host.invalid/web.git",
            "can't resolve the host no-such-host.invalid",
        ),
        (
            "git://no-such-host.invalid/web.git",
            "can't resolve the host no-such-host.invalid",
        ),
    ] {
        let context = TestContext::new();
        context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
        assert_failed(&context, &context.fitout(&["sync"]), reason);
    }
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let context = TestContext::new();
    in_a_hurry(&context);
    let behaviour = Behaviour {
        holds_packs: true,
        ..Behaviour::default()
    };
    let _server = behaving(&context, behaviour);
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "127.0.0.1 did not answer in time");
}

/// The whole takes longer than a server may be silent; no part of it does.
#[test]
fn a_server_that_is_slow_is_waited_for() {
    let context = TestContext::new();
    context.git(".", &["config", "--global", "http.lowSpeedTime", "2"]);
    let behaviour = Behaviour {
        pause: Some(Duration::from_millis(250)),
        ..Behaviour::default()
    };
    let server = behaving(&context, behaviour);
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(server.requests(), 3, "nothing was asked for twice");
}

#[test]
fn a_daemon_that_is_silent_from_the_start_is_given_up() {
    let context = TestContext::new();
    in_a_hurry(&context);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    context.manifest(&format!(
        "[repos.web]\nurl = \"git://127.0.0.1:{port}/web.git\"\n"
    ));
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "127.0.0.1 did not answer in time");
}

/// An ssh that connects and then says nothing; its process ids go to `home/pids`.
fn silent_ssh(context: &TestContext) {
    let script = format!(
        "#!/bin/sh\necho $$ >> '{}'\nexec sleep 1000\n",
        context.path("home/pids").display()
    );
    context.write_program("bin/ssh", &script);
    let ssh = context.path("bin/ssh").display().to_string();
    context.git(".", &["config", "--global", "core.sshCommand", &ssh]);
    context.manifest("[repos.web]\nurl = \"git@forge.example:web.git\"\n");
}

fn assert_no_ssh_is_left(context: &TestContext) {
    for pid in context.read("home/pids").lines() {
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{pid}"
        );
    }
}

#[test]
fn an_ssh_that_falls_silent_is_ended() {
    let context = TestContext::new();
    in_a_hurry(&context);
    silent_ssh(&context);
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "forge.example did not answer in time");
    assert_no_ssh_is_left(&context);
}

fn interrupted(context: &TestContext, is_waiting: impl Fn() -> bool) -> Ran {
    let child = context
        .fitout_command(&["sync"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("fitout waits", is_waiting);
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(status.success());
    context.ran(&child.wait_with_output().unwrap())
}

/// The server never goes on: only hanging up can end the wait.
#[test]
fn ctrl_c_ends_a_wait_for_a_silent_server_at_once() {
    let context = TestContext::new();
    let behaviour = Behaviour {
        holds_packs: true,
        ..Behaviour::default()
    };
    let server = behaving(&context, behaviour);
    let ran = interrupted(&context, || {
        server.wait_for_held(1);
        true
    });
    assert_eq!(ran.code, Some(130), "{}", ran.shown());
    assert_eq!(context.names("ws"), ["workspace.toml"]);
}

/// On a terminal a login is looked for before the work.
#[test]
fn a_wait_for_a_server_that_says_nothing_is_shown_and_ends_with_ctrl_c() {
    let context = TestContext::new();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    context.manifest(&format!(
        "[repos.web]\nurl = \"http://127.0.0.1:{port}/web.git\"\n"
    ));
    let mut command = context.fitout_command(&["sync"]);
    command.env("TERM", "xterm");
    let (code, screen) = talk(&command, Prompt::Ssh, &[("connecting", "\u{3}")]);
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("1 interrupted"), "{screen}");
    assert_eq!(context.names("ws"), ["workspace.toml"], "{screen}");
}

#[test]
fn ctrl_c_ends_a_wait_for_a_silent_ssh_at_once() {
    let context = TestContext::new();
    silent_ssh(&context);
    let ran = interrupted(&context, || context.path("home/pids").exists());
    assert_eq!(ran.code, Some(130), "{}", ran.shown());
    assert_no_ssh_is_left(&context);
}

/// Lets a command be that of a user who may write nothing here: nobody, where the tests are root's.
fn as_somebody_else(context: &TestContext, arguments: &[&str]) -> Ran {
    let program = context.path("fitout");
    let copy = std::fs::copy(assert_cmd::cargo::cargo_bin!("fitout"), &program);
    copy.unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = context.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&program);
        command
    } else {
        context.command(&program)
    };
    context.git(".", &["config", "--global", "safe.directory", "*"]);
    context.ran(&command.args(arguments).output().unwrap())
}

#[test]
fn a_workspace_that_may_not_be_written_is_said_to_be_so_once() {
    let context = TestContext::new();
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    context.manifest(
        &["web", "api"]
            .map(|name| {
                context.remote(name);
                format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name))
            })
            .concat(),
    );
    let set_mode = |mode: &str, path: &str| {
        let status = Command::new("chmod")
            .args(["-R", mode])
            .arg(context.path(path))
            .status();
        assert!(status.unwrap().success());
    };
    set_mode("a+rX", "");
    set_mode("a-w", "ws");
    let new = as_somebody_else(&context, &["sync"]);
    set_mode("u+w", "ws");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    context.push("web", "new.txt", "new\n");
    context.push("api", "new.txt", "new\n");
    set_mode("a+rX,a-w", "ws");
    let fetched = as_somebody_else(&context, &["sync"]);
    set_mode("u+w", "ws");

    let folder = "[TMP]/ws";
    for ran in [new, fetched] {
        let shown = ran.shown();
        assert_eq!(ran.code, Some(1), "{shown}");
        assert!(
            ran.stdout
                .contains(&format!("no permission to write in `{folder}`")),
            "{shown}"
        );
        assert!(!shown.contains("backend"), "{shown}");
        assert!(!shown.contains("login"), "{shown}");
        assert_eq!(
            shown.matches(&format!("ls -ld {folder}\n")).count(),
            1,
            "{shown}"
        );
    }
}

/// A small file system of its own, as only root can make one.
struct Disk(std::path::PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_is_said_and_leaves_no_half_repo() {
    let context = TestContext::new();
    let _server = behaving(&context, Behaviour::default());
    // Does not compress: digits of a linear congruential generator.
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'!' + u8::try_from(state >> 58).unwrap())
    })
    .take(3 << 20)
    .collect();
    context.push("web", "big.txt", &noise);
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(context.path("ws"))
        .status()
        .unwrap();
    assert!(status.success());
    let _disk = Disk(context.path("ws"));
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    let ran = context.fitout(&["sync"]);
    assert_failed(&context, &ran, "no space left on the disk");
    ran.assert_says("df -h");

    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(context.path("ws"))
        .status();
    assert!(remounted.unwrap().success());
    let ran = context.fitout(&["sync"]);
    assert_failed(
        &context,
        &ran,
        "is on a file system that is mounted read-only",
    );
}

#[test]
#[ignore = "needs root"]
fn a_disk_that_is_full_during_an_update_is_said_and_leaves_the_clone_as_it_was() {
    let context = TestContext::new();
    context.remote("web");
    let tmpfs = |options: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "none"]);
        let status = mount.arg(context.path("ws")).status();
        assert!(status.unwrap().success());
    };
    tmpfs("size=1m");
    let _disk = Disk(context.path("ws"));
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    let head = context.git("ws/web", &["rev-parse", "HEAD"]);
    // Small in a pack, and too big in the work tree.
    context.push("web", "big.txt", &"zero\n".repeat(1 << 19));

    let ran = context.fitout(&["sync"]);

    let told = ran.shown();
    assert_eq!(ran.code, Some(1), "{told}");
    assert!(ran.stdout.contains("no space left on the disk"), "{told}");
    ran.assert_says("df -h");
    assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), head);
    assert_eq!(context.git("ws/web", &["status", "--short"]), "");
    assert!(!context.ws("web/.git/fitout-move").exists(), "{told}");
    tmpfs("remount,size=16m");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(!ran.stdout.contains("killed"), "{}", ran.shown());
}

/// Pushes a commit with a folder of that name, which no git would make.
fn push_a_folder_called(context: &TestContext, name: &str) {
    let work = "work-web";
    let id = context.git(work, &["rev-parse", "HEAD^{tree}"]);
    let digits: Vec<char> = id.chars().collect();
    let bytes = digits.chunks(2).map(|pair| {
        let pair: String = pair.iter().collect();
        u8::from_str_radix(&pair, 16).unwrap()
    });
    let mut tree = format!("40000 {name}\0").into_bytes();
    tree.extend(bytes);
    std::fs::write(context.path("tree"), tree).unwrap();
    let hash = ["hash-object", "-t", "tree", "-w", "--literally", "../tree"];
    let tree = context.git(work, &hash);
    let commit = context.git(work, &["commit-tree", "-p", "HEAD", "-m", "Hostile", &tree]);
    let push = format!("{commit}:refs/heads/main");
    context.git(work, &["push", "--quiet", "origin", &push]);
}

#[test]
fn what_fails_in_a_clone_has_its_own_cause_and_no_address() {
    type Obstacle = (&'static str, fn(&TestContext), &'static str);
    let obstacles: [Obstacle; 3] = [
        (
            "a filter that says nothing",
            |context| {
                for (key, value) in [("smudge", "false"), ("clean", "cat"), ("required", "true")] {
                    let key = format!("filter.fails.{key}");
                    context.git(".", &["config", "--global", &key, value]);
                }
                context.push("web", ".gitattributes", "*.x filter=fails\n");
                context.push("web", "new.x", "new\n");
            },
            "a filter failed without output",
        ),
        (
            "a tree with a folder that is git's own",
            |context| push_a_folder_called(context, ".git"),
            ".git",
        ),
        (
            "a tree that leads out of the clone",
            |context| push_a_folder_called(context, ".."),
            "..",
        ),
    ];
    for (name, obstruct, words) in obstacles {
        let context = TestContext::new();
        context.remote("web");
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        context.fitout(&["sync"]);
        obstruct(&context);

        let ran = context.fitout(&["sync"]);

        let told = format!("{name}: {}", ran.shown());
        assert_eq!(ran.code, Some(1), "{told}");
        assert!(ran.stdout.contains(words), "{told}");
        assert!(!ran.shown().contains("no git repository"), "{told}");
        assert_eq!(context.git("ws/web", &["status", "--short"]), "", "{told}");
    }
}

#[test]
fn a_clone_whose_files_are_elsewhere_is_updated_there() {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    std::fs::create_dir(context.path("elsewhere")).unwrap();
    for entry in ["README.md", "src"] {
        std::fs::rename(
            context.ws("web").join(entry),
            context.path("elsewhere").join(entry),
        )
        .unwrap();
    }
    context.git("ws/web", &["config", "core.worktree", "../../../elsewhere"]);
    context.push("web", "new.txt", "new\n");

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("elsewhere/new.txt"), "new\n");
    assert_eq!(context.names("ws/web"), [".git"]);
}
