//! Plain http through an HTTP proxy: requests have absolute URLs (RFC 9112, 3.2.2), as in curl.
//!
//! ureq always opens a tunnel with CONNECT, which many proxies only allow for https. So this
//! connects to the proxy instead of the server, and adds the server's name to each request.

use base64::Engine as _;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Error, Proxy, ProxyProtocol};

/// Returns an agent for `http://` URLs; none if the proxy is of another kind.
pub(super) fn agent(config: &Config, proxy: &Proxy) -> Option<Agent> {
    if proxy.protocol() != ProxyProtocol::Http {
        return None;
    }
    let address = format!("http://{}:{}/", proxy.host(), proxy.port());
    let resolver = Always {
        address: address.parse().ok()?,
        resolver: DefaultResolver::default(),
    };
    let connector = DefaultConnector::default().chain(Naming {
        login: login(proxy),
    });
    Some(Agent::with_parts(config.clone(), connector, resolver))
}

/// `Proxy-Authorization`, as a line.
fn login(proxy: &Proxy) -> String {
    let Some(user) = proxy.username() else {
        return String::new();
    };
    let login = format!("{user}:{}", proxy.password().unwrap_or_default());
    let login = base64::engine::general_purpose::STANDARD.encode(login);
    format!("Proxy-Authorization: Basic {login}\r\n")
}

/// Resolves every name to the proxy.
#[derive(Debug)]
struct Always {
    address: Uri,
    resolver: DefaultResolver,
}

impl Resolver for Always {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.address, config, timeout)
    }
}

#[derive(Debug)]
struct Naming {
    login: String,
}

impl<In: Transport> Connector<In> for Naming {
    type Out = Named<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let host = details.uri.authority().map(ToString::to_string);
        Ok(chained.zip(host).map(|(inner, host)| Named {
            inner,
            server: format!("http://{host}"),
            login: self.login.clone(),
            is_at_start: true,
        }))
    }
}

/// A connection to the proxy for one server.
#[derive(Debug)]
struct Named<T> {
    inner: T,
    server: String,
    login: String,
    /// Whether the next data is the head of a request: nothing was sent since the last answer.
    is_at_start: bool,
}

impl<T: Transport> Transport for Named<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !self.is_at_start {
            return self.inner.transmit_output(amount, timeout);
        }
        self.is_at_start = false;
        let head = self.inner.buffers().output()[..amount].to_vec();
        let mut rest = &named(&head, &self.server, &self.login)[..];
        while !rest.is_empty() {
            let output = self.inner.buffers().output();
            let (now, later) = rest.split_at(rest.len().min(output.len()));
            output[..now.len()].copy_from_slice(now);
            self.inner.transmit_output(now.len(), timeout)?;
            rest = later;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.is_at_start = true;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Returns the head of a request, with the server in front of the path and the login as its first
/// header.
fn named(head: &[u8], server: &str, login: &str) -> Vec<u8> {
    let method = head.iter().position(|byte| *byte == b' ');
    let line = head.windows(2).position(|two| two == b"\r\n");
    let (Some(method), Some(line)) = (method.map(|at| at + 1), line.map(|at| at + 2)) else {
        return head.to_vec();
    };
    let parts = [
        &head[..method],
        server.as_bytes(),
        &head[method..line],
        login.as_bytes(),
        &head[line..],
    ];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_server_and_has_the_login_for_the_proxy() {
        let head = b"POST /a b HTTP/1.1\r\nhost: git.example\r\n\r\nPOST /";
        let named = named(
            head,
            "http://git.example",
            "Proxy-Authorization: Basic eDp5\r\n",
        );
        assert_eq!(
            String::from_utf8(named).unwrap(),
            "POST http://git.example/a b HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\
             host: git.example\r\n\r\nPOST /"
        );
    }
}
