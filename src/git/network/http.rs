//! HTTP for gix: one client for all repos of a run.
//!
//! gix brings a client of its own, and starts it anew for each repo: two threads, all certificates
//! of the system, a connection and a TLS handshake of its own, and each piece of a pack through two
//! channels. This one keeps connections between repos, reads where it is asked to, and knows how
//! long a server has been silent.
//!
//! Of a server, only the first repo asks for the capabilities of protocol version 2; the others
//! wait for that answer and take it for their own, with the login that the server accepted. This
//! saves each of them a round trip, a call of the credential helper and, where a login is needed, a
//! refused request. Where a server does not treat all of its repositories alike, the request
//! that follows fails, and [`Session`] tells that it was made on an assumption: ask again without.
//!
//! What is secret goes to the server that it is for: a login and `http.extraHeader` stay behind when
//! a redirect leads to another one.

mod agent;
mod failure;
mod forward;
mod servers;
mod settings;

use std::any::Any;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::error::{ResultExt, message};
use gix::protocol::transport::Protocol;
use gix::protocol::transport::client::AuthenticationRequired;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::blocking_io::http::{
    self, GetResponse, PostBodyDataKind, PostResponse,
};
use ureq::Body;
use ureq::http::header::{
    AUTHORIZATION, HeaderName, HeaderValue, LOCATION, USER_AGENT, WWW_AUTHENTICATE,
};
use ureq::http::{HeaderMap, Method, StatusCode};
use url::Url;

use self::agent::agent;
pub(super) use self::agent::hang_up;
pub(in crate::git) use self::failure::RemoteFailure;
use self::servers::{Asker, Known, Server, ask};
pub(super) use self::settings::silence;
pub(in crate::git) use self::settings::would_leak;
use self::settings::{Follow, Settings, Wire};
use super::super::error::Cause;
use super::access::Privacy;
use super::allowance::{Allowance, Limited};
use super::line::url_and_version;
use super::logins;

/// As git has it.
const MOST_REDIRECTS: usize = 20;
const BUFFER: usize = 1 << 17;

/// One try of a clone, a fetch or a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    never_assumes: bool,
    has_assumed: Arc<AtomicBool>,
    has_sent_login_in_the_clear: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<RemoteFailure>>>,
    allowance: Allowance,
}

impl Session {
    /// One that asks its server everything itself.
    pub(super) fn without_assumptions() -> Self {
        Session {
            never_assumes: true,
            ..Session::default()
        }
    }

    /// Whether it took another repository's answer for its own.
    pub(super) fn has_assumed(&self) -> bool {
        self.has_assumed.load(Ordering::Relaxed)
    }

    /// Whether others could read a login.
    pub(super) fn privacy(&self) -> Privacy {
        if self.has_sent_login_in_the_clear.load(Ordering::Relaxed) {
            Privacy::InTheClear
        } else {
            Privacy::Kept
        }
    }

    /// How much its server may say before a pack.
    pub(super) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// What went wrong, where that is known better than by the words of an error.
    pub(super) fn failure(&self) -> Option<RemoteFailure> {
        lock(&self.failure).clone()
    }

    /// Says what went wrong.
    pub(super) fn fail(&self, failure: RemoteFailure) {
        *lock(&self.failure) = Some(failure);
    }

    fn noting<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            *lock(&self.failure) = failure::of(error);
        }
        result
    }
}

/// Our transport for a remote, in the place of gix's; none for another protocol than HTTP.
pub(super) fn transport(
    remote: &gix::Remote<'_>,
    session: &Session,
) -> gix::Result<Option<Box<dyn Transport + Send>>> {
    let (url, version) = url_and_version(remote)?;
    if !matches!(url.scheme, gix::url::Scheme::Http | gix::url::Scheme::Https) {
        return Ok(None);
    }
    let config = remote.repo().config_snapshot();
    let home = Url::parse(url.to_bstring().to_str_lossy().as_ref())
        .or_raise(|| message!("`{}` is no URL", url.to_bstring()))?;
    // What has no name yet is on its way to become a clone.
    let of_clone = config.string("clone.defaultRemoteName");
    let name = remote.name().map(gix::remote::Name::as_bstr);
    let name = name
        .or(of_clone.as_ref().map(|name| name.as_bstr()))
        .unwrap_or(BStr::new("origin"));
    let mut settings = Settings::read(config.plumbing(), &home, Some(name));
    if let Some(proxy) = &mut settings.wire.proxy {
        *proxy = logins::proxy_with_password(remote.repo(), proxy);
    }
    let client = Client {
        session: session.clone(),
        settings,
        shares_login: !logins_are_by_path(config.plumbing()),
        home,
        login: None,
        asker: None,
        asked: false,
        redirected: Arc::default(),
    };
    let trace_packets = false;
    Ok(Some(connect(client, url, version, trace_packets)))
}

