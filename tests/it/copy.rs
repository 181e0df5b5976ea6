//! `fitout copy` and `fitout copies`, on a machine without Docker.

#[path = "copy/lost.rs"]
mod lost;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::context::{Ran, TestContext, eventually, exists, files_of, free_port};

/// A company with a workspace in `ws`, which is a repository of its own, and git as the only program.
struct Company(TestContext);

const MANIFEST: &str = r#"
[workspace]
name = "vera"

[repos.web]
url = "../remotes/web.git"

[repos.api]
url = "../remotes/api.git"
branch = "main"

[services.web]
repo = "web"
ports = ["21800:80"]

[services.api]
repo = "api"
ports = ["21801:80"]
"#;

impl Company {
    fn new() -> Self {
        let company = Company::with(MANIFEST);
        company.0.git("ws", &["init", "--quiet"]);
        company.run(&["generate"]);
        company.commit("Begin");
        company
    }

    /// One whose workspace is no repository, with its repos cloned.
    fn with(manifest: &str) -> Self {
        let context = TestContext::new();
        fs::create_dir(context.path("bin")).unwrap();
        for name in ["git", "git-upload-pack"] {
            let path = std::env::var_os("PATH").unwrap();
            let mut folders = std::env::split_paths(&path).map(|folder| folder.join(name));
            let found = folders.find(|file| file.exists());
            symlink(found.expect("git"), context.path("bin").join(name)).unwrap();
        }
        for name in ["web", "api"] {
            context.remote(name);
        }
        context.manifest(manifest);
        let company = Company(context);
        company.run(&["sync"]);
        company
    }

    fn commit(&self, message: &str) {
        self.0.git("ws", &["add", "--all"]);
        self.0.git("ws", &["commit", "--quiet", "-m", message]);
    }

    /// Runs fitout in the workspace.
    fn fitout(&self, arguments: &[&str]) -> Ran {
        let mut command = self.0.fitout_command(arguments);
        command.env("PATH", self.0.path("bin"));
        self.0.ran(&command.output().unwrap())
    }

    /// Runs fitout, which has to succeed.
    fn run(&self, arguments: &[&str]) -> Ran {
        let ran = self.fitout(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.shown());
        ran
    }

    /// What `fitout copies` says, by the name of the folder.
    fn copies(&self) -> BTreeMap<String, Value> {
        let ran = self.run(&["copies", "--format", "json"]);
        let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
        let copies = shown["copies"].as_array().unwrap().clone();
        let name = |copy: &Value| {
            let folder = copy["folder"].as_str().unwrap();
            folder.rsplit('/').next().unwrap().to_owned()
        };
        copies.into_iter().map(|copy| (name(&copy), copy)).collect()
    }

    /// The value of a variable in the `.env` of a workspace.
    fn variable(&self, workspace: &str, name: &str) -> Option<String> {
        let text = self.0.read(&format!("{workspace}/.env"));
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{name}=")))?;
        Some(value.to_owned())
    }
}

/// Every file below a folder with its content, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files_of(folder, |_| true)
}

