//! Settings of the user that git obeys when it makes a clone. A new case is a new line.

use super::comparison::assert_as_git;
use super::row::{Compared, Row, Served};

const SETTINGS: &[Row] = &[
    // What the remote and the branch are called, and what is kept of them.
    Row::named("nothing is set"),
    Row::of_user("clone.defaultRemoteName = up"),
    Row::of_user("clone.defaultRemoteName = up/stream"),
    Row::of_user("clone.defaultRemoteName = -x"),
    Row::of_user("clone.defaultRemoteName ="),
    Row::of_user("clone.rejectShallow = true").machine(SHALLOW),
    Row::of_user("clone.rejectShallow = false").machine(SHALLOW),
    Row::of_user("clone.filterSubmodules = true"),
    Row::of_user("init.defaultBranch = trunk"),
    Row::of_user("init.defaultBranch = trunk; lsrefs.unborn = ignore").machine(EMPTY),
    Row::of_user("init.defaultBranch = trunk ").machine(EMPTY),
    Row::of_user("init.defaultBranch = a..b"),
    Row::of_user("init.defaultBranch =").machine(DETACHED),
    Row::of_user("init.defaultBranch = topic").machine(DETACHED),
    Row::of_user("init.defaultRefFormat = files"),
    Row::of_user("init.defaultRefFormat = reftable"),
    Row::of_user("init.defaultRefFormat = odd"),
    Row::of_user("init.defaultObjectFormat = sha256"),
    Row::of_user("init.defaultObjectFormat = odd"),
    Row::of_user("init.templateDir = TMP/template").machine(TEMPLATE),
    Row::of_user("init.templateDir = ~/../template").machine(TEMPLATE),
    Row::of_user("init.templateDir = TMP/nowhere"),
    Row::of_user("init.templateDir ="),
    Row::of_user("remote.origin.fetch = +refs/pull/*/head:refs/remotes/origin/pull/*"),
    Row::of_user("remote.origin.fetch = ^refs/heads/topic"),
    Row::of_user("remote.origin.fetch = +refs/heads/*:refs/heads/*"),
    Row::of_user("remote.other.fetch = +refs/heads/*:refs/x/*"),
    Row::of_user("remote.origin.tagOpt = --no-tags"),
    Row::of_user("remote.origin.prune = true"),
    Row::of_user("remote.origin.mirror = true"),
    Row::of_user("remote.origin.pushurl = TMP/elsewhere"),
    Row::of_user("remote.origin.uploadpack = git upload-pack --strict"),
    Row::of_user("remote.origin.uploadpack = TMP/nowhere"),
    Row::of_user("remote.origin.partialCloneFilter = blob:none; remote.origin.promisor = true"),
    Row::of_user("remote.origin.vcs = nowhere"),
    Row::of_user("branch.autoSetupMerge = false"),
    Row::of_user("branch.autoSetupMerge = inherit"),
    Row::of_user("branch.autoSetupRebase = always"),
    Row::of_user("branch.autoSetupRebase = local"),
    Row::of_user("branch.autoSetupRebase = remote"),
    Row::of_user("branch.autoSetupRebase = odd"),
    Row::of_user("branch.main.description = mine; branch.main.remote = other"),
    // How, and from where.
    Row::of_user("url.file://TMP/remotes/.insteadOf = elsewhere:"),
    Row::of_user("url.TMP/remotes/.insteadOf = elsewhere:; url.x.pushInsteadOf = elsewhere:"),
    Row::of_user("url.file://TMP/nowhere/.pushInsteadOf = file://TMP/remotes/"),
    Row::of_user("protocol.version = 0"),
    Row::of_user("protocol.version = 1"),
    Row::of_user("protocol.version = 3"),
    Row::of_user("protocol.allow = never"),
    Row::of_user("protocol.file.allow = never"),
    Row::of_user("protocol.file.allow = always; protocol.allow = never"),
    Row::of_user("protocol.file.allow = odd"),
    Row::of_user("uploadpack.hideRefs = refs/tags"),
    Row::of_user("transfer.hideRefs = refs/heads/topic"),
    Row::of_user("uploadpack.packObjectsHook = TMP/nowhere"),
    Row::of_user("transfer.fsckObjects = true"),
    Row::of_user("fetch.fsckObjects = true"),
    Row::of_user("transfer.fsckObjects = true").machine(ODD_TREE),
    Row::of_user("transfer.fsckObjects = true; fetch.fsck.badFilemode = ignore").machine(ODD_TREE),
    Row::of_user("transfer.fsckObjects = true; fetch.fsckObjects = false").machine(ODD_TREE),
    Row::of_user("transfer.bundleURI = true; fetch.bundleURI = file://TMP/nowhere"),
    Row::of_user("fetch.prune = true; fetch.pruneTags = true"),
    Row::of_user("safe.bareRepository = explicit"),
    // The files to write.
    Row::of_user("core.sharedRepository = group"),
    Row::of_user("core.sharedRepository = 0664"),
    Row::of_user("core.sharedRepository = world"),
    Row::of_user("core.sharedRepository = umask"),
    Row::of_user("core.sharedRepository = 0007"),
    Row::of_user("core.autocrlf = true"),
    Row::of_user("core.autocrlf = input"),
    Row::of_user("core.eol = crlf"),
    Row::of_user("core.fileMode = false"),
    Row::of_user("core.symlinks = false"),
    Row::of_user("core.logAllRefUpdates = false"),
    Row::of_user("core.logAllRefUpdates = always"),
    Row::of_user("core.hooksPath = TMP/nowhere"),
    Row::of_user("core.hooksPath = TMP/hooks").machine(HOOKS),
    Row::of_user("core.bare = true"),
    Row::of_user("core.worktree = TMP/nowhere"),
    Row::of_user("core.ignoreCase = true"),
    Row::of_user("core.precomposeUnicode = true"),
    Row::of_user("core.preferSymlinkRefs = true"),
    Row::of_user("core.protectHFS = true").machine(HFS),
    Row::of_user("core.sparseCheckout = true"),
    Row::of_user("index.version = 4"),
    Row::of_user("feature.manyFiles = true"),
    Row::of_user("submodule.recurse = true"),
    Row::of_user("filter.turn.smudge = tr a-z n-za-m; core.attributesFile = TMP/attributes")
        .machine("echo '*.txt filter=turn' >attributes"),
    Row::of_user("filter.turn.smudge = false; core.attributesFile = TMP/attributes")
        .machine("echo '*.txt filter=turn' >attributes"),
    Row::of_user(
        "filter.turn.smudge = false; filter.turn.required; core.attributesFile = TMP/attributes",
    )
    .machine("echo '*.txt filter=turn' >attributes"),
    // Over HTTP.
    Row::of_user("http.userAgent = mine; http.postBuffer = 100000").served(Served::OverHttp),
    Row::of_user("http.version = HTTP/1.1").served(Served::OverHttp),
    Row::of_user("http.cookieFile = TMP/cookies; http.saveCookies = true")
        .machine("printf '127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\tletmein\n' >cookies")
        .served(Served::ToWhoHas("cookie", "pass=letmein")),
    Row::of_user("http.proxy = http://127.0.0.1:1").served(Served::OverHttp),
    Row::of_user("http.proxy =; http.emptyAuth = true").served(Served::OverHttp),
    Row::of_user("http.lowSpeedLimit = 1; http.lowSpeedTime = 9").served(Served::OverHttp),
    Row::of_user("protocol.http.allow = never").served(Served::OverHttp),
    Row::named("a header is missing").served(TO_WHO_HAS_IT),
    Row::of_user("http.extraHeader = X-Pass: let-me-in").served(TO_WHO_HAS_IT),
    Row::of_user("http.http://127.0.0.1/.extraHeader = X-Pass: let-me-in").served(TO_WHO_HAS_IT),
    Row::named("a certificate is unknown").served(Served::OverTls),
    Row::of_user("http.sslVerify = false").served(Served::OverTls),
    Row::of_user("http.sslCAInfo = TMP/tls/authority.pem").served(Served::OverTls),
    Row::of_user("http.sslCAInfo = TMP/nowhere").served(Served::OverTls),
    Row::of_user("http.https://127.0.0.1:1/.sslVerify = false").served(Served::OverTls),
];

