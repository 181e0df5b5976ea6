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
    worker: not cloned: run `fitout sync`
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
fn ctrl_c_ends_what_runs_and_all_that_it_started_and_nothing_more_begins() {
    let context = workspace();
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    let script = "sleep 1000 & echo $! > ../pid-$FITOUT_REPO; wait";
    let child = context
        .fitout_command(&["foreach", "--jobs", "2", "--", script])
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
    // The third one waited for its turn.
    assert!(!context.ws("pid-worker").exists());
    ran.assert_says("worker: not started");
    for pid in pids {
        let mut ps = context.command("ps");
        let output = ps.args(["-o", "stat=", "-p", pid.trim()]).output().unwrap();
        let state = String::from_utf8_lossy(&output.stdout).into_owned();
        // One that has ended may wait for init to take note of it.
        let has_ended = state.trim().is_empty() || state.starts_with('Z');
        assert!(has_ended, "{pid} still runs: {state}");
    }
}

/// `web` is on a topic branch, `api` has a change and lacks a commit, `worker` is not cloned.
fn in_several_states() -> TestContext {
    let context = workspace();
    context.push("api", "theirs.txt", "theirs\n");
    context.git("ws/api", &["fetch", "--quiet"]);
    context.write("ws/api/untracked.txt", "mine\n");
    context.git("ws/web", &["switch", "--quiet", "-c", "topic"]);
    context
}

#[test]
fn flags_say_which_clones_it_is_about() {
    let context = in_several_states();
    for (filter, expected) in [
        (&["--changed"][..], &["api"][..]),
        (&["--behind"], &["api"]),
        (&["--on", "topic"], &["web"]),
        (&["--on", "topic", "--on", "main"], &["web", "api"]),
        (&["--on", "topic,main", "--changed"], &["api"]),
        (&["--on", "topic", "--changed"], &[]),
        (&["--repos", "web", "--behind"], &[]),
    ] {
        let arguments = [&["foreach", "--format", "json"], filter, &["true"]].concat();
        let ran = context.fitout(&arguments);
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        let repos = json["repos"].as_array().unwrap();
        let names: Vec<&str> = repos
            .iter()
            .map(|it| it["repo"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{filter:?}");
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert_eq!(
            ran.stderr.contains("no clone matches `--"),
            expected.is_empty(),
            "{}",
            ran.shown()
        );
    }
}

#[test]
fn a_clone_whose_state_cannot_be_told_is_not_passed_over() {
    let context = in_several_states();
    context.git(
        "ws/web",
        &["remote", "set-url", "origin", "../elsewhere.git"],
    );
    let ran = context.fitout(&["foreach", "--changed", "echo", "ran"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    web
    api
    ran
    --- stderr
    web: a clone of ../elsewhere.git is there
    failed in 1 of 2 repos: web
    ");
}

#[test]
fn bytes_are_passed_on_as_they_are() {
    let context = workspace();
    let script = r"printf 'caf\351 \033[31m\n'; printf '\377\n' >&2";
    let mut command = context.fitout_command(&["foreach", "--repos", "web", script]);
    let output = command.output().unwrap();
    assert_eq!(output.stdout, b"web\ncaf\xe9 \x1b[31m\n");
    assert_eq!(output.stderr, b"\xff\n");
    let json = context.fitout(&["foreach", "--repos", "web", "--format", "json", script]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["repos"][0]["stdout"], "caf\u{fffd} \u{1b}[31m\n");
}

#[test]
fn a_process_that_the_command_leaves_behind_is_not_waited_for() {
    let context = workspace();
    let script = "sleep 1000 & echo $! > ../left; echo started";
    let ran = context.fitout(&["foreach", "--repos", "web", script]);
    let left = std::fs::read_to_string(context.ws("left")).unwrap();
    let ended = context.command("kill").arg(left.trim()).status().unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "web\nstarted\n"));
    assert!(ended.success(), "it ran on");
}
