//! `fitout db`: which service and client it means, what each client gets, and, with an engine, that real
//! servers answer, in a container and on this machine.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use fitout::workspace::preset;

use crate::context::{Ran, TestContext, free_port, with_docker};

/// Runs what would run in a container here, beside a server's variables that hold the word `secret`.
const DOCKER: &str = r#"#!/bin/sh
case "$*" in
info*) echo '{"ServerVersion":"28.0.0"}'; exit ;;
"compose version"*) echo 2.40.3; exit ;;
*"ps --all --format json") cat "$RUNNING"; exit ;;
esac
shift; kind=$1; shift
while :; do
    case $1 in
    --env) export "$2"; shift 2 ;;
    --entrypoint) shift 2 ;;
    -*) shift ;;
    *) break ;;
    esac
done
service=$1; shift
[ "$1" != sh ] || shift
script=$(printf %s "$2" | sed 's,/opt/kafka/bin/,,'); shift 3
export POSTGRES_USER=postgres POSTGRES_PASSWORD=secret POSTGRES_DB=shop
export MYSQL_ROOT_PASSWORD=secret MYSQL_DATABASE=shop MARIADB_ROOT_PASSWORD=secret MARIADB_DATABASE=shop
export MONGO_INITDB_DATABASE=shop MINIO_ROOT_USER=admin MINIO_ROOT_PASSWORD=secret
printf '%s %s: ' "$kind" "$service"
exec sh -c "$script" sh "$@"
"#;

/// Shows how it was called, and which variables for a client hold the secret.
const CLIENT: &str = r#"#!/bin/sh
printf '%s' "${0##*/}"
for argument in "$@"; do printf ' [%s]' "$argument"; done
env | sed -n 's/^\([A-Z_a-z]*\)=.*secret.*/ \1/p' | grep -v -e ROOT -e POSTGRES | tr -d '\n'
echo
"#;

fn workspace(manifest: &str) -> TestContext {
    let context = TestContext::new();
    context.manifest(manifest);
    context.write_program("bin/docker", DOCKER);
    for client in [
        "awslocal",
        "curl",
        "kafka-topics.sh",
        "mariadb",
        "mc",
        "mongosh",
        "mysql",
        "nc",
        "psql",
        "rabbitmqctl",
        "redis-cli",
        "valkey-cli",
    ] {
        context.write_program(&format!("bin/{client}"), CLIENT);
    }
    context.write("running", "");
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    context
}

fn runs(context: &TestContext, services: &[&str]) {
    let line = |service: &&str| {
        format!("{{\"Service\":\"{service}\",\"Name\":\"{service}-1\",\"State\":\"running\"}}\n")
    };
    context.write("running", &services.iter().map(line).collect::<String>());
}

fn fitout_in(context: &TestContext, folder: &str, arguments: &[&str]) -> Ran {
    let path = std::env::var("PATH").unwrap();
    let mut command = context.fitout_command(arguments);
    command
        .current_dir(context.path(folder))
        .env("RUNNING", context.path("running"))
        .env("PATH", format!("{}:{path}", context.path("bin").display()));
    context.ran(&command.output().unwrap())
}

/// The presets that have a client.
fn with_client() -> Vec<&'static str> {
    let has_client = |name: &&str| preset::find(name).unwrap().client.is_some();
    preset::names().filter(has_client).collect()
}

fn manifest_of_all(more: &str) -> String {
    let tables = preset::names()
        .map(|name| format!("[services.{name}]\npreset = \"{name}\"\nports = []\n{more}\n"));
    tables.collect()
}

