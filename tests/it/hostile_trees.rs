//! Trees that no git writes, with names that lead out of the work tree or into `.git`: refused as git refuses
//! them, and nothing is touched.

use std::fs;

use crate::context::TestContext;

/// Makes trees of any entries, as a server that wants to do harm would. `tree` takes modes, names and ids.
const TREE: &str = r#"
    id() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
    tree() {
        while [ $# -gt 0 ]; do printf '%s %s\0' "$1" "$2"; id "$3"; shift 3; done |
            git hash-object -w -t tree --literally --stdin
    }
    blob=$(printf 'harm\n' | git hash-object -w --stdin)
    sub=$(tree 100644 x "$blob")
"#;

/// A name, and the tree that has it.
const TREES: &[(&str, &str)] = &[
    ("..", r#"tree 40000 .. "$sub""#),
    ("../..", r#"tree 40000 .. $(tree 40000 .. "$sub")"#),
    ("..", r#"tree 100644 .. "$blob""#),
    (".", r#"tree 40000 . "$sub""#),
    ("a/..", r#"tree 40000 a $(tree 40000 .. "$sub")"#),
    ("a slash in front", r#"tree 100644 /x "$blob""#),
    ("a slash at the end", r#"tree 100644 x/ "$blob""#),
    ("slashes", r#"tree 100644 a//b "$blob""#),
    ("../x", r#"tree 100644 ../x "$blob""#),
    (".git", r#"tree 40000 .git "$sub""#),
    (".git/x", r#"tree 100644 .git/x "$blob""#),
    (".GIT", r#"tree 40000 a $(tree 40000 .GIT "$sub")"#),
    ("git~1", r#"tree 40000 git~1 "$sub""#),
    ("a\\.git", r#"tree 100644 'a\.git' "$blob""#),
    ("a link of submodules", r#"tree 120000 .gitmodules "$blob""#),
    ("a submodule", r#"tree 160000 .. "$(git rev-parse main)""#),
];

fn push(context: &TestContext, tree: &str) {
    let script =
        format!("{TREE}\ngit update-ref refs/heads/main $(git commit-tree -p main -m x $({tree}))");
    let mut command = context.command("bash");
    command.current_dir(context.path("remotes/web.git"));
    let made = command.args(["-euc", &script]).output().unwrap();
    assert!(made.status.success(), "{tree}: {made:?}");
}

fn context() -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    context
}

/// Whether git takes what is new, in a clone of its own.
fn git_takes(context: &TestContext) -> bool {
    let mut command = context.command("git");
    command.current_dir(context.path("by-git"));
    command.args(["pull", "--quiet", "--ff-only"]);
    command.output().unwrap().status.success()
}

#[test]
fn an_update_refuses_what_git_refuses_and_touches_nothing() {
    for (name, tree) in TREES {
        for submodules in ["", "submodules = true\n"] {
            let context = context();
            context.git(".", &["clone", "--quiet", "remotes/web.git", "by-git"]);
            context.manifest(&format!(
                "[repos.web]\nurl = \"../remotes/web.git\"\n{submodules}"
            ));
            assert_eq!(context.fitout(&["sync"]).code, Some(0));
            let head = context.git("ws/web", &["rev-parse", "HEAD"]);
            push(&context, tree);

            let ran = context.fitout(&["sync"]);

            assert!(!git_takes(&context), "{name}");
            assert_eq!(ran.code, Some(1), "{name}: {}", ran.shown());
            let words = "the commit has the invalid path `";
            assert!(ran.stdout.contains(words), "{name}: {}", ran.shown());
            assert_eq!(context.git("ws/web", &["rev-parse", "HEAD"]), head);
            assert_eq!(context.git("ws/web", &["status", "--short"]), "", "{name}");
            assert!(!context.ws("x").exists() && !context.path("x").exists());
            assert!(!context.ws("web/.git/x").exists());
        }
    }
}

#[test]
fn a_clone_refuses_what_git_refuses_and_leaves_nothing() {
    for (name, tree) in TREES {
        let context = context();
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        push(&context, tree);

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(1), "{name}: {}", ran.shown());
        let words = "the commit has the invalid path `";
        assert!(ran.stdout.contains(words), "{name}: {}", ran.shown());
        assert!(!context.ws("web").exists(), "{name}");
        assert!(!context.ws("x").exists() && !context.path("x").exists());
    }
}

#[test]
fn a_file_that_is_a_folder_as_well_is_refused() {
    let context = context();
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context.fitout(&["sync"]);
    fs::create_dir(context.path("elsewhere")).unwrap();
    push(
        &context,
        r#"tree 120000 a $(printf ../../elsewhere | git hash-object -w --stdin) 40000 a "$sub""#,
    );

    let ran = context.fitout(&["sync"]);
    fs::rename(context.ws("web"), context.ws("before")).unwrap();
    let cloned = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(ran.stdout.contains("invalid path `a/x`"), "{}", ran.shown());
    assert_eq!(cloned.code, Some(1), "{}", cloned.shown());
    assert!(
        !cloned.shown().contains("a bug in fitout"),
        "{}",
        cloned.shown()
    );
    assert!(!context.path("elsewhere/x").exists());
    assert_eq!(context.git("ws/before", &["status", "--short"]), "");
}

#[test]
fn a_submodule_is_held_to_it_too() {
    let context = TestContext::new();
    for name in ["web", "app"] {
        context.remote(name);
    }
    let allow = ["config", "--global", "protocol.file.allow", "always"];
    context.git(".", &allow);
    let web = context.path("remotes/web.git").display().to_string();
    context.git("work-app", &["submodule", "--quiet", "add", &web, "lib"]);
    context.push("app", "a.txt", "a\n");
    context.manifest("[repos.app]\nurl = \"../remotes/app.git\"\nsubmodules = true\n");
    assert_eq!(context.fitout(&["sync"]).code, Some(0));
    push(&context, r#"tree 40000 .. "$sub""#);
    let bad = context.git("remotes/web.git", &["rev-parse", "main"]);
    let link = format!("160000,{bad},lib");
    context.git("work-app", &["update-index", "--cacheinfo", &link]);
    context.git("work-app", &["commit", "--quiet", "-m", "Follow"]);
    context.git("work-app", &["push", "--quiet", "origin", "HEAD"]);

    let ran = context.fitout(&["sync"]);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let words = "submodule `lib`: the commit has the invalid path `../x`";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    assert!(!context.ws("app/x").exists());
}

/// A commit with a file that deep.
fn push_deep(context: &TestContext, depth: usize) {
    let script = format!(
        "git config core.maxTreeDepth 100000
        path=$(printf 'd/%.0s' $(seq {depth}))f
        git fast-import --quiet <<END
commit refs/heads/main
committer a <a@example> 0 +0000
data 1
x
from refs/heads/main^0
M 100644 inline $path
data 1
x
END"
    );
    let mut command = context.command("bash");
    command.current_dir(context.path("remotes/web.git"));
    let made = command.args(["-euc", &script]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn a_tree_of_any_depth_ends_no_run() {
    for (depth, words) in [
        (1900, "1 new commit"),
        (6000, "a path that no file system supports: `d/d/"),
    ] {
        let context = context();
        context.remote("api");
        context.manifest(
            "[repos.web]\nurl = \"../remotes/web.git\"\n[repos.api]\nurl = \"../remotes/api.git\"\n",
        );
        assert_eq!(context.fitout(&["sync"]).code, Some(0));
        push_deep(&context, depth);
        context.push("api", "new.txt", "new\n");

        let ran = context.fitout(&["sync"]);

        assert!(ran.stdout.contains(words), "{}", ran.shown());
        assert_eq!(context.read("ws/api/new.txt"), "new\n");
        // Tools that remove the folder may go through it by recursion.
        context.git("ws/web", &["checkout", "--quiet", "--force", "HEAD"]);
    }
}

#[test]
fn a_mode_is_what_git_takes_it_for() {
    for mode in ["0", "20000", "100600", "100777", "120777", "160644"] {
        let context = context();
        context.git(".", &["clone", "--quiet", "remotes/web.git", "by-git"]);
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        assert_eq!(context.fitout(&["sync"]).code, Some(0));
        push(&context, &format!(r#"tree {mode} x "$blob""#));
        assert!(git_takes(&context), "{mode}");

        let ran = context.fitout(&["sync"]);

        assert_eq!(ran.code, Some(0), "{mode}: {}", ran.shown());
        let index = |clone: &str| context.git(clone, &["ls-files", "--stage"]);
        assert_eq!(index("ws/web"), index("by-git"), "{mode}");
        assert_eq!(context.git("ws/web", &["status", "--short"]), "");
    }
}
