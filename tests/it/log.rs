//! What `-vv` and `FITOUT_LOG` print: every program and request, and nothing that is secret.

use crate::context::{Ran, TestContext};
use crate::http_server::{Behaviour, HttpServer};
use crate::login::BASIC;

fn sync(context: &TestContext, arguments: &[&str], log: Option<&str>) -> Ran {
    let arguments = [&["sync"], arguments].concat();
    let mut command = context.fitout_command(&arguments);
    command.envs(log.map(|log| ("FITOUT_LOG", log)));
    context.ran(&command.output().unwrap())
}

/// A repo over HTTP with a login in its URL, and one over the file system.
fn workspace() -> (TestContext, HttpServer) {
    let context = TestContext::new();
    context.remote("web");
    context.remote("api");
    let behaviour = Behaviour {
        authorization: Some(BASIC.to_owned()),
        ..Behaviour::default()
    };
    let server = HttpServer::start(&context.path("remotes"), behaviour);
    let config = format!(
        "[url \"{}\"]\n\tinsteadOf = https://git.example/\n",
        server.base().replace("://", "://user:secret@") + "/"
    );
    context.write("home/.gitconfig", &config);
    context.manifest(
        "[repos.web]\nurl = \"https://git.example/web.git\"\n[repos.api]\nurl = \"../remotes/api.git\"\n",
    );
    (context, server)
}

fn has(ran: &Ran, target: &str) -> bool {
    ran.stderr.contains(&format!(" DEBUG {target}: "))
}

#[test]
fn each_program_and_request_is_logged_without_secrets() {
    let (context, _server) = workspace();
    let ran = sync(&context, &["-vv"], None);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    ran.assert_says(" DEBUG program: git upload-pack -- ");
    ran.assert_says(" DEBUG http: GET http://127.0.0.1");
    assert!(!ran.stderr.contains("secret"), "{}", ran.shown());
    assert!(!ran.stderr.contains("dXNlcjpzZWNyZXQ"), "{}", ran.shown());
}

#[test]
fn the_variable_says_what_is_logged() {
    let (context, _server) = workspace();
    for (arguments, log, program, http) in [
        (&[][..], None, false, false),
        (&["-v"][..], None, false, false),
        (&[][..], Some(""), false, false),
        (&[][..], Some("debug"), true, true),
        (&[][..], Some("http=debug"), false, true),
        (&["-vv"][..], Some("program=debug"), true, false),
        (&["-vv"][..], Some("off"), false, false),
    ] {
        let _ = std::fs::remove_dir_all(context.ws("web"));
        let _ = std::fs::remove_dir_all(context.ws("api"));
        let ran = sync(&context, arguments, log);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let found = (has(&ran, "program"), has(&ran, "http"));
        assert_eq!(found, (program, http), "{log:?}: {}", ran.shown());
    }
    let ran = sync(&context, &[], Some("http=loud"));
    assert_eq!(ran.code, Some(2), "{}", ran.shown());
    ran.assert_says("error: `FITOUT_LOG=http=loud` is not a filter: ");
}

/// Words of the user's own: in a line for each repo, in a program for ssh.
#[test]
fn words_of_the_users_are_not_logged() {
    let (context, _server) = workspace();
    sync(&context, &[], None);
    let foreach = [
        "foreach",
        "-vvv",
        "echo $TOKEN https://secret@git.example https://a:secret@b >&2; true secret",
    ];
    let mut command = context.fitout_command(&foreach);
    command
        .env("TOKEN", "a-token")
        .stderr(std::process::Stdio::piped());
    let ran = context.ran(&command.output().unwrap());
    let logged: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains("DEBUG"))
        .collect();
    assert!(
        logged
            .iter()
            .any(|line| line.contains("program: sh … (2 more)")),
        "{}",
        ran.shown()
    );
    assert!(
        !logged
            .iter()
            .any(|line| line.contains("secret") || line.contains("token")),
        "{logged:?}"
    );

    context.manifest("[repos.far]\nurl = \"ssh://git@127.0.0.1:9/far.git\"\n");
    context.git(
        ".",
        &[
            "config",
            "--global",
            "core.sshCommand",
            "sh -c 'exit 255' --password=secret",
        ],
    );
    let ran = sync(&context, &["-vvv"], None);
    assert!(has(&ran, "program"), "{}", ran.shown());
    assert!(!ran.stderr.contains("secret"), "{}", ran.shown());
}

/// A server that sends on to an address that holds a token, and a header of the user's configuration.
#[test]
fn what_is_secret_in_a_request_is_not_logged() {
    let (context, server) = workspace();
    let sends_on = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            moved_to: Some(server.base().replace("://", "://user:secret@")),
            ..Behaviour::default()
        },
    );
    context.git(
        ".",
        &["config", "--global", "http.extraHeader", "X-Token: secret"],
    );
    context.manifest(&format!(
        "[repos.web]\nurl = \"{}/moved/web.git\"\n",
        sends_on.base()
    ));
    let ran = sync(&context, &["-vvv"], None);
    assert!(has(&ran, "http"), "{}", ran.shown());
    assert!(!ran.stderr.contains("secret"), "{}", ran.shown());
}
