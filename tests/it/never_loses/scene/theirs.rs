//! What others push. It is written into the remotes with git2: a clone, a commit and a push for each would
//! be most of the time of a case.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};

use super::super::event::{Event, FILES, Ground, Kind, PLACES};
use super::{INNER, LIB, REMOTE, Scene};

impl Scene {
    /// What does not fit the remote as it is has not happened.
    pub(super) fn they(&self, event: &Event) {
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
            Event::TheyBecome(place, kind) => {
                let path = PLACES[place];
                publish(&remote, |change| {
                    change.remove(path);
                });
                let text = |text: &str| remote.blob(text.as_bytes()).unwrap();
                let (path, object, mode) = match kind {
                    Kind::File => (path.to_owned(), text("theirs\n"), FileMode::Blob),
                    Kind::Folder => (
                        format!("{path}/inner.txt"),
                        text("theirs\n"),
                        FileMode::Blob,
                    ),
                    Kind::Link => (path.to_owned(), text("elsewhere"), FileMode::Link),
                    Kind::LinkToFolder => (path.to_owned(), text("."), FileMode::Link),
                    // Any commit will do: nobody asks for it where `.gitmodules` does not name it.
                    Kind::Submodule => {
                        let commit = remote.revparse_single("v1").unwrap().id();
                        (path.to_owned(), commit, FileMode::Commit)
                    }
                    Kind::Nothing => return,
                };
                publish(&remote, |change| {
                    change.upsert(path, object, mode);
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
            Event::TheyBump(text) if self.ground.has_submodules() => {
                let readme = |remote: &Repository| {
                    let blob = remote.blob(format!("lib {text}\n").as_bytes()).unwrap();
                    publish(remote, |change| {
                        change.upsert("README.md", blob, FileMode::Blob);
                    })
                };
                let follow = |remote: &Repository, name: &str, commit: Oid| {
                    publish(remote, |change| {
                        change.upsert(name, commit, FileMode::Commit);
                    })
                };
                let lib = self.remote(LIB);
                let commit = match self.ground {
                    Ground::Nested => {
                        readme(&self.remote(INNER)).and_then(|commit| follow(&lib, "inner", commit))
                    }
                    _ => readme(&lib),
                };
                if let Some(commit) = commit {
                    follow(&remote, "lib", commit);
                }
            }
            Event::TheyDropSubmodule if self.ground.has_submodules() => {
                publish(&remote, |change| {
                    change.remove("lib");
                });
            }
            _ => {}
        }
    }

    pub(super) fn they_write(&self, file: usize, text: u8) {
        let remote = self.remote(REMOTE);
        let blob = remote.blob(format!("theirs {text}\n").as_bytes()).unwrap();
        publish(&remote, |change| {
            change.upsert(FILES[file], blob, FileMode::Blob);
        });
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
