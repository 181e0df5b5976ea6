//! The HTTP settings in git's configuration and environment for a URL.
//!
//! Besides `http.KEY`, there is `http.URL.KEY`, which CI systems write for the token of a checkout.
//! gix only reads the first form; this module reads both, and selects by git's own rules (`git
//! config --get-urlmatch`, urlmatch.c). It doesn't open connections.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::config::file::SectionRef;
use url::Url;

/// The timeout for silent servers: the time that packing a big repository may take.
const SILENCE: Duration = Duration::from_secs(60);

/// HTTP settings for a URL.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `http.extraHeader`: may contain a token, so only sent to the URL's own server.
    pub(super) extra_headers: Vec<String>,
    pub(super) user_agent: Option<String>,
    pub(super) follow: Follow,
    pub(super) wire: Wire,
}

/// `http.followRedirects`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// In the first request only, which is git's default.
    Initial,
    All,
    Never,
}

/// Connection settings: requests with the same settings share connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wire {
    pub(super) certificates: Option<PathBuf>,
    pub(super) verify: bool,
    /// A PEM file with the client's certificate, and one with its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    /// Also none if `no_proxy` exempts the host.
    pub(super) proxy: Option<String>,
    pub(super) silence: Duration,
}

impl Settings {
    /// Reads the settings for `url`, the URL of the remote `remote`, if it has a name.
    pub(super) fn read(config: &gix::config::File, url: &Url, remote: Option<&BStr>) -> Self {
        let scoped = Scoped { config, url };
        let text = |variable: &str, key: &str| environment(variable).or_else(|| scoped.text(key));
        let path = |variable: &str, key: &str| text(variable, key).map(|path| expanded(&path));
        let certificate = path("GIT_SSL_CERT", "sslCert");
        let key = path("GIT_SSL_KEY", "sslKey").or_else(|| certificate.clone());
        Settings {
            extra_headers: scoped.extra_headers(),
            user_agent: text("GIT_HTTP_USER_AGENT", "userAgent"),
            follow: scoped.follow(),
            wire: Wire {
                certificates: path("GIT_SSL_CAINFO", "sslCAInfo"),
                verify: environment("GIT_SSL_NO_VERIFY").is_none()
                    && scoped.boolean("sslVerify").unwrap_or(true),
                identity: certificate.zip(key),
                proxy: scoped.proxy(remote),
                silence: text("GIT_HTTP_LOW_SPEED_TIME", "lowSpeedTime")
                    .and_then(|seconds| seconds.parse().ok())
                    .filter(|seconds| *seconds > 0)
                    .map_or(SILENCE, Duration::from_secs),
            },
        }
    }
}

/// Returns the timeout for a silent server, for any protocol.
pub(in crate::git::network) fn silence(config: &gix::config::File, url: &str) -> Duration {
    Url::parse(url)
        .or_else(|_| Url::parse("ssh://elsewhere/"))
        .map_or(SILENCE, |url| {
            Settings::read(config, &url, None).wire.silence
        })
}

/// Whether git would send a secret to another server after a redirect: libcurl only removes
/// `Authorization` and `Cookie` from `http.extraHeader` (`CURLOPT_HTTPHEADER(3)`, since 7.58).
/// Checked for all servers, because it is not known which ones git will contact, for example for
/// submodules.
pub(in crate::git) fn would_leak(config: &gix::config::File) -> bool {
    let stays = |header: &[u8]| {
        let name = header
            .split(|byte| *byte == b':')
            .next()
            .unwrap_or_default();
        let name = name.trim_ascii();
        [&b""[..], b"authorization", b"cookie"]
            .iter()
            .any(|safe| name.eq_ignore_ascii_case(safe))
    };
    let sections = config.sections_by_name("http").into_iter().flatten();
    let mut headers = sections.flat_map(|section| section.values("extraHeader"));
    headers.any(|header| !stays(&header))
}

fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), dirs::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The `http` sections of the configuration that apply to a URL.
struct Scoped<'a> {
    config: &'a gix::config::File,
    url: &'a Url,
}

