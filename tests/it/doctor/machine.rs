//! The machine as it may be: files of the system are covered in a mount namespace of the test's own,
//! which nobody else sees and which ends with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use serde_json::Value;

use super::{check, json, stub, workspace};
use crate::context::{TestContext, free_port};

/// The report of `fitout doctor` after `mounts`, a shell script that covers what it likes and may
/// change the folder. No program is on fitout's PATH.
fn after(context: &TestContext, mounts: &str, only: &str) -> Value {
    after_with_path(context, mounts, only, "/nowhere")
}

fn after_with_path(context: &TestContext, mounts: &str, only: &str, path: &str) -> Value {
    let fitout = assert_cmd::cargo::cargo_bin!("fitout").display();
    let script =
        format!("set -e\n{mounts}\nPATH={path} exec {fitout} doctor --format json --only {only}");
    let output = context
        .command("unshare")
        .args(["--mount", "sh", "-c", &script])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", context.ran(&output).shown()))
}

/// Covers a file of the system with another text.
fn cover(context: &TestContext, file: &str, text: &str) -> String {
    let name = file.replace('/', "-");
    context.write(&name, text);
    format!("mount --bind '{}' {file}", context.path(&name).display())
}

#[test]
#[ignore = "needs root"]
fn few_watches_are_a_warning() {
    let context = TestContext::new();
    let file = |name: &str| format!("/proc/sys/fs/inotify/{name}");
    let limits = |watches: &str, instances: &str| {
        let mounts = [
            cover(&context, &file("max_user_watches"), watches),
            cover(&context, &file("max_user_instances"), instances),
        ];
        let report = after(&context, &mounts.join("\n"), "tools.inotify");
        check(&report, "tools.inotify").clone()
    };
    assert_eq!(limits("524288\n", "1024\n")["status"], "pass");
    assert_eq!(limits("524288\n", "64\n")["status"], "warn");
    let few = limits("8192\n", "128\n");
    assert_eq!(few["status"], "warn", "{few:#}");
    let commands = few["remedy"]["run"].to_string();
    assert!(commands.contains("sysctl -p"), "{commands}");
}

#[test]
#[ignore = "needs root"]
fn the_remedy_is_for_the_system_that_this_is() {
    let systems = [
        ("ID=debian\nVERSION_ID=\"13\"\n", "apt install git"),
        ("ID=ubuntu\n", "apt install git"),
        ("ID=fedora\n", "dnf install git"),
        ("ID=endeavouros\nID_LIKE=arch\n", "pacman -S git"),
        ("ID=alpine\n", "apk add git"),
    ];
    for (os_release, command) in systems {
        let context = TestContext::new();
        let mounts = cover(&context, "/etc/os-release", os_release);
        let report = after(&context, &mounts, "tools.git");
        let git = check(&report, "tools.git");
        assert_eq!(git["status"], "fail", "{git:#}");
        assert_eq!(git["remedy"]["run"][0], command);
    }
}

#[test]
#[ignore = "needs root"]
fn wsl_1_is_a_failure_and_wsl_2_is_fine() {
    let context = TestContext::new();
    let status = |kernel: &str| {
        let report = after(
            &context,
            &cover(&context, "/proc/version", kernel),
            "tools.wsl,tools.docker",
        );
        // Without a client, Docker Desktop is what WSL gets.
        let docker = &check(&report, "tools.docker")["remedy"]["run"][0];
        assert_eq!(docker, "winget.exe install Docker.DockerDesktop");
        check(&report, "tools.wsl")["status"].clone()
    };
    let first = "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)\n";
    let second = "Linux version 5.15.90.1-microsoft-standard-WSL2 (oe-user@oe-host)\n";
    assert_eq!(status(first), "fail");
    assert_eq!(status(second), "pass");
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_is_a_failure_and_a_small_one_a_warning() {
    let context = TestContext::new();
    context.manifest("");
    let disk = |size: &str| {
        let mounts = format!(
            "cp workspace.toml ../kept.toml\nmount -t tmpfs -o size={size} tmpfs \"$PWD\"\ncd \"$PWD\"\ncp ../kept.toml workspace.toml"
        );
        let report = after(&context, &mounts, "tools.disk");
        check(&report, "tools.disk").clone()
    };
    let full = disk("8m");
    assert_eq!(full["status"], "fail", "{full:#}");
    assert_eq!(full["found"], "the disk is full: 0.0 GiB free");
    assert_eq!(disk("2g")["status"], "warn");
}

#[test]
fn compose_1_alone_is_too_old() {
    let context = workspace(free_port());
    stub(
        &context,
        "docker",
        "case \"$1\" in\n--version) echo 'Docker version 20.10.24, build 297e128';;\n*) exit 1;;\nesac",
    );
    stub(&context, "docker-compose", "echo 1.29.2");
    let report = json(
        &context,
        &["git", "sh"],
        &["--only", "tools.compose,compose.valid"],
    );
    let compose = check(&report, "tools.compose");
    assert_eq!(compose["status"], "fail");
    let found = compose["found"].as_str().unwrap();
    assert!(
        found.starts_with("only Compose 1.29.2 is installed"),
        "{found}"
    );
    assert!(compose["remedy"]["run"].is_array(), "{compose:#}");
    assert_eq!(
        check(&report, "compose.valid")["skipped_because"],
        "tools.compose"
    );
}

#[test]
fn a_program_that_hangs_is_unknown_and_the_rest_is_checked() {
    let context = workspace(free_port());
    stub(&context, "docker", "exec sleep 100");
    let report = json(&context, &["git", "sh", "sleep"], &[]);
    assert_eq!(check(&report, "tools.docker")["status"], "unknown");
    assert_eq!(report["summary"]["fail"], 0, "{report:#}");
    for id in ["tools.git", "repos.api.cloned", "compose.drift"] {
        assert_eq!(check(&report, id)["status"], "pass", "{id}");
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_engine_that_was_stopped_is_started_by_the_remedy() {
    let context = TestContext::new();
    // A killed engine leaves its socket behind, which nobody listens on.
    drop(UnixListener::bind(context.path("docker.sock")).unwrap());
    let run = context.path(".").display().to_string();
    let hide = format!("mount --bind '{run}' /run");
    let report = after_with_path(&context, &hide, "tools.engine", "/usr/bin:/bin");
    let engine = check(&report, "tools.engine");
    assert_eq!(engine["status"], "fail", "{engine:#}");
    assert_eq!(
        engine["found"],
        "the Docker engine is not running (nothing responds at unix:///var/run/docker.sock)"
    );
    assert!(
        engine["remedy"]["run"].to_string().contains("start"),
        "{engine:#}"
    );
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_socket_that_this_user_may_not_use_is_a_question_of_groups() {
    let context = TestContext::new();
    let socket = context.path("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(context.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let fitout = context.path("fitout");
    fs::copy(assert_cmd::cargo::cargo_bin!("fitout"), &fitout).unwrap();
    let output = context
        .command("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&fitout)
        .args(["doctor", "--format", "json", "--only", "tools.engine"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", context.ran(&output).shown()));
    let engine = check(&report, "tools.engine");
    assert_eq!(engine["status"], "fail", "{engine:#}");
    let found = engine["found"].as_str().unwrap();
    assert!(
        found.starts_with("no permission to use the Docker engine's socket"),
        "{found}"
    );
    assert!(engine["remedy"]["run"].to_string().contains("docker"));
}
