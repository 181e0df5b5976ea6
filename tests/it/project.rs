//! Our project and no other: what a shell exports, and what another folder has of the same project, with
//! a real engine.

use std::fs;
use std::process::Command;

use crate::context::{Ran, TestContext, free_port, with_docker};

/// Two folders, each with a service and data, and a user who goes from one to the other.
struct Machine {
    context: TestContext,
    /// Projects to take away.
    projects: Vec<String>,
}

impl Machine {
    fn new() -> Self {
        Machine {
            context: TestContext::new(),
            projects: Vec::new(),
        }
    }

    /// A name that no other test has.
    fn project(&mut self, word: &str) -> String {
        let name = format!("fitout-own-{word}-{}-{}", std::process::id(), free_port());
        self.projects.push(name.clone());
        name
    }

    /// A workspace in that folder with a store, and a volume whose first container wrote its name to it.
    fn workspace(&self, folder: &str, head: &str) {
        self.context.write(
            &format!("{folder}/workspace.toml"),
            &format!(
                r#"{head}
[services.store]
image = "busybox:1.37"
command = ["sh", "-c", "test -e /data/born || hostname > /data/born; exec sleep 600"]
volumes = ["store-data:/data"]
compose = {{ init = true }}
"#
            ),
        );
    }

    fn command(&self, folder: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = match program {
            "fitout" => self.context.fitout_command(arguments),
            other => {
                let mut command = self.context.command(other);
                command.args(arguments);
                command
            }
        };
        with_docker(&mut command).current_dir(self.context.path(folder));
        command
    }

    fn fitout(&self, folder: &str, arguments: &[&str]) -> Ran {
        let output = self.command(folder, "fitout", arguments).output().unwrap();
        self.context.ran(&output)
    }

    /// With a variable of the shell.
    fn with(&self, folder: &str, (name, value): (&str, &str), arguments: &[&str]) -> Ran {
        let mut command = self.command(folder, "fitout", arguments);
        self.context
            .ran(&command.env(name, value).output().unwrap())
    }