fn connect(
    client: Client,
    url: gix::Url,
    version: Protocol,
    trace: bool,
) -> Box<dyn Transport + Send> {
    Box::new(http::connect_http(client, url, version, trace))
}

/// `credential.useHttpPath`, for any host: a login is then one repository's.
fn logins_are_by_path(config: &gix::config::File) -> bool {
    config
        .sections_by_name("credential")
        .is_some_and(|mut sections| {
            sections.any(|section| match section.value_implicit("useHttpPath") {
                None => false,
                Some(None) => true,
                Some(Some(value)) => {
                    gix::config::Boolean::try_from(value).is_ok_and(|value| value.0)
                }
            })
        })
}

/// The client of one connection to a remote.
struct Client {
    session: Session,
    settings: Settings,
    shares_login: bool,
    /// The remote's URL: what the settings were read for.
    home: Url,
    login: Option<HeaderValue>,
    asker: Option<Arc<Asker>>,
    asked: bool,
    redirected: Arc<Mutex<Option<String>>>,
}

impl Client {
    fn exchange(
        &mut self,
        method: Method,
        url: &str,
        base: &str,
        lines: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<Shared> {
        let headers = self.headers(lines);
        let is_handshake = method == Method::GET;
        if is_handshake && let Some(answer) = self.assume(base, &headers) {
            return Ok(Exchange::answered(answer));
        }
        let follow = match self.settings.follow {
            Follow::All => true,
            Follow::Initial => !self.asked,
            Follow::Never => false,
        };
        self.asked = true;
        let tail = url.strip_prefix(base).unwrap_or_default().to_owned();
        let url = match lock(&self.redirected).as_deref() {
            Some(redirected) => format!("{redirected}{tail}"),
            None => url.to_owned(),
        };
        let url = Url::parse(&url).or_raise(|| message!("`{url}` is no URL"))?;
        Ok(Exchange::waiting(Request {
            session: self.session.clone(),
            wire: self.settings.wire.clone(),
            method,
            tail,
            secrets: self.secrets(&url, &headers),
            url,
            headers,
            upload: Vec::new(),
            follow,
            redirected: Arc::clone(&self.redirected),
            asker: self.asker.clone().filter(|_| is_handshake),
        }))
    }

    fn headers(&self, lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            add_header(&mut headers, line.as_ref());
        }
        if let Some(agent) = &self.settings.user_agent
            && let Ok(agent) = HeaderValue::from_str(agent)
        {
            headers.insert(USER_AGENT, agent);
        }
        headers
    }

    /// What another repository of this server was told, if it holds for this one.
    fn assume(&mut self, base: &str, headers: &HeaderMap) -> Option<Answer> {
        if self.session.never_assumes || !self.shares_login || self.asked {
            return None;
        }
        let known = match ask(base, &self.settings.extra_headers) {
            Ok(known) => known?,
            Err(asker) => {
                self.asker = Some(Arc::new(asker));
                return None;
            }
        };
        self.login.clone_from(&known.login);
        let assumed = self.login.is_some() || known.capabilities.is_some();
        self.session.has_assumed.store(assumed, Ordering::Relaxed);
        let wants_version_2 = headers
            .get("git-protocol")
            .is_some_and(|value| value == "version=2");
        let (lines, body) = known.capabilities.as_ref().filter(|_| wants_version_2)?;
        self.asked = true;
        Some(Answer {
            headers: lines.clone(),
            body: Some(Box::new(Cursor::new(body.clone()))),
        })
    }

    /// Headers for the server of `url` only. gix's own login comes first: it is there once a server
    /// has refused the shared one. `http.extraHeader` may hold a login, too.
    fn secrets(&self, url: &Url, headers: &HeaderMap) -> HeaderMap {
        let mut secrets = HeaderMap::new();
        if !is_same_server(&self.home, url) {
            return secrets;
        }
        for line in &self.settings.extra_headers {
            add_header(&mut secrets, line);
        }
        if let Some(login) = &self.login
            && !headers.contains_key(AUTHORIZATION)
            && !secrets.contains_key(AUTHORIZATION)
        {
            secrets.insert(AUTHORIZATION, login.clone());
        }
        secrets
    }
}

