//! A machine of its own for each test: a home, git's configuration, a workspace, remotes.
//!
//! Nothing of the machine that runs the tests reaches fitout or git but `PATH`, and nothing they do
//! reaches it: the environment is emptied first, dates and authors are fixed, and no one is asked.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A home, a workspace and remotes in one temporary folder.
pub struct TestContext {
    folder: TempDir,
}

/// What a run of fitout printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// With the test's folder shown as `[TMP]` and times as `[TIME]`.
    pub stdout: String,
    /// Like the above.
    pub stderr: String,
}

impl Ran {
    /// Holds that this is in what it said to people.
    #[track_caller]
    pub fn assert_says(&self, words: &str) {
        assert!(
            self.stderr.contains(words),
            "no `{words}` in:\n{}",
            self.shown()
        );
    }

    /// Everything, for a snapshot.
    pub fn shown(&self) -> String {
        let code = self
            .code
            .map_or("a signal".to_owned(), |code| code.to_string());
        format!(
            "exit: {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        )
    }
}

impl TestContext {
    /// A fresh one; its workspace folder is there and empty.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fitout-test-")
            .tempdir()
            .unwrap();
        let context = TestContext { folder };
        for name in ["home", "ws", "remotes"] {
            fs::create_dir(context.path(name)).unwrap();
        }
        context
    }

    /// A path in the test's folder: `home`, `ws` and `remotes` are there from the start.
    pub fn path(&self, relative: &str) -> PathBuf {
        // Some systems keep temporary folders behind a link; git shows what it leads to.
        self.folder.path().canonicalize().unwrap().join(relative)
    }

    /// A path in the workspace.
    pub fn ws(&self, relative: &str) -> PathBuf {
        self.path("ws").join(relative)
    }

    /// Writes a file of the test's folder, and the folders above it.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a program: a file that may be run.
    pub fn write_program(&self, relative: &str, text: &str) {
        self.write(relative, text);
        fs::set_permissions(self.path(relative), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads a file of the test's folder.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Writes the workspace's manifest.
    pub fn manifest(&self, text: &str) {
        self.write("ws/workspace.toml", text);
    }

    /// A command in the isolated environment, in the workspace.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.path("ws"))
            .stdin(Stdio::null())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home/.config"))
            .env("XDG_CACHE_HOME", self.path("home/.cache"))
            .env("XDG_STATE_HOME", self.path("home/.local/state"))
            .env("XDG_DATA_HOME", self.path("home/.local/share"))
            .env("GIT_CONFIG_GLOBAL", self.path("home/.gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A U Thor")
            .env("GIT_AUTHOR_EMAIL", "author@example.com")
            .env("GIT_AUTHOR_DATE", "1700000000 +0000")
            .env("GIT_COMMITTER_NAME", "C O Mitter")
            .env("GIT_COMMITTER_EMAIL", "committer@example.com")
            .env("GIT_COMMITTER_DATE", "1700000000 +0000")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        command
    }

    /// fitout in the workspace, ready to be changed and spawned.
    pub fn fitout_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(assert_cmd::cargo::cargo_bin!("fitout"));
        command.args(arguments);
        command
    }

    /// Runs fitout in the workspace.
    pub fn fitout(&self, arguments: &[&str]) -> Ran {
        let output = self.fitout_command(arguments).output().unwrap();
        self.ran(&output)
    }

    /// What a finished fitout did.
    pub fn ran(&self, output: &Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: self.shown(&output.stdout),
            stderr: self.shown(&output.stderr),
        }
    }

