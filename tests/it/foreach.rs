//! `fitout foreach`: one command in every repo.

use std::fmt::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::context::{TestContext, eventually};

fn workspace() -> TestContext {
    let context = TestContext::new();
    let mut manifest = String::new();
    for name in ["web", "api", "worker"] {
        context.remote(name);
        writeln!(manifest, "[repos.{name}]\nurl = \"../remotes/{name}.git\"").unwrap();
    }
    context.manifest(&manifest);
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    std::fs::remove_dir_all(context.ws("worker")).unwrap();
    context
}

#[test]
fn output_is_grouped_in_the_order_of_the_manifest_and_a_failure_is_the_exit_status() {
    let context = workspace();
    let ran = context.fitout(&[
        "foreach",
        "--",
        "echo in $FITOUT_REPO; cat README.md; test $FITOUT_REPO = web || { echo no >&2; exit 3; }",
    ]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    web
    in web
    # web
    api
    in api
    # api
    worker
    --- stderr
    no
    api: exit status 3
    worker: not cloned; run `fitout sync`
    failed in 2 of 3 repos: api, worker
    ");
}

#[test]
fn several_words_are_run_without_a_shell_in_the_repos_that_are_named() {
    let context = workspace();
    let ran = context.fitout(&[
        "foreach", "--repos", "api,web", "--format", "json", "--", "echo", "$HOME;", "a b",
    ]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(json["schema_version"], 1);
    let repos = json["repos"].as_array().unwrap();
    assert_eq!(repos.len(), 2);
    for repo in repos {
        assert_eq!(repo["status"], 0);
        assert_eq!(repo["stdout"], "$HOME; a b\n");
    }
}

#[test]
fn what_follows_the_commands_first_word_is_its_own() {
    let context = workspace();
    let ran = context.fitout(&[
        "foreach", "--repos", "web", "printf", "%s-", "-q", "--repos",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(ran.stdout.contains("-q---repos-"), "{}", ran.shown());
}

#[test]
fn an_unknown_repo_or_program_is_said() {
    let context = workspace();
    let repo = context.fitout(&["foreach", "--repos", "wbe", "--", "true", "x"]);
    let program = context.fitout(&["foreach", "--repos", "web", "--", "no-such-program", "x"]);
    assert_eq!(repo.code, Some(2), "{}", repo.shown());
    assert_eq!(program.code, Some(1), "{}", program.shown());
    program.assert_says("`no-such-program` is not installed");
}

#[test]
fn ctrl_c_ends_what_runs_and_all_that_it_started() {
    let context = workspace();
    let script = "sleep 1000 & echo $! > ../pid-$FITOUT_REPO; wait";
    let child = context
        .fitout_command(&["foreach", "--jobs", "2", "--repos", "web,api", "--", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid_of = |repo: &str| {
        let text = std::fs::read_to_string(context.ws(&format!("pid-{repo}")));
        text.ok().filter(|text| text.ends_with('\n'))
    };
    let started = || Some([pid_of("web")?, pid_of("api")?]);
    let pids = eventually("both have started", started);
    let fitout = child.id().to_string();
    let kill = context.command("kill").args(["-INT", &fitout]).status();
    assert!(kill.unwrap().success());
    let ran = context.ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.shown());
    for pid in pids {
        let mut ps = context.command("ps");
        let output = ps.args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
        let state = String::from_utf8_lossy(&output.stdout).into_owned();
        // One that has ended may wait for init to take note of it.
        let has_ended = state.trim().is_empty() || state.starts_with('Z');
        assert!(has_ended, "{pid} still runs: {state}");
    }
}