/// The same scheme, host and port; or the same host with https in the place of http.
fn is_same_server(one: &Url, other: &Url) -> bool {
    let is_upgrade = (one.scheme(), other.scheme()) == ("http", "https")
        && (one.port(), other.port()) == (None, None);
    one.host_str() == other.host_str()
        && (is_upgrade
            || (one.scheme() == other.scheme()
                && one.port_or_known_default() == other.port_or_known_default()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add_header(map: &mut HeaderMap, line: &str) {
    if let Some((name, value)) = line.split_once(':')
        && let Ok(name) = HeaderName::try_from(name.trim())
        && let Ok(value) = HeaderValue::try_from(value.trim())
    {
        map.append(name, value);
    }
}

impl http::Http for Client {
    type Headers = Headers;
    type ResponseBody = Reply;
    type PostBody = Upload;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Reply>> {
        let exchange = self.exchange(Method::GET, url, base_url, headers)?;
        Ok(GetResponse {
            headers: Headers::of(&exchange),
            body: Reply::of(&self.session, &exchange),
        })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Reply, Upload>> {
        let exchange = self.exchange(Method::POST, url, base_url, headers)?;
        Ok(PostResponse {
            post_body: Upload(Arc::clone(&exchange)),
            headers: Headers::of(&exchange),
            body: Reply::of(&self.session, &exchange),
        })
    }

    /// What gix makes of the configuration is left aside: see [`Settings`].
    fn configure(&mut self, _: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        lock(&self.redirected).clone()
    }
}

type Shared = Arc<Mutex<Exchange>>;

/// A request that goes out when its answer is first looked at: by then its body is written.
struct Exchange {
    request: Option<Request>,
    answer: Option<Answer>,
}

struct Answer {
    headers: Vec<u8>,
    body: Option<Box<dyn BufRead + Send>>,
}

impl Exchange {
    fn waiting(request: Request) -> Shared {
        Arc::new(Mutex::new(Exchange {
            request: Some(request),
            answer: None,
        }))
    }

    fn answered(answer: Answer) -> Shared {
        Arc::new(Mutex::new(Exchange {
            request: None,
            answer: Some(answer),
        }))
    }

    fn answer(&mut self) -> io::Result<&mut Answer> {
        if let Some(request) = self.request.take() {
            self.answer = Some(request.send()?);
        }
        self.answer
            .as_mut()
            .ok_or_else(|| io::Error::other("the request has failed before"))
    }
}

struct Request {
    session: Session,
    wire: Wire,
    method: Method,
    url: Url,
    tail: String,
    headers: HeaderMap,
    secrets: HeaderMap,
    upload: Vec<u8>,
    follow: bool,
    redirected: Arc<Mutex<Option<String>>>,
    asker: Option<Arc<Asker>>,
}

impl Request {
    fn send(self) -> io::Result<Answer> {
        let session = self.session.clone();
        session.noting(self.send_with_redirects())
    }

    fn send_with_redirects(self) -> io::Result<Answer> {
        let mut url = self.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send_to(&url)?;
            let status = response.status();
            if status.is_redirection() && self.follow {
                let target = response.headers().get(LOCATION);
                let target = target.and_then(|target| target.to_str().ok());
                url = self.redirect(&url, target.unwrap_or_default())?;
                continue;
            }
            let is_elsewhere = url != self.url;
            if is_elsewhere && let Some(base) = url.as_str().strip_suffix(&self.tail) {
                *lock(&self.redirected) = Some(base.to_owned());
            }
            if !status.is_success() {
                return Err(refusal(response));
            }
            let headers = header_lines(response.headers());
            let body = response.into_body().into_with_config().limit(u64::MAX);
            let mut body = BufReader::with_capacity(BUFFER, body.reader());
            return match self.asker.as_ref().filter(|_| !is_elsewhere) {
                None => Ok(Answer {
                    headers,
                    body: Some(Box::new(body)),
                }),
                Some(asker) => {
                    let capabilities = read_capabilities(&mut body)?;
                    let known = Known {
                        capabilities: capabilities
                            .is_whole
                            .then(|| (headers.clone(), capabilities.read.clone())),
                        login: self.headers.get(AUTHORIZATION).cloned(),
                    };
                    asker.answer(Server::Known(Arc::new(known)));
                    Ok(Answer {
                        headers,
                        body: Some(Box::new(Cursor::new(capabilities.read).chain(body))),
                    })
                }
            };
        }
        Err(failure::error(Cause::NotGit, "too many redirects"))
    }

    fn send_to(&self, url: &Url) -> io::Result<ureq::http::Response<Body>> {
        let mut request = ureq::http::Request::builder()
            .method(self.method.clone())
            .uri(url.as_str())
            .body(())
            .map_err(io::Error::other)?;
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        if is_same_server(&self.url, url) {
            headers.extend(self.secrets.clone());
        } else {
            headers.remove(AUTHORIZATION);
        }
        if url.scheme() == "http" && headers.contains_key(AUTHORIZATION) {
            let sent = &self.session.has_sent_login_in_the_clear;
            sent.store(true, Ordering::Relaxed);
        }
        let agent = agent(&self.wire, url)
            .map_err(|error| failure::error(Cause::Other, error.to_string()))?;
        let response = if self.method == Method::POST {
            agent.run(request.map(|()| self.upload.as_slice()))
        } else {
            agent.run(request)
        };
        response.map_err(ureq::Error::into_io)
    }

    /// The next address, when it is one that git would follow: never from https to http, and to
    /// another server only for the same path below a repository.
    fn redirect(&self, from: &Url, location: &str) -> io::Result<Url> {
        let refused = || {
            let what = format!("refused to follow the redirect to {location}");
            failure::error(Cause::NotGit, what)
        };
        let to = from.join(location).map_err(|_| refused())?;
        let is_safe = to.scheme() == from.scheme() || to.scheme() == "https";
        if !is_safe || !to.as_str().ends_with(&self.tail) {
            return Err(refused());
        }
        Ok(to)
    }
}

fn header_lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b':');
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// The start of what a server advertises.
struct Capabilities {
    read: Vec<u8>,
    /// It is all of it, and of protocol version 2: it lists no references.
    is_whole: bool,
}

fn read_capabilities(body: &mut impl Read) -> io::Result<Capabilities> {
    const MOST: u64 = 4096;
    let mut read = Vec::new();
    body.take(MOST).read_to_end(&mut read)?;
    let is_whole = (read.len() as u64) < MOST
        && [&b"000eversion 2\n"[..], b"000dversion 2"]
            .iter()
            .any(|line| read.find(line).is_some());
    Ok(Capabilities { read, is_whole })
}

fn refusal(response: ureq::http::Response<Body>) -> io::Error {
    let (parts, body) = response.into_parts();
    if parts.status == StatusCode::UNAUTHORIZED {
        let www_authenticate = parts
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .map(|value| BString::from(value.as_bytes()))
            .collect();
        return io::Error::new(
            io::ErrorKind::PermissionDenied,
            AuthenticationRequired { www_authenticate },
        );
    }
    failure::refusal(parts.status, &parts.headers, body.into_reader())
}

struct Headers {
    exchange: Shared,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    fn of(exchange: &Shared) -> Self {
        Headers {
            exchange: Arc::clone(exchange),
            lines: None,
        }
    }

    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let lines = std::mem::take(&mut lock(&self.exchange).answer()?.headers);
            self.lines = Some(Cursor::new(lines));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(buffer)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

struct Reply {
    session: Session,
    exchange: Shared,
    body: Option<Limited<Box<dyn BufRead + Send>>>,
    failed: bool,
}

impl Reply {
    fn of(session: &Session, exchange: &Shared) -> Self {
        Reply {
            session: session.clone(),
            exchange: Arc::clone(exchange),
            body: None,
            failed: false,
        }
    }

    fn body(&mut self) -> io::Result<&mut Limited<Box<dyn BufRead + Send>>> {
        if self.body.is_none() {
            let body = lock(&self.exchange).answer()?.body.take();
            self.body = body.map(|body| Limited::new(body, &self.session));
        }
        self.body
            .as_mut()
            .ok_or_else(|| io::Error::other("the reply was read before"))
    }
}

impl Read for Reply {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body()?.read(buffer);
        self.failed |= read.is_err();
        self.session.noting(read)
    }
}

impl BufRead for Reply {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Err(error) = self.body()?.fill_buf() {
            self.failed = true;
            return self.session.noting(Err(error));
        }
        self.body()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(body) = &mut self.body {
            body.consume(amount);
        }
    }
}

impl Drop for Reply {
    /// A reply that was read to its end leaves the connection to the next request. What gix leaves
    /// unread after a pack is the packet that ends it.
    fn drop(&mut self) {
        const REST: usize = 1 << 16;
        let Some(body) = self.body.as_mut().filter(|_| !self.failed) else {
            return;
        };
        let mut read = 0;
        while read < REST {
            let Ok(length @ 1..) = body.fill_buf().map(<[u8]>::len) else {
                return;
            };
            body.consume(length);
            read += length;
        }
    }
}

struct Upload(Shared);

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut lock(&self.0).request {
            Some(request) => request.upload.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
