//! A repo and its remote, each ground of them made once and copied for each case, and a sync of it.
//! [`mine`] has what the user does there, [`theirs`] what others push.

mod mine;
mod theirs;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use git2::{Oid, Repository};

use super::event::{Event, Ground, Wanted, Wish};
use super::work::Work;
use crate::context::{Ran, TestContext};

/// The repo that is synced, what hangs together with it, and where both come from.
const MINE: &str = "ws/web";
const OTHER_WORK_TREE: &str = "other";
const SUBMODULE: &str = "ws/web/lib";
const INNERMOST: &str = "ws/web/lib/inner";
const REMOTE: &str = "remotes/web.git";
const LIB: &str = "remotes/lib.git";
const INNER: &str = "remotes/inner.git";

/// A file that nothing happens to. Where its attributes go, it stays as they had it: git takes that for a change, or
/// not, by whether the index was written within the same second.
const NOBODYS: &str = "src/main.txt";

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
        static ORIGINALS: [OnceLock<Scene>; Ground::COUNT] =
            [const { OnceLock::new() }; Ground::COUNT];
        let original = ORIGINALS[ground as usize].get_or_init(|| Scene::original(ground));
        let original = &original.context;
        let context = TestContext::new();
        let rename = (
            original.path("").display().to_string(),
            context.path("").display().to_string(),
        );
        copy(&original.path(""), &context.path(""), Some(&rename));
        Scene { context, ground }
    }

    fn original(ground: Ground) -> Self {
        let context = TestContext::new();
        // No templates: hooks that are samples would be most of what a case copies. What is flushed
        // to the disk is gone with the case.
        let config = "[init]\ntemplateDir =\n[core]\nfsync = none\n[gc]\nauto = 0\n\
                      [protocol \"file\"]\nallow = always\n\
                      [filter \"shout\"]\nclean = tr A-Z a-z\nsmudge = tr a-z A-Z\n";
        context.write("home/.gitconfig", config);
        context.remote("web");
        let work = "work-web";
        let attributes = match ground {
            Ground::Filtered => "*.txt filter=shout\n",
            Ground::Encoded => "d.txt working-tree-encoding=UTF-16LE\n",
            Ground::Crlf => "*.txt text eol=crlf\n",
            _ => "",
        };
        if !attributes.is_empty() {
            context.push("web", ".gitattributes", attributes);
        }
        for (file, text) in [
            ("a.txt", "a\n"),
            ("dir/b.txt", "b\n"),
            ("c.txt", "c\n"),
            ("deep/er/d.txt", "d\n"),
        ] {
            context.write(&format!("{work}/{file}"), text);
        }
        symlink("dir", context.path(work).join("link")).unwrap();
        let submodules: &[(&str, &str)] = match ground {
            Ground::Submodules => &[("web", "lib"), ("web", "dep")],
            Ground::Nested => &[("lib", "inner"), ("web", "lib")],
            _ => &[],
        };
        for (_, name) in submodules {
            context.remote(name);
            context.push(name, ".gitignore", "*.log\n");
        }
        for (of, name) in submodules {
            let url = format!("../{name}.git");
            let add = ["submodule", "--quiet", "add", &url, name];
            context.git(&format!("work-{of}"), &add);
            if *of != "web" {
                context.push(of, "README.md", "With a submodule\n");
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
            Ground::Nested => mine(&["submodule", "--quiet", "update", "--init", "--recursive"]),
            Ground::Sparse => mine(&["sparse-checkout", "set", "dir"]),
            Ground::Upstream => mine(&["remote", "rename", "origin", "upstream"]),
            Ground::HasWorkTree => mine(&["worktree", "add", "-q", "../../other", "topic"]),
            Ground::IsWorkTree => {
                context.git(OTHER_WORK_TREE, &["switch", "-q", "topic"]);
                let add = ["worktree", "add", "-q", "../ws/web", "main"];
                context.git(OTHER_WORK_TREE, &add)
            }
            Ground::OtherUrl => mine(&["remote", "set-url", "origin", "/nowhere/web.git"]),
            Ground::NoRemote => mine(&["remote", "remove", "origin"]),
            Ground::Hooked => self.hook(&["post-merge"]),
            Ground::HookedCheckout => self.hook(&["post-checkout"]),
            Ground::OtherHooks => self.hook(&[
                "post-index-change",
                "pre-merge-commit",
                "reference-transaction",
            ]),
            Ground::Clone
            | Ground::Shallow
            | Ground::Folder
            | Ground::Filtered
            | Ground::Encoded
            | Ground::Crlf => String::new(),
        };
    }

    fn hook(&self, names: &[&str]) -> String {
        for name in names {
            let hook = format!("{MINE}/.git/hooks/{name}");
            self.context.write_program(&hook, "#!/bin/sh\n");
        }
        String::new()
    }

    /// The submodule or the other work tree; the repo itself where it has none.
    fn beside(&self) -> &'static str {
        match self.ground {
            Ground::Submodules => SUBMODULE,
            Ground::Nested => INNERMOST,
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
        folders.iter().map(|folder| self.work(folder)).collect()
    }

    fn work(&self, folder: &Path) -> Work {
        if !self.ground.converts() || !folder.join(".git").exists() {
            return Work::read(folder, None);
        }
        // An index without the times of files: git has to look into each.
        let index = self.context.path("index-of-head");
        let _ = fs::remove_file(&index);
        let git = |arguments: &[&str]| {
            let mut command = self.context.command("git");
            command
                .current_dir(folder)
                .env("GIT_INDEX_FILE", &index)
                .args(arguments);
            command.output().unwrap().stdout
        };
        git(&["read-tree", "HEAD"]);
        git(&["update-index", "-q", "--refresh"]);
        let changed = git(&["diff-index", "--name-only", "-z", "HEAD"]);
        let changed = String::from_utf8(changed).unwrap();
        let changed = changed.split_terminator('\0').map(PathBuf::from);
        let changed = changed.filter(|path| path != Path::new(NOBODYS));
        Work::read(folder, Some(&changed.collect()))
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
            // Where the folder is no more, nothing happens.
            .is_ok_and(|output| output.status.success())
    }

    /// As far as `git fsck` says. It also complains of a HEAD without a commit, which is nobody's fault.
    pub fn is_sound(&self) -> bool {
        let fsck = ["fsck", "--connectivity-only", "--no-progress"];
        self.git(MINE, &fsck)
    }

    pub fn happen(&self, event: &Event) {
        match event {
            Event::Beside(event) => self.happen_in(self.beside(), event),
            event => self.happen_in(MINE, event),
        }
    }

    fn remote(&self, path: &str) -> Repository {
        Repository::open(self.context.path(path)).unwrap()
    }

    /// In the isolated environment, in the workspace.
    pub fn command(&self, program: PathBuf) -> Command {
        self.context.command(program)
    }

    /// What a sync would fetch.
    pub fn fetch(&self) {
        self.git(MINE, &["fetch", "-q", "--all", "--force", "--tags"]);
    }

    /// The commit that a tag or commit of the manifest's is, as the remote has it.
    pub fn pinned(&self, wanted: Wanted) -> Option<Oid> {
        let remote = self.remote(REMOTE);
        let tag = remote.revparse_single("v1").unwrap().id();
        let mut walk = remote.revwalk().unwrap();
        walk.push(tag).unwrap();
        match wanted {
            Wanted::Tag => Some(tag),
            Wanted::FirstCommit => walk.last().map(Result::unwrap),
            _ => None,
        }
    }

    /// Writes what is wanted into the workspace's files; returns the arguments of a sync that say more of it.
    pub fn want(&self, wish: Wish) -> Vec<&'static str> {
        let first = self.pinned(Wanted::FirstCommit).unwrap();
        let newest = self
            .remote(REMOTE)
            .head()
            .ok()
            .and_then(|head| head.target());
        let mut arguments = Vec::new();
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
            Ground::Submodules | Ground::Nested => "submodules = true",
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
        arguments
    }

    /// The commit that a sync has to reach: where the branch that is checked out is wanted, its remote is ahead,
    /// and nothing of the user's stands in the way. None where that is not so plain.
    pub fn has_to_reach(&self, wish: Wish, before: &Work) -> Option<Oid> {
        let has_remote = !matches!(
            self.ground,
            Ground::OtherUrl | Ground::NoRemote | Ground::Folder
        );
        // Of these, not all files are told by what is in the folder.
        let is_plain = has_remote && !self.ground.has_submodules() && self.ground != Ground::Sparse;
        let remote = self.remote(REMOTE);
        let branch = match wish.wanted {
            Wanted::Default => remote.head().ok()?.name().ok()?.to_owned(),
            Wanted::Branch(name) => format!("refs/heads/{name}"),
            _ => return None,
        };
        let tip = remote.find_reference(&branch).ok()?.peel_to_commit().ok()?;
        let is_behind = before.head == branch
            && remote
                .graph_descendant_of(tip.id(), before.commit?)
                .unwrap_or(false);
        let is_open = is_plain && is_behind && before.is_open_to(&tip.tree().ok()?);
        is_open.then(|| tip.id())
    }

    /// Syncs; that has to end well or with what is left to the user.
    pub fn sync(&self, wish: Wish) -> Ran {
        let ran = self
            .context
            .fitout(&[vec!["sync"], self.want(wish)].concat());
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.shown());
        assert!(!ran.stderr.contains("panicked"), "{}", ran.shown());
        ran
    }
}

/// Copies a folder; files in which git keeps absolute paths come to name the copy.
pub fn copy(from: &Path, to: &Path, rename: Option<&(String, String)>) {
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
        } else if let Some((old, new)) = rename
            && ["config", "gitdir", ".git"].iter().any(|it| name == *it)
        {
            let text = fs::read_to_string(&from).unwrap();
            fs::write(&to, text.replace(old, new)).unwrap();
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}
