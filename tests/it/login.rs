//! Logging in as git does: helpers, tokens, certificates, proxies, redirects.

use crate::context::{Ran, TestContext};
use crate::http_server::{Asked, Behaviour, HttpServer, Tls};
use crate::terminal::{Prompt, on_a_terminal};

/// user:secret
pub const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";
/// gitlab-ci-token:secret
pub const CI_BASIC: &str = "Basic Z2l0bGFiLWNpLXRva2VuOnNlY3JldA==";

/// A server over TLS that requires a login, and whose certificate git's configuration trusts.
pub fn secured(context: &TestContext, behaviour: Behaviour) -> HttpServer {
    let tls = Tls::new(&context.path("."), false);
    config(
        context,
        "http.sslCAInfo",
        &tls.authority.display().to_string(),
    );
    HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            ..behaviour
        },
    )
}

pub fn closed() -> Behaviour {
    Behaviour {
        authorization: Some(BASIC.to_owned()),
        ..Behaviour::default()
    }
}

pub fn config(context: &TestContext, key: &str, value: &str) {
    context.git(".", &["config", "--global", "--add", key, value]);
}

/// A credential helper that gives this password, and writes each call to `home/calls`.
pub fn helper(context: &TestContext, password: &str) {
    let calls = context.path("home/calls");
    let script = format!(
        "!f() {{ echo \"$1\" >> '{}'; cat >> '{}.input'; \
         if test \"$1\" = get; then echo username=user; echo password={password}; fi; }}; f",
        calls.display(),
        calls.display()
    );
    config(context, "credential.helper", &script);
}

pub fn calls(context: &TestContext) -> Vec<String> {
    std::fs::read_to_string(context.path("home/calls"))
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn repos(context: &TestContext, server: &HttpServer, number: usize) {
    context.remote("web");
    let entry = |number| format!("[repos.web-{number}]\nurl = \"{}\"\n", server.url("web"));
    context.manifest(&(0..number).map(entry).collect::<String>());
}

pub fn one(context: &TestContext, url: &str) {
    context.remote("web");
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
}

#[track_caller]
fn assert_cloned(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
}

#[test]
fn one_login_serves_all_repos_of_a_server() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    helper(&context, "secret");
    repos(&context, &server, 20);
    let ran = context.fitout(&["sync"]);
    assert_cloned(&ran);
    assert_eq!(calls(&context), ["get", "store"]);
    let refused = server
        .asked()
        .iter()
        .filter(|asked| asked.header("authorization").is_none())
        .count();
    assert_eq!(refused, 1, "the server is asked without a login once");
    assert!(server.connections() <= 20, "{}", server.connections());
}

#[test]
fn a_wrong_login_is_sent_once_and_the_error_says_where_it_came_from() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    helper(&context, "wrong");
    repos(&context, &server, 20);
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(calls(&context), ["get", "erase"]);
    let sent = server
        .asked()
        .iter()
        .filter(|asked| asked.header("authorization").is_some())
        .count();
    assert_eq!(sent, 1, "{}", ran.shown());
    let reason = "failed  127.0.0.1 rejects the login from your credential helper";
    assert_eq!(ran.stdout.matches(reason).count(), 20, "{}", ran.shown());
}

#[test]
fn what_a_ci_checkout_writes_is_a_login() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    one(&context, &server.url("web"));
    let run = |base: &str| {
        let mut command = context.fitout_command(&["sync"]);
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("http.{base}/.extraHeader"))
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: {BASIC}"));
        context.ran(&command.output().unwrap())
    };
    let elsewhere = run("https://forge.example");
    assert_eq!(elsewhere.code, Some(1), "{}", elsewhere.shown());
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    assert_cloned(&run(&server.base()));
}

#[test]
fn a_token_of_ci_is_sent_to_the_server_of_ci_only() {
    let context = TestContext::new();
    // gitlab-ci-token:secret
    let server = secured(
        &context,
        Behaviour {
            authorization: Some(CI_BASIC.to_owned()),
            ..Behaviour::default()
        },
    );
    one(&context, &server.url("web"));
    let run = |url: &str| {
        let mut command = context.fitout_command(&["sync"]);
        command
            .env("CI_JOB_TOKEN", "secret")
            .env("GITHUB_TOKEN", "other")
            .env("CI_SERVER_URL", url);
        context.ran(&command.output().unwrap())
    };
    let elsewhere = run("https://gitlab.example");
    assert_eq!(elsewhere.code, Some(1), "{}", elsewhere.shown());
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    assert_cloned(&run(&server.base()));
}

