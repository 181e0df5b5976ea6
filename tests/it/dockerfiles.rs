//! `fitout dockerfile`: what is written for each kind of repo, and that nothing is to be said of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fitout::dockerfile::file::{Build, Context, File, Purpose};
use fitout::dockerfile::ignore_file;
use fitout::dockerfile::lint::lint;
use fitout::dockerfile::variables::Variables;
use fitout::stack::{self, Dockerfiles, Files, Stack};

use crate::context::TestContext;
use crate::stack::{fixtures, repo};

/// Every stack of every folder of the example repos, with its Dockerfiles.
fn all() -> Vec<(String, Files, Stack, Dockerfiles)> {
    let mut found = Vec::new();
    let mut add = |name: &str, files: &Files| {
        for folder in files.folders() {
            let below = files.below(folder);
            for stack in stack::detect(&below) {
                let place = format!("{name}/{folder}");
                let dockerfiles = stack::dockerfiles(&below, &stack);
                found.push((place, below.clone(), stack, dockerfiles));
            }
        }
    };
    for (name, source) in fixtures() {
        add(&name, &repo(&source));
    }
    for name in stack::names() {
        add(name, &stack::find(name).unwrap().example());
    }
    found
}

fn findings(name: &str, source: &str, purpose: Purpose, dockerfiles: &Dockerfiles) -> Vec<String> {
    let file = File {
        path: name.to_owned(),
        source: source.to_owned(),
        builds: vec![Build {
            purpose,
            target: None,
            build_args: Variables::new(),
            has_healthcheck: false,
        }],
        context: Context {
            ignore_path: ignore_file::NAME.to_owned(),
            ignore_text: Some(dockerfiles.ignore.clone()),
            ..Context::default()
        },
    };
    let findings = lint(&file).into_iter();
    findings
        .map(|finding| format!("{name}: {}: {}", finding.rule, finding.message))
        .collect()
}

#[test]
fn lint_has_nothing_to_say_of_any_of_them() {
    let mut said = Vec::new();
    let mut managers = BTreeSet::new();
    for (place, _, stack, dockerfiles) in all() {
        managers.insert((stack.name, stack.package_manager));
        let name = format!("{place}: {}", stack.describe());
        for (text, purpose) in [
            (&dockerfiles.development, Purpose::Development),
            (&dockerfiles.development, Purpose::Production),
            (&dockerfiles.production, Purpose::Production),
        ] {
            // A developer's image holds what builds, and starts what reloads.
            let is_both = purpose == Purpose::Production && *text == dockerfiles.development;
            let mut findings = findings(&name, text, purpose, &dockerfiles);
            findings.retain(|it| {
                !is_both
                    || !(it.contains("build-tools-in-image")
                        || it.contains("dev-server-in-production"))
            });
            said.extend(findings);
        }
    }
    assert!(said.is_empty(), "\n{}", said.join("\n"));
    let expected = [
        ("dotnet", "nuget"),
        ("go", "go"),
        ("java", "gradle"),
        ("java", "maven"),
        ("node", "npm"),
        ("node", "pnpm"),
        ("node", "yarn"),
        ("php", "composer"),
        ("python", "pip"),
        ("python", "poetry"),
        ("python", "uv"),
        ("ruby", "bundler"),
        ("rust", "cargo"),
    ];
    assert_eq!(managers, expected.into_iter().collect());
}

