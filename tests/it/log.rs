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
