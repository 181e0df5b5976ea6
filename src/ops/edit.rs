//! What `init`, `add` and `remove` need to write a manifest.

use std::path::Path;

use anyhow::anyhow;

use crate::draft;
use crate::error::{Failure, ResultExt as _};
use crate::git::url;
use crate::manifest;
use crate::manifest::edit::NotEditable;
use crate::workspace::address;

/// Returns the new text, or an error with the lines to add by hand.
pub(crate) fn edited(
    result: Result<String, NotEditable>,
    by_hand: &str,
) -> Result<String, Failure> {
    let result = result.with_context(|| format!("can't edit {}", manifest::FILE));
    result.map_err(|failure| failure.hint(format!("edit it yourself:\n\n{}", by_hand.trim())))
}

/// Converts a URL from the command line for the manifest: relative paths in the manifest are
/// relative to the workspace, not to the current folder.
pub(crate) fn address(given: &str, cwd: &Path, root: &Path) -> Result<String, Failure> {
    let valid = address::check(given).is_ok() && given.contains(['/', ':']);
    if !valid {
        let error = anyhow!("`{given}` is not the URL of a git repository");
        return Err(Failure::usage(error).hint(
            "use a URL as for `git clone`: `git@github.com:acme/api.git`, or `./api` for a folder",
        ));
    }
    let absolute = url::resolve(cwd, given);
    Ok(draft::portable_url(&absolute, &root.to_string_lossy()))
}
