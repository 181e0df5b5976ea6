//! HTTP proxies: used for what git would use them for, and in the same way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::context::{Ran, TestContext};
use crate::http_server::{Behaviour, HttpServer, read_body, read_headers};
use crate::login::{BASIC, calls, config, helper, one, secured};

/// A real proxy: opens tunnels, and passes requests for whole URLs on.
struct Proxy {
    port: u16,
    rules: Rules,
    passed: Mutex<Vec<String>>,
}

/// Whom it serves.
#[derive(Clone, Copy, Default)]
struct Rules {
    /// The value of `Proxy-Authorization` that it wants.
    login: Option<&'static str>,
    /// Says that it takes another kind of login.
    wants_digest: bool,
    /// Opens no tunnels, as most do to the ports of plain http.
    has_no_tunnels: bool,
}

impl Proxy {
    fn start(rules: Rules) -> Arc<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Arc::new(Proxy {
            port: listener.local_addr().unwrap().port(),
            rules,
            passed: Mutex::default(),
        });
        let shared = Arc::clone(&proxy);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away is the client's business.
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        proxy
    }

    fn url(&self) -> String {
        self.url_for("")
    }

    fn url_for(&self, login: &str) -> String {
        format!("http://{login}127.0.0.1:{}", self.port)
    }

    /// What it passed on since the last time: each method and server once.
    fn passed(&self) -> Vec<String> {
        let mut passed = std::mem::take(&mut *self.passed.lock().unwrap());
        passed.sort();
        passed.dedup();
        passed
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while self.answer(&mut reader, stream)? {}
        Ok(())
    }

    /// Whether there may be another request.
    fn answer(
        &self,
        client: &mut BufReader<TcpStream>,
        mut stream: &TcpStream,
    ) -> std::io::Result<bool> {
        let mut first = String::new();
        if client.read_line(&mut first)? == 0 {
            return Ok(false);
        }
        let headers = read_headers(client)?;
        let header = |name: &str| {
            let found = headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let body = read_body(client, &header)?;
        let words: Vec<&str> = first.split_whitespace().collect();
        let (method, target) = (words[0], words[1]);
        let login = header("Proxy-Authorization");
        if self.rules.login.is_some() && login.as_deref() != self.rules.login {
            let kind = if self.rules.wants_digest {
                "Digest realm=\"proxy\", nonce=\"n\", qop=\"auth\""
            } else {
                "Basic realm=\"proxy\""
            };
            if let Some(login) = login {
                self.passed.lock().unwrap().push(format!("refused {login}"));
            }
            let head = format!("HTTP/1.1 407 No\r\nProxy-Authenticate: {kind}\r\n");
            write!(stream, "{head}Content-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        let note = |server: &str| {
            let note = format!("{method} {server}");
            self.passed.lock().unwrap().push(note);
        };
        if method == "CONNECT" {
            if self.rules.has_no_tunnels {
                stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")?;
                return Ok(false);
            }
            note(target);
            return tunnel(target, client, stream).map(|()| false);
        }
        let (server, path) = target
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .unwrap_or(("no whole URL", target));
        note(server);
        let mut upstream = TcpStream::connect(server)?;
        write!(upstream, "{method} /{path} HTTP/1.1\r\n")?;
        for (name, value) in &headers {
            let name_is = |other: &str| name.eq_ignore_ascii_case(other);
            if !name.to_lowercase().starts_with("proxy-") && !name_is("transfer-encoding") {
                write!(upstream, "{name}: {value}\r\n")?;
            }
        }
        write!(upstream, "\r\n")?;
        upstream.write_all(&body)?;
        upstream.shutdown(Shutdown::Write)?;
        std::io::copy(&mut upstream, &mut stream)?;
        Ok(true)
    }
}

fn tunnel(
    target: &str,
    client: &mut BufReader<TcpStream>,
    mut stream: &TcpStream,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut back, mut to_client) = (server.try_clone()?, stream.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
    let mut buffer = vec![0; 1 << 14];
    loop {
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return server.shutdown(Shutdown::Write);
        }
        server.write_all(&buffer[..read])?;
    }
}

/// Variables and settings of git for one clone.
type Setup<'a> = &'a [(&'a str, &'a str)];

/// A clone by fitout with these variables; names with a dot are settings.
fn cloned(context: &TestContext, setup: Setup<'_>) -> Ran {
    let mut command = context.fitout_command(&["sync", "--no-cache"]);
    set(&mut command, setup);
    let ran = context.ran(&command.output().unwrap());
    let _ = std::fs::remove_dir_all(context.ws("web"));
    ran
}

/// Has git ask the remote of `by-git` with the same.
fn asked_by_git(context: &TestContext, setup: Setup<'_>) {
    let mut command = context.command("git");
    command.args(["-C", "by-git", "ls-remote", "origin", "HEAD"]);
    set(&mut command, setup);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{setup:?}: {said}");
}

fn set(command: &mut std::process::Command, setup: Setup<'_>) {
    let (settings, variables): (Vec<_>, Vec<_>) =
        setup.iter().partition(|(name, _)| name.contains('.'));
    command.envs(variables);
    command.env("GIT_CONFIG_COUNT", settings.len().to_string());
    for (number, (key, value)) in settings.into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{number}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
}

