//! Settings that are odd or rarely seen, of the user or of one clone, under which a clone is made and updated. A
//! new case is a new line.

use super::comparison::assert_as_git;
use super::row::{Compared, Expected, Row, Served};

/// The server is another one's, whom they are nothing to.
const fn of_user(settings: &'static str) -> Row {
    Row::of_user(settings).served(Served::ByDaemon)
}

/// Of the user: both clones are made and updated under them.
const OF_USER: &[Row] = &[
    // Values that are none.
    of_user("core.bare = maybe"),
    of_user("core.bare"),
    of_user("core.bare ="),
    of_user("core.fileMode = maybe"),
    of_user("core.compression = 10"),
    of_user("core.autocrlf = maybe"),
    of_user("core.eol = odd"),
    of_user("core.logAllRefUpdates = odd"),
    of_user("core.logAllRefUpdates ="),
    of_user("core.abbrev = 2"),
    of_user("core.abbrev = no"),
    of_user("core.excludesFile = TMP/nowhere"),
    of_user("core.attributesFile ="),
    of_user("core.checkStat = odd"),
    of_user("core.createObject = odd"),
    of_user("core.bigFileThreshold = 1"),
    of_user("core.deltaBaseCacheLimit = 1; core.packedGitWindowSize = 1; core.packedGitLimit = 1"),
    of_user("core.packedGitLimit = odd"),
    of_user("core.commentChar = ab"),
    of_user("core.repositoryFormatVersion = 1"),
    of_user("core.repositoryFormatVersion = 2"),
    of_user("extensions.odd = true"),
    of_user("extensions.objectFormat = sha256"),
    of_user("extensions.partialClone = origin"),
    of_user("fetch.parallel = 0"),
    of_user("fetch.parallel = -1"),
    of_user("fetch.prune = maybe"),
    of_user("fetch.output = odd"),
    of_user("fetch.output = compact"),
    of_user("fetch.all = true"),
    of_user("fetch.unpackLimit = 1"),
    of_user("transfer.unpackLimit = 1000000"),
    of_user("fetch.showForcedUpdates = false"),
    of_user("fetch.negotiationAlgorithm = noop"),
    of_user("fetch.negotiationAlgorithm = skipping"),
    of_user("fetch.negotiationAlgorithm = odd"),
    of_user("fetch.recurseSubmodules = true"),
    of_user("fetch.recurseSubmodules = odd"),
    of_user("fetch.writeCommitGraph = true; core.commitGraph = false"),
    of_user("pull.ff = false"),
    of_user("pull.ff = only; pull.rebase = true"),
    of_user("pull.rebase = odd").expected(NO_PULL),
    of_user("pull.twohead = ours; pull.octopus = ours").expected(NO_PULL),
    of_user("merge.ff = false"),
    of_user("merge.ff = odd"),
    of_user("merge.autoStash = true; rebase.autoStash = true"),
    of_user("merge.log = true; merge.stat = false; merge.renames = false"),
    of_user("merge.conflictStyle = odd"),
    of_user("branch.main.mergeOptions = --no-commit"),
    of_user("branch.main.mergeOptions = --no-ff"),
    of_user("branch.main.rebase = true"),
    of_user("pack.threads = 1; pack.window = 0; pack.depth = 0; pack.compression = 0"),
    of_user("pack.indexVersion = 1"),
    of_user("pack.indexVersion = 3"),
    of_user("pack.packSizeLimit = 1"),
    of_user("pack.writeReverseIndex = false; pack.readReverseIndex = false"),
    of_user("gc.auto = 0; maintenance.auto = false; gc.autoDetach = false"),
    of_user("gc.auto = odd"),
    of_user("index.version = 4; index.threads = 1; index.recordOffsetTable = true"),
    of_user("index.skipHash = true"),
    of_user("feature.manyFiles = true; feature.experimental = true"),
    of_user("core.splitIndex = true"),
    of_user("core.untrackedCache = true"),
    of_user("core.untrackedCache = keep; core.preloadIndex = false"),
    of_user("core.fsmonitor = TMP/nowhere"),
    of_user("core.trustctime = false; core.checkStat = minimal"),
    of_user("core.quotePath = false; core.precomposeUnicode = true; core.ignoreCase = true"),
    of_user("core.symlinks = false"),
    of_user("core.fileMode = false"),
    of_user("core.fsync = all; core.fsyncMethod = batch; core.fsyncObjectFiles = true"),
    of_user("core.fsync = odd"),
    of_user(
        "core.multiPackIndex = false; core.useReplaceRefs = false; core.warnAmbiguousRefs = false",
    ),
    of_user("core.filesRefLockTimeout = 0; core.packedRefsTimeout = 0"),
    of_user("core.pager = false; color.ui = always; column.ui = always; pager.fetch = true"),
    of_user(
        "core.editor = false; core.askPass = false; core.sshCommand = false; core.gitProxy = false",
    ),
    of_user("core.whitespace = tab-in-indent; core.safecrlf = warn"),
    of_user("checkout.workers = 2; checkout.thresholdForParallelism = 1"),
    of_user("checkout.defaultRemote = other; checkout.guess = false"),
    of_user("user.name =; user.email ="),
    of_user("user.useConfigOnly = true; committer.name = Someone; committer.email = s@example.com"),
    of_user("commit.gpgSign = true; tag.gpgSign = true; gpg.program = false; gpg.format = ssh"),
    of_user("gpg.format = odd"),
    of_user("i18n.commitEncoding = ISO-8859-1; i18n.logOutputEncoding = ISO-8859-1"),
    of_user("log.date = relative; log.showSignature = true; diff.renames = odd"),
    of_user(
        "status.showUntrackedFiles = no; status.relativePaths = false; status.aheadBehind = false",
    ),
    of_user("status.showUntrackedFiles = odd"),
    of_user("submodule.active = *; submodule.fetchJobs = 0; submodule.recurse = true"),
    of_user("submodule.fetchJobs = -1"),
    of_user("diff.ignoreSubmodules = all; diff.external = false; diff.noPrefix = true"),
    of_user("attr.tree = nowhere"),
    of_user("advice.diverging = maybe"),
    of_user("advice.detachedHead = false; advice.fetchShowForcedUpdates = false"),
    of_user("alias.fetch = !false; alias.clone = !false; alias.merge = !false"),
    of_user("help.autoCorrect = odd"),
    of_user("rerere.enabled = true; rerere.autoUpdate = true"),
    of_user("safe.directory =; safe.directory = *"),
    of_user("include.path = TMP/nowhere"),
    of_user("include.path = ~/more").machine(r"printf '[core]\n\tautocrlf = true\n' >home/more"),
    of_user("includeIf.gitdir:TMP/.path = ~/more")
        .machine(r"printf '[core]\n\tautocrlf = true\n' >home/more"),
    of_user("includeIf.onbranch:main.path = ~/more")
        .machine(r"printf '[core]\n\teol = crlf\n[core]\n\tautocrlf = true\n' >home/more"),
    of_user("includeIf.hasconfig:remote.*.url:file://TMP/**.path = ~/more")
        .machine(r"printf '[core]\n\tautocrlf = true\n' >home/more"),
    of_user("credential.helper = !false; credential.useHttpPath = true").served(Served::OverHttp),
    of_user("http.followRedirects = false; http.noEPSV = true; http.maxRequests = 1")
        .served(Served::OverHttp),
    of_user("http.followRedirects = odd").served(Served::OverHttp),
    of_user("http.version = odd; http.sslVersion = odd").served(Served::OverHttp),
    of_user("http.saveCookies = true; http.cookieFile = TMP/cookies").served(Served::OverHttp),
    of_user("http.postBuffer = odd").served(Served::OverHttp),
];

