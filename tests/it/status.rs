//! `fitout status`: repos and services at one look, with and without Docker.

use serde_json::Value;

use crate::context::TestContext;

fn workspace() -> TestContext {
    let context = TestContext::new();
    for name in ["api", "web", "worker", "stashed"] {
        context.remote(name);
    }
    context.manifest(
        r#"[repos.api]
url = "../remotes/api.git"
[repos.web]
url = "../remotes/web.git"
[repos.worker]
url = "../remotes/worker.git"
[repos.stashed]
url = "../remotes/stashed.git"

[services.store]
image = "busybox:1.37"
"#,
    );
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context.commit("api", "new.txt", "new\n");
    context.git("ws/web", &["switch", "--quiet", "-c", "topic"]);
    context.write("ws/web/README.md", "changed\n");
    std::fs::remove_dir_all(context.ws("worker")).unwrap();
    context.commit("stashed", "own.txt", "own\n");
    context.push("stashed", "theirs.txt", "theirs\n");
    context.git("ws/stashed", &["fetch", "--quiet"]);
    context.write("ws/stashed/README.md", "stashed\n");
    context.git("ws/stashed", &["stash", "--quiet"]);
    context.write("ws/stashed/untracked.txt", "new\n");
    context
}

#[test]
fn without_docker_it_shows_the_repos_and_says_why_no_services() {
    let context = workspace();
    let mut command = context.fitout_command(&["status"]);
    let output = command.env("PATH", context.path("home")).output().unwrap();
    insta::assert_snapshot!(context.ran(&output).shown());
}

#[test]
fn json_is_one_object_with_a_schema_version() {
    let context = workspace();
    let mut command = context.fitout_command(&["status", "--format", "json"]);
    let output = command.env("PATH", context.path("home")).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["schema_version"], 1);
    assert_eq!(status["services"], Value::Null);
    assert!(status["docker"].is_string());
    insta::assert_json_snapshot!(status["repos"]);
}
