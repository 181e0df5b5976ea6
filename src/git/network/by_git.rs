//! Decides when the user's git does the work of gix, because a setting is only implemented by git.
//!
//! This is decided only here, based on the configuration and the kind of remote; docs/sync.md has
//! the list.

use std::env;

use crate::git::values;
use gix::Url;
use gix::bstr::ByteSlice as _;
use gix::config::File;
use gix::config::file::SectionRef;
use gix::refspec::RefSpec;
use gix::url::Scheme;

use crate::host::files;

/// Whether git is to speak with a remote in all that is done with it: before anybody else connects to it.
pub(super) fn speaks(config: &File, remote: &str, url: Option<&Url>) -> bool {
    is_bundle(url)
        || values::are_for_git(config)
        || is_set(config, &format!("remote.{remote}.vcs"))
        || url.is_some_and(|url| {
            !is_allowed(config, &url.scheme)
                || needs_curl(config, &url.scheme)
                || has_proxy_program(config, &url.scheme)
        })
}

/// Whether git should do the clone.
pub(super) fn makes_clone(config: &File, from: Option<&Url>) -> bool {
    let remote = remote_name(config);
    speaks(config, &remote, from)
        || checks_objects(config)
        || is_shared(config)
        || has_other_refs(config)
        || depends_on_refs(config)
        || is_set(config, &format!("remote.{remote}.fetch"))
        || is_set(config, &format!("remote.{remote}.uploadpack"))
}

/// Whether git should fetch new objects into a clone.
pub(super) fn fetches(config: &File, remote: &str, specs: &[RefSpec]) -> bool {
    let of_remote = ["promisor", "partialCloneFilter", "uploadpack"];
    checks_objects(config)
        || is_shared(config)
        || is_set(config, "extensions.partialClone")
        || is_true(config, "fetch.writeCommitGraph") == Some(true)
        || of_remote
            .iter()
            .any(|key| is_set(config, &format!("remote.{remote}.{key}")))
        || !specs.iter().all(is_plain)
}

/// Whether the remote is not a repository but a bundle file (gitformat-bundle(5)).
fn is_bundle(remote: Option<&Url>) -> bool {
    const STARTS: &[&[u8]] = &[b"# v2 git bundle\n", b"# v3 git bundle\n"];
    let path = remote
        .filter(|url| url.scheme == Scheme::File)
        .and_then(|url| url.path.to_path().ok());
    path.is_some_and(|path| files::begins_with(path, STARTS))
}

/// Whether it is plain that git may use the protocol (`protocol.allow` in git-config(1)); who may not is told so by
/// git.
fn is_allowed(config: &File, scheme: &Scheme) -> bool {
    let scheme = scheme.as_str();
    if let Some(allowed) = env::var_os("GIT_ALLOW_PROTOCOL") {
        let mut allowed = allowed.as_encoded_bytes().split(|byte| *byte == b':');
        return allowed.any(|name| name == scheme.as_bytes());
    }
    let is_from_user = env::var_os("GIT_PROTOCOL_FROM_USER").is_none_or(|value| value == "1");
    let allowed = config
        .string(format!("protocol.{scheme}.allow").as_str())
        .or_else(|| config.string("protocol.allow"));
    match allowed.as_ref().map(|value| value.as_bytes()) {
        Some(b"always") => true,
        Some(b"user") => is_from_user,
        Some(_) => false,
        None => is_from_user || scheme != "file",
    }
}

/// Whether something is set that only git's own library for HTTP does.
fn needs_curl(config: &File, scheme: &Scheme) -> bool {
    const SETTINGS: &[&str] = &[
        "cookieFile",
        "curloptResolve",
        "delegation",
        "pinnedPubkey",
        "proxySSLCAInfo",
        "proxySSLCert",
        "sslCAPath",
        "sslCipherList",
        "sslVersion",
    ];
    const VARIABLES: &[&str] = &["GIT_SSL_CAPATH", "GIT_SSL_CIPHER_LIST", "GIT_SSL_VERSION"];
    let is_one =
        |section: &SectionRef<'_>| SETTINGS.iter().any(|key| section.contains_value_name(key));
    matches!(scheme, Scheme::Http | Scheme::Https)
        && (VARIABLES.iter().any(|name| env::var_os(name).is_some())
            || config
                .sections_by_name("http")
                .is_some_and(|mut sections| sections.any(|section| is_one(&section))))
}

/// Whether a program stands between the user and servers of `git://`.
fn has_proxy_program(config: &File, scheme: &Scheme) -> bool {
    *scheme == Scheme::Git
        && (is_set(config, "core.gitProxy") || env::var_os("GIT_PROXY_COMMAND").is_some())
}

