//! Errors of remotes and repositories, with readable messages.
//!
//! The kind of an error is determined by its type ([`types`]) or, for external programs, by their
//! own messages ([`words`]). Messages from the other side are shown, but never used for
//! classification, and neither are URLs.

mod types;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::filter;
use super::network::{LIMIT, RemoteFailure};

use crate::error::{Classified, Kind};
use crate::shell;

/// A failure: a readable reason, the full chain for `-v`, and what to run next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct GitError {
    /// What kind of failure it is.
    pub cause: Cause,
    /// Lower case, no full stop.
    pub reason: String,
    /// All messages, innermost last.
    pub detail: String,
    /// A command that fixes it or shows more.
    pub command: Option<String>,
    /// When the server wants the request to be retried.
    pub retry_after: Option<Duration>,
    /// The lock that another program holds.
    pub lock: Option<PathBuf>,
}

impl Classified for GitError {
    fn kind(&self) -> Kind {
        match self.cause {
            Cause::Interrupted => Kind::Interrupted,
            _ => Kind::Failed,
        }
    }
}

/// The kinds of failure, by what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server refuses, with a message of its own.
    Refusal,
    /// The server requires a login, and there is none.
    Login,
    /// The server has rejected the login.
    LoginRefused,
    /// The server accepts the login, but denies access.
    Forbidden,
    /// The server has no such repository, or hides it.
    NotFound,
    /// URLs of that form are not allowed.
    Address,
    /// The host's name can't be resolved.
    UnknownHost,
    /// The connection was refused.
    Refused,
    /// No answer in time.
    Timeout,
    /// ssh does not know the host's key.
    HostKey,
    /// The host's key differs from the known one.
    HostKeyChanged,
    /// The server's certificate is not trusted.
    Certificate,
    /// The address is unreachable.
    Unreachable,
    /// The proxy can't or won't connect.
    Proxy,
    /// The answer is not from a git server: a page of a proxy or a login form, or noise.
    NotGit,
    /// It uses an object format that neither gix nor libgit2 supports.
    ObjectFormat,
    /// The server exceeds the limit on data before a pack.
    Oversized,
    /// The received data is corrupt.
    Damaged,
    /// The connection broke, or the server failed.
    Connection,
    /// The server is overloaded (429, 503).
    Busy,
    /// The branch, tag or commit doesn't exist.
    MissingReference,
    /// It exists, but is not a commit.
    NotACommit,
    /// It belongs to another user of this machine, and is not in `safe.directory`.
    Owner,
    /// git only accepts signed commits, and this is not one.
    Unsigned,
    /// Files are on a different file system than the clone's `.git`.
    OtherFileSystem,
    /// Files in the work tree are in the way.
    InTheWay,
    /// A lock file exists.
    Locked,
    /// The clone has changed since the decision.
    Changed,
    /// A filter of the user's, such as Git LFS, failed.
    Filter,
    /// The disk is full.
    DiskFull,
    /// A local folder is not writable.
    NotWritable,
    /// A program that git needs is missing.
    MissingProgram,
    /// Ctrl-C.
    Interrupted,
    /// Anything else.
    Other,
}

/// The messages of one connection's ssh and of the server, separately.
#[derive(Clone, Debug, Default)]
pub(super) struct SshSaid {
    /// The messages of ssh itself; none if this ssh doesn't support a log file.
    pub own: Option<Vec<String>>,
    /// Messages from the server, and from the ssh of a jump host.
    pub others: Vec<String>,
}

impl SshSaid {
    fn lines(&self) -> Vec<String> {
        let own = self.own.iter().flatten();
        own.chain(&self.others).cloned().collect()
    }

    /// Returns why ssh failed.
    fn cause(&self) -> Option<Cause> {
        let Some(own) = &self.own else {
            // Other kinds of ssh mix both.
            return words::of_ssh(&self.others);
        };
        // If the connection failed, the server has not sent anything yet, but the ssh of a jump
        // host may have.
        let on_the_way = words::is_before_login(own).then_some(&self.others);
        let jump = on_the_way.and_then(|lines| words::of_ssh(lines));
        jump.or_else(|| words::of_ssh(own))
    }
}