const TO_WHO_HAS_IT: Served = Served::ToWhoHas("x-pass", "let-me-in");

const SHALLOW: &str = "
    git clone -q --bare --depth 1 file://TMP/remotes/web.git shallow.git
    rm -r remotes/web.git && mv shallow.git remotes/web.git";

const EMPTY: &str = "rm -r remotes/web.git && git init -q --bare -b other remotes/web.git";

const DETACHED: &str = "
    git -C remotes/web.git update-ref --no-deref HEAD topic
    git -C remotes/web.git symbolic-ref HEAD >&2 && exit 1 || true";

const TEMPLATE: &str = r"
    mkdir -p template/hooks template/info && echo '*.mine' >template/info/exclude
    printf '[user]\n\tname = Template\n[core]\n\tfileMode = false\n' >template/config
    printf '#!/bin/sh\necho >made-by-hook' >template/hooks/post-checkout
    chmod +x template/hooks/post-checkout && ln -s exclude template/info/link";

const HOOKS: &str = r"
    mkdir hooks && printf '#!/bin/sh\necho $* >made-by-hook' >hooks/post-checkout
    chmod +x hooks/post-checkout";

/// A tree with a mode that git has long since stopped to write.
const ODD_TREE: &str = r#"
    cd remotes/web.git
    entry() { printf "$1 $2\0"; printf "$(printf %s "$3" | sed 's/../\\x&/g')"; }
    entry 100664 x "$(git rev-parse main:README.md)" >tree
    odd=$(git hash-object -w -t tree --literally tree) && rm tree
    git update-ref refs/heads/main $(git commit-tree -m odd -p main $odd)"#;

/// A name that a file system of Apple's takes for `.git`.
const HFS: &str = r"
    cd remotes/web.git && file=$(git rev-parse main:README.md)
    tree=$(printf '100644 blob %s\t.g\342\200\214it\n' $file | git mktree)
    git update-ref refs/heads/main $(git commit-tree -m odd -p main $tree)";

#[test]
fn a_clone_under_any_settings_is_the_one_that_git_makes() {
    assert_as_git(SETTINGS, Compared::Clone);
}
