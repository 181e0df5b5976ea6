//! One row of the tables: a machine of its own with two clones, one that the user's git makes and updates and
//! one that fitout does, and every line in which they differ.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use super::described::{Logs, described};
use super::row::{Compared, Expected, Row, Served, There, as_file};
use crate::context::{TestContext, free_port};
use crate::http_server::{Behaviour, HttpServer, Tls};
use crate::sync::{Daemon, wait_for_port};

/// In scripts of the remote's work tree: commits and pushes what is staged, and everything.
const ALL: &str = "C() { git commit -qm more && git push -q origin main; }
    P() { git add --all && C; }";

/// Of one row: what is behind them is seen in the first ones.
const MOST_SHOWN: usize = 6;

/// Tries all rows, as many at once as there are processors.
#[track_caller]
pub fn assert_as_git(rows: &[Row], compared: Compared) {
    let template = Template::new();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let differences = Machine::new(&template, row).differences(compared);
                    found.lock().unwrap().extend(differences);
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// A remote that is made once: `before.git` and `after.git` in `remotes`, and `work-web`, a work tree of it.
///
/// It has two commits and one more on `main`, `topic` with one of its own, and two tags.
struct Template {
    context: TestContext,
    /// Serves all folders of this machine. Started for the first row that needs it.
    daemon: OnceLock<(Daemon, u16)>,
}

const BEFORE: &str = r"
    git init -q --bare -b main remotes/web.git && rm -r remotes/web.git/hooks
    git clone -q remotes/web.git work-web && cd work-web && git remote set-url origin ../remotes/web.git
    echo '# web' >README.md && git add . && git commit -qm Begin
    mkdir src src/deep && printf 'one\ntwo\nthree\n' >src/main.txt && printf 'a\r\nb\r\n' >src/crlf.txt
    printf 'kept\n' >src/deep/kept.txt && printf 'a long line of text\n' >old-name.txt && >empty
    printf '#!/bin/sh\n' >run.sh && chmod +x run.sh && printf 'goes\n' >goes.txt && ln -s README.md link
    printf 'green\n' >gr\303\274n.txt && printf 'odd\n' >'a b\c.txt' && printf '*.log\n' >.gitignore
    git add . && git commit -qm Files
    git switch -q -c topic && echo t >t && git add t && git commit -qm topic
    git switch -q main && git tag -a -m one v1 main~1 && git tag light
    git push -q origin main topic v1 light && git fetch -q && git remote set-head origin main
    cp -R ../remotes/web.git ../remotes/before.git";

const AFTER: &str = r"
    echo new >>README.md && git mv old-name.txt new-name.txt && git rm -q goes.txt && chmod -x run.sh
    mkdir -p folder/in && echo new >folder/in/new.txt && printf 'c\r\n' >>src/crlf.txt && ln -sf src link
    echo more >>gr\303\274n.txt && printf '#!/bin/sh\n' >go.sh && chmod +x go.sh && git add . && git commit -qm More
    git push -q origin main && mv ../remotes/web.git ../remotes/after.git
    git reset -q --hard HEAD~1 && git update-ref refs/remotes/origin/main HEAD";

impl Template {
    fn new() -> Self {
        let context = TestContext::new();
        run(&context, ".", BEFORE);
        run(&context, "work-web", AFTER);
        Template {
            context,
            daemon: OnceLock::new(),
        }
    }

    /// `git://HOST:PORT`
    fn daemon(&self) -> String {
        let (_, port) = self.daemon.get_or_init(|| {
            let port = free_port();
            // Not by `git`, which would stay beside it.
            let program = Path::new(&self.context.git(".", &["--exec-path"])).join("git-daemon");
            let mut command = self.context.command(program);
            command.args(["--export-all", "--base-path=/", "--listen=127.0.0.1"]);
            command.arg(format!("--port={port}"));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let daemon = Daemon(command.spawn().unwrap());
            wait_for_port(port);
            (daemon, port)
        });
        format!("git://127.0.0.1:{port}")
    }
}

struct Machine<'a> {
    template: &'a Template,
    row: &'a Row,
    context: TestContext,
    url: String,
}

/// A way to run programs on it.
#[derive(Clone, Copy, PartialEq)]
enum Under {
    /// What the row says.
    TheRow,
    /// Nothing but what makes tests repeatable.
    Nothing,
}

