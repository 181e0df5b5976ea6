//! Decides what to do with the submodules of a clone that is where the manifest wants it.

use super::note::{Note, rescue};
use crate::plural::{count, few};
use crate::shell;
use crate::workspace::Repo;

/// A submodule, possibly nested, that differs from the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// Relative to the clone.
    pub path: String,
    /// The top-level submodule that it is, or is inside of.
    pub top: String,
    /// The commit in the index, abbreviated.
    pub wanted: String,
    /// Whether the submodule is ahead of that commit.
    pub ahead: bool,
    /// What exists.
    pub found: Found,
}

/// What exists at the path of a submodule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not cloned.
    Nothing,
    /// Another commit, abbreviated, that is reachable from a ref: updating loses nothing.
    Other(String),
    /// Another commit, on a branch of the user's.
    OnBranch(String),
    /// Another commit, abbreviated, that is not reachable from any ref.
    Adrift(String),
    /// Another commit, with uncommitted changes.
    Changed,
    /// git is in the middle of something: `rebase`, `bisect`, …
    Busy(&'static str),
}

/// What to do with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submodules {
    /// Top-level submodules to update, with all nested ones.
    pub update: Vec<String>,
    /// Why none can be updated: a commit would become unreachable, or work mixed up.
    pub held_back: Option<Note>,
    /// Submodules that are not changed.
    pub left: Option<Note>,
    /// The top-level submodule that the suggested command updates, if any.
    pub offered: Option<String>,
}

/// Decides what to do with the submodules of a clone, of which `changed` differ from its index in
/// any way.
///
/// Without `follow`, the manifest doesn't enable submodules: those that the user has cloned are
/// left alone. If the clone was not `moved` just now, a submodule that is ahead is being worked on.
pub fn submodules(
    found: &[Submodule],
    changed: &[String],
    follow: bool,
    moved: bool,
) -> Submodules {
    let mut left: Vec<Note> = Vec::new();
    let mut offered = None;
    let mut update: Vec<String> = Vec::new();
    for submodule in found {
        let follows = follow && (moved || !submodule.ahead);
        match &submodule.found {
            Found::Nothing if !follow => {}
            Found::Nothing | Found::Other(_) if follows => update.push(submodule.top.clone()),
            Found::Adrift(_) | Found::Changed | Found::Busy(_) if follows => {
                return Submodules {
                    held_back: Some(differs(submodule)),
                    ..Submodules::default()
                };
            }
            found => {
                let updates =
                    matches!(found, Found::Nothing | Found::Other(_) | Found::OnBranch(_));
                if left.is_empty() && updates {
                    offered = Some(submodule.top.clone());
                }
                left.push(differs(submodule));
            }
        }
    }
    // An update includes nested submodules.
    let stays = |top: &String| {
        let is_left = |it: &Submodule| match it.found {
            Found::OnBranch(_) => true,
            _ => it.ahead && !moved,
        };
        found.iter().any(|it| it.top == *top && is_left(it))
    };
    update.retain(|top| !stays(top));
    update.dedup();
    let is_said = |path: &String| found.iter().any(|it| it.top == *path);
    for path in changed.iter().filter(|path| !is_said(path)) {
        left.push(Note::new(format!("local changes in submodule `{path}`")));
    }
    let why: Vec<&str> = left.iter().map(|note| note.why.as_str()).collect();
    Submodules {
        update,
        held_back: None,
        left: (!left.is_empty()).then(|| Note {
            command: left.iter().find_map(|note| note.command.clone()),
            ..Note::new(few(&why, 3))
        }),
        offered,
    }
}

/// Returns a note about submodules that are not cloned, if the manifest doesn't enable them.
pub fn not_asked_for(repo: &Repo, not_cloned: usize) -> Option<String> {
    let verb = if not_cloned == 1 { "is" } else { "are" };
    let submodules = count(not_cloned, "submodule");
    (!repo.submodules && not_cloned > 0)
        .then(|| format!("{submodules} {verb} not cloned (`submodules = true`)"))
}

