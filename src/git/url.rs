//! URLs as accepted by git: `https://…`, `ssh://…`, `git@host:path`, paths.
//!
//! Text in, text out; nothing here connects to anything.

use std::path::Path;

pub use crate::workspace::syntax::without_password;

/// Resolves a URL relative to the workspace's folder: a relative path, including `file://../path`,
/// becomes absolute.
pub fn resolve(root: &Path, url: &str) -> String {
    if let Some(path) = url.strip_prefix("file://")
        && (path.starts_with("./") || path.starts_with("../"))
    {
        return format!("file://{}", joined(root, path));
    }
    if is_path(url) && !Path::new(url).is_absolute() {
        return joined(root, url);
    }
    url.to_owned()
}

fn joined(root: &Path, relative: &str) -> String {
    let mut path = root.to_path_buf();
    for part in Path::new(relative).components() {
        match part {
            std::path::Component::CurDir => {}
            // `a/..` is removed textually, as in a shell, so that the result is readable in
            // .git/config.
            std::path::Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

/// Whether it is a path without a scheme, by git's rule: `host:path` has its colon before any
/// slash.
fn is_path(url: &str) -> bool {
    if url.contains("://") {
        return false;
    }
    match (url.find(':'), url.find('/')) {
        (None, _) => true,
        (Some(colon), Some(slash)) => slash < colon,
        (Some(_), None) => false,
    }
}

/// Whether it refers to something on this machine.
pub fn is_local(url: &str) -> bool {
    url.starts_with("file://") || is_path(url)
}

/// Returns the local path of a URL.
pub fn local_path(url: &str) -> Option<&Path> {
    match url.strip_prefix("file://") {
        Some(path) => Some(Path::new(path)),
        None => is_path(url).then(|| Path::new(url)),
    }
}

/// Whether it is reached through the user's ssh.
pub fn is_ssh(url: &str) -> bool {
    match url.split_once("://") {
        Some((scheme, _)) => ["ssh", "git+ssh", "ssh+git"].contains(&scheme),
        None => !is_path(url),
    }
}

/// Returns the host, without user and port.
pub fn host(url: &str) -> Option<&str> {
    split(url).map(|(host, _)| {
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        }
    })
}

/// Identifies the repository, regardless of protocol and user: host and path.
pub fn place(url: &str) -> (String, String) {
    key(url)
}

/// Returns scheme, user, host and port, which logins and host keys are tied to.
pub fn server(url: &str) -> String {
    let scheme = url.split_once("://").map_or("ssh", |(scheme, _)| scheme);
    let authority = split(url).map_or("", |(authority, _)| authority);
    format!("{scheme}://{authority}")
}

/// Returns the arguments for `ssh`: `-p 2222 -- git@host`.
pub fn ssh_destination(url: &str) -> Vec<String> {
    let Some((authority, _)) = split(url) else {
        return vec!["--".to_owned(), url.to_owned()];
    };
    // `--` ends ssh's options.
    let words = match authority.rsplit_once(':') {
        Some((name, port)) => vec!["-p", port, "--", name],
        None => vec!["--", authority],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// Returns a URL without user and password, as git writes it to reflogs.
pub fn without_user(url: &str) -> String {
    if is_local(url) {
        return url.to_owned();
    }
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{}", &rest[end..])
}

/// Removes the passwords of URLs from a text: `insteadOf` may have added one to a URL that only
/// appears in an error.
pub fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let is_end = |c: char| c == '/' || c.is_whitespace() || "\"'`".contains(c);
        let authority = part.split(is_end).next().unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => {
                shown.push_str(user.split(':').next().unwrap_or_default());
                shown.push_str(&part[user.len()..]);
            }
            _ => shown.push_str(part),
        }
    }
    shown
}

/// Whether two URLs refer to the same repository: the same path on the same host, regardless of
/// protocol and user.
pub fn same(one: &str, other: &str) -> bool {
    one == other || key(one) == key(other)
}

fn key(url: &str) -> (String, String) {
    let trimmed = |path: &str| {
        let path = path.trim_matches('/');
        path.strip_suffix(".git")
            .unwrap_or(path)
            .trim_end_matches('/')
            .to_owned()
    };
    match (local_path(url), split(url)) {
        (Some(path), _) => {
            // `/tmp` and `/private/tmp` are the same folder on some systems.
            let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
            (String::new(), trimmed(&path.to_string_lossy()))
        }
        // Ports differ between protocols, so they don't distinguish hosts; but two ports of the
        // same protocol do, as on a machine with several servers.
        (None, Some((authority, path))) => {
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            (host.to_lowercase(), trimmed(path))
        }
        (None, None) => (String::new(), url.to_owned()),
    }
}

/// Returns the authority and the path.
fn split(url: &str) -> Option<(&str, &str)> {
    if let Some((scheme, rest)) = url.split_once("://") {
        if scheme == "file" {
            return None;
        }
        return Some(rest.split_once('/').unwrap_or((rest, "")));
    }
    if is_path(url) {
        return None;
    }
    url.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_starts_at_the_workspace() {
        let root = Path::new("/company/ws");
        let cases = [
            ("../remotes/web.git", "/company/remotes/web.git"),
            ("./web", "/company/ws/web"),
            ("file://../remotes/web", "file:///company/remotes/web"),
            ("/abs/web", "/abs/web"),
            ("file:///abs/web", "file:///abs/web"),
            ("git@host:acme/web", "git@host:acme/web"),
            ("https://host/acme/web", "https://host/acme/web"),
        ];
        for (url, expected) in cases {
            assert_eq!(resolve(root, url), expected, "{url}");
        }
    }

    #[test]
    fn one_repository_has_many_urls() {
        let same_ones = [
            ("git@host:acme/web.git", "https://host/acme/web"),
            ("ssh://git@host/acme/web", "git@host:acme/web.git"),
            ("https://user@host/acme/web/", "https://HOST/acme/web.git"),
            ("/srv/git/web.git", "file:///srv/git/web"),
        ];
        for (one, other) in same_ones {
            assert!(same(one, other), "{one} {other}");
        }
        let different = [
            ("git@host:acme/web", "git@host:acme/api"),
            ("git@host:acme/web", "git@other:acme/web"),
            ("http://host:81/web", "http://host:82/web"),
        ];
        for (one, other) in different {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn hosts_and_ssh_destinations_are_read_from_every_form() {
        assert_eq!(host("git@host:acme/web"), Some("host"));
        assert_eq!(host("https://user:pw@host:8443/x"), Some("host"));
        assert_eq!(host("../x"), None);
        assert_eq!(ssh_destination("git@host:acme/web"), ["--", "git@host"]);
        assert_eq!(
            ssh_destination("ssh://git@host:2222/x"),
            ["-p", "2222", "--", "git@host"]
        );
    }
}
