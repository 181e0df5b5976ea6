//! `fitout doctor`: real causes on this machine, and what is said of them.
//!
//! A tool is missing because PATH does not have it, an engine is away because nothing listens on its
//! socket, a port is taken because the test listens on it. Only programs that no machine has any more,
//! or that hang, are stubs ([`stub`]).

mod access;
mod containers;
mod fix;
mod identity;
mod machine;

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use crate::context::{Ran, TestContext, free_port};

/// A workspace of one repo with one service, cloned and generated.
fn workspace(port: u16) -> TestContext {
    let context = TestContext::new();
    context.remote("api");
    context.push("api", "Dockerfile.dev", "FROM busybox:1.37\n");
    context.manifest(&format!(
        r#"[workspace]
name = "doctor-test"

[repos.api]
url = "../remotes/api.git"

[services.api]
repo = "api"
ports = ["{port}:3000"]
"#
    ));
    for arguments in [["sync"], ["generate"]] {
        let ran = context.fitout(&arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }
    context
}

/// Runs the first command that a check gives, as a user would paste it.
#[track_caller]
fn run_remedy(context: &TestContext, found: &Value) {
    let command = found["remedy"]["run"][0].as_str().unwrap();
    let status = context.command("sh").args(["-c", command]).status();
    assert!(status.unwrap().success(), "{command}");
}

/// fitout with these programs on PATH and no others, and with no engine of this machine in reach.
fn with_programs(context: &TestContext, programs: &[&str], arguments: &[&str]) -> Command {
    let bin = context.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for program in programs {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(program))
            .find(|path| path.is_file())
            .unwrap_or_else(|| panic!("the tests need {program}"));
        if !bin.join(program).exists() {
            symlink(found, bin.join(program)).unwrap();
        }
    }
    let mut command = context.fitout_command(arguments);
    command.env("PATH", &bin).env(
        "DOCKER_HOST",
        format!("unix://{}", context.path("no.sock").display()),
    );
    command
}

/// A program that PATH has first, with a shell script for a body.
fn stub(context: &TestContext, name: &str, script: &str) {
    context.write_program(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
}

fn json(context: &TestContext, programs: &[&str], arguments: &[&str]) -> Value {
    let mut all = vec!["doctor", "--format", "json"];
    all.extend(arguments);
    let output = with_programs(context, programs, &all).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", context.ran(&output).shown());
    })
}

