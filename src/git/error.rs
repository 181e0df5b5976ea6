//! What can go wrong with a remote or a repository, in words for people.
//!
//! What kind of failure it was, the types of errors say ([`types`]); for programs, words of their own
//! ([`words`]). What the other side says is shown, and decides nothing; nor does an address.

mod types;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::filter;
use super::network::{LIMIT, RemoteFailure};

use crate::error::{Classified, Kind};
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
    /// A command that fixes it or shows more.
    pub command: Option<String>,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The lock that somebody else holds.
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

/// The kinds of failure that call for different next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server says no, in words of its own.
    Refusal,
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
    /// It says more than is read of a server before a pack.
    Oversized,
    /// What came can't be what the server has.
    Damaged,
    /// The connection broke, or the server failed.
    Connection,
    /// The server says that it has too much to do (429, 503).
    Busy,
    /// The branch, tag or commit is not there.
    MissingReference,
    /// It is there, and is no commit.
    NotACommit,
    /// It belongs to another user of this machine, whom git was not told to trust.
    Owner,
    /// git takes signed commits only, and this is none.
    Unsigned,
    /// Files are on another file system than the clone's `.git`.
    OtherFileSystem,
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

/// What the ssh of one connection and the server behind it said, each for itself.
#[derive(Clone, Debug, Default)]
pub(super) struct SshSaid {
    /// Its own words; none where it is an ssh that keeps no log of them.
    pub own: Option<Vec<String>>,
    /// What came from the server, and from the ssh of a jump host.
    pub others: Vec<String>,
}

impl SshSaid {
    fn lines(&self) -> Vec<String> {
        let own = self.own.iter().flatten();
        own.chain(&self.others).cloned().collect()
    }

    /// Why it could not do its part.
    fn cause(&self) -> Option<Cause> {
        let Some(own) = &self.own else {
            // An ssh of another kind mixes both.
            return words::of_ssh(&self.others);
        };
        // Where the way there broke, no server has said anything yet, but the ssh of a jump host may have.
        let on_the_way = words::is_before_login(own).then_some(&self.others);
        let jump = on_the_way.and_then(|lines| words::of_ssh(lines));
        jump.or_else(|| words::of_ssh(own))
    }
}

impl Cause {
    /// How often a request is sent, the first time included: again only where it may work a moment
    /// later. Who was silent for a minute is not given many more.
    pub fn tries(self) -> u32 {
        match self {
            Cause::Busy => 5,
            // Who has changed a ref meanwhile may have wanted the same.
            Cause::Connection | Cause::Changed => 3,
            Cause::Timeout => 2,
            _ => 1,
        }
    }

    /// Whether it is something that a remote, or the way there, can do and a clone on this machine can't.
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

    /// Whether it may come from asking for too much at once.
    pub fn is_too_much(self) -> bool {
        matches!(self, Cause::Busy | Cause::Connection)
    }

    /// Whether a question to the user may help: who they are, or whether a host is the right one.
    pub fn is_worth_a_question(self) -> bool {
        matches!(self, Cause::Login | Cause::LoginRefused | Cause::HostKey)
    }
}

impl GitError {
    /// A failure that gix reports, of a server that the user's ssh may have been asked for.
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
        // The innermost part may be what the system says, without a name.
        let is_local = url.is_empty() && (cause == Cause::Other || cause.is_of_a_remote());
        if is_local {
            said = vec![said.join(": ")];
        }
        GitError::of_kind(cause, &said, url)
    }

    /// A failure that git reports, and the ssh that it started.
    pub(super) fn of_git(lines: &[String], ssh: &SshSaid, url: &str) -> Self {
        let cause = ssh.cause().or_else(|| words::of_git(lines));
        let refused = lines
            .iter()
            .find_map(|line| line.strip_prefix("remote error: "));
        if let Some(found) = words::of_fsck(lines) {
            let reason = format!("git refuses what came (`fsckObjects`): {found}");
            return GitError {
                detail: lines.join(": "),
                ..GitError::new(Cause::Damaged, reason)
            };
        }
        if let Some(found) = words::of_signature(lines) {
            let reason =
                format!("git takes signed commits only (`merge.verifySignatures`): {found}");
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

    /// A failure that libgit2 reports of a repository of this machine.
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

    /// A failure of an HTTP request.
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

    /// With what the server said for people, where it is the server that failed or refused.
    #[must_use]
    pub(super) fn saying(mut self, words: &[String], url: &str) -> Self {
        if words.is_empty() {
            return self;
        }
        let words = super::url::without_passwords(&words.join("; "));
        match self.cause {
            Cause::Connection => {
                let host = super::url::host(url).unwrap_or("the server");
                self.reason = format!("{host} gave up: {words}");
            }
            Cause::Forbidden | Cause::LoginRefused | Cause::NotFound | Cause::Busy => {
                self.reason = format!("{}; it says: {words}", self.reason);
            }
            _ => {}
        }
        self
    }

    /// A failure of a kind that is known, in words for people; names the URL's host. Without a URL, no remote had a
    /// part in it.
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
        Cause::Login => format!("{host} wants a login"),
        Cause::LoginRefused => format!("{host} refuses the login"),
        Cause::Forbidden => {
            format!("{host} knows your login, and does not let it read this repository")
        }
        Cause::Refusal => {
            let words = said.last().map(String::as_str).unwrap_or_default();
            format!("{host} refuses: {}", words.trim())
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
            "its objects have SHA-256 names, which nothing but `git` reads: install it".to_owned()
        }
        Cause::Oversized => format!(
            "{url} lists more than {LIMIT} MiB of capabilities and references, and fitout reads no more"
        ),
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
        // Whoever found it has said what it is.
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
            "GIT_LFS_SKIP_SMUDGE=1 fitout sync   # leaves pointers in the place of such files"
                .to_owned()
        }
        Cause::ObjectFormat | Cause::Address | Cause::Filter => return None,
        Cause::HostKeyChanged => {
            format!("ssh-keygen -R {host}   # only when its owner says that the key is new")
        }
        Cause::Certificate => "git config --global http.sslCAInfo PATH_OF_THE_CA".to_owned(),
        Cause::Proxy => "git config --show-origin --get-regexp '[.]proxy$'".to_owned(),
        Cause::DiskFull => "df -h .".to_owned(),
        _ if url.is_empty() => return None,
        Cause::Oversized => {
            let url = super::url::without_password(url);
            format!(
                "git ls-remote {} | head   # shows what it lists",
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
            // libgit2's own: `unknown object format 'sha256'`, or of the extension of that name.
            said if said.starts_with("unknown object format")
                || said.starts_with("unsupported extension name extensions.objectformat") =>
            {
                GitError::of_kind(Cause::ObjectFormat, &[said.to_owned()], "")
            }
            // It gives no number of the system's error, and its words in the end.
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
        assert_eq!(error.reason, "no room left on the disk");
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
