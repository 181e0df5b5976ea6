//! Classifies errors by the messages of git and ssh.
//!
//! Only their own messages are used, never those of the other side, which are untrusted, and never
//! a URL or a name: each line is recognized by how git or ssh begins and ends it. Messages of the
//! server are separated first: `remote:`, and everything after `remote error:`. ssh writes its own
//! messages to a separate file (`ssh -E`).

use super::Cause;

/// Classifies messages of ssh: `error()`, `fatal()` and `logit()` of OpenSSH 7 to 10. Returns none
/// if ssh succeeded.
pub(super) fn of_ssh(lines: &[String]) -> Option<Cause> {
    // The specific ones first: a host whose key is refused also closes the connection.
    const ORDER: &[Cause] = &[
        Cause::HostKeyChanged,
        Cause::HostKey,
        Cause::UnknownHost,
        Cause::Refused,
        Cause::Unreachable,
        Cause::Timeout,
        Cause::Login,
        Cause::Connection,
    ];
    let said: Vec<Cause> = lines.iter().filter_map(|line| line_of_ssh(line)).collect();
    ORDER.iter().find(|cause| said.contains(cause)).copied()
}

/// The beginnings of ssh's messages about broken connections.
const BROKEN: &[&str] = &[
    "Connection closed by ",
    "Connection reset by ",
    "Connection to ",
    "Disconnected from ",
    "Received disconnect from ",
    "banner exchange: ",
    "client_loop: ",
    "kex_exchange_identification: ",
    "ssh_dispatch_run_fatal: ",
    "ssh_exchange_identification: ",
];

fn line_of_ssh(line: &str) -> Option<Cause> {
    if line.trim_matches(['@', ' ']) == "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!" {
        return Some(Cause::HostKeyChanged);
    }
    if line == "Host key verification failed." {
        return Some(Cause::HostKey);
    }
    if line.starts_with("ssh: Could not resolve hostname ") {
        return Some(Cause::UnknownHost);
    }
    if line.starts_with("ssh: connect to host ") {
        return of_errno(line).or(Some(Cause::Connection));
    }
    // `git@host: Permission denied (publickey).`
    if line.ends_with(").") && line.contains(": Permission denied (") {
        return Some(Cause::Login);
    }
    if line.starts_with("Connection timed out during banner exchange")
        || line.starts_with("Connection to ") && line.ends_with(" timed out")
        || line.starts_with("Timeout, server ")
    {
        return Some(Cause::Timeout);
    }
    let is_broken = BROKEN.iter().any(|start| line.starts_with(start));
    is_broken.then_some(Cause::Connection)
}

/// Classifies messages of git 2.20 to 2.50, without a terminal and with `LC_ALL=C`.
pub(super) fn of_git(lines: &[String]) -> Option<Cause> {
    let own = lines.iter().filter(|line| !line.starts_with("remote: "));
    let mut fallback = None;
    for line in own {
        // `die()` prints the server's line breaks unchanged, so lines after this one may not be
        // git's.
        if line.starts_with("remote error: ") {
            return Some(Cause::Refusal);
        }
        match line_of_git(line) {
            // Printed at the end for any kind of failure.
            Some(cause @ (Cause::NotFound | Cause::Connection)) if is_general(line) => {
                fallback = fallback.or(Some(cause));
            }
            Some(cause) => return Some(cause),
            None => {}
        }
    }
    fallback
}

/// Returns what `fetch.fsckObjects` found: `object 1b65c3d…: zeroPaddedFilemode: contains
/// zero-padded file modes`.
pub(super) fn of_fsck(lines: &[String]) -> Option<&str> {
    let own = || lines.iter().filter(|line| !line.starts_with("remote: "));
    own().find(|line| line.starts_with("fsck error in pack"))?;
    own()
        .find(|line| line.starts_with("object "))
        .map(String::as_str)
}

