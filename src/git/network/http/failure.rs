//! Classifies failed HTTP requests: errors of ureq, and statuses.
//!
//! ureq has its own error messages, and gix wraps them before they are returned. So errors are
//! classified here, where the type is known, and the result is kept next to the error.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use ureq::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{HeaderMap, StatusCode};

use super::super::super::error::Cause;

/// A kind of failure, and when the server allows a retry.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub(in crate::git) struct RemoteFailure {
    pub(in crate::git) cause: Cause,
    /// Lower case, no full stop.
    pub(in crate::git) what: String,
    /// `Retry-After`.
    pub(in crate::git) retry_after: Option<Duration>,
    /// The server's message, line by line.
    pub(in crate::git) words: Vec<String>,
}

impl RemoteFailure {
    pub(in crate::git::network) fn new(cause: Cause, what: impl Into<String>) -> Self {
        RemoteFailure {
            cause,
            what: what.into(),
            retry_after: None,
            words: Vec::new(),
        }
    }

    /// Classifies a socket error; returns none if only its message is known.
    pub(in crate::git) fn of(error: &io::Error) -> Option<Self> {
        of(error)
    }
}

/// Creates an error of this kind.
pub(super) fn error(cause: Cause, what: impl Into<String>) -> io::Error {
    io::Error::other(RemoteFailure::new(cause, what))
}

/// Classifies a status that is neither success nor 401. A plain text body is a message for the
/// user, as in git.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: impl Read) -> io::Error {
    let cause = match status.as_u16() {
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        429 | 503 => Cause::Busy,
        407 => Cause::Proxy,
        408 | 500..=599 => Cause::Connection,
        _ => Cause::NotGit,
    };
    let mut failure = RemoteFailure::new(cause, format!("HTTP status {}", status.as_u16()));
    failure.retry_after = headers
        .get(RETRY_AFTER)
        .and_then(|value| delay(value.to_str().ok()?, SystemTime::now()));
    let kind = headers.get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain")) {
        failure.words = words(body);
    }
    io::Error::other(failure)
}

fn words(body: impl Read) -> Vec<String> {
    /// A longer one is not a message.
    const MOST_BYTES: u64 = 2048;
    const MOST_LINES: usize = 4;
    let mut bytes = Vec::new();
    // Text before an error is worth showing too.
    let _ = body.take(MOST_BYTES).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(MOST_LINES).map(str::to_owned).collect()
}

/// Parses `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    match value.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value)
            .ok()
            .map(|date| date.duration_since(now).unwrap_or_default()),
    }
}

/// Returns the failure behind an error of a request or of reading its answer; none if only its
/// message is known.
pub(super) fn of(error: &io::Error) -> Option<RemoteFailure> {
    let inner = error.get_ref();
    if let Some(failure) = inner.and_then(|inner| inner.downcast_ref::<RemoteFailure>()) {
        return Some(failure.clone());
    }
    let cause = match inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        Some(error) => of_ureq(error)?,
        None => of_io(error)?,
    };
    Some(match cause {
        Cause::Login => {
            RemoteFailure::new(cause, "requires a client certificate: see `http.sslCert`")
        }
        cause => RemoteFailure::new(cause, error.to_string()),
    })
}

fn of_ureq(error: &ureq::Error) -> Option<Cause> {
    use ureq::Error;
    Some(match error {
        Error::HostNotFound => Cause::UnknownHost,
        Error::Timeout(_) => Cause::Timeout,
        Error::ConnectionFailed => Cause::Refused,
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => Cause::Proxy,
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) | Error::TlsRequired => Cause::Certificate,
        Error::Protocol(_) | Error::LargeResponseHeader(..) => Cause::NotGit,
        Error::BodyStalled => Cause::Connection,
        Error::Io(error) => return of_io(error),
        _ => return None,
    })
}

fn of_io(error: &io::Error) -> Option<Cause> {
    use io::ErrorKind;
    Some(match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Cause::Timeout,
        ErrorKind::ConnectionRefused => Cause::Refused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Cause::Connection,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Cause::Unreachable
        }
        ErrorKind::InvalidData => of_tls(&error.to_string()),
        // std's message for an error without a kind.
        _ if error
            .to_string()
            .starts_with("failed to lookup address information: ") =>
        {
            Cause::UnknownHost
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Cause::DiskFull,
        _ => return None,
    })
}

/// rustls's errors are passed through a socket as messages: first the error, then the subject.
fn of_tls(words: &str) -> Cause {
    if words.starts_with("received fatal alert: CertificateRequired") {
        Cause::Login
    } else if words.starts_with("invalid peer certificate: ")
        || words.starts_with("no server certificate chain resolved")
        || words.starts_with("peer sent no certificates")
        || words.starts_with("received fatal alert: ") && words.contains("Certificate")
    {
        Cause::Certificate
    } else {
        Cause::NotGit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_in_seconds_or_with_a_date_when_to_come_back() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let cases = [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(
                delay(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
    }

    #[test]
    fn each_kind_of_error_is_known_also_inside_of_another() {
        let cases = [
            (
                ureq::Error::HostNotFound.into_io(),
                Some(Cause::UnknownHost),
            ),
            (
                ureq::Error::Timeout(ureq::Timeout::PerRead).into_io(),
                Some(Cause::Timeout),
            ),
            (
                io::Error::from(io::ErrorKind::UnexpectedEof),
                Some(Cause::Connection),
            ),
            (
                ureq::Error::ConnectProxyFailed("407".to_owned()).into_io(),
                Some(Cause::Proxy),
            ),
            (error(Cause::NotGit, "garbage"), Some(Cause::NotGit)),
            (io::Error::other("words"), None),
        ];
        for (error, cause) in cases {
            assert_eq!(of(&error).map(|failure| failure.cause), cause, "{error}");
        }
    }
}
