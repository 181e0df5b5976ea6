//! What a folder's files say, read for the pure `stack` to judge.

use std::path::Path;

use crate::host::tree;
use crate::stack::{self, Files, Runnable};

/// Returns the services that a clone can run as.
pub(crate) fn runnables(clone: &Path) -> Vec<Runnable> {
    stack::runnables(&look_into(clone))
}

/// The files of a folder that say something.
pub(crate) fn look_into(folder: &Path) -> Files {
    // One more level, for files such as `cmd/api/main.go`.
    tree::files(folder, stack::DEPTH + 1, &stack::IGNORED, stack::is_read)
        .into_iter()
        .collect()
}
