//! The user's name and email address for commits: whatever git takes, and nothing else.

use serde_json::Value;

use super::check;
use crate::context::TestContext;

/// What a case changes in the environment; an empty value removes the variable.
type Environment<'a> = &'a [(&'a str, &'a str)];

/// A workspace with these repos, cloned, and a machine on which nothing says who the user is.
fn workspace(repos: &[&str]) -> TestContext {
    let context = TestContext::new();
    let tables = repos.iter().map(|repo| {
        context.remote(repo);
        format!("[repos.{repo}]\nurl = \"../remotes/{repo}.git\"\n")
    });
    context.manifest(&tables.collect::<String>());
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context
}

fn of_nobody(command: &mut std::process::Command, environment: Environment) {
    for role in ["AUTHOR", "COMMITTER"] {
        for what in ["NAME", "EMAIL"] {
            command.env_remove(format!("GIT_{role}_{what}"));
        }
    }
    for (name, value) in environment {
        match *value {
            "" => command.env_remove(name),
            value => command.env(name, value),
        };
    }
}

fn identity(context: &TestContext, environment: Environment) -> Value {
    let arguments = ["doctor", "--format", "json", "--only", "tools.git-identity"];
    let mut command = context.fitout_command(&arguments);
    of_nobody(&mut command, environment);
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", context.ran(&output).shown()));
    check(&report, "tools.git-identity").clone()
}

/// Whether git commits in a clone, and makes nothing up for that: an address of this machine, or the name of
/// the account. `EMAIL` is not asked where it may make nothing up, so that case is for git's own advice.
fn commits(context: &TestContext, repo: &str, environment: Environment) -> bool {
    let mut command = context.command("git");
    if environment.iter().all(|(name, _)| *name != "EMAIL") {
        command.args(["-c", "user.useConfigOnly=true"]);
    }
    command.args(["commit", "--quiet", "--allow-empty", "--message", "x"]);
    command.current_dir(context.ws(repo));
    of_nobody(&mut command, environment);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success() && !said.contains("configured automatically")
}

const NAME: &str = "[user]\nname = Ann\n";
const EMAIL: &str = "[user]\nemail = ann@git.example\n";

/// Holds that git and doctor agree with what is expected of a configuration and variables.
#[track_caller]
fn agree(context: &TestContext, what: &str, configuration: &str, environment: Environment) -> bool {
    context.write("home/.gitconfig", configuration);
    let is_set = commits(context, "api", environment);
    let found = identity(context, environment);
    let status = if is_set { "pass" } else { "warn" };
    assert_eq!(found["status"], status, "{what}: {found:#}");
    is_set
}

#[test]
fn the_verdict_is_gits_own_however_it_is_configured() {
    let context = workspace(&["api"]);
    let both = format!("{NAME}{EMAIL}");
    context.write("home/both", &both);
    let include = |condition: &str| format!("[include{condition}]\npath = ~/both\n");
    let author = "[author]\nname = A\nemail = a@b\n";
    let committer = "[committer]\nname = C\nemail = c@d\n";
    let only = "[user]\nuseConfigOnly = true\n";
    let cases = [
        ("nothing", String::new(), false),
        ("the name alone", NAME.to_owned(), false),
        ("the address alone", EMAIL.to_owned(), false),
        ("both", both.clone(), true),
        ("an empty name", format!("{EMAIL}[user]\nname =\n"), false),
        ("no guesses", format!("{EMAIL}{only}"), false),
        ("an include", include(""), true),
        ("one by folder", include("If \"gitdir:**/ws/\""), true),
        (
            "one of another folder",
            include("If \"gitdir:**/other/\""),
            false,
        ),
        (
            "one by remote",
            include("If \"hasconfig:remote.*.url:**/api.git\""),
            true,
        ),
        ("both roles", format!("{author}{committer}"), true),
        ("the author alone", author.to_owned(), false),
        ("the committer alone", committer.to_owned(), false),
        ("a file that git can't read", "[user\n".to_owned(), false),
    ];
    for (what, configuration, expected) in cases {
        let is_set = agree(&context, what, &configuration, &[]);
        assert_eq!(is_set, expected, "{what}");
    }
}

