//! A repo, its remote, and what happens to both. The user's own steps are real git's; a colleague's are
//! written into the remote with git2, as if they had been pushed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};

use super::event::{Event, FILES, Ground, Wanted, Wish};
use super::work::Work;
use crate::context::{Ran, TestContext};

/// The repo that is synced, what hangs together with it, and where both come from.
const MINE: &str = "ws/web";
const OTHER_WORK_TREE: &str = "other";
const SUBMODULE: &str = "ws/web/lib";
const REMOTE: &str = "remotes/web.git";
const LIB: &str = "remotes/lib.git";

pub struct Scene {
    context: TestContext,
    ground: Ground,
}

impl Scene {
    /// One in which all of this has happened.
    pub fn after(ground: Ground, events: &[Event]) -> Self {
        let scene = Scene::new(ground);
        for event in events {
            scene.happen(event);
        }
        scene
    }

    /// A copy of one that is made once: to make it takes longer than most cases do.
    fn new(ground: Ground) -> Self {
        static ORIGINALS: LazyLock<BTreeMap<Ground, Scene>> = LazyLock::new(|| {
            Ground::ALL
                .into_iter()
                .map(|ground| (ground, Scene::original(ground)))
                .collect()
        });
        let original = &ORIGINALS[&ground].context;
        let context = TestContext::new();
        let rename = (
            original.path("").display().to_string(),
            context.path("").display().to_string(),
        );
        copy(&original.path(""), &context.path(""), &rename);
        Scene { context, ground }
    }

    fn original(ground: Ground) -> Self {
        let context = TestContext::new();
        // No templates: hooks that are samples would be most of what a case copies. What is flushed
        // to the disk is gone with the case.
        let config = "[init]\ntemplateDir =\n[core]\nfsync = none\n[gc]\nauto = 0\n\
                      [protocol \"file\"]\nallow = always\n";
        context.write("home/.gitconfig", config);
        context.remote("web");
        let work = "work-web";
        for (file, text) in [("a.txt", "a\n"), ("dir/b.txt", "b\n"), ("c.txt", "c\n")] {
            context.write(&format!("{work}/{file}"), text);
        }
        if ground == Ground::Submodules {
            for name in ["lib", "dep"] {
                context.remote(name);
                context.push(name, ".gitignore", "*.log\n");
                let url = format!("../{name}.git");
                context.git(work, &["submodule", "--quiet", "add", &url, name]);
            }
        }
        context.push("web", ".gitignore", "*.log\n");
        context.git(work, &["tag", "v1", "HEAD~1"]);
        let topic = ["push", "-q", "origin", "HEAD~1:refs/heads/topic", "v1"];
        context.git(work, &topic);
        for remote in context.names("remotes") {
            // A file a case to copy, not one an object.
            context.git(&format!("remotes/{remote}"), &["gc", "--quiet"]);
        }
        let scene = Scene { context, ground };
        scene.lay();
        scene
    }

    /// Puts at the repo's path what is to be there.
    fn lay(&self) {
        let context = &self.context;
        let clone = |to| context.git(".", &["clone", "-q", REMOTE, to]);
        let remote = context.path(REMOTE).display().to_string();
        match self.ground {
            Ground::Folder => {
                context.write(&format!("{MINE}/notes.txt"), "notes\n");
                context.write(&format!("{MINE}/objects/HEAD"), "a folder of the user's\n");
                return;
            }
            Ground::Shallow => {
                let url = format!("file://{remote}");
                context.git(".", &["clone", "-q", "--depth=1", &url, MINE]);
                context.git(MINE, &["remote", "set-url", "origin", &remote]);
                return;
            }
            Ground::IsWorkTree => clone(OTHER_WORK_TREE),
            _ => clone(MINE),
        };
        let mine = |arguments: &[&str]| context.git(MINE, arguments);
        match self.ground {
            Ground::Submodules => mine(&["submodule", "--quiet", "update", "--init", "lib"]),
            Ground::HasWorkTree => mine(&["worktree", "add", "-q", "../../other", "topic"]),
            Ground::IsWorkTree => {
                context.git(OTHER_WORK_TREE, &["switch", "-q", "topic"]);
                let add = ["worktree", "add", "-q", "../ws/web", "main"];
                context.git(OTHER_WORK_TREE, &add)
            }
            Ground::OtherUrl => mine(&["remote", "set-url", "origin", "/nowhere/web.git"]),
            Ground::NoRemote => mine(&["remote", "remove", "origin"]),
            Ground::Hooked => {
                let hook = format!("{MINE}/.git/hooks/post-merge");
                context.write_program(&hook, "#!/bin/sh\n");
                String::new()
            }
            Ground::Clone | Ground::Shallow | Ground::Folder => String::new(),
        };
    }