impl Cause {
    /// The number of attempts, including the first: only errors that may be transient are retried.
    /// A server that was silent for a minute is not retried often.
    pub fn tries(self) -> u32 {
        match self {
            Cause::Busy => 5,
            // The other program may have made the same change.
            Cause::Connection | Cause::Changed => 3,
            Cause::Timeout => 2,
            _ => 1,
        }
    }

    /// Whether only a remote, or the connection to it, can cause this error, and not a local clone.
    pub(super) fn is_of_a_remote(self) -> bool {
        match self {
            Cause::Refusal
            | Cause::Login
            | Cause::LoginRefused
            | Cause::Forbidden
            | Cause::NotFound
            | Cause::Address
            | Cause::UnknownHost
            | Cause::Refused
            | Cause::Timeout
            | Cause::HostKey
            | Cause::HostKeyChanged
            | Cause::Certificate
            | Cause::Unreachable
            | Cause::Proxy
            | Cause::NotGit
            | Cause::Oversized
            | Cause::Damaged
            | Cause::Connection
            | Cause::Busy
            | Cause::MissingReference => true,
            Cause::ObjectFormat
            | Cause::NotACommit
            | Cause::Owner
            | Cause::Unsigned
            | Cause::OtherFileSystem
            | Cause::InTheWay
            | Cause::Locked
            | Cause::Changed
            | Cause::Filter
            | Cause::DiskFull
            | Cause::NotWritable
            | Cause::MissingProgram
            | Cause::Interrupted
            | Cause::Other => false,
        }
    }

    /// Whether it may be caused by too many concurrent requests.
    pub fn is_too_much(self) -> bool {
        matches!(self, Cause::Busy | Cause::Connection)
    }

    /// Whether prompting the user may help: for a login, or to confirm a host.
    pub fn is_worth_a_question(self) -> bool {
        matches!(self, Cause::Login | Cause::LoginRefused | Cause::HostKey)
    }
}

impl GitError {
    /// Converts an error of gix, for a connection that may use the user's ssh.
    pub(super) fn of_gix(error: &gix::Error, ssh: &SshSaid, url: &str) -> Self {
        let mut said = ssh.lines();
        for part in error.iter_errors() {
            let part = part.to_string();
            if said.last() != Some(&part) {
                said.push(part);
            }
        }
        let refused = types::refusal(error);
        let cause = match refused {
            Some(_) => Some(Cause::Refusal),
            None => ssh.cause().or_else(|| types::of(error, url)),
        };
        said.extend(refused);
        let cause = cause.unwrap_or(Cause::Other);
        // The innermost part may be an OS error without a path.
        let is_local = url.is_empty() && (cause == Cause::Other || cause.is_of_a_remote());
        if is_local {
            said = vec![said.join(": ")];
        }
        GitError::of_kind(cause, &said, url)
    }

    /// Converts an error of git, and of the ssh that it started.
    pub(super) fn of_git(lines: &[String], ssh: &SshSaid, url: &str) -> Self {
        let cause = ssh.cause().or_else(|| words::of_git(lines));
        let refused = lines
            .iter()
            .find_map(|line| line.strip_prefix("remote error: "));
        if let Some(found) = words::of_fsck(lines) {
            let reason = format!("git refuses the fetched objects (`fsckObjects`): {found}");
            return GitError {
                detail: lines.join(": "),
                ..GitError::new(Cause::Damaged, reason)
            };
        }
        if let Some(found) = words::of_signature(lines) {
            let reason =
                format!("git only accepts signed commits (`merge.verifySignatures`): {found}");
            return GitError::new(Cause::Unsigned, reason);
        }
        if let Some(path) = words::of_owner(lines) {
            return GitError::owner(Path::new(path));
        }
        let mut said = [ssh.lines(), lines.to_vec()].concat();
        said.extend(refused.map(str::to_owned));
        let words = lines
            .iter()
            .filter_map(|line| line.strip_prefix("remote: "));
        let words: Vec<String> = words.map(|line| line.trim().to_owned()).collect();
        GitError::of_kind(cause.unwrap_or(Cause::Other), &said, url).saying(&words, url)
    }

    /// Converts an error of libgit2 for a local repository.
    pub(super) fn of_libgit2(error: git2::Error, url: &str) -> Self {
        let said = [error.message().to_owned()];
        let code = error.code();
        match GitError::from(error) {
            error if matches!(code, git2::ErrorCode::Locked | git2::ErrorCode::Modified) => {
                GitError::of_kind(Cause::Changed, &[error.detail], url)
            }
            error if error.cause == Cause::Other && types::is_missing(url) => {
                GitError::of_kind(Cause::NotFound, &said, url)
            }
            error => error,
        }
    }

