//! What the user does in a clone, by the user's own means: files, and real git.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::event::{Event, FILES, Kind, PLACES};
use super::Scene;

impl Scene {
    /// Lets it happen in this folder. What git refuses has not happened.
    pub(super) fn happen_in(&self, folder: &str, event: &Event) {
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
            Event::Become(place, kind) => self.make(folder, PLACES[place], kind),
            Event::Nest(place) => {
                let path = self.context.path(folder).join(PLACES[place]);
                if fs::create_dir_all(&path).is_ok() && !path.join(".git").exists() {
                    let nested = format!("{folder}/{}", PLACES[place]);
                    self.git(&nested, &["init", "-q"]);
                    let _ = fs::write(path.join("own.txt"), "own\n");
                    self.git(&nested, &["add", "own.txt"]);
                    self.git(&nested, &["commit", "-q", "-m", "Own"]);
                }
            }
            Event::Touch(file) => {
                if let Ok(text) = fs::read(path(file)) {
                    let _ = fs::write(path(file), text);
                }
            }
            Event::Amend(number) => {
                mine(&[
                    "commit",
                    "-q",
                    "--amend",
                    "-am",
                    &format!("Amended {number}"),
                ]);
            }
            Event::Collect => {
                mine(&["gc", "--quiet", "--prune=now"]);
            }
            Event::PackRefs => {
                mine(&["pack-refs", "--all"]);
            }
            Event::Fetch => {
                mine(&["fetch", "-q"]);
            }
            Event::IgnoreSubmodules => {
                mine(&["config", "diff.ignoreSubmodules", "all"]);
            }
            Event::Hold(lock) => {
                let git_dir = self.context.path(folder).join(".git");
                if git_dir.is_dir() {
                    let _ = fs::File::create_new(git_dir.join(lock));
                }
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

    /// Makes a path something of another kind. What was there is gone.
    fn make(&self, folder: &str, place: &str, kind: Kind) {
        let path = self.context.path(folder).join(place);
        let is_folder = path.is_dir() && !path.is_symlink();
        let _ = if is_folder {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = match kind {
            Kind::File => fs::write(&path, "mine\n"),
            Kind::Folder => fs::create_dir_all(&path)
                .and_then(|()| fs::write(path.join("inner.txt"), "mine\n"))
                .and_then(|()| fs::write(path.join("inner.log"), "mine\n")),
            Kind::Link => symlink("nowhere", &path),
            Kind::LinkToFolder => {
                // Not to one that fitout itself writes to.
                self.context.write("linked/own.txt", "own\n");
                symlink(self.context.path("linked"), &path)
            }
            Kind::Submodule => {
                self.git(folder, &["submodule", "add", "-q", "../lib.git", place]);
                Ok(())
            }
            Kind::Nothing => Ok(()),
        };
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

    fn write(&self, folder: &str, file: usize, text: u8) {
        let path = self.context.path(folder).join(FILES[file]);
        // A folder or a file in the way is there to stay.
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = fs::write(path, format!("mine {text}\n"));
    }
}
