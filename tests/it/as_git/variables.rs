//! Variables of the environment, under which a clone is made and updated. A new case is a new line.

use super::comparison::assert_as_git;
use super::row::{Compared, Expected, Row, Served};

const fn with(name: &'static str, variables: &'static [&'static str]) -> Row {
    Row {
        variables,
        ..Row::named(name)
    }
}

/// One that names a repository: fitout behaves as if it were not set.
const fn of_another(name: &'static str, variables: &'static [&'static str]) -> Row {
    with(name, variables).expected(Expected::WithoutTheVariables)
}

const CRLF: &str = r"printf '[core]\n\tautocrlf = true\n' >crlf && mkdir -p home/git home/.config/git other/git &&
    cp crlf home/.config/git/config && cp crlf other/git/config && cp crlf other/.gitconfig";

const NAMELESS: Expected = Expected::But(
    &["log "],
    "who has told git no name is called by that of the account in logs of git's, and has none in fitout's",
);

const ROWS: &[Row] = &[
    // Where settings come from.
    with("a file of settings", &["GIT_CONFIG_GLOBAL=TMP/crlf"]).machine(CRLF),
    with("none", &["GIT_CONFIG_GLOBAL="]),
    with("one that is not there", &["GIT_CONFIG_GLOBAL=TMP/nowhere"]),
    with("one that is broken", &["GIT_CONFIG_GLOBAL=TMP/remotes/web.git/HEAD"]),
    with("a home", &["GIT_CONFIG_GLOBAL", "HOME=TMP/other"]).machine(CRLF),
    with("a home of XDG's", &["GIT_CONFIG_GLOBAL", "HOME=TMP/ws", "XDG_CONFIG_HOME=TMP/other"])
        .machine(CRLF),
    with("XDG's in a home", &["GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME"])
        .machine(r"mkdir -p home/.config/git && printf '[core]\n\tautocrlf = true\n' >home/.config/git/config"),
    with("no home", &["GIT_CONFIG_GLOBAL", "HOME", "XDG_CONFIG_HOME"]),
    with("a file of the system", &["GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM=TMP/crlf"]).machine(CRLF),
    with("no file of the system", &["GIT_CONFIG_NOSYSTEM=true", "GIT_CONFIG_SYSTEM=TMP/crlf"])
        .machine(CRLF),
    with("settings", &["GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.autocrlf", "GIT_CONFIG_VALUE_0=true"]),
    with("settings that matter to git only", &[
        "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=core.sharedRepository", "GIT_CONFIG_VALUE_0=group",
        "GIT_CONFIG_KEY_1=fetch.prune", "GIT_CONFIG_VALUE_1=true",
    ]),
    with("too few settings", &["GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=core.eol", "GIT_CONFIG_VALUE_0=lf"]),
    with("a count of settings that is none", &["GIT_CONFIG_COUNT=odd"]),
    with("settings of `git -c`", &["GIT_CONFIG_PARAMETERS='core.autocrlf'='true'"]),
    with("older settings of `git -c`", &["GIT_CONFIG_PARAMETERS='clone.defaultremotename=up'"]),
    with("no attributes of the system", &["GIT_ATTR_NOSYSTEM=1"]),
    with("attributes of a tree", &["GIT_ATTR_SOURCE=main"]),
    // What a clone is made of.
    with("a template", &["GIT_TEMPLATE_DIR=TMP/template"])
        .machine("mkdir -p template/info && echo '*.txt eol=crlf' >template/info/attributes"),
    with("no template", &["GIT_TEMPLATE_DIR="]),
    with("other names of objects", &["GIT_DEFAULT_HASH=sha256"]),
    with("names of objects that are none", &["GIT_DEFAULT_HASH=odd"]),
    with("another form of refs", &["GIT_DEFAULT_REF_FORMAT=reftable"]),
    with("a form of refs that is none", &["GIT_DEFAULT_REF_FORMAT=odd"]),
    with("an index of another version", &["GIT_INDEX_VERSION=4"]),
    with("a split index", &["GIT_TEST_SPLIT_INDEX=1"]),
    // Who did it, and when.
    with("another committer", &["GIT_COMMITTER_NAME=Some One", "GIT_COMMITTER_EMAIL=s@example.com"]),
    with("a committer without a name", &["GIT_COMMITTER_NAME="]).expected(NAMELESS),
    with("a committer with odd characters", &["GIT_COMMITTER_NAME= .<Some\nOne>, "]),
    with("another date", &["GIT_COMMITTER_DATE=@1600000000 +0230"]),
    with("a date in words", &["GIT_COMMITTER_DATE=2020-02-29T12:00:00-0700"]),
    with("a date that is none", &["GIT_COMMITTER_DATE=odd"]),
    with("nobody", &["GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL=who@example.com"])
        .expected(NAMELESS),
    with("a time zone", &["GIT_COMMITTER_DATE", "TZ=Asia/Kathmandu"]),
    with("words of the log", &["GIT_REFLOG_ACTION=mine"]),
    // How the remote is reached.
    with("only some protocols", &["GIT_ALLOW_PROTOCOL=https:ssh"]),
    with("this protocol too", &["GIT_ALLOW_PROTOCOL=https:file"]),
    with("not an address of the user's", &["GIT_PROTOCOL_FROM_USER=0"]),
    with("a protocol", &["GIT_PROTOCOL=version=0"]),
    with("a certificate", &["GIT_SSL_CAINFO=TMP/tls/authority.pem"]).served(Served::OverTls),
    with("a certificate that is not checked", &["GIT_SSL_NO_VERIFY=1"]).served(Served::OverTls),
    with("certificates in a folder", &["GIT_SSL_CAPATH=TMP/tls"]).served(Served::OverTls),
    with("a user agent", &["GIT_HTTP_USER_AGENT=mine"]).served(Served::OverHttp),
    with("a proxy", &["http_proxy=http://127.0.0.1:1"]).served(Served::OverHttp),
    with("a proxy of all", &["ALL_PROXY=http://127.0.0.1:1"]).served(Served::OverHttp),
    with("a proxy, but not here", &["http_proxy=http://127.0.0.1:1", "NO_PROXY=127.0.0.1"])
        .served(Served::OverHttp),
    with("silence", &["GIT_HTTP_LOW_SPEED_LIMIT=1", "GIT_HTTP_LOW_SPEED_TIME=9"]).served(Served::OverHttp),
    with("nobody to ask", &["GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false", "SSH_ASKPASS=false"])
        .served(Served::OverHttp),
    with("another ssh", &["GIT_SSH_COMMAND=false", "GIT_SSH=false", "GIT_SSH_VARIANT=odd"]),
    // How git works.
    with("traces", &["GIT_TRACE=TMP/trace", "GIT_TRACE_PACKET=TMP/packets", "GIT_TRACE2_EVENT=TMP/events"]),
    with("flushes", &["GIT_FLUSH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TEST_FSYNC=0"]),
    with("no lazy fetches", &["GIT_NO_LAZY_FETCH=1"]),
    with("folders to stop at", &["GIT_CEILING_DIRECTORIES=TMP"]),
    with("across file systems", &["GIT_DISCOVERY_ACROSS_FILESYSTEM=1"]),
    with("patterns as they are", &["GIT_LITERAL_PATHSPECS=1"]),
    with("an editor and a pager", &["GIT_EDITOR=false", "GIT_PAGER=false", "EDITOR=false"]),
    with("no advice", &["GIT_ADVICE=0"]),
    with("another language", &["LC_ALL=de_DE.UTF-8", "LANG=de_DE.UTF-8", "LANGUAGE=de"]),
    with("no words in other languages", &["GIT_GETTEXT_SCHEME=fallthrough"]),
    with("no files of Git LFS", &["GIT_LFS_SKIP_SMUDGE=1"]),
    with("a folder of git's programs that is not there", &["GIT_EXEC_PATH=TMP/nowhere"]),
    with("a first branch of the tests of git", &["GIT_TEST_DEFAULT_INITIAL_BRANCH_NAME=trunk"]),
    // A repository around.
    of_another("a repository", &["GIT_DIR=TMP/work-web/.git"]),
    of_another("a work tree", &["GIT_DIR=TMP/work-web/.git", "GIT_WORK_TREE=TMP/work-web"]),
    of_another("a common folder", &["GIT_COMMON_DIR=TMP/work-web/.git"]),
    of_another("an index", &["GIT_INDEX_FILE=TMP/index"]),
    of_another("objects", &["GIT_OBJECT_DIRECTORY=TMP/objects"]),
    of_another("more objects", &["GIT_ALTERNATE_OBJECT_DIRECTORIES=TMP/work-web/.git/objects"]),
    of_another("objects in quarantine", &["GIT_QUARANTINE_PATH=TMP/objects"]),
    of_another("a part of a server", &["GIT_NAMESPACE=other"]),
    of_another("grafts", &["GIT_GRAFT_FILE=TMP/grafts"])
        .machine("git -C remotes/web.git rev-parse main >grafts"),
    of_another("a list of where history ends", &["GIT_SHALLOW_FILE=TMP/shallow"])
        .machine("git -C remotes/web.git rev-parse main >shallow"),
    of_another("a file of settings of `git config`", &["GIT_CONFIG=TMP/config"]),
    of_another("a folder in a work tree", &["GIT_PREFIX=src/"]),
    of_another("no replaced objects", &["GIT_NO_REPLACE_OBJECTS=1"]),
    of_another("other replaced objects", &["GIT_REPLACE_REF_BASE=refs/tags/"]),
    of_another("no work tree", &["GIT_IMPLICIT_WORK_TREE=0"]),
];

#[test]
fn under_any_variables_a_clone_is_what_git_makes_of_it() {
    assert_as_git(ROWS, Compared::CloneAndPull);
}

/// Not a variable, but of the environment, too.
#[test]
fn under_any_mask_of_modes_a_clone_is_what_git_makes_of_it() {
    const ROWS: &[Row] = &[mask("0002"), mask("0027"), mask("0077")];
    assert_as_git(ROWS, Compared::CloneAndPull);
}

const fn mask(umask: &'static str) -> Row {
    Row {
        umask,
        ..Row::named(umask)
    }
}
