//! Git LFS: files that the repository has pointers to, fetched by git-lfs, which is the user's own.

use std::fs;

use crate::context::TestContext;
use crate::http_server::{Asked, Behaviour, HttpServer};
use crate::login::{CI_BASIC, closed, helper, secured};
use crate::sync::assert_cloned_as_git_does;
use crate::terminal::{Prompt, on_a_terminal, talk};

const ATTRIBUTES: &str = "*.bin filter=lfs diff=lfs merge=lfs -text\n";

/// Where the server has the files of `media`.
const STORE: &str = "remotes/media.git/lfs";

/// `remotes/media.git` with two files of Git LFS in it, and git-lfs installed for the user.
fn media(context: &TestContext) {
    context.git(".", &["lfs", "install", "--skip-repo"]);
    context.remote("media");
    context.push("media", ".gitattributes", ATTRIBUTES);
    context.push("media", "small.bin", "small\n");
    context.push("media", "big.bin", "one\n");
}

fn one(context: &TestContext, server: &HttpServer) {
    let url = server.url("media");
    context.manifest(&format!("[repos.media]\nurl = \"{url}\"\n"));
}

/// A workspace with `media` on a server that is open to everybody.
fn served(context: &TestContext) -> HttpServer {
    media(context);
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    one(context, &server);
    server
}

#[test]
fn without_git_lfs_the_row_says_that_pointers_were_left() {
    let context = TestContext::new();
    context.remote("media");
    context.push("media", ".gitattributes", ATTRIBUTES);
    context.push(
        "media",
        "big.bin",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n",
    );
    context.manifest("[repos.media]\nurl = \"../remotes/media.git\"\n");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert!(
        ran.stdout
            .contains("its Git LFS files are pointers: install git-lfs"),
        "{}",
        ran.shown()
    );
    let later = context.fitout(&["sync"]);
    assert!(
        later
            .stdout
            .contains("up to date  its Git LFS files are pointers"),
        "{}",
        later.shown()
    );
}

#[test]
#[ignore = "needs git-lfs"]
fn with_git_lfs_the_files_are_real_and_follow_an_update() {
    let context = TestContext::new();
    media(&context);
    // A remote on this machine is asked by its URL: git-lfs has a transfer of its own for `file://`.
    let url = format!("file://{}", context.path("remotes/media.git").display());
    context.manifest(&format!("[repos.media]\nurl = \"{url}\"\n"));
    let cloned = context.fitout(&["sync"]);
    let first = context.read("ws/media/big.bin");
    context.push("media", "big.bin", "two\n");
    let updated = context.fitout(&["sync"]);
    let stored = context.git("ws/media", &["cat-file", "blob", "HEAD:big.bin"]);
    assert!(stored.starts_with("version https://git-lfs"), "{stored}");
    assert_eq!(first, "one\n", "{}", cloned.shown());
    assert_eq!(
        context.read("ws/media/big.bin"),
        "two\n",
        "{}",
        updated.shown()
    );
    assert_eq!(context.git("ws/media", &["status", "--short"]), "");
}

#[test]
#[ignore = "needs git-lfs"]
fn over_http_the_files_are_real_with_the_login_of_the_helper() {
    let context = TestContext::new();
    media(&context);
    let server = secured(&context, closed());
    helper(&context, "secret");
    assert_cloned_as_git_does(&context, &server.url("media"));
    let cloned = context.fitout(&["sync"]);
    let first = context.read("ws/varied/big.bin");
    context.push("media", "big.bin", "two\n");
    let updated = context.fitout(&["sync"]);

    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    assert_eq!(updated.code, Some(0), "{}", updated.shown());
    assert_eq!(
        [first.as_str(), &context.read("ws/varied/big.bin")],
        ["one\n", "two\n"]
    );
    assert_eq!(context.read("ws/varied/small.bin"), "small\n");
    assert_eq!(context.git("ws/varied", &["status", "--short"]), "");
    assert!(!cloned.stderr.contains("Downloading"), "{}", cloned.shown());
    let with_login = |asked: &Asked| {
        asked.target.contains("/info/lfs/files/") && asked.header("authorization").is_some()
    };
    assert!(server.asked().iter().any(with_login));
}

