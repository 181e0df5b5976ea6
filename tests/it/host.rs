//! Services on the host, with a real `PostgreSQL` server on this machine and a real engine: every
//! reason why a container does not reach it has a verdict of its own.
//!
//! The firewall's rule is one for the test's own free port, and goes with the test.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::context::{TestContext, free_port, until, with_docker};

#[test]
#[ignore = "needs a Docker engine"]
fn each_cause_has_a_verdict_of_its_own() {
    let host = Host::new("causes");
    let bridge = host.bridge();
    let at = format!("{bridge}:{}", host.port);
    {
        let _server = host.postgres("127.0.0.1");
        let report = host.doctor();
        assert_eq!(Host::status(&report, "address"), "pass", "{report:#}");
        assert_eq!(Host::status(&report, "db.listens"), "pass", "{report:#}");
        let check = Host::check(&report, "db.reachable");
        assert_eq!(check["status"], "fail", "{report:#}");
        let found = format!("`db` only listens on 127.0.0.1, but containers connect to {at}");
        assert_eq!(check["found"], found.as_str());
        let note = check["remedy"]["note"].as_str().unwrap();
        assert!(note.contains("listen_addresses"), "{note}");
    }
    {
        let _server = host.postgres(&bridge);
        let report = host.doctor();
        let check = Host::check(&report, "db.reachable");
        assert_eq!(check["status"], "pass", "{report:#}");
        assert_eq!(
            check["found"],
            format!("a container can reach `db` at {at}")
        );
    }
    {
        let _server = host.postgres("*");
        let _firewall = Firewall::drops(host.port);
        let report = host.doctor();
        assert_eq!(Host::status(&report, "address"), "pass", "{report:#}");
        let check = Host::check(&report, "db.reachable");
        assert_eq!(check["status"], "fail", "{report:#}");
        let found = check["found"].as_str().unwrap();
        let start = format!("no answer at {at} within 5 s: a firewall drops connections from ");
        assert!(found.starts_with(&start), "{found}");
        let remedy = check["remedy"]["run"][0].as_str().unwrap();
        assert!(remedy.contains(&host.port.to_string()), "{remedy}");
    }
    let report = host.doctor();
    let check = Host::check(&report, "db.listens");
    assert_eq!(check["status"], "fail", "{report:#}");
    let found = format!(
        "`db` runs on this machine, but nothing listens on port {}",
        host.port
    );
    assert_eq!(check["found"], found.as_str());
    assert!(
        check["remedy"]["run"][0]
            .as_str()
            .unwrap()
            .contains("start")
    );
    let skipped = Host::check(&report, "db.reachable");
    assert_eq!(skipped["skipped_because"], "host.db.listens", "{report:#}");
    assert_eq!(leftovers(), "");
}

