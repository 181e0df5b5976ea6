//! The commands of every day: which service and folder they mean, what they say before Docker is
//! asked, and, with an engine, that they do it.

use std::process::Command;

use crate::context::{Ran, TestContext, free_port, with_docker};
use crate::terminal::{Prompt, talk};

const MANIFEST: &str = r#"[git]
base_url = "git@example.com:acme/"

[repos.api]
[repos.shop]

[services.api]
repo = "api"
ports = ["3000:3000"]

[services.web]
repo = "shop"
context = "web"

[services.admin]
repo = "shop"
context = "admin"

[services.store]
image = "busybox:1.37"
"#;

/// A workspace whose `docker` prints how it was called, and has an engine.
fn recorded() -> TestContext {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    context.write_program(
        "bin/docker",
        "#!/bin/sh\ncase $1 in info) echo '{\"ServerVersion\":\"28.0.0\"}'; exit;; esac\n\
         case \"$*\" in *'ps --all --format json') cat ../running; exit;; esac\n\
         case \"$*\" in 'compose version'*) echo 2.40.3; exit;; esac\n\
         echo \"docker $*\"; pwd; exit 7\n",
    );
    context.write(
        "running",
        r#"{"Service":"api","Name":"api-1","State":"running","Publishers":[{"URL":"127.0.0.1","TargetPort":3000,"PublishedPort":3000,"Protocol":"tcp"}]}
{"Service":"store","Name":"store-1","State":"running"}
{"Service":"web","Name":"web-1","State":"exited","ExitCode":1}
"#,
    );
    for folder in ["ws/api/src", "ws/shop/web", "ws/shop/admin"] {
        std::fs::create_dir_all(context.path(folder)).unwrap();
    }
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    context
}

fn fitout_in(context: &TestContext, folder: &str, arguments: &[&str]) -> Ran {
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", context.path("bin").display());
    let mut command = context.fitout_command(arguments);
    command.current_dir(context.path(folder)).env("PATH", path);
    context.ran(&command.output().unwrap())
}

#[test]
fn each_command_becomes_compose_in_the_workspace_and_passes_its_status_on() {
    let context = recorded();
    let cases: &[(&str, &[&str], &str)] = &[
        ("ws", &["logs"], "logs"),
        (
            "ws",
            &["logs", "-f", "-n", "5", "store"],
            "logs --follow --tail 5 store",
        ),
        ("ws/api/src", &["logs"], "logs api"),
        ("ws/api/src", &["logs", "--all"], "logs"),
        ("ws/shop", &["logs"], "logs web admin"),
        ("ws/shop/web", &["restart"], "restart web"),
        ("ws/api", &["stop", "store"], "stop store"),
        (
            "ws/api",
            &["exec", "npm", "test", "--", "-x"],
            "exec -T api npm test -- -x",
        ),
        (
            "ws/api",
            &["exec", "store", "ls", "-l"],
            "exec -T store ls -l",
        ),
        ("ws", &["run", "api", "env"], "run --rm -T api env"),
        ("ws/api", &["ps"], "ps"),
        ("ws", &["stats"], "stats --no-stream"),
        ("ws", &["down"], "down"),
        ("ws", &["down", "--volumes", "--yes"], "down --volumes"),
        ("ws/api", &["compose", "up", "--help", "-q"], "up --help -q"),
    ];
    for (folder, arguments, expected) in cases {
        let ran = fitout_in(&context, folder, arguments);
        let expected = format!("docker compose {expected}\n[TMP]/ws\n");
        assert_eq!(
            ran.stdout,
            expected,
            "{arguments:?} in {folder}: {}",
            ran.shown()
        );
        assert_eq!(ran.code, Some(7), "{arguments:?}");
    }
}

