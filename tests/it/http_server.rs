//! A real git server over smart HTTP or HTTPS on loopback: git's own `http-backend` behind a small
//! CGI server, which keeps connections and can also be slow, busy, broken or closed to strangers. The
//! files of Git LFS are served beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::lfs_server;

/// How the server treats its clients.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Answers so many requests with this status first.
    pub busy: Option<(usize, u16)>,
    /// Sent with that status: `Retry-After: 1`.
    pub busy_header: Option<&'static str>,
    /// Wants this value of the `Authorization` header.
    pub authorization: Option<String>,
    /// Wants it for this repository only.
    pub closed_repo: Option<String>,
    /// Wants this header: its name in lower case, and its value.
    pub header: Option<(&'static str, &'static str)>,
    /// Answers for this repository as a server without protocol version 2.
    pub old: Option<String>,
    /// Knows no protocol but that of plain files, as a web server without git behind it.
    pub dumb: bool,
    /// Sends half of each pack, then waits for [`HttpServer::release`].
    pub holds_packs: bool,
    /// Refuses (429) whoever comes while it answers so many.
    pub most_at_once: Option<usize>,
    /// Sends each pack in twelve pieces, with this between them.
    pub pause: Option<Duration>,
    /// Cuts the connection in the middle of so many packs.
    pub cuts_packs: usize,
    /// Flips bytes in the middle of each pack.
    pub spoils_packs: bool,
    /// Answers everything with this, byte by byte.
    pub says: Option<&'static str>,
    /// Sends whoever asks for `/moved/…` to the same path below this URL.
    pub moved_to: Option<String>,
    /// Speaks TLS.
    pub tls: Option<Tls>,
}

/// A company's own certificates, as PEM files.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// A client's certificate.
    pub client: PathBuf,
    /// And its key.
    pub client_key: PathBuf,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Makes them in `folder`. `wants_client` turns clients without a certificate away.
    pub fn new(folder: &Path, wants_client: bool) -> Self {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let sign = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            parameters.extended_key_usages = vec![
                rcgen::ExtendedKeyUsagePurpose::ServerAuth,
                rcgen::ExtendedKeyUsagePurpose::ClientAuth,
            ];
            (parameters.signed_by(&key, &issuer).unwrap(), key)
        };
        let (server, server_key) = sign("127.0.0.1");
        let (client, client_key) = sign("client");
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(authority_certificate.der().clone()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain: Vec<CertificateDer<'static>> = vec![server.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        Tls {
            authority: write("authority.pem", authority_certificate.pem()),
            client: write("client.pem", client.pem()),
            client_key: write("client-key.pem", client_key.serialize_pem()),
            config: Arc::new(builder.with_single_cert(chain, key).unwrap()),
        }
    }
}

/// A request, as the server saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// The value of a header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
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
    connections: AtomicUsize,
    cut: AtomicUsize,
    at_once: AtomicUsize,
    refused: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
    /// When whoever was sent away may come back.
    back_at: Mutex<Option<Instant>>,
    too_early: AtomicUsize,
    held: Mutex<Held>,
    changed: Condvar,
}

