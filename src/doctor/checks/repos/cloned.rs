//! `repos.REPO.cloned`: a clone is where the manifest, or this machine, wants it.

use super::path_of;
use crate::doctor::check::{About, Check, Page};
use crate::doctor::machine::Machine;
use crate::doctor::outcome::{Fault, Fix, Outcome, Remedy, Status};
use crate::doctor::setting::Setting;
use crate::shell;
use crate::sync::{Link, Place, RepoState};
use crate::workspace::Repo;

/// There is a clone.
pub struct Cloned {
    repo: Repo,
}

impl Cloned {
    /// The check of one repo.
    pub fn of(repo: &Repo) -> Self {
        Cloned { repo: repo.clone() }
    }
}

impl Check for Cloned {
    type Seen = RepoState;

    const PAGE: &'static Page = &Page {
        id: "repos.REPO.cloned",
        in_order: "a clone is at the repo's path",
        otherwise: &[(Status::Fail, "nothing, or something else, is there")],
        fixed_by: "`fitout sync`, `--fix`",
    };

    fn about(&self) -> About {
        let name = &self.repo.name;
        About::new(
            format!("repos.{name}.cloned"),
            format!("`{name}` is cloned"),
        )
    }

    fn look(&self, machine: &Machine) -> Result<RepoState, Fault> {
        Ok(machine.clone_of(&self.repo))
    }

    fn judge(&self, state: RepoState, setting: &Setting) -> Outcome {
        let repo = &self.repo;
        let path = path_of(repo);
        let sync = || Remedy::run("fitout sync");
        match (state.place, state.link) {
            (Place::Missing, _) => {
                Outcome::fail("not cloned yet", sync()).fixed_by(Fix::Clone(repo.name.clone()))
            }
            (Place::Occupied(what), _) => {
                Outcome::fail(format!("{what} is at `{path}`"), moved_away(path, setting))
            }
            (Place::Astray(why), _) => Outcome::fail(why, Remedy::default()),
            (Place::OtherOwner(folder), _) => Outcome::fail(
                format!("`{path}` belongs to another user of this machine"),
                Remedy::run(format!("git {}", shell::trusting(&folder))),
            ),
            (Place::Unreadable(why), _) => Outcome::fail(
                format!("git can't read `{path}`: {why}"),
                Remedy::run(format!("git -C {} status", setting.typed(path))),
            ),
            (_, Link::Missing) => {
                Outcome::fail(format!("no link from `{}` to the clone", repo.path), sync())
            }
            (_, Link::Blocked(what)) => Outcome::fail(
                format!(
                    "`{}` is {what}, not a link to the clone at `{path}`",
                    repo.path
                ),
                moved_away(&repo.path, setting),
            ),
            (Place::OtherRemote(_) | Place::Clone(_), Link::NotWanted | Link::Right) => {
                Outcome::pass(format!("at `{path}`"))
            }
        }
    }
}

/// Moves it out of the way, but keeps it.
fn moved_away(path: &str, setting: &Setting) -> Remedy {
    let kept = setting.typed(&format!("{path}.old"));
    Remedy::run(format!("mv {} {kept}", setting.typed(path))).and_run("fitout sync")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::repos::tests::{clone, other_remote, repo};
    use crate::doctor::checks::tests::examples_of;

    #[test]
    fn whatever_is_there_is_named() {
        let at = |place: Place| {
            let link = Link::NotWanted;
            (Cloned::of(&repo(None)), RepoState { place, link })
        };
        let linked = |link: Link| {
            let place = Place::Clone(Box::new(clone("main", 0, 0)));
            (Cloned::of(&repo(Some("../api"))), RepoState { place, link })
        };
        let seen = [
            at(Place::Missing),
            at(Place::Occupied("a file".to_owned())),
            at(Place::Unreadable("bad index".to_owned())),
            at(other_remote()),
            linked(Link::Missing),
            linked(Link::Blocked("a folder".to_owned())),
        ];
        insta::assert_snapshot!(examples_of(seen), @r"
        fail     repos.api.cloned  not cloned yet
                 $ fitout sync
        fail     repos.api.cloned  a file is at `api`
                 $ mv ../api ../api.old
                 $ fitout sync
        fail     repos.api.cloned  git can't read `api`: bad index
                 $ git -C ../api status
        pass     repos.api.cloned  at `api`
        fail     repos.api.cloned  no link from `api` to the clone
                 $ fitout sync
        fail     repos.api.cloned  `api` is a folder, not a link to the clone at `../api`
                 $ mv ../api ../api.old
                 $ fitout sync
        ");
    }
}