    /// The submodule or the other work tree; the repo itself where it has none.
    fn beside(&self) -> &'static str {
        match self.ground {
            Ground::Submodules => SUBMODULE,
            Ground::HasWorkTree | Ground::IsWorkTree => OTHER_WORK_TREE,
            _ => MINE,
        }
    }

    /// Where something of the user's is.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![MINE, self.beside()];
        folders.dedup();
        folders
            .into_iter()
            .map(|folder| self.context.path(folder))
            .collect()
    }

    pub fn works(&self) -> Vec<Work> {
        let folders = self.folders();
        folders.iter().map(|folder| Work::read(folder)).collect()
    }

    /// Not everything can be done in every state: what git refuses has not happened.
    fn git(&self, folder: &str, arguments: &[&str]) -> bool {
        let mut command = self.context.command("git");
        command
            .current_dir(self.context.path(folder))
            // A folder without a repository is in none.
            .env("GIT_CEILING_DIRECTORIES", self.context.path("ws"))
            .args(["-c", "advice.detachedHead=false", "-c", "core.editor=true"])
            .args(arguments)
            .output()
            .unwrap()
            .status
            .success()
    }

    /// As far as `git fsck` says. It also complains of a HEAD without a commit, which is nobody's fault.
    pub fn is_sound(&self) -> bool {
        let fsck = ["fsck", "--connectivity-only", "--no-progress"];
        self.git(MINE, &fsck)
    }

    fn write(&self, folder: &str, file: usize, text: u8) {
        let path = self.context.path(folder).join(FILES[file]);
        // A folder or a file in the way is there to stay.
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = fs::write(path, format!("mine {text}\n"));
    }

    fn happen(&self, event: &Event) {
        match event {
            Event::Beside(event) => self.happen_in(self.beside(), event),
            event => self.happen_in(MINE, event),
        }
    }

    fn happen_in(&self, folder: &str, event: &Event) {
        let mine = |arguments: &[&str]| self.git(folder, arguments);
        let path = |file: usize| self.context.path(folder).join(FILES[file]);
        match *event {
            Event::Write(file, text) => self.write(folder, file, text),
            Event::Remove(file) => {
                let _ = fs::remove_file(path(file));
            }
            Event::Stage(file) => {
                mine(&["add", "--force", FILES[file]]);
            }
            Event::Intend(file) => {
                mine(&["add", "--force", "--intent-to-add", FILES[file]]);
            }
            Event::Link(file) => {
                let _ = fs::remove_file(path(file));
                let _ = symlink("nowhere", path(file));
            }
            Event::Hide(file, text) => {
                mine(&["update-index", "--skip-worktree", FILES[file]]);
                self.write(folder, file, text);
            }
            Event::Commit(number) => {
                let message = format!("Mine {number}");
                mine(&["commit", "-q", "--allow-empty", "-am", &message]);
            }
            Event::Stash => {
                mine(&["stash", "push", "-q", "--include-untracked"]);
            }
            Event::Branch(name) => {
                if !mine(&["switch", "-q", name]) {
                    mine(&["switch", "-q", "-c", name]);
                }
            }
            Event::Detach(back) => {
                mine(&["switch", "-q", "--detach", &format!("HEAD~{back}")]);
            }
            Event::CommitDetached(text) => {
                if mine(&["switch", "-q", "--detach"]) {
                    mine(&[
                        "commit",
                        "-q",
                        "--allow-empty",
                        "-am",
                        &format!("Adrift {text}"),
                    ]);
                }
            }
            Event::Orphan => {
                mine(&["switch", "-q", "--orphan", "unborn"]);
            }
            Event::Stop(what) => self.stop(folder, what),
            Event::BothWrite(file) => {
                self.write(folder, file, 0);
                self.they_write(file, 0);
            }
            _ => self.they(event),
        }
    }

    /// Stops in the middle of something, by a conflict in `c.txt`.
    fn stop(&self, folder: &str, what: &str) {
        let mine = |arguments: &[&str]| self.git(folder, arguments);
        if what == "bisect" {
            mine(&["bisect", "start", "HEAD", "HEAD~2"]);
            return;
        }
        let commit = |text: &str| {
            self.context.write(&format!("{folder}/c.txt"), text);
            mine(&["commit", "-qam", text])
        };
        if !mine(&["switch", "-q", "-c", "other"])
            || !commit("other\n")
            || !mine(&["switch", "-q", "main"])
        {
            return;
        }
        commit("main\n");
        commit("main again\n");
        match what {
            "merge" => mine(&["merge", "-q", "other"]),
            "rebase" => mine(&["rebase", "-q", "other"]),
            "cherry-pick" => mine(&["cherry-pick", "other"]),
            _ => mine(&["revert", "--no-edit", "HEAD~1"]),
        };
    }

    fn they(&self, event: &Event) {
        let remote = self.remote(REMOTE);
        match *event {
            Event::TheyCommit(file, text) => self.they_write(file, text),
            Event::TheyRemove(file) => {
                publish(&remote, |change| {
                    change.remove(FILES[file]);
                });
            }
            Event::TheyNest(file) => {
                let blob = remote.blob(b"theirs\n").unwrap();
                publish(&remote, |change| {
                    change.remove(FILES[file]);
                });
                publish(&remote, |change| {
                    let path = format!("{}/inner.txt", FILES[file]);
                    change.upsert(path, blob, FileMode::Blob);
                });
            }
            Event::TheyForce(text) => {
                let tip = remote.head().and_then(|head| head.peel_to_commit());
                if let Some(parent) = tip.ok().and_then(|tip| tip.parent(0).ok()) {
                    remote.head().unwrap().set_target(parent.id(), "").unwrap();
                    self.they_write(usize::from(text) % FILES.len(), text);
                }
            }
            Event::TheyDelete(name) => {
                if let Ok(mut branch) = remote.find_reference(&format!("refs/heads/{name}")) {
                    branch.delete().unwrap();
                }
            }
            Event::TheyRename => {
                if let Ok(mut branch) = remote.find_reference("refs/heads/main") {
                    branch.rename("refs/heads/trunk", true, "").unwrap();
                    remote.set_head("refs/heads/trunk").unwrap();
                }
            }
            Event::TheyTag => {
                if let Ok(tip) = remote.head().and_then(|head| head.peel_to_commit()) {
                    remote
                        .reference("refs/tags/v1", tip.id(), true, "")
                        .unwrap();
                }
            }
            Event::TheyBump(text) if self.ground == Ground::Submodules => {
                let lib = self.remote(LIB);
                let blob = lib.blob(format!("lib {text}\n").as_bytes()).unwrap();
                let commit = publish(&lib, |change| {
                    change.upsert("README.md", blob, FileMode::Blob);
                });
                if let Some(commit) = commit {
                    publish(&remote, |change| {
                        change.upsert("lib", commit, FileMode::Commit);
                    });
                }
            }
            Event::TheyDropSubmodule if self.ground == Ground::Submodules => {
                publish(&remote, |change| {
                    change.remove("lib");
                });
            }
            _ => {}
        }
    }

    fn they_write(&self, file: usize, text: u8) {
        let remote = self.remote(REMOTE);
        let blob = remote.blob(format!("theirs {text}\n").as_bytes()).unwrap();
        publish(&remote, |change| {
            change.upsert(FILES[file], blob, FileMode::Blob);
        });
    }

    fn remote(&self, path: &str) -> Repository {
        Repository::open(self.context.path(path)).unwrap()
    }

    /// Syncs; that has to end well or with what is left to the user.
    pub fn sync(&self, wish: Wish) -> Ran {
        let remote = self.remote(REMOTE);
        let tag = remote.revparse_single("v1").unwrap().id();
        let newest = remote.head().ok().and_then(|head| head.target());
        let mut walk = remote.revwalk().unwrap();
        walk.push(tag).unwrap();
        let first = walk.last().unwrap().unwrap();
        let mut arguments = vec!["sync"];
        let wanted = match wish.wanted {
            Wanted::Default => String::new(),
            Wanted::Branch(name) => format!("branch = \"{name}\""),
            Wanted::Tag => "tag = \"v1\"".to_owned(),
            Wanted::FirstCommit => format!("rev = \"{first}\""),
            Wanted::LockedToFirst | Wanted::LockedToNewest => {
                let commit = match wish.wanted {
                    Wanted::LockedToNewest => newest.unwrap_or(first),
                    _ => first,
                };
                let lock = format!("version = 1\n[repos]\nweb = \"{commit}\"\n");
                self.context.write("ws/workspace.lock", &lock);
                arguments.push("--locked");
                String::new()
            }
        };
        let more = match self.ground {
            Ground::Shallow => "depth = 1",
            Ground::Submodules => "submodules = true",
            _ => "",
        };
        let manifest = format!("[repos.web]\nurl = \"../remotes/web.git\"\n{wanted}\n{more}\n");
        self.context.manifest(&manifest);
        self.context.write(
            "ws/workspace.local.toml",
            &format!("[git]\nbackend = \"{}\"\n", wish.backend),
        );
        arguments.extend(wish.switch.then_some("--switch"));
        arguments.extend(wish.set_url.then_some("--set-url"));
        let ran = self.context.fitout(&arguments);
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.shown());
        assert!(!ran.stderr.contains("panicked"), "{}", ran.shown());
        ran
    }
}

