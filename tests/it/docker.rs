//! What only a real Engine and a real Compose can tell: that the demo comes up and an edit is live,
//! and that both supported Compose versions take every file that `generate` writes.
//!
//! `scripts/check docker` gets an Engine, the two Compose versions and the image, and runs these.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;
use std::{env, fs};

use crate::context::{TestContext, eventually};

#[test]
#[ignore = "needs a Docker engine"]
fn the_demo_runs_and_an_edit_is_live_with_compose_2_26() {
    the_demo_runs_and_an_edit_is_live(Compose::V2_26);
}

#[test]
#[ignore = "needs a Docker engine"]
fn the_demo_runs_and_an_edit_is_live_with_compose_2_40() {
    the_demo_runs_and_an_edit_is_live(Compose::V2_40);
}

fn the_demo_runs_and_an_edit_is_live(compose: Compose) {
    let machine = Machine::new(compose);
    machine.run("fitout", &machine.folder(), &["demo", "company"]);
    let services = machine.folder().join("company/services");
    let stack = Stack::in_folder(&machine, &services);
    let port = stack.port("WEB_PORT_8080");
    machine.run("fitout", &machine.folder(), &["demo", "company", "--up"]);

    // web has asked api, api has asked store, and worker has reached store.
    let page = eventually("the page shows a tick of worker", || {
        get(port).filter(|page| ticks(page) > 0)
    });
    assert!(page.contains(r#"data-state="up""#), "{page}");
    let container = container_of(&page);

    edit(&services.join("web/page.html"), "connected", "edited here");
    edit(&services.join("store/message.txt"), "Hello", "Edited there");
    let page = eventually("both edits show", || {
        get(port).filter(|page| page.contains("edited here") && page.contains("Edited there"))
    });
    assert_eq!(
        container_of(&page),
        container,
        "the container is another one"
    );
    eventually("worker goes on", || {
        get(port).filter(|now| ticks(now) > ticks(&page))
    });

    // Without fitout: the folder alone must do.
    let down = ["compose", "down", "--volumes", "--rmi", "local"];
    machine.run("docker", &services, &down);
    assert_eq!(stack.leftovers(), "");
}

#[test]
#[ignore = "needs a Docker engine"]
fn three_copies_run_side_by_side_with_compose_2_26() {
    three_copies_run_side_by_side(Compose::V2_26);
}

#[test]
#[ignore = "needs a Docker engine"]
fn three_copies_run_side_by_side_with_compose_2_40() {
    three_copies_run_side_by_side(Compose::V2_40);
}

fn three_copies_run_side_by_side(compose: Compose) {
    // Two users who choose ports at the same moment know nothing of each other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let machine = Machine::new(compose);
    let company = machine.folder().join("company");
    machine.run("fitout", &machine.folder(), &["demo", "company"]);
    let services = company.join("services");
    let first = Stack::in_folder(&machine, &services);
    machine.run("fitout", &services, &["up"]);
    let copy = |name: &str| {
        let folder = format!("../{name}");
        let project = format!("{}-{}", first.project, name.rsplit('-').next().unwrap());
        let stack = Stack::of_copy(&machine, &company.join(name), project);
        machine.run("fitout", &services, &["copy", &folder]);
        let shown = machine.run("fitout", &stack.folder, &["up"]);
        let port = stack.port_in_env("WEB_PORT_8080");
        let urls = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(urls.contains(&format!("http://localhost:{port}")), "{urls}");
        (stack, port)
    };
    let second = copy("services-2");
    let third = copy("services-3");

    let store = |stack: &Stack, visits: &str| {
        let words = format!("echo {visits} >/data/visits");
        machine.run(
            "fitout",
            &stack.folder,
            &["exec", "store", "sh", "-c", &words],
        );
    };
    store(&first, "1000");
    store(&second.0, "2000");
    store(&third.0, "3000");
    let shows = |port: u16, thousand: u64| {
        eventually("the page shows the data of its own store", || {
            let page = get(port)?;
            let visits: u64 = between(&page, r#"data-live="visits">"#, "<").parse().ok()?;
            (visits / 1000 == thousand).then_some(visits)
        });
    };
    let port = first.port("WEB_PORT_8080");
    shows(port, 1);
    shows(second.1, 2);
    shows(third.1, 3);

    // A copy needs no fitout either, and nobody gets a port of it by mistake.
    machine.run(
        "docker",
        &second.0.folder,
        &["compose", "up", "--detach", "--wait"],
    );
    let mut doctor = machine.command("fitout");
    doctor
        .current_dir(&services)
        .args(["doctor", "--only", "ports"]);
    let output = doctor.env("WEB_PORT_8080", second.1.to_string()).output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    let holder = format!("used by the copy at {}", second.0.folder.display());
    assert!(said.contains(&holder), "{said}");

    let remove = ["copies", "remove", "--yes", "--volumes", "../services-2"];
    machine.run("fitout", &services, &remove);
    assert_eq!(second.0.leftovers(), "");
    assert!(!second.0.folder.exists());
    shows(port, 1);
    shows(third.1, 3);

    // Data that was not to go is there, and no new copy gets it by mistake.
    machine.run(
        "fitout",
        &services,
        &["copies", "remove", "--yes", "../services-3"],
    );
    let volume = format!("volume {}_store-data\n", third.0.project);
    assert_eq!(third.0.leftovers(), volume);
    let mut again = machine.command("fitout");
    again.current_dir(&services).args(["copy", "../services-3"]);
    let said = String::from_utf8(again.output().unwrap().stderr).unwrap();
    assert!(said.contains("already exists in Docker"), "{said}");
    drop(third);

    let down = ["compose", "down", "--volumes", "--rmi", "local"];
    machine.run("docker", &services, &down);
    assert_eq!(first.leftovers(), "");
}

#[test]
#[ignore = "needs a Docker engine"]
fn both_compose_versions_take_every_generated_file() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = crate_folder.join("tests/fixtures/manifests/valid");
    let mut manifests: Vec<_> = fs::read_dir(&fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some(OsStr::new("toml")))
        .collect();
    assert!(
        !manifests.is_empty(),
        "no manifest in {}",
        fixtures.display()
    );
    manifests.push(crate_folder.join("workspace.example.toml"));
    manifests.push(crate_folder.join("templates/demo/services/workspace.toml"));

    let mut refused = String::new();
    let machines = [Compose::V2_26, Compose::V2_40].map(Machine::new);
    for name in fitout::workspace::preset::names() {
        let manifest = machines[0].context.path(&format!("preset-{name}.toml"));
        let text = format!(
            "[services.it]\npreset = \"{name}\"\n\n[services.bare]\npreset = \"{name}\"\nports = []\n"
        );
        fs::write(&manifest, text).unwrap();
        manifests.push(manifest);
    }
    for manifest in manifests {
        let name = manifest.file_stem().unwrap();
        let folder = machines[0].folder().join(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(&manifest, folder.join("workspace.toml")).unwrap();
        machines[0].run("fitout", &folder, &["generate"]);
        let text = fs::read_to_string(folder.join("docker-compose.yml")).unwrap();
        for machine in &machines {
            let output = machine
                .command("docker")
                .current_dir(&folder)
                .args(["compose", "config", "-q"])
                // Secrets that the manifest requires, which a person would have set.
                .envs(
                    required_variables(&text)
                        .into_iter()
                        .map(|name| (name, "secret")),
                )
                .output()
                .unwrap();
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                let compose = machine.compose;
                writeln!(refused, "{}, {compose:?}: {errors}", manifest.display()).unwrap();
            }
        }
    }
    assert_eq!(refused, "");
}

/// Names of the variables that Compose refuses to go without: `${NAME:?why}`.
fn required_variables(compose_file: &str) -> BTreeSet<&str> {
    compose_file
        .split("${")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            let (name, operator) = rest.split_at(end);
            (operator.starts_with(":?") || operator.starts_with('?')).then_some(name)
        })
        .collect()
}