/// How long to wait for a request that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

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
            connections: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            asked: Mutex::default(),
            back_at: Mutex::default(),
            too_early: AtomicUsize::new(0),
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
                    let _ = shared.serve(stream);
                });
            }
        });
        server
    }

    /// The URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.base())
    }

    /// The URL of the server, without a slash at its end.
    pub fn base(&self) -> String {
        format!("{}://127.0.0.1:{}", self.shared.scheme(), self.port)
    }

    /// Waits until so many packs are held.
    pub fn wait_for_held(&self, number: usize) {
        let held = self.shared.held.lock().unwrap();
        let (_held, waited) = self
            .shared
            .changed
            .wait_timeout_while(held, PATIENCE, |held| held.waiting < number)
            .unwrap();
        assert!(!waited.timed_out(), "nobody asks for a pack");
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

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Requests that came while it had too much to do.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Requests that came before the time that `Retry-After` had named.
    pub fn too_early(&self) -> usize {
        self.shared.too_early.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Shared {
    fn send_away(&self, header: Option<&str>) {
        let seconds = header.and_then(|line| line.strip_prefix("Retry-After: ")?.parse().ok());
        let pause = seconds.map(Duration::from_secs);
        *self.back_at.lock().unwrap() = pause.map(|pause| Instant::now() + pause);
    }

    fn note_who_is_too_early(&self) {
        let back_at = self.back_at.lock().unwrap().take();
        if back_at.is_some_and(|time| Instant::now() < time) {
            self.too_early.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn scheme(&self) -> &'static str {
        match self.behaviour.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        self.connections.fetch_add(1, Ordering::SeqCst);
        match &self.behaviour.tls {
            None => self.answer_all(stream),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(&tls.config)).unwrap();
                self.answer_all(StreamOwned::new(connection, stream))
            }
        }
    }

    fn answer_all(&self, stream: impl Read + Write) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        while self.answer(&mut reader)? {}
        Ok(())
    }

    /// False once the client has gone.
    fn answer(&self, reader: &mut BufReader<impl Read + Write>) -> std::io::Result<bool> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(false);
        }
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst);
        let is_too_much = self
            .behaviour
            .most_at_once
            .is_some_and(|most| at_once >= most);
        let answered = self.answer_one(&first, is_too_much, reader);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        answered
    }

    fn answer_one(
        &self,
        first: &str,
        is_too_much: bool,
        reader: &mut BufReader<impl Read + Write>,
    ) -> std::io::Result<bool> {
        let mut parts = first.split_whitespace();
        let (method, target) = (
            parts.next().unwrap_or_default().to_owned(),
            parts.next().unwrap_or_default().to_owned(),
        );
        let headers = read_headers(reader)?;
        let header = |name: &str| {
            headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        let body = read_body(reader, &header)?;
        let stream = reader.get_mut();

        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push(Asked {
            target: target.clone(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.clone()))
                .collect(),
        });
        if is_too_much {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return refuse(stream, 429, "");
        }
        if let Some(text) = self.behaviour.says {
            stream.write_all(text.as_bytes())?;
            return Ok(false);
        }
        self.note_who_is_too_early();
        if let Some((times, status)) = self.behaviour.busy
            && number < times
        {
            let line = self.behaviour.busy_header;
            self.send_away(line);
            return refuse(
                stream,
                status,
                &line.map(|line| format!("{line}\r\n")).unwrap_or_default(),
            );
        }
        if let (Some(base), Some(rest)) = (&self.behaviour.moved_to, target.strip_prefix("/moved/"))
        {
            return refuse(stream, 302, &format!("Location: {base}/{rest}\r\n"));
        }
        if let Some((name, wanted)) = self.behaviour.header
            && header(name).as_deref() != Some(wanted)
        {
            return refuse(stream, 403, "");
        }
        if let Some(wanted) = &self.behaviour.authorization
            && header("Authorization").as_ref() != Some(wanted)
            && self
                .behaviour
                .closed_repo
                .as_ref()
                .is_none_or(|name| target.contains(name))
        {
            return refuse(stream, 401, "WWW-Authenticate: Basic realm=\"git\"\r\n");
        }

        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = if self.behaviour.dumb { "" } else { query };
        let base = format!("{}://{}", self.scheme(), header("Host").unwrap_or_default());
        if let Some(answer) = lfs_server::answer(&self.folder, &base, path, &body) {
            answer.send(stream)?;
            return Ok(true);
        }
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
        self.send(stream, &answer)
    }

    fn send(&self, stream: &mut impl Write, answer: &[u8]) -> std::io::Result<bool> {
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
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n",
            body.len()
        )?;
        for line in head.lines().filter(|line| !line.is_empty()) {
            if !line.starts_with("Status: ") {
                write!(stream, "{line}\r\n")?;
            }
        }
        stream.write_all(b"\r\n")?;
        let is_pack = body.windows(4).any(|window| window == b"PACK");
        let (half, rest) = body.split_at(body.len() / 2);
        if is_pack && self.cut.fetch_add(1, Ordering::SeqCst) < self.behaviour.cuts_packs {
            stream.write_all(half)?;
            return Ok(false);
        }
        if let Some(pause) = self.behaviour.pause.filter(|_| is_pack) {
            for piece in body.chunks(body.len().div_ceil(12)) {
                std::thread::sleep(pause);
                stream.write_all(piece)?;
                stream.flush()?;
            }
            return Ok(true);
        }
        if is_pack && self.behaviour.spoils_packs {
            let mut spoiled = body.to_vec();
            for byte in spoiled.iter_mut().skip(half.len()).take(40) {
                *byte ^= 0x55;
            }
            stream.write_all(&spoiled)?;
            return Ok(true);
        }
        if is_pack && self.behaviour.holds_packs {
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
            stream.write_all(rest)?;
            return Ok(true);
        }
        stream.write_all(body)?;
        stream.flush()?;
        Ok(true)
    }
}

pub fn read_headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
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

pub fn read_body(
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

fn refuse(stream: &mut impl Write, status: u16, headers: &str) -> std::io::Result<bool> {
    write!(
        stream,
        "HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n"
    )?;
    stream.flush()?;
    Ok(true)
}
