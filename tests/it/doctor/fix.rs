//! `fitout doctor --fix`: what it does, what it asks first, and what it leaves alone.

use super::{check, json, ran, run_remedy, workspace};
use crate::context::{TestContext, exists, free_port};
use crate::terminal::{Prompt, on_a_terminal};

/// What can't be in order without an engine.
const HERE: &str = "repos,files,compose.present,compose.drift,compose.env";

/// Nothing is cloned, nothing is written.
fn fresh() -> TestContext {
    let context = TestContext::new();
    context.remote("api");
    context.push("api", "Dockerfile.dev", "FROM busybox:1.37\n");
    context.push("api", ".env.example", "# yours\nTOKEN=change-me\n");
    context.manifest(
        "[repos.api]\nurl = \"../remotes/api.git\"\n\n[services.api]\nrepo = \"api\"\nenv_file = [\".env\"]\n",
    );
    context
}

#[test]
fn from_a_manifest_alone_to_a_workspace_in_order() {
    let context = fresh();
    let ran = ran(
        &context,
        &["git"],
        &["doctor", "--fix", "--yes", "--only", HERE],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        context.read("ws/api/.env"),
        context.read("ws/api/.env.example")
    );
    let again = json(&context, &["git"], &["--only", HERE, "--fail-on", "warn"]);
    assert_eq!(again["summary"]["fail"], 0, "{again:#}");
    assert_eq!(again["summary"]["warn"], 0, "{again:#}");
}

#[test]
fn without_a_terminal_it_shows_the_plan_and_names_the_flag() {
    let context = fresh();
    let ran = ran(&context, &["git"], &["doctor", "--fix", "--only", HERE]);
    assert_eq!(ran.code, Some(2));
    assert!(!exists(context.ws("api")));
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn on_a_terminal_it_asks_and_no_means_no() {
    let context = fresh();
    let arguments = ["doctor", "--fix", "--only", HERE];
    let asked = "Apply these fixes?";
    let (code, screen) = on_a_terminal(&context, &arguments, Prompt::Key, &[(asked, "n")]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("clone `api`"), "{screen}");
    assert!(screen.contains("nothing was changed"), "{screen}");
    assert!(!exists(context.ws("api")));
    let yes = [(asked, "y"), (asked, "y")];
    let (code, screen) = on_a_terminal(&context, &arguments, Prompt::Key, &yes);
    assert_eq!(code, Some(0), "{screen}");
    assert!(exists(context.ws("api/.env")), "{screen}");
}

#[test]
fn what_is_the_users_stays() {
    let context = fresh();
    context.write("ws/api/notes.txt", "mine\n");
    context.write("ws/docker-compose.yml", "services: {}\n");
    let ran = ran(
        &context,
        &["git"],
        &["doctor", "--fix", "--yes", "--only", HERE],
    );
    assert_eq!(ran.code, Some(1));
    assert_eq!(context.names("ws/api"), ["notes.txt"]);
    assert_eq!(context.read("ws/docker-compose.yml"), "services: {}\n");
    assert!(
        ran.stdout.contains("was not written by fitout"),
        "{}",
        ran.shown()
    );
}

#[test]
fn a_command_can_be_pasted_where_a_path_has_spaces_and_quotes() {
    let context = TestContext::new();
    context.manifest("[repos.api]\nurl = \"../remotes/api.git\"\npath = \"my repo's\"\n");
    context.write("ws/my repo's", "mine\n");
    let report = json(&context, &["git"], &["--only", "repos.api.cloned"]);
    run_remedy(&context, check(&report, "repos.api.cloned"));
    assert_eq!(context.read("ws/my repo's.old"), "mine\n");
}

#[test]
fn keys_that_the_example_has_are_missed_and_the_command_adds_them() {
    let context = workspace(free_port());
    let status = || {
        let report = json(&context, &["git"], &["--only", "files.api.env-keys"]);
        let found = check(&report, "files.api.env-keys").clone();
        let status = found["status"].as_str().unwrap().to_owned();
        (status, found)
    };
    assert_eq!(status().0, "pass", "there is no example");
    context.write("ws/api/.env.example", "A=1\nexport B=2\n#C=3\nD=4\n");
    let (missing, found) = status();
    assert_eq!(missing, "warn");
    assert_eq!(found["fixable"], true);

    context.write("ws/api/.env", "A=own");
    let manifest = context.read("ws/workspace.toml");
    context.manifest(&format!("{manifest}environment = {{ D = \"4\" }}\n"));
    let (lacking, found) = status();
    assert_eq!(lacking, "warn");
    assert_eq!(found["found"], "`api/.env` lacks `B` of `api/.env.example`");
    assert_eq!(found["fixable"], false);
    run_remedy(&context, &found);
    assert_eq!(context.read("ws/api/.env"), "A=own\nexport B=2\n");
    assert_eq!(status().0, "pass");
}

#[test]
fn an_env_file_that_a_repo_commits_is_a_warning_of_that_repo() {
    let context = workspace(free_port());
    context.commit("api", ".env", "TOKEN=secret\n");
    let warned = ran(
        &context,
        &["git"],
        &["doctor", "--only", "files.api", "--fail-on", "warn"],
    );
    assert_eq!(warned.code, Some(1), "{}", warned.shown());
    insta::assert_snapshot!(warned.stdout);
    let report = json(&context, &["git"], &["--only", "files.api.env-secret"]);
    let found = check(&report, "files.api.env-secret");
    run_remedy(&context, found);
    assert!(exists(context.ws("api/.env")));
    let report = json(&context, &["git"], &["--only", "files.api.env-secret"]);
    assert_eq!(report["summary"]["pass"], 1, "{report:#}");
}

#[test]
fn a_clone_that_the_manifest_does_not_name_is_no_problem() {
    let context = workspace(free_port());
    context.git("ws", &["clone", "--quiet", "../remotes/api.git", "old"]);
    let report = json(&context, &["git"], &["--only", "repos.extra"]);
    let extra = check(&report, "repos.extra");
    assert_eq!(extra["status"], "info", "{extra:#}");
    assert!(extra["found"].as_str().unwrap().starts_with("`old` ("));
}

#[test]
fn git_lfs_is_needed_where_a_repo_says_so() {
    let context = workspace(free_port());
    let lfs = || {
        let report = json(&context, &["git"], &["--only", "tools.git-lfs"]);
        check(&report, "tools.git-lfs").clone()
    };
    assert_eq!(lfs()["status"], "pass");
    context.commit(
        "api",
        ".gitattributes",
        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    );
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    context.write("ws/api/large.bin", pointer);
    context.git(
        "ws/api",
        &["-c", "filter.lfs.clean=cat", "add", "large.bin"],
    );
    // PATH has no git-lfs; git looks into its own folder too.
    let found = lfs();
    let status = found["status"].as_str().unwrap();
    let commands = found["remedy"]["run"].to_string();
    assert!(["fail", "warn"].contains(&status), "{found:#}");
    assert!(commands.contains("git -C api lfs pull"), "{found:#}");
}
