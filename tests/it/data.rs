//! Data that the manifest no longer matches: what doctor and `up` say of it, with a real server.

use std::fs;

use crate::context::{Ran, TestContext, free_port, with_docker};

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
    let missing = "the volume of `db` was made without the database `store`, `people`";
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
    let refused = "`db` does not take the login that its services have: ";
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
        skipped.stdout.contains("`db` does not run"),
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
    assert!(stack.doctor("ws").contains("`seed.sql` is not there"));
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
        found.contains("`seed.sql` has changed since the volume was made"),
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
    let said = format!("was the project `{old}` before, and there is data of that: {old}_db-data");
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