#[test]
fn a_copy_is_whole_and_the_original_is_not_touched() {
    let company = Company::new();
    let before = files(&company.0.path("ws"));

    let ran = company.run(&["copy", "../vera-2"]);

    insta::assert_snapshot!(ran.shown());
    assert_eq!(files(&company.0.path("ws")), before);
    let names = [
        "bin", "home", "remotes", "vera-2", "work-api", "work-web", "ws",
    ];
    assert_eq!(company.0.names(""), names, "something is left beside it");
    for repo in ["", "/web", "/api"] {
        let git =
            |workspace: &str, arguments| company.0.git(&format!("{workspace}{repo}"), arguments);
        assert_eq!(git("vera-2", &["status", "--porcelain"]), "", "{repo}");
        assert_eq!(git("vera-2", &["fsck", "--strict"]), "", "{repo}");
        for same in [
            &["remote", "--verbose"][..],
            &["for-each-ref"],
            &["branch", "-vv"],
            &["ls-files", "--stage"],
        ] {
            assert_eq!(git("vera-2", same), git("ws", same), "{repo} {same:?}");
        }
    }
    let set = |name| company.variable("vera-2", name);
    assert_eq!(set("COMPOSE_PROJECT_NAME").as_deref(), Some("vera-2"));
    assert_eq!(set("WEB_PORT_80").as_deref(), Some("21900"));
    assert_eq!(set("API_PORT_80").as_deref(), Some("21901"));
    let mode = fs::metadata(company.0.path("vera-2/.env")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing in it is out of date, also not for the commands that come next.
    let inside = |arguments: &[&str]| company.run(&[&["-C", "../vera-2"], arguments].concat());
    inside(&["generate", "--check"]);
    let synced = inside(&["sync"]);
    synced.assert_says("2 up to date");
}

#[test]
fn objects_are_shared_until_one_side_is_collected() {
    let company = Company::new();
    company.run(&["copy", "../vera-2"]);
    let objects = company.0.path("vera-2/web/.git/objects");
    for name in files(&objects).keys() {
        let links = fs::metadata(objects.join(name)).unwrap().nlink();
        assert!(links >= 2, "{name}");
    }

    company.0.git("ws/web", &["gc", "--quiet", "--prune=now"]);
    assert_eq!(company.0.git("vera-2/web", &["fsck", "--strict"]), "");
}

#[test]
fn work_of_the_user_stays_in_the_original_and_is_named() {
    let company = Company::new();
    company
        .0
        .git("ws/web", &["config", "user.email", "me@work.example"]);
    company.0.write("ws/api/stashed", "x");
    company
        .0
        .git("ws/api", &["stash", "--include-untracked", "--quiet"]);
    company.0.commit("web", "mine", "mine\n");
    company.0.git("ws/web", &["branch", "idea"]);
    company.0.write("ws/api/README.md", "changed\n");
    company
        .0
        .write("ws/workspace.toml", &format!("{MANIFEST}# later\n"));

    let ran = company.run(&["copy", "../vera-2"]);

    for note in [
        "uncommitted changes of api",
        "commits that are on no remote of web",
        "stashes of api",
        "the committed `workspace.toml`",
    ] {
        assert!(ran.stderr.contains(note), "{note}: {}", ran.shown());
    }
    let log = |arguments| company.0.git("vera-2/web", arguments);
    assert_eq!(
        log(&["rev-parse", "HEAD"]),
        log(&["rev-parse", "origin/main"])
    );
    assert_eq!(log(&["branch", "--format=%(refname:short)"]), "main");
    assert_eq!(log(&["config", "--local", "user.email"]), "me@work.example");
    assert_eq!(company.0.git("vera-2/api", &["stash", "list"]), "");
    assert_eq!(company.0.read("vera-2/workspace.toml"), MANIFEST);
}

/// `generate` would write these anew; in a copy it has to be asked for.
#[test]
fn committed_files_are_in_a_copy_as_they_were_committed() {
    let company = Company::new();
    let compose = company.0.read("ws/docker-compose.yml");
    let edited = compose.replace("21801", "21901");
    let ignored = company.0.read("ws/.gitignore").replace("/api\n", "");
    company.0.write("ws/docker-compose.yml", &edited);
    company.0.write("ws/.gitignore", &ignored);
    assert!(edited != compose && !ignored.contains("/api\n"));
    company.commit("Edit what fitout writes");

    company.run(&["copy", "../vera-2"]);

    assert_eq!(company.0.read("vera-2/docker-compose.yml"), edited);
    assert_eq!(company.0.read("vera-2/.gitignore"), ignored);
}

#[test]
fn a_copy_of_a_copy_is_one_more_of_the_original() {
    let company = Company::new();
    company.run(&["copy", "../vera-2"]);
    company.run(&["-C", "../vera-2", "copy", "../vera-3"]);
    company.run(&["copy", "../hotfix"]);

    let copies = company.copies();

    let expected = [
        ("hotfix", "vera-hotfix", 300),
        ("vera-2", "vera-2", 100),
        ("vera-3", "vera-3", 200),
        ("ws", "vera", 0),
    ];
    assert_eq!(copies.len(), expected.len());
    for (folder, project, offset) in expected {
        let copy = &copies[folder];
        assert_eq!(copy["project"], project);
        assert_eq!(copy["port_offset"], offset, "{folder}");
        assert_eq!(copy["here"], folder == "ws");
        if folder != "ws" {
            assert_eq!(copy["copy_of"], "[TMP]/ws", "{folder}");
        }
    }
    assert_eq!(copies["vera-3"]["ports"], serde_json::json!([22000, 22001]));
}

/// A port from which on one is taken, and these are free.
fn ports_with_one_taken(taken: u16, free: &[u16]) -> (u16, TcpListener) {
    eventually("there are ports that nobody has", || {
        let base = free_port().checked_sub(taken).filter(|base| *base > 1024)?;
        let listen = |port: &u16| TcpListener::bind(("0.0.0.0", base.checked_add(*port)?)).ok();
        let are_free = free.iter().all(|port| listen(port).is_some());
        are_free.then(|| listen(&taken))?.map(|taken| (base, taken))
    })
}

#[test]
fn ports_that_anyone_has_are_left_to_them() {
    let company = Company::new();
    // One that somebody listens on, and one of a workspace that is stopped.
    let (base, _listener) = ports_with_one_taken(101, &[0, 1, 100, 200, 201, 300, 301]);
    let ports = |manifest: &str| {
        let manifest = manifest.replace("21800", &base.to_string());
        manifest.replace("21801", &(base + 1).to_string())
    };
    company.0.manifest(&ports(MANIFEST));
    company.run(&["generate"]);
    company.commit("Move the ports");
    let stopped = format!(
        "[services.it]\nimage = \"it:1\"\nports = [\"{}:80\"]\n",
        base + 200
    );
    company.0.write("other/workspace.toml", &stopped);
    company.run(&["-C", "../other", "generate"]);

    let taken = company.fitout(&["copy", "--port-offset", "200", "../vera-2"]);
    company.run(&["copy", "../vera-2"]);

    assert_eq!(taken.code, Some(2));
    taken.assert_says(&format!(
        "port {base} + 200 = {} belongs to the workspace in [TMP]/other",
        base + 200
    ));
    assert_eq!(company.copies()["vera-2"]["port_offset"], 300);

    // A folder that is gone has no ports any more.
    fs::remove_dir_all(company.0.path("other")).unwrap();
    company.run(&["copy", "../vera-3"]);
    assert_eq!(company.copies()["vera-3"]["port_offset"], 200);
}

#[test]
fn copies_that_are_made_at_once_have_ports_of_their_own() {
    let company = Company::new();
    let spawn = |folder: &str| {
        let mut command = company.0.fitout_command(&["copy", folder]);
        command.env("PATH", company.0.path("bin")).spawn().unwrap()
    };
    let folders = ["../vera-2", "../vera-3", "../vera-4"];
    for mut child in folders.map(spawn) {
        assert!(child.wait().unwrap().success());
    }
    let copies = company.copies();
    let offsets = ["vera-2", "vera-3", "vera-4"].map(|name| copies[name]["port_offset"].clone());
    let different: std::collections::BTreeSet<String> =
        offsets.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), 3, "{offsets:?}");
}

