//! The small languages inside a manifest's strings: names, paths, ports, volumes, durations.
//!
//! Each function takes a string and returns what it means, or says in one sentence what is wrong
//! with it. None of them knows where the string stands.

mod path;
mod ports;

use super::VolumeSource;
pub use path::{clone_place, container_path, is_git_folder, join, relative_path};
pub use ports::{ShortPort, host_ip, ports, protocol};

/// What is wrong with a string, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Continues "`services.x.y` …": a predicate such as "is absolute".
    pub problem: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Invalid {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Invalid {
            problem: problem.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Checks the name of a repo, a service or a project: `[a-z0-9][a-z0-9_-]*`, which is what Compose
/// allows in a project name.
pub fn name(text: &str) -> Result<(), Invalid> {
    if is_name(text) {
        return Ok(());
    }
    let mut invalid = Invalid::new(
        "is not a valid name: use lower-case letters, digits, `-` and `_`, starting with a letter or digit",
    );
    if let Some(fixed) = fixed_name(text) {
        invalid = invalid.help(format!("write `{fixed}`"));
    }
    Err(invalid)
}

/// The valid name that is closest to a text, if there is one.
pub fn fixed_name(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let fixed: String = lower
        .chars()
        .map(|c| if is_name_character(c) { c } else { '-' })
        .collect();
    let fixed = fixed.trim_matches(['-', '_']);
    is_name(fixed).then(|| fixed.to_owned())
}

/// Checks what is added to a database's name: lower-case letters, digits and `_`, which every
/// database takes without quotes.
pub fn database_suffix(text: &str) -> Result<(), Invalid> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(());
    }
    Err(Invalid::new(
        "is not valid in a database name: use lower-case letters, digits and `_`",
    ))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(is_name_character)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-'
}

/// Checks the name of a variable in a container. Some images take names with a dot
/// (`discovery.type`), so only what no container could get is refused.
pub fn container_variable(text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.contains(|c: char| c == '=' || c == '$' || c.is_whitespace()) {
        return Err(Invalid::new("is not a valid variable name"));
    }
    Ok(())
}

/// Checks the name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*` (POSIX).
pub fn variable(text: &str) -> Result<(), Invalid> {
    let valid = text
        .chars()
        .enumerate()
        .all(|(index, c)| c == '_' || c.is_ascii_alphabetic() || (index > 0 && c.is_ascii_digit()));
    if valid && !text.is_empty() {
        return Ok(());
    }
    Err(Invalid::new(
        "is not a valid variable name: use letters, digits and `_`, not starting with a digit",
    ))
}

/// Checks a branch or tag: the rules of `git check-ref-format`, and no leading `-`.
pub fn git_ref(text: &str) -> Result<(), Invalid> {
    let bad_character = |c: char| {
        c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    let bad_part = |part: &str| {
        part.is_empty() || part.starts_with('.') || part.strip_suffix(".lock").is_some()
    };
    let bad = text.starts_with('-')
        || text.ends_with('.')
        || text == "@"
        || text.contains("..")
        || text.contains("@{")
        || text.contains(bad_character)
        || text.split('/').any(bad_part);
    if bad {
        return Err(Invalid::new(
            "is not a valid name for a branch or tag in git",
        ));
    }
    Ok(())
}

/// Checks a commit id: 4 to 64 hexadecimal digits.
pub fn revision(text: &str) -> Result<(), Invalid> {
    if (4..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(
        Invalid::new("is not a commit id (4 to 64 hexadecimal digits)")
            .help("for a branch or a tag, use `branch` or `tag`"),
    )
}

/// Whether it is a commit's whole id.
pub fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Compose's short form of volumes: `[source:]target[:ro|:rw]`.
pub fn volume(text: &str) -> Result<(VolumeSource, String, bool), Invalid> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts[..] {
        [target] => (None, target, "rw"),
        [source, mode @ ("ro" | "rw")] if source.starts_with('/') => (None, source, mode),
        [source, target] => (Some(source), target, "rw"),
        [source, target, mode] => (Some(source), target, mode),
        _ => {
            return Err(Invalid::new("has too many `:`")
                .help("write `name:/path` or `./folder:/path`, with `:ro` or without"));
        }
    };
    let read_only = match mode {
        "ro" => true,
        "rw" => false,
        other => {
            return Err(
                Invalid::new(format!("has an unknown mode: `{other}`")).help(
                    "use `ro` or `rw`; other options belong in `compose = { volumes = [...] }`",
                ),
            );
        }
    };
    container_path(target)?;
    let source = match source {
        None => VolumeSource::Anonymous,
        Some(path) if path.starts_with(['.', '/', '~']) => {
            let path = relative_path(path).map_err(|invalid| {
                invalid.help("folders of a single machine belong in `docker-compose.override.yml`")
            })?;
            VolumeSource::Path(path)
        }
        Some(name) if is_volume_name(name) => VolumeSource::Named(name.to_owned()),
        Some(name) => {
            return Err(Invalid::new(format!("has no valid volume name: `{name}`"))
                .help(format!("for a folder of the workspace, write `./{name}`")));
        }
    };
    Ok((source, target.to_owned(), read_only))
}

/// What Compose's schema allows as the key of a volume.
fn is_volume_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Checks a duration as Compose writes it: `90s`, `1m30s`, `1.5s`.
pub fn duration(text: &str) -> Result<(), Invalid> {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, unit) = rest.split_at(digits);
        let unit_length = unit
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(unit.len());
        let valid_unit = ["us", "ms", "s", "m", "h"].contains(&&unit[..unit_length]);
        if number.parse::<f64>().is_err() || !valid_unit {
            return Err(
                Invalid::new("is not a duration").help("write it as Compose does: `10s`, `1m30s`")
            );
        }
        rest = &unit[unit_length..];
    }
    Ok(())
}

