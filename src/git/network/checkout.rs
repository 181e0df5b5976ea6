//! The first checkout of a clone: every file of HEAD, into a folder with nothing in it.

use std::sync::atomic::AtomicBool;

use gix::worktree::stack::state::attributes::Source;
use gix::{NestedProgress, Progress, Repository};

use crate::git::error::{Cause, GitError};
use crate::git::local;
use crate::git::meter::{CHECKOUT_FILES, Watch, threads_for};

/// Writes the files and the index; nothing where HEAD has no commit. Returns whether files of attributes
/// are among them. `said` puts gix's words for people.
pub(super) fn check_out(
    repository: &Repository,
    mut progress: Watch,
    interrupt: &AtomicBool,
    said: impl Fn(&gix::Error) -> GitError,
) -> Result<bool, GitError> {
    let prepare = || -> gix::Result<_> {
        let head = repository.head()?;
        if head.is_unborn() {
            return Ok(None);
        }
        let tree = head.into_peeled_id()?.object()?.peel_to_tree()?.id;
        let index = repository.index_from_tree(&tree)?;
        let mut options = repository.checkout_options(Source::IdMapping)?;
        options.destination_is_initially_empty = true;
        options.thread_limit = Some(threads_for(index.entries().len()));
        Ok(Some((index, options)))
    };
    let Some((mut index, options)) = prepare().map_err(|error| said(&error))? else {
        return Ok(false);
    };
    let mut entries = index.entries().iter();
    let has_attributes = entries.any(|entry| local::is_attributes(entry.path(&index)));
    let folder = repository
        .workdir()
        .ok_or_else(|| GitError::new(Cause::Other, "a bare repository has no files"))?;
    let mut files = progress.add_child_with_id("files", CHECKOUT_FILES);
    files.init(Some(index.entries().len()), None);
    let bytes = progress.add_child("bytes");
    let write = || -> gix::Result<_> {
        let objects = repository
            .objects
            .clone()
            .into_arc()
            .map_err(gix::Error::from_error)?;
        let outcome = gix::worktree::state::checkout(
            &mut index, folder, objects, &files, &bytes, interrupt, options,
        )?;
        index.write(gix::index::write::Options::default())?;
        Ok(outcome)
    };
    let outcome = write().map_err(|error| said(&error))?;
    if let Some(record) = outcome.errors.first() {
        let mut error = said(&record.error);
        error.reason = format!("can't check out `{}`: {}", record.path, error.reason);
        return Err(error);
    }
    if let Some(collision) = outcome.collisions.first() {
        return Err(GitError::collision(&collision.path));
    }
    Ok(has_attributes)
}
