//! Submodules: their commits come before anything moves, and git brings them there. Which ones, the plan says.

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
    /// Fails where git, to update these submodules, would overwrite anything of the user's in them. Asks servers
    /// only for commits that are not here. `at` is the commit that the clone is going to, where it has not moved
    /// yet. Returns what the user should know.
    pub fn prepare_submodules(
        &self,
        repo: &Repo,
        at: Option<Oid>,
        paths: &[String],
    ) -> Result<Option<String>, GitError> {
        let clone = local::folder(self.root, repo);
        let mut asked = BTreeSet::new();
        let mut notes = Vec::new();
        // What is in one is known when it is here.
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
                    // The update will say so.
                    Err(error) if error.cause == Cause::MissingProgram => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }

    /// Clones or updates submodules of a clone. Returns what the user should know.
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
                        "submodules left out: they need `git`, then `{}`",
                        by_hand(&here::typed(&kept))
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }
}

/// What to tell of the submodules of a clone, for `shown`, a word of a command, that only git reads: nobody has
/// looked at what an update would overwrite there.
pub fn left_to_user(shown: &str) -> String {
    format!("submodules left out: `{}`", by_hand(shown))
}

fn by_hand(shown: &str) -> String {
    format!("git -C {shown} submodule update --init --recursive")
}

/// Where it can't be had from the URL that git knows, `.gitmodules` may have another one by now, which is
/// followed. Not so where the user has set the one that git knows: it stays, and the error says how to
/// change that.
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
                "{}; it is set in the clone's configuration, `.gitmodules` has {shown_url}",
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

/// Where a submodule is.
struct Place<'a> {
    clone: &'a Path,
    /// Where the clone is when all is done: it is made elsewhere.
    kept: &'a Path,
    /// The folder of the repository that it is a submodule of, relative to the clone.
    owner: &'a Path,
    /// Relative to the clone.
    path: &'a Path,
    /// The commit that its owner is going to, if it is.
    at: Option<Oid>,
}
