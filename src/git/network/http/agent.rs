//! The agents with connections: one for each set of HTTP settings in git's configuration.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use gix::error::{ResultExt, message};
use ureq::config::Config;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};
use url::Url;

use super::settings::Wire;
use super::{forward, lock};

/// How much is read and sent at once, in bytes.
pub(super) const BUFFER: usize = 1 << 17;

/// The timeout for a connection.
const CONNECT: Duration = Duration::from_secs(20);
/// Idle connections for the next repo.
const IDLE: usize = 64;

static AGENTS: LazyLock<Mutex<HashMap<(Wire, Scheme), Agent>>> = LazyLock::new(Mutex::default);

/// The scheme of a URL: an HTTP proxy handles each differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

/// Returns the agent for these settings and this URL.
pub(super) fn agent(wire: &Wire, url: &Url) -> gix::Result<Agent> {
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        _ => Scheme::Https,
    };
    let mut agents = lock(&AGENTS);
    if let Some(agent) = agents.get(&(wire.clone(), scheme)) {
        return Ok(agent.clone());
    }
    let proxy = proxy(wire)?;
    let config = |proxy| config(wire, proxy);
    let forward = match (&proxy, scheme) {
        (Some(proxy), Scheme::Http) => forward::agent(&config(None)?, proxy),
        _ => None,
    };
    let agent = match forward {
        Some(agent) => agent,
        None => config(proxy)?.into(),
    };
    agents.insert((wire.clone(), scheme), agent.clone());
    Ok(agent)
}

fn config(wire: &Wire, proxy: Option<Proxy>) -> gix::Result<Config> {
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT.min(wire.silence)))
        .timeout_per_read(Some(wire.silence))
        .timeout_per_write(Some(wire.silence))
        .max_idle_connections(IDLE)
        .max_idle_connections_per_host(IDLE)
        .input_buffer_size(BUFFER)
        .proxy(proxy)
        .tls_config(tls(wire)?)
        .build())
}

fn tls(wire: &Wire) -> gix::Result<TlsConfig> {
    let roots = match &wire.certificates {
        None => RootCerts::PlatformVerifier,
        Some(path) => RootCerts::new_with_certs(&certificates("http.sslCAInfo", path)?),
    };
    let identity = match &wire.identity {
        None => None,
        Some((certificate, key)) => Some(ClientCert::new_with_certs(
            &certificates("http.sslCert", certificate)?,
            private_key(key)?,
        )),
    };
    Ok(TlsConfig::builder()
        .root_certs(roots)
        .client_cert(identity)
        .disable_verification(!wire.verify)
        .build())
}

fn certificates(key: &str, path: &Path) -> gix::Result<Vec<Certificate<'static>>> {
    let certificates: Vec<_> = pem(key, path)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(gix::Error::from_error(message!(
            "no certificate in {key} {}",
            path.display()
        )));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> gix::Result<PrivateKey<'static>> {
    let key = pem("http.sslKey", path)?
        .into_iter()
        .find_map(|item| match item {
            PemItem::PrivateKey(key) => Some(key),
            _ => None,
        });
    key.ok_or_else(|| {
        gix::Error::from_error(message!(
            "no private key without a passphrase in http.sslKey {}",
            path.display()
        ))
    })
}

fn pem(key: &str, path: &Path) -> gix::Result<Vec<PemItem<'static>>> {
    let text = std::fs::read(path).or_raise(|| message!("can't read {key} {}", path.display()))?;
    Ok(ureq::tls::parse_pem(&text).filter_map(Result::ok).collect())
}

fn proxy(wire: &Wire) -> gix::Result<Option<Proxy>> {
    let Some(url) = &wire.proxy else {
        return Ok(None);
    };
    Proxy::new(url)
        .map(Some)
        .map_err(gix::Error::from_error)
        .or_raise(|| message("http.proxy is not a URL"))
}

/// Ends all pending requests.
pub(in crate::git::network) fn hang_up() {
    for (_, agent) in lock(&AGENTS).drain() {
        agent.shutdown();
    }
}