#[test]
#[ignore = "needs a Docker engine"]
fn up_says_why_a_service_does_not_reach_the_host() {
    let host = Host::new("up");
    let _server = host.postgres("127.0.0.1");
    docker(&["tag", "busybox:1.37", "postgres:18-fitout-test"]);
    let ran = host.fitout(&["up"]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let why = "`db` only listens on 127.0.0.1, but containers connect to ";
    ran.assert_says(why);
}

#[test]
fn who_listens_for_a_service_on_this_machine_needs_no_engine() {
    let context = TestContext::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    context.manifest("[services.db]\npreset = \"redis\"\nruns_on = \"host\"\n");
    context.write(
        "ws/.env",
        &format!("DB_PORT={port}\nDOCKER_HOST_IP=127.0.0.1\n"),
    );
    let doctor = ["doctor", "-v", "--only", "host"];
    let ran = context.fitout(&doctor);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    let found = format!("a server listens on port {port} at 127.0.0.1");
    assert!(ran.stdout.contains(&found), "{}", ran.stdout);
    drop(listener);
    let ran = context.fitout(&doctor);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let found = format!("`db` runs on this machine, but nothing listens on port {port}");
    assert!(ran.stdout.contains(&found), "{}", ran.stdout);
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_name_that_does_not_resolve_is_told_from_a_firewall() {
    let host = Host::new("name");
    host.context.write(
        "ws/workspace.local.toml",
        "[host]\nip = \"no-such-name.invalid\"\n",
    );
    host.fitout(&["generate"]);
    let report = host.doctor();
    let check = Host::check(&report, "address");
    assert_eq!(check["status"], "fail", "{report:#}");
    let found = check["found"].as_str().unwrap();
    assert!(
        found.ends_with("`, not at `no-such-name.invalid`"),
        "{found}"
    );
    assert_eq!(leftovers(), "");
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_service_in_a_container_queries_the_host_through_the_url() {
    let host = Host::new("query");
    let _server = host.postgres(&host.bridge());
    // Compose looks for the image of a service that it starts no container of.
    docker(&["tag", "busybox:1.37", "postgres:18-fitout-test"]);
    let mut compose = host.context.command("docker");
    compose.args([
        "compose",
        "up",
        "--abort-on-container-exit",
        "--no-color",
        "app",
    ]);
    let output = with_docker(&mut compose).output().unwrap();
    let ran = host.context.ran(&output);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(ran.stdout.contains("the answer is 42"), "{}", ran.shown());
}

#[test]
#[ignore = "needs a Docker engine"]
fn ctrl_c_leaves_no_container_and_no_network_behind() {
    let host = Host::new("ctrl-c");
    let _server = host.postgres("*");
    // The container waits for this port as long as it may.
    let _firewall = Firewall::drops(host.port);
    let mut command = host
        .context
        .fitout_command(&["doctor", "--deep", "--only", "host"]);
    let mut doctor = with_docker(&mut command)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let running = ["ps", "--quiet", "--filter", "name=fitout-probe-"];
    until("the probe's container runs", || {
        !docker(&running).is_empty()
    });
    let pid = doctor.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let code = doctor.wait().unwrap().code();
    let mut said = String::new();
    doctor
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(leftovers(), "");
}

/// For tests that make probes, or look for what they left.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workspace whose database runs on this machine, on a port of its own.
struct Host {
    context: TestContext,
    port: u16,
    data: Cluster,
    /// What is left over can only be told while no other test makes anything.
    _alone: MutexGuard<'static, ()>,
}

impl Host {
    fn new(name: &str) -> Self {
        let context = TestContext::new();
        let port = free_port();
        context.manifest(&format!(
            r#"[workspace]
name = "fitout-test-host-{name}-{port}"

[services.db]
preset = "postgres"
tag = "18-fitout-test"
runs_on = "host"

[services.app]
image = "fitout-test-psql:1"
command = ["psql", "--no-psqlrc", "-c", "select 'the answer is ' || 6 * 7", "${{db.url}}"]
depends_on = ["db"]
"#
        ));
        context.write("ws/.env", &format!("DB_PORT={port}\n"));
        let host = Host {
            context,
            port,
            data: Cluster::new(),
            _alone: alone(),
        };
        host.fitout(&["generate"]);
        host
    }

    fn fitout(&self, arguments: &[&str]) -> crate::context::Ran {
        let mut command = self.context.fitout_command(arguments);
        let output = with_docker(&mut command).output().unwrap();
        self.context.ran(&output)
    }

    fn doctor(&self) -> Value {
        let ran = self.fitout(&["doctor", "--deep", "--only", "host", "--format", "json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.shown()))
    }

    fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
        let id = format!("host.{id}");
        let mut checks = report["checks"].as_array().unwrap().iter();
        checks
            .find(|check| check["id"] == id.as_str())
            .unwrap_or_else(|| panic!("no {id}: {report:#}"))
    }

    fn status<'a>(report: &'a Value, id: &str) -> &'a str {
        Host::check(report, id)["status"].as_str().unwrap()
    }

    /// What `generate` found: the address of Docker's bridge.
    fn bridge(&self) -> String {
        let env = self.context.read("ws/.env");
        let line = env
            .lines()
            .find_map(|line| line.strip_prefix("DOCKER_HOST_IP="));
        line.unwrap().to_owned()
    }

    fn postgres(&self, addresses: &str) -> Server {
        self.data.start(addresses, self.port)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let mut down = self.context.command("docker");
        down.args(["compose", "down", "--volumes", "--timeout", "1"]);
        let _ = with_docker(&mut down).output();
        docker(&["rmi", "--no-prune", "postgres:18-fitout-test"]);
    }
}

/// The files of a server, made by Debian's package, that a container may log in to.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    temporary: tempfile::TempDir,
}

impl Cluster {
    pub fn new() -> Self {
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .expect("the tests need Debian's `postgresql`: run `scripts/check docker`")
            .map(|entry| entry.unwrap().path().join("bin"))
            .filter(|bin| bin.join("postgres").exists())
            .collect();
        versions.sort();
        let temporary = tempfile::Builder::new()
            .prefix("fitout-test-pg-")
            .tempdir()
            .unwrap();
        let cluster = Cluster {
            folder: temporary.path().join("data"),
            programs: versions.pop().unwrap(),
            temporary,
        };
        let password = cluster.temporary.path().join("password");
        fs::write(&password, "postgres\n").unwrap();
        if is_root() {
            let own = ["-R", "postgres:postgres"];
            let folder = cluster.temporary.path();
            assert!(
                Command::new("chown")
                    .args(own)
                    .arg(folder)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let made = cluster
            .command("initdb")
            .arg("-D")
            .arg(&cluster.folder)
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--no-sync",
                "--no-instructions",
            ])
            .arg(format!("--pwfile={}", password.display()))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let rules = cluster.folder.join("pg_hba.conf");
        let text = fs::read_to_string(&rules).unwrap();
        fs::write(rules, format!("{text}host all all samenet scram-sha-256\nhost all all 172.16.0.0/12 scram-sha-256\nhost all all 192.168.0.0/16 scram-sha-256\n")).unwrap();
        cluster
    }

    /// A server that listens on these addresses, ready for connections.
    pub fn start(&self, addresses: &str, port: u16) -> Server {
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(&self.folder)
            .args(["-p", &port.to_string()]);
        for setting in [
            &format!("listen_addresses={addresses}"),
            "unix_socket_directories=",
            "fsync=off",
        ] {
            command.args(["-c", setting]);
        }
        let log = self.temporary.path().join("log");
        let file = fs::File::create(&log).unwrap();
        let server = Server(command.stdout(Stdio::null()).stderr(file).spawn().unwrap());
        until("PostgreSQL is ready", || {
            let text = fs::read_to_string(&log).unwrap();
            text.contains("database system is ready to accept connections")
        });
        server
    }

    /// The server refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir("/").env("LC_ALL", "C");
        if is_root() {
            command
                .uid(id(&["-u", "postgres"]))
                .gid(id(&["-g", "postgres"]));
        }
        command
    }
}

/// A server that runs; ended when this is dropped.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT ends it at once, with its children (postgres(1)).
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.0.wait();
    }
}

/// A firewall that drops what comes to one port from anywhere but this machine.
struct Firewall(Vec<String>);

impl Firewall {
    fn drops(port: u16) -> Self {
        let rule =
            format!("INPUT ! -i lo -p tcp --dport {port} -m comment --comment fitout-test -j DROP");
        let firewall = Firewall(rule.split(' ').map(str::to_owned).collect());
        assert!(
            firewall.run("-I"),
            "can't add a rule: the test needs root and iptables"
        );
        firewall
    }

    fn run(&self, action: &str) -> bool {
        let mut command = Command::new("iptables");
        let status = command.args(["-w", action]).args(&self.0).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Firewall {
    fn drop(&mut self) {
        self.run("-D");
    }
}

fn is_root() -> bool {
    id(&["-u"]) == 0
}

fn id(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap()
}

/// What a probe made and did not take away.
fn leftovers() -> String {
    let containers = docker(&["ps", "--all", "--quiet", "--filter", "name=fitout-probe-"]);
    let networks = docker(&["network", "ls", "--quiet", "--filter", "name=fitout-probe-"]);
    format!("{containers}{networks}")
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