/// Files of settings that are read or not by what the clone follows, and refs that are links of the file system.
fn depends_on_refs(config: &File) -> bool {
    let is_one = |section: SectionRef<'_>| {
        let condition = section.header().subsection_name();
        condition.is_some_and(|it| it.starts_with(b"onbranch:") || it.starts_with(b"hasconfig:"))
    };
    is_true(config, "core.preferSymlinkRefs") == Some(true)
        || config
            .sections_by_name("includeIf")
            .is_some_and(|mut sections| sections.any(is_one))
}

fn checks_objects(config: &File) -> bool {
    let keys = ["fetch.fsckObjects", "transfer.fsckObjects"];
    keys.iter()
        .find_map(|key| is_true(config, key))
        .unwrap_or_default()
}

/// Refs in a format other than files.
fn has_other_refs(config: &File) -> bool {
    let format = config.string("init.defaultRefFormat");
    format.is_some_and(|format| format.as_bytes() != b"files")
        || env::var_os("GIT_DEFAULT_REF_FORMAT").is_some_and(|format| format != "files")
}

/// Group-writable files.
fn is_shared(config: &File) -> bool {
    let key = "core.sharedRepository";
    match config.string(key) {
        Some(value) if value.as_bytes() == b"umask" => false,
        // A word or an octal number is not a boolean.
        Some(_) => is_true(config, key).unwrap_or(true),
        None => false,
    }
}

/// Remote-tracking branches and tags, which are never checked out, with forced updates.
fn is_plain(spec: &RefSpec) -> bool {
    let starts_with = |side: Option<&gix::bstr::BStr>, fronts: [&str; 2]| {
        side.is_some_and(|side| fronts.iter().any(|front| side.starts_with_str(front)))
    };
    let sides = spec.to_ref();
    spec.allow_non_fast_forward()
        && starts_with(sides.remote(), ["refs/heads/", "refs/tags/"])
        && starts_with(sides.local(), ["refs/remotes/", "refs/tags/"])
}

fn is_set(config: &File, key: &str) -> bool {
    config.string(key).is_some()
}

/// Returns none if it is not set, or not a boolean.
fn is_true(config: &File, key: &str) -> Option<bool> {
    config.boolean(key).ok().flatten()
}

/// Returns the name of a clone's remote.
pub(super) fn remote_name(config: &gix::config::File) -> String {
    let name = config.string("clone.defaultRemoteName");
    name.map_or_else(|| "origin".to_owned(), |name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> File {
        text.parse().unwrap()
    }

    fn specs(texts: &[&str]) -> Vec<RefSpec> {
        super::super::clone::refspecs(texts).unwrap()
    }

    #[test]
    fn what_git_alone_honours_is_left_to_git() {
        let plain = specs(&["+refs/heads/*:refs/remotes/origin/*"]);
        let of_git = [
            "[transfer]\nfsckObjects",
            "[fetch]\nfsckObjects = yes",
            "[core]\nsharedRepository = group",
            "[core]\nsharedRepository = 0660",
            "[core]\nsharedRepository = true",
            "[extensions]\npartialClone = origin",
            "[remote \"origin\"]\npromisor = true",
        ];
        for text in of_git {
            assert!(fetches(&config(text), "origin", &plain), "{text}");
        }
        let of_gix = [
            "",
            "[transfer]\nfsckObjects = true\n[fetch]\nfsckObjects = false",
            "[core]\nsharedRepository = umask",
            "[core]\nsharedRepository = false",
            "[fetch]\nprune = true",
            "[remote \"other\"]\npromisor = true",
        ];
        for text in of_gix {
            assert!(!fetches(&config(text), "origin", &plain), "{text}");
        }
    }

    #[test]
    fn a_protocol_that_is_not_plainly_allowed_is_for_git() {
        let file = Scheme::File;
        for text in [
            "[protocol \"file\"]\nallow = never",
            "[protocol]\nallow = never",
            "[protocol]\nallow = always\n[protocol \"file\"]\nallow = Odd",
        ] {
            assert!(!is_allowed(&config(text), &file), "{text}");
        }
        for text in [
            "",
            "[protocol]\nallow = never\n[protocol \"file\"]\nallow = always",
            "[protocol \"ext\"]\nallow = never",
        ] {
            assert!(is_allowed(&config(text), &file), "{text}");
        }
    }

    #[test]
    fn odd_refspecs_are_left_to_git() {
        let odd = [
            "+refs/*:refs/*",
            "refs/heads/*:refs/remotes/origin/*",
            "+refs/heads/*:refs/heads/*",
            "+refs/pull/*/head:refs/remotes/origin/pull/*",
            "^refs/heads/wip/*",
        ];
        for spec in odd {
            let specs = specs(&["+refs/heads/*:refs/remotes/origin/*", spec]);
            assert!(fetches(&config(""), "origin", &specs), "{spec}");
        }
    }
}
