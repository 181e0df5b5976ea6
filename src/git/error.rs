//! What can go wrong with a remote or a repository, in words for people.
//!
//! gix, libgit2 and git say the same thing in different ways and at different depths of a chain of
//! errors, so the kind of a failure is found by the words that all of them keep. Our own HTTP client
//! knows better, and says so.

use std::path::PathBuf;
use std::time::Duration;

use super::filter;
use super::network::Failure;

use crate::shell;

/// A failure: one reason for people, the whole chain for `-v`, and what to run next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct GitError {
    /// What kind of failure it is.
    pub cause: Cause,
    /// Lower case, no full stop.
    pub reason: String,
    /// Everything that was said, innermost last.
    pub detail: String,
    /// A command that mends it or shows more.
    pub command: Option<String>,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The lock that somebody else holds.
    pub lock: Option<PathBuf>,
}

/// The kinds of failure that call for different next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server wants a login, and there is none.
    Login,
    /// The server has refused the login that there is.
    LoginRefused,
    /// The server knows who asks, and says no.
    Forbidden,
    /// The server has no such repository, or hides it.
    NotFound,
    /// Nothing may connect to an address of that form.
    Address,
    /// The host's name means nothing to this machine.
    UnknownHost,
    /// Nothing listens there.
    Refused,
    /// No answer in time.
    Timeout,
    /// ssh does not know the host's key.
    HostKey,
    /// The host shows another key than the one that ssh knows.
    HostKeyChanged,
    /// The server's certificate is not trusted.
    Certificate,
    /// This machine has no way to that address.
    Unreachable,
    /// The proxy can't or won't pass a connection on.
    Proxy,
    /// What answers is no git server: a page of a proxy or of a login, noise.
    NotGit,
    /// Its objects have names that neither gix nor libgit2 knows.
    ObjectFormat,
    /// What came can't be what the server has.
    Damaged,
    /// The connection broke, or the server failed.
    Connection,
    /// The server says that it has too much to do (429, 503).
    Busy,
    /// The branch, tag or commit is not there.
    MissingReference,
    /// Files in the work tree are in the way.
    InTheWay,
    /// A file that git locks is locked.
    Locked,
    /// The clone is no longer what the decision was made on.
    Changed,
    /// A filter of the user's, such as Git LFS, can't make a file.
    Filter,
    /// No room on the disk.
    DiskFull,
    /// A folder of this machine may not be written.
    NotWritable,
    /// A program that git needs is missing.
    MissingProgram,
    /// Ctrl-C.
    Interrupted,
    /// Anything else.
    Other,
}

impl Cause {
    /// How often a request is sent, the first time included: again only where it may work a moment
    /// later. Who was silent for a minute is not given many more.
    pub fn tries(self) -> u32 {
        match self {
            Cause::Busy => 5,
            Cause::Connection => 3,
            Cause::Timeout => 2,
            _ => 1,
        }
    }

    /// Whether it may come from asking for too much at once.
    pub fn is_too_much(self) -> bool {
        matches!(self, Cause::Busy | Cause::Connection)
    }

    /// Whether a question to the user may help: who they are, or whether a host is the right one.
    pub fn is_worth_a_question(self) -> bool {
        matches!(self, Cause::Login | Cause::LoginRefused | Cause::HostKey)
    }
}

/// What to look for, in order: the first match wins, so the precise ones come first.
const SIGNS: &[(Cause, &[&str])] = &[
    // git, of a filter: what that one said comes before it, in words of any kind.
    (Cause::Filter, &["smudge filter ", "external filter '"]),
    (Cause::ObjectFormat, &["object format", "a hash sized 64"]),
    (
        Cause::HostKeyChanged,
        &["remote host identification has changed"],
    ),
    (Cause::HostKey, &["host key verification failed"]),
    (
        Cause::UnknownHost,
        &[
            "could not resolve host",
            "failed to lookup address",
            "name or service not known",
            "nodename nor servname",
            "no such host is known",
            "temporary failure in name resolution",
        ],
    ),
    (Cause::Refused, &["connection refused", "actively refused"]),
    (
        Cause::Unreachable,
        &[
            "network is unreachable",
            "no route to host",
            "host is unreachable",
        ],
    ),
    (Cause::Proxy, &["proxy"]),
    (
        Cause::NotGit,
        &[
            "header to indicate 'smart' protocol",
            "not valid: is this a git repository",
            "invalid server response",
        ],
    ),
    (
        Cause::Certificate,
        &[
            "certificate",
            "unknownissuer",
            "ssl verification",
            "tls handshake",
        ],
    ),
    (
        Cause::NotFound,
        &[
            "http status 404",
            "http status 410",
            "error: 404",
            "repository not found",
            "does not appear to be a git repository",
            "could not verify that",
            "not a git repository",
            "could not find repository",
            "failed to resolve path",
            // libgit2, of a path that is not there.
            "unsupported url protocol",
            "repository not exported",
            "project you were looking for could not be found",
            "access denied or repository not exported",
            "does not exist",
        ],
    ),
    (Cause::Forbidden, &["http status 403", "error: 403"]),
    (
        Cause::Login,
        &[
            "http status 401",
            "authentication failed",
            "authenticationrequired",
            "permission denied",
            "terminal prompts are disabled",
            "terminal prompts disabled",
            "could not read username",
            "credentials",
            "too many authentication failures",
        ],
    ),
    (Cause::Timeout, &["timed out", "timeout", "too slow"]),
    (
        Cause::DiskFull,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        Cause::MissingReference,
        &[
            "matched any of the",
            "remote branch",
            "no such ref",
            "didn't have any ref",
            "not our ref",
            "couldn't find remote ref",
        ],
    ),
    (
        Cause::Damaged,
        &[
            "bytes indicating the line length",
            "checksum",
            "corrupt",
            "inflate",
            "decompress",
            "bad line length",
            "zlib",
        ],
    ),
    (
        Cause::Busy,
        &[
            "http status 429",
            "http status 503",
            "error: 429",
            "error: 503",
        ],
    ),
    (
        Cause::Connection,
        &[
            "connection reset",
            "connection closed",
            "connection aborted",
            "broken pipe",
            "unexpected eof",
            "unexpected end of file",
            "early eof",
            "incomplete message",
            "connection was closed",
            "error decoding response body",
            "failed to fill whole buffer",
            "remote end hung up",
            "kex_exchange_identification",
            "http status 5",
            "error: 5",
            "error sending request",
        ],
    ),
];

