//! Addresses of remotes: which ones may be used at all.
//!
//! A URL comes from an untrusted manifest or clone, and ends up in the arguments of ssh and git.
//! [`check`] checks it as written; [`check_real`] checks it after the user's `url.<base>.insteadOf`
//! was applied, right before a connection.

use percent_encoding::percent_decode_str;

use super::syntax::Invalid;

/// What fitout and git reach without a program of another kind.
const SCHEMES: &[&str] = &["file", "git", "http", "https", "ssh", "git+ssh", "ssh+git"];

/// What OpenSSH 9.6 refuses in a host from its command line, because the user's own `ProxyCommand` may
/// hand it to a shell (CVE-2023-51385; `valid_hostname` in ssh.c).
const NEVER_IN_A_HOST: &[char] = &[
    '\'', '`', '"', '$', '\\', ';', '&', '<', '>', '|', '(', ')', '{', '}',
];
/// The same for a user: `valid_ruser` in ssh.c. A domain user is `CORP\jane`.
const NEVER_IN_A_USER: &[char] = &['\'', '`', '"', ';', '&', '<', '>', '|', '(', ')', '{', '}'];

/// Checks a URL as written by the user. `insteadOf` may define additional schemes.
pub fn check(text: &str) -> Result<(), Invalid> {
    if text.starts_with('-') {
        // git and ssh would take it for an option: CVE-2017-1000117.
        return Err(Invalid::new("starts with `-`"));
    }
    // A folder of this machine may have one in its name.
    let is_path = !text.contains("://") && Parts::of(text).is_none();
    let has_space = if is_path {
        text.trim() != text || text.contains(|c: char| c.is_whitespace() && c != ' ')
    } else {
        text.contains(char::is_whitespace)
    };
    if has_space {
        return Err(Invalid::new("contains white space"));
    }
    if text.contains(is_control) {
        return Err(Invalid::new("contains a control character"));
    }
    if let Some(helper) = transport(text) {
        return Err(Invalid::new(format!("runs the program `git-remote-{helper}`")).help(
            "use an https, ssh, git or file URL, or a path; to use that program anyway, rewrite a URL with `url.<base>.insteadOf` in your git configuration",
        ));
    }
    let Some(parts) = Parts::of(text) else {
        return Ok(());
    };
    parts.check()
}

/// Checks an address that something is about to connect to.
pub fn check_real(text: &str) -> Result<(), Invalid> {
    check(text)?;
    match text.split_once("://") {
        Some((scheme, _)) if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => Err(
            Invalid::new("has a scheme other than file, git, http, https and ssh"),
        ),
        _ => Ok(()),
    }
}

/// A `helper::address`, as git recognizes it (`transport_get` in transport.c).
fn transport(text: &str) -> Option<&str> {
    let (helper, _) = text.split_once("::")?;
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (!helper.is_empty() && helper.chars().all(is_of_scheme)).then_some(helper)
}

/// Control characters, and those that turn the direction of a line around or end it.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What programs are given of an address, as it is written.
struct Parts<'a> {
    user: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
    /// `ssh://` or `host:path`: the parts become arguments of ssh.
    is_ssh: bool,
}

impl<'a> Parts<'a> {
    /// None for a path of this machine.
    fn of(text: &'a str) -> Option<Self> {
        if let Some((scheme, rest)) = text.split_once("://") {
            if scheme.eq_ignore_ascii_case("file") {
                return None;
            }
            let (authority, path) = match rest.find('/') {
                Some(slash) => rest.split_at(slash),
                None => (rest, ""),
            };
            let is_ssh = scheme.to_ascii_lowercase().contains("ssh");
            return Some(Parts::joined(authority, path, is_ssh));
        }
        // As git decides: `host:path` has its colon before any slash, and `[host:22]:path` after the bracket.
        let bracket = text.find("]:").filter(|_| text.contains('['));
        let colon = bracket.map(|at| at + 1).or_else(|| text.find(':'))?;
        let (authority, path) = (&text[..colon], &text[colon + 1..]);
        (!authority.contains('/')).then(|| Parts::joined(authority, path, true))
    }

