//! Decides which engine writes and compares the files of a work tree: gix and libgit2, or the
//! user's git if they would behave differently from git.
//!
//! This is decided only here, for clone, copy, update, switch and status. Changes nothing.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use git2::Repository;

use super::attributes::Attributes;
use crate::git::values;

/// Returns why only the user's git can write the files of HEAD, if so.
pub(super) fn for_first(is_sparse: bool, attributes: &Attributes) -> Option<&'static str> {
    if is_sparse {
        return Some("a sparse checkout");
    }
    for_writing(attributes)
}

/// Returns why only the user's git can update a clone, if so. `attributes` are those before and
/// after the update.
pub(super) fn for_move(repository: &Repository, attributes: &Attributes) -> Option<&'static str> {
    if is_sparse(repository) {
        return Some("a sparse checkout");
    }
    if let Some(why) = for_writing(attributes) {
        return Some(why);
    }
    if attributes.untracked {
        // gix only uses the attributes in the index to write files.
        return Some("an untracked `.gitattributes`");
    }
    if let Some(why) = for_settings(repository) {
        return Some(why);
    }
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    if repository.workdir().and_then(device) != device(repository.path()) {
        return Some("its `.git` on a different file system");
    }
    // Its commit is not in the file with that name.
    let is_symbolic = || -> Result<bool, git2::Error> {
        let head = repository.find_reference("HEAD")?;
        let Some(branch) = head.symbolic_target()? else {
            return Ok(false);
        };
        let kind = repository.find_reference(branch)?.kind();
        Ok(kind == Some(git2::ReferenceType::Symbolic))
    };
    is_symbolic()
        .unwrap_or(false)
        .then_some("a branch that is a symbolic ref")
}

/// What of a clone's settings makes files what only git takes them for.
fn for_reading(config: &git2::Config) -> Option<&'static str> {
    if values::of_environment_are_for_git() {
        return Some("settings of the environment (`GIT_CONFIG_COUNT`)");
    }
    if values::of_clone_are_for_git(config).unwrap_or(true) {
        return Some("a setting with a value that git alone reads");
    }
    (config.get_bool("core.symlinks") == Ok(false))
        .then_some("links that are files (`core.symlinks`)")
}

/// What of a clone's settings only git does.
fn for_settings(repository: &Repository) -> Option<&'static str> {
    let config = repository.config().ok()?;
    if let Some(why) = for_reading(&config) {
        return Some(why);
    }
    if config.get_bool("core.fileMode") == Ok(false) {
        // What is new gets its mode all the same.
        return Some("modes that don't count (`core.fileMode`)");
    }
    let logs = config.get_string("core.logAllRefUpdates");
    logs.is_ok_and(|logs| logs == "always")
        .then_some("logs of all refs (`core.logAllRefUpdates`)")
}

/// Like the above, for a fast-forward, which git doesn't do to every commit.
pub(super) fn for_fast_forward(
    repository: &Repository,
    attributes: &Attributes,
) -> Option<&'static str> {
    let config = repository.config();
    let verifies = config.and_then(|config| config.get_bool("merge.verifySignatures"));
    if verifies.unwrap_or(false) {
        return Some("signature verification (`merge.verifySignatures`)");
    }
    for_move(repository, attributes)
}

/// Whether libgit2 and git would disagree on whether files have changed.
pub(super) fn for_status(repository: &Repository, attributes: &Attributes) -> bool {
    // It runs no filters, and doesn't support quoted patterns.
    attributes.filters
        || attributes.quotes
        || only_git_compares(repository, attributes)
        || is_sparse(repository)
}

/// Whether gix, which compares files before a move, or libgit2 would take some for changed that git does not.
pub(super) fn only_git_compares(repository: &Repository, attributes: &Attributes) -> bool {
    let config = repository.config();
    for_writing(attributes).is_some() || config.is_ok_and(|config| for_reading(&config).is_some())
}

/// Returns what gix would write differently.
fn for_writing(attributes: &Attributes) -> Option<&'static str> {
    if attributes.encodings {
        // It writes UTF-16 as UTF-8.
        return Some("files with a `working-tree-encoding`");
    }
    if attributes.idents {
        // It omits the space after the hash, and treats `ident=VALUE` as `ident`.
        return Some("files with the attribute `ident`");
    }
    attributes
        .mistakes
        .then_some("errors in an attributes file")
}

pub(super) fn is_sparse(repository: &Repository) -> bool {
    repository
        .config()
        .and_then(|config| config.get_bool("core.sparseCheckout"))
        .unwrap_or(false)
}