const NO_PULL: Expected = Expected::NotAsGit(
    "a sync is `git fetch` and `git merge --ff-only`: what `git pull` alone reads or allows does not count",
);

const OF_MANIFEST: Expected = Expected::NotAsGit(
    "the manifest says which branch of which remote it is (docs/sync.md, \"After the fetch\")",
);

/// Of a clone that git has made: it is updated under them.
const OF_CLONE: &[Row] = &[
    Row::of_clone("core.bare = maybe"),
    Row::of_clone("core.bare = true"),
    Row::of_clone("core.worktree = .."),
    Row::of_clone("core.worktree = TMP/nowhere"),
    Row::of_clone("core.repositoryFormatVersion = 1"),
    Row::of_clone("core.repositoryFormatVersion = 2"),
    Row::of_clone("core.repositoryFormatVersion = 1; extensions.odd = true"),
    Row::of_clone("core.repositoryFormatVersion = 1; extensions.noop = true"),
    Row::of_clone("core.repositoryFormatVersion = 1; extensions.worktreeConfig = true"),
    Row::of_clone("core.repositoryFormatVersion = 1; extensions.preciousObjects = true"),
    Row::of_clone("core.fileMode = false"),
    Row::of_clone("core.symlinks = false"),
    Row::of_clone("core.ignoreCase = true"),
    Row::of_clone("core.autocrlf = true"),
    Row::of_clone("core.sharedRepository = group"),
    Row::of_clone("core.sharedRepository = odd"),
    Row::of_clone("core.logAllRefUpdates = false"),
    Row::of_clone("core.logAllRefUpdates = always"),
    Row::of_clone("core.splitIndex = true; splitIndex.maxPercentChange = 0"),
    Row::of_clone("core.fsmonitor = true"),
    Row::of_clone("core.hooksPath ="),
    Row::of_clone("core.sparseCheckout = true; core.sparseCheckoutCone = false"),
    Row::of_clone(
        "index.sparse = true; core.sparseCheckout = true; core.sparseCheckoutCone = true",
    ),
    Row::of_clone("branch.main.remote = nowhere").expected(OF_MANIFEST),
    Row::of_clone("branch.main.rebase = odd").expected(NO_PULL),
    Row::of_clone("branch.main.merge = refs/heads/topic").expected(OF_MANIFEST),
    Row::of_clone("remote.origin.url = TMP/nowhere"),
    Row::of_clone("remote.origin.pushurl = TMP/nowhere"),
    Row::of_clone("remote.origin.skipFetchAll = true; remote.origin.skipDefaultUpdate = true"),
    Row::of_clone("remote.origin.fetch = odd:::"),
    Row::of_clone("remote.origin.fetch = +refs/heads/*:refs/remotes/origin/main"),
    Row::of_clone("remote.origin.fetch = refs/heads/main:refs/heads/other"),
    Row::of_clone("remote.origin.fetch = +refs/heads/main:refs/heads/main").expected(NO_PULL),
    Row::of_clone("remote.origin.uploadpack = TMP/nowhere"),
    Row::of_clone("remote.origin.proxy = http://127.0.0.1:1").served(Served::OverHttp),
    Row::of_clone("remote.origin.proxy =").served(Served::OverHttp),
    Row::of_clone("remote.origin.tagOpt = --odd"),
    Row::of_clone("remote.origin.vcs = nowhere"),
    Row::of_clone("remote.origin.promisor = true; remote.origin.partialCloneFilter = blob:none"),
    Row::of_clone("remote.pushDefault = nowhere; push.default = odd"),
    Row::of_clone("remote.origin.prune = maybe"),
    Row::of_clone("remotes.default = nowhere"),
    Row::of_clone("url.TMP/nowhere.insteadOf = file://TMP/remotes/web.git"),
    Row::of_clone("gc.auto = 1; gc.autoDetach = false"),
    Row::of_clone("maintenance.strategy = incremental; maintenance.gc.enabled = false"),
    Row::of_clone("fetch.parallel = maybe"),
    Row::of_clone("protocol.file.allow = never"),
    Row::of_clone("protocol.file.allow = user"),
    Row::of_clone("submodule.lib.active = true; submodule.lib.url = TMP/nowhere"),
];

#[test]
fn under_odd_settings_of_the_user_a_clone_is_what_git_makes_of_it() {
    assert_as_git(OF_USER, Compared::CloneAndPull);
}

#[test]
fn under_odd_settings_of_its_own_a_clone_is_what_git_pull_makes_of_it() {
    assert_as_git(OF_CLONE, Compared::Pull);
}
