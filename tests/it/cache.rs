//! The cache of objects: the second clone of a URL takes from the server only what is new.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::context::{TestContext, exists};
use crate::http_server::{Behaviour, HttpServer, Tls};
use crate::sync::{assert_cloned_as_git_does, varied_remote};
use crate::terminal::{Prompt, on_a_terminal};

const CACHE: &str = "home/.cache/fitout/repos";
/// What the server can do, its references, the pack.
const WHOLE: usize = 3;
/// There is nothing that would have to be sent.
const NOTHING_NEW: usize = 2;

fn served(context: &TestContext) -> HttpServer {
    context.remote("web");
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    context.manifest(&format!("[repos.web]\nurl = \"{}\"\n", server.url("web")));
    server
}

/// Clones anew; how many requests it took.
#[track_caller]
fn cloned(context: &TestContext, server: &HttpServer, arguments: &[&str]) -> usize {
    let _ = fs::remove_dir_all(context.ws("web"));
    let before = server.requests();
    let ran = context.fitout(&[&["sync"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    context.git("ws/web", &["fsck", "--strict"]);
    assert_eq!(context.git("ws/web", &["status", "--porcelain"]), "");
    server.requests() - before
}

/// The only repository in the cache.
fn entry(context: &TestContext) -> String {
    let entries = entries(context);
    assert_eq!(entries.len(), 1, "{entries:?}");
    format!("{CACHE}/{}", entries[0])
}

fn entries(context: &TestContext) -> Vec<String> {
    if !exists(context.path(CACHE)) {
        return Vec::new();
    }
    let mut names = context.names(CACHE);
    names.retain(|name| is_a(name, "git"));
    names
}

fn is_a(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it == extension)
}

fn packs(context: &TestContext, repository: &str) -> Vec<PathBuf> {
    let folder = format!("{repository}/objects/pack");
    let names = context.names(&folder).into_iter();
    names
        .filter(|name| is_a(name, "pack"))
        .map(|name| context.path(&folder).join(name))
        .collect()
}

#[test]
fn the_second_clone_takes_only_what_is_new_and_is_gits_clone() {
    let context = TestContext::new();
    varied_remote(&context);
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let url = server.url("varied");
    assert_cloned_as_git_does(&context, &url);
    let before = server.requests();
    assert_cloned_as_git_does(&context, &url);
    // git's own clone takes three.
    assert_eq!(server.requests() - before, NOTHING_NEW + WHOLE);

    context.push("varied", "new.txt", "new\n");
    context.git("work-varied", &["push", "--quiet", "origin", ":topic/one"]);
    context.git("work-varied", &["tag", "-d", "light"]);
    context.git("work-varied", &["push", "--quiet", "origin", ":light"]);
    assert_cloned_as_git_does(&context, &url);
    context.git(&entry(&context), &["fsck", "--strict"]);
}

#[test]
fn neither_a_clone_nor_the_cache_depends_on_the_other() {
    let context = TestContext::new();
    let server = served(&context);
    assert_eq!(cloned(&context, &server, &[]), WHOLE);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);
    assert!(!exists(context.ws("web/.git/objects/info/alternates")));

    context.git("ws/web", &["gc", "--quiet", "--prune=now"]);
    context.git(&entry(&context), &["fsck", "--strict"]);
    context.git(&entry(&context), &["gc", "--quiet", "--prune=now"]);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);

    fs::remove_dir_all(context.path(CACHE)).unwrap();
    context.git("ws/web", &["fsck", "--strict"]);
    context.git("ws/web", &["log", "--stat"]);
}

#[test]
fn what_is_damaged_is_dropped_and_fetched_anew() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let damages: [fn(&mut Vec<u8>); 3] = [
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
        },
        |bytes| bytes.truncate(bytes.len() - 30),
        Vec::clear,
    ];
    for damage in damages {
        // The clone has the same file, so it is replaced, not written to.
        let pack = packs(&context, &entry(&context)).remove(0);
        let mut bytes = fs::read(&pack).unwrap();
        damage(&mut bytes);
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
        assert_eq!(cloned(&context, &server, &[]), WHOLE);
        context.git(&entry(&context), &["fsck", "--strict"]);
    }
    fs::remove_file(context.path(&entry(&context)).join("packed-refs")).unwrap();
    assert_eq!(cloned(&context, &server, &[]), WHOLE);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);
}

#[test]
fn what_a_killed_run_left_in_the_cache_goes_with_the_next_clone() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let name = entries(&context).remove(0);
    let half = format!("{CACHE}/.making-{}", name.trim_end_matches(".git"));
    context.write(&format!("{half}/objects/pack/half.pack"), "PACK");
    context.push("web", "new.txt", "new\n");
    assert_eq!(cloned(&context, &server, &[]), WHOLE);
    assert!(!exists(context.path(&half)));
    context.git(&entry(&context), &["fsck", "--strict"]);
}