/// Checks a number of bytes as Compose writes it: `512m`, `2g`, `300kb`.
pub fn bytes(text: &str) -> Result<(), Invalid> {
    let lower = text.to_ascii_lowercase();
    let digits = lower
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let valid_unit = ["", "b", "k", "kb", "m", "mb", "g", "gb"].contains(&unit);
    if valid_unit && number.parse::<f64>().is_ok_and(|number| number > 0.0) {
        return Ok(());
    }
    Err(Invalid::new("is not an amount of memory").help("write it as Compose does: `512m`, `2g`"))
}

/// The beginning of the Compose variables of a service: `AUTH` for `auth`, `_3SCALE` for `3scale`,
/// since a variable can't begin with a digit.
pub fn variable_prefix(service: &str) -> String {
    let upper = service.to_ascii_uppercase().replace('-', "_");
    if upper.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{upper}")
    } else {
        upper
    }
}

/// Returns a git URL for messages. Over HTTP, the password or the user name may be a token, so
/// neither is shown; over ssh, the user name is not secret, and part of the URL.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else {
        return url.to_owned();
    };
    let path = &rest[authority.len()..];
    if scheme.starts_with("http") {
        return format!("{scheme}://{host}{path}");
    }
    let name = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{name}@{host}{path}")
}

/// A text in which each URL has lost what may be secret, for logs: names and passwords, but for the name of ssh, and the
/// query, but for git's own.
pub fn without_secrets(text: &str) -> String {
    let mut parts = text.split("://");
    let first = parts.next().unwrap_or_default();
    // A password where none belongs, in the short form of ssh.
    let mut shown = match first.split_once('@') {
        Some((user, host)) if user.contains(':') => format!("…@{host}"),
        _ => first.to_owned(),
    };
    for part in parts {
        let is_ssh = shown.ends_with("ssh");
        shown.push_str("://");
        let is_end = |c: char| c.is_whitespace() || "\"'`".contains(c);
        let (url, rest) = part.split_at(part.find(is_end).unwrap_or(part.len()));
        let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if is_ssh && !user.is_empty() {
            shown.push_str(user.split(':').next().unwrap_or_default());
            shown.push('@');
        }
        shown.push_str(host);
        let path = &url[authority.len()..];
        let query = path.find(['?', '#']).unwrap_or(path.len());
        shown.push_str(&path[..query]);
        match &path[query..] {
            "" => {}
            git @ ("?service=git-upload-pack" | "?service=git-receive-pack") => shown.push_str(git),
            _ => shown.push('…'),
        }
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_bytes_refs_and_variables() {
        for text in ["10s", "1m30s", "1.5s", "500ms"] {
            assert_eq!(duration(text), Ok(()), "{text}");
        }
        for text in ["10", "s", "1x", "1m30"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["512m", "2g", "1.5gb", "1024"] {
            assert_eq!(bytes(text), Ok(()), "{text}");
        }
        for text in ["lots", "5t", "-1m", "m"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        for text in ["main", "feature/x", "v1.0"] {
            assert_eq!(git_ref(text), Ok(()), "{text}");
        }
        for text in ["-x", "a b", "a..b", "x.lock", "/a", "a/", "@", "a:b"] {
            assert!(git_ref(text).is_err(), "{text}");
        }
        assert_eq!(variable_prefix("auth-server"), "AUTH_SERVER");
        assert_eq!(variable_prefix("3scale"), "_3SCALE");
    }

    #[test]
    fn no_secret_of_any_url_is_logged() {
        for (text, shown) in [
            ("fetch", "fetch"),
            ("https://git.example/x", "https://git.example/x"),
            ("https://secret@git.example/x", "https://git.example/x"),
            (
                "a 'https://u:secret@a.example/x' https://u:se@cret@b.example",
                "a 'https://a.example/x' https://b.example",
            ),
            (
                "url.https://u:secret@a.example/.insteadOf=https://b",
                "url.https://a.example/.insteadOf=https://b",
            ),
            (
                "ssh://git:secret@git.example:22/x",
                "ssh://git@git.example:22/x",
            ),
            ("http://h/x?token=secret", "http://h/x…"),
            ("http://h?token=secret", "http://h…"),
            ("http://h/x#secret", "http://h/x…"),
            ("http://h/x?service=git-x&token=secret", "http://h/x…"),
            ("user:secret@git.example:x", "…@git.example:x"),
            ("git@git.example:x", "git@git.example:x"),
            (
                "http://h/info/refs?service=git-upload-pack",
                "http://h/info/refs?service=git-upload-pack",
            ),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        let cases = [
            ("https://u:p@host/x", "https://host/x"),
            ("https://token@host:8443/x", "https://host:8443/x"),
            ("ssh://git:p@host/x", "ssh://git@host/x"),
            ("git@host:acme/web", "git@host:acme/web"),
            ("../x", "../x"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }
}