#[test]
fn a_token_that_instead_of_puts_into_a_url_is_used_and_never_shown() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    one(&context, "git@forge.example:web.git");
    let run = |token: &str| {
        let base = server
            .base()
            .replace("https://", &format!("https://user:{token}@"));
        let key = format!("url.{base}/.insteadOf");
        context.git(".", &["config", "--global", &key, "git@forge.example:"]);
        let ran = context.fitout(&["sync", "-v"]);
        context.git(".", &["config", "--global", "--unset", &key]);
        ran
    };
    let wrong = run("wrong-token");
    assert_eq!(wrong.code, Some(1), "{}", wrong.shown());
    assert!(!wrong.shown().contains("wrong-token"), "{}", wrong.shown());
    assert_cloned(&run("secret"));
}

#[test]
fn netrc_is_read_as_git_reads_it() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    one(&context, &server.url("web"));
    context.write(
        "home/.netrc",
        "machine 127.0.0.1 login user password secret\n",
    );
    assert_cloned(&context.fitout(&["sync"]));
}

#[test]
fn a_certificate_is_trusted_where_git_trusts_it() {
    let context = TestContext::new();
    let tls = Tls::new(&context.path("."), false);
    let authority = tls.authority.display().to_string();
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            ..Behaviour::default()
        },
    );
    one(&context, &server.url("web"));
    let run = |variables: &[(&str, &str)]| {
        let mut command = context.fitout_command(&["sync"]);
        command.envs(variables.iter().copied());
        let ran = context.ran(&command.output().unwrap());
        let _ = std::fs::remove_dir_all(context.ws("web"));
        ran
    };
    let unknown = run(&[]);
    assert!(
        unknown
            .stdout
            .contains("the certificate of 127.0.0.1 is not trusted"),
        "{}",
        unknown.shown()
    );
    assert_cloned(&run(&[("GIT_SSL_CAINFO", &authority)]));
    assert_cloned(&run(&[("SSL_CERT_FILE", &authority)]));
    assert_cloned(&run(&[("GIT_SSL_NO_VERIFY", "1")]));
    config(
        &context,
        &format!("http.{}.sslCAInfo", server.base()),
        &authority,
    );
    assert_cloned(&run(&[]));
    config(&context, "http.sslCAInfo", "/nowhere.pem");
    assert_cloned(&run(&[]));
    config(
        &context,
        &format!("http.{}.sslCAInfo", server.base()),
        "/nowhere.pem",
    );
    let gone = run(&[]);
    assert!(
        gone.stdout
            .contains("can't read http.sslCAInfo /nowhere.pem"),
        "{}",
        gone.shown()
    );
    config(
        &context,
        &format!("http.{}.sslVerify", server.base()),
        "false",
    );
    config(&context, &format!("http.{}.sslCAInfo", server.base()), "");
    assert_cloned(&run(&[]));
}

#[test]
fn a_server_that_wants_a_certificate_gets_the_one_that_git_would_send() {
    let context = TestContext::new();
    let tls = Tls::new(&context.path("."), true);
    let files = tls.clone();
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            ..Behaviour::default()
        },
    );
    config(
        &context,
        "http.sslCAInfo",
        &files.authority.display().to_string(),
    );
    one(&context, &server.url("web"));
    let without = context.fitout(&["sync"]);
    assert_eq!(without.code, Some(1), "{}", without.shown());
    assert!(
        without
            .stdout
            .contains("127.0.0.1 requires a client certificate"),
        "{}",
        without.shown()
    );
    let key = |name: &str| format!("http.{}.{name}", server.base());
    config(
        &context,
        &key("sslCert"),
        &files.client.display().to_string(),
    );
    config(
        &context,
        &key("sslKey"),
        &files.client_key.display().to_string(),
    );
    assert_cloned(&context.fitout(&["sync"]));
}

