//! Folders that are there already, and file systems that are mounted at clones and in them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::context::{TestContext, exists};

fn context() -> TestContext {
    let context = TestContext::new();
    context.remote("web");
    context.manifest("[repos.web]\nurl = \"../remotes/web.git\"\n");
    context
}

#[track_caller]
fn assert_synced(context: &TestContext, said: &str) {
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(ran.stdout.contains(said), "{}", ran.shown());
    let here = context.git("ws/web", &["rev-parse", "HEAD"]);
    assert_eq!(here, context.git("work-web", &["rev-parse", "HEAD"]));
    assert_eq!(context.git("ws/web", &["status", "--porcelain"]), "");
    let names = context.names("ws/web");
    assert!(
        names.iter().all(|name| !name.starts_with(".fitout")),
        "{names:?}"
    );
    assert!(!exists(context.ws("web/.git/fitout-move")));
}

/// As with git: who made it, has its mode, group and watches on it.
#[test]
fn a_folder_that_is_there_stays_and_is_filled() {
    let context = context();
    fs::create_dir(context.ws("web")).unwrap();
    fs::set_permissions(context.ws("web"), fs::Permissions::from_mode(0o2770)).unwrap();
    let before = fs::metadata(context.ws("web")).unwrap();

    assert_synced(&context, "cloned");

    let after = fs::metadata(context.ws("web")).unwrap();
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
    context.push("web", "src/main.txt", "new\n");
    assert_synced(&context, "1 new commit");
}

#[test]
fn a_clone_that_fails_leaves_a_folder_that_is_there_empty() {
    let context = context();
    fs::create_dir(context.ws("web")).unwrap();
    context.manifest("[repos.web]\nurl = \"../remotes/none.git\"\n");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(1), "{}", ran.shown());
    assert!(context.names("ws/web").is_empty());
}

#[test]
fn what_a_killed_clone_left_in_a_folder_goes_with_the_next_run() {
    let context = context();
    context.write("ws/web/.fitout-clone-dead/lock", "");
    context.write("ws/web/.fitout-clone-dead/0/.git/HEAD", "");
    assert_synced(&context, "cloned");
}

/// Mounted until dropped.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path) -> Self {
        Mount::with(&["-t", "tmpfs", "none"], at)
    }

    /// On the same file system as `from`.
    fn bind(from: &Path, at: &Path) -> Self {
        Mount::with(&["--bind", from.to_str().unwrap()], at)
    }

    fn with(arguments: &[&str], at: &Path) -> Self {
        let mut mount = Command::new("mount");
        let status = mount.args(arguments).arg(at).status().unwrap();
        assert!(status.success());
        Mount(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root"]
fn a_clone_is_made_in_a_mount_point() {
    for is_bind in [false, true] {
        let context = context();
        fs::create_dir(context.ws("web")).unwrap();
        fs::create_dir(context.path("volume")).unwrap();
        let _mount = if is_bind {
            Mount::bind(&context.path("volume"), &context.ws("web"))
        } else {
            Mount::tmpfs(&context.ws("web"))
        };
        assert_synced(&context, "cloned");
        context.push("web", "src/main.txt", "new\n");
        assert_synced(&context, "1 new commit");
    }
}

/// Nothing can be renamed from `.git` to there.
#[test]
#[ignore = "needs root"]
fn a_clone_with_a_mount_in_it_is_moved_by_git() {
    for is_bind in [false, true] {
        let context = context();
        assert_synced(&context, "cloned");
        fs::create_dir(context.path("volume")).unwrap();
        let _mount = if is_bind {
            Mount::bind(&context.path("volume"), &context.ws("web/src"))
        } else {
            Mount::tmpfs(&context.ws("web/src"))
        };
        context.git("ws/web", &["checkout", "--quiet", "--", "src"]);
        context.push("web", "README.md", "new\n");
        context.push("web", "src/main.txt", "new\n");
        context.push("web", "src/more.txt", "new\n");

        assert_synced(&context, "3 new commits");

        assert_eq!(context.read("ws/web/src/main.txt"), "new\n");
        context.write("ws/web/src/mine.txt", "mine\n");
        context.push("web", "src/mine.txt", "theirs\n");
        let held = context.fitout(&["sync"]);
        assert!(
            held.stdout.contains("`src/mine.txt` is in the way"),
            "{}",
            held.shown()
        );
        assert_eq!(context.read("ws/web/src/mine.txt"), "mine\n");
    }
}