    /// Converts a failed HTTP request.
    pub(super) fn of_request(failure: &RemoteFailure, said: &[String], url: &str) -> Self {
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
        error.saying(&failure.words, url)
    }

    /// Adds the server's message, if the server failed or refused.
    #[must_use]
    pub(super) fn saying(mut self, words: &[String], url: &str) -> Self {
        if words.is_empty() {
            return self;
        }
        let words = super::url::without_passwords(&words.join("; "));
        match self.cause {
            Cause::Connection => {
                let host = super::url::host(url).unwrap_or("the server");
                self.reason = format!("{host} failed: {words}");
            }
            Cause::Forbidden | Cause::LoginRefused | Cause::NotFound | Cause::Busy => {
                self.reason = format!("{}; the server says: {words}", self.reason);
            }
            _ => {}
        }
        self
    }

    /// Creates an error of a known kind, with a message that includes the URL's host. Without a
    /// URL, no remote was involved.
    pub(super) fn of_kind(cause: Cause, said: &[String], url: &str) -> Self {
        let cause = match cause {
            cause if url.is_empty() && cause.is_of_a_remote() => Cause::Other,
            cause => cause,
        };
        let shown = |text: &str| super::url::without_passwords(text);
        GitError {
            cause,
            reason: shown(&reason(cause, said, url)),
            detail: shown(&said.join(": ")),
            command: command(cause, said, url),
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

    /// Two paths of a commit are the same on this file system.
    pub(super) fn collision(path: &impl std::fmt::Display) -> Self {
        let reason = format!("`{path}` collides with a path that differs only in case");
        GitError::new(Cause::InTheWay, reason)
    }

    /// The user's files are in the way.
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

    /// A repository belongs to another user of this machine.
    pub(super) fn owner(path: &Path) -> Self {
        let shown = path.display();
        GitError {
            command: Some(format!("git {}", shell::trusting(path))),
            ..GitError::new(
                Cause::Owner,
                format!("`{shown}` belongs to another user of this machine"),
            )
        }
    }

    pub(super) fn interrupted() -> Self {
        GitError::new(Cause::Interrupted, "interrupted")
    }
}

fn reason(cause: Cause, said: &[String], url: &str) -> String {
    let host = super::url::host(url).unwrap_or("the server");
    match cause {
        Cause::Login if super::url::is_ssh(url) => format!("{host} accepts none of your ssh keys"),
        Cause::Login => format!("{host} requires a login"),
        Cause::LoginRefused => format!("{host} rejects the login"),
        Cause::Forbidden => {
            format!("{host} doesn't let your login read this repository")
        }
        Cause::Refusal => {
            let words = said.last().map(String::as_str).unwrap_or_default();
            format!("{host} refuses: {}", words.trim())
        }
        Cause::NotFound if super::url::is_local(url) => {
            format!("no git repository at {url}: check the URL")
        }
        Cause::NotFound => format!("{host} has no such repository, or you don't have access to it"),
        Cause::UnknownHost => {
            format!("can't resolve the host {host}: check the network, the VPN and the `url`")
        }
        Cause::Refused => format!("{host} refuses the connection"),
        Cause::Timeout => {
            format!("{host} did not answer in time: check the network and the VPN")
        }
        Cause::Unreachable => format!("{host} is unreachable: check the network and the VPN"),
        Cause::Proxy => format!(
            "the proxy can't connect to {host}: check `http.proxy`, `https_proxy` and `no_proxy`"
        ),
        Cause::NotGit => format!(
            "{host} doesn't answer like a git server: check the `url`, the VPN and the proxy"
        ),
        Cause::ObjectFormat => {
            "it uses SHA-256 object names, which only `git` can read: install git".to_owned()
        }
        Cause::Oversized => format!(
            "{url} lists more than {LIMIT} MiB of capabilities and references, which is fitout's limit"
        ),
        Cause::Damaged => {
            format!("{host} sent damaged data: the cause may be a proxy, or the repository itself")
        }
        Cause::Busy => format!("{host} is overloaded, even after retries"),
        Cause::HostKey => format!("the ssh host key of {host} is not known here"),
        Cause::HostKeyChanged => format!(
            "the ssh host key of {host} is not the one in known_hosts: the server has a new key, or someone is intercepting the connection"
        ),
        Cause::Certificate => format!("the certificate of {host} is not trusted"),
        Cause::Connection => format!("the connection to {host} broke, even after retries"),
        Cause::DiskFull => "no space left on the disk".to_owned(),
        Cause::Filter => filter::reason(said),
        Cause::MissingReference => "the remote has no such branch, tag or commit".to_owned(),
        // The caller has already described it.
        _ => said
            .last()
            .map_or_else(|| "git failed".to_owned(), Clone::clone),
    }
}

fn command(cause: Cause, said: &[String], url: &str) -> Option<String> {
    let ssh = || {
        let destination = super::url::ssh_destination(url);
        format!("ssh -T {}", shell::words(&destination))
    };
    let host = shell::word(super::url::host(url).unwrap_or_default());
    Some(match cause {
        Cause::Login if super::url::is_ssh(url) => ssh(),
        Cause::HostKey => ssh(),
        Cause::NotFound if super::url::is_local(url) => return None,
        Cause::Filter if filter::is_lfs(said) => {
            "GIT_LFS_SKIP_SMUDGE=1 fitout sync   # leaves pointers instead of such files".to_owned()
        }
        Cause::ObjectFormat | Cause::Address | Cause::Filter => return None,
        Cause::HostKeyChanged => {
            format!("ssh-keygen -R {host}   # only if its owner confirms the new key")
        }
        Cause::Certificate => "git config --global http.sslCAInfo PATH_OF_THE_CA".to_owned(),
        Cause::Proxy => "git config --show-origin --get-regexp '[.]proxy$'".to_owned(),
        Cause::DiskFull => "df -h .".to_owned(),
        _ if url.is_empty() => return None,
        Cause::Oversized => {
            let url = super::url::without_password(url);
            format!(
                "git ls-remote {} | head   # shows the references",
                shell::word(&url)
            )
        }
        _ => {
            let url = super::url::without_password(url);
            format!("git ls-remote {}", shell::word(&url))
        }
    })
}

impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        match error.message() {
            // libgit2's own messages: `unknown object format 'sha256'`, or for the extension with
            // that name.
            said if said.starts_with("unknown object format")
                || said.starts_with("unsupported extension name extensions.objectformat") =>
            {
                GitError::of_kind(Cause::ObjectFormat, &[said.to_owned()], "")
            }
            // It has no OS error code, only its message at the end.
            said if said.ends_with(": No space left on device")
                || said.ends_with(": Disk quota exceeded") =>
            {
                GitError::of_kind(Cause::DiskFull, &[said.to_owned()], "")
            }
            said => GitError::new(Cause::Other, said),
        }
    }
}

