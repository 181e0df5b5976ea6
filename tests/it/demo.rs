//! `fitout demo` on a machine without Docker and without a network.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::{env, fs};

use crate::context::{Ran, TestContext, files_of};

/// A machine on which git is and nothing else.
struct Machine(TestContext);

impl Machine {
    fn new() -> Self {
        let context = TestContext::new();
        fs::create_dir(context.path("bin")).unwrap();
        // A clone from a folder starts the second one, as git itself does.
        for name in ["git", "git-upload-pack"] {
            let path = env::var_os("PATH").unwrap();
            let found = env::split_paths(&path)
                .map(|folder| folder.join(name))
                .find(|file| file.exists());
            symlink(
                found.expect("git on the PATH"),
                context.path("bin").join(name),
            )
            .unwrap();
        }
        Machine(context)
    }

    /// Runs fitout in the folder `ws`.
    fn fitout(&self, arguments: &[&str]) -> Ran {
        let mut command = self.0.fitout_command(arguments);
        command.env("PATH", self.0.path("bin"));
        self.0.ran(&command.output().unwrap())
    }
}

/// Every file below a folder with its content, by path. Leaves `.git` out: git rewrites its index.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files_of(folder, |folder| !folder.ends_with(".git"))
}

#[test]
fn a_new_user_gets_clones_a_compose_file_and_a_clean_workspace() {
    let machine = Machine::new();
    let ran = machine.fitout(&["demo"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());

    let services = "ws/fitout-demo/services";
    for repo in ["web", "api", "store", "worker"] {
        let clone = format!("{services}/{repo}");
        let git = |arguments| machine.0.git(&clone, arguments);
        assert!(machine.0.path(&clone).join("Dockerfile.dev").is_file());
        assert_eq!(git(&["status", "--porcelain"]), "", "{repo}");
        assert_eq!(git(&["fsck", "--strict"]), "", "{repo}");
        let commits: u32 = git(&["rev-list", "--count", "HEAD"]).parse().unwrap();
        assert!(commits >= 3, "{repo} has {commits} commits");
    }
    assert!(
        machine
            .0
            .path(services)
            .join("docker-compose.yml")
            .is_file()
    );
    assert_eq!(machine.0.git(services, &["status", "--porcelain"]), "");
    let enter = "\n  cd fitout-demo/services\n";
    ran.assert_says(enter);
}

#[test]
fn a_second_run_goes_on_with_the_demo_and_changes_nothing() {
    let machine = Machine::new();
    let first = machine.fitout(&["demo", "a"]);
    assert_eq!(first.code, Some(0), "{}", first.shown());
    let before = files(&machine.0.ws("a"));

    let second = machine.fitout(&["demo", "a"]);

    assert_eq!(second.code, Some(0), "{}", second.shown());
    assert_eq!(files(&machine.0.ws("a")), before);
}

#[test]
fn a_second_run_puts_back_what_was_taken_away() {
    let machine = Machine::new();
    let first = machine.fitout(&["demo", "a"]);
    assert_eq!(first.code, Some(0), "{}", first.shown());
    let before = files(&machine.0.ws("a"));
    fs::remove_dir_all(machine.0.ws("a/services/api")).unwrap();
    fs::remove_file(machine.0.ws("a/services/docker-compose.yml")).unwrap();

    let second = machine.fitout(&["demo", "a"]);

    assert_eq!(second.code, Some(0), "{}", second.shown());
    assert_eq!(files(&machine.0.ws("a")), before);
}

#[test]
fn a_folder_of_someone_else_is_refused_and_left_as_it_is() {
    let machine = Machine::new();
    machine.0.write("ws/mine/notes.txt", "mine");

    let ran = machine.fitout(&["demo", "mine"]);

    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.stderr,
        "error: `mine` already exists and is not an empty folder\n\n\
         hint: choose another folder: `fitout demo my-demo`\n"
    );
    assert_eq!(files(&machine.0.ws("mine")).len(), 1);
}

#[test]
fn without_docker_up_says_so_after_all_else_is_done() {
    let machine = Machine::new();
    let ran = machine.fitout(&["demo", "a", "--up"]);

    assert_eq!(ran.code, Some(1));
    let missing = "Docker is not installed";
    ran.assert_says(missing);
    assert!(machine.0.ws("a/services/web/page.html").is_file());
    assert!(machine.0.ws("a/services/docker-compose.yml").is_file());
}
