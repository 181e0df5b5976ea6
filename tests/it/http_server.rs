//! A real git server over smart HTTP on loopback: git's own `http-backend` behind a small CGI
//! server, which can also be slow, busy or closed to strangers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// How the server treats its clients.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Answers so many requests with this status first.
    pub busy: Option<(usize, u16)>,
    /// Wants this value of the `Authorization` header.
    pub authorization: Option<String>,
    /// Answers for this repository as a server without protocol version 2.
    pub old: Option<String>,
    /// Sends half of each pack, then waits for [`HttpServer::release`].
    pub holds_packs: bool,
}

/// A server that serves all repositories of a folder until the process ends.
pub struct HttpServer {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    backend: PathBuf,
    behaviour: Behaviour,
    requests: AtomicUsize,
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    waiting: usize,
    released: bool,
}

impl HttpServer {
    /// Starts it on a free port.
    pub fn start(folder: &Path, behaviour: Behaviour) -> Self {
        let exec_path = Command::new("git").arg("--exec-path").output().unwrap();
        let exec_path = String::from_utf8(exec_path.stdout).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            folder: folder.to_path_buf(),
            backend: Path::new(exec_path.trim()).join("git-http-backend"),
            behaviour,
            requests: AtomicUsize::new(0),
            held: Mutex::default(),
            changed: Condvar::new(),
        });
        let server = HttpServer {
            port,
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that goes away is the client's business.
                    let _ = shared.answer(stream);
                });
            }
        });
        server
    }

    /// The URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}.git", self.port)
    }

    /// Waits until so many packs are held.
    pub fn wait_for_held(&self, number: usize) {
        let held = self.shared.held.lock().unwrap();
        drop(
            self.shared
                .changed
                .wait_while(held, |held| held.waiting < number)
                .unwrap(),
        );
    }

    /// Lets all packs through.
    pub fn release(&self) {
        self.shared.held.lock().unwrap().released = true;
        self.shared.changed.notify_all();
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut parts = first.split_whitespace();
        let (method, target) = (
            parts.next().unwrap_or_default().to_owned(),
            parts.next().unwrap_or_default().to_owned(),
        );
        let headers = read_headers(&mut reader)?;
        let header = |name: &str| {
            headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        let body = read_body(&mut reader, &header)?;

        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        if let Some((times, status)) = self.behaviour.busy
            && number < times
        {
            return refuse(&mut stream, status, "");
        }
        if let Some(wanted) = &self.behaviour.authorization
            && header("Authorization").as_ref() != Some(wanted)
        {
            return refuse(
                &mut stream,
                401,
                "WWW-Authenticate: Basic realm=\"git\"\r\n",
            );
        }

        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let is_old = self
            .behaviour
            .old
            .as_ref()
            .is_some_and(|name| path.contains(name));
        let protocol = header("Git-Protocol").filter(|_| !is_old);
        let mut backend = Command::new(&self.backend)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_PROJECT_ROOT", &self.folder)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", header("Content-Type").unwrap_or_default())
            .env("CONTENT_LENGTH", body.len().to_string())
            .env(
                "HTTP_CONTENT_ENCODING",
                header("Content-Encoding").unwrap_or_default(),
            )
            .env("GIT_PROTOCOL", protocol.unwrap_or_default())
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        backend.stdin.take().unwrap().write_all(&body)?;
        let mut answer = Vec::new();
        backend.stdout.take().unwrap().read_to_end(&mut answer)?;
        backend.wait()?;
        self.send(&mut stream, &answer)
    }

    fn send(&self, stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
        let split = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map_or(answer.len(), |at| at + 4);
        let (head, body) = answer.split_at(split);
        let head = String::from_utf8_lossy(head);
        let status = head
            .lines()
            .find_map(|line| line.strip_prefix("Status: "))
            .unwrap_or("200 OK");
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n",
            body.len()
        )?;
        for line in head.lines().filter(|line| !line.is_empty()) {
            if !line.starts_with("Status: ") {
                write!(stream, "{line}\r\n")?;
            }
        }
        stream.write_all(b"\r\n")?;
        let is_pack = body.windows(4).any(|window| window == b"PACK");
        if self.behaviour.holds_packs && is_pack {
            let (half, rest) = body.split_at(body.len() / 2);
            stream.write_all(half)?;
            stream.flush()?;
            let mut held = self.held.lock().unwrap();
            held.waiting += 1;
            self.changed.notify_all();
            drop(
                self.changed
                    .wait_while(held, |held| !held.released)
                    .unwrap(),
            );
            return stream.write_all(rest);
        }
        stream.write_all(body)
    }
}

fn read_headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => return Ok(headers),
        }
    }
}

fn read_body(
    reader: &mut impl BufRead,
    header: &dyn Fn(&str) -> Option<String>,
) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if header("Transfer-Encoding").as_deref() == Some("chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = header("Content-Length").and_then(|length| length.parse().ok());
    reader
        .by_ref()
        .take(length.unwrap_or(0))
        .read_to_end(&mut body)?;
    Ok(body)
}

fn refuse(stream: &mut TcpStream, status: u16, headers: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}
