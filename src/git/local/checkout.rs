//! The first checkout of a clone or a copy: all files of HEAD, into an empty folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use gix::worktree::stack::state::attributes::Source;
use gix::{NestedProgress, Progress, Repository};

use super::attributes::{Attributes, is_attributes};
use super::{engine, transaction};
use crate::git::cli;
use crate::git::error::{Cause, GitError, SshSaid};
use crate::git::filter::{self, Log};
use crate::git::meter::{CHECKOUT_FILES, threads_for};

/// A repository with a HEAD, but without index and files.
#[derive(Debug)]
pub(in crate::git) struct First<'a> {
    pub repository: &'a Repository,
    /// Additional configuration files of the user that git would not find by itself.
    pub included: &'a [PathBuf],
    pub interrupt: &'a AtomicBool,
}

impl First<'_> {
    /// Writes the files and the index; nothing if HEAD has no commit. Returns whether there are
    /// attributes files. `said` converts gix's errors.
    pub(in crate::git) fn check_out<P>(
        &self,
        mut progress: P,
        said: impl Fn(&gix::Error) -> GitError,
    ) -> Result<bool, GitError>
    where
        P: NestedProgress,
        P::SubProgress: 'static,
    {
        let repository = self.repository;
        let prepare = || -> gix::Result<_> {
            let head = repository.head()?;
            if head.is_unborn() {
                return Ok(None);
            }
            Ok(Some(head.into_peeled_id()?.object()?.peel_to_tree()?))
        };
        let Some(tree) = prepare().map_err(|error| said(&error))? else {
            return Ok(false);
        };
        let indexed = repository.index_from_tree(&tree.id);
        // gix refuses most of what git refuses, with its own messages.
        let may_be_invalid = indexed.as_ref().map_or(true, |index| {
            let mut entries = index.entries().iter();
            entries.any(|entry| entry.path(index).contains(&b'\\'))
        });
        if may_be_invalid {
            transaction::must_be_valid(repository, &tree)?;
        }
        let mut index = indexed.map_err(|error| said(&error))?;
        let folder = repository
            .workdir()
            .ok_or_else(|| GitError::new(Cause::Other, "a bare repository has no files"))?;
        let (attributes, has_attributes) = self.attributes(&index);
        let config = repository.config_snapshot();
        let is_sparse = config.boolean("core.sparseCheckout").unwrap_or(false);
        if let Some(why) = engine::for_first(is_sparse, &attributes) {
            with_git(why, || {
                cli::check_out(folder, self.included, self.interrupt)
            })?;
            return Ok(has_attributes);
        }
        let mut files = progress.add_child_with_id("files", CHECKOUT_FILES);
        files.init(Some(index.entries().len()), None);
        let bytes = progress.add_child("bytes");
        let mut write = || -> gix::Result<_> {
            let mut options = repository.checkout_options(Source::IdMapping)?;
            options.destination_is_initially_empty = true;
            options.thread_limit = Some(threads_for(index.entries().len()));
            let objects = repository
                .objects
                .clone()
                .into_arc()
                .map_err(gix::Error::from_error)?;
            let outcome = gix::worktree::state::checkout(
                &mut index,
                folder,
                objects,
                &files,
                &bytes,
                self.interrupt,
                options,
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

    /// Returns all attributes, and whether there is an attributes file in the index.
    fn attributes(&self, index: &gix::index::File) -> (Attributes, bool) {
        let config = self.repository.config_snapshot();
        let file = config.trusted_path("core.attributesFile");
        let file = file.ok().flatten();
        let mut attributes = Attributes::of_user(self.repository.common_dir(), file);
        let mut has_any = false;
        for entry in index.entries() {
            if is_attributes(entry.path(index)) {
                has_any = true;
                if let Ok(blob) = self.repository.find_blob(entry.id) {
                    attributes.add(&blob.data);
                }
            }
        }
        (attributes, has_any)
    }
}

/// Uses the user's git. `why` is the feature of the clone that only git supports.
pub(super) fn with_git(
    why: &str,
    run: impl FnOnce() -> Result<(), GitError>,
) -> Result<(), GitError> {
    run().map_err(|mut error| {
        if error.cause == Cause::MissingProgram {
            error.reason = format!("it has {why}, which requires `git`");
        }
        error
    })
}

/// The first checkout of the repository at `path`, without contacting a server.
pub(super) fn check_out_at(path: &Path, interrupt: &AtomicBool) -> Result<(), GitError> {
    let log = Log::of(&path.join(".git"));
    let said =
        |error: &gix::Error| log.explain(GitError::of_gix(error, &SshSaid::default(), ""), "");
    let repository = filter::open(path, &log).map_err(|error| said(&error))?;
    let first = First {
        repository: &repository,
        included: &[],
        interrupt,
    };
    first.check_out(gix::progress::Discard, said)?;
    if interrupt.load(Ordering::Relaxed) {
        return Err(GitError::interrupted());
    }
    Ok(())
}
