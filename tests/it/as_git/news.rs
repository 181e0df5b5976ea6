//! What is new on a remote, and what is true of a clone that fetches it. A new case is a new row.

use super::comparison::assert_as_git;
use super::row::{Compared, Row, There};

const COMMIT: &str =
    "echo new >new && git add new && git commit -qm new && git push -q origin main";

const RELEASE: &str = "git fetch -q TMP/work-web main:refs/remotes/origin/release";

const ROWS: &[Row] = &[
    news("nothing", "", "", ""),
    news("a commit", "", "", COMMIT),
    news("a branch", "", "", "git push -q origin topic:more"),
    news("a branch goes", "", "", "git push -q origin :topic"),
    news(
        "a branch is rewritten",
        "",
        "",
        "git push -qf origin main~1:topic",
    ),
    news(
        "a late tag",
        "",
        "",
        "git tag -am late late main~1 && git push -q origin late",
    ),
    news(
        "a late light tag",
        "",
        "",
        "git tag late && git push -q origin late",
    ),
    news(
        "a late tag of a tag",
        "",
        "",
        "git tag -am outer outer v1 && git push -q origin outer",
    ),
    news(
        "tags of new commits and old ones",
        "",
        "",
        "git tag -am old old main~1; echo n >n; git add n; git commit -qm n
         git tag -am new new; git tag light2; git push -q origin main old new light2",
    ),
    news(
        "a tag of a commit that does not come",
        "",
        "git config remote.origin.fetch +refs/heads/main:refs/remotes/origin/main",
        "git switch -q topic; echo s >s; git add s; git commit -qm s; git tag -am s side
         git tag side-light; git push -q origin side side-light",
    ),
    news(
        "a tag is moved",
        "",
        "",
        "git tag -fam moved v1 main && git push -qf origin v1",
    ),
    news("a tag goes", "", "", "git push -q origin :v1"),
    news(
        "a tag is moved, and may be",
        "",
        "git config --add remote.origin.fetch '+refs/tags/*:refs/tags/*'",
        "git tag -fam moved v1 main && git push -qf origin v1",
    ),
    news(
        "no tags",
        "",
        "git config remote.origin.tagOpt --no-tags",
        "git tag -am late late && git push -q origin late",
    ),
    news(
        "all tags",
        "",
        "git config remote.origin.tagOpt --tags",
        "git switch -q topic; echo s >s; git add s; git commit -qm s; git tag -am s side
         git push -q origin side",
    ),
    news(
        "prune",
        "fetch.prune = true",
        "",
        "git push -q origin :topic",
    ),
    news(
        "prune of packed refs",
        "fetch.prune = true",
        "git pack-refs --all",
        "git push -q origin :topic",
    ),
    news(
        "prune of this remote",
        "",
        "git config remote.origin.prune true",
        "git push -q origin :topic",
    ),
    news(
        "prune but not of this remote",
        "fetch.prune = true",
        "git config remote.origin.prune false",
        "git push -q origin :topic",
    ),
    news(
        "prune of tags",
        "fetch.prune = true; fetch.pruneTags = true",
        "git tag mine",
        "git push -q origin :v1",
    ),
    news(
        "prune of tags of this remote",
        "",
        "git config remote.origin.prune true; git config remote.origin.pruneTags true",
        "git push -q origin :v1",
    ),
    news(
        "prune of tags without prune",
        "fetch.pruneTags = true",
        "",
        "git push -q origin :v1 :topic",
    ),
    news(
        "all tags and prune",
        "fetch.prune = true",
        "git config remote.origin.tagOpt --tags; git tag mine",
        "git push -q origin :v1",
    ),
    news(
        "a folder in place of a branch, pruned",
        "fetch.prune = true",
        RELEASE,
        "git push -q origin main:release/1.0",
    ),
    news(
        "a folder in place of a packed branch, pruned",
        "fetch.prune = true",
        "git fetch -q TMP/work-web main:refs/remotes/origin/release; git pack-refs --all",
        "git push -q origin main:release/1.0",
    ),
    news(
        "a folder in place of a branch",
        "",
        RELEASE,
        "git push -q origin main:release/1.0 main:other",
    ),
    news(
        "a folder in place of a packed branch",
        "",
        "git fetch -q TMP/work-web main:refs/remotes/origin/release; git pack-refs --all",
        "git push -q origin main:release/1.0 main:other",
    ),
    news(
        "a branch in place of a folder, pruned",
        "fetch.prune = true",
        "git fetch -q TMP/work-web main:refs/remotes/origin/release/1.0",
        "git push -q origin main:release",
    ),
    news(
        "a branch in place of a folder",
        "",
        "git fetch -q TMP/work-web main:refs/remotes/origin/release/1.0",
        "git push -q origin main:release main:other",
    ),
    news(
        "one more namespace",
        "",
        "git config --add remote.origin.fetch '+refs/heads/*:refs/upstream/*'",
        COMMIT,
    ),
    news(
        "pull requests",
        "",
        "git config --add remote.origin.fetch '+refs/pull/*/head:refs/remotes/origin/pr/*'",
        "git push -q origin topic:refs/pull/7/head",
    ),
    news(
        "a branch that is left out",
        "",
        "git config --add remote.origin.fetch '^refs/heads/wip'",
        "git push -q origin topic:wip main:more",
    ),
    news(
        "a refspec without force",
        "",
        "git config remote.origin.fetch 'refs/heads/*:refs/remotes/origin/*'",
        "git push -qf origin main~1:topic; git push -q origin main:more",
    ),
    news(
        "objects are checked",
        "transfer.fsckObjects = true",
        "",
        COMMIT,
    ),
    news(
        "shared by a group",
        "",
        "git config core.sharedRepository group",
        COMMIT,
    ),
    news("no logs", "core.logAllRefUpdates = false", "", COMMIT),
    news(
        "a graph of commits",
        "fetch.writeCommitGraph = true",
        "",
        COMMIT,
    ),
    news("protocol 0", "protocol.version = 0", "", COMMIT),
    news(
        "protocol 0 and a late tag",
        "protocol.version = 0",
        "",
        "git tag -am late late main~1 && git push -q origin late",
    ),
    news("hidden tags", "uploadpack.hideRefs = refs/tags", "", COMMIT),
    news(
        "another remote too",
        "",
        "git remote add fork $(git config remote.origin.url); git fetch -q fork",
        "git push -q origin :topic main:more",
    ),
];

const fn news(
    name: &'static str,
    settings: &'static str,
    here: &'static str,
    there: &'static str,
) -> Row {
    Row {
        settings,
        here,
        there: There::Script(there),
        ..Row::named(name)
    }
}

#[test]
fn after_any_news_a_clone_is_what_git_fetch_makes_of_it() {
    assert_as_git(ROWS, Compared::Fetch);
}