    #[track_caller]
    fn runs(&self, folder: &str, arguments: &[&str]) -> Ran {
        let ran = self.fitout(folder, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.shown());
        ran
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command(".", "docker", arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Ids of the containers and names of the volumes of a project.
    fn belongings(&self, project: &str) -> [String; 2] {
        let filter = format!("label=com.docker.compose.project={project}");
        let running = ["--filter", "status=running", "--filter", &filter];
        [
            self.docker(&[&["ps", "--all", "--quiet"][..], &running].concat()),
            self.docker(&["volume", "ls", "--quiet", "--filter", &filter]),
        ]
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for project in &self.projects {
            let filter = format!("label=com.docker.compose.project={project}");
            for (list, remove) in [
                (["ps", "--all"], &["rm", "--force", "--volumes"][..]),
                (["volume", "ls"], &["volume", "rm"]),
                (["network", "ls"], &["network", "rm"]),
            ] {
                let found = self.docker(&[&list[..], &["--quiet", "--filter", &filter]].concat());
                for id in found.lines() {
                    self.docker(&[remove, &[id]].concat());
                }
            }
        }
    }
}

/// The variables by which a shell names another project, in a folder beside it.
#[test]
#[ignore = "needs a Docker engine"]
fn what_the_shell_exports_leads_to_no_other_project() {
    let mut machine = Machine::new();
    let (theirs, ours) = (machine.project("theirs"), machine.project("ours"));
    machine.workspace("theirs", &format!("[workspace]\nname = \"{theirs}\"\n"));
    machine.workspace("ours", &format!("[workspace]\nname = \"{ours}\"\n"));
    machine.runs("theirs", &["up"]);
    machine.context.write(
        "theirs/other.env",
        &format!("COMPOSE_PROJECT_NAME={theirs}\n"),
    );
    let file = machine.context.path("theirs/docker-compose.yml");
    let env_file = machine.context.path("theirs/other.env");
    let before = machine.belongings(&theirs);
    assert!(
        before.iter().all(|found| found.lines().count() == 1),
        "{before:?}"
    );
    for (name, value) in [
        ("COMPOSE_FILE", file.to_str().unwrap()),
        ("COMPOSE_PROJECT_NAME", &theirs),
        ("COMPOSE_ENV_FILES", env_file.to_str().unwrap()),
        ("COMPOSE_ENV_FILES", "nowhere.env"),
    ] {
        let shell = (name, value);
        for arguments in [
            &["up"][..],
            &["restart"],
            &["exec", "store", "touch", "/data/by-ours"],
            &["compose", "up", "--detach", "--force-recreate"],
            &["stop"],
            &["doctor", "--only", "compose.selection"],
            &["down", "--volumes", "--yes"],
        ] {
            let ran = machine.with("ours", shell, arguments);
            let what = format!("{name}: {arguments:?}");
            assert_eq!(ran.code, Some(0), "{what}: {}", ran.shown());
            let said = format!("`{name}` of this shell is ");
            let told = ran.stdout.contains(&said) || ran.stderr.contains(&said);
            assert!(told, "{what}: {}", ran.shown());
            assert_eq!(machine.belongings(&theirs), before, "{what}");
            let is_gone = arguments[0] == "down";
            let own = machine.belongings(&ours);
            assert_eq!(
                own == [const { String::new() }; 2],
                is_gone,
                "{what}: {own:?}"
            );
        }
    }
    let born = machine.docker(&["exec", before[0].trim(), "ls", "/data"]);
    assert_eq!(born, "born\n");
}

/// Plain Compose in the folder is what fitout does: nothing is made anew by either after the other.
#[test]
#[ignore = "needs a Docker engine"]
fn plain_compose_in_the_folder_works_on_the_same_project() {
    let mut machine = Machine::new();
    let ours = machine.project("plain");
    machine.workspace("ws", &format!("[workspace]\nname = \"{ours}\"\n"));
    let extra = |name: &str| {
        format!("services:\n  {name}:\n    image: busybox:1.37\n    command: sleep 600\n")
    };
    machine
        .context
        .write("ws/docker-compose.override.yml", &extra("mine"));
    let plain = ["compose", "up", "--detach"];
    for (env_file, number) in [
        ("", 2),
        ("COMPOSE_FILE=docker-compose.yml:more/extra.yml\n", 2),
    ] {
        machine.context.write("ws/.env", env_file);
        machine.context.write("ws/more/extra.yml", &extra("extra"));
        machine.runs("ws", &["up"]);
        let before = machine.belongings(&ours);
        let output = machine.command("ws", "docker", &plain).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(machine.belongings(&ours), before, "{env_file}");
        assert_eq!(before[0].lines().count(), number, "{env_file}");
        machine.runs("ws", &["compose", "up", "--detach"]);
        assert_eq!(machine.belongings(&ours), before, "{env_file}");
        machine.runs("ws", &["down"]);
        assert_eq!(machine.belongings(&ours)[0], "", "{env_file}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_project_of_another_folder_is_left_alone_until_this_one_has_its_own() {
    let mut machine = Machine::new();
    let name = machine.project("twice");
    let second = format!("{name}-2");
    machine.projects.push(second.clone());
    let head = format!("[workspace]\nname = \"{name}\"\n");
    machine.workspace("one", &head);
    machine.workspace("two", &head);
    machine.runs("one", &["up"]);
    machine.runs("two", &["generate"]);
    let changing: [&[&str]; 9] = [
        &["up"],
        &["stop"],
        &["restart"],
        &["run", "store", "true"],
        &["exec", "store", "true"],
        &["sh", "store"],
        &["compose", "rm", "--stop", "--force"],
        &["down"],
        &["down", "--volumes", "--yes"],
    ];
    let refuses = |of: &str| {
        let before = machine.belongings(&name);
        let words = format!("the Compose project `{name}` belongs to [TMP]/one: its {of}");
        let line = format!("echo 'COMPOSE_PROJECT_NAME={second}' >> ");
        for arguments in changing {
            let ran = machine.fitout("two", arguments);
            if arguments[0] == "exec" || arguments[0] == "sh" {
                assert_ne!(ran.code, Some(0), "{arguments:?}");
            } else {
                assert_eq!(ran.code, Some(1), "{arguments:?}: {}", ran.shown());
                ran.assert_says(&words);
                ran.assert_says(&line);
            }
            assert_eq!(machine.belongings(&name), before, "{arguments:?}");
        }
        let doctor = machine.fitout("two", &["doctor", "--only", "compose.project"]);
        assert_eq!(doctor.code, Some(1), "{}", doctor.shown());
        assert!(doctor.stdout.contains(&line), "{}", doctor.shown());
    };
    refuses("containers");
    machine.runs("one", &["stop"]);
    refuses("containers");
    // Then nothing but the data is there, which nothing on it says whose it is.
    machine.runs("one", &["down"]);
    refuses("volumes");
    // Reading is harmless.
    machine.runs("two", &["ps"]);

    // By another path, it is the same folder.
    std::os::unix::fs::symlink(machine.context.path("one"), machine.context.path("link")).unwrap();
    machine.runs("link", &["up"]);
    machine.runs("one", &["restart"]);

    machine
        .context
        .write("two/.env", &format!("COMPOSE_PROJECT_NAME={second}\n"));
    machine.runs("two", &["up"]);
    machine.runs("two", &["down", "--volumes", "--yes"]);
    assert_eq!(machine.belongings(&name)[0].lines().count(), 1);
}

#[test]
#[ignore = "needs a Docker engine"]
fn use_test_and_the_removal_of_a_copy_refuse_containers_of_another_folder() {
    let mut machine = Machine::new();
    let name = machine.project("else");
    let second = format!("{name}-2");
    machine.projects.push(second.clone());
    let head = format!("[workspace]\nname = \"{name}\"\n");
    machine.workspace("one", &head);
    machine.runs("one", &["up"]);
    machine.workspace("two", &head);
    let manifest = machine.context.read("two/workspace.toml");
    let more = "test = \"true\"\n[services.cache]\npreset = \"redis\"\nports = []\n";
    machine
        .context
        .write("two/workspace.toml", &format!("{manifest}{more}"));
    machine.runs("two", &["generate"]);
    machine.runs("one", &["copy", "../copy", "--name", &second]);
    machine.workspace("three", &format!("[workspace]\nname = \"{second}\"\n"));
    machine.runs("three", &["up"]);
    let before = [machine.belongings(&name), machine.belongings(&second)];
    let of_one = format!("the Compose project `{name}` belongs to [TMP]/one: its containers");
    // It goes with what is written down of this machine's workspaces, and says what would be lost.
    let of_three = format!("[TMP]/three has the same Compose project `{second}`");
    for (folder, arguments, words) in [
        ("two", &["use", "cache", "host"][..], &of_one),
        ("two", &["test", "store"], &of_one),
        (
            "one",
            &["copies", "remove", "../copy", "--force"],
            &of_three,
        ),
    ] {
        let ran = machine.fitout(folder, arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {}", ran.shown());
        ran.assert_says(words);
    }
    assert_eq!(
        [machine.belongings(&name), machine.belongings(&second)],
        before
    );
    assert!(machine.context.path("copy").exists());
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_workspace_that_was_moved_goes_on_with_its_containers_and_data() {
    let mut machine = Machine::new();
    let name = machine.project("moved");
    machine.workspace("old", &format!("[workspace]\nname = \"{name}\"\n"));
    machine.runs("old", &["up"]);
    fs::rename(machine.context.path("old"), machine.context.path("new")).unwrap();
    let ran = machine.runs("new", &["up"]);
    ran.assert_says("this workspace was previously in [TMP]/old, which no longer exists");
    machine.runs("new", &["down", "--volumes", "--yes"]);
    assert_eq!(machine.belongings(&name), [const { String::new() }; 2]);
}