impl GitError {
    /// Tells the kind of failure by what was said, and names the URL's host in the reason.
    pub(super) fn from_said(said: &[String], url: &str) -> Self {
        let detail = said.join(": ");
        let lower = detail.to_lowercase();
        let cause = SIGNS
            .iter()
            .find(|(_, signs)| signs.iter().any(|sign| lower.contains(sign)))
            .map_or(Cause::Other, |(cause, _)| *cause);
        GitError::of_kind(cause, said, url)
    }

    /// A failure of an HTTP request.
    pub(super) fn of_request(failure: &Failure, said: &[String], url: &str) -> Self {
        let mut error = GitError::of_kind(failure.cause, said, url);
        error.retry_after = failure.retry_after;
        match failure.cause {
            Cause::Login | Cause::LoginRefused => {
                let host = super::url::host(url).unwrap_or("the server");
                error.reason = format!("{host} {}", failure.what);
            }
            Cause::Address | Cause::Other => error.reason.clone_from(&failure.what),
            _ => {}
        }
        error
    }

    /// A failure of a kind that is known, in words for people; names the URL's host.
    pub(super) fn of_kind(cause: Cause, said: &[String], url: &str) -> Self {
        let shown = |text: &str| super::url::without_passwords(text);
        GitError {
            cause,
            reason: shown(&reason(cause, said, url)),
            detail: shown(&said.join(": ")),
            command: command(cause, url),
            retry_after: None,
            lock: None,
        }
    }

    pub(super) fn new(cause: Cause, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        GitError {
            cause,
            detail: reason.clone(),
            reason,
            command: None,
            retry_after: None,
            lock: None,
        }
    }

    /// Two paths of a commit are one on this file system.
    pub(super) fn collision(path: &impl std::fmt::Display) -> Self {
        let reason = format!("`{path}` collides with a path that differs only in case");
        GitError::new(Cause::InTheWay, reason)
    }

    /// Files of the user's are where others are to be.
    pub(super) fn in_the_way(paths: &[String]) -> Self {
        const SHOWN: usize = 3;
        let mut shown: Vec<String> = paths
            .iter()
            .take(SHOWN)
            .map(|path| format!("`{path}`"))
            .collect();
        if paths.len() > SHOWN {
            shown.push(format!("{} more", paths.len() - SHOWN));
        }
        let (verb, them) = if paths.len() == 1 {
            ("is", "it")
        } else {
            ("are", "them")
        };
        let shown = shown.join(", ");
        let reason = format!("{shown} {verb} in the way: move {them} away");
        GitError::new(Cause::InTheWay, reason)
    }

    pub(super) fn interrupted() -> Self {
        GitError::new(Cause::Interrupted, "interrupted")
    }
}