impl<'a> Machine<'a> {
    fn new(template: &'a Template, row: &'a Row) -> Self {
        let context = TestContext::new();
        let remotes = context.path("remotes");
        copy(
            &template.context.path("remotes/before.git"),
            &remotes.join("web.git"),
        );
        if row.there != There::ACommit || row.here.contains("work-web") || !row.machine.is_empty() {
            copy(
                &template.context.path("work-web"),
                &context.path("work-web"),
            );
        }
        let behaviour = match row.served {
            Served::AsFolder | Served::ByDaemon => None,
            Served::OverHttp => Some(Behaviour::default()),
            Served::ToWhoHas(name, value) => Some(Behaviour {
                header: Some((name, value)),
                ..Behaviour::default()
            }),
            Served::OverTls => {
                let folder = context.path("tls");
                fs::create_dir(&folder).unwrap();
                Some(Behaviour {
                    tls: Some(Tls::new(&folder, false)),
                    ..Behaviour::default()
                })
            }
        };
        let folder = remotes.join("web.git").display().to_string();
        let url = match behaviour {
            None if row.served == Served::ByDaemon => format!("{}{folder}", template.daemon()),
            None => format!("file://{folder}"),
            Some(behaviour) => HttpServer::start(&remotes, behaviour).url("web"),
        };
        let machine = Machine {
            template,
            row,
            context,
            url,
        };
        if !row.machine.is_empty() {
            run(&machine.context, ".", &machine.here(row.machine));
        }
        let url = if row.settings.contains("elsewhere:") {
            "elsewhere:web.git".to_owned()
        } else {
            machine.url.clone()
        };
        let machine = Machine { url, ..machine };
        machine
            .context
            .write("home/.gitconfig", &machine.here(&as_file(row.settings)));
        let manifest = format!("[repos.web]\nurl = \"{}\"\n", machine.url);
        machine.context.manifest(&manifest);
        machine
    }

    /// A text of the row on this machine.
    fn here(&self, text: &str) -> String {
        let folder = self.context.path("").display().to_string();
        text.replace("TMP", folder.trim_end_matches('/'))
    }

    fn command(&self, under: Under, program: &str) -> Command {
        let mut command = if under == Under::TheRow && !self.row.umask.is_empty() {
            let script = format!("umask {}; exec \"$0\" \"$@\"", self.row.umask);
            let mut command = self.context.command("sh");
            command.args(["-c", &script, program]);
            command
        } else {
            self.context.command(program)
        };
        command.current_dir(self.context.path(""));
        if under == Under::Nothing {
            command.env("GIT_CONFIG_GLOBAL", "/dev/null");
            return command;
        }
        for variable in self.row.variables {
            match variable.split_once('=') {
                Some((name, value)) => command.env(name, self.here(value)),
                None => command.env_remove(variable),
            };
        }
        command
    }

    /// Of the user, as fitout runs it for the user.
    fn git(&self, folder: &str, arguments: &[&str]) -> Output {
        let mut command = match self.row.expected {
            // The settings hold all the same.
            Expected::WithoutTheVariables => self.context.command("git"),
            _ => self.command(Under::TheRow, "git"),
        };
        let folder = self.context.path(folder);
        command
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap()
    }

    fn fitout(&self) -> Output {
        let program = assert_cmd::cargo::cargo_bin!("fitout")
            .display()
            .to_string();
        let mut command = self.command(Under::TheRow, &program);
        command.arg("sync").current_dir(self.context.path("ws"));
        command.output().unwrap()
    }

    fn differences(&self, compared: Compared) -> Vec<String> {
        let mut found = Vec::new();
        let goes_on = match compared {
            Compared::Clone | Compared::CloneAndPull => self.clone_both(compared, &mut found),
            Compared::Fetch | Compared::Pull => {
                for place in ["by-git", "ws/web"] {
                    let mut clone = self.command(Under::Nothing, "git");
                    clone.args(["clone", "--quiet", &self.url, place]);
                    assert!(clone.status().unwrap().success());
                }
                true
            }
        };
        if goes_on && compared != Compared::Clone {
            self.update_both(compared, &mut found);
        }
        if let Expected::But(parts, rule) = self.row.expected {
            let all = found.len();
            found.retain(|line| !parts.iter().any(|part| line.contains(part)));
            if found.len() == all {
                found.push(format!("is as by git, in spite of this: {rule}"));
            }
        }
        let name = self.row.name;
        let differs = |difference| format!("{name}: {difference}");
        found.into_iter().take(MOST_SHOWN).map(differs).collect()
    }