#[test]
fn places_that_are_not_free_are_refused_and_left_as_they_are() {
    let company = Company::new();
    company.0.write("full/mine", "mine");
    company.0.write("file", "mine");
    company.0.write("other/workspace.toml", "");
    symlink(company.0.path("ws"), company.0.path("link")).unwrap();
    let before = files(&company.0.path(""));
    for (place, words) in [
        (".", "is this workspace itself"),
        ("../link", "is this workspace itself"),
        ("..", "this workspace is inside `..`"),
        ("vera-2", "is inside this workspace"),
        ("../link/web/vera-2", "is inside this workspace"),
        ("../full/../ws/x", "is inside this workspace"),
        ("../other/vera-2", "is inside the workspace [TMP]/other"),
        ("../other", "is already a workspace"),
        ("../full", "exists and is not empty"),
        ("../file", "is a file"),
    ] {
        let ran = company.fitout(&["copy", place]);
        assert_ne!(ran.code, Some(0), "{place}");
        assert!(ran.stderr.contains(words), "{place}: {}", ran.shown());
        assert!(ran.stderr.contains("hint: "), "{place}: {}", ran.shown());
    }
    assert_eq!(files(&company.0.path("")), before);

    // An empty folder, and one in folders that are not there yet.
    fs::create_dir(company.0.path("empty")).unwrap();
    company.run(&["copy", "../empty"]);
    company.run(&["copy", "../deep/er/vera-9"]);
    assert!(exists(company.0.path("deep/er/vera-9/web/README.md")));
}