#[test]
fn many_clones_from_the_cache_do_not_pile_up_packs() {
    let context = TestContext::new();
    let server = served(&context);
    let most = (0..20)
        .map(|number| {
            context.push("web", "README.md", &format!("{number}\n"));
            cloned(&context, &server, &[]);
            packs(&context, "ws/web/.git").len()
        })
        .max();
    assert!(most <= Some(16), "{most:?}");
}

#[test]
fn the_biggest_of_the_last_time_is_begun_first_and_the_rows_keep_their_order() {
    let context = TestContext::new();
    for name in ["small", "big", "new"] {
        context.remote(name);
    }
    let noise: String = (0..20_000_u64)
        .map(|it| (it * it * 7919 % 9973).to_string())
        .collect();
    context.push("big", "noise.txt", &noise);
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let manifest = |names: &[&str]| {
        let entry = |name: &&str| format!("[repos.{name}]\nurl = \"{}\"\n", server.url(name));
        context.manifest(&names.iter().map(entry).collect::<Vec<_>>().concat());
    };
    let begun = || {
        let from = server.asked().len();
        let ran = context.fitout(&["sync", "-j", "1"]);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        let mut begun: Vec<String> = server.asked()[from..]
            .iter()
            .map(|asked| {
                asked
                    .target
                    .trim_start_matches('/')
                    .split(".git")
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        begun.dedup();
        (begun, ran.stdout)
    };
    manifest(&["small", "big"]);
    assert_eq!(
        begun().0,
        ["small", "big"],
        "nothing is known: in the manifest's order"
    );
    for name in ["small", "big"] {
        fs::remove_dir_all(context.ws(name)).unwrap();
    }
    manifest(&["small", "big", "new"]);
    let (order, rows) = begun();
    assert_eq!(order, ["new", "big", "small"]);
    let rows: Vec<&str> = rows
        .lines()
        .skip(1)
        .filter_map(|row| row.split(' ').next())
        .collect();
    assert_eq!(rows, ["small", "big", "new"]);
    let kept = context.read("home/.local/state/fitout/sizes.json");
    assert!(kept.contains("/big\""), "{kept}");
}

/// Brings the clone up to date.
#[track_caller]
fn updated(context: &TestContext) {
    let ran = context.fitout(&["sync"]);
    assert!(ran.stdout.contains("updated"), "{}", ran.shown());
}

/// The whole of an entry is there: every object that its refs lead to.
#[track_caller]
fn assert_whole(context: &TestContext) {
    let said = context.git(&entry(context), &["fsck", "--strict", "--no-dangling"]);
    assert_eq!(said, "");
}

#[test]
fn what_a_fetch_brings_the_next_clone_takes_from_the_cache() {
    let context = TestContext::new();
    varied_remote(&context);
    let server = HttpServer::start(&context.path("remotes"), Behaviour::default());
    let url = server.url("varied");
    context.manifest(&format!("[repos.varied]\nurl = \"{url}\"\n"));
    context.fitout(&["sync"]);
    context.push("varied", "new.txt", "new\n");
    context.git("work-varied", &["switch", "--quiet", "-c", "topic/two"]);
    context.push("varied", "src/other/topic.txt", "two\n");
    let ran = context.fitout(&["sync"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_whole(&context);
    let known = context.git(&entry(&context), &["for-each-ref", "--format=%(refname)"]);
    assert!(known.contains("refs/heads/topic/two"), "{known}");

    fs::remove_dir_all(context.ws("varied")).unwrap();
    let before = server.requests();
    assert_cloned_as_git_does(&context, &url);
    assert_eq!(server.requests() - before, NOTHING_NEW + WHOLE);
}

#[test]
fn a_remote_of_another_name_is_kept_as_well() {
    let context = TestContext::new();
    let server = served(&context);
    let name = ["config", "--global", "clone.defaultRemoteName", "forge"];
    context.git(".", &name);
    cloned(&context, &server, &[]);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);
    context.push("web", "new.txt", "new\n");
    updated(&context);
    assert_whole(&context);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);
}

#[test]
fn a_cache_on_another_file_system_holds_copies() {
    use std::os::unix::fs::MetadataExt as _;
    let context = TestContext::new();
    let server = served(&context);
    let device = |path: &Path| fs::metadata(path).ok().map(|it| it.dev());
    let elsewhere = Path::new("/dev/shm");
    let is_elsewhere = device(elsewhere).is_some_and(|it| Some(it) != device(&context.ws(".")));
    if !is_elsewhere {
        // No other file system is at hand that anybody may write to.
        return;
    }
    let cache = tempfile::tempdir_in(elsewhere).unwrap();
    let sync = || {
        let before = server.requests();
        let mut command = context.fitout_command(&["sync"]);
        let output = command.env("XDG_CACHE_HOME", cache.path()).output();
        let ran = context.ran(&output.unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
        context.git("ws/web", &["fsck", "--strict"]);
        server.requests() - before
    };
    sync();
    context.push("web", "new.txt", "new\n");
    sync();
    fs::remove_dir_all(context.ws("web")).unwrap();
    assert_eq!(sync(), NOTHING_NEW);
}

#[test]
fn what_a_fetch_builds_on_is_kept_with_it() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let push = ["push", "--quiet", "origin", "main"];
    let remote = context.path("remotes/web.git").display().to_string();
    // The user's own commit, with folders of its own, and another one that they got by hand.
    context.commit("web", "mine/a/b.txt", "mine\n");
    context.git("ws/web", &["push", "--quiet", &remote, "main"]);
    context.git(
        "work-web",
        &["pull", "--quiet", "--rebase", "origin", "main"],
    );
    context.push("web", "by-hand.txt", "hand\n");
    context.git("ws/web", &["pull", "--quiet", "--rebase", "origin", "main"]);
    context.push("web", "mine/a/c.txt", "theirs\n");
    context.git("work-web", &push);
    updated(&context);
    assert_whole(&context);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);

    // What is not pushed is the clone's alone.
    context.commit("web", "secret.txt", "mine\n");
    let mine = context.git("ws/web", &["rev-parse", "HEAD"]);
    context.push("web", "more.txt", "more\n");
    context.fitout(&["sync"]);
    let packed = context.git(
        &entry(&context),
        &["cat-file", "--batch-check", "--batch-all-objects"],
    );
    assert!(!packed.contains(&mine), "{packed}");
    assert_whole(&context);
}

#[test]
fn a_fetch_without_news_leaves_the_cache_alone() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let refs = context.path(&entry(&context)).join("packed-refs");
    let number = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&refs).unwrap());
    let before = number();
    context.fitout(&["sync"]);
    assert_eq!(number(), before);
    // And what there is no entry of gets none.
    fs::remove_dir_all(context.path(CACHE)).unwrap();
    context.push("web", "new.txt", "new\n");
    updated(&context);
    assert_eq!(entries(&context), [""; 0]);
}