/// A Compose version that generated files must work with.
#[derive(Clone, Copy, Debug)]
enum Compose {
    V2_26,
    V2_40,
}

impl Compose {
    /// The variable that says where it is.
    fn variable(self) -> &'static str {
        match self {
            Compose::V2_26 => "FITOUT_TEST_COMPOSE_2_26",
            Compose::V2_40 => "FITOUT_TEST_COMPOSE_2_40",
        }
    }
}

/// A user's machine, on which `docker compose` is a given version.
struct Machine {
    compose: Compose,
    context: TestContext,
}

impl Machine {
    fn new(compose: Compose) -> Self {
        let context = TestContext::new();
        let plugins = context.path("home/.docker/cli-plugins");
        fs::create_dir_all(&plugins).unwrap();
        let variable = compose.variable();
        let program = env::var_os(variable).unwrap_or_else(|| {
            panic!(
                "{variable} is not set: run `scripts/check docker`, it gets what these tests need"
            )
        });
        assert!(Path::new(&program).exists(), "no {}", program.display());
        symlink(program, plugins.join("docker-compose")).unwrap();
        if let Some(buildx) = env::var_os("FITOUT_TEST_BUILDX") {
            symlink(buildx, plugins.join("docker-buildx")).unwrap();
        }
        Machine { compose, context }
    }

    /// The folder that the user works in.
    fn folder(&self) -> PathBuf {
        self.context.path("ws")
    }