    /// The client without a configuration, and so without plugins, at the engine of these tests.
    pub fn bare_docker(&self) -> Command {
        let mut command = self.command("docker");
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    /// Runs git in a folder of the test's folder; it has to succeed. Returns what it printed,
    /// without the last line break.
    pub fn git(&self, relative: &str, arguments: &[&str]) -> String {
        let output = self
            .command("git")
            .current_dir(self.path(relative))
            .args([
                "-c",
                "init.defaultBranch=main",
                "-c",
                "commit.gpgSign=false",
            ])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?} in {relative}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Makes `remotes/NAME.git`, bare, with two commits on `main`.
    pub fn remote(&self, name: &str) {
        let bare = format!("remotes/{name}.git");
        fs::create_dir(self.path(&bare)).unwrap();
        self.git(&bare, &["init", "--quiet", "--bare"]);
        self.git(".", &["clone", "--quiet", &bare, &format!("work-{name}")]);
        self.push(name, "README.md", &format!("# {name}\n"));
        self.push(name, "src/main.txt", "one\ntwo\nthree\n");
    }

    /// Makes `remotes/shop.git`, a web application that has no Dockerfile.
    pub fn shop(&self) {
        self.remote("shop");
        let package = r#"{"scripts": {"dev": "next dev"}, "dependencies": {"next": "16"}}"#;
        self.push("shop", "package.json", package);
    }

    /// Commits a file to a remote's `main`.
    pub fn push(&self, name: &str, file: &str, text: &str) {
        let work = format!("work-{name}");
        self.write(&format!("{work}/{file}"), text);
        self.git(&work, &["add", "--all"]);
        self.git(
            &work,
            &["commit", "--quiet", "-m", &format!("Change {file}")],
        );
        self.git(&work, &["push", "--quiet", "origin", "HEAD"]);
    }

    /// Commits a file in a clone of the workspace.
    pub fn commit(&self, clone: &str, file: &str, text: &str) {
        let folder = format!("ws/{clone}");
        self.write(&format!("{folder}/{file}"), text);
        self.git(&folder, &["add", "--all"]);
        self.git(
            &folder,
            &["commit", "--quiet", "-m", &format!("Add {file}")],
        );
    }

    /// Names of what is in a folder of the test's folder, sorted.
    pub fn names(&self, relative: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(relative))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn shown(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text);
        let folder = self.path("").display().to_string();
        without_times(&text.replace(folder.trim_end_matches('/'), "[TMP]"))
    }
}

/// A path as a test's file names it.
pub fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().symlink_metadata().is_ok()
}

/// Every file below a folder with its content, a link with its target, by path; without the folders that are not
/// wanted.
pub fn files_of(folder: &Path, wanted: impl Fn(&Path) -> bool) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() || !path.is_dir() {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                // A link may lead to nothing.
                let content = match fs::read_link(&path) {
                    Ok(target) => target.into_os_string().into_encoded_bytes(),
                    Err(_) => fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}")),
                };
                found.insert(name, content);
            } else if wanted(&path) {
                folders.push(path);
            }
        }
    }
    found
}

/// The client's own configuration: its plugins and its context.
pub fn with_docker(command: &mut Command) -> &mut Command {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let config = std::env::var_os("DOCKER_CONFIG")
        .unwrap_or_else(|| Path::new(&home).join(".docker").into());
    command.env("DOCKER_CONFIG", config);
    for name in ["DOCKER_HOST", "DOCKER_CONTEXT"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// A port of this machine on which nobody listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Asks again and again, for a minute at most, until there is an answer. The one way to wait in these tests.
#[track_caller]
pub fn eventually<T>(what: impl Display, mut ask: impl FnMut() -> Option<T>) -> T {
    const LIMIT: Duration = Duration::from_secs(60);
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let waited = start.elapsed();
        assert!(waited < LIMIT, "not within a minute: {what}");
        // What takes a moment is seen at once; what takes long is not asked all the time.
        let pause = (waited / 50).max(Duration::from_micros(50));
        thread::sleep(pause.min(Duration::from_millis(50)));
    }
}

/// Waits for it, for a minute at most.
#[track_caller]
pub fn until(what: impl Display, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}

/// `in 0.3 s` differs from run to run.
fn without_times(text: &str) -> String {
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let body = line.trim_end();
        match body.rsplit_once(" in ") {
            Some((before, time)) if time.ends_with(" s") => {
                shown.push_str(before);
                shown.push_str(" in [TIME]\n");
            }
            _ => shown.push_str(line),
        }
    }
    shown
}