/// Returns why a submodule is where it is, and the command that updates it.
fn differs(submodule: &Submodule) -> Note {
    let Submodule {
        path, top, wanted, ..
    } = submodule;
    let inside = shell::path(path);
    let update = format!("submodule update --init --recursive {}", shell::path(top));
    let (what, command) = match &submodule.found {
        Found::Nothing => ("not cloned".to_owned(), update),
        Found::Other(commit) => (format!("at {commit}, not at {wanted}"), update),
        Found::OnBranch(branch) => (format!("on `{branch}`, not at {wanted}"), update),
        Found::Adrift(commit) => {
            let elsewhere = if commit == wanted {
                // The submodule that contains it is updated, and it with that.
                String::new()
            } else {
                format!(", not at {wanted}")
            };
            (
                format!("at {commit}, which no branch holds{elsewhere}"),
                format!("-C {inside} {}", rescue(commit)),
            )
        }
        Found::Changed => (
            format!("local changes, not at {wanted}"),
            format!("-C {inside} status"),
        ),
        Found::Busy(operation) => (
            format!("a {operation} is in progress"),
            format!("-C {inside} status"),
        ),
    };
    Note::with_command(format!("submodule `{path}`: {what}"), command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submodule(path: &str, found: Found) -> Submodule {
        Submodule {
            path: path.to_owned(),
            top: path.split('/').next().unwrap_or(path).to_owned(),
            wanted: "2222222".to_owned(),
            ahead: false,
            found,
        }
    }

    fn other() -> Found {
        Found::Other("1111111".to_owned())
    }

    fn on_branch() -> Found {
        Found::OnBranch("topic".to_owned())
    }

    fn why(note: Option<Note>) -> String {
        note.map(|note| note.why).unwrap_or_default()
    }

    #[test]
    fn what_loses_nothing_is_updated_where_the_manifest_asks_for_it() {
        let found = [
            submodule("lib", other()),
            submodule("dep", Found::Nothing),
            submodule("dep/inner", Found::Nothing),
        ];
        let decided = submodules(&found, &["lib".to_owned()], true, false);
        assert_eq!(decided.update, ["lib", "dep"]);
        assert_eq!((decided.held_back, decided.left), (None, None));
        let decided = submodules(&found, &["lib".to_owned()], false, false);
        assert!(decided.update.is_empty());
        assert_eq!(
            why(decided.left),
            "submodule `lib`: at 1111111, not at 2222222"
        );
    }

    #[test]
    fn a_branch_of_the_users_stays_and_with_it_the_submodule_that_it_is_in() {
        let found = [
            submodule("lib", other()),
            submodule("dep", other()),
            submodule("dep/inner", on_branch()),
        ];
        let decided = submodules(&found, &[], true, false);
        assert_eq!(decided.update, ["lib"]);
        assert_eq!(
            why(decided.left),
            "submodule `dep/inner`: on `topic`, not at 2222222"
        );
    }

    #[test]
    fn work_that_nothing_holds_stops_all() {
        for work in [
            Found::Adrift("3333333".to_owned()),
            Found::Changed,
            Found::Busy("rebase"),
        ] {
            let found = [submodule("lib", other()), submodule("dep/inner", work)];
            let decided = submodules(&found, &[], true, false);
            assert!(decided.update.is_empty());
            let note = decided.held_back.unwrap();
            assert!(note.why.starts_with("submodule `dep/inner`: "));
            assert!(note.command.unwrap().starts_with("-C dep/inner "));
        }
    }

    #[test]
    fn one_that_is_ahead_is_what_the_user_is_working_on_unless_the_clone_was_moved() {
        for found in [other(), Found::Adrift("3333333".to_owned())] {
            let ahead = Submodule {
                ahead: true,
                ..submodule("lib", found)
            };
            let decided = submodules(std::slice::from_ref(&ahead), &[], true, false);
            assert!(decided.update.is_empty() && decided.held_back.is_none());
            assert!(decided.left.is_some());
            let moved = submodules(std::slice::from_ref(&ahead), &[], true, true);
            assert!(moved.left.is_none());
            if ahead.found == other() {
                assert_eq!(
                    (moved.update, moved.held_back),
                    (vec!["lib".to_owned()], None)
                );
            } else {
                assert!(moved.update.is_empty() && moved.held_back.is_some());
            }
        }
    }

    #[test]
    fn what_is_changed_only_is_named() {
        let decided = submodules(&[], &["lib".to_owned(), "dep".to_owned()], true, false);
        assert_eq!(
            why(decided.left),
            "local changes in submodule `lib`, local changes in submodule `dep`"
        );
    }
}