impl From<std::io::Error> for GitError {
    fn from(error: std::io::Error) -> Self {
        let cause = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Cause::DiskFull,
            std::io::ErrorKind::CrossesDevices => Cause::OtherFileSystem,
            _ => Cause::Other,
        };
        GitError::of_kind(cause, &[error.to_string()], "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_git_says_has_a_kind_and_what_others_say_through_it_has_none() {
        let url = "https://user:secret@git.example/acme/web.git";
        let at = |rest: &str| format!("unable to access 'https://proxy.example/404/': {rest}");
        let cases = [
            (at("The requested URL returned error: 404"), Cause::NotFound),
            (at("The requested URL returned error: 403"), Cause::Forbidden),
            (at("The requested URL returned error: 503"), Cause::Busy),
            (at("The requested URL returned error: 500"), Cause::Connection),
            (at("Could not resolve host: timeout.example"), Cause::UnknownHost),
            (at("Could not resolve proxy: p.example"), Cause::Proxy),
            (
                at("Failed to connect to proxy.example port 443 after 0 ms: Couldn't connect to server"),
                Cause::Refused,
            ),
            (at("SSL certificate problem: self-signed certificate"), Cause::Certificate),
            (at("Operation too slow. Less than 1 bytes/sec"), Cause::Timeout),
            (at("CONNECT tunnel failed, response 403"), Cause::Proxy),
            (
                "could not read Username for 'https://certificate.example': terminal prompts disabled"
                    .to_owned(),
                Cause::Login,
            ),
            (
                "'/srv/edge-proxy.git' does not appear to be a git repository\n\
                 Could not read from remote repository."
                    .to_owned(),
                Cause::NotFound,
            ),
            ("repository 'https://x/certificates.git/' not found".to_owned(), Cause::NotFound),
            ("couldn't find remote ref refs/heads/timeout".to_owned(), Cause::MissingReference),
            (
                "Remote branch no space left on device not found in upstream origin".to_owned(),
                Cause::MissingReference,
            ),
            ("remote error: repository not found: proxy timed out".to_owned(), Cause::Refusal),
            (
                "remote error: no\nfatal: unable to access 'x': SSL certificate problem".to_owned(),
                Cause::Refusal,
            ),
            (
                "remote: SSL certificate problem: proxy\nearly EOF".to_owned(),
                Cause::Connection,
            ),
            (
                "host[0: 127.0.0.1]: errno=Connection refused".to_owned(),
                Cause::Refused,
            ),
            (
                "write error: No space left on device".to_owned(),
                Cause::DiskFull,
            ),
            (
                "cannot lock ref 'refs/remotes/origin/main': is at 12ab but expected 34cd".to_owned(),
                Cause::Changed,
            ),
            (
                "cannot lock ref 'refs/tags/v1': reference already exists".to_owned(),
                Cause::Changed,
            ),
            (
                "cannot lock ref 'refs/remotes/origin/main': Unable to create \
                 '/ws/web/.git/refs/remotes/origin/main.lock': File exists."
                    .to_owned(),
                Cause::Changed,
            ),
            (
                "cannot lock ref 'refs/remotes/origin/x/y': 'refs/remotes/origin/x' exists; cannot create \
                 'refs/remotes/origin/x/y'"
                    .to_owned(),
                Cause::Other,
            ),
            ("certificate proxy timeout 404 denied corrupt".to_owned(), Cause::Other),
        ];
        for (said, cause) in cases {
            let error = GitError::of_git(&lines(&said), &SshSaid::default(), url);
            assert_eq!(error.cause, cause, "{said}");
            let told = format!("{error} {:?}", error.command);
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn without_a_url_no_remote_is_to_blame() {
        let words = "repository 'x' not found";
        let error = GitError::of_git(&lines(words), &SshSaid::default(), "");
        assert_eq!((error.cause, error.reason.as_str()), (Cause::Other, words));
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = GitError::from(full);
        assert_eq!(error.reason, "no space left on the disk");
        assert_eq!(error.command.as_deref(), Some("df -h ."));
    }

    #[test]
    fn ssh_is_believed_and_the_server_behind_it_is_not() {
        let url = "git@git.example:acme/web.git";
        let own = [
            ("git@host: Permission denied (publickey).", Cause::Login),
            ("Host key verification failed.", Cause::HostKey),
            (
                "ssh: Could not resolve hostname timeout: Name or service not known",
                Cause::UnknownHost,
            ),
            (
                "ssh: connect to host proxy port 22: Connection refused",
                Cause::Refused,
            ),
            (
                "ssh: connect to host denied port 22: Connection timed out",
                Cause::Timeout,
            ),
            (
                "ssh: connect to host 404 port 22: No route to host",
                Cause::Unreachable,
            ),
            (
                "Connection to host closed by remote host.",
                Cause::Connection,
            ),
            (
                "@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n\
                 Host key verification failed.",
                Cause::HostKeyChanged,
            ),
        ];
        for (words, cause) in own {
            let of_ssh = SshSaid {
                own: Some(lines(words)),
                others: lines("Host key verification failed."),
            };
            assert_eq!(of_ssh.cause(), Some(cause), "{words}");
            let of_server = SshSaid {
                own: Some(Vec::new()),
                others: lines(words),
            };
            assert_eq!(of_server.cause(), None, "{words}");
            let said = lines("Could not read from remote repository.");
            let error = GitError::of_git(&said, &of_server, url);
            assert_eq!(error.cause, Cause::NotFound, "{words}");
        }
        let at_a_jump_host = SshSaid {
            own: Some(lines(
                "kex_exchange_identification: Connection closed by remote host",
            )),
            others: lines("Host key verification failed."),
        };
        assert_eq!(at_a_jump_host.cause(), Some(Cause::HostKey));
    }
}