/// fitout with a `docker` and a browser of the test's own, on a terminal.
fn on_a_terminal(context: &TestContext, arguments: &[&str]) -> (Option<i32>, String) {
    let path = std::env::var("PATH").unwrap();
    let mut command = context.fitout_command(arguments);
    command
        .env("DISPLAY", ":0")
        .env("PATH", format!("{}:{path}", context.path("bin").display()));
    talk(&command, Prompt::Ours, &[])
}

#[test]
fn a_shell_gets_the_terminal() {
    let (code, screen) = on_a_terminal(&recorded(), &["sh", "store"]);
    let start = "docker compose exec store sh -c if command -v bash";
    assert!(screen.starts_with(start), "{screen}");
    assert_eq!(code, Some(7), "{screen}");
}

#[test]
fn a_page_opens_in_the_browser_and_in_a_pipe_its_address_is_printed() {
    let context = recorded();
    context.write_program("bin/xdg-open", "#!/bin/sh\necho \"$1\" > ../opened\n");

    let piped = fitout_in(&context, "ws/api/src", &["open"]);
    assert_eq!(piped.stdout, "http://localhost:3000\n", "{}", piped.shown());
    assert!(!crate::context::exists(context.path("opened")));

    let ended = on_a_terminal(&context, &["open", "api"]);
    assert_eq!(ended, (Some(0), String::new()));
    assert_eq!(context.read("opened"), "http://localhost:3000\n");
}

#[test]
fn what_is_wrong_is_said_before_docker_is_asked() {
    let context = recorded();
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("ws", &["logs", "stor"], 2, "did you mean `store`?"),
        ("ws", &["sh"], 2, "which service?"),
        ("ws/shop", &["sh"], 2, "name one: web, admin"),
        (
            "ws",
            &["exec", "store"],
            2,
            "to open a shell: fitout sh store",
        ),
        ("ws", &["exec", "stor", "ls"], 2, "did you mean `store`?"),
        ("ws", &["sh", "web"], 1, "to see its logs: fitout logs web"),
        ("ws", &["sh", "admin"], 1, "`admin` has no containers yet"),
        (
            "ws",
            &["down", "--volumes"],
            2,
            "fitout down --volumes --yes",
        ),
        ("ws", &["test", "store"], 2, "`store` has no `test` command"),
    ];
    for (folder, arguments, code, words) in cases {
        let ran = fitout_in(&context, folder, arguments);
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {}", ran.shown());
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.shown());
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    std::fs::remove_file(context.ws("docker-compose.yml")).unwrap();
    let ran = fitout_in(&context, "ws", &["ps"]);
    ran.assert_says("run `fitout generate`");
}

#[test]
fn without_docker_it_is_docker_that_is_missing() {
    let context = recorded();
    let mut command = context.fitout_command(&["logs"]);
    let ran = context.ran(&command.env("PATH", context.path("home")).output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.starts_with("error: Docker is not installed\n"),
        "{}",
        ran.shown()
    );
}

mod with_engine {
    use super::*;
    use crate::context::until;

    /// A store with data, and a service that is built, needs it and is tested. Leaves nothing behind.
    struct Stack(TestContext, String);

    impl Stack {
        fn new(test: &str, dockerfile: &str) -> Self {
            let context = TestContext::new();
            context.remote("api");
            context.push("api", "Dockerfile.dev", dockerfile);
            let name = format!("fitout-day-two-{}-{}", std::process::id(), free_port());
            context.manifest(&format!(
                r#"[workspace]
name = "{name}"

[repos.api]
url = "../remotes/api.git"

[services.api]
repo = "api"
depends_on = ["store"]
command = ["sleep", "600"]
test = '{test}'

[services.store]
image = "busybox:1.37"
command = ["sh", "-c", "test -e /data/born || hostname > /data/born; httpd -f -p 8080 -h /data"]
volumes = ["store-data:/data"]
ports = ["{port}:8080"]
healthcheck = {{ test = ["CMD", "wget", "-q", "-O-", "http://127.0.0.1:8080/born"], interval = "1s" }}
"#,
                port = free_port(),
            ));
            Stack(context, name)
        }

