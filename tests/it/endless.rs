//! Git servers that say what they have without end. Nothing of it may fill the memory: there is a limit,
//! and the error names it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::context::TestContext;
use crate::ssh::Sshd;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// As git frames it.
fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// An answer: what it begins with, and what follows again and again.
#[derive(Clone)]
struct Answer {
    start: String,
    then: String,
}

/// What has no end, and the answers to the questions before.
fn answers(what: &str) -> Vec<Answer> {
    let (long, blank) = ("y".repeat(60_000), " ".repeat(60_000));
    let endless = |start: &str, then: String| Answer {
        start: start.to_owned(),
        then: packet(&then),
    };
    let whole = |text: &str| Answer {
        start: format!("{text}0000"),
        then: String::new(),
    };
    let version_2 = [
        packet("version 2\n"),
        packet("ls-refs\n"),
        packet("fetch\n"),
    ]
    .concat();
    let refs = [
        packet(&format!("{ID} HEAD symref-target:refs/heads/main\n")),
        packet(&format!("{ID} refs/heads/main\n")),
    ]
    .concat();
    match what {
        "capabilities" => vec![endless(&version_2, format!("x={long}\n"))],
        "references, all at once" => vec![endless(
            &packet(&format!("{ID} HEAD\0agent=x\n")),
            format!("{ID} refs/heads/{long}\n"),
        )],
        "references" => vec![
            whole(&version_2),
            endless("", format!("{ID} refs/heads/{long}\n")),
        ],
        "acknowledgments" => vec![
            whole(&version_2),
            whole(&refs),
            endless(&packet("acknowledgments\n"), format!("ACK {ID}{blank}\n")),
        ],
        _ => unreachable!("{what}"),
    }
}

const KINDS: [&str; 4] = [
    "capabilities",
    "references, all at once",
    "references",
    "acknowledgments",
];

/// Writes an answer until the other side has enough of it.
fn write(stream: &mut impl std::io::Write, answer: &Answer, sent: &AtomicU64) {
    let count = |bytes: usize| sent.fetch_add(bytes as u64, Ordering::Relaxed);
    if stream.write_all(answer.start.as_bytes()).is_err() || answer.then.is_empty() {
        return;
    }
    count(answer.start.len());
    let some = answer.then.repeat(60_000 / answer.then.len() + 1);
    while stream.write_all(some.as_bytes()).is_ok() {
        count(some.len());
    }
}

/// Serves `git://` and `http://` at one port. Beside it, how many bytes it has sent.
fn serve(answers: Vec<Answer>) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::<AtomicU64>::default();
    let count = Arc::clone(&sent);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answers, count) = (answers.clone(), Arc::clone(&count));
            thread::spawn(move || talk(stream, &answers, &count));
        }
    });
    (port, sent)
}

fn talk(mut stream: TcpStream, answers: &[Answer], sent: &AtomicU64) {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    let question = loop {
        let read = stream.read(&mut buffer).unwrap_or_default();
        asked.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&asked);
        let is_post = text.starts_with("POST");
        match () {
            () if read == 0 => return,
            () if text.contains("git-upload-pack /") => break None,
            () if text.starts_with("GET") && text.contains("\r\n\r\n") => break Some(0),
            () if is_post && text.contains("command=ls-refs") => break Some(1),
            () if is_post && text.contains("command=fetch") => break Some(2),
            () => {}
        }
    };
    let Some(number) = question else {
        for answer in answers {
            write(&mut stream, answer, sent);
        }
        return;
    };
    let what = if number == 0 {
        "advertisement"
    } else {
        "result"
    };
    let service = packet("# service=git-upload-pack\n");
    let service = if number == 0 {
        service + "0000"
    } else {
        String::new()
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{what}\r\n\
         Connection: close\r\n\r\n{service}"
    );
    if stream.write_all(head.as_bytes()).is_ok() {
        write(&mut stream, &answers[number], sent);
    }
}

#[track_caller]
fn assert_has_enough(context: &TestContext, url: &str, what: &str) {
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{what}: {}", ran.shown());
    let reason = format!("{url} lists more than 128 MiB of capabilities and references");
    assert!(ran.stdout.contains(&reason), "{what}: {}", ran.shown());
    ran.assert_says("| head ");
    assert_eq!(context.names("ws"), ["workspace.toml"], "{what}");
}

#[test]
fn what_a_server_lists_has_a_limit() {
    for what in KINDS {
        for scheme in ["git", "http"] {
            let (port, sent) = serve(answers(what));
            let url = format!("{scheme}://127.0.0.1:{port}/web.git");
            let what = format!("{what} over {scheme}");

            assert_has_enough(&TestContext::new(), &url, &what);

            // What it has sent beyond that is in the buffers of two sockets.
            let sent = sent.load(Ordering::Relaxed) >> 20;
            assert!(sent < 128 + 32, "{what}: {sent} MiB");
        }
    }
}

/// What gives these answers, for `sh`.
fn script(context: &TestContext, what: &str) -> String {
    let mut script = Vec::new();
    for (number, answer) in answers(what).iter().enumerate() {
        let file = |name: &str, text: &str| {
            let name = format!("{name}{number}");
            context.write(&name, text);
            context.path(&name).display().to_string()
        };
        script.push(format!("cat {}\n", file("start", &answer.start)));
        if !answer.then.is_empty() {
            let many = answer.then.repeat((1 << 20) / answer.then.len() + 1);
            script.push(format!("while cat {}; do :; done\n", file("then", &many)));
        }
    }
    script.concat()
}

#[test]
fn what_a_server_behind_ssh_lists_has_the_same_limit() {
    for what in KINDS {
        let context = TestContext::new();
        let ssh = context.path("ssh");
        context.write_program("ssh", &format!("#!/bin/sh\n{}", script(&context, what)));
        let ssh = ssh.display().to_string();
        context.git(".", &["config", "--global", "core.sshCommand", &ssh]);

        assert_has_enough(&context, "ssh://forge.example/web.git", what);
    }
}

#[test]
#[ignore = "needs sshd"]
fn what_an_sshd_passes_on_has_the_same_limit() {
    let context = TestContext::new();
    let sshd = Sshd::start(&context);
    sshd.configure(&context, &sshd.identity());
    sshd.know(&context);
    context.write_program(
        "git-shell",
        &format!("#!/bin/sh\n{}", script(&context, "capabilities")),
    );
    let says = format!("command=\"{}\" ", context.path("git-shell").display());
    let key = context.read("authorized_keys");
    context.write("authorized_keys", &format!("{says}{key}"));

    assert_has_enough(&context, "ssh://forge/web.git", "sshd");
}
