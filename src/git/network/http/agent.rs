//! The agents that hold connections: one for each way in which git's configuration sets HTTP up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use gix::error::{ResultExt, message};
use gix::protocol::transport::client::blocking_io::http::Options;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::{BUFFER, lock};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a server may be silent: as long as it may take to pack a big repository.
const SILENCE: Duration = Duration::from_secs(60);
/// Connections that wait for the next repo.
const IDLE: usize = 64;

/// What a client is set up with: those who share it share connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Settings {
    certificates: Option<PathBuf>,
    verify: bool,
    proxy: Option<String>,
    no_proxy: Option<String>,
    connect: Option<Duration>,
    silence: Option<Duration>,
}

static AGENTS: LazyLock<Mutex<HashMap<Settings, Agent>>> = LazyLock::new(Mutex::default);

/// The agent for these options.
pub(super) fn agent(options: &Options) -> gix::Result<Agent> {
    let silence = match options.low_speed_time_seconds {
        0 => SILENCE,
        seconds => Duration::from_secs(seconds),
    };
    let settings = Settings {
        certificates: options.ssl_ca_info.clone(),
        verify: options.ssl_verify,
        proxy: options.proxy.clone().filter(|proxy| !proxy.is_empty()),
        no_proxy: options.no_proxy.clone(),
        connect: Some(options.connect_timeout.unwrap_or(CONNECT)),
        silence: Some(silence),
    };
    let mut agents = lock(&AGENTS);
    if let Some(agent) = agents.get(&settings) {
        return Ok(agent.clone());
    }
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(settings.connect)
        .timeout_per_read(settings.silence)
        .timeout_per_write(settings.silence)
        .max_idle_connections(IDLE)
        .max_idle_connections_per_host(IDLE)
        .input_buffer_size(BUFFER)
        .proxy(proxy(&settings)?)
        .tls_config(tls(&settings)?)
        .build()
        .into();
    agents.insert(settings, agent.clone());
    Ok(agent)
}

fn tls(settings: &Settings) -> gix::Result<TlsConfig> {
    let roots = match &settings.certificates {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let pem = std::fs::read(path)
                .or_raise(|| message!("can't read http.sslCAInfo {}", path.display()))?;
            let certificates: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                return Err(gix::Error::from_error(message!(
                    "no certificate in http.sslCAInfo {}",
                    path.display()
                )));
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    Ok(TlsConfig::builder()
        .root_certs(roots)
        .disable_verification(!settings.verify)
        .build())
}

fn proxy(settings: &Settings) -> gix::Result<Option<Proxy>> {
    let Some(url) = &settings.proxy else {
        return Ok(None);
    };
    let invalid = || message("http.proxy is no URL");
    let plain = Proxy::new(url)
        .map_err(gix::Error::from_error)
        .or_raise(invalid)?;
    let mut builder = Proxy::builder(plain.protocol())
        .host(plain.host())
        .port(plain.port());
    if let (Some(user), Some(password)) = (plain.username(), plain.password()) {
        builder = builder.username(user).password(password);
    }
    for host in settings.no_proxy.iter().flat_map(|hosts| hosts.split(',')) {
        builder = builder.no_proxy(host.trim());
    }
    let proxy = builder
        .build()
        .map_err(gix::Error::from_error)
        .or_raise(invalid)?;
    Ok(Some(proxy))
}

/// Ends all requests that wait for a server.
pub(in crate::git::network) fn hang_up() {
    for (_, agent) in lock(&AGENTS).drain() {
        agent.shutdown();
    }
}
