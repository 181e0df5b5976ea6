//! The command, run as a user would.

use serde_json::Value;

use crate::context::TestContext;

const MANIFEST: &str = r#"
[git]
base_url = "../remotes/"
[repos.api]
[repos.web]
[services.api]
repo = "api"
[services.web]
repo = "web"
healthcheck = { tcp = 80 }
"#;

/// A workspace with a sound `web`, and an `api` with something to fix.
pub fn workspace() -> TestContext {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    context.write("ws/web/Dockerfile.dev", "FROM nginx:1.29\n");
    context.write(
        "ws/api/Dockerfile.dev",
        "FROM node:22-alpine\nHEALTHCHECK NONE\n",
    );
    context.write(
        "ws/api/Dockerfile",
        "FROM node:22-alpine\nWORKDIR /app\nHEALTHCHECK NONE\nCOPY . .\nRUN npm ci\nCMD [\"node\", \"server.js\"]\n",
    );
    context.write("ws/api/package.json", "{}\n");
    context.write("ws/api/.dockerignore", ".git\n");
    context
}

#[test]
fn findings_have_their_place_reason_and_remedy() {
    let ran = workspace().fitout(&["lint"]);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn fix_changes_what_is_mechanical_and_reports_the_rest() {
    let context = workspace();
    let ran = context.fitout(&["lint", "--fix", "api"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("fixed api/Dockerfile\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("root-user"), "{}", ran.stdout);
    assert!(
        !ran.stdout.contains("copy-before-install"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        context.read("ws/api/Dockerfile"),
        "FROM node:22-alpine\nWORKDIR /app\nHEALTHCHECK NONE\nCOPY package.json ./\nRUN npm ci\nCOPY . .\nCMD [\"node\", \"server.js\"]\n"
    );
    assert_eq!(
        context.read("ws/api/.dockerignore"),
        ".git\n.env\nnode_modules\n"
    );
    assert_eq!(context.read("ws/web/Dockerfile.dev"), "FROM nginx:1.29\n");
    let again = context.fitout(&["lint", "--fix", "api"]);
    assert!(!again.stderr.contains("fixed"), "{}", again.stderr);
}

#[test]
fn two_dockerfiles_share_the_ignore_file_that_is_fixed() {
    let context = workspace();
    context.write(
        "ws/api/Dockerfile.dev",
        "FROM a:1\nHEALTHCHECK NONE\nCOPY . .\n",
    );
    let ran = context.fitout(&["lint", "--fix", "api"]);
    assert_eq!(
        ran.stderr,
        "fixed api/.dockerignore\nfixed api/Dockerfile\n"
    );
    assert_eq!(
        context.read("ws/api/.dockerignore"),
        ".git\n.env\nnode_modules\n"
    );
}

#[test]
fn a_sound_service_has_nothing_to_say_of_it() {
    let ran = workspace().fitout(&["lint", "web"]);
    assert_eq!(
        ran.shown(),
        "exit: 0\n--- stdout\nno findings in 1 Dockerfile\n--- stderr\n"
    );
}

#[test]
fn the_demo_has_nothing_to_say_of_it() {
    let context = TestContext::new();
    for (folder, command) in [(".", "demo"), ("fitout-demo/services", "sync")] {
        let mut command = context.fitout_command(&[command]);
        let output = command.current_dir(context.ws(folder)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let mut command = context.fitout_command(&["lint"]);
    command.current_dir(context.ws("fitout-demo/services"));
    let ran = context.ran(&command.output().unwrap());
    assert_eq!(ran.stdout, "no findings in 8 Dockerfiles\n");
    assert_eq!(ran.code, Some(0));
}

#[test]
fn production_leaves_the_development_files_out() {
    let ran = workspace().fitout(&["lint", "--production", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        report["files"],
        serde_json::json!([{ "path": "api/Dockerfile", "purposes": ["production"] }])
    );
}

#[test]
fn json_has_a_schema_version_and_every_field() {
    let ran = workspace().fitout(&["lint", "--format", "json", "api"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn fail_on_decides_which_findings_fail() {
    let context = workspace();
    for (level, code) in [("info", 1), ("warning", 1), ("error", 0)] {
        let ran = context.fitout(&["lint", "--fail-on", level]);
        assert_eq!(ran.code, Some(code), "{level}: {}", ran.stdout);
    }
}

#[test]
fn what_is_not_there_is_said_and_nothing_is_no_success() {
    let context = TestContext::new();
    context.manifest(MANIFEST);
    insta::assert_snapshot!(context.fitout(&["lint"]).shown());
    context.manifest("[services.cache]\npreset = \"redis\"\n");
    let ran = context.fitout(&["lint", "cache"]);
    let error = "error: no Dockerfile found for `cache`\n";
    assert!(ran.stderr.starts_with(error), "{}", ran.stderr);
    assert_eq!(
        (ran.code, context.fitout(&["lint"]).code),
        (Some(1), Some(0))
    );
    context.manifest(MANIFEST);
    let ran = context.fitout(&["lint", "wep"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("did you mean `web`?"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_text_is_said_to_be_so() {
    let context = workspace();
    std::fs::write(context.ws("web/Dockerfile.dev"), b"FROM a:1\nRUN \xff\n").unwrap();
    let ran = context.fitout(&["lint", "web", "--fix"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stdout.contains("this is not UTF-8 text"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("web/Dockerfile.dev:2:5"),
        "{}",
        ran.stdout
    );
}

#[test]
fn comments_of_other_linters_count_for_the_rules_they_share() {
    let context = workspace();
    let cases = [
        ("# hadolint ignore=DL3006\nFROM nginx\n", 0),
        ("# hadolint ignore=DL3008\nFROM nginx\n", 1),
        (
            "# hadolint global ignore=DL3006\n\nFROM a:1 AS a\nFROM nginx\n",
            0,
        ),
        (
            "# check=skip=SecretsUsedInArgOrEnv;error=true\nFROM nginx:1\nENV API_KEY=abc\n",
            0,
        ),
        ("# check=skip=all\nFROM nginx:1\nENV API_KEY=abc\n", 0),
        (
            "# check=skip=StageNameCasing\nFROM nginx:1\nENV API_KEY=abc\n",
            1,
        ),
    ];
    for (text, code) in cases {
        context.write("ws/web/Dockerfile.dev", text);
        let ran = context.fitout(&["lint", "web"]);
        assert_eq!(ran.code, Some(code), "{text}\n{}", ran.stdout);
    }
}