#[test]
#[ignore = "needs git-lfs"]
fn what_the_clone_logs_in_with_git_lfs_and_submodules_have_too() {
    let context = TestContext::new();
    media(&context);
    let server = secured(
        &context,
        Behaviour {
            authorization: Some(CI_BASIC.to_owned()),
            ..Behaviour::default()
        },
    );
    let url = server.url("media");
    context.remote("whole");
    let work = context.path("remotes/whole.git");
    context.git(
        ".",
        &["clone", "--quiet", &work.display().to_string(), "whole"],
    );
    context.write(
        "whole/.gitmodules",
        &format!("[submodule \"part\"]\n\tpath = part\n\turl = {url}\n"),
    );
    let part = context.git("remotes/media.git", &["rev-parse", "HEAD"]);
    let link = format!("160000,{part},part");
    context.git("whole", &["update-index", "--add", "--cacheinfo", &link]);
    context.git("whole", &["add", ".gitmodules"]);
    context.git("whole", &["commit", "--quiet", "-m", "Add a part"]);
    context.git("whole", &["push", "--quiet", "origin", "HEAD"]);
    let whole = server.url("whole");
    context.manifest(&format!(
        "[repos.media]\nurl = \"{url}\"\n[repos.whole]\nurl = \"{whole}\"\nsubmodules = true\n"
    ));
    context.write("tmp/.keep", "");
    let sync = || {
        let mut sync = context.fitout_command(&["sync"]);
        sync.env("TMPDIR", context.path("tmp"));
        sync
    };
    let assert_all_is_here = |said: &str| {
        for file in ["ws/media/big.bin", "ws/whole/part/big.bin"] {
            assert_eq!(context.read(file), "one\n", "{file}: {said}");
        }
        assert_eq!(
            context.names("tmp"),
            [".keep"],
            "the login is lent no longer"
        );
        for repo in ["media", "whole"] {
            fs::remove_dir_all(context.ws(repo)).unwrap();
        }
    };

    let typed = [("user", "gitlab-ci-token"), ("password or token", "secret")];
    let (code, screen) = talk(&sync(), Prompt::Ours, &typed);
    assert_eq!(code, Some(0), "{screen}");
    assert_all_is_here(&screen);

    let mut in_ci = sync();
    in_ci
        .env("CI_JOB_TOKEN", "secret")
        .env("CI_SERVER_URL", server.base());
    let ran = context.ran(&in_ci.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_all_is_here(&ran.shown());
}

#[test]
#[ignore = "needs git-lfs"]
fn a_file_that_its_server_has_lost_is_named_and_the_clone_can_be_had_without() {
    let context = TestContext::new();
    let server = served(&context);
    fs::remove_dir_all(context.path(STORE)).unwrap();
    let failed = context.fitout(&["sync"]);
    let requests = server.asked();
    let mut skipping = context.fitout_command(&["sync"]);
    skipping.env("GIT_LFS_SKIP_SMUDGE", "1");
    let with_pointers = context.ran(&skipping.output().unwrap());

    assert_eq!(failed.code, Some(1), "{}", failed.shown());
    // The first one, whichever that is: a few files are written by one thread, which goes no further.
    let names = |file: &str| {
        let reason = format!("failed  Git LFS can't get `{file}`: Object does not exist");
        failed.stdout.contains(&reason)
    };
    assert!(names("big.bin") || names("small.bin"), "{}", failed.shown());
    let hint = "hint: media: GIT_LFS_SKIP_SMUDGE=1 fitout sync   # leaves pointers instead of \
        such files\n";
    assert!(failed.stderr.ends_with(hint), "{}", failed.shown());
    let packs = requests
        .iter()
        .filter(|asked| asked.target.ends_with("/git-upload-pack"));
    assert_eq!(
        packs.count(),
        2,
        "it is cloned once: its references, its pack"
    );
    assert_eq!(with_pointers.code, Some(0), "{}", with_pointers.shown());
    let note = "cloned  its Git LFS files are pointers: `git -C media lfs pull`";
    assert!(
        with_pointers.stdout.contains(note),
        "{}",
        with_pointers.shown()
    );
}

#[test]
#[ignore = "needs git-lfs"]
fn an_update_whose_files_can_not_be_had_changes_nothing() {
    let context = TestContext::new();
    let _server = served(&context);
    let cloned = context.fitout(&["sync"]);
    let before = context.git("ws/media", &["rev-parse", "HEAD"]);
    context.push("media", "README.md", "new\n");
    context.push("media", "big.bin", "two\n");
    fs::remove_dir_all(context.path(STORE)).unwrap();
    let failed = context.fitout(&["sync"]);

    assert_eq!(cloned.code, Some(0), "{}", cloned.shown());
    assert_eq!(failed.code, Some(1), "{}", failed.shown());
    let (reason, why) = ("failed  Git LFS can't get `", "`: Object does not exist");
    assert!(failed.stdout.contains(reason), "{}", failed.shown());
    assert!(failed.stdout.contains(why), "{}", failed.shown());
    assert_eq!(context.git("ws/media", &["rev-parse", "HEAD"]), before);
    assert_eq!(context.git("ws/media", &["status", "--short"]), "");
    assert_eq!(context.read("ws/media/big.bin"), "one\n");
}

#[test]
#[ignore = "needs git-lfs"]
fn a_login_that_only_git_lfs_needs_is_never_asked_for_by_a_worker() {
    let context = TestContext::new();
    media(&context);
    let server = secured(
        &context,
        Behaviour {
            closed_repo: Some("/info/lfs/".to_owned()),
            ..closed()
        },
    );
    one(&context, &server);
    let (code, screen) = on_a_terminal(&context, &["sync"], Prompt::Ours, &[]);
    assert_eq!(code, Some(1), "{screen}");
    let reason = format!("Git credentials for {} not found", server.url("media"));
    assert!(screen.contains(&reason), "{screen}");
    assert!(!screen.contains("Username for"), "{screen}");

    helper(&context, "secret");
    let with_login = context.fitout(&["sync"]);
    assert_eq!(with_login.code, Some(0), "{}", with_login.shown());
    assert_eq!(context.read("ws/media/big.bin"), "one\n");
}