/// Returns why `git merge` refuses a commit (`verify_merge_signature` in commit.c).
pub(super) fn of_signature(lines: &[String]) -> Option<String> {
    const REASONS: &[&str] = &[
        "does not have a GPG signature.",
        "has a bad GPG signature allegedly by ",
        "has an untrusted GPG signature, allegedly by ",
    ];
    lines.iter().find_map(|line| {
        let (id, why) = line.strip_prefix("Commit ")?.split_once(' ')?;
        let is_id = id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_it = is_id && REASONS.iter().any(|reason| why.starts_with(reason));
        is_it.then(|| format!("commit {id} {}", why.trim_end_matches('.')))
    })
}

/// Returns the repository that git refuses because of its owner.
pub(super) fn of_owner(lines: &[String]) -> Option<&str> {
    lines.iter().find_map(|line| {
        let rest = line.strip_prefix("detected dubious ownership in repository at '")?;
        rest.strip_suffix("'")
    })
}

fn is_general(line: &str) -> bool {
    line.starts_with("Could not read from remote repository")
        || line.starts_with("the remote end hung up")
        || line.starts_with("The remote end hung up")
        || line.starts_with("early EOF")
}

fn line_of_git(line: &str) -> Option<Cause> {
    const STARTS: &[(&str, Cause)] = &[
        ("could not read Username for '", Cause::Login),
        ("could not read Password for '", Cause::Login),
        ("Authentication failed for '", Cause::Login),
        ("Could not read from remote repository", Cause::NotFound),
        ("couldn't find remote ref ", Cause::MissingReference),
        ("Could not find remote branch ", Cause::MissingReference),
        (
            "Server does not allow request for unadvertised object ",
            Cause::MissingReference,
        ),
        ("unable to look up ", Cause::UnknownHost),
        ("early EOF", Cause::Connection),
        ("The remote end hung up", Cause::Connection),
        ("the remote end hung up", Cause::Connection),
        ("unexpected disconnect while reading", Cause::Connection),
        ("expected flush after ref listing", Cause::Connection),
        ("inflate: ", Cause::Damaged),
        ("pack has bad object", Cause::Damaged),
        ("pack has junk at the end", Cause::Damaged),
        ("pack is corrupted", Cause::Damaged),
        ("pack signature mismatch", Cause::Damaged),
        ("protocol error: bad line length", Cause::Damaged),
        ("serious inflate inconsistency", Cause::Damaged),
        ("invalid server response; got '", Cause::NotGit),
        ("invalid index-pack output", Cause::Damaged),
    ];
    const BOTH: &[(&str, &str, Cause)] = &[
        (
            "'",
            "' does not appear to be a git repository",
            Cause::NotFound,
        ),
        ("repository '", "' does not exist", Cause::NotFound),
        ("repository '", "' not found", Cause::NotFound),
        (
            "Remote branch ",
            " not found in upstream origin",
            Cause::MissingReference,
        ),
        (
            "",
            "/info/refs not valid: is this a git repository?",
            Cause::NotGit,
        ),
        (
            "",
            "/info/refs not valid: could not determine hash algorithm; is this a git repository?",
            Cause::NotGit,
        ),
        ("external filter '", " failed", Cause::Filter),
        ("", ": No space left on device", Cause::DiskFull),
        ("", ": Disk quota exceeded", Cause::DiskFull),
    ];
    if let Some(rest) = line.strip_prefix("unable to access '") {
        // URLs don't contain spaces, so the URL ends here.
        return of_curl(rest.split_once("': ")?.1);
    }
    if let Some(rest) = line.strip_prefix("RPC failed; ") {
        return of_curl(rest.trim_start_matches("curl ").trim_start_matches("HTTP "))
            .or(Some(Cause::Connection));
    }
    // Another program has written it, or is about to.
    let is_locked = line.ends_with(".lock': File exists.");
    let is_other = line.contains("': is at ") || line.ends_with("': reference already exists");
    if line.starts_with("cannot lock ref '") && (is_locked || is_other)
        || line.starts_with("Unable to create '") && is_locked
    {
        return Some(Cause::Changed);
    }
    // `PATH: smudge filter NAME failed`
    if line.ends_with(" failed") && line.contains(": smudge filter ") {
        return Some(Cause::Filter);
    }
    // From git://: `host[0: 127.0.0.1]: errno=Connection refused`.
    if let Some((_, errno)) = line.rsplit_once("]: errno=") {
        return of_errno(&format!(": {errno}"));
    }
    let start = STARTS.iter().find(|(start, _)| line.starts_with(start));
    start.map(|(_, cause)| *cause).or_else(|| {
        let both = BOTH
            .iter()
            .find(|(start, end, _)| line.starts_with(start) && line.ends_with(end));
        both.map(|(_, _, cause)| *cause)
    })
}