#[test]
fn many_fetches_do_not_pile_up_packs() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    for number in 0..20 {
        context.push("web", "README.md", &format!("{number}\n"));
        updated(&context);
        let packs = packs(&context, &entry(&context)).len();
        assert!(packs <= 8, "{packs}");
    }
    assert_whole(&context);
    assert_eq!(cloned(&context, &server, &[]), NOTHING_NEW);
    assert_eq!(context.read("ws/web/README.md"), "19\n");
}

#[test]
fn a_shallow_clone_adds_nothing() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let manifest = format!("[repos.web]\nurl = \"{}\"\ndepth = 1\n", server.url("web"));
    context.manifest(&manifest);
    cloned(&context, &server, &[]);
    context.push("web", "new.txt", "new\n");
    updated(&context);
    assert_eq!(packs(&context, &entry(&context)).len(), 1);
}

#[test]
fn two_runs_at_once_that_fetch_leave_a_whole_entry() {
    let context = TestContext::new();
    let server = served(&context);
    let manifest = format!("[repos.web]\nurl = \"{}\"\n", server.url("web"));
    let workspaces: Vec<String> = (0..6).map(|number| format!("one-{number}")).collect();
    for workspace in &workspaces {
        context.write(&format!("{workspace}/workspace.toml"), &manifest);
    }
    let all = || {
        let spawn = |workspace: &String| {
            let mut command = context.fitout_command(&["sync"]);
            command.current_dir(context.path(workspace));
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let runs: Vec<_> = workspaces.iter().map(spawn).collect();
        for run in runs {
            let ran = context.ran(&run.wait_with_output().unwrap());
            assert_eq!(ran.code, Some(0), "{}", ran.shown());
        }
    };
    all();
    for number in 0..10 {
        context.push("web", "README.md", &format!("{number}\n"));
        all();
        assert_whole(&context);
    }
    let last = workspaces.last().unwrap();
    assert_eq!(context.read(&format!("{last}/web/README.md")), "9\n");
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let context = TestContext::new();
    let server = served(&context);
    let url = server.url("web");
    let spawn = |workspace: &str| {
        let entry = |number| format!("[repos.web-{number}]\nurl = \"{url}\"\n");
        let manifest = (0..10).map(entry).collect::<Vec<_>>().concat();
        context.write(&format!("{workspace}/workspace.toml"), &manifest);
        context
            .fitout_command(&["sync"])
            .current_dir(context.path(workspace))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for round in 0..2 {
        let runs = ["one", "two"].map(|name| spawn(&format!("{name}-{round}")));
        for run in runs {
            let ran = context.ran(&run.wait_with_output().unwrap());
            assert_eq!(ran.code, Some(0), "{}", ran.shown());
        }
        for name in ["one", "two"] {
            context.git(&format!("{name}-{round}/web-9"), &["fsck", "--strict"]);
        }
        context.git(&entry(&context), &["fsck", "--strict"]);
    }
}

#[test]
fn who_wants_no_cache_has_none() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &["--no-cache"]);
    assert_eq!(entries(&context), [""; 0]);
    context.write("ws/workspace.local.toml", "[git]\ncache = false\n");
    cloned(&context, &server, &[]);
    assert_eq!(entries(&context), [""; 0]);
    context.write("ws/workspace.local.toml", "");
    cloned(&context, &server, &[]);
    assert_eq!(cloned(&context, &server, &["--no-cache"]), WHOLE);
}

