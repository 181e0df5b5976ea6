//! Where the user's git does the work of gix: what is configured there means something to git only.
//!
//! Decided here and nowhere else, by the configuration and by what the remote is; docs/sync.md has the list.

use super::attempt::remote_name;
use gix::Url;
use gix::bstr::ByteSlice as _;
use gix::config::File;
use gix::refspec::RefSpec;
use gix::url::Scheme;

use crate::host::files;

/// Whether git is to make a clone from there.
pub(super) fn makes_clone(config: &File, from: Option<&Url>) -> bool {
    let remote = remote_name(config);
    is_bundle(from)
        || checks_objects(config)
        || is_shared(config)
        || has_other_refs(config)
        || is_set(config, &format!("remote.{remote}.fetch"))
        || is_set(config, &format!("remote.{remote}.uploadpack"))
}

/// Whether git is to bring what is new into a clone.
pub(super) fn fetches(config: &File, remote: &str, specs: &[RefSpec]) -> bool {
    let of_remote = ["promisor", "partialCloneFilter", "uploadpack", "vcs"];
    checks_objects(config)
        || is_shared(config)
        || is_set(config, "extensions.partialClone")
        || is_true(config, "fetch.writeCommitGraph") == Some(true)
        || of_remote
            .iter()
            .any(|key| is_set(config, &format!("remote.{remote}.{key}")))
        || !specs.iter().all(is_plain)
}

/// Whether the remote is no repository but a file with objects (gitformat-bundle(5)).
pub(super) fn is_bundle(remote: Option<&Url>) -> bool {
    const STARTS: &[&[u8]] = &[b"# v2 git bundle\n", b"# v3 git bundle\n"];
    let path = remote
        .filter(|url| url.scheme == Scheme::File)
        .and_then(|url| url.path.to_path().ok());
    path.is_some_and(|path| files::begins_with(path, STARTS))
}

fn checks_objects(config: &File) -> bool {
    let keys = ["fetch.fsckObjects", "transfer.fsckObjects"];
    keys.iter()
        .find_map(|key| is_true(config, key))
        .unwrap_or_default()
}

/// Refs in another form than files.
fn has_other_refs(config: &File) -> bool {
    let format = config.string("init.defaultRefFormat");
    format.is_some_and(|format| format.as_bytes() != b"files")
        || std::env::var_os("GIT_DEFAULT_REF_FORMAT").is_some_and(|format| format != "files")
}

/// Files that a group may write, too.
fn is_shared(config: &File) -> bool {
    let key = "core.sharedRepository";
    match config.string(key) {
        Some(value) if value.as_bytes() == b"umask" => false,
        // A word or an octal number is no boolean.
        Some(_) => is_true(config, key).unwrap_or(true),
        None => false,
    }
}

/// Remote-tracking branches and tags, which nobody has checked out, to be moved in any case.
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

/// None where it is not set, or is no boolean.
fn is_true(config: &File, key: &str) -> Option<bool> {
    config.boolean(key).ok().flatten()
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