fn ran(context: &TestContext, programs: &[&str], arguments: &[&str]) -> Ran {
    let output = with_programs(context, programs, arguments)
        .output()
        .unwrap();
    context.ran(&output)
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no check `{id}` in {report:#}"))
}

#[test]
fn without_docker_one_line_is_red_and_the_rest_is_still_checked() {
    let context = workspace(free_port());
    let report = json(&context, &["git"], &[]);
    assert_eq!(check(&report, "tools.docker")["status"], "fail");
    assert_eq!(report["summary"]["fail"], 1, "{report:#}");
    for id in ["tools.engine", "tools.compose", "compose.valid"] {
        assert_eq!(check(&report, id)["status"], "skipped", "{id}");
        assert_eq!(
            check(&report, id)["skipped_because"],
            "tools.docker",
            "{id}"
        );
    }
    for id in [
        "repos.api.cloned",
        "files.api.dockerfile",
        "compose.drift",
        "ports.api.3000",
    ] {
        assert_eq!(check(&report, id)["status"], "pass", "{id}: {report:#}");
    }
}

#[test]
fn without_git_says_how_to_install_it() {
    let context = workspace(free_port());
    let report = json(&context, &[], &["--only", "tools.git"]);
    let git = check(&report, "tools.git");
    assert_eq!(git["status"], "fail");
    assert_eq!(git["found"], "git is not installed");
    assert!(git["remedy"].is_object(), "{git:#}");
}

#[test]
fn before_anything_is_cloned_it_says_so_once_a_repo() {
    let context = TestContext::new();
    context.remote("api");
    context
        .manifest("[repos.api]\nurl = \"../remotes/api.git\"\n\n[services.api]\nrepo = \"api\"\n");
    let ran = ran(
        &context,
        &["git"],
        &[
            "doctor",
            "--only",
            "repos,files.api,compose.drift,compose.env",
        ],
    );
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn what_is_wrong_with_a_clone_comes_with_the_git_command_that_fixes_it() {
    let context = workspace(free_port());
    context.git(
        "ws/api",
        &["remote", "set-url", "origin", "https://git.example/other"],
    );
    let report = json(&context, &["git"], &["--only", "repos"]);
    assert_eq!(check(&report, "repos.api.cloned")["status"], "pass");
    let remote = check(&report, "repos.api.remote");
    assert_eq!(remote["status"], "fail");
    assert_eq!(
        remote["found"],
        "a clone of https://git.example/other is there"
    );
    assert_eq!(
        check(&report, "repos.api.branch")["skipped_because"],
        "repos.api.remote"
    );
}

#[test]
fn a_missing_dockerfile_is_named() {
    let context = workspace(free_port());
    std::fs::remove_file(context.ws("api/Dockerfile.dev")).unwrap();
    let report = json(&context, &["git"], &["--only", "files"]);
    let dockerfile = check(&report, "files.api.dockerfile");
    assert_eq!(dockerfile["status"], "fail");
    assert_eq!(dockerfile["found"], "`api/Dockerfile.dev` is missing");
}

#[test]
fn drift_and_a_hand_edit_are_told_apart() {
    let context = workspace(free_port());
    let drift = |context: &TestContext| {
        let report = json(context, &["git"], &["--only", "compose.drift"]);
        check(&report, "compose.drift")["found"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let manifest = context.read("ws/workspace.toml");
    context.manifest(&format!("{manifest}command = \"httpd -f\"\n"));
    assert_eq!(
        drift(&context),
        "the manifest has changed since `fitout generate`: `services.api` differs"
    );

    context.manifest(&manifest);
    let edited = context
        .read("ws/docker-compose.yml")
        .replace("init: true", "init: false");
    context.write("ws/docker-compose.yml", &edited);
    assert_eq!(drift(&context), "`docker-compose.yml` was edited by hand");
}

#[test]
fn a_port_that_another_process_holds_is_traced_to_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let context = workspace(port);
    let report = json(&context, &["git"], &["--only", "ports"]);
    let found = check(&report, "ports.api.3000");
    assert_eq!(found["status"], "fail");
    let words = found["found"].as_str().unwrap();
    let pid = format!("(pid {})", std::process::id());
    assert!(
        words.starts_with(&format!("127.0.0.1:{port} is used by")),
        "{words}"
    );
    assert!(words.contains(&pid), "{words}");

    // The command it gives fixes it.
    run_remedy(&context, found);
    let report = json(&context, &["git"], &["--only", "ports"]);
    assert_eq!(
        check(&report, "ports.api.3000")["status"],
        "pass",
        "{report:#}"
    );
}

#[test]
fn a_required_variable_is_looked_for_in_env_and_in_the_shell() {
    let context = workspace(free_port());
    let manifest = context.read("ws/workspace.toml");
    context.manifest(&format!("{manifest}required_env = [\"API_KEY\"]\n"));
    let status = |shell: Option<&str>| {
        let mut command = with_programs(
            &context,
            &[],
            &["doctor", "--format", "json", "--only", "env"],
        );
        if let Some(value) = shell {
            command.env("API_KEY", value);
        }
        let report: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        check(&report, "env.API_KEY")["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(status(None), "fail");
    assert_eq!(status(Some("from the shell")), "pass");
    let text = context.read("ws/.env");
    context.write("ws/.env", &format!("{text}API_KEY=from-the-file\n"));
    assert_eq!(status(None), "pass");
    assert_eq!(
        status(Some("")),
        "fail",
        "an empty variable of the shell hides the file's"
    );
}

#[test]
fn a_committed_env_file_is_a_warning() {
    let context = workspace(free_port());
    context.git("ws", &["init", "--quiet"]);
    context.git("ws", &["add", "--force", ".env"]);
    let ran = ran(&context, &["git"], &["doctor", "--only", "files.env"]);
    assert_eq!(ran.code, Some(0), "a warning is no failure");
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn an_env_file_that_cannot_be_read_is_one_red_line() {
    let context = workspace(free_port());
    std::fs::remove_file(context.ws(".env")).unwrap();
    std::fs::create_dir(context.ws(".env")).unwrap();
    let report = json(&context, &["git"], &["--skip", "tools"]);
    assert_eq!(check(&report, "files.env")["status"], "fail");
    assert_eq!(
        check(&report, "ports.api.3000")["skipped_because"],
        "files.env"
    );
    assert_eq!(report["summary"]["fail"], 1, "{report:#}");
}

#[test]
fn list_shows_ids_and_runs_nothing() {
    let context = workspace(3100);
    let ran = ran(
        &context,
        &[],
        &["doctor", "--list", "--only", "compose,ports"],
    );
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn an_unknown_check_is_a_wrong_command_line() {
    let context = workspace(free_port());
    let ran = ran(&context, &[], &["doctor", "--only", "tools.gti"]);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn list_is_there_for_programs_too() {
    let context = workspace(3100);
    let listed = json(&context, &[], &["--list", "--only", "compose.drift"]);
    assert_eq!(listed["schema_version"], 1);
    assert!(listed["workspace"].as_str().unwrap().ends_with("/ws"));
    assert_eq!(
        listed["checks"],
        serde_json::json!([{
            "id": "compose.drift",
            "group": "compose",
            "subject": "`docker-compose.yml` is up to date",
            "needs": ["compose.present"],
        }])
    );
}

#[test]
fn a_group_that_is_nearly_right_and_a_check_of_deep_are_named() {
    let context = workspace(free_port());
    for (pattern, hint) in [
        ("tolos", "did you mean `tools`?"),
        ("repos.api.brnach", "did you mean `repos.api.branch`?"),
        (
            "host.address",
            "this check needs `--deep`: `fitout doctor --deep`",
        ),
    ] {
        for option in ["--only", "--skip"] {
            let ran = ran(&context, &[], &["doctor", option, pattern]);
            assert_eq!(ran.code, Some(2), "{}", ran.shown());
            ran.assert_says(hint);
        }
    }
    let ran = ran(&context, &[], &["doctor", "--only", "zebra"]);
    assert!(!ran.stderr.contains("did you mean"), "{}", ran.shown());
}

#[test]
fn what_is_skipped_is_not_reported_and_its_dependents_run() {
    let context = workspace(free_port());
    let report = json(
        &context,
        &["git"],
        &["--only", "tools", "--skip", "tools.docker,tools.engine"],
    );
    let checks = report["checks"].as_array().unwrap();
    let ids: Vec<&str> = checks.iter().filter_map(|it| it["id"].as_str()).collect();
    assert!(!ids.contains(&"tools.docker"), "{ids:?}");
    // It is tried, and there is no client to ask.
    assert_eq!(check(&report, "tools.compose")["status"], "unknown");
}

#[test]
fn the_exit_status_follows_fail_on() {
    let context = workspace(free_port());
    context.git("ws", &["init", "--quiet"]);
    context.git("ws", &["add", "--force", ".env"]);
    let code = |fail_on: &str| {
        let arguments = ["doctor", "--only", "files.env", "--fail-on", fail_on];
        ran(&context, &["git"], &arguments).code
    };
    assert_eq!(code("fail"), Some(0));
    assert_eq!(code("warn"), Some(1));
}

#[test]
fn fix_needs_a_workspace_and_says_so() {
    let context = TestContext::new();
    let ran = ran(&context, &["git"], &["doctor", "--fix"]);
    assert_eq!(ran.code, Some(2), "{}", ran.shown());
    ran.assert_says("fitout init");
}

#[test]
fn remedies_can_be_typed_in_the_folder_that_the_user_is_in() {
    let context = workspace(free_port());
    context.git("ws", &["init", "--quiet"]);
    context.git("ws", &["add", "--force", ".env"]);
    let mut command = with_programs(&context, &[], &["doctor", "--only", "files.env"]);
    let output = command.current_dir(context.ws("api/src")).output().unwrap();
    let shown = context.ran(&output).stdout;
    assert!(shown.contains("$ git rm --cached ../../.env"), "{shown}");
}

#[test]
fn without_a_workspace_the_machine_is_checked_all_the_same() {
    let context = TestContext::new();
    let ran = ran(&context, &["git"], &["doctor", "--only", "tools.git"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn a_wrong_manifest_is_a_manifest_error() {
    let context = TestContext::new();
    context.manifest("[services.api]\nimge = \"x\"\n");
    assert_eq!(ran(&context, &[], &["doctor"]).code, Some(2));
}

mod with_docker_client {
    use super::*;

    /// Needs a `docker` program, and no engine.
    fn engine(docker_host: &str) -> Value {
        let context = workspace(free_port());
        let mut command = with_programs(
            &context,
            &["docker"],
            &["doctor", "--format", "json", "--only", "tools.engine"],
        );
        let output = command.env("DOCKER_HOST", docker_host).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        check(&report, "tools.engine").clone()
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn a_docker_host_that_does_not_answer_is_named() {
        let found = engine("unix:///nowhere/docker.sock");
        assert_eq!(found["status"], "fail");
        assert_eq!(
            found["found"],
            "no Docker engine responds at unix:///nowhere/docker.sock, which DOCKER_HOST is set to"
        );
        assert_eq!(found["remedy"]["run"][0], "unset DOCKER_HOST");
    }

    #[test]
    #[ignore = "needs a Docker engine"]
    fn an_engine_that_hangs_is_unknown() {
        // It takes connections, as every listener does, and never answers.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let found = engine(&format!("tcp://{}", listener.local_addr().unwrap()));
        assert_eq!(found["status"], "unknown", "{found:#}");
    }
}