#[test]
fn every_client_finds_its_server_and_gets_the_password_unseen() {
    let context = workspace(&manifest_of_all(""));
    runs(&context, &with_client());
    let mut shown = String::new();
    for name in with_client() {
        for arguments in [&["db", name][..], &["db", name, "--", "/a", "b c"]] {
            let ran = fitout_in(&context, "ws", arguments);
            assert_eq!(ran.code, Some(0), "{name}: {}", ran.shown());
            shown.push_str(&ran.stdout);
        }
    }
    assert!(!shown.contains("secret"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn every_client_goes_the_way_of_containers_to_a_server_on_this_machine() {
    let context = workspace(&manifest_of_all("runs_on = \"host\""));
    context.write("ws/.env", "MYSQL_USER=me\nPOSTGRES_PORT=5433\n");
    context.write("ws/workspace.local.toml", "[host]\nip = \"10.1.2.3\"\n");
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    let mut shown = String::new();
    for name in with_client() {
        let ran = fitout_in(&context, "ws", &["db", name]);
        let expected = i32::from(name == "rabbitmq");
        assert_eq!(ran.code, Some(expected), "{name}: {}", ran.shown());
        shown.push_str(&ran.stdout);
        shown.push_str(&ran.stderr);
    }
    insta::assert_snapshot!(shown);
}

const COMPANY: &str = r#"[git]
base_url = "git@example.com:acme/"

[repos.api]
[repos.web]

[services.api]
repo = "api"
depends_on = ["orders", "cache"]

[services.web]
repo = "web"
depends_on = ["cache"]

[services.orders]
preset = "postgres"

[services.people]
preset = "postgres"
ports = []

[services.cache]
preset = "redis"

[services.mail]
preset = "mailpit"

[services.search]
image = "busybox:1.37"
"#;

#[test]
fn the_service_that_is_meant_is_found() {
    let context = workspace(COMPANY);
    runs(&context, &["orders", "people", "cache"]);
    for folder in ["ws/api/src", "ws/web"] {
        fs::create_dir_all(context.path(folder)).unwrap();
    }
    let cases = [
        ("ws/api/src", &["db"][..], "exec orders: psql"),
        ("ws/web", &["db"], "exec cache: redis-cli"),
        ("ws/web", &["db", "people"], "exec people: psql"),
    ];
    for (folder, arguments, expected) in cases {
        let ran = fitout_in(&context, folder, arguments);
        assert!(
            ran.stdout.starts_with(expected),
            "{folder}: {}",
            ran.shown()
        );
    }
}

#[test]
fn what_is_wrong_is_said() {
    let context = workspace(COMPANY);
    runs(&context, &["orders"]);
    let cases = [
        (&["db"][..], 2, "hint: name one: orders, people, cache"),
        (&["db", "ordrs"], 2, "did you mean `orders`?"),
        (&["db", "search"], 2, "`search` is not a preset"),
        (
            &["db", "mail"],
            1,
            "open it in the browser: `fitout open mail`",
        ),
        (
            &["db", "people"],
            1,
            "`people` has no containers yet\n\nhint: to start it: fitout up people",
        ),
    ];
    for (arguments, code, words) in cases {
        let ran = fitout_in(&context, "ws", arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.shown());
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.shown());
    }
    let mut command = context.fitout_command(&["db", "orders"]);
    let ran = context.ran(&command.env("PATH", context.path("home")).output().unwrap());
    assert!(
        ran.stderr.starts_with("error: Docker is not installed\n"),
        "{}",
        ran.shown()
    );
}

mod with_engine {
    use super::*;
    use crate::host::Cluster;

    /// A database and a cache. Leaves nothing behind.
    struct Stack {
        context: TestContext,
        name: String,
    }

    impl Stack {
        fn new() -> Self {
            let name = format!("fitout-db-{}", free_port());
            let stack = Stack {
                context: TestContext::new(),
                name: name.clone(),
            };
            for server in ["postgres", "redis"] {
                stack.docker(&[
                    "tag",
                    &format!("fitout-test-{server}:1"),
                    &format!("{server}:18-{name}"),
                ]);
            }
            stack.context.manifest(&format!(
                "[workspace]\nname = \"{name}\"\n\n\
                 [services.db]\npreset = \"postgres\"\ntag = \"18-{name}\"\nports = []\n\n\
                 [services.cache]\npreset = \"redis\"\ntag = \"18-{name}\"\nports = []\n"
            ));
            stack
        }

        fn docker(&self, arguments: &[&str]) -> String {
            let mut command = self.context.command("docker");
            let output = with_docker(&mut command).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }

        fn fitout(&self, arguments: &[&str], input: &str) -> Ran {
            let mut command = self.context.fitout_command(arguments);
            let mut child = with_docker(&mut command)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // A command that fails early reads nothing.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            self.context.ran(&child.wait_with_output().unwrap())
        }
    }

    impl Drop for Stack {
        fn drop(&mut self) {
            self.docker(&["compose", "down", "--volumes", "--timeout", "1"]);
            for server in ["postgres", "redis"] {
                self.docker(&["rmi", "--no-prune", &format!("{server}:18-{}", self.name)]);
            }
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn real_servers_answer_in_containers_and_on_this_machine() {
        let stack = Stack::new();
        let password = format!("wanted-{}", stack.name);
        stack
            .context
            .write("ws/.env", &format!("DB_PASSWORD={password}\n"));
        let up = stack.fitout(&["up"], "");
        assert_eq!(up.code, Some(0), "{}", up.shown());

        let asked = stack.fitout(&["db", "--", "-At"], "select 6 * 7;\n");
        assert_eq!(
            (asked.stdout.as_str(), asked.code),
            ("42\n", Some(0)),
            "{}",
            asked.shown()
        );
        let wrong = stack.fitout(&["db", "--", "-v", "ON_ERROR_STOP=1"], "select wrong;\n");
        assert_eq!(wrong.code, Some(3), "psql's own status: {}", wrong.shown());
        let ping = stack.fitout(&["db", "cache", "--", "ping"], "");
        assert_eq!(ping.stdout, "PONG\n", "{}", ping.shown());
        let seen = "select count(*) from pg_stat_activity where application_name = 'psql'";
        let seen = stack.fitout(&["db", "db", "--", "-Atc", seen], "");
        assert_eq!(seen.stdout, "1\n", "{}", seen.shown());

        // While a client works, no process of the machine shows the password.
        let mut command = stack
            .context
            .fitout_command(&["db", "--", "-c", "select pg_sleep(3)"]);
        let mut child = with_docker(&mut command)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut has_worked = false;
        while child.try_wait().unwrap().is_none() {
            let lines = command_lines();
            assert!(!lines.contains(&password), "{lines}");
            has_worked |= lines.contains("psql\0-h\x00127.0.0.1");
        }
        assert!(has_worked, "no client was seen");

        let port = free_port();
        let env = stack.context.read("ws/.env");
        let env = env.replace(&password, "postgres");
        stack
            .context
            .write("ws/.env", &format!("DB_PORT={port}\n{env}"));
        let ran = stack.fitout(&["use", "db", "host", "--no-restart"], "");
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let data = Cluster::new();
        let _server = data.start("*", port);
        let ran = stack.fitout(&["db", "--", "-At"], "select inet_server_port();\n");
        assert_eq!(
            (ran.stdout.as_str(), ran.code),
            (format!("{port}\n").as_str(), Some(0)),
            "{}",
            ran.shown()
        );
        let containers = stack.docker(&["ps", "--all", "--format", "{{.Names}}"]);
        let left = format!("{}-db-run", stack.name);
        assert!(!containers.contains(&left), "{containers}");
    }

    /// The arguments of all processes of this machine.
    fn command_lines() -> String {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}
