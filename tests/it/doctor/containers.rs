//! What runs, with a real engine.

use serde_json::Value;

use super::check;
use crate::context::{TestContext, eventually, free_port, with_docker};

/// A project that leaves nothing behind.
struct Project(TestContext);

impl Project {
    fn new(name: &str, port: u16, health: &str) -> Self {
        let context = TestContext::new();
        context.manifest(&format!(
            r#"[workspace]
name = "fitout-test-doctor-{name}"

[services.page]
image = "busybox:1.37"
ports = ["{port}:8080"]
command = ["httpd", "-f", "-p", "8080"]
healthcheck = {{ test = ["CMD-SHELL", "{health}"], interval = "1s", retries = 1 }}
"#
        ));
        let ran = context.fitout(&["generate"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        Project(context)
    }

    fn compose(&self, arguments: &[&str]) {
        let mut command = self.0.command("docker");
        let output = with_docker(command.arg("compose").args(arguments))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", self.0.ran(&output).shown());
    }

    fn doctor(&self, only: &str) -> Value {
        let arguments = ["doctor", "--format", "json", "--only", only];
        let mut command = self.0.fitout_command(&arguments);
        let output = with_docker(&mut command).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.0.ran(&output).shown()))
    }

    fn status(&self, id: &str) -> String {
        let report = self.doctor(id);
        check(&report, id)["status"].as_str().unwrap().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let mut down = self.0.command("docker");
        down.args(["compose", "down", "--volumes", "--timeout", "1"]);
        let _ = with_docker(&mut down).output();
    }
}

#[test]
#[ignore = "needs a Docker engine"]
fn what_is_up_is_asked_for_its_health() {
    let project = Project::new("health", free_port(), "echo no page; test -e /tmp/well");
    assert_eq!(project.status("running.page"), "info", "not started");
    project.compose(&["up", "--detach"]);
    let sick = eventually("the health check has failed", || {
        let report = project.doctor("running.page");
        let page = check(&report, "running.page").clone();
        (page["status"] == "fail").then_some(page)
    });
    assert_eq!(sick["found"], "`page` is running, unhealthy: no page");
    // A port that our own container holds is no problem.
    let report = project.doctor("ports");
    let port = check(&report, "ports.page.8080");
    assert_eq!(port["status"], "pass", "{port:#}");

    project.compose(&["exec", "-T", "page", "touch", "/tmp/well"]);
    eventually("the health check passes", || {
        (project.status("running.page") == "pass").then_some(())
    });
}

#[test]
#[ignore = "needs a Docker engine"]
fn a_port_that_another_project_holds_is_traced_to_its_container() {
    let port = free_port();
    let (first, second) = (
        Project::new("first", port, "true"),
        Project::new("second", port, "true"),
    );
    first.compose(&["up", "--detach"]);
    let report = second.doctor("ports");
    let found = check(&report, "ports.page.8080");
    assert_eq!(found["status"], "fail", "{found:#}");
    let words = found["found"].as_str().unwrap();
    assert!(
        words.contains("`fitout-test-doctor-first-page-1`"),
        "{words}"
    );
}

#[test]
#[ignore = "needs a Docker engine"]
fn an_override_that_compose_does_not_take_is_named_in_its_words() {
    let project = Project::new("override", free_port(), "true");
    assert_eq!(project.status("compose.valid"), "pass");
    let text = "services:\n  page:\n    prots: [\"1:1\"]\n";
    project.0.write("ws/docker-compose.override.yml", text);
    let report = project.doctor("compose.valid");
    let valid = check(&report, "compose.valid");
    assert_eq!(valid["status"], "fail", "{valid:#}");
    assert!(
        valid["found"].as_str().unwrap().contains("prots"),
        "{valid:#}"
    );

    let text = "services:\n  page:\n    ports: [\"18080:8080\"]\n";
    project.0.write("ws/docker-compose.override.yml", text);
    assert_eq!(project.status("compose.override"), "warn");
}