#[test]
fn a_proxy_is_used_where_and_as_git_uses_it() {
    let context = TestContext::new();
    let proxy = Proxy::start(Rules::default());
    let (url, place) = (proxy.url(), format!("127.0.0.1:{}", proxy.port));
    let url = url.as_str();
    let nowhere = "http://127.0.0.1:1";
    let by_scheme: [Setup<'_>; 8] = [
        &[],
        &[("http_proxy", url)],
        &[("HTTP_PROXY", url)],
        &[("https_proxy", url)],
        &[("HTTPS_PROXY", url)],
        &[("https_proxy", url), ("HTTPS_PROXY", nowhere)],
        &[("all_proxy", url)],
        &[("ALL_PROXY", url)],
    ];
    let by_settings: [Setup<'_>; 9] = [
        &[("http.proxy", url), ("all_proxy", nowhere)],
        &[("http.proxy", &place)],
        &[("http.proxy", url), ("no_proxy", "127.0.0.1")],
        &[("http.proxy", url), ("NO_PROXY", "*")],
        &[("http.proxy", url), ("no_proxy", "example.com")],
        &[("http.proxy", ""), ("all_proxy", nowhere)],
        &[("remote.origin.proxy", url), ("http.proxy", nowhere)],
        &[("remote.origin.proxy", ""), ("http.proxy", nowhere)],
        &[("remote.other.proxy", nowhere), ("http.proxy", url)],
    ];
    let clear = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let tls = secured(&context, Behaviour::default());
    one(&context, &clear.url("web"));
    let both = [&by_scheme[..], &by_settings].concat();
    for (server, setups) in [(clear, &both[..]), (tls, &by_scheme)] {
        let remote = server.url("web");
        context.manifest(&format!("[repos.web]\nurl = \"{remote}\"\n"));
        let _ = std::fs::remove_dir_all(context.ws("by-git"));
        context.git("ws", &["init", "--quiet", "by-git"]);
        context.git("ws/by-git", &["remote", "add", "origin", &remote]);
        for setup in setups {
            let ran = cloned(&context, setup);
            assert_eq!(ran.code, Some(0), "{setup:?}: {}", ran.shown());
            let ours = proxy.passed();
            asked_by_git(&context, setup);
            assert_eq!(ours, proxy.passed(), "{remote} {setup:?}");
        }
    }
}

#[test]
fn a_proxy_that_opens_no_tunnels_passes_plain_http_on() {
    let context = TestContext::new();
    let proxy = Proxy::start(Rules {
        has_no_tunnels: true,
        ..Rules::default()
    });
    let clear = HttpServer::start(&context.path("remotes"), Behaviour::default());
    one(&context, &clear.url("web"));
    let ran = cloned(&context, &[("http.proxy", &proxy.url())]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());

    let tls = secured(&context, Behaviour::default());
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", tls.url("web")));
    let refused = cloned(&context, &[("http.proxy", &proxy.url())]);
    let reason = "the proxy can't connect to 127.0.0.1";
    assert!(refused.stdout.contains(reason), "{}", refused.shown());
}

#[test]
fn a_proxy_gets_the_login_that_is_for_it() {
    let context = TestContext::new();
    let proxy = Proxy::start(Rules {
        login: Some(BASIC),
        ..Rules::default()
    });
    let [open, with_login, user_alone] =
        ["", "user:secret@", "user@"].map(|login| proxy.url_for(login));
    let clear = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let tls = secured(&context, Behaviour::default());
    one(&context, &clear.url("web"));
    for server in [&clear, &tls] {
        let url = server.url("web");
        context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
        let refused = cloned(&context, &[("http.proxy", &open)]);
        let reason = "the proxy can't connect to 127.0.0.1";
        assert!(refused.stdout.contains(reason), "{}", refused.shown());
        let ran = cloned(&context, &[("http.proxy", &with_login)]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        assert!(!proxy.passed().is_empty());
    }
    helper(&context, "secret");
    for server in [&clear, &tls] {
        let url = server.url("web");
        context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
        let ran = cloned(&context, &[("http.proxy", &user_alone)]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    }
    assert_eq!(calls(&context), ["get", "get"], "once a run");
    // The server itself sees nothing of it.
    for asked in clear.asked().iter().chain(&tls.asked()) {
        assert_eq!(asked.header("proxy-authorization"), None);
        assert_eq!(asked.header("authorization"), None);
    }
}

#[test]
fn a_password_that_is_not_for_basic_is_not_sent_in_the_clear() {
    let context = TestContext::new();
    let proxy = Proxy::start(Rules {
        login: Some("Digest"),
        wants_digest: true,
        ..Rules::default()
    });
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    one(&context, &server.url("web"));
    config(&context, "http.proxyAuthMethod", "digest");
    let ran = cloned(&context, &[("http.proxy", &proxy.url_for("user:secret@"))]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let sent = proxy.passed();
    let in_the_clear = |sent: &String| sent.contains("Basic");
    assert!(!sent.iter().any(in_the_clear), "{sent:?}");
}