#[test]
fn a_redirect_of_the_same_server_is_followed_with_the_login() {
    let context = TestContext::new();
    let tls = Tls::new(&context.path("."), false);
    config(
        &context,
        "http.sslCAInfo",
        &tls.authority.display().to_string(),
    );
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            moved_to: Some(String::new()),
            header: Some(("x-token", "t")),
            ..closed()
        },
    );
    helper(&context, "secret");
    config(&context, "http.extraHeader", "X-Token: t");
    one(&context, &format!("{}/moved/web.git", server.base()));
    assert_cloned(&context.fitout(&["sync"]));
    assert_eq!(
        context.git("ws/web", &["config", "remote.origin.url"]),
        format!("{}/moved/web.git", server.base())
    );
}

#[test]
fn a_redirect_to_another_server_takes_no_secret_along() {
    let context = TestContext::new();
    let other = secured(&context, Behaviour::default());
    let tls = Tls::new(&context.path("home"), false);
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls.clone()),
            moved_to: Some(other.base()),
            ..Behaviour::default()
        },
    );
    config(
        &context,
        &format!("http.{}.sslVerify", server.base()),
        "false",
    );
    config(
        &context,
        &format!("http.{}.sslVerify", other.base()),
        "false",
    );
    config(&context, "http.extraHeader", "X-Token: t");
    let url =
        format!("{}/moved/web.git", server.base()).replace("https://", "https://user:secret@");
    one(&context, &url);
    let ran = context.fitout(&["sync"]);
    assert!(!other.asked().is_empty(), "{}", ran.shown());
    for asked in server.asked() {
        assert_eq!(asked.header("x-token"), Some("t"));
        assert_eq!(asked.header("authorization"), Some(BASIC));
    }
    for asked in other.asked() {
        assert_eq!(asked.header("x-token"), None, "{asked:?}");
        assert_eq!(asked.header("authorization"), None, "{asked:?}");
    }
    assert_cloned(&ran);
}

#[test]
fn git_takes_no_secret_to_another_server_either() {
    for backend in ["built-in", "cli"] {
        let context = TestContext::new();
        // Where the first server sends to, there is nothing: fitout fails, and has git look.
        let other = HttpServer::start(
            &context.path("remotes"),
            Behaviour {
                busy: Some((usize::MAX, 403)),
                ..Behaviour::default()
            },
        );
        let server = HttpServer::start(
            &context.path("remotes"),
            Behaviour {
                moved_to: Some(other.base()),
                ..Behaviour::default()
            },
        );
        let key = format!("http.{}.extraHeader", server.base());
        config(&context, &key, "X-Token: t");
        context.write(
            "ws/workspace.local.toml",
            &format!("[git]\nbackend = \"{backend}\"\n"),
        );
        one(&context, &format!("{}/moved/web.git", server.base()));
        let ran = context.fitout(&["sync"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        let by_git = |asked: &Asked| {
            let agent = asked.header("user-agent").unwrap_or_default();
            agent.starts_with("git/2")
        };
        let server_asked = server.asked();
        let asked = server_asked.iter().find(|asked| by_git(asked));
        let asked = asked.expect("git asked the server that the header is for");
        assert_eq!(asked.header("x-token"), Some("t"));
        for asked in other.asked() {
            assert_eq!(asked.header("x-token"), None, "{asked:?}");
        }
    }
}

#[test]
fn on_a_terminal_a_login_is_asked_for_once_a_server_and_again_when_it_is_wrong() {
    let context = TestContext::new();
    let server = secured(&context, closed());
    let calls_of = context.path("home/calls").display().to_string();
    let script = format!("!f() {{ echo \"$1\" >> '{calls_of}'; }}; f");
    config(&context, "credential.helper", &script);
    repos(&context, &server, 5);
    let dialogue = [
        ("requires a login", ""),
        ("user", "user"),
        ("password or token", "wrong"),
        ("rejects this login", ""),
        ("user", "user"),
        ("password or token", "secret"),
    ];
    let typed: Vec<(&str, &str)> = dialogue
        .into_iter()
        .filter(|(_, answer)| !answer.is_empty())
        .collect();
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ours, &typed);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("rejects this login"), "{screen}");
    assert!(screen.contains("5 repos: 5 cloned"), "{screen}");
    assert!(!screen.contains("secret"), "{screen}");
    assert_eq!(calls(&context), ["get", "erase", "store"]);
}

