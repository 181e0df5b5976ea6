//! Shares what the first repo of a server has learned with the others.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};

use ureq::http::header::HeaderValue;
use url::Url;

use super::lock;

/// Keyed by scheme, user, host and port, and the request headers, which may contain a login.
static SERVERS: LazyLock<Mutex<HashMap<String, Server>>> = LazyLock::new(Mutex::default);
static ANSWERED: Condvar = Condvar::new();

/// What is known about a server.
#[derive(Clone)]
pub(super) enum Server {
    /// The first repo is asking.
    Asking,
    Known(Arc<Known>),
    /// The first repo got no answer that applies to others.
    Unknown,
}

/// A server's answer to the first repo.
pub(super) struct Known {
    /// The advertisement of protocol version 2: headers and body.
    pub(super) capabilities: Option<(Vec<u8>, Vec<u8>)>,
    /// The login that it accepted.
    pub(super) login: Option<HeaderValue>,
}

/// The first repo's obligation to publish the server's answer. If dropped, it publishes that there
/// was none, so that nobody waits forever.
pub(super) struct Asker(String);

impl Asker {
    pub(super) fn answer(&self, server: Server) {
        lock(&SERVERS).insert(self.0.clone(), server);
        ANSWERED.notify_all();
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let is_unanswered = matches!(lock(&SERVERS).get(&self.0), Some(Server::Asking));
        if is_unanswered {
            self.answer(Server::Unknown);
        }
    }
}

/// Returns what is known about the server, after waiting for the repo that is asking, or the
/// obligation to ask.
pub(super) fn ask(url: &str, headers: &[String]) -> Result<Option<Arc<Known>>, Asker> {
    let Some(server) = server_of(url) else {
        return Ok(None);
    };
    let server = [&[server], headers].concat().join("\n");
    let mut servers = lock(&SERVERS);
    loop {
        match servers.get(&server).cloned() {
            None => {
                servers.insert(server.clone(), Server::Asking);
                return Err(Asker(server));
            }
            Some(Server::Known(known)) => return Ok(Some(known)),
            Some(Server::Unknown) => return Ok(None),
            Some(Server::Asking) => {
                servers = ANSWERED
                    .wait(servers)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn server_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(url[..url::Position::BeforePath].to_owned())
}