/// A commit on the branch that the remote's HEAD names; none where a path is in the way of another.
fn publish(remote: &Repository, change: impl FnOnce(&mut TreeUpdateBuilder)) -> Option<Oid> {
    let mut update = TreeUpdateBuilder::new();
    change(&mut update);
    let parent = remote.head().and_then(|head| head.peel_to_commit()).ok()?;
    let tree = update
        .create_updated(remote, &parent.tree().unwrap())
        .ok()?;
    let tree = remote.find_tree(tree).unwrap();
    let they = Signature::new("They", "they@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    let commit = remote.commit(Some("HEAD"), &they, &they, "Theirs", &tree, &[&parent]);
    commit.ok()
}

/// Copies a folder; files in which git keeps absolute paths come to name the copy.
fn copy(from: &Path, to: &Path, rename: &(String, String)) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let name = entry.file_name();
        let (from, to) = (entry.path(), to.join(&name));
        if kind.is_dir() {
            let is_left_out = name.to_str().is_some_and(|name| name.starts_with("work-"));
            if !is_left_out {
                copy(&from, &to, rename);
            }
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from).unwrap(), &to).unwrap();
        } else if ["config", "gitdir", ".git"].iter().any(|it| name == *it) {
            let text = fs::read_to_string(&from).unwrap();
            fs::write(&to, text.replace(&rename.0, &rename.1)).unwrap();
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
