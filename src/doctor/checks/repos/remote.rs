//! `repos.REPO.remote`: the clone is of the manifest's repo.

use super::settled;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Status};
use crate::doctor::setting::Setting;
use crate::sync::{Allowed, Place, RepoState, Step, first_step};
use crate::workspace::{Repo, syntax};

/// The clone is of that repo.
pub struct Remote {
    repo: Repo,
}

impl Remote {
    /// The check of one repo.
    pub fn of(repo: &Repo) -> Self {
        Remote { repo: repo.clone() }
    }
}

impl Check for Remote {
    type Seen = RepoState;

    const PAGE: &'static Page = &Page {
        id: "repos.REPO.remote",
        in_order: "it is a clone of the manifest's URL",
        otherwise: &[(Status::Fail, "of another one")],
        fixed_by: "`git remote set-url`, `git remote add`",
    };

    fn about(&self) -> About {
        let name = &self.repo.name;
        About::new(
            format!("repos.{name}.remote"),
            format!("`{name}` is a clone of the manifest's repo"),
        )
        .needs([format!("repos.{name}.cloned")])
    }

    fn look(&self, machine: &Machine) -> Result<RepoState, Fault> {
        Ok(machine.clone_of(&self.repo))
    }

    fn judge(&self, state: RepoState, setting: &Setting) -> Outcome {
        let repo = &self.repo;
        let step = first_step(repo, &state, Allowed::default());
        match (state.place, step) {
            (Place::OtherRemote(_), Step::Refuse(note)) => {
                Outcome::fail(note.why.as_str(), settled(&note, repo, setting))
            }
            _ => Outcome::pass(syntax::without_password(&repo.url)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::repos::tests::{clone, other_remote, repo};
    use crate::doctor::checks::tests::examples;
    use crate::sync::Link;

    #[test]
    fn another_remote_is_named() {
        let seen = [
            other_remote(),
            Place::OtherRemote(None),
            Place::Clone(Box::new(clone("main", 0, 0))),
        ];
        let seen = seen.map(|place| RepoState {
            place,
            link: Link::NotWanted,
        });
        insta::assert_snapshot!(examples(&Remote::of(&repo(None)), seen), @r"
        fail     repos.api.remote  a clone of https://git.example/other is there
                 $ git -C ../api remote set-url origin git@git.example:acme/api.git
        fail     repos.api.remote  a git repository without a remote is there
                 $ git -C ../api remote add origin git@git.example:acme/api.git
        pass     repos.api.remote  git@git.example:acme/api.git
        ");
    }
}
