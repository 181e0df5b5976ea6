//! `--with`: other linters, played by scripts that print what the real ones print.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::command::workspace;
use crate::context::{Ran, TestContext};

/// Runs lint with a PATH on which there are these programs, and the few that scripts need.
fn with(context: &TestContext, programs: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let folder = context.path("bin");
    fs::create_dir_all(&folder).unwrap();
    for tool in ["sh", "cat"] {
        let real = ["/bin", "/usr/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        let real = real.iter().find(|path| path.exists()).unwrap();
        let _ = symlink(real, folder.join(tool));
    }
    for (name, script) in programs {
        context.write_program(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    }
    let mut command = context.fitout_command(&["lint"]);
    command.env("PATH", &folder).args(arguments);
    context.ran(&command.output().unwrap())
}

/// As hadolint 2.12 prints it.
const HADOLINT: &str = r#"[ "$1" = --version ] && exit
cat <<'JSON'
[{"code":"DL3006","column":1,"file":"web/Dockerfile.dev","level":"warning","line":1,"message":"Always tag the version of an image explicitly"},
 {"code":"DL3059","column":1,"file":"web/Dockerfile.dev","level":"info","line":3,"message":"Multiple consecutive `RUN` instructions"}]
JSON
exit 1"#;

/// As trivy 0.6x prints it; older ones write `DS001`.
const TRIVY: &str = r#"[ "$1" = --version ] && exit
cat <<'JSON'
{"SchemaVersion":2,"Results":[{"Target":"Dockerfile.dev","Class":"config","Type":"dockerfile","Misconfigurations":[
 {"ID":"DS001","Message":"Specify a tag","Resolution":"Add a tag","Severity":"MEDIUM","Status":"FAIL","CauseMetadata":{"StartLine":1,"EndLine":1}},
 {"ID":"DS-0002","Message":"Specify a USER","Resolution":"Add one","Severity":"HIGH","Status":"FAIL","CauseMetadata":{}},
 {"ID":"DS-0005","Message":"ok","Severity":"LOW","Status":"PASS","CauseMetadata":{}}]}]}
JSON"#;

/// As buildx prints it (moby/buildkit, frontend/subrequests/lint).
const DOCKER: &str = r#"case $1-$2 in buildx-version) echo github.com/docker/buildx v0.19.3 x; exit ;; buildx-build) ;; *) exit 9 ;; esac
cat <<'JSON'
{"warnings":[
 {"ruleName":"SecretsUsedInArgOrEnv","description":"d","detail":"Do not use ENV","location":{"ranges":[{"start":{"line":2},"end":{"line":2}}]}},
 {"ruleName":"JSONArgsRecommended","description":"d","detail":"JSON arguments recommended","location":{"ranges":[{"start":{"line":5},"end":{"line":5}}]}}],
 "sources":[]}
JSON
exit 1"#;

fn findings(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            let also: Vec<&str> = finding["also"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            format!(
                "{} {} {}: {}",
                finding["line"],
                text("tool"),
                text("rule"),
                also.join(", ")
            )
        })
        .collect()
}

#[test]
fn what_others_and_fitout_both_say_is_said_once() {
    let context = workspace();
    context.write(
        "ws/web/Dockerfile.dev",
        "FROM nginx\nENV API_KEY=abc\nRUN true\nRUN true\nCMD a\n",
    );
    let programs = [("hadolint", HADOLINT), ("trivy", TRIVY), ("docker", DOCKER)];
    let arguments = [
        "web",
        "--format",
        "json",
        "--with",
        "hadolint,trivy,buildkit,trivy",
    ];
    let ran = with(&context, &programs, &arguments);
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        findings(&ran),
        [
            // A development image may run as root; trivy does not know what it is for.
            "1 trivy DS-0002: ",
            "1 fitout unpinned-base: hadolint DL3006, trivy DS-0001",
            "2 fitout secret-in-build: buildkit SecretsUsedInArgOrEnv",
            "3 hadolint DL3059: ",
            "5 buildkit JSONArgsRecommended: ",
        ]
    );
}

#[test]
fn a_comment_of_fitout_silences_the_same_rule_of_others() {
    let context = workspace();
    let source = "# fitout: ignore=unpinned-base we build it ourselves\nFROM nginx\n";
    context.write("ws/web/Dockerfile.dev", source);
    let script = HADOLINT.replace(r#""line":1"#, r#""line":2"#);
    let programs = [("hadolint", script.as_str())];
    let ran = with(
        &context,
        &programs,
        &["web", "--format", "json", "--with", "hadolint"],
    );
    assert_eq!(findings(&ran), ["3 hadolint DL3059: "]);
}

#[test]
fn a_linter_that_is_not_there_is_an_error_with_the_command_that_installs_it() {
    let context = workspace();
    for (name, command) in [
        ("hadolint", "hadolint"),
        ("trivy", "trivy"),
        ("buildkit", "buildx"),
    ] {
        let ran = with(&context, &[], &["web", "--with", name]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("is not installed"), "{}", ran.stderr);
        let hint = ran.stderr.lines().find(|line| line.starts_with("hint: "));
        assert!(
            hint.is_some_and(|hint| hint.contains(command)),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_linter_that_fails_says_why() {
    let context = workspace();
    let script = "[ \"$1\" = --version ] && exit\necho 'FATAL no such check' >&2; exit 2";
    let ran = with(&context, &[("trivy", script)], &["web", "--with", "trivy"]);
    assert_eq!(
        ran.stderr,
        "error: trivy can't check `web/Dockerfile.dev`\ncaused by: FATAL no such check\n"
    );
    let script = "case $2 in version) echo buildx v0.19.3 x; exit ;; esac\necho 'unsupported request frontend.lint' >&2; exit 1";
    let ran = with(
        &context,
        &[("docker", script)],
        &["web", "--with", "buildkit"],
    );
    assert!(
        ran.stderr.contains("hint: Docker's checks need"),
        "{}",
        ran.stderr
    );
}
