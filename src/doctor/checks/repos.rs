//! The clones: the group `repos`.

pub mod branch;
pub mod cloned;
pub mod extra;
pub mod remote;

use crate::doctor::outcome::Remedy;
use crate::doctor::setting::Setting;
use crate::sync::Note;
use crate::workspace::Repo;

/// Returns the path of the clone, which can differ from the manifest's on this machine.
fn path_of(repo: &Repo) -> &str {
    repo.local_path.as_ref().unwrap_or(&repo.path)
}

/// Returns the git command that resolves a note.
fn settled(note: &Note, repo: &Repo, setting: &Setting) -> Remedy {
    match note.typed(&setting.typed(path_of(repo))) {
        Some(command) => Remedy::run(command),
        None => Remedy::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Basis, Changes, CloneState, Head, Place, Remote, Target};
    use crate::workspace::Checkout;

    /// A repo of the manifest, whose clone may be elsewhere on this machine.
    pub fn repo(local_path: Option<&str>) -> Repo {
        Repo {
            name: "api".to_owned(),
            url: "git@git.example:acme/api.git".to_owned(),
            path: "api".to_owned(),
            local_path: local_path.map(str::to_owned),
            checkout: Checkout::Branch("main".to_owned()),
            depth: None,
            submodules: false,
            skip: false,
        }
    }

    /// A clone of it on that branch.
    pub fn clone(head: &str, ahead: usize, behind: usize) -> CloneState {
        CloneState {
            remote: "origin".to_owned(),
            head: Head::Branch(head.to_owned()),
            operation: None,
            half_moved: false,
            changes: Changes::default(),
            has_filters: false,
            only_git: false,
            not_cloned: 0,
            stashes: 0,
            target: Target::Branch {
                name: "main".to_owned(),
                ahead,
                own: ahead,
                behind,
            },
            published: true,
            kept: true,
            obstacle: None,
            basis: Basis::default(),
        }
    }

    /// A clone of something else.
    pub fn other_remote() -> Place {
        Place::OtherRemote(Some(Remote {
            name: "origin".to_owned(),
            url: "https://git.example/other".to_owned(),
        }))
    }
}
