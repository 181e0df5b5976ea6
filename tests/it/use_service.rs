//! `fitout use`: what it writes and what it leaves alone, and, with an engine and two real servers of
//! `PostgreSQL`, that a running stack moves from one to the other and back without losing anything.

use std::net::TcpListener;

use crate::context::{Ran, TestContext, free_port, with_docker};

const MANIFEST: &str = r#"[repos.web]
url = "../remotes/web.git"

[services.web]
repo = "web"
depends_on = ["db"]

[services.db]
preset = "postgres"

[services.cache]
preset = "redis"
runs_on = "host"

[services.search]
image = "busybox:1.37"
"#;

fn workspace() -> TestContext {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    context
}

/// Without a `docker` on PATH.
fn without_docker(context: &TestContext, arguments: &[&str]) -> Ran {
    let mut command = context.fitout_command(arguments);
    context.ran(&command.env("PATH", context.path("home")).output().unwrap())
}

#[test]
fn what_can_be_switched_is_shown_with_who_says_where_it_runs() {
    let context = workspace();
    context.write(
        "ws/workspace.local.toml",
        "[services.db]\nruns_on = \"host\"\n",
    );
    insta::assert_snapshot!(without_docker(&context, &["use"]).shown(), @r"
    exit: 0
    --- stdout
    service  preset    runs on  set in
    db       postgres  host     workspace.local.toml
    cache    redis     host     workspace.toml
    --- stderr
    ");
}

#[test]
fn two_files_change_and_come_back_as_they_were() {
    let context = workspace();
    let own =
        "# Mine\r\nprofiles = []   # none\r\n\r\n[services.cache]\r\nports = [\"6380:6379\"]\r\n";
    context.write("ws/workspace.local.toml", own);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let env = format!("DB_PORT={port}\n{}", context.read("ws/.env"));
    context.write("ws/.env", &env);
    assert_eq!(context.fitout(&["generate"]).code, Some(0));
    let env = context.read("ws/.env");
    let others = || {
        [
            context.read("ws/docker-compose.yml"),
            context.read("ws/.gitignore"),
            context.read("ws/workspace.toml"),
        ]
    };
    let before = others();

    let ran = without_docker(&context, &["use", "db", "host"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    for words in [
        "updated workspace.local.toml\nupdated .env\n",
        "so nothing was restarted",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.shown());
    }
    let personal = context.read("ws/workspace.local.toml");
    assert_eq!(
        personal,
        format!("{own}\r\n[services.db]\r\nruns_on = \"host\"\r\n")
    );
    let host = context.read("ws/.env");
    assert!(host.contains("\nDB_CONTAINERS=0\n"), "{host}");
    assert!(host.starts_with(&format!("DB_PORT={port}\n")), "{host}");
    assert_eq!(others(), before);

    let again = without_docker(&context, &["use", "db", "host"]);
    again.assert_says("db already runs on this machine");

    let ran = without_docker(&context, &["use", "db", "container"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(context.read("ws/workspace.local.toml"), own);
    assert_eq!(context.read("ws/.env"), env);
    assert_eq!(others(), before);
    // A port of the host's server is not the container's.
    let words = "warning: `DB_PORT` is set in .env, outside of fitout's block";
    ran.assert_says(words);
}

#[test]
fn a_new_personal_file_says_what_it_is_and_git_ignores_it() {
    let context = workspace();
    context.git("ws", &["init", "--quiet"]);
    let ran = without_docker(&context, &["use", "db", "cache", "host", "--no-restart"]);
    // Nothing listens in this test's choice of ports.
    assert!(
        ran.stderr
            .starts_with("wrote workspace.local.toml\nupdated .env\n"),
        "{}",
        ran.shown()
    );
    insta::assert_snapshot!(context.read("ws/workspace.local.toml"), @r#"
    # One person's choices on one machine; never committed. They go over what workspace.toml says.

    [services.db]
    runs_on = "host"
    "#);
    assert_eq!(
        context.git("ws", &["check-ignore", "workspace.local.toml"]),
        "workspace.local.toml"
    );

    let ran = without_docker(&context, &["use", "cache", "container"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let personal = context.read("ws/workspace.local.toml");
    assert!(
        personal.ends_with("\n[services.cache]\nruns_on = \"container\"\n"),
        "{personal}"
    );
    let env = context.read("ws/.env");
    assert!(
        env.contains("\nCACHE_HOST=cache\nCACHE_CONTAINERS=1\nCACHE_PULL_POLICY=missing\n"),
        "{env}"
    );
}

#[test]
fn a_server_that_is_not_there_is_told_and_the_choice_is_written() {
    let context = workspace();
    let env = context.read("ws/.env");
    context.write("ws/.env", &format!("DB_PORT={}\n{env}", free_port()));
    let ran = without_docker(&context, &["use", "db", "host"]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    for words in [
        "error: the choice was written, but db is not reachable from containers yet",
        "`db` runs on this machine, but nothing listens on port",
        "hint: to check again: fitout doctor --deep --only host",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.shown());
    }
    assert!(context.read("ws/.env").contains("\nDB_CONTAINERS=0\n"));
}

#[test]
fn a_dry_run_prints_and_writes_nothing() {
    let context = workspace();
    let personal = "[host]\nip = \"10.1.2.3\"\n";
    context.write("ws/workspace.local.toml", personal);
    context.fitout(&["generate"]);
    let env = context.read("ws/.env");
    let ran = without_docker(&context, &["use", "cache", "container", "--dry-run"]);
    insta::assert_snapshot!(ran.shown(), @r#"
    exit: 0
    --- stdout
    would write workspace.local.toml
    +
    +[services.cache]
    +runs_on = "container"
    would write .env
    -CACHE_HOST=10.1.2.3
    -CACHE_CONTAINERS=0
    -CACHE_PULL_POLICY=never
    +CACHE_HOST=cache
    +CACHE_CONTAINERS=1
    +CACHE_PULL_POLICY=missing
    --- stderr
    warning: Docker is not installed, so nothing was restarted
    "#);
    assert_eq!(context.read("ws/.env"), env);
    assert_eq!(context.read("ws/workspace.local.toml"), personal);
}

#[test]
fn a_variable_that_goes_over_the_choice_is_named() {
    let context = workspace();
    let env = context.read("ws/.env");
    context.write("ws/.env", &format!("DB_CONTAINERS=1\n{env}"));
    let ran = without_docker(&context, &["use", "db", "host"]);
    let words = "warning: `DB_CONTAINERS` is set in .env, outside of fitout's block, and overrides";
    ran.assert_says(words);

    let mut command = context.fitout_command(&["use", "db", "container", "--no-restart"]);
    let ran = context.ran(&command.env("DB_HOST", "10.0.0.5").output().unwrap());
    ran.assert_says("`DB_HOST` is set in the shell");
    ran.assert_says("hint: unset DB_HOST");
}

#[test]
fn wrong_words_are_told_and_nothing_is_written() {
    let context = workspace();
    let before = context.names("ws");
    let cases: &[(&[&str], &str)] = &[
        (&["dbb", "host"], "did you mean `db`?"),
        (&["db"], "`fitout use db host` or `fitout use db container`"),
        (&["db", "cache"], "`fitout use db cache host`"),
        (&["db", "hots"], "did you mean `host`?"),
        (&["db", "cloud"], "not `cloud`"),
        (&["nothing"], "the manifest has no service `nothing`"),
        (&["host"], "choose one or more: db, cache"),
        (&["web", "host"], "`web` is built from the repo `web`"),
        (&["search", "host"], "these are presets: db, cache"),
    ];
    for (words, expected) in cases {
        let ran = without_docker(&context, &[&["use"], *words].concat());
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.shown());
        assert!(ran.stderr.contains(expected), "{words:?}: {}", ran.shown());
    }
    assert_eq!(context.names("ws"), before);
}

mod with_engine {
    use super::*;
    use std::sync::MutexGuard;

    use crate::host::{Cluster, alone};

    /// A database with a service that asks it, and one that has nothing to do with it. Leaves nothing
    /// behind.
    struct Stack {
        context: TestContext,
        image: String,
        _alone: MutexGuard<'static, ()>,
    }

    impl Stack {
        fn new() -> Self {
            let context = TestContext::new();
            let (port, name) = (free_port(), format!("fitout-use-{}", free_port()));
            let image = format!("postgres:18-{name}");
            let stack = Stack {
                context,
                image,
                _alone: alone(),
            };
            stack.docker(&["tag", "fitout-test-postgres:1", &stack.image]);
            stack.context.manifest(&format!(
                r#"[workspace]
name = "{name}"

[services.db]
preset = "postgres"
tag = "18-{name}"
ports = ["{port}:5432"]

[services.migrate]
image = "fitout-test-postgres:1"
command = ["psql", "${{db.url}}", "-c", "create table if not exists migrated ()"]
depends_on = ["db"]

[services.app]
image = "fitout-test-postgres:1"
command = ["sleep", "600"]
environment = {{ DATABASE_URL = "${{db.url}}" }}
depends_on = {{ db = {{ condition = "service_healthy" }}, migrate = {{ condition = "service_completed_successfully" }} }}
healthcheck = {{ test = "psql \"$$DATABASE_URL\" -c 'select from migrated'", interval = "1s" }}
compose = {{ stop_grace_period = "1s" }}

[services.other]
image = "busybox:1.37"
command = ["sleep", "600"]
depends_on = ["app"]
compose = {{ stop_grace_period = "1s" }}
"#
            ));
            stack
        }

        fn docker(&self, arguments: &[&str]) -> String {
            let mut command = self.context.command("docker");
            let output = with_docker(&mut command).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }

        fn fitout(&self, arguments: &[&str]) -> Ran {
            let mut command = self.context.fitout_command(arguments);
            self.context
                .ran(&with_docker(&mut command).output().unwrap())
        }

        /// The ids of the containers that run.
        fn containers(&self) -> [String; 3] {
            ["db", "app", "other"].map(|service| self.docker(&["compose", "ps", "-q", service]))
        }

        /// What the app gets for a query at the URL that it was given.
        fn asks(&self, query: &str) -> String {
            let script = format!("psql -At \"$DATABASE_URL\" -c \"{query}\" 2>&1");
            self.docker(&["compose", "exec", "-T", "app", "sh", "-c", &script])
        }
    }

    impl Drop for Stack {
        fn drop(&mut self) {
            self.docker(&["compose", "down", "--volumes", "--timeout", "1"]);
            self.docker(&["rmi", "--no-prune", &self.image]);
        }
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_running_stack_moves_to_the_server_of_this_machine_and_back() {
        let stack = Stack::new();
        let up = stack.fitout(&["up"]);
        assert_eq!(up.code, Some(0), "{}", up.shown());
        let [_, app, other] = stack.containers();
        stack.asks("create table kept as select 42 as answer");

        // Nobody listens yet: the choice stands, and why it does not work is said.
        let env = stack.context.read("ws/.env");
        let port = free_port();
        stack
            .context
            .write("ws/.env", &format!("DB_PORT={port}\n{env}"));
        let ran = stack.fitout(&["use", "db", "host"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        let words = format!("nothing listens on port {port}");
        ran.assert_says(&words);
        let stopped = [String::new(), app.clone(), other.clone()];
        assert_eq!(stack.containers(), stopped);

        let data = Cluster::new();
        let bridge = env
            .lines()
            .find_map(|line| line.strip_prefix("DOCKER_HOST_IP="));
        let _server = data.start(bridge.unwrap(), port);
        let ran = stack.fitout(&["use", "db", "host"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let up = stack.fitout(&["up"]);
        assert_eq!(up.code, Some(0), "{}", up.shown());
        let [_, app_on_host, other] = stack.containers();
        assert_ne!(app_on_host, app);
        let words = format!("a container can reach `db` at {}:{port}", bridge.unwrap());
        ran.assert_says(&words);
        assert_eq!(
            stack.asks("select to_regclass('kept') is null, inet_server_port()"),
            format!("t|{port}")
        );

        stack.context.write(
            "ws/.env",
            &stack
                .context
                .read("ws/.env")
                .replace(&format!("DB_PORT={port}\n"), ""),
        );
        let ran = stack.fitout(&["use", "db", "container"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(
            ran.stdout.contains("db       running, healthy"),
            "{}",
            ran.shown()
        );
        assert_eq!(stack.asks("select answer from kept"), "42");
        let [_, app_again, other_again] = stack.containers();
        assert_ne!(app_again, app_on_host);
        assert_eq!(other_again, other);
        assert_eq!(stack.context.read("ws/.env"), env);
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn what_would_be_restarted_is_told_and_a_job_runs_on_the_other_server_too() {
        let stack = Stack::new();
        assert_eq!(stack.fitout(&["up"]).code, Some(0));
        let before = stack.containers();
        let ran = stack.fitout(&["use", "db", "host", "--dry-run"]);
        assert!(
            ran.stdout
                .ends_with("would stop db\nwould make anew app, migrate\n"),
            "{}",
            ran.shown()
        );
        let ran = stack.fitout(&["use", "db", "host", "--no-restart"]);
        assert!(!ran.stderr.contains("listens"), "{}", ran.shown());
        assert_eq!(stack.containers(), before);
        assert_eq!(stack.fitout(&["use", "db", "container"]).code, Some(0));

        // Another server for the same stack, on which the job has never run.
        let port = free_port();
        let env = stack.context.read("ws/.env");
        stack
            .context
            .write("ws/.env", &format!("DB_PORT={port}\n{env}"));
        let data = Cluster::new();
        let _server = data.start("*", port);
        let ran = stack.fitout(&["use", "db", "host"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert_eq!(stack.asks("select to_regclass('migrated') is null"), "f");
        assert_eq!(stack.containers()[2], before[2]);
    }
}