#[test]
fn a_repo_that_is_closed_behind_an_open_one_is_asked_about_after_it() {
    let context = TestContext::new();
    context.remote("open");
    let server = secured(
        &context,
        Behaviour {
            closed_repo: Some("web".to_owned()),
            ..closed()
        },
    );
    context.remote("web");
    context.manifest(&format!(
        "[repos.open]\nurl = \"{}\"\n[repos.web]\nurl = \"{}\"\n",
        server.url("open"),
        server.url("web")
    ));
    let dialogue = [("user", "user"), ("password or token", "secret")];
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ours, &dialogue);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("2 repos: 2 cloned"), "{screen}");
}

#[test]
fn the_way_out_is_named_where_git_itself_gets_through() {
    let context = TestContext::new();
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            dumb: true,
            ..Behaviour::default()
        },
    );
    repos(&context, &server, 3);
    let ran = context.fitout(&["sync"]);
    insta::assert_snapshot!(ran.stdout, @r"
    repo   at  result  note
    web-0      failed  127.0.0.1 doesn't answer like a git server: check the `url`, the VPN and the proxy
    web-1      failed  127.0.0.1 doesn't answer like a git server: check the `url`, the VPN and the proxy
    web-2      failed  127.0.0.1 doesn't answer like a git server: check the `url`, the VPN and the proxy
    ");
    let hint = "hint: web-0, web-1, web-2: `git` itself can reach 127.0.0.1: set `backend = \"cli\"` \
                under `[git]` in workspace.local.toml\n";
    assert!(ran.stderr.ends_with(hint), "{}", ran.shown());
    let by_git = server
        .asked()
        .iter()
        .filter(|asked| {
            asked
                .header("user-agent")
                .is_some_and(|agent| agent.starts_with("git/2"))
        })
        .count();
    assert!(
        (1..=4).contains(&by_git),
        "git is tried once a host: {by_git}"
    );
}

/// What failed comes after `git ls-remote` has got its answer.
#[test]
fn no_way_out_is_named_where_git_fails_at_the_same_thing() {
    let context = TestContext::new();
    let behaviour = Behaviour {
        cuts_packs: usize::MAX,
        ..Behaviour::default()
    };
    let server = HttpServer::start(&context.path("remotes"), behaviour);
    repos(&context, &server, 1);
    let url = server.url("web");
    context.git("ws", &["ls-remote", "--quiet", &url]);
    let ran = context.fitout(&["sync"]);
    assert!(ran.stdout.contains("failed"), "{}", ran.shown());
    assert!(!ran.shown().contains("backend"), "{}", ran.shown());
}

#[test]
fn a_login_goes_over_plain_http_as_git_sends_it() {
    let context = TestContext::new();
    let server = HttpServer::start(&context.path("remotes"), closed());
    let sync = || {
        let ran = context.fitout(&["sync"]);
        let _ = std::fs::remove_dir_all(context.ws("web"));
        ran
    };
    let in_url = |login: &str| server.url("web").replace("://", &format!("://{login}@"));
    one(&context, &in_url("user:secret"));
    assert_cloned(&sync());
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", in_url("user")));
    let unknown = sync();
    assert!(
        unknown.stdout.contains("127.0.0.1 requires a login"),
        "{}",
        unknown.shown()
    );
    // What it is for is told to the helper, as git tells it.
    helper(&context, "secret");
    assert_cloned(&sync());
    let told = context.read("home/calls.input");
    for line in ["protocol=http\n", "host=127.0.0.1:", "username=user\n"] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn over_plain_http_too_one_login_serves_all_repos_of_a_server() {
    let context = TestContext::new();
    let server = HttpServer::start(&context.path("remotes"), closed());
    helper(&context, "secret");
    repos(&context, &server, 20);
    assert_cloned(&context.fitout(&["sync"]));
    assert_eq!(calls(&context), ["get", "store"]);
}

#[test]
fn who_types_a_login_for_plain_http_is_warned() {
    let context = TestContext::new();
    let server = HttpServer::start(&context.path("remotes"), closed());
    repos(&context, &server, 5);
    let dialogue = [("user", "user"), ("password or token", "secret")];
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ours, &dialogue);
    assert_eq!(code, Some(0), "{screen}");
    let warning = "this is plain http: others on the network can read what you type";
    assert_eq!(screen.matches(warning).count(), 1, "{screen}");
}
