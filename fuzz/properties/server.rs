//! What a git server answers, over HTTP and `git://`, to the one who asks for its references.
//!
//! A real socket, since what is read from it, how much and until when, is what counts.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fitout::git::network;

use super::Kind;
use super::mutation::{self, Numbers};

pub const KIND: Kind = Kind {
    name: "server",
    seeds,
    mutate,
    hold,
};

/// A line as git frames it: its length in four hexadecimal digits, itself included.
fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

fn seeds() -> Vec<String> {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let service = format!("{}0000", line("# service=git-upload-pack\n"));
    let version_2 = [
        line("version 2\n"),
        line("agent=git/2.47.0\n"),
        line("ls-refs=unborn\n"),
        line("fetch=shallow wait-for-done filter\n"),
        line("object-format=sha1\n"),
        "0000".to_owned(),
    ]
    .concat();
    let refs = [
        line(&format!("{id} HEAD symref-target:refs/heads/main\n")),
        line(&format!("{id} refs/heads/main\n")),
        line(&format!("{id} refs/tags/v1 peeled:{id}\n")),
        line("unborn HEAD symref-target:refs/heads/x\n"),
        "0000".to_owned(),
    ]
    .concat();
    let version_1 = [
        line(&format!(
            "{id} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=x\n"
        )),
        line(&format!("{id} refs/heads/main\n")),
        "0000".to_owned(),
    ]
    .concat();
    let advertised = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n";
    let result = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nConnection: close\r\n\r\n";
    let next = "\u{1}";
    vec![
        format!("{advertised}{service}{version_2}{next}{result}{refs}"),
        format!("{advertised}{service}{version_1}"),
        format!("{version_2}{refs}"),
        version_1,
        [
            line(&format!(
                "{id} refs/heads/main\0symref=HEAD:refs/heads/main symref=refs/heads/main:x symref=refs/heads/main:y\n"
            )),
            line(&format!("shallow {id}\n")),
            "0000".to_owned(),
        ]
        .concat(),
        line("ERR no such repository\n"),
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 429 Too Many\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 2\r\n\r\nno".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n".to_owned(),
    ]
}

fn mutate(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let pieces = [
        "0000",
        "0001",
        "0002",
        "0003",
        "0004",
        "0005",
        "ffff",
        "fff0",
        "version 2\n",
        "version 3\n",
        "000eversion 2\n",
        "ls-refs",
        "fetch=",
        "object-format=sha256\n",
        "HTTP/1.1 ",
        "200",
        "302",
        "401",
        "500",
        "\r\n",
        "\r\n\r\n",
        "Content-Length: 99999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip\r\n",
        "Location: ",
        "Location: file:///etc/passwd\r\n",
        "Retry-After: 1\r\n",
        "refs/heads/../../x",
        "refs/heads/\u{202e}",
        "symref-target:",
        " symref=HEAD:refs/heads/main",
        " symref=refs/heads/main:x",
        "peeled:",
        "unborn ",
        "ERR ",
        "\u{1}",
    ];
    mutation::text(bytes, &pieces, numbers)
}

/// Answers every connection with the parts that are set, one after the other, and hangs up.
struct Server {
    port: u16,
    parts: Arc<Mutex<Vec<Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let server = Server {
        port: listener.local_addr().unwrap().port(),
        parts: Arc::default(),
        asked: Arc::default(),
    };
    let (parts, asked) = (Arc::clone(&server.parts), Arc::clone(&server.asked));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            let part = {
                let parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts
                    .get(number.min(parts.len().saturating_sub(1)))
                    .cloned()
            };
            thread::spawn(move || answer(stream, &part.unwrap_or_default()));
        }
    });
    server
});

fn answer(mut stream: TcpStream, part: &[u8]) {
    // The other side may be gone, which is its right.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(part);
    let _ = stream.shutdown(Shutdown::Write);
    // A close with bytes unread would be a reset, and what was sent could be lost.
    let mut rest = [0; 4096];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

fn hold(bytes: &[u8]) {
    static INTERRUPT: AtomicBool = AtomicBool::new(false);
    let parts: Vec<Vec<u8>> = bytes.split(|byte| *byte == 1).map(<[u8]>::to_vec).collect();
    for scheme in ["git", "http"] {
        let mut set = SERVER.parts.lock().unwrap_or_else(PoisonError::into_inner);
        set.clone_from(&parts);
        drop(set);
        SERVER.asked.store(0, Ordering::Relaxed);
        let url = format!("{scheme}://127.0.0.1:{}/acme/web.git", SERVER.port);
        if let Err(error) = network::probe(&url, &INTERRUPT) {
            assert!(!error.to_string().is_empty());
        }
        let asked = SERVER.asked.load(Ordering::Relaxed);
        assert!((1..=32).contains(&asked), "asked {asked} times");
    }
}