    fn joined(authority: &'a str, path: &'a str, is_ssh: bool) -> Self {
        // `[user@host:22]:path` is git's, `[::1]` everybody's.
        let without = |text: &'a str| text.trim_matches(['[', ']']);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(without(user)), host),
            None => (None, authority),
        };
        let (host, port) = match host.rsplit_once(':') {
            // An address of IPv6 has many colons, and its port behind a bracket.
            Some((name, port)) if name.ends_with(']') || !name.contains(':') => (name, Some(port)),
            _ => (host, None),
        };
        Parts {
            user,
            host: without(host),
            port: port.map(without),
            path,
            is_ssh,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let user = self.user.map(decoded).unwrap_or_default();
        let host = decoded(self.host);
        let path = decoded(self.path);
        for (what, part) in [("user", &user), ("host", &host), ("path", &path)] {
            if part.starts_with('-') {
                return Err(Invalid::new(format!(
                    "has a {what} that starts with `-`, which ssh and git would treat as an option"
                )));
            }
            if part.contains(is_control) {
                return Err(Invalid::new(format!(
                    "has a control character in its {what}"
                )));
            }
        }
        let refused = |what: &str, part: &str, never: &[char]| {
            let character = part
                .chars()
                .find(|c| c.is_whitespace() || never.contains(c));
            character.map_or(Ok(()), |character| {
                let shown = Some(character).filter(|c| !c.is_whitespace());
                let shown = shown.map_or("white space".to_owned(), |c| format!("`{c}`"));
                Err(Invalid::new(format!("has {shown} in its {what}")))
            })
        };
        if self.is_ssh {
            refused("user", &user, NEVER_IN_A_USER)?;
            refused("host", &host, NEVER_IN_A_HOST)?;
        }
        match self.port {
            Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(Invalid::new("has a port that is not a number"))
            }
            _ => Ok(()),
        }
    }
}

/// With `%2D` as `-`, as programs read it.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_become_an_option_a_program_or_a_line_of_its_own_is_refused() {
        let refused = [
            "-oProxyCommand=x:web",
            "--upload-pack=x",
            "ssh://-Fx%20y@host/web",
            "ssh://%2DFx@host/web",
            "ssh://-oProxyCommand=x/web",
            "ssh://user@-oProxyCommand=x/web",
            "ssh://user@%2doProxyCommand=x:22/web",
            "ssh://host:-oX/web",
            "ssh://[-oX]:22/web",
            "git+ssh://-x@host/web",
            "SSH://-x@host/web",
            "user@-oProxyCommand=x:web",
            "-x@host:web",
            "[-oX:22]:web",
            "[-x@host:22]:web",
            "host:-x",
            "git://-host/web",
            "https://-x@host/web",
            "ssh://user%20x@host/web",
            "ssh://ho%20st/web",
            "ssh://host;id/web",
            "ssh://$(id)@host/web",
            "$(id):web",
            "`id`@host:web",
            "ssh://host/a%0Ab",
            "https://host%0d/web",
            "ext::sh -c id",
            "ext::id",
            "fd::7",
            "codecommit::us-east-1://web",
            "https://host/we\u{1b}[2Jb",
            "https://host/we\u{9b}b",
            "https://host/\u{202e}bew",
            "../we\nb",
            "https://host/a b",
        ];
        for text in refused {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn addresses_that_people_have_are_taken() {
        let taken = [
            "git@github.com:acme/web.git",
            "github.com:acme/web",
            "work:web",
            "ssh://git@host:2222/acme/web",
            "ssh://host:/web",
            "ssh://CORP\\jane@host/web",
            "ssh://[::1]:2222/web",
            "ssh://git@[fe80::1]/web",
            "[git@host:2222]:web.git",
            "git@[::1]:web",
            "https://user:p(a)ss;w%20ord@host:8443/web",
            "https://dev.azure.com/acme/My%20Project/_git/web",
            "https://gitlab.example/-/snippets/1.git",
            "https://host/web.git",
            "git://host/web",
            "file:///srv/git/-web.git",
            "../remotes/web.git",
            "./-web",
            "/srv/a:b/web",
            "ssh://host/~jane/web",
            "gh://acme/web",
        ];
        for text in taken {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn only_schemes_that_start_no_other_program_are_connected_to() {
        for text in [
            "gh://acme/web",
            "ftp://host/web",
            "ext://x",
            "foo+ssh://x/y",
        ] {
            assert!(check_real(text).is_err(), "{text}");
        }
        for text in ["HTTPS://host/web", "ssh+git://host/web", "host:web", "/srv"] {
            assert_eq!(check_real(text), Ok(()), "{text}");
        }
    }
}
