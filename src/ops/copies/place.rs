//! Where a copy may be made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::Failure;
use crate::host::place::resolved;
use crate::manifest;
use crate::ops::{Context, Opened};

/// The folder of the copy, absolute and without links; refused where something is in it, and where
/// it would be a part of a workspace.
pub(crate) fn target(
    context: &Context,
    opened: &Opened,
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let shown = folder.display();
    let target = resolved(&context.cwd.join(folder));
    let root = opened.root.canonicalize()?;
    let beside = "make it beside this workspace: `fitout copy ../NAME` in its folder";
    if target == root {
        return Err(Failure::usage(anyhow!("`{shown}` is this workspace itself")).hint(beside));
    }
    if root.starts_with(&target) {
        return Err(Failure::usage(anyhow!("this workspace is in `{shown}`")).hint(beside));
    }
    let mut above = target.ancestors().skip(1);
    if let Some(above) = above.find(|folder| folder.join(manifest::FILE).exists()) {
        let error = if above == root {
            anyhow!("`{shown}` is in this workspace, whose repos it would be among")
        } else {
            anyhow!("`{shown}` is in the workspace {}", above.display())
        };
        return Err(Failure::usage(error).hint(beside));
    }
    let problem = match fs::read_dir(&target) {
        Ok(mut entries) => match entries.next() {
            None => return Ok(target),
            Some(_) if target.join(manifest::FILE).exists() => "is a workspace already",
            Some(_) => "exists and is not empty",
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target),
        Err(_) if target.is_file() => "is a file",
        Err(error) => {
            return Err(Failure::from(error).context(format!("can't look into `{shown}`")));
        }
    };
    Err(Failure::failed(anyhow!("`{shown}` {problem}"))
        .hint("name a folder that is not there yet")
        .hint("`fitout copies` lists the copies that there are"))
}
