//! Checks where a copy may be created.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::Failure;
use crate::host::place::resolved;
use crate::manifest;
use crate::ops::{Context, Opened};

/// Returns the folder of the copy, absolute and without links. Fails if it is not empty, or would
/// be inside a workspace.
pub(crate) fn target(
    context: &Context,
    opened: &Opened,
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let shown = folder.display();
    let target = resolved(&context.cwd.join(folder));
    let root = opened.root.canonicalize()?;
    let beside = "create it next to this workspace: `fitout copy ../NAME` in its folder";
    if target == root {
        return Err(Failure::usage(anyhow!("`{shown}` is this workspace itself")).hint(beside));
    }
    if root.starts_with(&target) {
        return Err(Failure::usage(anyhow!("this workspace is inside `{shown}`")).hint(beside));
    }
    let mut above = target.ancestors().skip(1);
    if let Some(above) = above.find(|folder| folder.join(manifest::FILE).exists()) {
        let error = if above == root {
            anyhow!("`{shown}` is inside this workspace")
        } else {
            anyhow!("`{shown}` is inside the workspace {}", above.display())
        };
        return Err(Failure::usage(error).hint(beside));
    }
    let problem = match fs::read_dir(&target) {
        Ok(mut entries) => match entries.next() {
            None => return Ok(target),
            Some(_) if target.join(manifest::FILE).exists() => "is already a workspace",
            Some(_) => "exists and is not empty",
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target),
        Err(_) if target.is_file() => "is a file",
        Err(error) => {
            return Err(Failure::from(error).context(format!("can't look into `{shown}`")));
        }
    };
    Err(Failure::failed(anyhow!("`{shown}` {problem}"))
        .hint("choose a folder that doesn't exist yet")
        .hint("run `fitout copies` to list the existing copies"))
}
