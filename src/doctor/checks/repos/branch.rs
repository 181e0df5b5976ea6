//! `repos.REPO.branch`: `sync` can bring the clone to where the manifest wants it.

use super::settled;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::shell;
use crate::sync::{
    Action, Allowed, CloneState, HALF_MOVED, Place, RepoState, Step, after_fetch, first_step,
};
use crate::workspace::Repo;

/// The clone can be updated.
pub struct Branch {
    repo: Repo,
}

impl Branch {
    /// The check of one repo.
    pub fn of(repo: &Repo) -> Self {
        Branch { repo: repo.clone() }
    }
}

impl Check for Branch {
    type Seen = RepoState;

    const PAGE: &'static Page = &Page {
        id: "repos.REPO.branch",
        in_order: "`fitout sync` can update it",
        otherwise: &[
            (
                Status::Fail,
                "the remote doesn't have the manifest's branch",
            ),
            (
                Status::Warn,
                "uncommitted changes, diverged, a rebase in progress",
            ),
            (Status::Info, "behind, or on a branch of yours"),
        ],
        fixed_by: "the git command",
    };

    fn about(&self) -> About {
        let name = &self.repo.name;
        About::new(
            format!("repos.{name}.branch"),
            format!("`{name}` can be updated by `fitout sync`"),
        )
        .needs(["cloned", "remote"].map(|need| format!("repos.{name}.{need}")))
    }

    fn look(&self, machine: &Machine) -> Result<RepoState, Fault> {
        Ok(machine.clone_of(&self.repo))
    }

    fn judge(&self, state: RepoState, setting: &Setting) -> Outcome {
        let repo = &self.repo;
        match (&state.place, first_step(repo, &state, Allowed::default())) {
            (Place::Clone(clone), _) if clone.half_moved => {
                let command = format!("fitout sync {}", shell::word(&repo.name));
                Outcome::warn(HALF_MOVED, Remedy::run(command))
            }
            (_, Step::Refuse(note)) => {
                Outcome::warn(note.why.as_str(), settled(&note, repo, setting))
            }
            (Place::Clone(clone), _) => self.updated(clone, setting),
            _ => Outcome::unknown("no clone to check"),
        }
    }
}

impl Branch {
    /// Being on a topic branch or ahead is normal, and not a problem.
    fn updated(&self, clone: &CloneState, setting: &Setting) -> Outcome {
        let with_remedy = |outcome: Outcome, remedy| Outcome { remedy, ..outcome };
        let git = |note| settled(note, &self.repo, setting);
        match after_fetch(clone, Allowed::default()) {
            Action::Keep(told) => Outcome::pass(told.unwrap_or_else(|| "up to date".to_owned())),
            Action::FastForward(behind) => with_remedy(
                Outcome::info(format!("behind {behind}, as of the last fetch")),
                Remedy::run("fitout sync"),
            ),
            Action::Switch | Action::Detach => Outcome::warn(
                "not where the manifest wants it",
                Remedy::run("fitout sync"),
            ),
            Action::Leave(note) => with_remedy(Outcome::info(note.why.as_str()), git(&note)),
            Action::HoldBack(note) => Outcome::warn(note.why.as_str(), git(&note)),
            Action::Fail(note) => Outcome::fail(note.why.as_str(), git(&note)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::repos::tests::{clone, repo};
    use crate::doctor::checks::tests::examples;
    use crate::sync::{Changes, Link, Target};

    #[test]
    fn what_keeps_it_from_an_update_comes_with_the_command_that_settles_it() {
        let dirty = CloneState {
            changes: Changes {
                unstaged: 2,
                ..Changes::default()
            },
            ..clone("main", 0, 3)
        };
        let rebasing = CloneState {
            operation: Some("rebase"),
            ..clone("main", 0, 0)
        };
        let half_moved = CloneState {
            half_moved: true,
            ..clone("main", 0, 2)
        };
        let unknown = CloneState {
            target: Target::Unknown("main".to_owned()),
            ..clone("main", 0, 0)
        };
        let seen = [
            clone("main", 0, 0),
            clone("main", 0, 2),
            clone("topic", 1, 0),
            clone("main", 1, 0),
            clone("main", 1, 2),
            dirty,
            rebasing,
            half_moved,
            unknown,
        ];
        let seen = seen.map(|clone| RepoState {
            place: Place::Clone(Box::new(clone)),
            link: Link::NotWanted,
        });
        insta::assert_snapshot!(examples(&Branch::of(&repo(None)), seen), @r"
        pass     repos.api.branch  up to date
        info     repos.api.branch  behind 2, as of the last fetch
                 $ fitout sync
        info     repos.api.branch  on `topic`, not on `main`
                 $ git -C ../api switch main
        info     repos.api.branch  1 commit not pushed
                 $ git -C ../api push origin main
        warn     repos.api.branch  diverged: 1 ahead and 2 behind origin/main
                 $ git -C ../api rebase origin/main
        warn     repos.api.branch  behind 3, not updated: 2 local changes
                 $ git -C ../api merge --ff-only --autostash origin/main
        warn     repos.api.branch  a rebase is in progress
                 $ git -C ../api status
        warn     repos.api.branch  a killed run left it half updated
                 $ fitout sync api
        fail     repos.api.branch  the remote has no `main`
                 $ git -C ../api ls-remote origin
        ");
    }
}
