//! The servers that repos come from, asked by the code that clones.

use serde_json::Value;

use super::json;
use crate::context::TestContext;
use crate::http_server::{Behaviour, HttpServer};
use crate::login::{closed, helper, secured};
use crate::ssh::Sshd;
use crate::sync::varied_remote;

/// The one access check of a workspace with the repo `web` at `url`.
fn access(context: &TestContext, url: &str) -> Value {
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    let arguments = ["doctor", "--format", "json", "--only", "access"];
    let output = context.fitout_command(&arguments).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 1, "{report:#}");
    checks[0].clone()
}

#[test]
fn a_token_is_tried_and_a_wrong_one_is_thrown_away_by_the_remedy() {
    let context = TestContext::new();
    context.remote("web");
    let server = secured(&context, closed());
    let none = access(&context, &server.url("web"));
    assert_eq!(none["status"], "fail", "{none:#}");
    assert!(none["found"].as_str().unwrap().contains("requires a login"));

    helper(&context, "wrong");
    let wrong = access(&context, &server.url("web"));
    assert_eq!(wrong["status"], "fail", "{wrong:#}");
    let found = wrong["found"].as_str().unwrap();
    assert!(found.contains("rejects the login"), "{found}");
    let forget = wrong["remedy"]["run"][0].as_str().unwrap();
    let before = context.read("home/calls").matches("erase").count();
    let status = context.command("sh").args(["-c", forget]).status().unwrap();
    assert!(status.success(), "{forget}");
    let erased = context.read("home/calls").matches("erase").count();
    assert_eq!(erased, before + 1, "{forget}");
}

#[test]
fn a_right_token_is_in_order_and_a_repo_that_is_not_there_is_named() {
    let context = TestContext::new();
    context.remote("web");
    let server = secured(&context, closed());
    helper(&context, "secret");
    let right = access(&context, &server.url("web"));
    assert_eq!(right["status"], "pass", "{right:#}");
    let missing = access(&context, &server.url("gone"));
    assert_eq!(missing["status"], "fail", "{missing:#}");
    assert!(missing["found"].as_str().unwrap().ends_with(": `web`"));
}

#[test]
fn a_password_that_goes_over_plain_http_is_a_warning() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(&context.path("remotes"), closed());
    helper(&context, "secret");
    let found = access(&context, &server.url("web"));
    assert_eq!(found["status"], "warn", "{found:#}");
    assert!(
        found["remedy"]["note"].as_str().unwrap().contains("https"),
        "{found:#}"
    );
    let open = HttpServer::start(&context.path("remotes"), Behaviour::default());
    assert_eq!(access(&context, &open.url("web"))["status"], "pass");
}

#[test]
fn a_server_that_does_not_answer_now_is_a_warning() {
    let context = TestContext::new();
    let port = crate::context::free_port();
    let found = access(&context, &format!("http://127.0.0.1:{port}/web.git"));
    assert_eq!(found["id"], format!("access.127.0.0.1:{port}.http"));
    assert_eq!(found["status"], "warn", "{found:#}");
}

#[test]
fn repos_of_one_server_are_one_question() {
    let context = TestContext::new();
    for name in ["web", "api"] {
        context.remote(name);
    }
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let repo = |name: &str| format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name));
    context.manifest(&(repo("web") + &repo("api")));
    let report = json(&context, &["git"], &["--only", "access"]);
    assert_eq!(report["summary"]["pass"], 1, "{report:#}");
    assert_eq!(server.connections(), 1);
}

#[test]
#[ignore = "needs sshd"]
fn an_unknown_and_a_changed_host_key_and_a_key_that_is_not_taken() {
    let context = TestContext::new();
    varied_remote(&context);
    let sshd = Sshd::start(&context);
    let url = Sshd::url(&context);

    sshd.configure(&context, &sshd.identity());
    let unknown = access(&context, &url);
    assert_eq!(unknown["id"], "access.forge.ssh");
    assert_eq!(unknown["status"], "fail", "{unknown:#}");
    let found = unknown["found"].as_str().unwrap();
    assert!(found.contains("is not known here"), "{found}");
    let accept = unknown["remedy"]["run"][0].as_str().unwrap();
    let status = context.command("sh").args(["-c", accept]).status().unwrap();
    assert!(status.success(), "{accept}");
    let known = access(&context, &url);
    assert_eq!(known["status"], "pass", "{known:#}");

    sshd.configure(&context, " IdentityFile /dev/null\n IdentitiesOnly yes\n");
    let refused = access(&context, &url);
    assert_eq!(refused["status"], "fail", "{refused:#}");
    let found = refused["found"].as_str().unwrap();
    assert!(found.contains("ssh keys"), "{found}");

    sshd.configure(&context, &sshd.identity());
    sshd.know_another(&context);
    let changed = access(&context, &url);
    assert_eq!(changed["status"], "fail", "{changed:#}");
    let forget = changed["remedy"]["run"][0].as_str().unwrap();
    assert!(forget.starts_with("ssh-keygen -R"), "{changed:#}");
}