#[test]
fn the_verdict_is_gits_own_under_its_variables() {
    let context = workspace(&["api"]);
    context.write("home/.config/git/config", &format!("{NAME}{EMAIL}"));
    let author = [("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@b")];
    let committer = [("GIT_COMMITTER_NAME", "C"), ("GIT_COMMITTER_EMAIL", "c@d")];
    let email = [("EMAIL", "ann@git.example")];
    let only = format!("{NAME}[user]\nuseConfigOnly = true\n");
    let settings = [
        ("GIT_CONFIG_COUNT", "2"),
        ("GIT_CONFIG_KEY_0", "user.name"),
        ("GIT_CONFIG_VALUE_0", "Ann"),
        ("GIT_CONFIG_KEY_1", "user.email"),
        ("GIT_CONFIG_VALUE_1", "ann@git.example"),
    ];
    let cases: [(&str, &str, Environment, bool); 7] = [
        ("both roles", "", &[author, committer].concat(), true),
        ("the author", "", &author, false),
        ("the committer", "", &committer, false),
        ("EMAIL", NAME, &email, true),
        ("EMAIL that is not asked", &only, &email, false),
        ("settings", "", &settings, true),
        ("XDG's folder", "", &[("GIT_CONFIG_GLOBAL", "")], true),
    ];
    for (what, configuration, environment, expected) in cases {
        let is_set = agree(&context, what, configuration, environment);
        assert_eq!(is_set, expected, "{what}");
    }
}

#[test]
fn the_commands_that_it_gives_set_what_is_missing() {
    let context = workspace(&["api"]);
    for (configuration, missing) in [
        ("", "`user.name` and `user.email` are not set"),
        (NAME, "`user.email` is not set"),
        (EMAIL, "`user.name` is not set"),
    ] {
        context.write("home/.gitconfig", configuration);
        let found = identity(&context, &[]);
        let words = found["found"].as_str().unwrap();
        assert!(words.starts_with(missing), "{words}");
        for command in found["remedy"]["run"].as_array().unwrap() {
            let command = command.as_str().unwrap();
            let status = context.command("sh").args(["-c", command]).status();
            assert!(status.unwrap().success(), "{command}");
        }
        assert_eq!(identity(&context, &[])["status"], "pass");
    }
}

#[test]
fn a_clone_counts_and_not_the_workspaces_own_repository() {
    let context = workspace(&["api", "web"]);
    context.git("ws", &["init", "--quiet"]);
    let set = |folder: &str| {
        for (key, value) in [("user.name", "Ann"), ("user.email", "ann@git.example")] {
            context.git(folder, &["config", key, value]);
        }
    };
    set("ws");
    let found = identity(&context, &[]);
    assert_eq!(found["status"], "warn", "{found:#}");

    set("ws/api");
    let found = identity(&context, &[]);
    let words = found["found"].as_str().unwrap();
    assert!(words.contains("are not set in `web`: "), "{words}");

    set("ws/web");
    assert_eq!(identity(&context, &[])["status"], "pass");
}

#[test]
fn before_there_is_a_clone_the_workspace_and_the_machine_count() {
    let context = TestContext::new();
    assert_eq!(identity(&context, &[])["status"], "warn", "no workspace");
    context.manifest("[repos.api]\nurl = \"../remotes/api.git\"\n");
    assert_eq!(identity(&context, &[])["status"], "warn", "no clone");
    context.write("home/both", &format!("{NAME}{EMAIL}"));
    context.write(
        "home/.gitconfig",
        "[includeIf \"gitdir:**/ws/\"]\npath = ~/both\n",
    );
    assert_eq!(identity(&context, &[])["status"], "warn", "no repository");
    context.git("ws", &["init", "--quiet"]);
    assert_eq!(identity(&context, &[])["status"], "pass");
    context.write("home/.gitconfig", &format!("{NAME}{EMAIL}"));
    assert_eq!(identity(&context, &[])["status"], "pass");
}

#[test]
fn a_configuration_that_git_cannot_read_is_named_and_git_is_there() {
    let context = workspace(&["api"]);
    context.write("home/.gitconfig", "[user\n");
    let found = identity(&context, &[]);
    let words = found["found"].as_str().unwrap();
    assert!(words.contains("bad config line 1 in file"), "{words}");
    // The command that it gives shows the same.
    let command = found["remedy"]["run"][0].as_str().unwrap();
    let output = context.command("sh").args(["-c", command]).output();
    let said = output.unwrap().stderr;
    assert!(String::from_utf8_lossy(&said).contains("bad config line 1"));
}
