//! Compose's short form of a published port.

use super::Invalid;
use crate::workspace::Protocol;

/// A published port as the short form says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortPort {
    /// The address of the host, where given.
    pub host_ip: Option<String>,
    /// The host's port, where given.
    pub published: Option<u16>,
    /// The container's port.
    pub target: u16,
    /// TCP unless `/udp` is given.
    pub protocol: Protocol,
}

/// Compose's short form of ports: `[[ip:]host:]container[/protocol]`, where `host` and `container`
/// may be ranges of the same length.
pub fn ports(text: &str) -> Result<Vec<ShortPort>, Invalid> {
    let help = "write `host:container`, such as `3100:3000`";
    let invalid = |problem: String| Invalid::new(problem).help(help);
    if text.contains("${") {
        return Err(Invalid::new("contains a variable").help(
            "use a number: it is only the default, which can be changed in `.env` on each machine",
        ));
    }
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, name)) => (rest, self::protocol(name)?),
        None => (text, Protocol::Tcp),
    };
    let (rest, target) = rest
        .rsplit_once(':')
        .map_or((None, rest), |(rest, target)| (Some(rest), target));
    let (host_ip, published) = match rest {
        None => (None, None),
        // An IPv6 address has colons of its own and stands in brackets.
        Some(rest) => match rest.rsplit_once(':') {
            Some((ip, published)) => (Some(host_ip(ip)?), Some(published)),
            None => (None, Some(rest)),
        },
    };
    let targets = port_range(target)
        .ok_or_else(|| invalid(format!("has no valid container port: `{target}`")))?;
    let published = match published {
        None | Some("") => None,
        Some(published) => Some(
            port_range(published)
                .ok_or_else(|| invalid(format!("has no valid host port: `{published}`")))?,
        ),
    };
    if published
        .as_ref()
        .is_some_and(|published| published.len() != targets.len())
    {
        return Err(invalid("has two ranges of different lengths".to_owned()));
    }
    Ok(targets
        .enumerate()
        .map(|(index, target)| ShortPort {
            host_ip: host_ip.clone(),
            published: published.clone().and_then(|mut range| range.nth(index)),
            target,
            protocol,
        })
        .collect())
}

/// `tcp` or `udp`.
pub fn protocol(text: &str) -> Result<Protocol, Invalid> {
    match text {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        other => Err(Invalid::new(format!("has an unknown protocol: `{other}`"))
            .help("write `tcp` or `udp`")),
    }
}

/// An IP address of the host, without brackets.
pub fn host_ip(text: &str) -> Result<String, Invalid> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<core::net::IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(
            Invalid::new(format!("has no valid IP address: `{text}`")).help(
                "for example `127.0.0.1` for this machine only, `0.0.0.0` for the whole network",
            ),
        ),
    }
}

fn port_range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protocol::{Tcp, Udp};

    #[test]
    fn ports_in_short_form() {
        let port = |host_ip: Option<&str>, published, target, protocol| ShortPort {
            host_ip: host_ip.map(str::to_owned),
            published,
            target,
            protocol,
        };
        for (text, expected) in [
            ("3000", vec![port(None, None, 3000, Tcp)]),
            ("3100:3000", vec![port(None, Some(3100), 3000, Tcp)]),
            ("53:53/udp", vec![port(None, Some(53), 53, Udp)]),
            (
                "0.0.0.0:80:8080",
                vec![port(Some("0.0.0.0"), Some(80), 8080, Tcp)],
            ),
            (
                "[::1]:80:8080",
                vec![port(Some("::1"), Some(80), 8080, Tcp)],
            ),
            (
                "127.0.0.1::80",
                vec![port(Some("127.0.0.1"), None, 80, Tcp)],
            ),
            (
                "10-11:20-21",
                vec![port(None, Some(10), 20, Tcp), port(None, Some(11), 21, Tcp)],
            ),
        ] {
            assert_eq!(ports(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "x",
            "0:80",
            "80:0",
            "70000:80",
            "2-1:1-2",
            "1-3:1-2",
            "80:80/sctp",
            "a:1:2",
            "1:2:3:4",
        ] {
            assert!(ports(text).is_err(), "{text}");
        }
    }
}
