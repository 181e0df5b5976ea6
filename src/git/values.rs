//! Settings and variables with a value that git refuses, or reads in a way of its own.
//!
//! gix and libgit2 take some of them for what they are not, and refuse others that git lets pass. So nothing is
//! decided here but whether a value is one that git documents: where it is not, git itself is asked.

use std::env;
use std::sync::LazyLock;

use gix::bstr::{BStr, ByteSlice as _};
use gix::config::{Boolean, File, Integer};

/// What git takes as the value of a setting.
#[derive(Clone, Copy)]
enum Kind {
    Boolean,
    /// Or one of these words.
    BooleanOr(&'static [&'static str]),
    Word(&'static [&'static str]),
    /// From the one to the other.
    Number(i64, i64),
    /// The same, or a word that says how it is found.
    NumberOr(i64, i64, &'static [&'static str]),
    /// Of a branch or a remote.
    Name,
    /// A name or email: git removes characters.
    Person,
}

const ANY: Kind = Kind::Number(i64::MIN, i64::MAX);
const NATURAL: Kind = Kind::Number(0, i64::MAX);
/// Of zlib.
const LEVEL: Kind = Kind::Number(-1, 9);

/// What `git clone`, `git fetch` and `git merge` read (git-config(1)), in lower case.
const SETTINGS: &[(Kind, &[&str])] = &[
    (
        Kind::Boolean,
        &[
            "advice.*",
            "clone.filtersubmodules",
            "clone.rejectshallow",
            "commit.gpgsign",
            "core.bare",
            "core.commitgraph",
            "core.filemode",
            "core.fsyncobjectfiles",
            "core.ignorecase",
            "core.multipackindex",
            "core.precomposeunicode",
            "core.prefersymlinkrefs",
            "core.preloadindex",
            "core.protecthfs",
            "core.protectntfs",
            "core.quotepath",
            "core.sparsecheckout",
            "core.sparsecheckoutcone",
            "core.splitindex",
            "core.symlinks",
            "core.trustctime",
            "core.usereplacerefs",
            "core.warnambiguousrefs",
            "feature.experimental",
            "feature.manyfiles",
            "fetch.all",
            "fetch.fsckobjects",
            "fetch.prune",
            "fetch.prunetags",
            "fetch.showforcedupdates",
            "fetch.writecommitgraph",
            "filter.*.required",
            "gc.autodetach",
            "http.*.sslverify",
            "http.savecookies",
            "http.sslverify",
            "index.skiphash",
            "index.sparse",
            "maintenance.auto",
            "merge.autostash",
            "merge.renormalize",
            "merge.stat",
            "merge.verifysignatures",
            "remote.*.mirror",
            "remote.*.promisor",
            "remote.*.prune",
            "remote.*.prunetags",
            "remote.*.skipdefaultupdate",
            "remote.*.skipfetchall",
            "submodule.propagatebranches",
            "submodule.recurse",
            "transfer.advertisesid",
            "transfer.bundleuri",
            "transfer.fsckobjects",
            "user.useconfigonly",
        ],
    ),
    (
        Kind::BooleanOr(&["always", "inherit", "simple"]),
        &["branch.autosetupmerge"],
    ),
    (Kind::BooleanOr(&["always", "auto", "never"]), &["color.ui"]),
    (Kind::BooleanOr(&["always"]), &["core.logallrefupdates"]),
    (
        Kind::BooleanOr(&["copies", "copy"]),
        &["diff.renames", "merge.renames"],
    ),
    (
        Kind::BooleanOr(&["initial"]),
        &["http.*.followredirects", "http.followredirects"],
    ),
    (Kind::BooleanOr(&["input"]), &["core.autocrlf"]),
    (Kind::BooleanOr(&["keep"]), &["core.untrackedcache"]),
    (
        Kind::BooleanOr(&["normal", "all"]),
        &["status.showuntrackedfiles"],
    ),
    (
        Kind::BooleanOr(&["on-demand"]),
        &["fetch.recursesubmodules"],
    ),
    (Kind::BooleanOr(&["only"]), &["merge.ff"]),
    (Kind::BooleanOr(&["warn"]), &["core.safecrlf"]),
    (Kind::Word(&["--no-tags", "--tags"]), &["remote.*.tagopt"]),
    (Kind::Word(&["0", "1", "2"]), &["protocol.version"]),
    (Kind::Word(&["1", "2"]), &["pack.indexversion"]),
    (
        Kind::Word(&["always", "local", "never", "remote"]),
        &["branch.autosetuprebase"],
    ),
    (
        Kind::Word(&["batch", "fsync", "writeout-only"]),
        &["core.fsyncmethod"],
    ),
    (Kind::Word(&["compact", "full"]), &["fetch.output"]),
    (
        Kind::Word(&["consecutive", "default", "noop", "skipping"]),
        &["fetch.negotiationalgorithm"],
    ),
    (
        Kind::Word(&[
            "current", "matching", "nothing", "simple", "tracking", "upstream",
        ]),
        &["push.default"],
    ),
    (Kind::Word(&["crlf", "lf", "native"]), &["core.eol"]),
    (Kind::Word(&["default", "minimal"]), &["core.checkstat"]),
    (
        Kind::Word(&["diff3", "merge", "zdiff3"]),
        &["merge.conflictstyle"],
    ),
    (Kind::Word(&["link", "rename"]), &["core.createobject"]),
    (Kind::Word(&["openpgp", "ssh", "x509"]), &["gpg.format"]),
    (
        LEVEL,
        &[
            "core.compression",
            "core.loosecompression",
            "pack.compression",
        ],
    ),
    (
        Kind::NumberOr(4, i64::MAX, &["auto", "false", "no", "off"]),
        &["core.abbrev"],
    ),
    (
        NATURAL,
        &[
            "core.bigfilethreshold",
            "core.deltabasecachelimit",
            "core.packedgitlimit",
            "core.packedgitwindowsize",
            "fetch.parallel",
            "http.postbuffer",
            "pack.threads",
            "submodule.fetchjobs",
        ],
    ),
    (
        ANY,
        &[
            "checkout.thresholdforparallelism",
            "checkout.workers",
            "core.filesreflocktimeout",
            "core.packedrefstimeout",
            "core.repositoryformatversion",
            "fetch.unpacklimit",
            "gc.auto",
            "gc.autopacklimit",
            "http.lowspeedlimit",
            "http.lowspeedtime",
            "index.version",
            "pack.depth",
            "pack.window",
            "transfer.unpacklimit",
        ],
    ),
    (
        Kind::Name,
        &["clone.defaultremotename", "init.defaultbranch"],
    ),
    (
        Kind::Person,
        &[
            "committer.email",
            "committer.name",
            "user.email",
            "user.name",
        ],
    ),
];

