//! What a fast-forward does to a work tree, and what is in its way. A new case is a new row.

use super::comparison::assert_as_git;
use super::row::{Compared, Expected, Row, There};

/// One that git makes, and so does fitout.
const fn moved(name: &'static str, here: &'static str, there: &'static str) -> Row {
    Row {
        here,
        there: There::Script(there),
        ..Row::named(name)
    }
}

const fn under(
    settings: &'static str,
    name: &'static str,
    here: &'static str,
    there: &'static str,
) -> Row {
    Row {
        settings,
        ..moved(name, here, there)
    }
}

/// One that git makes, and fitout leaves to the user.
const fn held(name: &'static str, here: &'static str, there: &'static str) -> Row {
    moved(name, here, there).expected(Expected::HeldBack(
        "a clone with local changes is not moved (docs/sync.md)",
    ))
}

const ROWS: &[Row] = &[
    // Files.
    moved("a file is added", "", "echo a >added; P"),
    moved("an empty file is added", "", ">added; P"),
    moved("a file is changed", "", "echo a >README.md; P"),
    moved("a file becomes empty", "", ">README.md; P"),
    moved("a file is removed", "", "rm goes.txt; P"),
    moved(
        "the last file of folders is removed",
        "",
        "rm -r src/deep; P",
    ),
    moved("a file is renamed", "", "git mv goes.txt went.txt; P"),
    moved(
        "a file is renamed by its case",
        "",
        "git mv README.md readme.md; P",
    ),
    moved("a folder is renamed", "", "git mv src sources; P"),
    moved(
        "a file is copied and changed",
        "",
        "cp README.md copied; echo >>copied; P",
    ),
    moved(
        "two files change places",
        "",
        "mv README.md x; mv goes.txt README.md; mv x goes.txt; P",
    ),
    moved("a file may be run", "", "chmod +x README.md; P"),
    moved("a file may not be run any more", "", "chmod -x run.sh; P"),
    moved(
        "a file that may be run is changed",
        "",
        "echo true >>run.sh; P",
    ),
    moved("a big file", "", "seq 200000 >big; P"),
    moved(
        "a file with zero bytes",
        "",
        r"printf '\0\1\377' >binary; P",
    ),
    moved(
        "a file without a line break at its end",
        "",
        "printf a >README.md; P",
    ),
    moved(
        "all files go",
        "",
        "git rm -rq .; git commit -qm none; git push -q origin main",
    ),
    moved(
        "many files",
        "",
        "mkdir many; for i in $(seq 300); do echo $i >many/$i; done; P",
    ),
    // Folders, links, submodules, and what they become.
    moved(
        "folders in folders",
        "",
        "mkdir -p a/b/c/d/e; echo a >a/b/c/d/e/f; P",
    ),
    moved(
        "a file becomes a folder",
        "",
        "rm README.md; mkdir README.md; echo a >README.md/a; P",
    ),
    moved("a folder becomes a file", "", "rm -r src; echo a >src; P"),
    moved(
        "a folder becomes a link",
        "",
        "rm -r src; ln -s README.md src; P",
    ),
    moved(
        "a link becomes a folder",
        "",
        "rm link; mkdir link; echo a >link/a; P",
    ),
    moved("a link becomes a file", "", "rm link; echo a >link; P"),
    moved(
        "a file becomes a link",
        "",
        "rm README.md; ln -s goes.txt README.md; P",
    ),
    moved("a link to nothing", "", "ln -s nowhere/at/all broken; P"),
    moved("a link out of the clone", "", "ln -s ../../.. out; P"),
    moved(
        "a link to a folder, and a file in that",
        "",
        "ln -s src also; echo a >src/added; P",
    ),
    moved("a link goes elsewhere", "", "ln -sf src link; P"),
    moved("a submodule is added", "", SUBMODULE),
    moved(
        "a submodule moves",
        SUBMODULE_HERE,
        "git update-index --cacheinfo 160000,$(git rev-parse main~2),lib; C",
    ),
    moved(
        "a file becomes a submodule",
        "",
        "git rm -q goes.txt; git update-index --add --cacheinfo 160000,$(git rev-parse main),goes.txt; C",
    ),
    moved(
        "a submodule goes",
        SUBMODULE_HERE,
        "git rm -q --cached lib; C",
    ),
    // Names.
    moved(
        "a name that is not UTF-8",
        "",
        r#"echo a >"$(printf 'l\303\244tin1-\344')"; P"#,
    ),
    moved(
        "a name with a line break and a tab",
        "",
        r#"echo a >"$(printf 'a\nb\tc')"; P"#,
    ),
    moved(
        "names that a shell would read",
        "",
        r#"echo a >'$(x) `y` "z" *'; echo a >-rf; P"#,
    ),
    moved(
        "names that begin like the folder of git",
        "",
        "echo a >.gita; mkdir git; echo a >git/HEAD; P",
    ),
    moved(
        "a name in two forms of Unicode",
        "",
        r#"echo a >"$(printf 'u\314\210')"; echo b >"$(printf '\303\274')"; P"#,
    ),
    moved(
        "names that differ in case",
        "",
        "echo a >readme.md; echo b >README.MD; P",
    ),
    moved("a long name", "", "echo a >$(printf '%0200d' 0); P"),
    // Attributes and line ends.
    moved(
        "line ends of Windows",
        "",
        r"printf 'a\r\nb\r\n' >README.md; P",
    ),
    under(
        "core.autocrlf = true",
        "line ends that are turned",
        "",
        "echo a >>README.md; echo b >added; P",
    ),
    moved(
        "attributes come with their files",
        "",
        "echo '*.txt eol=crlf' >.gitattributes; echo a >a.txt; P",
    ),
    moved(
        "what is ignored is another thing",
        "echo mine >x.tmp",
        "echo '*.tmp' >.gitignore; P",
    ),
    // What is there already.
    moved(
        "an untracked file elsewhere",
        "echo mine >mine",
        "echo a >added; P",
    ),
    moved(
        "an untracked file with the same content",
        "echo a >added",
        "echo a >added; P",
    ),
    moved(
        "an untracked file in the way",
        "echo mine >added",
        "echo a >added; P",
    ),
    moved(
        "an untracked file in the way of a folder",
        "echo mine >added",
        "mkdir added; echo a >added/a; P",
    ),
    moved(
        "an untracked file in a folder that goes",
        "echo mine >src/deep/mine",
        "git rm -rq src; C",
    ),
    moved(
        "an ignored file in a folder that goes",
        "echo mine >src/deep/mine.log",
        "git rm -rq src; C",
    ),
    moved(
        "an ignored file elsewhere",
        "echo mine >mine.log",
        "echo a >added; P",
    ),
    moved(
        "an ignored file in the way",
        "echo mine >mine.log",
        "echo a >mine.log; git add -f mine.log; C",
    )
    .expected(Expected::HeldBack(
        "git writes over what it ignores; nothing of the user's is lost (docs/sync.md)",
    )),
    moved(
        "an empty folder in the way",
        "mkdir added",
        "echo a >added; P",
    ),
    moved(
        "an untracked repository in the way",
        "git init -q added",
        "echo a >added; P",
    ),
    moved(
        "a link in the way",
        "ln -s src added",
        "mkdir added; echo a >added/a; P",
    ),
    held(
        "a local change elsewhere",
        "echo mine >>src/main.txt",
        "echo a >added; P",
    ),
    held(
        "a local change in the way",
        "echo mine >>README.md",
        "echo a >>README.md; P",
    ),
    held(
        "the same local change",
        "echo a >>README.md",
        "echo a >>README.md; P",
    ),
    held(
        "the same change, staged",
        "echo a >>README.md; git add README.md",
        "echo a >>README.md; P",
    ),
    held(
        "a staged change elsewhere",
        "echo mine >mine; git add mine",
        "echo a >added; P",
    ),
    held("a removed file", "rm goes.txt", "echo a >added; P"),
    held(
        "a removed file that goes",
        "rm goes.txt",
        "git rm -q goes.txt; C",
    ),
    held("another mode", "chmod +x README.md", "echo a >added; P"),
    held(
        "an intent to add",
        "echo mine >mine; git add -N mine",
        "echo a >added; P",
    ),
    moved(
        "a file that was only touched",
        "sleep 0.01; touch README.md",
        "echo a >added; P",
    ),
    moved(
        "a file that is not to be looked at",
        "git update-index --assume-unchanged src/main.txt",
        "echo a >added; P",
    ),
    moved(
        "a sparse checkout",
        "git sparse-checkout set src/deep",
        "echo a >added; echo b >src/b; echo c >src/deep/c; P",
    ),
    moved(
        "a sparse checkout without cones",
        "git sparse-checkout set --no-cone '*.txt'",
        "echo a >a.md; echo b >b.txt; P",
    ),
    moved(
        "a sparse index",
        "git sparse-checkout set --sparse-index src/deep",
        "echo a >added; echo c >src/deep/c; P",
    ),
    moved(
        "a split index",
        "git update-index --split-index",
        "echo a >added; P",
    ),
    moved(
        "an index of version 4",
        "git update-index --index-version 4",
        "echo a >added; P",
    ),
    moved(
        "an index with an untracked cache",
        "git update-index --force-untracked-cache; git status",
        "echo a >added; P",
    ),
    // History.
    moved("nothing", "", ""),
    moved(
        "many commits",
        "",
        "for i in $(seq 30); do echo $i >n; git add n; git commit -qm $i; done; git push -q origin main",
    ),
    moved(
        "a commit that changes nothing",
        "",
        "git commit -q --allow-empty -m none; git push -q origin main",
    ),
    moved(
        "a change that is undone",
        "",
        "echo a >added; git add added; git commit -qm a; git revert --no-edit HEAD; git push -q origin main",
    ),
    moved(
        "a merge",
        "",
        "git merge -q --no-edit topic; git push -q origin main",
    ),
    moved(
        "a merge with another root",
        "",
        "git switch -q --orphan root; git commit -q --allow-empty -m root; git switch -q main; git merge -q --no-edit --allow-unrelated-histories root; git push -q origin main",
    ),
    moved(
        "a branch that is on the way",
        "",
        "git merge -q topic; git push -q origin main",
    ),
    moved("a new branch", "", "git push -q origin main:new"),
    moved("a tag only", "", "git tag only; git push -q origin only"),
    moved(
        "a branch is deleted",
        "",
        "git push -q origin :topic; echo a >added; P",
    ),
    moved(
        "the history of a shallow clone",
        "git fetch -q --depth 1 && git reflog expire --expire=now --all",
        "echo a >added; P",
    ),
    moved("packed refs", "git pack-refs --all", "echo a >added; P"),
    moved("no reflogs", "rm -r .git/logs", "echo a >added; P"),
    moved(
        "a graph of commits",
        "git commit-graph write",
        "echo a >added; P",
    ),
    moved(
        "objects that are loose",
        "mv .git/objects/pack/*.pack x && git unpack-objects -q <x; rm x",
        "echo a >added; P",
    ),
    moved(
        "another branch has commits of its own",
        "git switch -qc mine; git commit -q --allow-empty -m m; git switch -q main",
        "echo a >added; P",
    ),
    moved(
        "a stash",
        "echo a >>README.md; git stash -q",
        "echo a >added; P",
    ),
    moved(
        "a linked work tree beside it",
        "git worktree add -q ../linked-$(basename $PWD) topic",
        "echo a >added; P",
    ),
];

const SUBMODULE: &str = "
    git update-index --add --cacheinfo 160000,$(git rev-parse main),lib
    git config -f .gitmodules submodule.lib.path lib; git config -f .gitmodules submodule.lib.url ../lib
    git add .gitmodules; C";

/// One more commit that both have, with a submodule in it.
const SUBMODULE_HERE: &str = "
    test -d TMP/pushed || (cd TMP/work-web; git update-index --add --cacheinfo 160000,$(git rev-parse main),lib
        git commit -qm lib; git push -q origin main; mkdir TMP/pushed lib)
    git pull -q --ff-only";

#[test]
fn a_work_tree_moves_as_git_pull_moves_it() {
    assert_as_git(ROWS, Compared::Pull);
}
