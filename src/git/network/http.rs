//! HTTP for gix: one client for all repos of a run.
//!
//! gix has its own client, and starts a new one for each repo: two threads, all system
//! certificates, a new connection and TLS handshake, and each piece of a pack passes through two
//! channels. This one keeps connections between repos, reads in the calling thread, and detects
//! silent servers.
//!
//! Only the first repo of a server requests the capabilities of protocol version 2; the others wait
//! for that answer and reuse it, with the login that the server accepted. This saves each of them a
//! round trip, a call of the credential helper and, if a login is needed, a refused request. If a
//! server treats its repositories differently, the next request fails, and [`Session`] reports that
//! it was based on an assumption, so that it can be repeated without.
//!
//! Credentials are only sent to their server: a login and `http.extraHeader` don't follow a
//! redirect to another one.

mod agent;
mod exchange;
mod failure;
mod forward;
mod request;
mod servers;
mod settings;

use std::any::Any;
use std::io::{self, Cursor};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::bstr::{BStr, ByteSlice};
use gix::error::{ResultExt, message};
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::blocking_io::http::{
    self, GetResponse, PostBodyDataKind, PostResponse,
};
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use ureq::http::{HeaderMap, Method};
use url::Url;

pub(super) use self::agent::hang_up;
use self::exchange::{Exchange, Headers, Reply, Shared, Upload};
pub(in crate::git) use self::failure::RemoteFailure;
use self::request::{Answer, Request};
use self::servers::{Asker, ask};
pub(super) use self::settings::silence;
pub(in crate::git) use self::settings::would_leak;
use self::settings::{Follow, Settings};
use super::access::Privacy;
use super::allowance::Allowance;
use super::line::url_and_version;
use super::logins;

/// One attempt of a clone, a fetch or a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    never_assumes: bool,
    has_assumed: Arc<AtomicBool>,
    has_sent_login_in_the_clear: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<RemoteFailure>>>,
    allowance: Allowance,
}

impl Session {
    /// Returns a session that reuses nothing.
    pub(super) fn without_assumptions() -> Self {
        Session {
            never_assumes: true,
            ..Session::default()
        }
    }

    /// Whether it reused another repository's answer.
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

    /// The limit on data before a pack.
    pub(super) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// Returns the failure, if it is known more precisely than from an error message.
    pub(super) fn failure(&self) -> Option<RemoteFailure> {
        lock(&self.failure).clone()
    }

    /// Sets the failure.
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

/// Returns our own transport for a remote, instead of gix's; none for protocols other than HTTP.
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
        .or_raise(|| message!("`{}` is not a URL", url.to_bstring()))?;
    // A remote without a name is that of an unfinished clone.
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
    let traces_packets = false;
    Ok(Some(Box::new(http::connect_http(
        client,
        url,
        version,
        traces_packets,
    ))))
}

/// `credential.useHttpPath`, for any host: a login is then valid for a single repository.
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
    /// The remote's URL, for which the settings were read.
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
        let url = Url::parse(&url).or_raise(|| message!("`{url}` is not a URL"))?;
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

    /// Returns the answer for another repository of this server, if it applies to this one.
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

    /// Returns headers for the server of `url` only. gix's own login comes first: it is set after a
    /// server has refused the shared one. `http.extraHeader` may contain a login too.
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

/// The same scheme, host and port; or the same host with https instead of http.
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

    /// gix's interpretation of the configuration is ignored: see [`Settings`].
    fn configure(&mut self, _: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        lock(&self.redirected).clone()
    }
}
