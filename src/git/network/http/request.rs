//! Sends a request and follows its redirects, as git does: what is secret stays with the server that it is for.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gix::bstr::{BString, ByteSlice};
use gix::protocol::transport::client::AuthenticationRequired;
use ureq::Body;
use ureq::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use ureq::http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::agent::{BUFFER, agent};
use super::failure;
use super::servers::{Asker, Known, Server};
use super::settings::Wire;
use super::{Session, is_same_server, lock};
use crate::git::error::Cause;
use crate::workspace::syntax::without_secrets;

/// As many as git follows: `CURLOPT_MAXREDIRS` in its `http.c`.
const MOST_REDIRECTS: usize = 20;

/// A server's answer: its header lines, and its body until it is read.
pub(super) struct Answer {
    pub headers: Vec<u8>,
    pub body: Option<Box<dyn BufRead + Send>>,
}

pub(super) struct Request {
    pub session: Session,
    pub wire: Wire,
    pub method: Method,
    pub url: Url,
    pub tail: String,
    pub headers: HeaderMap,
    pub secrets: HeaderMap,
    pub upload: Vec<u8>,
    pub follow: bool,
    pub redirected: Arc<Mutex<Option<String>>>,
    pub asker: Option<Arc<Asker>>,
}

impl Request {
    pub(super) fn send(self) -> io::Result<Answer> {
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
        let started = Instant::now();
        let response = if self.method == Method::POST {
            agent.run(request.map(|()| self.upload.as_slice()))
        } else {
            agent.run(request)
        };
        let took = started.elapsed().as_millis();
        let how = || match &response {
            Ok(response) => response.status().to_string(),
            Err(error) => without_secrets(&error.to_string()),
        };
        // The words are only made if they are logged.
        tracing::debug!(
            target: "http",
            "{} {}: {}, after {took} ms",
            self.method,
            without_secrets(url.as_str()),
            how()
        );
        response.map_err(ureq::Error::into_io)
    }

    /// Returns the next URL, if git would follow it: never from https to http, and to another
    /// server only for the same path below a repository.
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

/// The beginning of a server's advertisement.
struct Capabilities {
    read: Vec<u8>,
    /// It is complete, and of protocol version 2, which lists no references.
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