/// The same of variables.
const VARIABLES: &[(Kind, &[&str])] = &[
    (Kind::Word(&["sha1", "sha256"]), &["GIT_DEFAULT_HASH"]),
    (
        Kind::Person,
        &["EMAIL", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_NAME"],
    ),
];

/// Whether git is to say what it thinks of a configuration as gix has read it, or of the environment.
pub(super) fn are_for_git(config: &File) -> bool {
    let mut sections = config.sections();
    has_odd_variable()
        || sections.any(|section| {
            let header = section.header();
            let middle = header.subsection_name().map_or(".", |_| ".*.");
            section.value_names().any(|key| {
                let setting = format!("{}{middle}{key}", header.name());
                // One without a value is `true`.
                let mut values = section.values(&key).into_iter();
                values.any(|value| is_odd(SETTINGS, &setting.to_lowercase(), value.as_ref()))
            })
        })
}

/// The same of one that libgit2 has read.
pub(super) fn of_clone_are_for_git(config: &git2::Config) -> Result<bool, git2::Error> {
    let mut found = has_odd_variable();
    config.entries(None)?.for_each(|entry| {
        let (Ok(name), true) = (entry.name(), entry.has_value()) else {
            return;
        };
        let setting = match (name.split_once('.'), name.rsplit_once('.')) {
            (Some((section, rest)), Some((_, key))) if rest != key => format!("{section}.*.{key}"),
            _ => name.to_owned(),
        };
        found |= is_odd(
            SETTINGS,
            &setting.to_lowercase(),
            entry.value_bytes().into(),
        );
    })?;
    Ok(found)
}

/// Whether the environment has settings that change what git takes files for: libgit2 does not read them there.
pub(super) fn of_environment_are_for_git() -> bool {
    static ARE: LazyLock<bool> = LazyLock::new(|| {
        let count = env::var("GIT_CONFIG_COUNT").ok();
        let count = count.and_then(|count| count.parse::<usize>().ok());
        (0..count.unwrap_or_default()).any(|number| {
            let key = env::var(format!("GIT_CONFIG_KEY_{number}"));
            let key = key.unwrap_or_default().to_lowercase();
            ["core.", "filter.", "status."]
                .iter()
                .any(|section| key.starts_with(section))
        })
    });
    *ARE
}

fn has_odd_variable() -> bool {
    let is_odd = |name: &&str| {
        let value = env::var_os(name);
        value.is_some_and(|value| is_odd(VARIABLES, name, value.as_encoded_bytes().into()))
    };
    let names = VARIABLES.iter().flat_map(|(_, names)| *names);
    let date = env::var("GIT_COMMITTER_DATE");
    let is_no_date = |date: &String| gix::date::parse(date, None).is_err();
    names.into_iter().any(is_odd) || date.as_ref().is_ok_and(is_no_date)
}

fn is_odd(table: &[(Kind, &[&str])], name: &str, value: &BStr) -> bool {
    let section = name.split('.').next().unwrap_or(name);
    let is_it = |known: &&str| *known == name || known.strip_suffix(".*") == Some(section);
    let kinds = table.iter().filter(|(_, names)| names.iter().any(is_it));
    let mut kinds = kinds.map(|(kind, _)| kind);
    kinds.any(|kind| !kind.takes(value))
}

impl Kind {
    fn takes(self, value: &BStr) -> bool {
        let is_boolean = || Boolean::try_from(value).is_ok();
        let is_one_of = |words: &[&str]| words.iter().any(|word| value == word);
        match self {
            Kind::Boolean => is_boolean(),
            Kind::BooleanOr(words) => is_boolean() || is_one_of(words),
            Kind::Word(words) => is_one_of(words),
            Kind::Number(least, most) => {
                let number = Integer::try_from(value).ok();
                let number = number.and_then(|number| number.to_decimal());
                number.is_some_and(|number| (least..=most).contains(&number))
            }
            Kind::NumberOr(least, most, words) => {
                is_one_of(words) || Kind::Number(least, most).takes(value)
            }
            Kind::Name => gix::validate::reference::name_partial(value).is_ok(),
            Kind::Person => {
                // `crud` of git's ident.c, but for nothing at all.
                let is_crud = |byte: &u8| *byte <= b' ' || b".,:;<>\"\\'".contains(byte);
                let ends = [value.first(), value.last()];
                !ends.into_iter().flatten().any(is_crud) && value.find_byteset(b"<>\n").is_none()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_git_does_not_document_is_for_git() {
        let of_git = [
            "[core]\nbare = maybe",
            "[core]\ncompression = 10",
            "[CORE]\nAutoCRLF = yes please",
            "[core]\nabbrev = 2",
            "[advice]\ndiverging = maybe",
            "[fetch]\nparallel = -1",
            "[remote \"origin\"]\nprune = 1 = 1",
            "[remote \"a.b\"]\ntagOpt =",
            "[init]\ndefaultBranch =",
            "[user]\nname = Some One <some@one>",
            "[http \"https://a.b/\"]\nsslVerify = no way",
        ];
        for text in of_git {
            let config: File = text.parse().unwrap();
            assert!(are_for_git(&config), "{text}");
        }
        let of_ours = [
            "",
            "[core]\nbare\nautocrlf =\nfileMode = 0\ncompression = 0\nbigFileThreshold = 1g",
            "[core]\nlogAllRefUpdates = always\nabbrev = no\nodd = odd",
            "[remote \"origin\"]\nprune = on\ntagOpt = --no-tags",
            "[init]\ndefaultBranch = feature/x\n[user]\nname = G. R\u{fc}n\nemail = a@b",
        ];
        for text in of_ours {
            let config: File = text.parse().unwrap();
            assert!(!are_for_git(&config), "{text}");
        }
    }
}
