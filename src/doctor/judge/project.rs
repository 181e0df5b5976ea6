//! Verdicts on the Compose project: whether plain `docker compose` works on it, and whose it is.

use super::Setting;
use crate::compose::owner::{self, Owner};
use crate::compose::selection::Difference;
use crate::doctor::check::{Outcome, Remedy};
use crate::doctor::finding::ProjectSeen;

pub(super) fn selection(differences: &[Difference]) -> Outcome {
    if differences.is_empty() {
        return Outcome::pass("no variable says otherwise");
    }
    let found: Vec<&str> = differences.iter().map(|it| it.found.as_str()).collect();
    let remedies = differences.iter().filter_map(|it| it.remedy.clone());
    let remedy = remedies.fold(Remedy::default(), Remedy::and_run);
    Outcome::warn(found.join("; "), remedy)
}

pub(super) fn owner(seen: &ProjectSeen, setting: &Setting) -> Outcome {
    match &seen.owner {
        Owner::Nobody => Outcome::pass(format!("`{}` has no container yet", seen.name)),
        Owner::Ours => Outcome::pass(format!("`{}`", seen.name)),
        Owner::Moved(from) => Outcome::info(format!(
            "the containers of `{}` were made in {from}, which is gone; they are taken for this workspace's",
            seen.name
        )),
        Owner::Other(folder, what) => {
            let remedy = Remedy::run(setting.add_line(&owner::line(&seen.own_name)))
                .and_note("`fitout copy` makes workspaces that have names and ports of their own");
            Outcome::fail(owner::refusal(&seen.name, folder, *what), remedy)
        }
    }
}