        fn docker(&self, arguments: &[&str]) -> String {
            let mut command = self.0.command("docker");
            let output = with_docker(&mut command).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        }

        fn command(&self, arguments: &[&str]) -> Command {
            let mut command = self.0.fitout_command(arguments);
            with_docker(&mut command);
            command
        }

        fn fitout(&self, arguments: &[&str]) -> Ran {
            self.0.ran(&self.command(arguments).output().unwrap())
        }

        /// Containers, volumes, networks and images of test projects.
        fn leftovers(&self) -> String {
            let lists: [&[&str]; 4] = [
                &["ps", "--all", "--format", "{{.Names}}"],
                &["network", "ls", "--format", "{{.Name}}"],
                &["volume", "ls", "--format", "{{.Name}}"],
                &["image", "ls", "--format", "{{.Repository}}"],
            ];
            let found = lists.map(|list| self.docker(list));
            let test = format!("{}-test-", self.1);
            let lines = found.iter().flat_map(|list| list.lines());
            lines.filter(|line| line.contains(&test)).collect()
        }
    }

    impl Drop for Stack {
        fn drop(&mut self) {
            let down = ["down", "--volumes", "--rmi", "local", "--timeout", "1"];
            self.docker(&[&["compose", "-p", &self.1][..], &down].concat());
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn tests_run_beside_the_stack_pass_their_status_on_and_leave_nothing() {
        let stack = Stack::new(
            "wget -q -O- http://store:8080/born; exit 42",
            "FROM busybox:1.37\n",
        );
        let up = stack.fitout(&["up"]);
        assert_eq!(up.code, Some(0), "{}", up.shown());
        let born = stack.fitout(&["exec", "store", "cat", "/data/born"]);
        assert_eq!(born.code, Some(0), "{}", born.shown());

        let tested = stack.fitout(&["test", "api"]);
        assert_eq!(tested.code, Some(42), "{}", tested.shown());
        // The store that the tests saw is another one, with data of its own.
        assert!(!tested.stdout.trim().is_empty(), "{}", tested.shown());
        assert!(
            !tested.stdout.contains(born.stdout.trim()),
            "{}",
            tested.shown()
        );
        assert_eq!(stack.leftovers(), "");

        let still = stack.fitout(&["exec", "store", "cat", "/data/born"]);
        assert_eq!(still.stdout, born.stdout);
        assert_eq!(
            stack.fitout(&["exec", "api", "sh", "-c", "exit 9"]).code,
            Some(9)
        );
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_build_that_fails_leaves_nothing() {
        let stack = Stack::new("true", "FROM busybox:1.37\nRUN exit 3\n");
        assert_eq!(stack.fitout(&["sync"]).code, Some(0));
        assert_eq!(stack.fitout(&["generate"]).code, Some(0));
        let tested = stack.fitout(&["test", "api"]);
        assert!(!matches!(tested.code, Some(0) | None), "{}", tested.shown());
        assert_eq!(stack.leftovers(), "");
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_signal_ends_the_tests_and_leaves_nothing() {
        let stack = Stack::new("echo begun; sleep 300", "FROM busybox:1.37\n");
        assert_eq!(stack.fitout(&["sync"]).code, Some(0));
        assert_eq!(stack.fitout(&["generate"]).code, Some(0));
        let mut command = stack.command(&["test", "api"]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let running = format!("name={}-test-api", stack.1);
        let one_off = "label=com.docker.compose.oneoff=True";
        until("the tests begin", || {
            let asked = ["ps", "-q", "--filter", &running, "--filter", one_off];
            !stack.docker(&asked).is_empty()
        });
        let interrupt = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(interrupt.success());
        let ran = stack.0.ran(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(130), "{}", ran.shown());
        assert_eq!(stack.leftovers(), "");
    }
}
