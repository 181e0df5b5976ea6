//! What kind of failure it was: told by what failed, and never by a name or by words of the server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::context::{Ran, TestContext};
use crate::http_server::{Behaviour, HttpServer, Tls};

/// Names and words that look like a failure of another kind.
const UNLUCKY: &[&str] = &[
    "edge-proxy",
    "timeout",
    "certificates",
    "404",
    "access-denied",
    "corrupt",
    "host key verification failed.",
    "could not resolve host",
    "no-space-left-on-device",
    "terminal-prompts-disabled",
    "http-status-503",
    "smudge filter x failed",
];

/// `%20` stands for a space in an address.
fn in_url(name: &str) -> String {
    name.replace(' ', "%20")
}

fn repo(context: &TestContext, backend: &str, url: &str) {
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    context.write(
        "ws/workspace.local.toml",
        &format!("[git]\nbackend = \"{backend}\"\n"),
    );
}

#[track_caller]
fn assert_failed(context: &TestContext, reason: &str, what: &str) {
    let ran: Ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1), "{what}: {}", ran.shown());
    assert!(ran.stdout.contains(reason), "{what}: {}", ran.shown());
}

#[test]
fn a_repository_that_is_missing_is_missing_whatever_it_is_called() {
    let context = TestContext::new();
    let http = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let tls = Tls::new(&context.path("home"), false);
    let authority = tls.authority.display().to_string();
    context.git(".", &["config", "--global", "http.sslCAInfo", &authority]);
    let https = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            ..Behaviour::default()
        },
    );
    for backend in ["built-in", "cli"] {
        for name in UNLUCKY {
            for server in [&http, &https] {
                repo(&context, backend, &server.url(&in_url(name)));
                let reason = "127.0.0.1 has no such repository";
                assert_failed(&context, reason, &format!("{backend} {name}"));
            }
            for front in ["", "file://"] {
                let path = context.path(&format!("remotes/{}.git", name.replace(' ', "-")));
                repo(&context, backend, &format!("{front}{}", path.display()));
                let what = format!("{backend} {front} {name}");
                assert_failed(&context, "no git repository at ", &what);
            }
        }
    }
}

/// Answers everybody with one packet, and reads what is asked first.
fn serve_git(packet: String) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(packet.as_bytes());
        }
    });
    port
}

#[test]
fn what_a_server_says_is_shown_and_decides_nothing() {
    for words in UNLUCKY {
        let packet = format!("{:04x}ERR {words}", words.len() + 8);
        let port = serve_git(packet);
        let context = TestContext::new();
        for backend in ["built-in", "cli"] {
            repo(&context, backend, &format!("git://127.0.0.1:{port}/web"));
            let reason = format!("127.0.0.1 refuses: {words}");
            assert_failed(&context, &reason, backend);
        }
    }
}

#[test]
fn a_branch_that_is_missing_is_missing_whatever_it_is_called() {
    let context = TestContext::new();
    context.remote("web");
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    for backend in ["built-in", "cli"] {
        for name in UNLUCKY.iter().filter(|name| !name.contains(' ')) {
            repo(&context, backend, &server.url("web"));
            let manifest = context.read("ws/workspace.toml");
            context.manifest(&format!("{manifest}branch = \"{name}\"\n"));
            let reason = format!("the remote has no branch `{name}`");
            assert_failed(&context, &reason, backend);
        }
    }
}

#[test]
fn a_host_that_refuses_is_told_apart_from_its_name() {
    let context = TestContext::new();
    let port = crate::context::free_port();
    for backend in ["built-in", "cli"] {
        for url in [
            format!("http://127.0.0.1:{port}/proxy/certificate.git"),
            format!("git://127.0.0.1:{port}/timeout/404.git"),
        ] {
            repo(&context, backend, &url);
            assert_failed(&context, "127.0.0.1 refuses the connection", backend);
        }
    }
}
