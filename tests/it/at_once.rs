//! Several programs that bring the same clone up to date at once: who comes second agrees with what is there,
//! if it is what was wanted, and says so where it is not.

use std::path::Path;
use std::process::Stdio;

use crate::context::{TestContext, exists};
use crate::sync_moves::{assert_moved, behind, synced};

const AT_ONCE: usize = 3;
const ROUNDS: usize = 6;

/// Runs `event` in the clone each time that a repository of this machine is asked for its refs, as long as
/// there is a file `home/armed`. The refs of the clone were read before.
fn when_asked(context: &TestContext, event: &str) {
    let git = which_git();
    let script = format!(
        "#!/bin/sh\nif test \"$1\" = upload-pack && test -e ~/armed; then\n\
         (PATH={}:$PATH; cd ../ws/web 2>/dev/null || cd \"$HOME/../ws/web\"; {event}) >&2 </dev/null\nfi\n\
         exec {git} \"$@\"\n",
        Path::new(&git).parent().unwrap().display()
    );
    context.write_program("bin/git", &script);
    context.write("home/armed", "");
}

fn which_git() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    let git = folders.find_map(|folder| Some(folder.join("git")).filter(|git| exists(git)));
    git.unwrap().display().to_string()
}

/// A sync that finds the `git` of the test's folder first.
fn sync_past(context: &TestContext) -> crate::context::Ran {
    let path = std::env::var("PATH").unwrap_or_default();
    let bin = context.path("bin").display().to_string();
    let mut command = context.fitout_command(&["sync"]);
    command.env("PATH", format!("{bin}:{path}"));
    context.ran(&command.output().unwrap())
}

#[test]
fn refs_that_another_program_has_fetched_meanwhile_are_agreed_with() {
    let once = "rm ~/armed;";
    let cases = [
        ("the same", "git fetch -q"),
        (
            "pruned already",
            "git fetch -q --prune; git config fetch.prune true",
        ),
        ("a tag that is here already", "git fetch -q --tags"),
        ("the default branch", "git remote set-head origin --auto"),
        ("packed", "git fetch -q; git pack-refs --all"),
    ];
    for (name, event) in cases {
        let context = TestContext::new();
        context.git(".", &["config", "--global", "fetch.prune", "true"]);
        context.remote("web");
        context.git(
            "work-web",
            &["push", "-q", "origin", "HEAD:refs/heads/goes"],
        );
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        synced(&context);
        context.push("web", "README.md", "new\n");
        context.git("work-web", &["tag", "v1"]);
        let push = [
            "push",
            "-q",
            "origin",
            "v1",
            "HEAD:refs/heads/comes",
            ":refs/heads/goes",
        ];
        context.git("work-web", &push);
        when_asked(&context, &format!("{once} {event}"));

        let ran = sync_past(&context);

        assert!(!exists(context.path("home/armed")), "{name}");
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.shown());
        assert_moved(&context);
        let refs = context.git("ws/web", &["for-each-ref", "--format=%(refname:short)"]);
        assert_eq!(
            refs.replace("origin/HEAD", "origin"),
            "main\norigin\norigin/comes\norigin/main\nv1",
            "{name}"
        );
        let packs = context.names("ws/web/.git/objects/pack");
        let is_kept = |name: &String| Path::new(name).extension().is_some_and(|end| end == "keep");
        assert!(!packs.iter().any(is_kept), "{packs:?}");
    }
}

#[test]
fn refs_that_another_program_keeps_changing_are_said_to_be_so() {
    let context = TestContext::new();
    behind(&context, "");
    // Each time another commit.
    when_asked(
        &context,
        "id=$(git commit-tree -p HEAD -m \"$$\" HEAD^{tree}); git update-ref refs/remotes/origin/main $id",
    );

    let ran = sync_past(&context);

    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    let words = "held back  not updated: its refs changed while sync ran";
    assert!(ran.stdout.contains(words), "{}", ran.shown());
    ran.assert_says("fitout sync");
    std::fs::remove_file(context.path("home/armed")).unwrap();
    synced(&context);
    assert_moved(&context);
}

#[test]
fn syncs_at_once_in_one_workspace_all_end_well() {
    for backend in ["built-in", "cli"] {
        let context = TestContext::new();
        context.remote("web");
        context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
        let personal = format!("[git]\nbackend = \"{backend}\"\n");
        context.write("ws/workspace.local.toml", &personal);
        for round in 0..ROUNDS {
            // The first one finds no clone yet.
            if round > 0 {
                for file in 0..20 {
                    context.write(&format!("work-web/dir/{file}"), &format!("{round}\n"));
                }
                context.push("web", "README.md", &format!("{round}\n"));
                for name in 0..20 {
                    let branch = format!("branch-{name}");
                    context.git("remotes/web.git", &["branch", "-f", &branch, "main"]);
                }
            }
            let begin = |_| {
                let mut command = context.fitout_command(&["sync"]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            };
            let running: Vec<_> = (0..AT_ONCE).map(begin).collect();
            for child in running {
                let ran = context.ran(&child.wait_with_output().unwrap());
                let told = format!("{backend}, round {round}: {}", ran.shown());
                assert_eq!(ran.code, Some(0), "{told}");
            }
            assert_moved(&context);
        }
    }
}