    /// `fitout`, `docker` or another program as this user runs it.
    fn command(&self, program: &str) -> Command {
        let mut command = match program {
            "fitout" => self.context.fitout_command(&[]),
            other => self.context.command(other),
        };
        if let Some(engine) = env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", engine);
        }
        command
    }

    /// Runs a program in a folder, and panics with all that it said when it fails.
    fn run(&self, program: &str, folder: &Path, arguments: &[&str]) -> Output {
        let output = self
            .command(program)
            .current_dir(folder)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("can't run {program}: {error}"));
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        output
    }
}

/// A workspace whose project name and ports are its own, so that tests can run beside each other
/// and beside a developer's real demo. Takes away what Docker has of it, however the test ends.
struct Stack<'a> {
    machine: &'a Machine,
    folder: PathBuf,
    project: String,
    ports: Vec<(&'static str, u16)>,
}

impl<'a> Stack<'a> {
    /// Says so in `.env`, where a person would.
    fn in_folder(machine: &'a Machine, folder: &Path) -> Self {
        let variables = [
            "WEB_PORT_8080",
            "API_PORT_8080",
            "STORE_PORT_8080",
            "WORKER_PORT_8080",
        ];
        // All are held until each has one, so that they differ.
        let held = variables.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports: Vec<_> = variables
            .into_iter()
            .zip(
                held.iter()
                    .map(|socket| socket.local_addr().unwrap().port()),
            )
            .collect();
        let project = format!("fitout-test-{}-{}", std::process::id(), ports[0].1);

        let file = folder.join(".env");
        let mut text = fs::read_to_string(&file).unwrap();
        writeln!(text, "COMPOSE_PROJECT_NAME={project}").unwrap();
        for (variable, port) in &ports {
            writeln!(text, "{variable}={port}").unwrap();
        }
        fs::write(file, text).unwrap();
        Stack {
            machine,
            folder: folder.to_owned(),
            project,
            ports,
        }
    }

    /// Of a copy that is about to be made: `fitout copy` gives it its names.
    fn of_copy(machine: &'a Machine, folder: &Path, project: String) -> Self {
        Stack {
            machine,
            folder: folder.to_owned(),
            project,
            ports: Vec::new(),
        }
    }

    fn port_in_env(&self, variable: &str) -> u16 {
        let text = fs::read_to_string(self.folder.join(".env")).unwrap();
        between(&text, &format!("\n{variable}="), "\n")
            .parse()
            .unwrap()
    }

    fn port(&self, variable: &str) -> u16 {
        let found = self.ports.iter().find(|(name, _)| *name == variable);
        found.expect("a port of the demo").1
    }

    /// What Docker still has of the project, one a line.
    fn leftovers(&self) -> String {
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let lists: [&[&str]; 4] = [
            &["ps", "--all", "--format", "container {{.Names}}"],
            &["network", "ls", "--format", "network {{.Name}}"],
            &["volume", "ls", "--format", "volume {{.Name}}"],
            &["image", "ls", "--format", "image {{.Repository}}"],
        ];
        let mut found = String::new();
        for list in lists {
            let arguments = [list, &["--filter", &filter]].concat();
            let output = self
                .machine
                .run("docker", &self.machine.folder(), &arguments);
            found.push_str(&String::from_utf8_lossy(&output.stdout));
        }
        found
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        // Its result is of no interest: after a test that passed there is nothing left to take away.
        let folder = if self.folder.exists() {
            self.folder.clone()
        } else {
            self.machine.folder()
        };
        let docker = |arguments: &[&str]| {
            let mut command = self.machine.command("docker");
            let output = command.current_dir(&folder).args(arguments).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let down = ["compose", "--project-name", &self.project, "down"];
        let all = ["--volumes", "--rmi", "local", "--timeout", "1"];
        let _ = docker(&[&down[..], &all].concat());
        // Without its folder, Compose knows of no volumes.
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let volumes = docker(&["volume", "ls", "--quiet", "--filter", &filter]);
        for volume in volumes.unwrap_or_default().lines() {
            let _ = docker(&["volume", "rm", volume]);
        }
    }
}

/// The page on a port of this machine, when it answers with status 200.
fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let timeout = Some(Duration::from_secs(10));
    stream.set_read_timeout(timeout).ok()?;
    // Version 1.0: the answer ends where the connection does.
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .next()?
        .contains(" 200 ")
        .then(|| body.to_owned())
}

/// The number of ticks on the page.
fn ticks(page: &str) -> u64 {
    between(page, r#"data-live="ticks">"#, "<")
        .parse()
        .unwrap_or(0)
}

/// The container that made the page.
fn container_of(page: &str) -> String {
    between(page, "<code>container ", "<").to_owned()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).expect("an end").0
}

/// Edits a file in a clone, as a developer would.
fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "no {from:?} in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}
