//! Data that the manifest no longer matches: what doctor and `up` say of it, with a real server.

use std::fs;

use crate::context::{Ran, TestContext, free_port, until, with_docker};

/// A workspace with a database. Leaves nothing behind.
struct Stack {
    context: TestContext,
    name: String,
}

impl Stack {
    /// Where `named` is not, the project is called after the folder.
    fn new(word: &str) -> Self {
        let name = format!("fitout-data-{word}-{}", free_port());
        let stack = Stack {
            context: TestContext::new(),
            name,
        };
        stack.docker(&["tag", "fitout-test-postgres:1", &stack.image()]);
        stack
    }

    fn image(&self) -> String {
        format!("postgres:18-{}", self.name)
    }

    fn manifest(&self, folder: &str, head: &str, more: &str) {
        let text = format!(
            "{head}\n[services.db]\npreset = \"postgres\"\ntag = \"18-{}\"\nports = []\n{more}\n",
            self.name
        );
        self.context
            .write(&format!("{folder}/workspace.toml"), &text);
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let mut command = self.context.command("docker");
        let output = with_docker(&mut command).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn fitout(&self, folder: &str, arguments: &[&str]) -> Ran {
        let mut command = self.context.fitout_command(arguments);
        with_docker(&mut command).current_dir(self.context.path(folder));
        self.context.ran(&command.output().unwrap())
    }

    #[track_caller]
    fn up(&self, folder: &str) -> Ran {
        let ran = self.fitout(folder, &["up"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        ran
    }

    /// What doctor says of the data.
    fn doctor(&self, folder: &str) -> String {
        self.fitout(folder, &["doctor", "--only", "data"]).stdout
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for (list, remove) in [
            (["ps", "--all"], &["rm", "--force", "--volumes"][..]),
            (["volume", "ls"], &["volume", "rm"]),
            (["network", "ls"], &["network", "rm"]),
        ] {
            let found = self.docker(
                &[
                    &list[..],
                    &["--quiet", "--filter"],
                    &[&format!("label=com.docker.compose.project={}", self.name)],
                ]
                .concat(),
            );
            for id in found.lines() {
                self.docker(&[remove, &[id]].concat());
            }
        }
        self.docker(&["rmi", "--no-prune", &self.image()]);
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_database_and_a_login_that_the_volume_does_not_have_are_reported_with_the_remedy() {
    let stack = Stack::new("later");
    let head = format!("[workspace]\nname = \"{}\"\n", stack.name);
    stack.manifest("ws", &head, "databases = [\"shop\"]");
    let first = stack.up("ws");
    assert!(!first.stderr.contains("warning"), "{}", first.shown());
    assert!(
        !stack.doctor("ws").contains("fail"),
        "{}",
        stack.doctor("ws")
    );

    stack.manifest("ws", &head, "databases = [\"store\", \"people\"]");
    assert!(stack.fitout("ws", &["generate"]).code == Some(0));
    let found = stack.doctor("ws");
    let missing = "the volume of `db` was created without the database `store`, `people`";
    assert!(found.contains(missing), "{found}");
    for name in ["store", "people"] {
        let line = format!("fitout db db -- -d postgres -c 'CREATE DATABASE \"{name}\";'");
        assert!(found.contains(&line), "{found}");
        let words = shlex::split(&line).unwrap();
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let made = stack.fitout("ws", &words);
        assert_eq!(made.code, Some(0), "{}", made.shown());
    }
    assert!(
        !stack.doctor("ws").contains("fail"),
        "{}",
        stack.doctor("ws")
    );

    stack.context.write("ws/.env", "DB_PASSWORD=another\n");
    let ran = stack.fitout("ws", &["up"]);
    let refused = "`db` doesn't accept the login of its services: ";
    ran.assert_says(refused);
    assert!(!ran.shown().contains("another"), "{}", ran.shown());
    let found = stack.doctor("ws");
    assert!(
        found.contains(refused) && found.contains("`DB_PASSWORD`"),
        "{found}"
    );
    assert_eq!(stack.fitout("ws", &["stop"]).code, Some(0));
    assert!(
        !stack.doctor("ws").contains("fail"),
        "{}",
        stack.doctor("ws")
    );
    let skipped = stack.fitout("ws", &["doctor", "-v", "--only", "data.db.databases"]);
    assert!(
        skipped.stdout.contains("`db` is not running"),
        "{}",
        skipped.shown()
    );
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_script_that_runs_no_more_and_a_second_volume_are_reported() {
    let stack = Stack::new("script");
    let head = format!("[workspace]\nname = \"{}\"\n", stack.name);
    stack.manifest("ws", &head, "init = \"seed.sql\"");
    assert!(stack.doctor("ws").contains("`seed.sql` doesn't exist"));
    fs::create_dir(stack.context.ws("seed.sql")).unwrap();
    assert!(stack.doctor("ws").contains("`seed.sql` is a folder"));
    fs::remove_dir(stack.context.ws("seed.sql")).unwrap();
    stack.context.write("ws/seed.sql", "select 1;\n");
    assert!(!stack.doctor("ws").contains("seed.sql"));
    stack.up("ws");
    assert!(
        !stack.doctor("ws").contains("seed.sql"),
        "{}",
        stack.doctor("ws")
    );
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let file = fs::File::options()
        .append(true)
        .open(stack.context.ws("seed.sql"))
        .unwrap();
    file.set_modified(later).unwrap();
    let found = stack.doctor("ws");
    assert!(
        found.contains("`seed.sql` has changed since the volume was created"),
        "{found}"
    );
    assert!(found.contains("fitout db db < seed.sql"), "{found}");

    let second = "volumes = [\"./pgdata:/var/lib/postgresql/18/docker/\"]";
    stack.manifest("ws", &head, second);
    let found = stack.doctor("ws");
    assert!(
        found.contains("there is `pgdata` at /var/lib/postgresql/18/docker"),
        "{found}"
    );
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_renamed_folder_finds_its_data() {
    let stack = Stack::new("renamed");
    let old = stack.name.clone();
    stack.manifest(&old, "", "");
    stack.up(&old);
    assert_eq!(stack.fitout(&old, &["down"]).code, Some(0));
    let new = format!("{old}-new");
    fs::rename(stack.context.path(&old), stack.context.path(&new)).unwrap();
    let found = stack.doctor(&new);
    let said = format!("was previously the project `{old}`, which still has data: {old}_db-data");
    assert!(found.contains(&said), "{found}");
    assert!(
        found.contains(&format!("echo 'COMPOSE_PROJECT_NAME={old}' >> .env")),
        "{found}"
    );
    // Also once the new name is written down.
    assert_eq!(stack.fitout(&new, &["generate"]).code, Some(0));
    assert!(stack.doctor(&new).contains(&said));
    stack.context.write(
        &format!("{new}/.env"),
        &format!("COMPOSE_PROJECT_NAME={old}\n"),
    );
    assert!(!stack.doctor(&new).contains(&said));
    let ran = stack.up(&new);
    assert!(!ran.stderr.contains("warning"), "{}", ran.shown());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_volume_of_another_major_version_keeps_up_from_starting() {
    let stack = Stack::new("major");
    let head = format!("[workspace]\nname = \"{}\"\n", stack.name);
    stack.manifest("ws", &head, "");
    let volume = format!("{}_db-data", stack.name);
    let project = format!("com.docker.compose.project={}", stack.name);
    let label = |label: &str| format!("--label={label}");
    let labels = [&project, "com.docker.compose.volume=db-data"].map(label);
    for (path, version, words) in [
        ("PG_VERSION", "16", "was created by version 16"),
        ("PG_VERSION", "9.6", "was created by version 9.6"),
        ("19/docker/PG_VERSION", "19", "was created by version 19"),
    ] {
        stack.docker(&["volume", "create", &labels[0], &labels[1], &volume]);
        let write = format!("mkdir -p $(dirname /d/{path}); echo {version} > /d/{path}");
        let mount = format!("{volume}:/d");
        stack.docker(&[
            "run",
            "--rm",
            "-v",
            &mount,
            "busybox:1.37",
            "sh",
            "-c",
            &write,
        ]);

        let ran = stack.fitout("ws", &["up"]);

        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        ran.assert_says(words);
        ran.assert_says(&format!("`tag = \"{version}-"));
        // An engine that has much to do may take too long for doctor.
        until(words, || stack.doctor("ws").contains(words));
        let containers = ["ps", "--all", "--quiet", "--filter"];
        let filter = format!("label={project}");
        let containers = stack.docker(&[&containers[..], &[&filter]].concat());
        assert_eq!(containers, "", "{path}");
        stack.docker(&["volume", "rm", &volume]);
    }
    // Of its own version, and one that is new.
    stack.up("ws");
    let found = stack.fitout("ws", &["doctor", "-v", "--only", "data.db.version"]);
    assert_eq!(found.code, Some(0), "{}", found.shown());
    assert_eq!(stack.fitout("ws", &["stop"]).code, Some(0));
    stack.up("ws");
    let filter = format!("volume={volume}");
    let containers = stack.docker(&["ps", "--all", "--quiet", "--filter", &filter]);
    assert_eq!(containers.lines().count(), 1, "{containers}");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_volume_of_a_service_that_is_gone_is_named_and_one_of_the_override_is_not() {
    let stack = Stack::new("left");
    let head = format!("[workspace]\nname = \"{}\"\n", stack.name);
    stack.manifest("ws", &head, "");
    stack.context.write(
        "ws/docker-compose.override.yml",
        "services: {db: {volumes: [\"mine:/mine\"]}}\nvolumes: {mine: {}}\n",
    );
    stack.up("ws");
    let left = format!("{}_db-data", stack.name);
    let found = stack.doctor("ws");
    assert!(!found.contains("left data behind"), "{found}");

    let manifest = stack.context.read("ws/workspace.toml");
    let renamed = manifest.replace("services.db", "services.store");
    stack.context.write("ws/workspace.toml", &renamed);
    stack.context.write(
        "ws/docker-compose.override.yml",
        "services: {store: {volumes: [\"mine:/mine\"]}}\nvolumes: {mine: {}}\n",
    );
    assert_eq!(stack.fitout("ws", &["generate"]).code, Some(0));

    let found = stack.doctor("ws");
    let said = format!("`{left}` is in this project, but in none of its files");
    assert!(found.contains(&said), "{found}");
    assert!(!found.contains("_mine"), "{found}");
    let remove = format!("docker volume rm {left}");
    assert!(found.contains(&remove), "{found}");
    let ran = stack.fitout("ws", &["up"]);
    ran.assert_says(&said);
}

/// The login line of a preset, with a client that does this, and these variables.
fn log_in(preset: &str, client: &str, does: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let context = TestContext::new();
    let line = fitout::workspace::preset::find(preset).unwrap();
    let line = line.login.as_ref().unwrap();
    context.write_program(&format!("bin/{client}"), &format!("#!/bin/sh\n{does}\n"));
    let path = format!("{}:/usr/bin:/bin", context.path("bin").display());
    let mut command = context.command("sh");
    let command = command.args(["-c", line]).env("PATH", path);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn a_login_is_tried_by_the_image_s_own_client_and_no_password_is_an_argument() {
    let rabbit = [
        ("RABBITMQ_DEFAULT_USER", "me"),
        ("RABBITMQ_DEFAULT_PASS", "se cret"),
    ];
    let does = "read -r password; echo \"$* with $password\"";
    let said = log_in("rabbitmq", "rabbitmqctl", does, &rabbit);
    assert_eq!(
        said,
        (0, "-q authenticate_user me with se cret\n".to_owned())
    );
    let refused = log_in("rabbitmq", "rabbitmqctl", "exit 65", &rabbit);
    assert_eq!(refused.0, 65);

    let mongo = [
        ("MONGO_INITDB_ROOT_USERNAME", "me"),
        ("MONGO_INITDB_ROOT_PASSWORD", "se cret"),
    ];
    let (code, said) = log_in("mongo", "mongosh", "echo \"$@\"; exit 1", &mongo);
    assert!(code == 1 && said.contains("admin.auth("), "{said}");
    assert!(!said.contains("se cret"), "{said}");
    let without = log_in("mongo", "mongosh", "exit 1", &[]);
    assert_eq!(without, (0, String::new()));
}