impl<'a> Scoped<'a> {
    /// Returns those that have `key`, in the order of the files. As in git, a less specific URL
    /// doesn't override an earlier, more specific one.
    fn sections(&self, key: &str) -> Vec<SectionRef<'a>> {
        let mut best = Fit::default();
        let sections = self.config.sections_by_name("http").into_iter().flatten();
        sections
            .filter(|section| section.meta().trust == gix::sec::Trust::Full)
            .filter(|section| section.contains_value_name(key))
            .filter(|section| {
                let fit = match section.header().subsection_name() {
                    None => Some(Fit::default()),
                    Some(pattern) => fit(pattern, self.url),
                };
                let counts = fit.is_some_and(|fit| fit >= best);
                if counts {
                    best = fit.unwrap_or_default();
                }
                counts
            })
            .collect()
    }

    fn last(&self, key: &str) -> Option<BString> {
        self.sections(key).last()?.value(key)
    }

    /// Also none if it is empty.
    fn text(&self, key: &str) -> Option<String> {
        let value = self.last(key)?.to_str_lossy().into_owned();
        (!value.is_empty()).then_some(value)
    }

    fn boolean(&self, key: &str) -> Option<bool> {
        match self.sections(key).last()?.value_implicit(key)? {
            None => Some(true),
            Some(value) => gix::config::Boolean::try_from(value)
                .ok()
                .map(|value| value.0),
        }
    }

    /// An empty value clears earlier ones.
    fn extra_headers(&self) -> Vec<String> {
        let mut headers = Vec::new();
        for section in self.sections("extraHeader") {
            for value in section.values("extraHeader") {
                if value.is_empty() {
                    headers.clear();
                } else {
                    headers.push(value.to_str_lossy().into_owned());
                }
            }
        }
        headers
    }

    fn follow(&self) -> Follow {
        match self.text("followRedirects").as_deref() {
            None | Some("initial") => Follow::Initial,
            Some(_) if self.boolean("followRedirects") == Some(true) => Follow::All,
            Some(_) => Follow::Never,
        }
    }

    /// `remote.NAME.proxy`, `http.proxy`, then the environment variables that git reads.
    fn proxy(&self, remote: Option<&BStr>) -> Option<String> {
        let of_remote = remote
            .and_then(|name| self.config.string(format!("remote.{name}.proxy").as_str()))
            .or_else(|| self.last("proxy"))
            .map(|proxy| proxy.to_str_lossy().into_owned());
        let proxy = of_remote.or_else(|| proxy_variable(self.url.scheme(), environment))?;
        let exempt = environment("no_proxy")
            .or_else(|| environment("NO_PROXY"))
            .is_some_and(|list| is_exempt(&list, self.url.host_str().unwrap_or_default()));
        // An empty value means no proxy.
        (!proxy.is_empty() && !exempt).then(|| match self.proxy_login(remote) {
            ProxyLogin::Basic => proxy,
            ProxyLogin::Other => without_login(&proxy),
        })
    }

    /// `remote.NAME.proxyAuthMethod`, `http.proxyAuthMethod`.
    fn proxy_login(&self, remote: Option<&BStr>) -> ProxyLogin {
        let of_remote = remote.and_then(|name| {
            let key = format!("remote.{name}.proxyAuthMethod");
            self.config.string(key.as_str())
        });
        let method = environment("GIT_HTTP_PROXY_AUTHMETHOD")
            .or_else(|| Some(of_remote?.to_str_lossy().into_owned()))
            .or_else(|| self.text("proxyAuthMethod"));
        match method.as_deref() {
            Some("digest" | "negotiate" | "ntlm") => ProxyLogin::Other,
            _ => ProxyLogin::Basic,
        }
    }
}

/// The authentication method of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyLogin {
    Basic,
    /// Not supported. The password must not be sent to a proxy in the clear.
    Other,
}

fn without_login(proxy: &str) -> String {
    let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// Upper-case `HTTP_PROXY` is ignored, as in curl: in a CGI program, a client could set it.
fn proxy_variable(scheme: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let own: &[&str] = match scheme {
        "https" => &["https_proxy", "HTTPS_PROXY"],
        _ => &["http_proxy"],
    };
    let names = own.iter().chain(&["all_proxy", "ALL_PROXY"]);
    names.copied().find_map(variable)
}

/// Matches `no_proxy` like curl: names including subdomains, addresses, networks, `*`.
fn is_exempt(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    if list.trim() == "*" {
        return true;
    }
    let is_below = |name: &str| {
        host.strip_suffix(name.trim_matches('.').to_lowercase().as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    list.split([',', ' '])
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            address.map_or_else(
                || is_below(entry),
                |address| is_in_network(address, entry.trim_matches(['[', ']'])),
            )
        })
}

fn is_in_network(address: IpAddr, network: &str) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (network, Some(u32::MAX)),
    };
    let (Ok(base), Some(bits)) = (base.parse::<IpAddr>(), bits) else {
        return false;
    };
    let (one, other, width) = match (address, base) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let rest = width - bits.min(width);
    one.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
}

/// Returns how specific a section's URL is. git compares the host first, then the path, then the
/// user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    host: usize,
    path: usize,
    user: bool,
}