/// The beginnings of libcurl's messages: strerror.c, and the `failf()`s of its connections.
const OF_CURL: &[(&str, Cause)] = &[
    ("Could not resolve host: ", Cause::UnknownHost),
    ("Could not resolve proxy: ", Cause::Proxy),
    ("CONNECT tunnel failed, ", Cause::Proxy),
    ("Proxy CONNECT aborted", Cause::Proxy),
    ("Received HTTP code ", Cause::Proxy),
    ("SSL certificate ", Cause::Certificate),
    ("SSL: ", Cause::Certificate),
    ("server certificate verification failed", Cause::Certificate),
    ("server verification failed: ", Cause::Certificate),
    ("gnutls_handshake() failed: ", Cause::Certificate),
    ("OpenSSL SSL_connect: ", Cause::Certificate),
    ("TLS connect error: ", Cause::Certificate),
    ("error:0", Cause::Certificate),
    ("error:1", Cause::Certificate),
    ("Operation too slow. ", Cause::Timeout),
    ("Operation timed out ", Cause::Timeout),
    ("Connection timed out ", Cause::Timeout),
    ("Empty reply from server", Cause::Connection),
    ("Recv failure: ", Cause::Connection),
    ("Send failure: ", Cause::Connection),
    ("transfer closed with ", Cause::Connection),
    ("18 transfer closed with ", Cause::Connection),
    ("Received HTTP/0.9 when not allowed", Cause::NotGit),
];

/// Classifies messages of libcurl, after git's own text: strerror.c and the `failf()`s of its
/// connections.
fn of_curl(words: &str) -> Option<Cause> {
    let status = words
        .strip_prefix("The requested URL returned error: ")
        .or_else(|| words.strip_prefix("22 The requested URL returned error: "))
        .or(Some(words))
        .and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    if let Some(status) = status {
        return Some(of_status(status));
    }
    if words.starts_with("Failed to connect to ") {
        return of_errno(words).or(Some(if words.contains(": Timeout was reached") {
            Cause::Timeout
        } else {
            Cause::Refused
        }));
    }
    let start = OF_CURL.iter().find(|(start, _)| words.starts_with(start));
    start.map(|(_, cause)| *cause)
}

/// Classifies an HTTP error status.
fn of_status(status: u16) -> Cause {
    match status {
        401 => Cause::Login,
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        407 => Cause::Proxy,
        429 | 503 => Cause::Busy,
        408 | 500..=599 => Cause::Connection,
        _ => Cause::NotGit,
    }
}

/// Classifies `strerror()` at the end of a line.
fn of_errno(line: &str) -> Option<Cause> {
    const ENDS: &[(&str, Cause)] = &[
        (": Connection refused", Cause::Refused),
        (": Connection timed out", Cause::Timeout),
        (": Operation timed out", Cause::Timeout),
        (": No route to host", Cause::Unreachable),
        (": Network is unreachable", Cause::Unreachable),
        (": Host is down", Cause::Unreachable),
    ];
    let end = ENDS.iter().find(|(end, _)| line.ends_with(end));
    end.map(|(_, cause)| *cause)
}

/// Whether ssh reports that it never talked to the host: a proxy, a jump host or the host itself
/// hung up.
pub(super) fn is_before_login(own: &[String]) -> bool {
    own.iter().any(|line| {
        line.starts_with("kex_exchange_identification: ") || line.starts_with("banner exchange: ")
    })
}