#[test]
fn relative_addresses_lead_to_the_same_remote_from_everywhere() {
    let company = Company::new();
    company.run(&["copy", "../deep/er/vera-2"]);
    let synced = company.run(&["-C", "../deep/er/vera-2", "sync"]);
    synced.assert_says("2 up to date");
}

#[test]
fn projects_that_are_taken_or_no_names_are_refused() {
    let company = Company::new();
    company.run(&["copy", "../vera-2"]);
    for (arguments, words) in [
        (
            &["copy", "../b/vera-2"][..],
            "the Compose project `vera-2` is already used",
        ),
        (
            &["copy", "../b/x", "--name", "vera"],
            "the Compose project `vera` is already used",
        ),
        (
            &["copy", "../b/x", "--name", "Vera 3"],
            "hint: --name vera-3",
        ),
    ] {
        let ran = company.fitout(arguments);
        assert_ne!(ran.code, Some(0));
        ran.assert_says(words);
    }
    assert!(!exists(company.0.path("b")));

    company.run(&["copy", "../b/Vera 3.0"]);
    assert_eq!(company.copies()["Vera 3.0"]["project"], "vera-3-0");

    // The shell names no project.
    let mut shell = company.0.fitout_command(&["copy", "../c"]);
    shell.env("COMPOSE_PROJECT_NAME", "x");
    let ran = company.0.ran(&shell.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.shown());
    assert_eq!(company.copies()["c"]["project"], "vera-c");
}

#[test]
fn what_is_on_this_machine_and_in_no_commit_comes_along() {
    let company = Company::new();
    company.0.write(
        "ws/workspace.toml",
        &MANIFEST.replace("repo = \"api\"", "repo = \"api\"\nenv_file = [\".env\"]"),
    );
    company.0.write(
        "ws/workspace.local.toml",
        "# mine\n[repos.web]\nbranch = \"main\"\n\n[services.web]\nports = [\"21850:80\"]\n",
    );
    let env = company.0.read("ws/.env");
    company.0.write(
        "ws/.env",
        &format!("# mine\nTOKEN=\"a=b\"\nWEB_PORT_80=3999\n{env}COMPOSE_PROJECT_NAME=x\nMORE=1\n"),
    );
    company.run(&["generate"]);
    company.commit("Use the file");
    company
        .0
        .write("ws/.git/info/exclude", "docker-compose.override.yml\n");
    company.0.write(
        "ws/docker-compose.override.yml",
        "services: {web: {ports: [\"1:1\"]}}\n",
    );
    company.0.write("ws/api/.git/info/exclude", ".env\n");
    company.0.write("ws/api/.env", "KEY=secret\n");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(company.0.path("ws/api/.env"), private).unwrap();

    let ran = company.run(&["copy", "../vera-2"]);

    let env = company.0.read("vera-2/.env");
    let (own, block) = env.split_once("# >>> fitout >>>").unwrap();
    assert_eq!(own.trim_end(), "# mine\nTOKEN=\"a=b\"\nMORE=1");
    // This person's port and not the manifest's is where counting begins.
    assert!(block.contains("\nWEB_PORT_80=21950\n"), "{env}");
    // The project of the original was `x`, and so is what its copies are named after.
    assert!(block.contains("\nCOMPOSE_PROJECT_NAME=x-vera-2\n"), "{env}");
    let own = "the copy doesn't use WEB_PORT_80, COMPOSE_PROJECT_NAME from .env";
    ran.assert_says(own);
    ran.assert_says("check it for conflicts");
    assert!(exists(company.0.path("vera-2/docker-compose.override.yml")));
    let personal = company.0.read("vera-2/workspace.local.toml");
    assert!(personal.starts_with("# mine\n[repos.web]\nbranch = \"main\"\n"));
    let secret = fs::metadata(company.0.path("vera-2/api/.env")).unwrap();
    assert_eq!(secret.mode() & 0o777, 0o600);
    // Who has changed nothing loses nothing with it.
    fs::write(company.0.path("vera-2/api/.git/info/exclude"), ".env\n").unwrap();
    fs::write(
        company.0.path("vera-2/.git/info/exclude"),
        "docker-compose.override.yml\n",
    )
    .unwrap();
    company.run(&["copies", "remove", "--yes", "../vera-2"]);
}