/// Matches if scheme, host and port are the same, the path is the same or a prefix, and the user is
/// the same if the pattern has one. `*` matches one label of a host's name.
fn fit(pattern: &BStr, url: &Url) -> Option<Fit> {
    let pattern = Url::parse(pattern.to_str().ok()?).ok()?;
    let (host, wanted) = (url.host_str()?, pattern.host_str()?);
    let is_same_port = pattern.port_or_known_default() == url.port_or_known_default();
    if pattern.scheme() != url.scheme() || !is_same_port || !is_host(wanted, host) {
        return None;
    }
    let user = !pattern.username().is_empty();
    if user && pattern.username() != url.username() {
        return None;
    }
    let path = pattern.path().trim_end_matches('/');
    let below = url.path().strip_prefix(path)?;
    (below.is_empty() || below.starts_with('/')).then_some(Fit {
        host: wanted.len(),
        path: path.len() + 1,
        user,
    })
}

fn is_host(pattern: &str, host: &str) -> bool {
    let (parts, wanted) = (host.split('.'), pattern.split('.'));
    parts.clone().count() == wanted.clone().count()
        && parts
            .zip(wanted)
            .all(|(part, wanted)| wanted == "*" || wanted == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> gix::config::File {
        gix::config::File::try_from(text).unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// What `git config --get-urlmatch http.KEY URL` prints for the same configuration.
    #[test]
    fn the_section_whose_url_fits_best_wins_as_in_git() {
        let config = config(
            "[http]\n userAgent = all\n\
             [http \"https://forge.example/\"]\n userAgent = host\n\
             [http \"https://*.example\"]\n userAgent = wildcard\n\
             [http \"https://forge.example/team\"]\n userAgent = team\n\
             [http \"https://me@forge.example\"]\n userAgent = me\n\
             [http \"https://forge.example:8443\"]\n userAgent = port\n\
             [http \"http://forge.example\"]\n userAgent = clear\n",
        );
        let cases = [
            ("https://forge.example/other/web", "host"),
            ("https://other.example/web", "wildcard"),
            ("https://forge.example/team/web", "team"),
            ("https://forge.example/teams/web", "host"),
            ("https://me@forge.example/web", "me"),
            ("https://forge.example:443/web", "host"),
            ("https://forge.example:8443/web", "port"),
            ("http://forge.example/web", "clear"),
            ("https://elsewhere.test/web", "all"),
        ];
        for (at, expected) in cases {
            let settings = Settings::read(&config, &url(at), None);
            assert_eq!(settings.user_agent.as_deref(), Some(expected), "{at}");
        }
    }

    #[test]
    fn headers_add_up_and_an_empty_one_drops_those_before_it() {
        let config = config(
            "[http]\n extraHeader = A: 1\n\
             [http \"https://forge.example/\"]\n extraHeader = B: 2\n extraHeader = C: 3\n\
             [http \"https://fresh.example/\"]\n extraHeader =\n extraHeader = D: 4\n\
             [http]\n extraHeader = E: 5\n",
        );
        let headers = |at| Settings::read(&config, &url(at), None).extra_headers;
        assert_eq!(headers("https://forge.example/x"), ["A: 1", "B: 2", "C: 3"]);
        assert_eq!(headers("https://fresh.example/x"), ["D: 4"]);
        assert_eq!(headers("https://other.example/x"), ["A: 1", "E: 5"]);
    }

    #[test]
    fn the_proxy_is_the_one_that_git_takes() {
        let variables = |names: &[&str], scheme: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            proxy_variable(scheme, |name| {
                names.iter().find(|known| *known == name).cloned()
            })
        };
        assert_eq!(
            variables(&["HTTPS_PROXY", "https_proxy", "all_proxy"], "https").as_deref(),
            Some("https_proxy")
        );
        assert_eq!(variables(&["HTTP_PROXY"], "http"), None);
        assert_eq!(
            variables(&["https_proxy", "ALL_PROXY"], "http").as_deref(),
            Some("ALL_PROXY")
        );
    }

    #[test]
    fn hosts_without_a_proxy_are_told_apart_as_curl_does() {
        let cases = [
            ("example.com", "example.com", true),
            ("example.com", "git.example.com", true),
            (".example.com", "example.com", true),
            ("example.com", "notexample.com", false),
            ("other, example.com", "git.example.com", true),
            ("*", "anything", true),
            ("10.0.0.0/8", "10.2.3.4", true),
            ("10.0.0.0/8", "11.2.3.4", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("fd00::/8", "[fd12::1]", true),
            ("", "example.com", false),
        ];
        for (list, host, expected) in cases {
            assert_eq!(is_exempt(list, host), expected, "{list} {host}");
        }
    }
}