fn reason(cause: Cause, said: &[String], url: &str) -> String {
    let host = super::url::host(url).unwrap_or("the server");
    match cause {
        Cause::Login if super::url::is_ssh(url) => format!("{host} accepts none of your ssh keys"),
        Cause::Login => format!("{host} wants a login"),
        Cause::LoginRefused => format!("{host} refuses the login"),
        Cause::Forbidden => {
            format!("{host} knows your login, and does not let it read this repository")
        }
        Cause::NotFound if super::url::is_local(url) => {
            format!("no git repository at {url}: check its address")
        }
        Cause::NotFound => format!("{host} has no such repository, or not for you"),
        Cause::UnknownHost => {
            format!("the host {host} is not known: check the network, the VPN and the `url`")
        }
        Cause::Refused => format!("{host} refuses the connection"),
        Cause::Timeout => {
            format!("{host} does not answer in time: check the network and the VPN")
        }
        Cause::Unreachable => format!("there is no way to {host}: check the network and the VPN"),
        Cause::Proxy => format!(
            "the proxy does not pass on to {host}: check `http.proxy`, `https_proxy` and `no_proxy`"
        ),
        Cause::NotGit => format!(
            "{host} answers, and not as a git server does: check the `url`, the VPN and the proxy"
        ),
        Cause::ObjectFormat => {
            "its objects have SHA-256 names, and fitout reads SHA-1 only: leave it to `git`, \
             with `skip = true` for it in workspace.local.toml"
                .to_owned()
        }
        Cause::Damaged => {
            format!("what {host} sent is damaged: a proxy in between, or the repository itself")
        }
        Cause::Busy => format!("{host} has too much to do, also when asked again later"),
        Cause::HostKey => format!("the ssh key of {host} is not known here"),
        Cause::HostKeyChanged => format!(
            "the ssh key of {host} is not the one in known_hosts: the server has a new one, or \
             somebody is in between"
        ),
        Cause::Certificate => format!("the certificate of {host} is not trusted"),
        Cause::Connection => format!("the connection to {host} broke, also when tried again"),
        Cause::DiskFull => "no room left on the disk".to_owned(),
        Cause::Filter => filter::reason(said),
        Cause::MissingReference => "the remote has no such branch, tag or commit".to_owned(),
        Cause::Address
        | Cause::InTheWay
        | Cause::Locked
        | Cause::Changed
        | Cause::NotWritable
        | Cause::MissingProgram
        | Cause::Interrupted
        | Cause::Other => said
            .last()
            .map_or_else(|| "git failed".to_owned(), Clone::clone),
    }
}

fn command(cause: Cause, url: &str) -> Option<String> {
    let ssh = || {
        let destination = super::url::ssh_destination(url);
        format!("ssh -T {}", shell::words(&destination))
    };
    let host = shell::word(super::url::host(url).unwrap_or_default());
    Some(match cause {
        Cause::Login if super::url::is_ssh(url) => ssh(),
        Cause::HostKey => ssh(),
        Cause::NotFound if super::url::is_local(url) => return None,
        Cause::ObjectFormat | Cause::Address => return None,
        Cause::HostKeyChanged => {
            format!("ssh-keygen -R {host}   # only when its owner says that the key is new")
        }
        Cause::Certificate => "git config --global http.sslCAInfo PATH_OF_THE_CA".to_owned(),
        Cause::Proxy => "git config --show-origin --get-regexp '[.]proxy$'".to_owned(),
        Cause::DiskFull => "df -h .".to_owned(),
        Cause::Filter => {
            "GIT_LFS_SKIP_SMUDGE=1 fitout sync   # leaves pointers in the place of such files"
                .to_owned()
        }
        _ if url.is_empty() => return None,
        _ => {
            let url = super::url::without_password(url);
            format!("git ls-remote {}", shell::word(&url))
        }
    })
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        match error.message() {
            said if said.contains("object format") => {
                GitError::of_kind(Cause::ObjectFormat, &[said.to_owned()], "")
            }
            said => GitError::new(Cause::Other, said),
        }
    }
}

impl From<std::io::Error> for GitError {
    fn from(error: std::io::Error) -> Self {
        let cause = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Cause::DiskFull,
            _ => Cause::Other,
        };
        GitError::new(cause, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_failure_is_known_by_what_gix_ssh_and_git_say() {
        let https = "https://user:secret@git.example/acme/web.git";
        let ssh = "git@git.example:acme/web.git";
        let cases = [
            (
                ssh,
                "git@git.example: Permission denied (publickey).",
                Cause::Login,
            ),
            (ssh, "Host key verification failed.", Cause::HostKey),
            (
                ssh,
                "ssh: Could not resolve hostname git.example: Name or service not known",
                Cause::UnknownHost,
            ),
            (
                ssh,
                "ssh: connect to host git.example port 22: Connection refused",
                Cause::Refused,
            ),
            (
                ssh,
                "ssh: connect to host git.example port 22: Connection timed out",
                Cause::Timeout,
            ),
            (ssh, "ERROR: Repository not found.", Cause::NotFound),
            (https, "Received HTTP status 404 Not Found", Cause::NotFound),
            (https, "Terminal prompts are disabled", Cause::Login),
            (
                https,
                "fatal: could not read Username for 'https://git.example': terminal prompts disabled",
                Cause::Login,
            ),
            (
                https,
                "Received HTTP status 429 Too Many Requests",
                Cause::Busy,
            ),
            (
                https,
                "Received HTTP status 503 Service Unavailable",
                Cause::Busy,
            ),
            (
                https,
                "invalid peer certificate: UnknownIssuer",
                Cause::Certificate,
            ),
            (https, "fatal: early EOF", Cause::Connection),
            (
                https,
                "No space left on device (os error 28)",
                Cause::DiskFull,
            ),
            (https, "something new", Cause::Other),
        ];
        for (url, said, cause) in cases {
            let error = GitError::from_said(&[said.to_owned()], url);
            assert_eq!(error.cause, cause, "{said}");
            let told = format!("{error} {:?}", error.command);
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
