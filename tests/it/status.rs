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

#[test]
fn what_is_ignored_is_the_users_say_wherever_it_stands() {
    let context = workspace();
    let ignored = context.path("home/ignored").display().to_string();
    let says = format!("\n[core]\nexcludesFile = {ignored}\n");
    context.write("home/ignored", "*.own\n");
    context.write("home/says", &says);
    context.write("ws/web/notes.own", "mine\n");
    let user = "[alias]\nst = status\n".to_owned();
    context.write("home/.gitconfig", &user);
    let changes = || {
        let ran = context.fitout(&["status", "--format", "json"]);
        let status: Value = serde_json::from_str(&ran.stdout).unwrap();
        status["repos"][1]["changes"].clone()
    };
    assert_eq!(changes(), 2, "README.md and notes.own");
    let gitdir = context.ws("web/.git").display().to_string();
    for users in [
        says,
        "\n[include]\npath = says\n".to_owned(),
        format!("\n[includeIf \"gitdir:{gitdir}\"]\npath = says\n"),
    ] {
        context.write("home/.gitconfig", &(user.clone() + &users));
        assert_eq!(changes(), 1, "{users}");
    }
    context.write("home/.gitconfig", &user);
    context.git("ws/web", &["config", "extensions.worktreeConfig", "true"]);
    let own = ["config", "--worktree", "core.excludesFile", &ignored];
    context.git("ws/web", &own);
    assert_eq!(changes(), 1, "config.worktree");
}

#[test]
fn flags_say_which_clones_are_shown_and_docker_is_not_asked() {
    let context = workspace();
    for (filter, expected) in [
        (&["--changed"][..], &["web", "stashed"][..]),
        (&["--behind"], &["stashed"]),
        (&["--on", "topic"], &["web"]),
        (&["--on", "main", "--changed"], &["stashed"]),
        (&["--on", "no-such-branch"], &[]),
    ] {
        let json = context.fitout(&[&["status", "--format", "json"], filter].concat());
        let status: Value = serde_json::from_str(&json.stdout).unwrap();
        let repos = status["repos"].as_array().unwrap();
        let names: Vec<&str> = repos
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{filter:?}");
        assert_eq!(
            (&status["services"], &status["docker"]),
            (&Value::Null, &Value::Null)
        );
    }
    let shown = |flags: &[&str]| context.fitout(&[&["status"], flags].concat()).shown();
    insta::assert_snapshot!(shown(&["--behind"]), @r"
    exit: 0
    --- stdout
    repo     branch  remote             changes
    stashed  main    ahead 1, behind 1  1 change, 1 stash
    --- stderr
    ");
    insta::assert_snapshot!(shown(&["--on", "no", "--behind"]), @r"
    exit: 0
    --- stdout
    --- stderr
    no clone matches `--on no --behind`
    ");
}