    /// Returns whether there is anything to go on with.
    fn clone_both(&self, compared: Compared, found: &mut Vec<String>) -> bool {
        let git = self.git(".", &["clone", "--quiet", &self.url, "by-git"]);
        let fitout = self.fitout();
        let ends_are_right = self.compare_ends("clone", &git, &fitout, found);
        if !fitout.status.success() {
            let left = self.context.names("ws");
            if left != ["workspace.toml"] {
                found.push(format!("refused, and left {left:?}"));
            }
        }
        let is_there = git.status.success() && fitout.status.success();
        // What an update of both leaves has all that a clone does.
        if is_there && ends_are_right && compared == Compared::Clone {
            self.compare("clone", compared, found);
        }
        is_there
    }

    fn update_both(&self, compared: Compared, found: &mut Vec<String>) {
        let row = self.row;
        for place in ["by-git", "ws/web"] {
            if !row.of_clone.is_empty() {
                let file = format!("{place}/.git/config");
                let text = self.context.read(&file) + &self.here(&as_file(row.of_clone));
                self.context.write(&file, &text);
            }
            if !row.here.is_empty() {
                run(&self.context, place, &self.here(row.here));
            }
        }
        match row.there {
            There::Script(script) => run(&self.context, "work-web", &format!("{ALL}\n{script}")),
            There::ACommit => {
                let remote = self.context.path("remotes/web.git");
                fs::remove_dir_all(&remote).unwrap();
                copy(&self.template.context.path("remotes/after.git"), &remote);
            }
        }
        let fetch = ["fetch"];
        let merge = ["merge", "--quiet", "--ff-only", "origin/main"];
        let git = match (row.expected, compared) {
            (Expected::HeldBack(_), _) => self.git("by-git", &fetch),
            (_, Compared::Fetch) => {
                self.git("by-git", &fetch);
                self.git("by-git", &merge)
            }
            _ => self.git("by-git", &["pull", "--quiet", "--ff-only"]),
        };
        let fitout = self.fitout();
        let ends_are_right =
            compared == Compared::Fetch || self.compare_ends("update", &git, &fitout, found);
        // Where the ends differ, all else does.
        if ends_are_right {
            self.compare("update", compared, found);
        }
        if let Expected::NotAsGit(rule) = row.expected {
            if found.is_empty() {
                found.push(format!("is as by git, in spite of this: {rule}"));
            } else {
                found.clear();
            }
        }
    }

    fn compare_ends(
        &self,
        what: &str,
        git: &Output,
        fitout: &Output,
        found: &mut Vec<String>,
    ) -> bool {
        let said = |output: &Output| {
            let said = [&output.stdout[..], &output.stderr].concat();
            String::from_utf8_lossy(&said).replace('\n', "\n    ")
        };
        let ends = [git, fitout].map(|output| output.status.success());
        let is_expected = match self.row.expected {
            Expected::HeldBack(_) if what == "update" => {
                ends == [true, false] && said(fitout).contains("held back")
            }
            _ => ends[0] == ends[1],
        };
        if !is_expected {
            let rule = match self.row.expected {
                Expected::HeldBack(rule) => rule,
                _ => "both succeed, or both refuse",
            };
            let how = |output: &Output| format!("{}\n    {}", output.status, said(output));
            let (git, fitout) = (how(git), how(fitout));
            found.push(format!("{what}: {rule}: git {git}\n  fitout {fitout}"));
        }
        is_expected
    }

    fn compare(&self, what: &str, compared: Compared, found: &mut Vec<String>) {
        let logs = match compared {
            Compared::Clone | Compared::Fetch => Logs::Whole,
            Compared::Pull | Compared::CloneAndPull => Logs::WithoutCommand,
        };
        if logs == Logs::Whole {
            let fsck = ["ws/web", "by-git"].map(|place| {
                let output = self.git(place, &["fsck", "--no-progress", "--no-dangling"]);
                [output.stdout, output.stderr].concat()
            });
            if fsck[0] != fsck[1] {
                let ours = String::from_utf8_lossy(&fsck[0]).into_owned();
                found.push(format!("{what}: git fsck: {ours}"));
            }
        }
        let [ours, gits] = ["ws/web", "by-git"].map(|place| {
            described(&self.context.path(place), logs, |arguments| {
                self.git(place, arguments)
            })
        });
        let mut differs = |whose: &str, line: &String| {
            found.push(format!("{what}: {whose}: {line}"));
        };
        gits.difference(&ours)
            .for_each(|line| differs("missing", line));
        ours.difference(&gits)
            .for_each(|line| differs("of its own", line));
    }
}

/// Copies a folder with its links; times are of now.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&source, &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

#[track_caller]
pub fn run(context: &TestContext, folder: &str, script: &str) {
    let output = context
        .command("sh")
        .args(["-ec", script])
        .current_dir(context.path(folder))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
}