#[test]
fn every_repo_gets_the_dockerfiles_that_suit_it() {
    let mut names = BTreeSet::new();
    for (place, _, stack, dockerfiles) in all() {
        let name = format!(
            "{}-{}",
            place.trim_end_matches('/').replace('/', "-"),
            stack.name
        );
        assert!(names.insert(name.clone()), "{name}");
        let mut shown = format!(
            "==> Dockerfile.dev\n{}\n==> Dockerfile\n{}\n==> said\n",
            dockerfiles.development, dockerfiles.production
        );
        for (what, lines) in [
            ("Dockerfile.dev", &dockerfiles.missing_in_development),
            ("Dockerfile", &dockerfiles.missing_in_production),
            ("note", &dockerfiles.notes),
        ] {
            for line in lines {
                writeln!(shown, "{what}: {line}").unwrap();
            }
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../fixtures/stacks/dockerfiles");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }
}

const PACKAGE: &str =
    r#"{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}"#;

fn site() -> TestContext {
    let context = TestContext::new();
    context.write("ws/web/package.json", PACKAGE);
    context.write("ws/web/pnpm-lock.yaml", "");
    context.manifest("[repos.site]\nurl = \"../remotes/site.git\"\npath = \"web\"\n[services.shop]\nrepo = \"site\"\nports = [\"80:4000\"]\n");
    context
}

#[test]
fn one_file_is_printed_as_it_is_and_all_with_their_names() {
    let context = site();
    let ran = context.fitout(&["dockerfile", "./web", "--dev"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(ran.stderr, "");
    assert!(
        ran.stdout.starts_with("# syntax=docker/dockerfile:1\n"),
        "{}",
        ran.stdout
    );
    let end = "CMD [\"pnpm\", \"run\", \"dev\", \"--host\", \"0.0.0.0\"]\n";
    assert!(ran.stdout.ends_with(end), "{}", ran.stdout);
    let ran = context.fitout(&["dockerfile", "web"]);
    for name in ["web/Dockerfile.dev", "web/Dockerfile", "web/.dockerignore"] {
        assert!(
            ran.stdout.contains(&format!("==> {name} <==\n")),
            "{}",
            ran.stdout
        );
    }
    assert_eq!(context.names("ws/web"), ["package.json", "pnpm-lock.yaml"]);
}

#[test]
fn a_service_has_the_port_that_the_manifest_gives_it() {
    let ran = site().fitout(&["dockerfile", "shop", "--dev"]);
    assert!(ran.stdout.contains("EXPOSE 4000\n"), "{}", ran.shown());
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let context = site();
    context.write("ws/web/Dockerfile", "FROM scratch\n");
    let ran = context.fitout(&["dockerfile", "site", "--write"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 0
    --- stdout
    --- stderr
    wrote web/Dockerfile.dev
    web/Dockerfile already exists, skipped
    wrote web/.dockerignore
    ");
    assert_eq!(context.read("ws/web/Dockerfile"), "FROM scratch\n");
    context.write("ws/web/Dockerfile.dev", "FROM scratch\n");
    context.write("ws/web/.dockerignore", "*\n");
    let ran = context.fitout(&["dockerfile", "site", "--write"]);
    insta::assert_snapshot!(ran.shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    web/Dockerfile.dev already exists, skipped
    web/Dockerfile already exists, skipped
    web/.dockerignore already exists, skipped
    error: nothing was written: `web/Dockerfile.dev`, `web/Dockerfile`, `web/.dockerignore` already exist

    hint: to replace them, add `--force`; to compare, omit `--write`
    ");
    let ran = context.fitout(&["dockerfile", "site", "--write", "--force", "--production"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(
        context
            .read("ws/web/Dockerfile")
            .contains("nginx-unprivileged")
    );
    assert_eq!(context.read("ws/web/Dockerfile.dev"), "FROM scratch\n");
}

#[test]
fn what_can_not_be_known_is_an_error_or_a_warning_and_never_a_guess() {
    let context = site();
    context.write("ws/tool/main.py", "print(1)\n");
    context.write("ws/tool/requirements.txt", "flask\n");
    let ran = context.fitout(&["dockerfile", "tool", "--production"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(ran.stdout.contains("exit 64"), "{}", ran.stdout);
    insta::assert_snapshot!(ran.stderr, @"warning: fill in Dockerfile: the start command: neither gunicorn nor uvicorn is a dependency, or its application was not found");
    for (arguments, code) in [
        (&["dockerfile"][..], 1),
        (&["dockerfile", "nothing"], 2),
        (&["dockerfile", "web", "--stack", "go"], 1),
        (&["dockerfile", "web", "--stack", "cobol"], 2),
        (&["dockerfile", "web", "--force"], 2),
    ] {
        let ran = context.fitout(arguments);
        assert_eq!(ran.code, Some(code), "{}", ran.shown());
        assert_eq!(ran.stdout, "");
    }
}