#[test]
fn a_copy_has_a_database_of_its_own_on_the_server_of_this_machine() {
    let company = Company::with(
        "[workspace]\nname = \"vera\"\n\n[services.db]\npreset = \"postgres\"\nports = [\"21810:5432\"]\n\
         runs_on = \"host\"\ndatabases = [\"shop\"]\n\n[services.cache]\npreset = \"redis\"\n\
         ports = [\"21811:6379\"]\nruns_on = \"host\"\n",
    );
    let ran = company.run(&["copy", "../vera-2"]);
    assert_eq!(
        company.variable("vera-2", "DB_DATABASE").as_deref(),
        Some("shop_2")
    );
    assert_eq!(company.variable("vera-2", "CACHE_DATABASE"), None);
    let create = "hint: to create it, run there: CREATE DATABASE \"shop_2\";";
    ran.assert_says(create);
}

#[test]
fn a_workspace_without_git_is_copied_by_what_fitout_knows() {
    let manifest = MANIFEST.replace(
        "[services.api]",
        "[services.api]\nvolumes = [\"./seed.sql:/seed.sql\", \"./data:/data\"]",
    );
    let company = Company::with(&manifest);
    company.0.write("ws/seed.sql", "select 1;\n");
    company.0.write("ws/data/table", "data");
    company.0.write("ws/notes.txt", "mine");
    company.run(&["generate"]);
    fs::remove_file(company.0.path("ws/.gitignore")).unwrap();

    let ran = company.run(&["copy", "../vera-2"]);

    let expected = [
        ".env",
        ".gitignore",
        "api",
        "docker-compose.yml",
        "seed.sql",
        "web",
        "workspace.local.toml",
        "workspace.toml",
    ];
    assert_eq!(company.0.names("vera-2"), expected);
    let note = "not in the copy: the folder `data`";
    ran.assert_says(note);

    company.0.write("vera-2/data/table", "new");
    let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);
    ran.assert_says("the workspace: 1 file outside of a repository: data/table");
    fs::remove_dir_all(company.0.path("vera-2/data")).unwrap();
    company.run(&["copies", "remove", "--yes", "../vera-2"]);
}

