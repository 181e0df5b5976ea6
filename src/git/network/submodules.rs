//! Submodules: their commits are fetched before anything is updated, and git updates them. The plan
//! decides which ones.

use std::collections::BTreeSet;
use std::path::Path;

use git2::Oid;

use super::Network;
use crate::git::error::{Cause, GitError};
use crate::git::local::submodules::{self, Address};
use crate::git::{cli, local};
use crate::host::here;
use crate::shell;
use crate::workspace::{Repo, syntax};

impl Network<'_> {
    /// Fails if updating these submodules with git would overwrite any of the user's files in them.
    /// Contacts servers only for missing commits. `at` is the commit that the clone will be updated
    /// to, if that has not happened yet. Returns notes for the user.
    pub fn prepare_submodules(
        &self,
        repo: &Repo,
        at: Option<Oid>,
        paths: &[String],
    ) -> Result<Option<String>, GitError> {
        let clone = local::folder(self.root, repo);
        let mut asked = BTreeSet::new();
        let mut notes = Vec::new();
        // Nested ones are known once it is cloned.
        while !paths.is_empty() {
            let mut lacking = submodules::look(&clone, at, paths)?;
            lacking.retain(|it| asked.insert(it.path.clone()));
            if lacking.is_empty() {
                break;
            }
            for it in lacking {
                let folder = clone.join(&it.path);
                let remote = submodules::remote(&folder);
                let place = Place {
                    clone: &clone,
                    kept: &clone,
                    owner: &it.owner,
                    path: &it.path,
                    at: it.at,
                };
                match reached(&place, |url| {
                    cli::fetch_submodule(&folder, &remote, it.commit, url, self.interrupt)
                }) {
                    Ok(note) => notes.extend(note),
                    // The update will report it.
                    Err(error) if error.cause == Cause::MissingProgram => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }

    /// Clones or updates submodules of a clone. Returns notes for the user.
    pub fn update_submodules(
        &self,
        repo: &Repo,
        paths: &[String],
    ) -> Result<Option<String>, GitError> {
        self.submodules(&local::folder(self.root, repo), paths, repo)
    }

    pub(super) fn submodules(
        &self,
        clone: &Path,
        paths: &[String],
        repo: &Repo,
    ) -> Result<Option<String>, GitError> {
        let mut notes = Vec::new();
        let kept = local::folder(self.root, repo);
        for path in paths {
            let place = Place {
                clone,
                kept: &kept,
                owner: Path::new(""),
                path: Path::new(path),
                at: None,
            };
            match reached(&place, |url| {
                cli::update_submodules(clone, &[path], url, self.interrupt)
            }) {
                Ok(note) => notes.extend(note),
                Err(error) if error.cause == Cause::MissingProgram => {
                    return Ok(Some(format!(
                        "submodules not updated: install `git`, then run `{}`",
                        by_hand(&here::typed(&kept))
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }
}

/// Returns the note about submodules of a clone that only git can read, because it was not checked
/// what an update would overwrite there. `shown` is already quoted.
pub fn left_to_user(shown: &str) -> String {
    format!("submodules not updated: run `{}`", by_hand(shown))
}

fn by_hand(shown: &str) -> String {
    format!("git -C {shown} submodule update --init --recursive")
}

/// If it can't be fetched from the URL that git has configured, and `.gitmodules` has a different
/// one, that one is used. If the user has set the configured URL, it is kept, and the error says
/// how to change that.
fn reached(
    place: &Place<'_>,
    ask: impl Fn(&str) -> Result<(), GitError>,
) -> Result<Option<String>, GitError> {
    let shown = place.path.display();
    let named = |error: GitError| GitError {
        reason: format!("submodule `{shown}`: {}", error.reason),
        ..error
    };
    let owner = place.clone.join(place.owner);
    let inner = place.path.strip_prefix(place.owner).unwrap_or(place.path);
    let Some(address) = Address::of(&owner, place.at, inner) else {
        return ask("").map(|()| None).map_err(named);
    };
    let Err(error) = ask(address.first()) else {
        return Ok(None);
    };
    let may_be_elsewhere = error.cause.is_of_a_remote();
    let Some(other) = address.other().filter(|_| may_be_elsewhere) else {
        return Err(named(error));
    };
    let shown_url = syntax::without_password(other);
    if address.is_users() {
        let error = named(error);
        return Err(GitError {
            reason: format!(
                "{}; the URL is set in the clone's configuration, while `.gitmodules` has {shown_url}",
                error.reason
            ),
            command: Some(format!(
                "git -C {} submodule sync {}",
                here::typed(&place.kept.join(place.owner)),
                shell::path(inner)
            )),
            ..error
        });
    }
    address.set(other)?;
    match ask(other) {
        Ok(()) => Ok(Some(format!(
            "submodule `{shown}` now comes from {shown_url}, as `.gitmodules` says"
        ))),
        Err(error) => {
            address.restore()?;
            Err(named(error))
        }
    }
}

/// The location of a submodule.
struct Place<'a> {
    clone: &'a Path,
    /// The final path of the clone, which is created elsewhere.
    kept: &'a Path,
    /// The folder of its parent repository, relative to the clone.
    owner: &'a Path,
    /// Relative to the clone.
    path: &'a Path,
    /// The commit that its parent will be updated to, if any.
    at: Option<Oid>,
}