#[test]
fn a_shallow_clone_is_neither_kept_nor_made_from_what_is_kept() {
    let context = TestContext::new();
    let server = served(&context);
    let manifest = format!("[repos.web]\nurl = \"{}\"\n", server.url("web"));
    context.manifest(&format!("{manifest}depth = 1\n"));
    cloned(&context, &server, &[]);
    assert_eq!(entries(&context), [""; 0]);
    context.manifest(&manifest);
    cloned(&context, &server, &[]);
    context.manifest(&format!("{manifest}depth = 1\n"));
    cloned(&context, &server, &[]);
    let commits = context.git("ws/web", &["rev-list", "--count", "--all"]);
    assert_eq!(commits, "1");
}

#[test]
fn no_secret_is_kept() {
    let context = TestContext::new();
    context.remote("web");
    let tls = Tls::new(&context.path("."), false);
    let authority = tls.authority.display().to_string();
    context.git(".", &["config", "--global", "http.sslCAInfo", &authority]);
    let server = HttpServer::start(
        &context.path("remotes"),
        Behaviour {
            tls: Some(tls),
            // user:secret
            authorization: Some("Basic dXNlcjpzZWNyZXQ=".to_owned()),
            ..Behaviour::default()
        },
    );
    let url = server
        .url("web")
        .replace("https://", "https://user:secret@");
    context.manifest(&format!("[repos.web]\nurl = \"{url}\"\n"));
    cloned(&context, &server, &[]);
    let entry = entry(&context);
    assert!(!entry.contains("user"), "{entry}");
    for file in ["config", "description", "packed-refs"] {
        let text = context.read(&format!("{entry}/{file}"));
        assert!(!text.contains("secret") && !text.contains("user"), "{text}");
    }
}

#[test]
fn on_a_terminal_the_cache_is_cleaned_when_the_answer_is_yes() {
    let context = TestContext::new();
    let server = served(&context);
    cloned(&context, &server, &[]);
    let full = context.fitout(&["cache"]);
    let clean = |answer| {
        let dialogue = [("Remove", answer)];
        on_a_terminal(&context, &["cache", "clean"], Prompt::Ours, &dialogue)
    };
    let (declined, _) = clean("n");
    let after_no = context.fitout(&["cache"]);
    let (agreed, screen) = clean("y");
    let after_yes = context.fitout(&["cache"]);
    assert_eq!([declined, agreed], [Some(0), Some(0)]);
    assert_eq!(after_no.shown(), full.shown());
    assert!(screen.contains("freed "), "{screen}");
    assert!(after_yes.stderr.contains("is empty"), "{screen}");
}

#[test]
fn the_cache_is_shown_and_cleaned() {
    let context = TestContext::new();
    let server = served(&context);
    let empty = context.fitout(&["cache"]);
    cloned(&context, &server, &[]);
    let full = context.fitout(&["cache"]);
    let json = context.fitout(&["cache", "--format", "json"]);
    let unasked = context.fitout(&["cache", "clean"]);
    let cleaned = context.fitout(&["cache", "clean", "--yes"]);
    let after = context.fitout(&["cache"]);

    let folder = "[TMP]/home/.cache/fitout/repos";
    assert_eq!(empty.stderr, format!("the cache in {folder} is empty\n"));
    let url = server.url("web");
    let place = url.strip_prefix("http://").unwrap().strip_suffix(".git");
    assert!(full.stdout.contains(place.unwrap()), "{}", full.shown());
    full.assert_says(folder);
    insta::assert_snapshot!(unasked.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: can't ask whether to remove [TMP]/home/.cache/fitout/repos without a terminal

    hint: fitout cache clean --yes
    ");
    assert!(cleaned.stderr.starts_with("freed "), "{}", cleaned.shown());
    assert_eq!(after.shown(), empty.shown());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert!(json["repos"][0]["bytes"].as_u64() > Some(0));
    context.git("ws/web", &["fsck", "--strict"]);
}