#[test]
fn a_manifest_that_is_not_committed_is_refused() {
    let company = Company::with(MANIFEST);
    company.0.git("ws", &["init", "--quiet"]);
    company.0.write("ws/README.md", "x");
    company.0.git("ws", &["add", "README.md"]);
    company.0.git("ws", &["commit", "--quiet", "-m", "x"]);
    let ran = company.fitout(&["copy", "../vera-2"]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("`workspace.toml` is not committed");
    ran.assert_says("add workspace.toml &&");
    let names = ["bin", "home", "remotes", "work-api", "work-web", "ws"];
    assert_eq!(company.0.names(""), names);
}

#[test]
fn files_that_were_never_committed_are_not_said_to_be_changed() {
    let company = Company::with(MANIFEST);
    company.0.git("ws", &["init", "--quiet"]);
    company.run(&["generate"]);
    company.run(&["lock"]);
    company.0.git("ws", &["add", "workspace.toml"]);
    company.0.git("ws", &["commit", "--quiet", "-m", "Begin"]);
    company.0.write("ws/web/new", "x");

    let ran = company.run(&["copy", "../vera-2"]);

    ran.assert_says("not in the copy: `workspace.lock`, which is not committed");
    ran.assert_says("not in the copy: files that were never committed of web");
    for not_so in [
        "docker-compose.yml",
        ".gitignore",
        "the committed",
        "uncommitted",
    ] {
        assert!(!ran.stderr.contains(not_so), "{}", ran.shown());
    }

    let compose = company.0.read("ws/docker-compose.yml") + "# mine\n";
    company.0.write("ws/docker-compose.yml", &compose);
    let ran = company.run(&["copy", "../vera-3"]);
    ran.assert_says("`docker-compose.yml` is not committed: it was generated again for the copy");
}

#[test]
fn a_repo_that_is_not_here_comes_from_its_remote() {
    let company = Company::new();
    fs::remove_dir_all(company.0.path("ws/web")).unwrap();
    let ran = company.run(&["copy", "../vera-2"]);
    let why = "cloning web from its remote: it is not cloned in this workspace";
    ran.assert_says(why);
    assert!(exists(company.0.path("vera-2/web/README.md")));

    // And where that does not answer, the copy is a workspace that `sync` goes on with.
    fs::rename(company.0.path("remotes/web.git"), company.0.path("away")).unwrap();
    let ran = company.fitout(&["copy", "../vera-3"]);
    assert_eq!(ran.code, Some(1));
    ran.assert_says("cd ../vera-3 && fitout sync");
    fs::rename(company.0.path("away"), company.0.path("remotes/web.git")).unwrap();
    company.run(&["-C", "../vera-3", "sync"]);
    assert!(exists(company.0.path("vera-3/web/README.md")));
}

#[test]
fn pins_shallow_clones_and_renamed_remotes_are_what_they_are_here() {
    let company = Company::with(MANIFEST);
    company.0.git("work-web", &["tag", "v1", "HEAD~1"]);
    company
        .0
        .git("work-web", &["push", "--quiet", "origin", "v1"]);
    let manifest = MANIFEST
        .replace("../remotes/web.git\"", "../remotes/web.git\"\ntag = \"v1\"")
        .replace("branch = \"main\"", "depth = 1");
    company.0.manifest(&manifest);
    fs::remove_dir_all(company.0.path("ws/api")).unwrap();
    company.run(&["sync"]);
    company
        .0
        .git("ws/web", &["checkout", "--quiet", "--detach", "v1"]);
    company
        .0
        .git("ws/web", &["remote", "rename", "origin", "upstream"]);
    company.0.git(
        "ws/web",
        &["remote", "add", "fork", "git@example.com:me/web.git"],
    );

    company.run(&["copy", "../vera-2"]);

    let web = |workspace: &str, arguments| company.0.git(&format!("{workspace}/web"), arguments);
    for same in [
        &["remote", "-v"][..],
        &["rev-parse", "HEAD"],
        &["for-each-ref", "refs/remotes"],
    ] {
        assert_eq!(web("vera-2", same), web("ws", same));
    }
    assert_eq!(web("vera-2", &["branch", "--show-current"]), "");
    let api = |arguments| company.0.git("vera-2/api", arguments);
    assert_eq!(api(&["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(api(&["fsck"]), "");
    company.0.push("api", "new", "new\n");
    company.run(&["-C", "../vera-2", "sync"]);
    assert!(exists(company.0.path("vera-2/api/new")));
}

#[test]
fn submodules_and_filters_are_checked_out_by_git() {
    let company = Company::new();
    company.0.write(
        "home/.gitconfig",
        "[protocol \"file\"]\nallow = always\n\
         [filter \"loud\"]\nclean = tr A-Z a-z\nsmudge = tr a-z A-Z\nrequired = true\n",
    );
    let module = company.0.path("remotes/api.git").display().to_string();
    company
        .0
        .git("work-web", &["submodule", "--quiet", "add", &module, "lib"]);
    company
        .0
        .write("work-web/.gitattributes", "*.loud filter=loud\n");
    company.0.push("web", "a.loud", "QUIET\n");
    company
        .0
        .manifest(&MANIFEST.replace("web.git\"", "web.git\"\nsubmodules = true"));
    company.commit("Take submodules");
    // With the programs that git's own scripts and the filter need.
    let fitout = |arguments: &[&str]| {
        let ran = company.0.fitout(arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.shown());
    };
    fitout(&["sync"]);

    fitout(&["copy", "../vera-2"]);

    assert_eq!(company.0.read("vera-2/web/a.loud"), "QUIET\n");
    assert!(exists(company.0.path("vera-2/web/lib/README.md")));
    assert_eq!(company.0.git("vera-2/web", &["status", "--porcelain"]), "");
}

#[test]
fn a_run_that_was_killed_leaves_nothing_for_the_next_one() {
    let company = Company::new();
    let dead = company.0.path(".fitout-clone-dead");
    fs::create_dir_all(dead.join("clone/web")).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::write(dead.join("clone/workspace.toml"), MANIFEST).unwrap();
    company.run(&["copy", "../vera-2"]);
    assert!(!exists(dead));
}

#[test]
fn removing_a_copy_loses_no_work_and_leaves_the_others() {
    let company = Company::new();
    company.run(&["copy", "../vera-2"]);
    company.run(&["copy", "../vera-3"]);
    let before = files(&company.0.path("vera-3"));
    let refused = |why: &str| {
        let ran = company.fitout(&["copies", "remove", "--yes", "../vera-2"]);
        assert_eq!(ran.code, Some(1), "{why}: {}", ran.shown());
        assert!(ran.stderr.contains(why), "{why}: {}", ran.shown());
        assert!(exists(company.0.path("vera-2/web/README.md")));
    };
    let web = |arguments| company.0.git("vera-2/web", arguments);

    company.0.write("vera-2/web/new", "x");
    refused("web: 1 untracked file");
    web(&["add", "new"]);
    refused("web: 1 uncommitted change");
    web(&["stash", "--quiet"]);
    refused("web: 1 stash");
    web(&["stash", "pop", "--quiet"]);
    web(&["commit", "--quiet", "-m", "x"]);
    refused("web: 1 commit of `main` that is on no remote");
    web(&["branch", "idea"]);
    web(&["reset", "--quiet", "--hard", "origin/main"]);
    refused("web: 1 commit of `idea` that is on no remote");
    // The objects are in the original too, where no ref leads to them.
    let idea = company.0.path("vera-2/web").display().to_string();
    company
        .0
        .git("ws/web", &["fetch", "--quiet", &idea, "idea"]);
    fs::remove_file(company.0.ws("web/.git/FETCH_HEAD")).unwrap();
    refused("web: 1 commit of `idea` that is on no remote");
    web(&["tag", "kept", "idea"]);
    web(&["branch", "--quiet", "-D", "idea"]);
    refused("web: 1 commit of `kept` that is on no remote");
    web(&["switch", "--quiet", "--detach", "kept"]);
    web(&["tag", "--delete", "kept"]);
    refused("that is on no remote");
    web(&["switch", "--quiet", "-c", "idea"]);
    web(&["switch", "--quiet", "main"]);
    web(&["push", "--quiet", "origin", "idea"]);
    web(&["bisect", "start"]);
    refused("web: a bisect in progress");
    web(&["bisect", "reset"]);
    web(&["worktree", "add", "--quiet", "--detach", "../../tree"]);
    refused("web: 1 other work tree");
    web(&["worktree", "remove", "../../tree"]);

    // One of the user's own, which the workspace's repository does not look at.
    company.0.write("vera-2/.git/info/exclude", "/mine\n");
    company.0.git("vera-2", &["init", "--quiet", "mine"]);
    company.0.commit("../vera-2/mine", "notes", "x");
    refused("mine: 1 commit of `main` that is on no remote");
    fs::remove_dir_all(company.0.path("vera-2/mine")).unwrap();
    refused("the workspace: lines in `.git/info/exclude`");
    fs::remove_file(company.0.path("vera-2/.git/info/exclude")).unwrap();

    company.0.write("vera-2/notes", "x");
    refused("the workspace: 1 untracked file");
    fs::remove_file(company.0.path("vera-2/notes")).unwrap();
    company
        .0
        .git("vera-2", &["commit", "--quiet", "--allow-empty", "-m", "x"]);
    // The workspace has no remote: what the original has is not lost.
    refused("the workspace: 2 commits of `main` that are on no remote");
    company
        .0
        .git("ws", &["pull", "--quiet", "../vera-2", "main"]);
    company.0.write(
        "vera-2/.env",
        &(company.0.read("vera-2/.env") + "TOKEN=x\n"),
    );
    refused(".env: TOKEN");
    company
        .0
        .write("ws/.env", &(company.0.read("ws/.env") + "TOKEN=x\n"));

    let asked = company.fitout(&["copies", "remove", "../vera-2"]);
    assert_eq!(asked.code, Some(2));
    asked.assert_says("copies remove --yes [TMP]/vera-2");

    company.run(&["copies", "remove", "--yes", "vera-2"]);
    assert!(!exists(company.0.path("vera-2")));
    assert_eq!(files(&company.0.path("vera-3")), before);
    let left: Vec<String> = company.copies().into_keys().collect();
    assert_eq!(left, ["vera-3", "ws"]);

    company.0.write("vera-3/notes", "x");
    company.run(&["copies", "remove", "--yes", "--force", "../vera-3"]);
    let names = ["bin", "home", "remotes", "work-api", "work-web", "ws"];
    assert_eq!(company.0.names(""), names);
}

#[test]
fn what_is_no_copy_is_never_removed() {
    let company = Company::new();
    company.run(&["copy", "../vera-2"]);
    let remove = ["copies", "remove", "--yes", "--force"];
    for (from, what, words) in [
        ("../vera-2", "../ws", "[TMP]/ws is not a copy"),
        ("../vera-2", "vera", "[TMP]/ws is not a copy"),
        (
            "../vera-2/web",
            "..",
            "can't remove [TMP]/vera-2 while you are in it",
        ),
        (".", "../nothing", "there is no copy `../nothing`"),
        (".", "../remotes", "`../remotes` is not a workspace"),
    ] {
        let ran = company.fitout(&[&["-C", from], &remove[..], &[what]].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.shown());
        ran.assert_says(words);
    }
    // Two with one project: what takes down one would take down the other.
    let env = company.0.read("vera-2/.env");
    company
        .0
        .write("vera-2/.env", &format!("{env}COMPOSE_PROJECT_NAME=vera\n"));
    let ran = company.fitout(&[&remove[..], &["../vera-2"]].concat());
    let words = "[TMP]/ws has the same Compose project `vera`";
    ran.assert_says(words);
    assert!(exists(company.0.path("vera-2")));
}

#[test]
fn copies_are_listed_from_wherever_one_is() {
    let company = Company::new();
    let alone = company.run(&["copies"]);
    alone.assert_says("fitout copy ../ws-2");
    company.run(&["copy", "../vera-2"]);
    company.0.write("vera-2/web/README.md", "changed\n");

    let ran = company.run(&["-C", "../vera-2/api", "copies"]);
    // How wide a column is depends on where the test runs.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = ran.stdout.lines().map(words).collect();
    assert_eq!(
        lines,
        [
            "folder project ports state branch changes",
            "* [TMP]/vera-2 vera-2 +100 unknown main in 1 repo",
            "[TMP]/ws vera manifest's unknown main none",
        ]
    );
    let why = "warning: can't get the running containers from Docker";
    ran.assert_says(why);
    let outside = company.run(&["-C", "..", "copies"]);
    assert_eq!(outside.stdout.lines().count(), 3, "{}", outside.shown());
}

#[test]
fn two_clones_that_someone_made_by_hand_are_told_of_each_other() {
    let company = Company::new();
    company.0.git(".", &["clone", "--quiet", "ws", "by-hand"]);
    let ran = company.run(&["-C", "../by-hand", "generate"]);
    let told = "warning: the workspace in [TMP]/ws uses the same Compose project `vera`";
    ran.assert_says(told);
    company.run(&["copy", "../vera-2"]);
    let ran = company.run(&["-C", "../vera-2", "generate"]);
    assert!(!ran.stderr.contains("warning"), "{}", ran.shown());
}

#[test]
fn a_state_folder_that_is_broken_keeps_nobody_from_work() {
    let company = Company::new();
    company
        .0
        .write("home/.local/state/fitout/workspaces.json", "{ no json");
    company.run(&["copy", "../vera-2"]);
    assert_eq!(company.copies().len(), 2);
    fs::remove_dir_all(company.0.path("home/.local/state")).unwrap();
    company.0.write("home/.local/state", "a file");
    company.run(&["copy", "../vera-3"]);
    company.run(&["-C", "../vera-3", "generate"]);
    // Nobody knows the others any more; each still knows itself.
    assert_eq!(company.copies().len(), 1);
}
